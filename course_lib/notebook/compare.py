"""Compare networks and packet paths that should be the same and print where they differ: `contrast` (pure)."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from ipaddress import IPv4Address

from course_lib.network.model import Endpoint, Snapshot, without_prefix
from course_lib.packet_path.model import PacketPath
from course_lib.packet_path.wording import Names
from course_lib.plain_text import clean, one_line

WIDTH = 110  # characters
Traits = Mapping[str, str]  # what is compared, and its value, which may have several lines


def contrast(found: Mapping[str, Traits]) -> str:
    """Return the traits whose values differ between the keys of `found`, with the keys that have each value.

    The last line counts different and identical traits. A trait that a key lacks has the value "-" there. Lines have
    at most 110 characters, unless a single word is longer.
    """
    lines: list[str] = []
    different = identical = 0
    for trait in dict.fromkeys(trait for traits in found.values() for trait in traits):
        holders: dict[str, list[str]] = {}
        for key, traits in found.items():
            holders.setdefault(traits.get(trait, "-"), []).append(key)
        if len(holders) == 1:
            identical += 1
            continue
        different += 1
        lines.append(clean(trait))
        width = max(len(", ".join(keys)) for keys in holders.values()) + 4
        wrapper = textwrap.TextWrapper(
            WIDTH, subsequent_indent=" " * (width + 4), break_long_words=False, break_on_hyphens=False
        )
        for value, keys in holders.items():
            head = f"  {', '.join(keys)}"
            for text in value.splitlines():
                lines += wrapper.wrap(one_line(head.ljust(width) + text))
                head = ""
    return "\n".join([*lines, f"Different: {different}. Identical: {identical}."])


def plan(now: Snapshot) -> Traits:
    """Return what the learner asked the engine for: subnets, addresses of containers, and published ports."""
    found = {}
    for network in now.networks:
        if network.subnets:
            gateways = f", gateway {' and '.join(network.gateways)}" if network.gateways else ""
            found[f"network {network.name}"] = " and ".join(network.subnets) + gateways
    for container in now.containers:
        for end in container.endpoints:
            found[f"{container.name} on {end.network}"] = " ".join(end.addresses)
        for port in container.ports:
            if port.host_port:
                target = f"{port.container_port}/{port.protocol} of {container.name}"
                found[f"port {port.host_port} of {port.host_ip}"] = target
    return found


def chains(now: Snapshot) -> Traits:
    """Return the IPv4 chains that were created in each table, and the policies of the built-in chains."""
    own = [chain for chain in now.chains if chain.family == "ip"]
    made = {
        f"made in {table}": " ".join(c.name for c in own if c.table == table and c.policy is None)
        for table in sorted({chain.table for chain in own})
    }
    return made | {f"policy of {c.table} {c.name}": c.policy for c in own if c.policy}


def rules(now: Snapshot) -> Traits:
    """Return the rules of each IPv4 chain that has any; `br-<mynet>` stands for the bridge of the network mynet."""
    bridges = {n.bridge: f"br-<{n.name}>" for n in now.networks if n.bridge and n.bridge.startswith("br-")}
    found = {}
    for chain in now.chains:
        if chain.family == "ip" and chain.rules:
            specs = (re.sub(r"br-[0-9a-f]{12}", lambda m: bridges.get(m[0], m[0]), r.spec) for r in chain.rules)
            found[f"{chain.table} {chain.name}"] = "\n".join(map(clean, specs))
    return found


def cards(now: Snapshot) -> Traits:
    """Return where the MAC addresses and the indices of the containers' interfaces come from."""
    found, behind = {}, []
    for container in now.containers:
        for end in container.endpoints:
            found[f"the MAC of {container.name}"] = _mac_origin(end)
            host = now.interface(end.veth or "")
            if host and host.peer_index is not None:
                behind.append(host.peer_index)
                adjacent = abs(host.index - host.peer_index) == 1
                words = "next to that of the veth pair's other end" if adjacent else "counted by its own namespace"
                found[f"the index of {container.name}'s interface"] = words
    found["the numbers behind @if on the host"] = f"{len(set(behind))} for {len(behind)} veth pairs"
    return found


def passage(path: PacketPath) -> Traits:
    """Return the host's chains that a packet passed on its way to the target, the deciding rule, and how it ended."""
    names = Names(path)
    seen = [s for s in path.steps if s.place == "host" and not s.back and s.kind in ("rule", "policy", "nothing")]
    decided = [s for s in seen if s.verdict in ("accept", "drop") and s.table != "nat"]  # nat only rewrites
    last = decided[-1] if decided else None
    by = f"{last.table} {last.chain}: {names.rule(last.rule) or f'the policy {last.verdict}'}" if last else "nothing"
    return {
        "chains on the way there": clean(", ".join(dict.fromkeys(f"{s.table} {s.chain}" for s in seen))),
        "decided last by": by,
        "end": clean(path.end.words),
    }


def message(text: str) -> Traits:
    """Return a command's output without random ids and without the prefix that all of dockerd's errors have."""
    text = re.sub(r"^(docker: )?Error response from daemon: ", "", text, flags=re.MULTILINE)
    return {"message": re.sub(r"\b[0-9a-f]{12,64}\b", "ID", text).strip()}


def _mac_origin(end: Endpoint) -> str:
    """Return where a MAC comes from: engines before 28 made it of 02:42 and the IPv4 address (libnetwork, netutils)."""
    address = next((without_prefix(a) for a in end.addresses if "." in a), "")
    if address and end.mac == ":".join(f"{byte:02x}" for byte in (2, 0x42, *IPv4Address(address).packed)):
        return "made from the address"
    return "not made from the address"
