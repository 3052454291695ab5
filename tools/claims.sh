# Functions for the attempts in notebooks/claims/*.toml; tools/claims.py puts them before each attempt.
set +e
# client COMMAND...: run a command on the client
client() { ip netns exec client "$@"; }
# code URL [SECONDS]: the status code that curl gets from a URL; 000 if there is no answer
code() { curl -s -o /dev/null -m "${2:-2}" -w '%{http_code}\n' "$1"; }
client_code() { client curl -s -o /dev/null -m "${2:-2}" -w '%{http_code}\n' "$1"; }
# restart_dockerd: end dockerd and start it again
restart_dockerd() { stop_dockerd && lab-dockerd; }
stop_dockerd() { pkill -x dockerd; while pgrep -x dockerd >/dev/null; do sleep 0.05; done; }
# address CONTAINER [NETWORK]: its IPv4 address
address() { docker inspect -f "{{(index .NetworkSettings.Networks \"${2:-bridge}\").IPAddress}}" "$1"; }
# bridge_of NETWORK: the name of the network's bridge
bridge_of() { [ "$1" = bridge ] && echo docker0 || echo "br-$(docker network inspect -f '{{.Id}}' "$1" | cut -c1-12)"; }
# inside CONTAINER COMMAND...: run a program of the host in a container's network namespace
inside() { local pid; pid=$(docker inspect -f '{{.State.Pid}}' "$1"); shift; nsenter -t "$pid" -n "$@"; }
# packets TABLE CHAIN PATTERN: how many packets the rules of a chain have matched, of the rules that grep -E finds
packets() { iptables -t "$1" -vnxL "$2" | tail -n +3 | grep -E -e "$3" | awk '{ n += $1 } END { print n + 0 }'; }
# within SECONDS COMMAND: repeat a command until it succeeds
within() { local end=$((SECONDS + $1)); shift; until "$@" >/dev/null 2>&1; do [ $SECONDS -lt $end ] || return 1; sleep 0.05; done; }
# mac_of CONTAINER: the MAC of its eth0; the host's end of its veth pair is `veth-of CONTAINER`
mac_of() { docker exec "$1" cat /sys/class/net/eth0/address; }
# seen INTERFACE FILTER COMMAND...: what tcpdump sees there while a command runs; `at="inside c1" seen ...`: in c1
seen() {
  local interface=$1 filter=$2; shift 2; rm -f /tmp/seen.state
  ${at-} tcpdump --immediate-mode -p -l -t -nn -i "$interface" "$filter" >/tmp/seen 2>/tmp/seen.state &
  within 5 grep -q listening /tmp/seen.state; "$@" >/dev/null 2>&1; sleep 0.2; pkill -x tcpdump; wait $!; grep . /tmp/seen
}
