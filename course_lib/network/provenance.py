"""Why a part is on the picture: the field of an inspect, the line of `ip`, the rule that says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from course_lib.network.grouping import name_runs, piles
from course_lib.network.hooks import hooks
from course_lib.network.model import Chain, Container, Endpoint, Interface, Key, Network, Rule, Snapshot
from course_lib.network.placement import homes
from course_lib.network.topology import container_key, endpoint_key, network_key, to_graph
from course_lib.network.wording import socket

TABLES = {"ip": "iptables", "ip6": "ip6tables"}


@dataclass(frozen=True)
class Reason:
    """The evidence for one part of a picture."""

    key: Key  # of its box
    name: str
    evidence: tuple[str, ...]  # a line each

    @property
    def text(self) -> str:
        """Return the name and the evidence, a line each."""
        return "\n".join((self.name, *self.evidence))


def reasons(snapshot: Snapshot) -> tuple[Reason, ...]:
    """Return the evidence for the parts of a picture: containers first, then networks, interfaces and rules."""
    return (
        *(r for c in snapshot.containers for r in _container(snapshot, c)),
        *_groups(snapshot),
        *(r for n in snapshot.networks if (r := _network(snapshot, n))),
        *_interfaces(snapshot),
        *_client(snapshot),
        *_rules(snapshot),
    )


def _container(snapshot: Snapshot, container: Container) -> Iterator[Reason]:
    asked = f"docker inspect {container.name}"
    lines = [
        f"{asked}: .State.Status is {container.state}",
        f"docker ps -a: IMAGE is {container.image}",
        f"{asked}: .HostConfig.NetworkMode is {container.mode}",
    ]
    for port in container.ports:
        field = f'.NetworkSettings.Ports["{port.container_port}/{port.protocol}"]'
        there = (
            f"leads there from {socket(port.host_ip or '', port.host_port)}"
            if port.host_port
            else "is null: exposed only"
        )
        lines.append(f"{asked}: {field} {there}")
    lines += [f"{asked}: .HostConfig.Links has {link.target} as {link.alias}" for link in container.links]
    yield Reason(container_key(container), f"container {container.name}", tuple(lines))
    for endpoint in container.endpoints:
        yield _endpoint(snapshot, container, endpoint)


def _endpoint(snapshot: Snapshot, container: Container, endpoint: Endpoint) -> Reason:
    asked = f"docker inspect {container.name}: .NetworkSettings.Networks"
    field = f"{asked}.{endpoint.network}" if endpoint.network.isidentifier() else f'{asked}["{endpoint.network}"]'
    lines = [f"{field}: {_given(address)}" for address in endpoint.addresses] or [f"{field}: no address"]
    if endpoint.mac:
        lines.append(f"{field}.MacAddress is {endpoint.mac}")
    if endpoint.aliases:
        lines.append(f"{field}.DNSNames or .Aliases: {', '.join(endpoint.aliases)}")
    if endpoint.interface:
        where = f"ip addr in the network namespace of {container.name}"
        lines.append(f"{where}: {endpoint.interface} has {' and '.join(endpoint.addresses)}")
    veth = snapshot.interface(endpoint.veth) if endpoint.veth else None
    if veth:
        lines.append(f"iflink of {endpoint.interface} is {veth.index}, and the host's ip link: {_line(veth)}")
    elif endpoint.interface:
        lines.append(f"iflink of {endpoint.interface} is the index of no veth of the host")
    name = f"{endpoint.interface or 'no interface'} of {container.name} on {endpoint.network}"
    return Reason(endpoint_key(container, endpoint), name, tuple(lines))


def _groups(snapshot: Snapshot) -> Iterator[Reason]:
    """Yield the evidence for cards that stand for several containers: that of the first, as an example."""
    for group in {id(g): g for g in piles(snapshot, homes(snapshot, to_graph(snapshot)), ()).values()}.values():
        who = ", ".join(name_runs(group))
        example = next(_container(snapshot, group.first)).evidence
        alike = f"alike in image, command, state and networks: {who}; one of them:"
        yield Reason(("group", group.first.name), f"containers {who}", (alike, *example))
        for endpoint in group.first.endpoints:
            found = _endpoint(snapshot, group.first, endpoint).evidence
            for key in (endpoint.network, "veth"):
                name = f"{'veths' if key == 'veth' else 'interfaces'} of {who}"
                yield Reason(("group", group.first.name, key), name, (f"one of them, of {group.first.name}:", *found))


def _given(address: str) -> str:
    """Say an address as the engine does."""
    local, _, length = address.partition("/")
    fields = ("GlobalIPv6Address", "GlobalIPv6PrefixLen") if ":" in local else ("IPAddress", "IPPrefixLen")
    return f".{fields[0]} is {local}, .{fields[1]} is {length}"


def _network(snapshot: Snapshot, network: Network) -> Reason | None:
    if network.driver in ("host", "null"):
        return None
    asked = f"docker network inspect {network.name}"
    lines = [f"{asked}: .Driver is {network.driver}, .Internal is {str(network.internal).lower()}"]
    lines += [f"{asked}: .IPAM.Config has the subnet {subnet}" for subnet in network.subnets]
    if network.bridge:
        named = "br- and 12 digits of .Id" if network.bridge == f"br-{network.id[:12]}" else "named by an option"
        lines.append(f"{asked}: the bridge is {network.bridge} ({named})")
        bridge = snapshot.interface(network.bridge)
        lines.append(f"ip -d addr: {_line(bridge)}" if bridge else f"ip -d addr: no {network.bridge}")
    return Reason(network_key(network), f"network {network.name}", tuple(lines))


def _interfaces(snapshot: Snapshot) -> Iterator[Reason]:
    """Yield the host's interfaces without the bridges of networks, which are told with their networks."""
    ends = {endpoint.veth for container in snapshot.containers for endpoint in container.endpoints}
    bridges = {network.bridge for network in snapshot.networks}
    for interface in snapshot.interfaces:
        if interface.kind != "loopback" and interface.name not in bridges:
            kind = "veth" if interface.name in ends else "bridge" if interface.kind == "bridge" else "interface"
            yield Reason((kind, interface.name), f"{interface.name} of the host", (f"ip -d addr: {_line(interface)}",))


