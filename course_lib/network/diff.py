"""Compare two Snapshots and describe each change in a sentence: `difference`.

The same change always gives the same sentence: a veth is named after its container and a bridge after its network,
not by the random digits of its interface name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TypeVar

from course_lib.network.hooks import hooks
from course_lib.network.model import Container, Endpoint, Interface, Network, Route, Snapshot
from course_lib.network.wording import published_words, without_link_local
from course_lib.plain_text import clean

Item = TypeVar("Item")


def difference(before: Snapshot, after: Snapshot) -> list[str]:
    """Return a sentence for each change between two snapshots; none if they are equal.

    The order is: networks, containers, interfaces, routes, rules, counters, contradictions. After a reset of the lab
    there is one sentence only.
    """
    # dockerd keeps the network "host" across restarts, but not "bridge" (moby, daemon/daemon_unix.go).
    ids = [{network.id for network in snapshot.networks if network.driver == "host"} for snapshot in (before, after)]
    if all(ids) and not ids[0] & ids[1]:
        return ["The lab was reset: this is a new host, without anything that was on the old one."]
    sentences = [
        *_networks(before, after),
        *_containers(before, after),
        *_interfaces(before, after),
        *_routes(before, after),
        *_rules(before, after),
        *_counters(before, after),
        *(f"Contradiction: {warning}" for warning in after.warnings if warning not in before.warnings),
    ]
    return [clean(sentence) for sentence in sentences]


def is_settled(snapshot: Snapshot) -> bool:
    """Return whether the kernel has updated the state of each bridge: a bridge is up if one of its ports is."""
    up = {i.master for i in snapshot.interfaces if i.state == "UP"}
    return all((i.state == "UP") == (i.name in up) for i in snapshot.interfaces if i.kind == "bridge")


def plain_names(snapshot: Snapshot) -> dict[str, str]:
    """Return a readable name for each interface with a random name, by that name: "veth-of-web", "bridge-of-mynet"."""
    names = {n.bridge: f"bridge-of-{n.name}" for n in snapshot.networks if n.bridge and n.bridge.startswith("br-")}
    for container in snapshot.containers:
        several = len(container.endpoints) > 1
        for endpoint in container.endpoints:
            if endpoint.veth:
                names[endpoint.veth] = f"veth-of-{container.name}" + (f"-on-{endpoint.network}" if several else "")
    return names


class _Names:
    """Replaces the random names of interfaces in a text by readable ones."""

    def __init__(self, *snapshots: Snapshot) -> None:
        self._names = {name: plain for snapshot in snapshots for name, plain in plain_names(snapshot).items()}
        longest_first = sorted(map(re.escape, self._names), key=len, reverse=True)
        self._pattern = re.compile(rf"\b({'|'.join(longest_first)})\b") if longest_first else None

    def __call__(self, text: str) -> str:
        return self._pattern.sub(lambda match: self._names[match[1]], text) if self._pattern else text


def _changed(
    before: Iterable[Item], after: Iterable[Item], key: Callable[[Item], str]
) -> Iterator[tuple[str, Item | None, Item | None]]:
    """Yield the key, the old and the new state of each item that differs, sorted by key; None if it did not exist."""
    old, new = {key(item): item for item in before}, {key(item): item for item in after}
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield name, old.get(name), new.get(name)


def _networks(before: Snapshot, after: Snapshot) -> Iterator[str]:
    # Compared by id: a network that was removed and created again has the same name.
    gone = [n for n in before.networks if n.id not in {m.id for m in after.networks}]
    new = [n for n in after.networks if n.id not in {m.id for m in before.networks}]
    yield from (f"Network {n.name} is gone." for n in sorted(gone))
    yield from (f"Network {n.name} was added: {_network(n)}." for n in sorted(new))


def _network(network: Network) -> str:
    subnets = " and ".join(network.subnets) or "no subnet"
    return f"driver {network.driver}, {subnets}" + (", internal" if network.internal else "")


def _containers(before: Snapshot, after: Snapshot) -> Iterator[str]:
    """Yield which containers were renamed, added, recreated, changed or removed."""
    earlier = {c.id: c.name for c in before.containers}
    names = {c.name for c in before.containers}, {c.name for c in after.containers}
    renamed = {
        earlier[c.id]: c.name
        for c in after.containers
        if c.id in earlier and c.name not in names[0] and earlier[c.id] not in names[1]
    }
    yield from (f"Container {old} is now called {new}." for old, new in sorted(renamed.items()))
    known = [replace(c, name=renamed.get(c.name, c.name)) for c in before.containers]
    for name, old, new in _changed(known, after.containers, lambda c: c.name):
        if new is None:
            yield f"Container {name} is gone."
        elif old is None or old.id != new.id:
            yield f"Container {name} was {'added' if old is None else 'recreated'}: {_container(new)}."
        else:
            yield from _container_changes(old, new)


def _container(container: Container) -> str:
    connected = [f"{_addresses(e)} on {e.network}" for e in container.endpoints if e.addresses]
    return ", ".join([container.state, container.image, *connected, *published_words(container)])


def _addresses(endpoint: Endpoint) -> str:
    return " and ".join(endpoint.addresses) or "no address"


def _container_changes(old: Container, new: Container) -> Iterator[str]:
    """Yield the changes of a container's state, its endpoints and its published ports."""
    name = new.name
    if old.state != new.state:
        yield f"Container {name} changed from {old.state} to {new.state}."
    for network, was, now in _changed(old.endpoints, new.endpoints, lambda e: e.network):
        if now is None:
            yield f"Container {name} left the network {network}."
        elif was is None:
            yield f"Container {name} joined the network {network}: {_addresses(now)}."
        elif was.addresses != now.addresses:
            yield f"Container {name} now has {_addresses(now)} on {network}, before {_addresses(was)}."
        elif was.interface != now.interface:
            yield f"Container {name} now has {now.interface or 'no interface'} on {network}."
        elif was.aliases != now.aliases:
            yield f"Container {name} answers to different names on {network}."
    ports, earlier = published_words(new), published_words(old)
    yield from (f"Container {name}: {port}." for port in ports if port not in earlier)
    yield from (f"Container {name}: no longer {port}." for port in earlier if port not in ports)


