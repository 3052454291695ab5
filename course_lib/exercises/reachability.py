"""Who reaches what in a lab: what a probe tries, and what came of it.

All of it is pure: addresses and bash for probes go out, the output of such a probe comes in.
"""

from __future__ import annotations

from collections.abc import Iterable

from course_lib.exercises.checks import Value
from course_lib.network.iptables_save import parse_rule
from course_lib.network.model import Port, Snapshot

HOST, CLIENT = "203.0.113.10", "203.0.113.20"
TRIES = 10  # seconds for a probe that tries much at once; each try has one second
ASKED = "asked"  # the last word of a probe that has tried everything


def addresses(network: Snapshot, name: Value) -> tuple[str, ...]:
    """Return a container's IPv4 addresses: its own, or those of the container whose network it shares."""
    container = network.container(str(name))
    if container and container.mode.startswith("container:"):
        other = container.mode.removeprefix("container:")
        container = next((c for c in network.containers if other in (c.id, c.name)), None)
    found = [a.partition("/")[0] for e in (container.endpoints if container else ()) for a in e.addresses]
    return tuple(a for a in found if ":" not in a)


def published(network: Snapshot, name: Value) -> tuple[Port, ...]:
    """Return the published ports of a container."""
    container = network.container(str(name))
    return tuple(p for p in container.ports if p.host_port) if container else ()


def doors(network: Snapshot, *more: Value) -> str:
    """Return the URLs of each address of the host with each port that leads on, as one word of bash.

    That is a published port, one in a rule, or one of `more`.
    """
    host = [a.partition("/")[0] for i in network.interfaces if i.name != "lo" for a in i.addresses]
    ports = {int(port) for port in more} | {p.host_port for c in network.containers for p in c.ports if p.host_port}
    rules = (r for c in network.chains if c.table == "nat" for r in c.rules if r.target in ("DNAT", "REDIRECT"))
    for option in (option for rule in rules for option in parse_rule(rule.spec).matches):
        if option.name in ("--dport", "--dports"):  # of -m multiport: "80,443"
            ports |= {int(port) for port in option.value.split(",") if port.isdigit()}
    return f"http://{_each(sorted(a for a in host if ':' not in a))}:{_each(map(str, sorted(ports)))}/"


def _each(texts: Iterable[str]) -> str:
    """Return what bash makes all of these texts of (brace expansion)."""
    several = ",".join(texts)
    return f"{{{several}}}" if "," in several else several


def try_all(text: Value, urls: Iterable[str], pings: Iterable[str] = ()) -> str:
    """Return bash that says from which URLs a text comes, and which addresses answer a ping; all at the same time."""
    curl = f"curl -s -m 1 $url | grep -qF '{text}' && echo it comes from $url"
    parts = [f"for url in {' '.join(urls)}; do {curl} & done"]
    if pings := " ".join(pings):
        parts.append(f"for to in {pings}; do ping -c 1 -W 1 $to >/dev/null && echo an answer from $to & done")
    return "; ".join([*parts, "wait", f"echo {ASKED}"])


def as_neighbour(targets: Iterable[str], command: str) -> str:
    """Return bash for the client, as a neighbour of the host that sends packets for these addresses to the host."""
    there = f"for to in {' '.join(targets)}; do ip route replace $to via {HOST} proto static; done"
    return f"{there}; {command}; ip route flush proto static"


def while_paused(container: Value, command: str) -> str:
    """Return bash that runs a command while a container stands still. Its first line is the container's name."""
    return f"docker pause {container} && {{ trap 'docker unpause {container} >/dev/null' EXIT; {command}; }}"


def came_from(output: str, paused: Value = "") -> tuple[str, ...]:
    """Return from where something came, by the output of a probe with `try_all`, in a part that was `paused` meanwhile.

    Where the probe did not come to its end nothing is known, and that is what it returns.
    """
    lines = output.splitlines()
    if ASKED not in lines or (paused and lines[0] != paused):
        return (f"nobody knows where, it could not be tried: {' '.join(lines)[:60]}",)
    return tuple(sorted(line.rpartition(" from ")[2] for line in lines if " from " in line))
