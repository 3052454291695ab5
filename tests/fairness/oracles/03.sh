# Decide exercise 03 from the text of its task.
# shellcheck disable=SC2154 # the learner's values
network() { docker network inspect -f "$1" "$net" 2>/dev/null; }
know "$server" "$caller"
# has CONTAINER ADDRESS: whether the kernel says that it has this address.
has() { in_net "$1" ip -4 -o addr | grep -qF " $2/"; }

if [ "$(network '{{.Driver}}')" != bridge ]; then
  wrong net "there is no bridge network of that name"
elif ! network '{{range .IPAM.Config}}{{.Subnet}} {{end}}' | grep -qF "$subnet "; then
  wrong net "it has another subnet"
else
  right net
fi

# Where the packets of a container on the network go: its own default route says so.
gateway_of() { in_net "$1" ip -4 route get 203.0.113.20 2>/dev/null | grep -qF "via $gateway "; }
named() { network '{{range .IPAM.Config}}{{.Gateway}} {{end}}' | grep -qF "$gateway "; }
here() { ip -4 -o addr | grep -qF " $gateway/"; }
if ! named || ! here; then
  wrong gateway "the host does not have that address for the network"
elif running "$caller"; then
  if gateway_of "$caller"; then right gateway; else wrong gateway "the caller sends elsewhere"; fi
fi

caller_there() { running "$caller" && in_net "$caller" ip -4 -o addr | perl -MSocket -ne '
    BEGIN { ($net, $bits) = split m{/}, shift @ARGV; $mask = $bits ? ~0 << 32 - $bits & 0xffffffff : 0 }
    $ok = 1 if m{inet ([\d.]+)/} && ((unpack("N", inet_aton($1)) & $mask) == (unpack("N", inet_aton($net)) & $mask));
    END { exit !$ok }' "$subnet"; }
if ! caller_there; then
  wrong caller "it does not run, or is not on the network"
elif [ "$(of "$caller" '{{.Image}}')" != "$(docker image inspect -f '{{.Id}}' busybox)" ]; then
  wrong caller "it is not from busybox"
else
  right caller
fi

# A request of the caller's own programs: nc of busybox, with the text of the request typed.
asks() { docker exec "$caller" sh -c "printf 'GET / HTTP/1.0\r\nHost: x\r\n\r\n' | timeout 1 nc $1 80" 2>/dev/null | head -n 1 | grep -q ' 200 '; }
# Which of the names and addresses still answer while the server stands still; all are asked at once.
others() {
  local to
  for to in "$address" "$server" "$alias"; do asks "$to" && echo "[$to]" & done
  wait
}
if caller_there; then
  if ! running "$server" || ! has "$server" "$address"; then
    wrong server "it does not run, or does not have the address"
  elif ! within 2 asks "$address"; then
    wrong server "the caller gets no page from the address"
  else
    still=$(without "$server" others)
    if [[ $still == *"[$address]"* ]]; then
      wrong server "the page does not come from it"
    else
      right server
      if within 2 asks "$server" && [[ $still != *"[$server]"* ]]; then right name; else wrong name "no page by its name"; fi
      if within 2 asks "$alias" && [[ $still != *"[$alias]"* ]]; then right alias; else wrong alias "no page by its alias"; fi
    fi
  fi
  if within 2 asks 203.0.113.20; then right outside; else wrong outside "no page from the client"; fi
fi
