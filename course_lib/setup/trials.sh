# Tries in a fresh lab, on its host, what the chapters do: run by bash for `./course doctor`.
#
# Prints a line for each name of TRIALS in doctor_rules.py: the name, a tab, and nothing, or the last line of what failed.
# doctor.py sets `image`, an image of busybox in the lab's engine.
# shellcheck disable=SC2016,SC2154 # each trial is a script of its own; `image` is set in front of this text
try() { if out=$(timeout 20 bash -c "set -eo pipefail; $2" try "$image" 2>&1); then echo "$1	"; else
    echo "$1	$(grep . <<<"$out" | tail -n 1 | tr -d '\t' | grep . || echo no message)"; fi; }
seen='nft add table inet try; nft add chain inet try out "{ type filter hook output priority -300; }"
nft add rule inet try out meta nftrace set 1; '
try container 'docker run --rm "$1" true'
try published 'docker run -d --name web -p 8080:80 "$1" sh -c "echo page >/tmp/index.html; httpd -fh /tmp" >/dev/null
    for n in $(seq 8); do got=$(ip netns exec client curl -sSm 2 http://203.0.113.10:8080/ 2>&1 || true)
    [ "$got" = page ] && exit; sleep 0.3; done; echo "${got:-the client gets no answer}"; false'
try rules 'iptables --version; iptables --version | grep -q nf_tables'
try trace "$seen"'nft monitor trace >/tmp/trace 2>&1 & for n in $(seq 30); do ping -c 1 -W 1 127.0.0.1 >/dev/null
    grep -q "^trace id" /tmp/trace && exit; sleep 0.1; done; head -n 1 /tmp/trace; false'
try capture 'tcpdump -nc 1 -i lo 2>&1 & for n in $(seq 30); do ping -c 1 -W 1 127.0.0.1 >/dev/null
    kill -0 $! 2>/dev/null || { wait $!; exit; }; sleep 0.1; done; kill $!; false'
try conntrack 'conntrack -L'
try ipv6 'ping -6 -c 1 -W 1 ::1'
