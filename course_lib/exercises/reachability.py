"""Build probes that find out what can be reached from where, and parse their output: `try_all`, `came_from` (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from course_lib.exercises.checks import Probe, Value, network_of
from course_lib.network.iptables_save import parse_rule
from course_lib.network.model import Container, Port, Snapshot, without_prefix

HOST, CLIENT = "203.0.113.10", "203.0.113.20"
TRIES = 30  # seconds for a probe that makes many attempts at once; each attempt has one second
ASKED = "asked"  # the last line of a probe that has made all its attempts


def namespace_of(network: Snapshot, name: Value) -> Container | None:
    """Return the container whose network namespace a container uses: itself, or that of `--network container:`."""
    container = network.container(str(name))
    if container and container.mode.startswith("container:"):
        other = container.mode.removeprefix("container:")
        return next((c for c in network.containers if other in (c.id, c.name)), None)
    return container


def kept(container: Value) -> Probe:
    """Return the probe of what must stay the same in the namespace of somebody else's container: its routes and rules.

    Docker writes the rules of its name server, 127.0.0.11, anew at each start. `nft -s` prints no counters (nft(8)).
    """
    shown = "ip -4 rule; ip -4 route show table all; nft -s list ruleset | grep -vF 127.0.0.11"
    return Probe(network_of(container), shown)


def addresses(network: Snapshot, name: Value) -> tuple[str, ...]:
    """Return the IPv4 addresses of a container's network namespace: for `--network host` those of the host."""
    container = namespace_of(network, name)
    if container and container.mode == "host":
        return own_addresses(network)
    found = [without_prefix(a) for e in (container.endpoints if container else ()) for a in e.addresses]
    return tuple(a for a in found if ":" not in a)


def places(network: Snapshot, name: Value) -> tuple[str, ...]:
    """Return the names of the networks that a container's network namespace is on, sorted."""
    container = namespace_of(network, name)
    return tuple(sorted(e.network for e in container.endpoints)) if container else ()


def published(network: Snapshot, name: Value) -> tuple[Port, ...]:
    """Return the published ports of a container's network namespace."""
    container = namespace_of(network, name)
    return tuple(p for p in container.ports if p.host_port) if container else ()


def own_addresses(network: Snapshot) -> tuple[str, ...]:
    """Return the host's IPv4 addresses but the loopback's."""
    found = [without_prefix(a) for i in network.interfaces if i.name != "lo" for a in i.addresses]
    return tuple(a for a in found if ":" not in a)


def doors(network: Snapshot, *more: Value) -> str:
    """Return the URLs of every address of the host with every port that may be forwarded, as one bash word.

    These ports are the published ones, those in rules with DNAT or REDIRECT, and `more`.
    """
    ports = {int(port) for port in more} | {p.host_port for c in network.containers for p in c.ports if p.host_port}
    rules = (r for c in network.chains if c.table == "nat" for r in c.rules if r.target in ("DNAT", "REDIRECT"))
    for option in (option for rule in rules for option in parse_rule(rule.spec).matches):
        if option.name in ("--dport", "--dports"):  # of -m multiport: "80,443"
            ports |= {int(port) for port in option.value.split(",") if port.isdigit()}
    return f"http://{_each(sorted(own_addresses(network)))}:{_each(map(str, sorted(ports)))}/"


def _each(texts: Iterable[str]) -> str:
    """Return a bash word that expands to all of these texts (bash(1), Brace Expansion)."""
    joined = ",".join(texts)
    return f"{{{joined}}}" if "," in joined else joined


# bash: `answers URL` fails unless a TCP server sends something, whatever it speaks. A database speaks first.
ANSWERS = r"""answers() { at=${1#http://}; timeout 1 bash -c 'exec 3<>/dev/tcp/${0%:*}/${0##*:} &&
  printf "GET / HTTP/1.0\r\n\r\n" >&3 && IFS= read -r -N 1 -u 3' "${at%/}" 2>/dev/null; }"""


def led_to(containers: Sequence[Value], urls: Iterable[str]) -> str:
    """Return bash that prints which URLs answer only while these containers are not paused: they lead to one of them.

    Before, it prints what `while_paused` does for each of them.
    """
    again = f'for url in $open; do answers $url || echo "it comes from $url" & done; wait; echo {ASKED}'
    for container in containers:
        again = while_paused(container, again)
    first = f"for url in {' '.join(urls)}; do answers $url && echo $url & done; wait"
    return f"{ANSWERS}; open=$({first}); {again}"


