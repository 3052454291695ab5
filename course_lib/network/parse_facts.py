"""From raw facts to a Snapshot: pure, tolerant of unknown fields, and honest about contradictions."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from course_lib.network.iptables_save import parse_chains
from course_lib.network.model import Container, Endpoint, Interface, Link, Network, Port, Route, Snapshot, Unread

DEFAULT_BRIDGE = "docker0"


def snapshot(facts: dict[str, Any]) -> Snapshot:
    """Return the Snapshot that the facts of `course_lib.lab.facts.read` describe."""
    interfaces = tuple(sorted(_interface(item) for item in facts["addr"]))
    networks = tuple(sorted(_network(item, interfaces) for item in facts["networks"]))
    details = {item["Id"]: item for item in facts["inspect"]}
    warnings: list[str] = []
    containers = []
    for item in facts["containers"]:
        inside = tuple(_interface(i) for i in facts["inside"].get(item["Id"], []))
        containers.append(_container(item, details.get(item["Id"], {}), inside, interfaces, warnings))
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

    The bridge of the default network is named by an option; any other is `br-` and the first 12 digits of the id,
    unless the option names it (libnetwork, drivers/bridge).
    """
    options = item.get("Options") or {}
    bridge = None
    if item["Driver"] == "bridge":
        bridge = options.get("com.docker.network.bridge.name") or f"br-{item['Id'][:12]}"
    settings = (item.get("IPAM") or {}).get("Config") or []
    subnets = tuple(c["Subnet"] for c in settings if c.get("Subnet"))
    gateways = tuple(c["Gateway"] for c in settings if c.get("Gateway"))
    # Before engine 29 a gateway that Docker chose is not told here when the subnet was given by hand: it is the
    # address of the bridge. That may be so of the subnet of one family and not of that of the other.
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
    host: tuple[Interface, ...],
    warnings: list[str],
) -> Container:
    """Return a container from an element of GET /containers/json, its inspect and its own interfaces."""
    # A linked container is also listed under the names that others have for it ("/app/db"): its own has one slash.
    names = [name.lstrip("/") for name in item.get("Names") or [] if name.count("/") == 1]
    name = names[0] if names else item["Id"][:12]
    attached = (item.get("NetworkSettings") or {}).get("Networks") or {}
    inspected = (detail.get("NetworkSettings") or {}).get("Networks") or {}
    running = item.get("State") == "running"
    endpoints = tuple(
        sorted(
            _endpoint(network, settings, _dns_names(name, inspected.get(network) or {}), inside, host)
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


def _nanoseconds(moment: str, seconds: int) -> int:
    """Return a moment of an inspect (RFC 3339, "2026-11-25T14:14:02.227553811Z"), else that of a list in seconds."""
    if not (found := re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z", moment)):
        return seconds * 10**9
    whole = int(datetime.fromisoformat(found[1]).replace(tzinfo=UTC).timestamp())
    return whole * 10**9 + int((found[2] or "").ljust(9, "0"))


def _dns_names(container: str, inspected: dict[str, Any]) -> list[str]:
    """Return the names that the embedded DNS answers with an endpoint, from its inspect."""
    if "DNSNames" not in inspected and inspected.get("Aliases"):
        # Before engine 25 they are not told, but known: the container's name, and the aliases with its id and hostname.
        return [container, *inspected["Aliases"]]
    return inspected.get("DNSNames") or []


def _endpoint(
    network: str,
    settings: dict[str, Any],
    names: list[str],
    inside: tuple[Interface, ...],
    host: tuple[Interface, ...],
) -> Endpoint:
    """Return an endpoint; its interface is the one inside that has the address the engine gave it."""
    addresses = []
    if settings.get("IPAddress"):
        addresses.append(f"{settings['IPAddress']}/{settings.get('IPPrefixLen', 0)}")
    if settings.get("GlobalIPv6Address"):
        addresses.append(f"{settings['GlobalIPv6Address']}/{settings.get('GlobalIPv6PrefixLen', 0)}")
    own = next((i for i in inside if set(addresses) & set(i.addresses)), None)
    # The container's end names the index of the host's end; the other way round it is ambiguous from engine 28.
    veth = next((i.name for i in host if own and i.kind == "veth" and i.index == own.peer_index), None)
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
    """Say where the engine and the kernel do not agree about a running container's addresses and MACs."""
    said = {address for endpoint in endpoints for address in endpoint.addresses}
    found = {
        address
        for interface in inside
        for address in interface.addresses
        if interface.kind != "loopback" and not address.startswith("fe80:")
    }
    missing = [f"{name}: the engine says {a}, the kernel does not have it" for a in sorted(said - found)]
    # A container in the host's or another container's namespace has addresses that are not its own.
    extra = [f"{name}: the kernel has {a}, the engine does not say so" for a in sorted(found - said)] if said else []
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
