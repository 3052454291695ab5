# Send one request in the lab and print what the kernel reports of it: run by bash on the lab's host.
#
# It prints the sections that evidence.py defines, and last one named "end"; or one named "failed" with the reason.
# `section` is defined in front of this text (network/sections.py), and capture.py sets these variables:
#   NAMESPACES  "host=- client=- web=1234": each network namespace to watch, with a process in it
#   ORIGIN      the one of them that sends
#   PORT        the source port, or the id of an echo request
#   RULES       which packets to trace: matches of nft, one a line
#   WATCH       which packets to capture: a filter of tcpdump
#   FAMILY      4 or 6
#   KIND        tcp, udp, ping or dns
#   ADDRESS     where it goes, with the port GOAL
#   TEXT        what is sent, with the escapes of printf %b; the name to look up for dns
# Everything started here ends within LIFE seconds. No file is left: each is removed as soon as it is open.
# shellcheck disable=SC2153 # FAMILY and PORT are not misspelt: capture.py sets them
set -u
LIFE=20
WAIT=0.9 # seconds for a connection or an answer: TCP would send its SYN again after one second
declare -A fd enter
pids=()
own=course$$ # the name of our tables

finish() {
    trap - EXIT
    kill "${pids[@]}" 2>/dev/null
    wait 2>/dev/null
}
trap finish EXIT
trap 'exit 143' TERM INT

