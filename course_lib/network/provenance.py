"""Name the evidence for each part of a picture: `reasons`. A field of `docker inspect`, a line of `ip`, or a rule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from course_lib.network.hooks import hooks
from course_lib.network.model import Container, Endpoint, Interface, Key, Namespace, Network, Snapshot, without_prefix
from course_lib.network.placement import groups_by_container, name_runs
from course_lib.network.topology import CLIENT, container_key, endpoint_key, network_key, stand_in
from course_lib.network.wording import socket, without_link_local


@dataclass(frozen=True)
class Reason:
    """The evidence for one part of a picture."""

    key: Key  # in the picture
    name: str
    evidence: tuple[str, ...]  # lines


def reasons(snapshot: Snapshot) -> tuple[Reason, ...]:
    """Return the evidence for the parts of a picture: containers first, then networks, interfaces and rules."""
    return (
        *(r for c in snapshot.containers for r in _container(snapshot, c)),
        *(r for n in snapshot.namespaces for r in _namespace(snapshot, n)),
        *_groups(snapshot),
        *(_network(snapshot, n) for n in snapshot.networks if n.connects_containers),
        *_interfaces(snapshot),
        *_rules(snapshot),
    )


def _container(snapshot: Snapshot, container: Container) -> Iterator[Reason]:
    """Yield the evidence for a container, then for each of its endpoints."""
    inspect = f"docker inspect {container.name}"
    lines = [
        f"{inspect}: .State.Status is {container.state}",
        f"docker ps -a: IMAGE is {container.image}",
        f"{inspect}: .HostConfig.NetworkMode is {container.mode}",
    ]
    ports: list[tuple[str, str]] = []  # each published one with its line
    for port in container.ports:
        number = f"{port.container_port}/{port.protocol}"
        host = socket(port.host_ip or "", port.host_port) if port.host_port else ""
        lines.append(
            f'{inspect}: .NetworkSettings.Ports["{number}"] '
            f"{f'is published as {host}' if host else 'is null: exposed only'}"
        )
        ports += [(number, lines[-1])] if host else []
    lines += [f"{inspect}: .HostConfig.Links has {link.target} as {link.alias}" for link in container.links]
    yield Reason(container_key(container), f"container {container.name}", tuple(lines))
    for number, found in groupby(sorted(ports), key=lambda pair: pair[0]):
        name = f"published port {number} of {container.name}"
        yield Reason(("port", container.name, number), name, tuple(line for _, line in found))
    for endpoint in container.endpoints:
        yield from _endpoint(snapshot, container, endpoint)


def _endpoint(snapshot: Snapshot, container: Container, endpoint: Endpoint) -> Iterator[Reason]:
    """Yield the evidence for an endpoint (the engine's fields, the interface, the veth), its cable, its addresses."""
    index = f".{endpoint.network}" if endpoint.network.isidentifier() else f'["{endpoint.network}"]'
    field = f"docker inspect {container.name}: .NetworkSettings.Networks{index}"
    addresses = {address: f"{field}: {_inspected(address)}" for address in endpoint.addresses}
    lines = [*addresses.values()] or [f"{field}: no address"]
    if endpoint.mac:
        lines.append(f"{field}.MacAddress is {endpoint.mac}")
    if endpoint.aliases:
        lines.append(f"{field}.DNSNames or .Aliases: {', '.join(endpoint.aliases)}")
    if endpoint.interface:
        where = f"ip addr in the network namespace of {container.name}"
        lines.append(f"{where}: {endpoint.interface} has {' and '.join(endpoint.addresses)}")
    inside = f"{endpoint.interface or 'no interface'} of {container.name}"
    if veth := snapshot.interface(endpoint.veth or ""):
        lines.append(f"iflink of {endpoint.interface} is {veth.index}, and the host's ip link: {_line(veth)}")
    elif endpoint.interface:
        lines.append(f"iflink of {endpoint.interface} matches no veth of the host")
    pair = f"veth pair: {endpoint.veth} of the host and {inside} on {endpoint.network}"
    name = pair if endpoint.veth else f"connection of {inside} to {endpoint.network}"
    yield Reason(("cable", container.name, endpoint.network), name, (lines[-1],))
    yield Reason(endpoint_key(container, endpoint), f"{inside} on {endpoint.network}", tuple(lines))
    for address, line in addresses.items():
        name = f"address {address} of {container.name} on {endpoint.network}"
        yield Reason(("address", container.name, address), name, (line,))


def _namespace(snapshot: Snapshot, namespace: Namespace) -> Iterator[Reason]:
    """Yield the evidence for a namespace that `ip netns add` made, and for its cables to bridges."""
    own = stand_in(snapshot, namespace)
    found = {i.name: f"ip -n {namespace.name} -d addr: {_line(i)}" for i in namespace.interfaces}
    listed = f"ip netns list: {namespace.name}"
    yield Reason(container_key(own), f"network namespace {namespace.name}", (listed, *found.values()))
    for end in own.endpoints:
        name, veth = f"{end.interface} of the network namespace {namespace.name}", snapshot.interface(end.veth or "")
        lines = (found[end.network], *([f"ip -d addr: {_line(veth)}"] if veth else []))
        yield Reason(("cable", own.name, end.network), f"veth pair: {end.veth} of the host and {name}", lines)
        yield Reason(endpoint_key(own, end), name, lines)
        for address in end.addresses:
            yield Reason(("address", own.name, address), f"address {address} of {name}", lines[:1])


def _inspected(address: str) -> str:
    """Return an address in the fields of `docker inspect`."""
    length = address.partition("/")[2]
    fields = ("GlobalIPv6Address", "GlobalIPv6PrefixLen") if ":" in address else ("IPAddress", "IPPrefixLen")
    return f".{fields[0]} is {without_prefix(address)}, .{fields[1]} is {length}"


def _groups(snapshot: Snapshot) -> Iterator[Reason]:
    """Yield the evidence for the cards of several containers: that of the first container, as an example."""
    for group in {id(g): g for g in groups_by_container(snapshot).values()}.values():
        first, names = group.first, ", ".join(name_runs(group))
        example, *more = _container(snapshot, first)
        ends = [reason for reason in more if reason.key[0] == "endpoint"]
        common = f"same image, command, state and networks: {names}; for example:"
        yield Reason(("group", first.name), f"containers {names}", (common, *example.evidence))
        for endpoint, end in zip(first.endpoints, ends, strict=True):
            evidence = (f"for example, of {first.name}:", *end.evidence)
            yield Reason(("group", first.name, endpoint.network), f"interfaces of {names}", evidence)
            yield Reason(("group", first.name, "veth"), f"veths of {names}", evidence)


def _network(snapshot: Snapshot, network: Network) -> Reason:
    """Return the evidence for a network and its bridge."""
    inspect = f"docker network inspect {network.name}"
    lines = [f"{inspect}: .Driver is {network.driver}, .Internal is {str(network.internal).lower()}"]
    lines += [f"{inspect}: .IPAM.Config has the subnet {subnet}" for subnet in network.subnets]
    if network.bridge:
        named = "br- and 12 digits of .Id" if network.bridge == f"br-{network.id[:12]}" else "named by an option"
        bridge = snapshot.interface(network.bridge)
        lines.append(f"{inspect}: the bridge is {network.bridge} ({named})")
        lines.append(f"ip -d addr: {_line(bridge) if bridge else f'no {network.bridge}'}")
    return Reason(network_key(network), f"network {network.name}", tuple(lines))


def _interfaces(snapshot: Snapshot) -> Iterator[Reason]:
    """Yield the evidence for the host's interfaces, except the bridges of networks, and for the client."""
    bridges = {network.bridge for network in snapshot.networks}
    for interface in snapshot.interfaces:
        if interface.kind != "loopback" and interface.name not in bridges:
            kind = "bridge" if interface.kind == "bridge" else "interface"
            kind = "veth" if interface.name in snapshot.veth_ends else kind
            line = f"ip -d addr: {_line(interface)}"
            yield Reason((kind, interface.name), f"{interface.name} of the host", (line,))
            for address in without_link_local(interface):
                name = f"address {address} of the host's {interface.name}"
                yield Reason(("address", "/host", address), name, (line,))
    if snapshot.client:
        found = {i: f"ip -n client addr: {_line(i)}" for i in snapshot.client if i.kind != "loopback"}
        yield Reason(CLIENT, "the client", tuple(found.values()))
        yield Reason(("cable", *CLIENT), "the cable between the client and the host", tuple(found.values()))
        for interface, line in found.items():
            for address in without_link_local(interface):
                yield Reason(("address", "/client", address), f"address {address} of the client", (line,))


def _line(interface: Interface) -> str:
    """Return an interface in the form of `ip -d addr`, on one line."""
    peer = f"@if{interface.peer_index}" if interface.peer_index else ""
    master = f" master {interface.master}" if interface.master else ""
    addresses = "".join(f" {'inet6' if ':' in a else 'inet'} {a}" for a in interface.addresses)
    start = f"{interface.index}: {interface.name}{peer}: mtu {interface.mtu}{master} state {interface.state}"
    return f"{start} link/{interface.link_type} {interface.mac}{addresses}"


def _rules(snapshot: Snapshot) -> Iterator[Reason]:
    """Yield the evidence for the rules and policies in the picture: what `iptables-save -c` prints."""
    for hook in hooks(snapshot):
        for decision in hook.decisions:
            if chain := snapshot.chain(decision.table, decision.chain, decision.family):
                rule = chain.rules[decision.number - 1]
                line = f"[{rule.packets}:{rule.bytes}] -A {chain.name} {rule.spec}"
                name = f"rule {rule.number} of {chain.title}"
                yield Reason(decision.key, name, (f"{_saved(chain.family, chain.table)}: {line}",))
        for chain in hook.policies:
            line = f":{chain.name} {chain.policy} [{chain.packets}:{chain.bytes}]"
            name = f"policy of {chain.name}"
            yield Reason(("policy", chain.family), name, (f"{_saved(chain.family, chain.table)}: {line}",))


def _saved(family: str, table: str) -> str:
    return f"{'ip6tables' if family == 'ip6' else 'iptables'}-save -c, table {table}"
