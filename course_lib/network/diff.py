"""What is different between two Snapshots, in sentences: what was added, what is gone, which counters moved.

The sentences are the same each time that the same thing happens: a veth is named after its container and a bridge
after its network, not by their random digits.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TypeVar

from course_lib.network.hooks import hooks
from course_lib.network.model import Chain, Container, Endpoint, Interface, Network, Route, Snapshot
from course_lib.network.wording import published, reachable
from course_lib.plain_text import clean

Item = TypeVar("Item")


def difference(before: Snapshot, after: Snapshot) -> list[str]:
    """Return what happened between two snapshots, a sentence each; nothing if they say the same."""
    sentences = [
        *_networks(before, after),
        *_containers(before, after),
        *_interfaces(before, after),
        *_routes(before, after),
        *_rules(before, after),
        *_counters(before, after),
        *(f"Contradiction: {said}" for said in after.warnings if said not in before.warnings),
    ]
    return [clean(sentence) for sentence in sentences]


def is_settled(snapshot: Snapshot) -> bool:
    """Return whether each bridge has noticed its ports: it is up if one of them is."""
    up = {i.master for i in snapshot.interfaces if i.state == "UP"}
    return all((i.state == "UP") == (i.name in up) for i in snapshot.interfaces if i.kind == "bridge")


def plain_names(snapshot: Snapshot) -> dict[str, str]:
    """Return readable names for the interfaces that the engine named at random."""
    names = {n.bridge: f"bridge-of-{n.name}" for n in snapshot.networks if n.bridge and n.bridge.startswith("br-")}
    for container in snapshot.containers:
        several = len(container.endpoints) > 1
        for endpoint in container.endpoints:
            if endpoint.veth:
                names[endpoint.veth] = f"veth-of-{container.name}" + (f"-on-{endpoint.network}" if several else "")
    return names


class _Names:
    """Puts readable names in the place of random ones."""

    def __init__(self, *snapshots: Snapshot) -> None:
        self._names = {name: words for snapshot in snapshots for name, words in plain_names(snapshot).items()}
        longest_first = sorted(map(re.escape, self._names), key=len, reverse=True)
        self._pattern = re.compile(rf"\b({'|'.join(longest_first)})\b") if longest_first else None

    def __call__(self, text: str) -> str:
        return self._pattern.sub(lambda match: self._names[match[1]], text) if self._pattern else text


def _pairs(
    before: Iterable[Item], after: Iterable[Item], key: Callable[[Item], str]
) -> Iterator[tuple[str, Item | None, Item | None]]:
    """Yield what differs: its key, what it was and what it is, None where it is not there; sorted by the key."""
    old, new = {key(item): item for item in before}, {key(item): item for item in after}
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield name, old.get(name), new.get(name)


def _networks(before: Snapshot, after: Snapshot) -> Iterator[str]:
    # By id: a network that was removed and made again under its name is another one.
    gone = [n for n in before.networks if n.id not in {m.id for m in after.networks}]
    new = [n for n in after.networks if n.id not in {m.id for m in before.networks}]
    yield from (f"Network {n.name} is gone." for n in sorted(gone))
    yield from (f"Network {n.name} was added: {_network(n)}." for n in sorted(new))


def _network(network: Network) -> str:
    subnets = " and ".join(network.subnets) or "no subnet"
    return f"driver {network.driver}, {subnets}" + (", internal" if network.internal else "")


def _containers(before: Snapshot, after: Snapshot) -> Iterator[str]:
    earlier = {c.id: c.name for c in before.containers}
    names = {c.name for c in before.containers}, {c.name for c in after.containers}
    renamed = {
        earlier[c.id]: c.name
        for c in after.containers
        if c.id in earlier and c.name not in names[0] and earlier[c.id] not in names[1]
    }
    yield from (f"Container {old} is now called {new}." for old, new in sorted(renamed.items()))
    known = [replace(c, name=renamed.get(c.name, c.name)) for c in before.containers]
    for name, old, new in _pairs(known, after.containers, lambda c: c.name):
        if new is None:
            yield f"Container {name} is gone."
        elif old is None or old.id != new.id:
            yield f"Container {name} was {'added' if old is None else 'made anew'}: {_container(new)}."
        else:
            yield from _container_changes(old, new)


def _container(container: Container) -> str:
    places = [f"{_addresses(e)} on {e.network}" for e in container.endpoints if e.addresses]
    return ", ".join([container.state, container.image, *places, *published(container)])


def _addresses(endpoint: Endpoint) -> str:
    return " and ".join(endpoint.addresses) or "no address"


def _container_changes(old: Container, new: Container) -> Iterator[str]:
    name = new.name
    if old.state != new.state:
        yield f"Container {name} was {old.state} and is {new.state}."
    for network, was, now in _pairs(old.endpoints, new.endpoints, lambda e: e.network):
        if now is None:
            yield f"Container {name} left the network {network}."
        elif was is None:
            yield f"Container {name} joined the network {network}: {_addresses(now)}."
        elif was.addresses != now.addresses:
            yield f"Container {name} has {_addresses(now)} on {network} and had {_addresses(was)}."
        elif was.interface != now.interface:
            yield f"Container {name} has {now.interface or 'no interface'} on {network}."
        elif was.aliases != now.aliases:
            yield f"Container {name} answers to other names on {network}."
    ports, earlier = published(new), published(old)
    yield from (f"Container {name}: {port}." for port in ports if port not in earlier)
    yield from (f"Container {name}: no longer {port}." for port in earlier if port not in ports)


def _interfaces(before: Snapshot, after: Snapshot) -> Iterator[str]:
    names = _Names(before, after)
    for where, was, now in (
        ("Host", before.interfaces, after.interfaces),
        ("Client", before.client, after.client),
    ):
        said = []
        for name, old, new in _pairs(was, now, lambda i: i.name):
            called = names(name)
            if new is None:
                said.append(f"{where}: interface {called} is gone.")
            elif old is None:
                port = f", a port of {names(new.master)}" if new.master else ""
                address = "".join(f", {a}" for a in reachable(new))
                said.append(f"{where}: interface {called} was added{port}{address}.")
            else:
                said += [f"{where}: interface {called} {change}." for change in _interface_changes(old, new, names)]
        yield from sorted(said)


def _interface_changes(old: Interface, new: Interface, names: _Names) -> Iterator[str]:
    if old.state != new.state:
        yield f"was {old.state} and is {new.state}"
    if old.master != new.master:
        yield f"is a port of {names(new.master)}" if new.master else f"is no port of {names(old.master or '')} any more"
    for address in sorted(set(reachable(new)) - set(reachable(old))):
        yield f"got {address}"
    for address in sorted(set(reachable(old)) - set(reachable(new))):
        yield f"lost {address}"
    if old.mac != new.mac:
        yield "has another MAC address"
    if old.mtu != new.mtu:
        yield f"has an MTU of {new.mtu} and had {old.mtu}"


def _routes(before: Snapshot, after: Snapshot) -> Iterator[str]:
    names = _Names(before, after)
    old, new = ({names(_route(r)) for r in s.routes} for s in (before, after))
    yield from (f"Route is gone: {route}." for route in sorted(old - new))
    yield from (f"Route was added: {route}." for route in sorted(new - old))


def _route(route: Route) -> str:
    via = f" via {route.gateway}" if route.gateway else ""
    return f"{route.destination}{via} dev {route.device}"


def _rules(before: Snapshot, after: Snapshot) -> Iterator[str]:
    names = _Names(before, after)
    for place, old, new in _pairs(before.chains, after.chains, _place):
        if old is None or new is None:
            yield f"Chain {place} {'was added' if old is None else 'is gone'}."
        if old and new and old.policy != new.policy:
            yield f"Policy of {place} was {old.policy} and is {new.policy}."
        was, now = (Counter(names(r.spec) for r in c.rules) if c else Counter[str]() for c in (old, new))
        yield from (f"Rule is gone from {place}: {spec}" for spec in sorted((was - now).elements()))
        yield from (f"Rule was added to {place}: {spec}" for spec in sorted((now - was).elements()))
        if old and new and was == now and [r.spec for r in old.rules] != [r.spec for r in new.rules]:
            yield f"The rules of {place} stand in another order."


def _place(chain: Chain) -> str:
    return f"{chain.table} {chain.name}" + (" (IPv6)" if chain.family == "ip6" else "")


def _counters(before: Snapshot, after: Snapshot) -> Iterator[str]:
    """Say which rules that decide have counted.

    Rules of the nat table count connections, and the number is told. Others count packets, and how many a
    connection takes is another number each time.
    """
    names = _Names(before, after)
    old = Counter[tuple[str, ...]]()
    for hook in hooks(before):
        for d in hook.decisions:
            old[d.family, d.table, d.chain, d.words] += d.packets
    for hook in hooks(after):
        new = Counter[tuple[str, ...]]()
        for d in hook.decisions:
            new[d.family, d.table, d.place, d.chain, d.words] += d.packets
        for (family, table, place, chain, words), packets in new.items():
            moved = packets - old[family, table, chain, words]
            if moved:
                said = f"Counted{_number(table, moved)}" if moved > 0 else "Counter set back"
                yield f"{said}: {table} {place}: {names(words)}"
        for policy in hook.policies:
            earlier = before.chain(policy.table, policy.name, policy.family)
            if policy.policy == "DROP" and earlier and policy.packets > earlier.packets:
                yield f"Counted: policy DROP of {policy.table} {policy.name}, which is for whatever is left"


def _number(table: str, moved: int) -> str:
    return f" {moved} connection{'' if moved == 1 else 's'}" if table == "nat" else ""
