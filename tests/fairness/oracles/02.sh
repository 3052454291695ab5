# Decide exercise 02 from the text of its task.
# shellcheck disable=SC2154 # the learner's values
to_shop() { [ "$(cl curl -s -m 1 "http://203.0.113.10:$shop_port/")" = "$shop_page" ]; }
if ! within 2 to_shop; then
  wrong shop-page "the client gets another page or none"
else
  right shop-page
  # The connection itself must end in the container: a program of the host that is connected to the client is a relay.
  # docker-proxy is not one here: it serves only connections from the host itself.
  cl bash -c "exec 3<>/dev/tcp/203.0.113.10/$shop_port; sleep 2" &
  if ! depends "$shop" to_shop; then
    wrong shop-container "the page does not depend on the container"
  elif ss -tnHp "sport = :$shop_port" | grep -q 203.0.113.20 && [ "$(of "$shop" '{{.HostConfig.NetworkMode}}')" != host ]; then
    wrong shop-container "a program of the host has the connection"
  else
    right shop-container
  fi
fi

page_at() { [ "$(curl -s -m 1 -o /dev/null -w '%{http_code}' "$1")" = 200 ]; }
from_client() { [ "$(cl curl -s -m 1 -o /dev/null -w '%{http_code}' "$1")" = 200 ]; }
# Whose ports are the blog's: its own, or those of the container whose network it uses.
mode=$(of "$blog" '{{.HostConfig.NetworkMode}}')
case $mode in container:*) ports_of=${mode#container:} ;; *) ports_of=$blog ;; esac
# The engine chooses where the host's port is left out, or is a range of several. `docker port` has what it chose.
chosen() {
  [ "$(of "$ports_of" '{{.HostConfig.PublishAllPorts}}')" = true ] && return
  of "$ports_of" '{{range (index .HostConfig.PortBindings "80/tcp")}}[{{.HostPort}}]{{end}}' |
    perl -ne 'exit !(/\[\]/ || /\[0\]/ || (/\[(\d+)-(\d+)\]/ && $1 < $2))'
}
blog_reached() {
  local place
  for place in $(docker port "$ports_of" 80/tcp 2>/dev/null | grep -v '^\['); do
    case $place in
      0.0.0.0:*) from_client "http://203.0.113.10:${place##*:}/" && return ;;
      203.0.113.10:*) from_client "http://$place/" && return ;;
    esac
  done
  return 1
}
if ! running "$blog"; then
  wrong blog "it does not run"
elif ! within 2 blog_reached; then
  wrong blog "no page comes at a published port"
elif ! depends "$blog" blog_reached; then
  wrong blog "another program answers"
elif ! chosen; then
  wrong blog "the port was not left to the engine"
else
  right blog
fi

to_desk() { page_at "http://127.0.0.1:$desk_port/"; }
if ! within 2 to_desk; then
  wrong desk "no page comes at 127.0.0.1"
elif ! depends "$desk" to_desk; then
  wrong desk "another program answers at 127.0.0.1"
else
  right desk
  answers() { cl curl -s -m 1 -o /dev/null --http0.9 "http://203.0.113.10:$1/"; }
  open=""
  for port in $(ports 203.0.113.10); do
    if answers "$port" && depends "$desk" answers "$port"; then open="$open $port"; fi
  done
  if [ "$open" ]; then wrong desk-closed "the client reaches it at$open"; else right desk-closed; fi
fi
