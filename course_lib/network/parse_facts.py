"""Turn raw facts (`RawFacts`) into a Snapshot: `snapshot`. Pure.

Unknown fields are ignored. Where the engine and the kernel contradict each other, the Snapshot has a warning.
"""

from __future__ import annotations

import functools
import re
from datetime import UTC, datetime
from typing import Any, NotRequired, TypedDict

from course_lib.network.iptables_save import parse_chains
from course_lib.network.model import Container, Endpoint, Interface, Link, Network, Port, Route, Snapshot, Unread


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
    unread: NotRequired[dict[str, str]]  # what could not be read, and why: see `course_lib.network.model.Unread`
    machine: NotRequired[str]  # the learner's own engine: on which machine it runs, in words


def snapshot(facts: RawFacts) -> Snapshot:
    """Return the Snapshot that raw facts describe.

    Raises KeyError or TypeError if they lack a key of RawFacts, or a field that the Docker API or `ip` always prints.
    """
    interfaces = tuple(sorted(_interface(item) for item in facts["addr"]))
    veths = {interface.index: interface.name for interface in interfaces if interface.kind == "veth"}
    networks = tuple(sorted(_network(item, interfaces) for item in facts["networks"]))
    details = {item["Id"]: item for item in facts["inspect"]}
    warnings: list[str] = []
    containers = []
    for item in facts["containers"]:
        inside = tuple(_interface(i) for i in facts["inside"].get(item["Id"], []))
        containers.append(_container(item, details.get(item["Id"], {}), inside, veths, warnings))
    return Snapshot(
        engine=facts["version"],
        interfaces=interfaces,
        client=tuple(sorted(_interface(item) for item in facts["client"])),
        routes=tuple(sorted((_route(item) for item in facts["route"]), key=lambda r: (r.destination, r.device))),
        networks=networks,
        containers=tuple(sorted(containers)),
        chains=tuple(chain for family, text in facts["rules"].items() for chain in parse_chains(text, family)),
        warnings=tuple(sorted(warnings)),
        machine=facts.get("machine", "the machine"),
        unread=tuple(Unread(what, why) for what, why in sorted(facts.get("unread", {}).items())),
    )


def _interface(item: dict[str, Any]) -> Interface:
    """Return an interface from an element of `ip -j -d addr`."""
    addresses = tuple(f"{a['local']}/{a['prefixlen']}" for a in item.get("addr_info", []) if "local" in a)
    return Interface(
        name=item["ifname"],
        index=item["ifindex"],
        kind=item.get("linkinfo", {}).get("info_kind", item.get("link_type", "")),
        state=item.get("operstate", "UNKNOWN"),
        mac=item.get("address", ""),
        mtu=item.get("mtu", 0),
        addresses=addresses,
        master=item.get("master"),
        peer_index=item.get("link_index"),
    )


def _route(item: dict[str, Any]) -> Route:
    """Return a route from an element of `ip -j route`."""
    return Route(item["dst"], item.get("dev", ""), item.get("gateway"), item.get("prefsrc"))


def _network(item: dict[str, Any], interfaces: tuple[Interface, ...]) -> Network:
    """Return a network from an element of GET /networks.

    An option names the bridge of the default network. Any other bridge is called `br-` and the first 12 digits of the
    network's id, unless that option names it (libnetwork, drivers/bridge).
    """
    options = item.get("Options") or {}
    bridge = None
    if item["Driver"] == "bridge":
        bridge = options.get("com.docker.network.bridge.name") or f"br-{item['Id'][:12]}"
    settings = (item.get("IPAM") or {}).get("Config") or []
    subnets = tuple(c["Subnet"] for c in settings if c.get("Subnet"))
    gateways = tuple(c["Gateway"] for c in settings if c.get("Gateway"))
    # Before engine 29 this list lacks a gateway that Docker chose for a subnet that the user gave: it is the bridge's
    # address. That may hold for the subnet of one family and not for that of the other.
    missing = {":" in subnet for subnet in subnets} - {":" in gateway for gateway in gateways}
    own = next((i.addresses for i in interfaces if i.name == bridge), ())
    gateways += tuple(a.split("/")[0] for a in own if (":" in a) in missing and not a.startswith("fe80:"))
    return Network(
        name=item["Name"],
        id=item["Id"],
        driver=item["Driver"],
        bridge=bridge,
        subnets=subnets,
        gateways=gateways,
        internal=bool(item.get("Internal")),
    )


