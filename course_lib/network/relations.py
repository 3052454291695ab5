"""Relate the parts of a picture to each other: `relations`. The cable and its ends, a rule and what it names."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

from course_lib.network.hooks import Decision, hooks
from course_lib.network.iptables_save import parse_rule
from course_lib.network.model import Key, Snapshot, without_prefix
from course_lib.network.placement import groups_by_container
from course_lib.network.topology import (
    CLIENT,
    connections,
    container_key,
    endpoint_key,
    external_interface,
    network_key,
    owner_of,
    stand_in,
)
from course_lib.network.wording import without_link_local


def relations(snapshot: Snapshot) -> dict[Key, set[Key]]:
    """Return by key the keys of what belongs to a part: neighbours on the same cable, and rules that name it.

    Those of a container that shares its card include those of the card.
    """
    found: dict[Key, set[Key]] = {}
    for together in (*_cables(snapshot), *_ports(snapshot), *_outside(snapshot), *_rules(snapshot)):
        for one, other in permutations(together, 2):
            found.setdefault(one, set()).add(other)
    cards = _cards(snapshot)
    for key, others in [*found.items()]:
        others |= {cards[other] for other in others if other in cards}
        if key in cards:
            found.setdefault(cards[key], set()).update(others)
    return found


def _cards(snapshot: Snapshot) -> dict[Key, Key]:
    """Return by key of a part of a container the part of the card that the container shares with others."""
    cards: dict[Key, Key] = {}
    groups = groups_by_container(snapshot)
    for container in snapshot.containers:
        if group := groups.get(container.name):
            first = group.first.name
            cards[container_key(container)] = ("group", first)
            for endpoint in container.endpoints:
                cards[endpoint_key(container, endpoint)] = ("group", first, endpoint.network)
                cards["veth", endpoint.veth or ""] = ("group", first, "veth")
                cards["cable", container.name, endpoint.network] = ("cable", first, endpoint.network)
    return cards


def _cables(snapshot: Snapshot) -> Iterator[set[Key]]:
    """Yield what hangs on the cable of each endpoint, and the containers that use one namespace.

    The endpoints are those of containers and of namespaces that `ip netns add` made.
    """
    for container in (*snapshot.containers, *(stand_in(snapshot, each) for each in snapshot.namespaces)):
        own = container_key(container)
        for endpoint, node in connections(snapshot, container):
            addresses: list[Key] = [("address", container.name, address) for address in endpoint.addresses]
            cable: Key = ("cable", container.name, endpoint.network)
            yield {own, endpoint_key(container, endpoint), ("veth", endpoint.veth or ""), cable, node, *addresses}
        if (owner := owner_of(snapshot, container)) is not container:
            yield {own, container_key(owner)}


def _ports(snapshot: Snapshot) -> Iterator[set[Key]]:
    """Yield each published port with its container."""
    for container in snapshot.containers:
        for port in container.ports:
            if port.host_port:
                yield {container_key(container), ("port", container.name, f"{port.container_port}/{port.protocol}")}


def _outside(snapshot: Snapshot) -> Iterator[set[Key]]:
    """Yield the client with its cable, and each interface of the host with its addresses and its bridge."""
    external = external_interface(snapshot)
    client: list[Key] = [("address", "/client", a) for i in snapshot.client for a in without_link_local(i)]
    yield {CLIENT, *client}
    if snapshot.client and external:
        yield {CLIENT, ("cable", *CLIENT), ("interface", external.name)}
    for interface in snapshot.interfaces:
        yield {("interface", interface.name), *(("address", "/host", a) for a in without_link_local(interface))}
        if interface.master:
            yield {("interface", interface.name), ("bridge", interface.master)}


def _rules(snapshot: Snapshot) -> Iterator[set[Key]]:
    """Yield each rule that is drawn with each part that it names."""
    parts = _named(snapshot)
    for hook in hooks(snapshot):
        for decision in hook.decisions:
            for part in {part for name in _names(snapshot, decision) for part in parts.get(name, ())}:
                yield {decision.key, part}


def _names(snapshot: Snapshot, decision: Decision) -> Iterator[str]:
    """Yield the interfaces, addresses, subnets and sockets that a rule names; not those that it excludes."""
    chain = snapshot.chain(decision.table, decision.chain, decision.family)
    if chain is None:
        return
    spec = parse_rule(chain.rules[decision.number - 1].spec)
    named = [option for option in spec.matches if option.name in ("-i", "-o", "-s", "-d") and not option.negated]
    for option in named:
        yield option.value.removesuffix("/32").removesuffix("/128")
    if port := spec.value("--dport"):
        addresses = [without_prefix(option.value) for option in named if option.name == "-d"]
        yield from (f"{address} {port}/{spec.value('-p')}" for address in addresses)
    if to := spec.value("--to-destination"):
        with_port = to.startswith("[") or to.count(":") == 1  # "172.17.0.2:80" or "[fd00::2]:80"
        address, _, port = to.rpartition(":") if with_port else (to, "", spec.value("--dport"))
        yield address.strip("[]")
        yield f"{address.strip('[]')} {port}/{spec.value('-p')}"


def _named(snapshot: Snapshot) -> dict[str, set[Key]]:
    """Return by each name that a rule may use the parts that it means."""
    parts: dict[str, set[Key]] = {}
    for interface in snapshot.interfaces:
        kind = "bridge" if interface.kind == "bridge" else "interface"
        kind = "veth" if interface.name in snapshot.veth_ends else kind
        parts.setdefault(interface.name, set()).add((kind, interface.name))
    for network in snapshot.networks:
        for subnet in network.subnets:
            parts.setdefault(subnet, set()).add(network_key(network))
    for container in (*snapshot.containers, *(stand_in(snapshot, each) for each in snapshot.namespaces)):
        for endpoint in container.endpoints:
            for full in endpoint.addresses:
                address = without_prefix(full)
                own: set[Key] = {container_key(container), endpoint_key(container, endpoint)}
                parts.setdefault(address, set()).update({*own, ("address", container.name, full)})
                for port in container.ports:
                    number = f"{port.container_port}/{port.protocol}"
                    parts.setdefault(f"{address} {number}", set()).add(("port", container.name, number))
    return parts