open() { # open NAME: an unlinked file, written by >&${fd[NAME]} and read by `text NAME`
    local file number
    file=$(mktemp /run/course.XXXXXX) && exec {number}<>"$file" && rm -f "$file"
    fd[$1]=$number
}
text() { cat "/proc/$$/fd/${fd[$1]}"; }
until_true() { # until_true SECONDS COMMAND...: poll
    local end=$((${EPOCHREALTIME//[.,]/} + $1 * 1000000))
    shift
    until "$@"; do
        ((${EPOCHREALTIME//[.,]/} < end)) || return 1
        sleep 0.003
    done
}
has() { # has NAME TEXT
    local all
    IFS= read -rd '' all <"/proc/$$/fd/${fd[$1]}"
    [[ $all == *"$2"* ]]
}
listens() { # listens PID GROUPS: a netlink socket of netfilter (family 12) with these groups is in that namespace
    local all
    IFS= read -rd '' all 2>/dev/null <"/proc/$1/net/netlink"
    [[ $all =~ [[:space:]]12[[:space:]]+[0-9]+[[:space:]]+$2[[:space:]] ]]
}
background() { # background NAME COMMAND...
    local to=$1
    shift
    "$@" </dev/null 1>&"${fd[$to]}" 2>/dev/null &
    pids+=($!)
}

for pair in $NAMESPACES; do
    case $pair in
    host=*) enter[host]= ;;
    client=*) enter[client]="nsenter --net=/run/netns/client" ;;
    *) enter[${pair%%=*}]="nsenter -t ${pair#*=} -n" ;;
    esac
done

# --- a table of our own: it sets the trace flag, and its empty chains show where a packet meets no rule --------------
# It belongs to its nft (flags owner) and is removed with it. All of it is loaded before a monitor starts, because a
# monitor reads the rules once.
table="add table inet $own { flags owner; }
add table bridge $own { flags owner; }
add chain inet $own pre { type filter hook prerouting priority -350; }
add chain inet $own out { type filter hook output priority -350; }
add chain inet $own in { type filter hook input priority 300; }
add chain inet $own post { type filter hook postrouting priority 300; }
add chain bridge $own pre { type filter hook prerouting priority -350; }
add chain bridge $own in { type filter hook input priority 300; }
add chain bridge $own across { type filter hook forward priority 300; }
add chain bridge $own out { type filter hook output priority 300; }
"
while read -r rule; do
    for chain in "inet $own pre" "inet $own out" "bridge $own pre"; do
        table+="add rule $chain $rule meta nftrace set 1"$'\n'
    done
done <<<"$RULES"
declare -A inside
for name in "${!enter[@]}"; do
    open "table $name"
    # shellcheck disable=SC2086,SC2093 # several words; a shell of its own that becomes nft
    exec {input}> >(exec ${enter[$name]} timeout $LIFE nft -i 1>&"${fd["table $name"]}" 2>&1)
    pids+=($!)
    inside[$name]=$!
    printf '%slist tables\n' "$table" >&"$input"
done
open capture
open drops
timeout $LIFE tcpdump --immediate-mode -i any -nn -e -l -tt -xx -s 256 -B 4096 "$WATCH" \
    </dev/null 1>&"${fd[capture]}" 2>&"${fd[drops]}" &
capture=$!
pids+=("$capture")
open events
background events timeout $LIFE conntrack -E -o xml
if [[ $ORIGIN != host && $ORIGIN != client ]]; then
    open "events $ORIGIN"
    # shellcheck disable=SC2086
    background "events $ORIGIN" ${enter[$ORIGIN]} timeout $LIFE conntrack -E -o xml
fi
open before
{ section before_ip iptables-save -c; section before_ip6 ip6tables-save -c; } 1>&"${fd[before]}" 2>/dev/null
for name in "${!enter[@]}"; do
    if ! until_true 5 has "table $name" "table bridge $own" || has "table $name" Error; then
        section failed text "table $name"
        exit 1
    fi
    open "trace $name"
    # shellcheck disable=SC2086
    background "trace $name" ${enter[$name]} timeout $LIFE nft -a -s monitor trace
done
for name in "${!enter[@]}"; do
    until_true 5 listens "${inside[$name]}" 00000100 || { section failed echo "no trace of $name"; exit 1; }
done
until_true 5 listens $$ 00000007 || { section failed echo "no conntrack events"; exit 1; }
captures() { has drops listening || ! kill -0 $capture 2>/dev/null; }
until_true 5 captures
has drops listening || { section failed text drops; exit 1; }

declare -A counted
counters() { # counters TITLE: put each namespace's counters as a section into counted[TITLE NAME], without a process
    local name file lines snmp netstat snmp6 IFS=$'\n'
    for name in "${!enter[@]}"; do
        for file in snmp netstat snmp6; do
            mapfile -t "$file" <"/proc/${inside[$name]}/net/$file"
        done 2>/dev/null
        lines=("${snmp[@]}" "${netstat[@]}" "${snmp6[@]}")
        counted[$1 $name]="== $1 $name ${#lines[@]}"$'\n'"${lines[*]}"
    done
}
counters counters_before

# --- the request ----------------------------------------------------------------------------------------------------
trap '' PIPE # a sender that was refused has ended before it gets its text
open said
open log
at=$ADDRESS
[[ $FAMILY == 6 ]] && at="[$ADDRESS]"
settled() { has log "data transfer loop" || has log " E " || ! kill -0 "$sender" 2>/dev/null; }
answered() { has said $'\n' || has log " E " || ! kill -0 "$sender" 2>/dev/null; }
case $KIND in
tcp)
    # shellcheck disable=SC2086
    exec {input}> >(exec ${enter[$ORIGIN]} timeout $LIFE socat -d -d - \
        "TCP$FAMILY:$at:$GOAL,sourceport=$PORT,reuseaddr,connect-timeout=$WAIT" 1>&"${fd[said]}" 2>&"${fd[log]}")
    sender=$!
    pids+=("$sender")
    until_true 3 settled
    if [[ -n $TEXT ]] && has log "data transfer loop"; then
        printf '%b' "$TEXT" >&"$input"
        until_true 3 answered
    fi
    ;;
udp)
    # shellcheck disable=SC2086
    exec {input}> >(exec ${enter[$ORIGIN]} timeout $LIFE socat -d -d - \
        "UDP$FAMILY:$at:$GOAL,sourceport=$PORT" 1>&"${fd[said]}" 2>&"${fd[log]}")
    sender=$!
    pids+=("$sender")
    printf '%b' "$TEXT" >&"$input"
    until_true 1 answered
    ;;
ping)
    # shellcheck disable=SC2086
    ${enter[$ORIGIN]} ping -"$FAMILY" -n -c 1 -W 1 -e "$PORT" "$ADDRESS" 1>&"${fd[said]}" 2>&"${fd[log]}"
    ;;
