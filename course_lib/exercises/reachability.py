"""Build probes that find out what can be reached from where, and parse their output: `try_all`, `came_from` (pure)."""

from __future__ import annotations

from collections.abc import Iterable

from course_lib.exercises.checks import Value
from course_lib.network.iptables_save import parse_rule
from course_lib.network.model import Port, Snapshot, without_prefix

HOST, CLIENT = "203.0.113.10", "203.0.113.20"
TRIES = 10  # seconds for a probe that makes many attempts at once; each attempt has one second
ASKED = "asked"  # the last line of a probe that has made all its attempts


def addresses(network: Snapshot, name: Value) -> tuple[str, ...]:
    """Return a container's IPv4 addresses, or those of the container whose network namespace it shares."""
    container = network.container(str(name))
    if container and container.mode.startswith("container:"):
        other = container.mode.removeprefix("container:")
        container = next((c for c in network.containers if other in (c.id, c.name)), None)
    found = [without_prefix(a) for e in (container.endpoints if container else ()) for a in e.addresses]
    return tuple(a for a in found if ":" not in a)


def published(network: Snapshot, name: Value) -> tuple[Port, ...]:
    """Return the published ports of a container."""
    container = network.container(str(name))
    return tuple(p for p in container.ports if p.host_port) if container else ()


def doors(network: Snapshot, *more: Value) -> str:
    """Return the URLs of every address of the host with every port that may be forwarded, as one bash word.

    These ports are the published ones, those in rules with DNAT or REDIRECT, and `more`.
    """
    host = [without_prefix(a) for i in network.interfaces if i.name != "lo" for a in i.addresses]
    ports = {int(port) for port in more} | {p.host_port for c in network.containers for p in c.ports if p.host_port}
    rules = (r for c in network.chains if c.table == "nat" for r in c.rules if r.target in ("DNAT", "REDIRECT"))
    for option in (option for rule in rules for option in parse_rule(rule.spec).matches):
        if option.name in ("--dport", "--dports"):  # of -m multiport: "80,443"
            ports |= {int(port) for port in option.value.split(",") if port.isdigit()}
    return f"http://{_each(sorted(a for a in host if ':' not in a))}:{_each(map(str, sorted(ports)))}/"


def _each(texts: Iterable[str]) -> str:
    """Return a bash word that expands to all of these texts (bash(1), Brace Expansion)."""
    joined = ",".join(texts)
    return f"{{{joined}}}" if "," in joined else joined


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
    """Return bash that runs a command while a container is paused. Its first line of output is the container's name."""
    return f"docker pause {container} && {{ trap 'docker unpause {container} >/dev/null' EXIT; {command}; }}"


def came_from(output: str, paused: Value = "") -> tuple[str, ...]:
    """Return the URLs and addresses that answered, sorted, from the output of `try_all`'s bash.

    `paused` is the container that `while_paused` was given, if any. If the probe did not end, the result is one text
    that says so.
    """
    lines = output.splitlines()
    if ASKED not in lines or (paused and lines[0] != paused):
        return (f"an unknown place, because the probe did not end: {' '.join(lines)[:60]}",)
    return tuple(sorted(line.rpartition(" from ")[2] for line in lines if " from " in line))