def try_all(text: Value, urls: Iterable[str], pings: Iterable[str] = ()) -> str:
    """Return bash that prints which URLs return a text and which addresses answer a ping, trying all in parallel."""
    curl = f"curl -s -m 1 $url | grep -qF '{text}' && echo it comes from $url"
    parts = [f"for url in {' '.join(urls)}; do {curl} & done"]
    if pings := " ".join(pings):
        parts.append(f"for to in {pings}; do ping -c 1 -W 1 $to >/dev/null && echo an answer from $to & done")
    return "; ".join([*parts, "wait", f"echo {ASKED}"])


def as_neighbour(targets: Iterable[str], command: str) -> str:
    """Return bash for the client that runs a command while the client routes these addresses via the host."""
    routes = f"for to in {' '.join(targets)}; do ip route replace $to via {HOST} proto static; done"
    return f"{routes}; {command}; ip route flush proto static"


def while_paused(container: Value, command: str) -> str:
    """Return bash that runs a command while a container is paused. Its first line of output is the container's name.

    The freezer of cgroup v1 sometimes refuses (runc: "unable to freeze"), more often if the container is busy. So it is
    tried five times. If the container cannot be paused, the command does not run, and the first line is Docker's error.
    """
    pause = f"for try in 1 2 3 4 5; do said=$(docker pause {container} 2>&1) && break; [[ $said == *freeze* ]] || break"
    undo = f"trap 'docker unpause {container} >/dev/null' EXIT"
    return f'{pause}; sleep 0.2; done; echo "$said"; [ "$said" = {container} ] && ( {undo}; {command} )'


def not_paused(output: str, container: Value) -> str:
    """Return Docker's error if `while_paused` could not pause a container that runs, "" otherwise.

    Then nothing is known about what happens while it is paused, and nothing is held against the answer.
    """
    refused = next((line for line in output.splitlines() if "freeze" in line), "")
    return f"{container} could not be paused, so this was not tried: {refused[:80]}" if refused else ""


def listener_of(container: Value, port: str) -> str:
    """Return bash that fails unless a process of a container listens on a TCP port of the container's namespace.

    A process belongs to the container if it has the container's mount namespace: the network namespace may be another
    container's (`--network container:`) or the host's.
    """
    return (
        f"pid=$(docker inspect -f '{{{{.State.Pid}}}}' {container}) && for other in $(nsenter -t $pid -n ss -Hltnp"
        f" \"sport = :{port}\" | grep -oE 'pid=[0-9]+' | tr -dc '0-9\\n'); do"
        ' [ "$(readlink /proc/$other/ns/mnt)" = "$(readlink /proc/$pid/ns/mnt)" ] && exit; done; false'
    )


def listening(network: Snapshot, *, but: Value = 0) -> str:
    """Return a bash word: the URLs of each TCP port that the host or a container listens on, by its IPv4 addresses.

    The ports are those of the moment when the command runs (proc(5), /proc/PID/net/tcp: state 0A is LISTEN); ports of
    127.0.0.1, ::1 and of Docker's name server at 127.0.0.11 are left out, and the port `but`.
    """
    local = "^(0100007F|0B00007F|0*01000000)"
    form = "{{.State.Pid}}{{range .NetworkSettings.Networks}} {{.IPAddress}}{{end}}"
    own = f"docker ps -q | xargs -r docker inspect -f '{form}'"
    ports = f'$4 == "0A" && $2 !~ /{local}/ {{ sub(/.*:/, "", $2); print $2 }}'
    return (
        f"$({{ echo 1 {' '.join(own_addresses(network))}; {own}; }} | while read pid own; do"
        f" for port in $(awk '{ports}' /proc/$pid/net/tcp /proc/$pid/net/tcp6 | sort -u); do"
        f" for at in $own; do echo http://$at:$((16#$port))/; done; done; done | grep -v ':{but}/' | sort -u)"
    )


def came_from(output: str, paused: Value = "") -> tuple[str, ...]:
    """Return the URLs and addresses that answered, sorted, from the output of `try_all`'s bash.

    `paused` is the container that `while_paused` was given, if any. If the probe did not end, the result is one text
    that says so; ask `not_paused` first.
    """
    lines = output.splitlines()
    if ASKED not in lines or (paused and paused not in lines):
        return (f"an unknown place, because the probe did not end: {' '.join(lines)[:60]}",)
    return tuple(sorted({line.rpartition(" from ")[2] for line in lines if " from " in line}))
