"""The words in which a picture and its text twin say the same things."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address, ip_network

from course_lib.network.model import Container, Endpoint, Interface, Network, Port, Snapshot

LIVE = ("running", "paused")  # one that is "restarting" waits for its next start, and has nothing meanwhile
CONTRADICTS = "Do not trust this picture: what was read contradicts itself"
NOT_READ = "Not everything could be read, and what is not shown may be there"
PARTS = {
    "interfaces": "The interfaces and routes of {} could not be read",
    "namespaces": "Not all containers' network namespaces on {} could be read",
    "rules": "The firewall rules of {} could not be read",
    "more rules": "There are more firewall rules than are shown on {}",
}


def is_live(container: Container) -> bool:
    """Return whether the container has a network namespace now."""
    return container.state in LIVE


def state_words(container: Container) -> str:
    """Say what a state other than "running" means for the network."""
    if container.state == "running":
        return ""
    if is_live(container):
        return f"{container.state}: its interfaces stay"
    begun = "created, never started" if container.state == "created" else container.state
    return f"{begun}: no interface, no address"


def socket(address: str, port: int) -> str:
    """Return an address and a port as they are typed: "0.0.0.0:80", "[::]:80"."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def published(container: Container) -> list[str]:
    """Say each published port once, with all the addresses of the host where it can be reached."""
    return [
        f"{port}/{protocol} published as {' and '.join(where)}"
        for (port, protocol), where in _published(container.ports).items()
    ]


def exposed(container: Container) -> list[str]:
    """Name the ports that are exposed and not published."""
    known = _published(container.ports)
    ports = {(p.container_port, p.protocol) for p in container.ports} - set(known)
    return [f"{port}/{protocol}" for port, protocol in sorted(ports)]


def _published(ports: Iterable[Port]) -> dict[tuple[int, str], list[str]]:
    found: dict[tuple[int, str], list[str]] = {}
    for port in sorted(ports, key=lambda p: (p.container_port, p.protocol, ":" in (p.host_ip or ""), p.host_port or 0)):
        if port.host_port:
            where = socket(port.host_ip or "0.0.0.0", port.host_port)  # noqa: S104 - a name, nothing listens
            found.setdefault((port.container_port, port.protocol), []).append(where)
    return found


def aliases(container: Container, endpoint: Endpoint) -> list[str]:
    """Return the names that an endpoint answers to; the short id says nothing to a person."""
    return [name for name in endpoint.aliases if not (len(name) == 12 and container.id.startswith(name))]


def alike_words(container: Container) -> str:
    """Say what the containers that one card stands for do not share."""
    if container.mode == "host" or not is_live(container):
        return "one card for all of them"
    kinds = {
        "address": any(e.addresses for e in container.endpoints),
        "interface": any(e.interface for e in container.endpoints),
        "veth pair": any(e.veth for e in container.endpoints),
    }
    own = [kind for kind, there in kinds.items() if there] or ["network namespace"]
    return f"one card for all; each has its own {' and '.join(filter(None, (', '.join(own[:-1]), own[-1])))}"


def links(container: Container) -> list[str]:
    """Say each legacy link."""
    return [f"link to {link.target} as {link.alias}" for link in container.links]


def network_words(network: Network) -> str:
    """Say which network a bridge is."""
    kind = " (default)" if network.name == "bridge" else ""
    inner = ", internal" if network.internal else ""
    driver = "" if network.driver == "bridge" else f", driver {network.driver}"
    return f"network {network.name}{kind}{inner}{driver}"


def subnet_words(network: Network | None, bridge: Interface | None) -> list[str]:
    """Say each subnet with its gateway: "gateway 172.17.0.1 · subnet 172.17.0.0/16".

    Engines before 29 do not name a gateway that they chose themselves; then the bridge's address tells it.
    """
    lines = []
    known = (*(network.gateways if network else ()), *(bridge.addresses if bridge else ()))
    addresses = [address.partition("/")[0] for address in known if address]
    for subnet in network.subnets if network else ():
        gateway = next((a for a in addresses if ip_address(a) in ip_network(subnet, strict=False)), None)
        lines.append((f"gateway {gateway} · " if gateway else "") + f"subnet {subnet}")
    return lines or list(bridge.addresses if bridge else ())


def bridge_state(snapshot: Snapshot, bridge: Interface | None) -> str:
    """Return "DOWN", or what else is the matter with a bridge; nothing if it is up, or if that could not be read."""
    if bridge is None:
        return "no such bridge on the host" if snapshot.is_read("interfaces") else ""
    return "" if bridge.state in ("UP", "UNKNOWN") else bridge.state


def empty_words(name: str, state: str) -> str:
    """Say of a network without running containers that this is why its bridge is down."""
    return "no container is connected here" + (f", so {name} is DOWN" if state == "DOWN" else "")


def veth_faults(snapshot: Snapshot, endpoint: Endpoint) -> str:
    """Say what is the matter with the host's end of a cable: "DOWN", "in no bridge", both or nothing."""
    veth = snapshot.interface(endpoint.veth) if endpoint.veth else None
    if veth is None:
        return ""
    faults = [veth.state] if "DOWN" in veth.state else []
    return ", ".join(faults + ([] if veth.master else ["in no bridge"]))


def host_words(snapshot: Snapshot) -> str:
    """Say what the host is."""
    return f"network namespace of {snapshot.machine} that runs dockerd {snapshot.engine}"


def unread(snapshot: Snapshot) -> list[str]:
    """Say each part that could not be read, and why."""
    return [f"{PARTS[part.what].format(snapshot.machine)}: {part.why}" for part in snapshot.unread]


def reachable(interface: Interface) -> list[str]:
    """Return the addresses without the link-local ones, which every interface with IPv6 has."""
    return [address for address in interface.addresses if not address.startswith("fe80:")]


def packets(count: int) -> str:
    """Return a counter with its unit: "1 pkt", "12 pkts"."""
    return f"{count} pkt{'' if count == 1 else 's'}"
