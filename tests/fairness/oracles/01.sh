# Decide exercise 01 from the text of its task. Without `before` it finds out what is right, at the start: the lines of
# the sheet, as "QUESTION = ANSWER". With `before`, which is that, it compares the answer's sheet with it.
# Which rule ends a request, the counters say.
# shellcheck disable=SC2154 # the learner's values
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
sends() { # FROM URL
  case $1 in
    host) curl -s -m 1 "$2" ;;
    client) cl curl -s -m 1 "$2" ;;
    *) docker exec "$1" timeout 1 wget -q -O - "$2" 2>&1 ;;
  esac
}
counters() { # each rule's table, chain and number, and then what it counted and its text
  iptables-save -c | awk '/^\*/ { table = substr($1, 2) } /^\[/ { print table, $3, ++n[table $3], $0 }'
}
counted() { # TARGETS FROM URL: the first rule with one of these targets that counts a packet of the request
  local before
  before=$(counters)
  sends "$2" "$3" >/dev/null
  counters | grep -vxFf <(echo "$before") | grep -E -- "-j ($1)\b" | awk '{ print $1, $2, $3; exit }'
}
truth() {
  local line question from to said
  grep -v '^#' /root/map.txt | grep . | while read -r line <&0; do
    question=${line%% =*}
    from=${question%% -> *}
    to=""
    case $question in *" -> "*) to=$(url "${question#* -> }") ;; esac
    case $question in
      veth*) said=$(other_end "$question") ;;
      "destination of "*) said=$(counted DNAT "${from#destination of }" "$to") ;;
      "sender of "*) said=$(counted MASQUERADE "${from#sender of }" "$to") ;;
      *)
        if said=$(sends "$from" "$to"); then
          said=page
        elif [[ $said == *"bad address"* ]]; then
          said="no name"
        else
          said=$(counted "DROP|REJECT" "$from" "$to")
        fi
        ;;
    esac </dev/null
    echo "$question = $said"
  done
}
if [ ! "$before" ]; then
  truth 2>/dev/null
  exit
fi

sheet=/root/answer/answers.txt
# What the sheet says to a question; nothing if it says nothing.
said() { tr -d '\r' <"$sheet" 2>/dev/null | tr -s ' ' | grep -F "$1 =" | tail -n 1 | sed 's/.*= *//; s/ *$//'; }
kind() { case $1 in page | "no name") echo "$1" ;; ?*) echo "rule" ;; esac }
# judged PART HOW, with a pattern of questions on standard input: whether all of them have their answer.
judged() {
  local question wanted part=$1 how=$2
  while read -r line; do
    [ "$line" ] || continue
    question=${line% = *} wanted=${line##* = }
    if [ "$("$how" "$(said "$question")")" != "$("$how" "$wanted")" ]; then
      wrong "$part" "$question: $(said "$question"), not $wanted"
      return
    fi
  done
  right "$part"
}
same() { echo "$1"; }
echo "$before" | grep '^veth' | judged cables same
echo "$before" | grep -vE '^(veth|destination|sender)' | judged reach kind
echo "$before" | grep -E "^client -> port $guarded " | judged guard same
echo "$before" | grep -vE '^(veth|destination|sender|client)' | grep -E ' = .*[0-9]$' | judged wall same
echo "$before" | grep '^destination' | judged door same
echo "$before" | grep '^sender' | judged sender same
