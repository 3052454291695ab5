"""What differs between networks and ways that should be the same: pure, found by comparing, nothing is remembered."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from ipaddress import IPv4Address

from course_lib.network.model import Endpoint, Network, Snapshot
from course_lib.packet_path.model import PacketPath
from course_lib.packet_path.path_table import Names
from course_lib.plain_text import clean, one_line

WIDTH = 110  # characters
Traits = Mapping[str, str]  # what is looked at, and what is seen there; a value may have several lines


def contrast(found: Mapping[str, Traits]) -> str:
    """Say of which traits the values differ between the keys of `found`, who has which; and how many are alike.

    A trait that one of them lacks differs: its value there is "-".
    """
    lines, different, alike = [], 0, 0
    for trait in dict.fromkeys(trait for traits in found.values() for trait in traits):
        holders: dict[str, list[str]] = {}
        for key, traits in found.items():
            holders.setdefault(traits.get(trait, "-"), []).append(key)
        if len(holders) == 1:
            alike += 1
            continue
        different += 1
        lines.append(clean(trait))
        width = max(len(", ".join(keys)) for keys in holders.values()) + 4
        for value, keys in holders.items():
            for number, text in enumerate(value.splitlines()):
                head = f"  {', '.join(keys) if number == 0 else ''}".ljust(width)
                indent = " " * (width + 4)
                lines += textwrap.wrap(
                    one_line(head + text),
                    WIDTH,
                    subsequent_indent=indent,
                    break_long_words=False,
                    break_on_hyphens=False,
                )
    return "\n".join([*lines, f"Different: {different}. Alike: {alike}."])


def plan(now: Snapshot) -> Traits:
    """Return what was asked for: the subnets, the containers' addresses, and the ports that are published."""
    found = {f"network {n.name}": _subnets(n) for n in now.networks if n.subnets}
    for container in now.containers:
        found |= {f"{container.name} on {end.network}": " ".join(end.addresses) for end in container.endpoints}
        found |= {
            f"port {p.host_port} of {p.host_ip}": f"{p.container_port}/{p.protocol} of {container.name}"
            for p in container.ports
            if p.host_port
        }
    return found


def _subnets(network: Network) -> str:
    gateways = f", gateway {' and '.join(network.gateways)}" if network.gateways else ""
    return " and ".join(network.subnets) + gateways


def chains(now: Snapshot) -> Traits:
    """Return which chains of IPv4 were made in each table, and the policies of the kernel's own."""
    own = [chain for chain in now.chains if chain.family == "ip"]
    made = {f"made in {t}": " ".join(c.name for c in own if (c.table, c.policy) == (t, None)) for t in _tables(now)}
    return made | {f"policy of {c.table} {c.name}": c.policy for c in own if c.policy}


def rules(now: Snapshot) -> Traits:
    """Return the rules of each chain of IPv4 that has some; `br-<mynet>` is the bridge of the network mynet."""
    bridges = {n.bridge: f"br-<{n.name}>" for n in now.networks if n.bridge and n.bridge.startswith("br-")}
    found = {}
    for chain in now.chains:
        if chain.family == "ip" and chain.rules:
            specs = (re.sub(r"br-[0-9a-f]{12}", lambda m: bridges.get(m[0], m[0]), r.spec) for r in chain.rules)
            found[f"{chain.table} {chain.name}"] = "\n".join(map(clean, specs))
    return found


def cards(now: Snapshot) -> Traits:
    """Return what is to be seen of the MACs and of the indices of the containers' interfaces."""
    found, behind = {}, []
    for container in now.containers:
        for end in container.endpoints:
            found[f"the MAC of {container.name}"] = _origin(end)
            host = now.interface(end.veth or "")
            if host and host.peer_index is not None:
                behind.append(host.peer_index)
                beside = abs(host.index - host.peer_index) == 1
                words = "next to that of the veth pair's other end" if beside else "counted by its own namespace"
                found[f"the index of {container.name}'s interface"] = words
    found["the numbers behind @if on the host"] = f"{len(set(behind))} for {len(behind)} veth pairs"
    return found


def passage(path: PacketPath) -> Traits:
    """Return through which chains of the host a packet went on its way there, what decided, and how it ended."""
    names = Names(path)
    seen = [s for s in path.steps if s.place == "host" and not s.back and s.kind in ("rule", "policy", "nothing")]
    decided = [s for s in seen if s.verdict in ("accept", "drop") and s.table != "nat"]  # which only rewrites
    last = decided[-1] if decided else None
    by = f"{last.table} {last.chain}: {names.rule(last.rule) or f'the policy {last.verdict}'}" if last else "nothing"
    return {
        "chains on the way there": clean(", ".join(dict.fromkeys(f"{s.table} {s.chain}" for s in seen))),
        "decided last by": by,
        "end": clean(path.end.words),
    }


def message(text: str) -> Traits:
    """Return what a command said, without what is random in it and what all words of a daemon begin with."""
    text = re.sub(r"^(docker: )?Error response from daemon: ", "", text, flags=re.MULTILINE)
    return {"message": re.sub(r"\b[0-9a-f]{12,64}\b", "ID", text).strip()}


def _tables(now: Snapshot) -> list[str]:
    """Return the tables of IPv4 in which there is anything."""
    return sorted({chain.table for chain in now.chains if chain.family == "ip"})


def _origin(end: Endpoint) -> str:
    """Say where a MAC comes from: engines before 28 made it of 02:42 and the address (libnetwork, netutils)."""
    address = next((a.partition("/")[0] for a in end.addresses if "." in a), "")
    if address and end.mac == ":".join(f"{byte:02x}" for byte in (2, 0x42, *IPv4Address(address).packed)):
        return "made from the address"
    return "not made from the address"
