"""Turn raw facts (`RawFacts`) into a Snapshot: `snapshot`. Pure.

Unknown fields are ignored. Where the engine and the kernel contradict each other, the Snapshot has a warning.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any, NotRequired, TypedDict

from course_lib.network.iptables_save import parse_chains
from course_lib.network.model import (
    Container,
    Endpoint,
    Interface,
    Link,
    Namespace,
    Network,
    Peer,
    Port,
    Route,
    Snapshot,
    Unread,
    without_prefix,
)


class RawFacts(TypedDict):
    """What an engine and its machine's kernel answered, as `course_lib.lab.facts.read` returns it.

    This is also the format of files: the evidence of an exercise holds one. JSON values are as the Docker API
    (https://docs.docker.com/reference/api/engine/) and `ip -j` (ip-address(8), ip-route(8)) print them.
    """

    version: str  # of dockerd, "26.1.5+dfsg1"
    containers: list[dict[str, Any]]  # GET /containers/json?all=1
    networks: list[dict[str, Any]]  # GET /networks
    inspect: list[dict[str, Any]]  # GET /containers/ID/json for each container; one that was removed meanwhile has none
    addr: list[dict[str, Any]]  # the host's `ip -j -d addr`
    client: list[dict[str, Any]]  # the client's; empty for the learner's own engine, which has no client
    route: list[dict[str, Any]]  # the host's `ip -j route`
    rules: dict[str, str]  # by family ("ip", "ip6"): what iptables-save -c and ip6tables-save -c print
    inside: dict[str, list[dict[str, Any]]]  # by container id: `ip -j -d addr` in its namespace, if it runs
    netns: NotRequired[dict[str, list[dict[str, Any]]]]  # `ip -j -d addr` in each namespace of `ip netns add`, by name
    unread: NotRequired[dict[str, str]]  # what could not be read, and why: see `course_lib.network.model.Unread`
    machine: NotRequired[str]  # the learner's own engine: on which machine it runs, in words


def snapshot(facts: RawFacts) -> Snapshot:
    """Return the Snapshot that raw facts describe.

    Raises KeyError or TypeError if they lack a key of RawFacts, or a field that the Docker API or `ip` always prints.
    """
    interfaces = tuple(sorted(map(_interface, facts["addr"])))
    veths = {i.index: i for i in interfaces if i.kind == "veth"}
    own = {i.name: i.addresses for i in interfaces}
    networks = tuple(sorted(_network(item, own) for item in facts["networks"]))
    by_name = {network.name: network for network in reversed(networks)}
    details = {item["Id"]: item for item in facts["inspect"]}
    inside = {id_: tuple(map(_interface, items)) for id_, items in facts["inside"].items()}
    containers = [
        _container(item, details.get(item["Id"], {}), inside.get(item["Id"], ()), veths, by_name)
        for item in facts["containers"]
    ]
    containers = [replace(c, is_left=True) if _is_left(c, containers, inside) else c for c in containers]
    client = tuple(sorted(map(_interface, facts["client"])))
    known = [interfaces, client, *inside.values()]
    taken = {e.veth for c in containers for e in c.endpoints}
    hand = {name: tuple(sorted(map(_interface, items))) for name, items in facts.get("netns", {}).items()}
    free = [i for i in interfaces if i.kind == "veth" and i.name not in taken]
    warnings = [w for c in containers if c.state == "running" for w in _contradictions(c, inside.get(c.id, ()))]
    return Snapshot(
        engine=facts["version"],
        interfaces=interfaces,
        client=client,
        routes=tuple(sorted(map(_route, facts["route"]), key=lambda r: (r.destination, r.device))),
        networks=networks,
        containers=tuple(sorted(containers)),
        namespaces=_namespaces(hand, free, known),
        chains=tuple(chain for family, text in facts["rules"].items() for chain in parse_chains(text, family)),
        warnings=tuple(sorted(warnings)),
        machine=facts.get("machine", "the machine"),
        unread=tuple(Unread(what, why) for what, why in sorted(facts.get("unread", {}).items())),
    )


def _namespaces(
    hand: dict[str, tuple[Interface, ...]], free: Iterable[Interface], known: Iterable[tuple[Interface, ...]]
) -> tuple[Namespace, ...]:
    """Return the namespaces that `ip netns add` made, with the other ends of their veth pairs.

    `hand` are their interfaces by name, `free` the host's veths that lead to no container, and `known` the interfaces
    of the other namespaces: a file in /run/netns may be but a second name of one of these, or of one of its own kind.
    The two ends of a pair name each other's index; where that fits several interfaces, the other end is not known.
    """

    def marks(interfaces: tuple[Interface, ...]) -> set[tuple[int, str, str]]:
        return {(i.index, i.name, i.mac) for i in interfaces if i.kind != "loopback"}

    named = [marks(interfaces) for interfaces in known] if hand else []
    first: dict[str, tuple[Interface, ...]] = {}  # those with a name of their own
    for name, own in sorted(hand.items()):
        if not marks(own) or marks(own) not in named:
            first[name] = own
            named.append(marks(own))
    ends = [("", i) for i in free] + [(name, i) for name, own in first.items() for i in own if i.kind == "veth"]

    def others(name: str, one: Interface) -> list[tuple[str, Interface]]:
        return [(at, other) for at, other in ends if at != name and _is_pair(one, other)]

    made = []
    for name, own in first.items():
        found = [
            (i, at, o) for i in own for at, o in others(name, i) if len(others(name, i)) == len(others(at, o)) == 1
        ]
        made.append(Namespace(name, own, tuple(Peer(i.name, at, o.name) for i, at, o in found)))
    return tuple(made)


def _is_pair(one: Interface, other: Interface) -> bool:
    """Return whether two interfaces of different namespaces can be the ends of one veth pair."""
    return one.kind == "veth" and (one.peer_index, one.index) == (other.index, other.peer_index)


def _inner(item: dict[str, Any], *path: str) -> Any:
    """Return a field inside of others; None if it or one of them is absent or null."""
    for key in path:
        item = item.get(key) or {}
    return item or None


def _interface(item: dict[str, Any]) -> Interface:
    """Return an interface from an element of `ip -j -d addr`."""
    return Interface(
        name=item["ifname"],
        index=item["ifindex"],
        kind=item.get("linkinfo", {}).get("info_kind", item.get("link_type", "")),
        state=item.get("operstate", "UNKNOWN"),
        mac=item.get("address", ""),
        mtu=item.get("mtu", 0),
        addresses=tuple(f"{a['local']}/{a['prefixlen']}" for a in item.get("addr_info", []) if "local" in a),
        master=item.get("master"),
        peer_index=item.get("link_index"),
        link_type=item.get("link_type", "ether"),
    )


def _route(item: dict[str, Any]) -> Route:
    """Return a route from an element of `ip -j route`."""
    return Route(item["dst"], item.get("dev", ""), item.get("gateway"), item.get("prefsrc"))


def _network(item: dict[str, Any], own: dict[str, tuple[str, ...]]) -> Network:
    """Return a network from an element of GET /networks; `own` are the addresses of the host's interfaces, by name.

    An option names the bridge of the default network. Any other bridge is called `br-` and the first 12 digits of the
    network's id, unless that option names it (libnetwork, drivers/bridge).
    """
    bridge = None
    if item["Driver"] == "bridge":
        bridge = _inner(item, "Options", "com.docker.network.bridge.name") or f"br-{item['Id'][:12]}"
    settings = _inner(item, "IPAM", "Config") or []
    subnets, gateways = (tuple(c[key] for c in settings if c.get(key)) for key in ("Subnet", "Gateway"))
    # Before engine 29 this list lacks a gateway that Docker chose for a subnet that the user gave: it is the bridge's
    # address. That may hold for the subnet of one family and not for that of the other.
    missing = {":" in subnet for subnet in subnets} - {":" in gateway for gateway in gateways}
    chosen = (a for a in own.get(bridge or "", ()) if (":" in a) in missing and not a.startswith("fe80:"))
    gateways += tuple(map(without_prefix, chosen))
    return Network(item["Name"], item["Id"], item["Driver"], bridge, subnets, gateways, bool(item.get("Internal")))


def _container(
    item: dict[str, Any],
    detail: dict[str, Any],
    inside: tuple[Interface, ...],
    veths: dict[int, Interface],
    networks: dict[str, Network],
) -> Container:
    """Return a container from an element of GET /containers/json, its inspect and its own interfaces.

    `veths` are the host's veths, by their index; `networks` are those of the engine, by name.
    """
    # A linked container is also listed under its aliases in other containers ("/app/db"): its own name has one slash.
    names = [name.lstrip("/") for name in item.get("Names") or [] if name.count("/") == 1]
    name = names[0] if names else item["Id"][:12]
    inspected = _inner(detail, "NetworkSettings", "Networks") or {}
    endpoints = []
    for network, settings in (_inner(item, "NetworkSettings", "Networks") or {}).items():
        bridged = network not in networks or networks[network].bridge  # else no veth pair leads to the host
        aliases = _dns_names(name, inspected.get(network) or {})
        endpoints.append(_endpoint(network, settings, aliases, inside, veths if bridged else {}))
    mode = _inner(item, "HostConfig", "NetworkMode") or ""
    known = {endpoint.interface for endpoint in endpoints}
    others = [i for i in inside if i.kind != "loopback" and i.name not in known] if not _joins(mode) else []
    # Swarm connects a container to this network without listing it.
    gateway = networks.get("docker_gwbridge")
    for i in list(others):
        if gateway and (veth := _veth(i, veths)) and veth.master == gateway.bridge:
            endpoints.append(Endpoint(gateway.name, i.name, _global(i), i.mac, veth=veth.name))
            others.remove(i)
    ports = [Port(p["PrivatePort"], p["Type"], p.get("IP"), p.get("PublicPort")) for p in item.get("Ports") or []]
    links = [text.split(":") for text in _inner(detail, "HostConfig", "Links") or []]
    return Container(
        name=name,
        id=item["Id"],
        image=item["Image"],
        command=item.get("Command", ""),
        state=item.get("State", ""),
        mode=mode,
        by_hand=tuple(others),
        endpoints=tuple(sorted(endpoints)),
        ports=tuple(sorted(ports, key=lambda p: (p.container_port, p.protocol, p.host_ip or "", p.host_port or 0))),
        links=tuple(sorted(Link(target.lstrip("/"), alias.split("/")[-1]) for target, alias in links)),
        created=_nanoseconds(detail.get("Created", ""), item.get("Created", 0)),
    )


def _joins(mode: str) -> bool:
    """Return whether a container uses the network namespace of the host or of another container."""
    return mode == "host" or mode.startswith("container:")


def _global(interface: Interface) -> tuple[str, ...]:
    return tuple(a for a in interface.addresses if not a.startswith("fe80:"))


def _veth(own: Interface | None, veths: dict[int, Interface]) -> Interface | None:
    """Return the host's end of the veth pair of a container's interface; None if it is no veth ("ether": unknown).

    The container's end names the index of the host's end; the other way round it is ambiguous from engine 28.
    """
    return veths.get(own.peer_index) if own and own.kind in ("veth", "ether") and own.peer_index is not None else None


def _is_left(container: Container, others: Iterable[Container], inside: dict[str, tuple[Interface, ...]]) -> bool:
    """Return whether a container that joined another one's network namespace is in a different one now.

    The other one gets a new namespace whenever it starts. `inside` are the interfaces by container id.
    """
    shared, _, id_ = container.mode.partition(":")
    other = next((c for c in others if c.id == id_), None) if shared == "container" else None
    if other is None or not container.is_live or container.id not in inside:
        return False
    mine, theirs = ({(i.index, i.name, i.mac) for i in inside.get(c.id, ())} for c in (container, other))
    return mine != theirs if theirs else not other.is_live


@functools.lru_cache(1024)  # most containers of a live picture are the same as a moment before
def _nanoseconds(moment: str, seconds: int) -> int:
    """Return the time of creation in nanoseconds since 1970.

    That is `moment`, from the inspect (RFC 3339, "2026-11-25T14:14:02.227553811Z"), else `seconds`, from the list.
    """
    if not (found := re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z", moment)):
        return seconds * 10**9
    whole = int(datetime.fromisoformat(f"{found[1]}Z").timestamp())
    return whole * 10**9 + int((found[2] or "").ljust(9, "0"))


def _dns_names(container: str, inspected: dict[str, Any]) -> list[str]:
    """Return the names for which the embedded DNS answers with an endpoint's address, from the container's inspect."""
    if "DNSNames" not in inspected and inspected.get("Aliases"):
        # Before engine 25 they are not listed: they are the container's name, and the aliases with its id and hostname.
        return [container, *inspected["Aliases"]]
    return inspected.get("DNSNames") or []


def _endpoint(
    network: str,
    settings: dict[str, Any],
    names: list[str],
    inside: tuple[Interface, ...],
    veths: dict[int, Interface],
) -> Endpoint:
    """Return an endpoint; its interface is the one in the container that has the address the engine gave it."""
    addresses = tuple(
        f"{settings[address]}/{settings.get(length, 0)}"
        for address, length in (("IPAddress", "IPPrefixLen"), ("GlobalIPv6Address", "GlobalIPv6PrefixLen"))
        if settings.get(address)
    )
    own = next((i for i in inside for address in addresses if address in i.addresses), None)
    veth = _veth(own, veths)
    return Endpoint(
        network=network,
        interface=own.name.split("@")[0] if own else None,
        addresses=addresses,
        mac=settings.get("MacAddress", ""),
        gateway=settings.get("Gateway", ""),
        veth=veth.name if veth else None,
        aliases=tuple(sorted(set(names))) if network != "bridge" else (),
    )


def _contradictions(container: Container, inside: tuple[Interface, ...]) -> Iterator[str]:
    """Yield each address and MAC of a running container on which the engine and the kernel differ.

    `inside` are its interfaces; if there are none, they could not be read.
    """
    claimed = {address for endpoint in container.endpoints for address in endpoint.addresses}
    found = {a for i in inside if i.kind != "loopback" for a in i.addresses if not a.startswith("fe80:")}
    if inside:
        for address in claimed - found:
            yield f"{container.name}: the engine says {address}, the kernel does not have it"
    # A container in the namespace of the host, or of another container, has addresses that are not its own: the engine
    # lists none for it.
    for address in found - claimed if claimed else ():
        yield f"{container.name}: the kernel has {address}, the engine does not say so"
    macs = {interface.name: interface.mac for interface in inside}
    for end in container.endpoints:
        mac = macs.get(end.interface or "", end.mac)
        if end.mac and mac != end.mac:
            yield f"{container.name}: the engine says {end.interface} has the MAC {end.mac}, the kernel says {mac}"
