# Functions of the oracles. An oracle runs on the lab's host and prints one line for each part of the task that it can
# decide: "PART: right", or "PART: wrong: REASON". The learner's values are variables of their own names.
set +e
cl() { ip netns exec client "$@"; }

# within SECONDS COMMAND: repeat the command until it succeeds; fail after that time.
within() {
  local end=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000))
  shift
  until "$@"; do
    ((${EPOCHREALTIME/[.,]/} < end)) || return 1
    sleep 0.2
  done
}
of() { docker container inspect -f "$2" "$1" 2>/dev/null; }
# know CONTAINER...: ask for their first processes once; nothing here restarts a container.
declare -A pids
know() {
  local each
  for each in "$@"; do pids[$each]=$(of "$each" '{{.State.Pid}}'); done
}
pid() { echo "${pids[$1]-$(of "$1" '{{.State.Pid}}')}"; }
in_net() { nsenter -t "$(pid "$1")" -n "${@:2}"; }
running() { [ "$(of "$1" '{{.State.Running}} {{.State.Paused}}')" = "true false" ]; }
right() { echo "$1: right"; }
wrong() { echo "$1: wrong: $2"; }

# members CONTAINER: the processes of a container, by their cgroup. Not by `docker pause`, which the checks use.
members() {
  local id
  id=$(of "$1" '{{.Id}}') && grep -ls "$id" /proc/[0-9]*/cgroup | cut -d/ -f3
}
# without CONTAINER COMMAND: run the command while all processes of a container are stopped (signal(7), SIGSTOP).
without() {
  local those code
  those=$(members "$1")
  [ "$those" ] || return 1
  # shellcheck disable=SC2086 # one word for each process
  kill -STOP $those
  "${@:2}"
  code=$?
  # shellcheck disable=SC2086
  kill -CONT $those
  return "$code"
}
# depends CONTAINER COMMAND: whether the command, which succeeds now, fails while the container stands still.
depends() {
  ! without "$@" && within 3 "${@:2}"
}

# ports ADDRESS: every TCP port at which something accepts the client's connection. Tried are all at which a program of
# the host listens, and all numbers in the kernel's rules.
ports() {
  {
    ss -tlnH | awk '{ sub(/.*:/, "", $4); print $4 }'
    { iptables-save -t nat; nft list ruleset 2>/dev/null; } | grep -oE 'dports? .*' | grep -oE '[0-9]{2,5}'
  } | sort -nu >/tmp/candidates
  # shellcheck disable=SC2016 # Perl's variables
  cl perl -MSocket -ne '
    BEGIN { $to = inet_aton(shift) }
    socket(my $s, PF_INET, SOCK_STREAM, 6);
    setsockopt($s, SOL_SOCKET, SO_SNDTIMEO, pack("l!l!", 0, 300000));
    print if connect($s, sockaddr_in($_, $to));' "$1" </tmp/candidates
}
