# Find out what is right in exercise 01, from the text of its task, before the answer runs: one line of the sheet each,
# as "QUESTION = ANSWER". Which rule ends a request, the kernel's own trace says: nft monitor trace(8).
# shellcheck disable=SC2154 # the learner's values
pid() { docker inspect -f '{{.State.Pid}}' "$1"; }
# The other end of a pair is in the namespace where an interface has this index as its link.
other_end() {
  local name
  for name in $(docker ps --format '{{.Names}}'); do
    nsenter -t "$(pid "$name")" -n ip -o link | grep -q "@if$(cat "/sys/class/net/$1/ifindex"):" && echo "$name"
  done
}
at() { nsenter -t "$(pid "$1")" -n ip -4 -o addr show scope global | awk '{ sub("/.*", "", $4); print $4 }' | head -n 1; }
url() {
  case $1 in
    port*) echo "http://203.0.113.10:$(echo "$1" | grep -oE '[0-9]+')/" ;;
    client*) echo http://203.0.113.20/ ;;
    *" by name") echo "http://${1% by name}/" ;;
    *) echo "http://$(at "${1% by address}")/" ;;
  esac
}
sends() {
  case $1 in
    host) curl -s -m 1 "$2" ;;
    client) cl curl -s -m 1 "$2" ;;
    *) docker exec "$1" timeout 1 wget -q -O - "$2" ;;
  esac
}