dns)
    # shellcheck disable=SC2086
    ${enter[$ORIGIN]} dig -b "$([[ $FAMILY == 6 ]] && echo :: || echo 0.0.0.0)#$PORT" +tries=1 +time=1 +noall +comments +answer "$TEXT" "@$ADDRESS" \
        1>&"${fd[said]}" 2>&"${fd[log]}"
    ;;
esac
# Which process holds which socket, while the connection is open.
open sockets
{ ss -Htuanp; echo; pgrep -xa docker-proxy; } 1>&"${fd[sockets]}" 2>/dev/null
[[ -n ${sender-} ]] && kill "$sender" 2>/dev/null

# --- wait until no more output comes -----------------------------------------------------------------------------------------
sizes() {
    local name files=("/proc/$$/fd/${fd[capture]}")
    for name in "${!enter[@]}"; do files+=("/proc/$$/fd/${fd["trace $name"]}"); done
    stat -Lc %s "${files[@]}"
}
read_all() { # each monitor has read everything the kernel holds for it (Rmem), written it, and sleeps again
    local name family port groups queued state
    for name in "${!enter[@]}"; do
        while read -r _ family port groups queued _; do
            [[ $family == 12 && $groups == 00000100 ]] || continue
            [[ $queued == 0 ]] || return 1
            # The kernel makes the port of a program's first netlink socket from its process id (netlink(7), nl_pid).
            state="" # a monitor that has ended, or that has another port, writes nothing more
            read -r state 2>/dev/null <"/proc/$port/stat"
            [[ $state == "" || $state == *") S "* ]] || return 1
        done <"/proc/${inside[$name]}/net/netlink"
    done
}
quiet() {
    local now
    now=$(sizes)
    [[ $now == "${last-}" ]] && read_all && return 0
    last=$now
    sleep 0.015
    return 1
}
until_true 3 quiet
kill $capture
lost=0
for name in "${!enter[@]}"; do
    while read -r _ family _ groups _ _ _ _ missed _; do
        [[ $family == 12 && $groups == 00000100 ]] && ((lost += missed))
    done <"/proc/${inside[$name]}/net/netlink"
done

counters counters
printf '%s\n' "${counted[@]}"
answer() { text said | head -c 2000 | tr -d '\0'; }
# shellcheck disable=SC2086
route() { ${enter[$ORIGIN]} ip -j route get "$ADDRESS" 2>&1; }
settings() {
    for file in /proc/sys/net/bridge/bridge-nf-call-ip{,6}tables /proc/sys/net/ipv4/ip_forward; do
        [[ -e $file ]] && echo "${file##*/} $(<"$file")"
    done
}
section lost echo "$lost"
section said answer
section log text log
section sockets text sockets
section route route
section settings settings
text before
rules() { # rules NAME: the rules there as iptables prints them, and as nft does, with the handles of a trace
    # shellcheck disable=SC2086
    section "rules_ip $1" ${enter[$1]} iptables-save -c
    # shellcheck disable=SC2086
    section "rules_ip6 $1" ${enter[$1]} ip6tables-save -c
    # shellcheck disable=SC2086
    section "ruleset $1" ${enter[$1]} nft -j -s list ruleset
} 2>/dev/null
by_iptables=' ip6? (nat|filter|raw|mangle)' # a table of iptables in a trace
for name in "${!enter[@]}"; do
    section "trace $name" text "trace $name"
    if [[ $name == host || $(text "trace $name") =~ $by_iptables ]]; then rules "$name"; fi
done
section "events host" text events
[[ -n ${fd["events $ORIGIN"]-} ]] && section "events $ORIGIN" text "events $ORIGIN"
wait $capture 2>/dev/null
section capture text capture
section drops text drops
finish
section end true