def _container(
    item: dict[str, Any],
    detail: dict[str, Any],
    inside: tuple[Interface, ...],
    veths: dict[int, str],
    warnings: list[str],
) -> Container:
    """Return a container from an element of GET /containers/json, its inspect and its own interfaces."""
    # A linked container is also listed under its aliases in other containers ("/app/db"): its own name has one slash.
    names = [name.lstrip("/") for name in item.get("Names") or [] if name.count("/") == 1]
    name = names[0] if names else item["Id"][:12]
    attached = (item.get("NetworkSettings") or {}).get("Networks") or {}
    inspected = (detail.get("NetworkSettings") or {}).get("Networks") or {}
    running = item.get("State") == "running"
    endpoints = tuple(
        sorted(
            _endpoint(network, settings, _dns_names(name, inspected.get(network) or {}), inside, veths)
            for network, settings in attached.items()
        )
    )
    if running and inside:
        warnings += _contradictions(name, endpoints, inside)
    links = [text.split(":") for text in (detail.get("HostConfig") or {}).get("Links") or []]
    return Container(
        name=name,
        id=item["Id"],
        image=item["Image"],
        command=item.get("Command", ""),
        state=item.get("State", ""),
        mode=(item.get("HostConfig") or {}).get("NetworkMode", ""),
        endpoints=endpoints,
        ports=tuple(sorted((_port(p) for p in item.get("Ports") or []), key=_port_order)),
        links=tuple(sorted(Link(target.lstrip("/"), alias.split("/")[-1]) for target, alias in links)),
        created=_nanoseconds(detail.get("Created", ""), item.get("Created", 0)),
    )


@functools.lru_cache(1024)  # most containers of a live picture are the same as a moment before
def _nanoseconds(moment: str, seconds: int) -> int:
    """Return the time of creation in nanoseconds since 1970.

    That is `moment`, from the inspect (RFC 3339, "2026-11-25T14:14:02.227553811Z"), else `seconds`, from the list.
    """
    if not (found := re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z", moment)):
        return seconds * 10**9
    whole = int(datetime.fromisoformat(found[1]).replace(tzinfo=UTC).timestamp())
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
    veths: dict[int, str],
) -> Endpoint:
    """Return an endpoint; its interface is the one in the container that has the address the engine gave it."""
    addresses = []
    if settings.get("IPAddress"):
        addresses.append(f"{settings['IPAddress']}/{settings.get('IPPrefixLen', 0)}")
    if settings.get("GlobalIPv6Address"):
        addresses.append(f"{settings['GlobalIPv6Address']}/{settings.get('GlobalIPv6PrefixLen', 0)}")
    own = next((i for i in inside if set(addresses) & set(i.addresses)), None)
    # The container's end names the index of the host's end; the other way round it is ambiguous from engine 28.
    veth = veths.get(own.peer_index) if own and own.peer_index is not None else None
    return Endpoint(
        network=network,
        interface=own.name.split("@")[0] if own else None,
        addresses=tuple(addresses),
        mac=settings.get("MacAddress", ""),
        gateway=settings.get("Gateway", ""),
        veth=veth,
        aliases=tuple(sorted(set(names))) if network != "bridge" else (),
    )


def _contradictions(name: str, endpoints: tuple[Endpoint, ...], inside: tuple[Interface, ...]) -> list[str]:
    """Return a sentence for each address and MAC of a running container on which the engine and the kernel differ."""
    claimed = {address for endpoint in endpoints for address in endpoint.addresses}
    found = {
        address
        for interface in inside
        for address in interface.addresses
        if interface.kind != "loopback" and not address.startswith("fe80:")
    }
    missing = [f"{name}: the engine says {a}, the kernel does not have it" for a in sorted(claimed - found)]
    # A container in the namespace of the host, or of another container, has addresses that are not its own: the engine
    # lists none for it.
    surplus = sorted(found - claimed) if claimed else []
    extra = [f"{name}: the kernel has {a}, the engine does not say so" for a in surplus]
    macs = {interface.name: interface.mac for interface in inside}
    other = [
        f"{name}: the engine says {e.interface} has the MAC {e.mac}, the kernel says {macs[e.interface]}"
        for e in endpoints
        if e.mac and e.interface in macs and macs[e.interface] != e.mac
    ]
    return missing + extra + other


def _port(item: dict[str, Any]) -> Port:
    """Return a port from an element of a container's Ports."""
    return Port(item["PrivatePort"], item["Type"], item.get("IP"), item.get("PublicPort"))


def _port_order(port: Port) -> tuple[int, str, str, int]:
    """Sort ports by number, IPv4 before IPv6."""
    return port.container_port, port.protocol, port.host_ip or "", port.host_port or 0
