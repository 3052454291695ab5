# Decide exercise 04 from the text of its task. `before` has the ids of the containers that were there at the start.
# shellcheck disable=SC2154 # the learner's values
# shellcheck disable=SC2016 # the names are those of Go's templates
networks='{{range $name, $at := .NetworkSettings.Networks}}{{$name}} {{end}}'
know "$front" "$back" "$lodger" "$stranger"
own() { in_net "$1" ip -4 -o addr 2>/dev/null | awk '$2 != "lo" { sub("/.*", "", $4); print $4 }'; }
listens() { in_net "$1" ss -tlnH 2>/dev/null | awk '{ sub(/.*:/, "", $4); print $4 }' | sort -u; }
# says URL: whether the answer is the record, and nothing else.
says() { [ "$(curl -s -m 1 "$1")" = "$record" ]; }
export -f says
export record

in_back() {
  local at
  for at in 127.0.0.1 $(own "$back"); do in_net "$back" bash -c "says http://$at:$back_port/" && return; done
  return 1
}
to_door() { cl bash -c "says http://203.0.113.10:$port/"; }
found() { { docker exec "$front" getent ahostsv4 "$back" || docker exec "$front" ping -c 1 -W 1 "$back"; } 2>/dev/null; }
by_name() {
  local at
  at=$(found | grep -oE '([0-9]+\.){3}[0-9]+' | head -n 1)
  [ "$at" ] && own "$back" | grep -qxF "$at" && in_net "$front" bash -c "says http://$at:$back_port/"
}
if ! running "$back" || ! within 2 in_back; then
  wrong back "it does not serve the record"
elif ! running "$front"; then
  right back
  wrong name "there is no front end"
elif ! within 2 by_name; then
  right back
  wrong name "the front end does not find the back end by its name"
elif ! within 2 to_door; then
  right back
  right name
  wrong door "the client does not get the record"
elif ! depends "$back" to_door; then
  right back
  right name
  right door
  wrong tiers "the record is there without the back end"
else
  right back
  right name
  right door
  right tiers
  if ! depends "$front" to_door; then wrong door "the record does not come through the front end"; fi

  # gets COMMAND...: which of the URLs on standard input give the record to this command; all are tried at once.
  gets() {
    local url
    while read -r url; do
      "$@" curl -s -m 1 --http0.9 "$url" 2>/dev/null | grep -qF "$record" && echo "$url" &
    done
    wait
  }
  others=$(docker ps --format '{{.Names}}' | grep -vxE "$front|$lodger|$stranger")
  # Where other containers than the front end listen, and the host's addresses with each port that accepts the client.
  inner=$(
    for each in $others; do
      [ "$(of "$each" '{{.HostConfig.NetworkMode}}')" = host ] && continue
      for at in $(own "$each" | grep -vxFf <(own "$front")); do
        for to in $(listens "$each"); do echo "http://$at:$to/"; done
      done
    done
  )
  opened=$(ports 203.0.113.10)
  outer=$(
    for at in $(ip -4 -o addr | awk '$2 != "lo" { sub("/.*", "", $4); print $4 }'); do
      # A program may listen on this address alone.
      for to in $opened $(ss -tlnH | awk -v at="$at:" 'index($4, at) == 1 { sub(/.*:/, "", $4); print $4 }'); do
        echo "http://$at:$to/"
      done
    done | sort -u
  )
  behind=$(echo "$inner" | sed -n 's#http://##; s#:.*##p' | sort -u)
  from_outside() {
    local at
    for at in $behind; do cl ip route replace "$at" via 203.0.113.10; done
    { echo "$outer" | grep -F //203.0.113.10; echo "$inner"; } | grep . | gets cl
    for at in $behind; do cl ip route del "$at" 2>/dev/null; done
  }
  from_inside() {
    for each in "$lodger" "$stranger"; do
      printf '%s\n' "$inner" "$outer" | grep . | gets nsenter -t "$(pid "$each")" -n | sed "s/^/$each: /"
    done
  }
  open=$(without "$front" from_outside)
  if [ "$open" ]; then wrong outside "the client gets it from ${open//$'\n'/ }"; else right outside; fi
  open=$(without "$front" from_inside)
  stays() { # CONTAINER NETWORK
    running "$1" && [[ $before == *"$(of "$1" '{{.Id}}')"* ]] && [ "$(of "$1" "$networks")" = "$2 " ]
  }
  if ! stays "$lodger" bridge || ! stays "$stranger" street; then
    wrong inside "lodger or stranger are not what and where they were"
  elif [ "$open" ]; then
    wrong inside "${open//$'\n'/ }"
  else
    right inside
  fi
fi