def _client(snapshot: Snapshot) -> Iterator[Reason]:
    if snapshot.client:
        lines = tuple(f"ip -n client addr: {_line(i)}" for i in snapshot.client if i.kind != "loopback")
        yield Reason(("client", "client"), "the client", lines)


def _line(interface: Interface) -> str:
    """Return an interface as `ip` begins its lines."""
    peer = f"@if{interface.peer_index}" if interface.peer_index else ""
    master = f" master {interface.master}" if interface.master else ""
    addresses = "".join(f" {'inet6' if ':' in a else 'inet'} {a}" for a in interface.addresses)
    mtu = f"mtu {interface.mtu}"
    start = f"{interface.index}: {interface.name}{peer}: {mtu}{master} state {interface.state}"
    return f"{start} link/{interface.kind} {interface.mac}{addresses}"


def _rules(snapshot: Snapshot) -> Iterator[Reason]:
    """Yield the rules that the picture shows, as `iptables-save -c` prints them."""
    for hook in hooks(snapshot):
        for decision in hook.decisions:
            chain = snapshot.chain(decision.table, decision.chain, decision.family)
            if chain:
                yield _rule(chain, chain.rules[decision.number - 1])
        for chain in hook.policies:
            line = f"{TABLES[chain.family]}-save -c, table {chain.table}: "
            line += f":{chain.name} {chain.policy} [{chain.packets}:{chain.bytes}]"
            yield Reason(("policy", chain.family), f"policy of {chain.name}", (line,))


def _rule(chain: Chain, rule: Rule) -> Reason:
    line = f"[{rule.packets}:{rule.bytes}] -A {chain.name} {rule.spec}"
    key: Key = ("rule", chain.family, chain.table, chain.name, rule.number)
    name = f"rule {rule.number} of {chain.table} {chain.name}" + (" (IPv6)" if chain.family == "ip6" else "")
    return Reason(key, name, (f"{TABLES[chain.family]}-save -c, table {chain.table}: {line}",))