def _interfaces(before: Snapshot, after: Snapshot) -> Iterator[str]:
    """Yield which interfaces of the host and the client were added, changed or removed."""
    names = _Names(before, after)
    for where, was, now in (
        ("Host", before.interfaces, after.interfaces),
        ("Client", before.client, after.client),
    ):
        sentences = []
        for name, old, new in _changed(was, now, lambda i: i.name):
            plain = names(name)
            if new is None:
                sentences.append(f"{where}: interface {plain} is gone.")
            elif old is None:
                port = f", a port of {names(new.master)}" if new.master else ""
                address = "".join(f", {a}" for a in without_link_local(new))
                sentences.append(f"{where}: interface {plain} was added{port}{address}.")
            else:
                sentences += [f"{where}: interface {plain} {change}." for change in _interface_changes(old, new, names)]
        yield from sorted(sentences)


def _interface_changes(old: Interface, new: Interface, names: _Names) -> Iterator[str]:
    if old.state != new.state:
        yield f"changed from {old.state} to {new.state}"
    if old.master != new.master:
        yield f"is a port of {names(new.master)}" if new.master else f"is no longer a port of {names(old.master or '')}"
    for address in sorted(set(without_link_local(new)) - set(without_link_local(old))):
        yield f"got {address}"
    for address in sorted(set(without_link_local(old)) - set(without_link_local(new))):
        yield f"lost {address}"
    if old.mac != new.mac:
        yield "has a new MAC address"
    if old.mtu != new.mtu:
        yield f"changed its MTU from {old.mtu} to {new.mtu}"


def _routes(before: Snapshot, after: Snapshot) -> Iterator[str]:
    names = _Names(before, after)
    old, new = ({names(_route(r)) for r in s.routes} for s in (before, after))
    yield from (f"Route is gone: {route}." for route in sorted(old - new))
    yield from (f"Route was added: {route}." for route in sorted(new - old))


def _route(route: Route) -> str:
    via = f" via {route.gateway}" if route.gateway else ""
    return f"{route.destination}{via} dev {route.device}"


def _rules(before: Snapshot, after: Snapshot) -> Iterator[str]:
    """Yield which chains and rules were added or removed, and which policies and orders of rules changed."""
    names = _Names(before, after)
    for title, old, new in _changed(before.chains, after.chains, lambda c: c.title):
        if old is None or new is None:
            yield f"Chain {title} {'was added' if old is None else 'is gone'}."
        if old and new and old.policy != new.policy:
            yield f"Policy of {title} changed from {old.policy} to {new.policy}."
        was, now = (Counter(names(r.spec) for r in c.rules) if c else Counter[str]() for c in (old, new))
        yield from (f"Rule is gone from {title}: {spec}" for spec in sorted((was - now).elements()))
        yield from (f"Rule was added to {title}: {spec}" for spec in sorted((now - was).elements()))
        if old and new and was == now and [r.spec for r in old.rules] != [r.spec for r in new.rules]:
            yield f"The rules of {title} are in a different order."


def _counters(before: Snapshot, after: Snapshot) -> Iterator[str]:
    """Yield which of the rules in the picture counted packets, or had their counters reset.

    A rule of the nat table counts connections: the sentence says how many. Other rules count packets, whose number
    per connection varies, so the sentence leaves it out.
    """
    names = _Names(before, after)
    old = Counter[tuple[str, ...]]()
    for hook in hooks(before):
        for d in hook.decisions:
            old[d.table, d.heading, d.words] += d.packets
    for hook in hooks(after):
        new = Counter[tuple[str, ...]]()
        for d in hook.decisions:
            new[d.table, d.heading, d.words] += d.packets
        for (table, heading, words), packets in new.items():
            change = packets - old[table, heading, words]
            if change:
                event = f"Counted{_connections(table, change)}" if change > 0 else "Counter reset"
                yield f"{event}: {table} {heading}: {names(words)}"
        for policy in hook.policies:
            earlier = before.chain(policy.table, policy.name, policy.family)
            if policy.policy == "DROP" and earlier and policy.packets > earlier.packets:
                yield f"Counted: policy DROP of {policy.table} {policy.name}, which applies to all other packets"


def _connections(table: str, count: int) -> str:
    return f" {count} connection{'' if count == 1 else 's'}" if table == "nat" else ""
