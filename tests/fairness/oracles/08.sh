# Decide exercise 08 from the text of its requirements.
# shellcheck disable=SC2154 # the learner's values
know "$gate" "$shop" "$store" "$clerk"
own() { in_net "$1" ip -4 -o addr 2>/dev/null | awk '$2 != "lo" { sub("/.*", "", $4); print $4 }'; }
listens() { in_net "$1" ss -tlnH 2>/dev/null | awk '$4 !~ /^127/ { sub(/.*:/, "", $4); print $4 }' | sort -u; }
# The container whose network a container uses.
owner() {
  local mode
  mode=$(of "$1" '{{.HostConfig.NetworkMode}}')
  case $mode in container:*) echo "${mode#container:}" ;; *) echo "$1" ;; esac
}
# shellcheck disable=SC2016 # the names are those of Go's templates
on_networks='{{range $name, $at := .NetworkSettings.Networks}}{{$name}} {{end}}'
spots() { of "$(owner "$1")" "$on_networks" | xargs -n 1 | sort | xargs; }
a_network() { [ "$(docker network inspect -f '{{.Driver}} {{range .IPAM.Config}}{{.Subnet}} {{end}}' "$1" 2>/dev/null)" = "bridge $2 " ]; }
by_name() { # CONTAINER NAME PORT: the text, from the address that the container's own resolver finds
  local at
  at=$({ docker exec "$1" getent ahostsv4 "$2" || docker exec "$1" ping -c 1 -W 1 "$2"; } 2>/dev/null | grep -oE '([0-9]+\.){3}[0-9]+' | head -n 1)
  [ "$at" ] && [ "$(in_net "$1" curl -s -m 1 -H "Host: $2" "http://$at:$3/")" = "$text" ]
}
up() {
  local each
  for each in "$@"; do running "$each" || return; done
}

if ! a_network "$edge" "$edge_subnet" || ! a_network "$lane" "$lane_subnet" || ! a_network "$vault" "$vault_subnet"; then
  wrong networks "not the three bridges with their subnets"
  exit
elif ! ip -4 -o addr | grep -qF " $edge_gateway/"; then
  wrong networks "the gateway is another"
  exit
fi
right networks

stored() { [ "$(in_net "$store" curl -s -m 1 "http://$address:$store_port/")" = "$text" ]; }
if ! running "$store" || ! own "$store" | grep -qxF "$address" || [[ " $(spots "$store") " != *" $vault "* ]]; then
  wrong store "it does not run with its address on its network"
  exit
elif ! within 2 stored; then
  wrong store "it does not serve the text"
  exit
fi
right store

folder=$(docker volume inspect -f '{{.Mountpoint}}' "$volume" 2>/dev/null)
mark="mark-$RANDOM"
if [ "$folder" ] && echo "$mark" >"$folder/$mark" && chmod 644 "$folder/$mark" &&
  [ "$(in_net "$store" curl -s -m 1 "http://$address:$store_port/$mark")" = "$mark" ] && [ "$(cat "$folder/index.html")" = "$text" ]; then
  right volume
else
  wrong volume "what is in the volume is not what it serves"
fi
rm -f "$folder/$mark"

# The name server of the network, asked past the hosts files of those who ask.
second=$(in_net "$clerk" dig +short +time=1 +tries=1 "$alias" @127.0.0.11 | grep -xF "$address")
if ! running "$shop" || ! within 2 by_name "$shop" "$alias" "$store_port"; then
  wrong shop "it does not get the text"
elif [ ! "$second" ] && [[ " $(spots "$clerk") " == *" $vault "* ]]; then
  wrong shop "the store does not have the second name on its network"
else
  right shop
  to_door() { [ "$(cl curl -s -m 1 "http://203.0.113.10:$port/")" = "$text" ]; }
  if ! running "$gate" || ! within 2 by_name "$gate" "$shop" 80; then
    wrong gate "it does not get the text from the shop"
  elif ! within 2 to_door; then
    right gate
    wrong door "the client does not get the text"
  else
    right gate
    right door
    if depends "$store" to_door && depends "$shop" to_door && depends "$gate" to_door; then
      right chain
    else
      wrong chain "the text does not come through all three"
    fi
  fi
fi

if ! running "$clerk" || ! within 2 by_name "$clerk" "$alias" "$store_port"; then
  wrong clerk "it does not get the text"
elif ! in_net "$clerk" curl -s -m 2 -o /dev/null http://203.0.113.20/; then
  wrong clerk "it gets no page from the client"
else
  right clerk
fi

# A question for the address of client.example, to the client's name server, over UDP.
# shellcheck disable=SC2016 # Perl's variables
asked() {
  in_net "$store" timeout 1 perl -MSocket -e '
    socket(my $s, PF_INET, SOCK_DGRAM, 17);
    send($s, "\x12\x34\1\0\0\1\0\0\0\0\0\0\6client\7example\0\0\1\0\1", 0, sockaddr_in(53, inet_aton("203.0.113.20")));
    exit !recv($s, my $answer, 512, 0);'
}
if in_net "$store" curl -s -m 1 -o /dev/null http://203.0.113.20/ || asked || in_net "$store" ping -c 1 -W 1 203.0.113.20 >/dev/null; then
  wrong way-out "the store gets an answer from outside"
else
  right way-out
fi

up "$gate" "$shop" "$store" "$clerk" || exit
# reached COMMAND...: which of the addresses and ports on standard input accept a connection of this command, or a ping.
reached() {
  local at to
  while read -r at to; do
    if [ "$to" = ping ]; then
      "$@" ping -c 1 -W 1 "$at" >/dev/null 2>&1 && echo "$at" &
    else
      "$@" timeout 1 bash -c ": </dev/tcp/$at/$to" 2>/dev/null && echo "$at:$to" &
    fi
  done
  wait
}
ends() { # CONTAINER...: where they can be asked
  local each at to
  for each in "$@"; do
    for at in $(own "$each"); do
      echo "$at ping"
      for to in $(listens "$each"); do echo "$at $to"; done
    done
  done
}
open=""
for at in $(own "$shop") $(own "$store") $(own "$clerk"); do cl ip route replace "$at" via 203.0.113.10; done
open+=$(ends "$shop" "$store" "$clerk" | grep -v ping | reached cl)
for at in $(own "$shop") $(own "$store") $(own "$clerk"); do cl ip route del "$at"; done
for to in $(ports 203.0.113.10); do
  [ "$to" = "$port" ] && continue
  answers() { cl curl -s -m 1 -o /dev/null --http0.9 "http://203.0.113.10:$to/"; }
  answers || continue
  for each in "$shop" "$store" "$clerk"; do
    if depends "$each" answers; then open+=" port $to to $each"; fi
  done
done
open+=$(ends "$store" "$clerk" | reached nsenter -t "$(pid "$gate")" -n)
open+=$(ends "$gate" | reached nsenter -t "$(pid "$clerk")" -n)
sorted() { printf '%s\n' "$@" | sort | xargs; }
if [ "$open" ]; then
  wrong apart "too much is reached: ${open//$'\n'/ }"
elif [ "$(spots "$gate")" != "$edge" ] || [ "$(spots "$shop")" != "$(sorted "$edge" "$vault")" ] ||
  [ "$(spots "$store")" != "$vault" ] || [ "$(spots "$clerk")" != "$(sorted "$lane" "$vault")" ]; then
  wrong apart "somebody is on other networks"
else
  right apart
fi
