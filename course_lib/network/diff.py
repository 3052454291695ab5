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
from course_lib.network.wording import published_words, unread_words, without_link_local
from course_lib.plain_text import clean

Item = TypeVar("Item")
Names = Callable[[str], str]  # replaces the random names of interfaces in a text


def difference(before: Snapshot, after: Snapshot) -> list[str]:
    """Return a sentence for each change between two snapshots; none if they are equal.

    The order is: networks, containers, namespaces of `ip netns`, interfaces, routes, rules, counters, what could not be
    read, contradictions.
    After a reset of the lab there is one sentence only.
    """
    # dockerd keeps the network "host" across restarts, but not "bridge" (moby, daemon/daemon_unix.go).
    ids = [{network.id for network in snapshot.networks if network.driver == "host"} for snapshot in (before, after)]
    if all(ids) and not ids[0] & ids[1]:
        return ["The lab was reset: this is a new host, without anything that was on the old one."]
    names = _readable_names(before, after)
    sentences = [
        *_networks(before, after),
        *_containers(before, after),
        *_namespaces(before, after, names),
        *_interfaces("Host", before.interfaces, after.interfaces, names),
        *_interfaces("Client", before.client, after.client, names),
        *_routes(before, after, names),
        *_rules(before, after, names),
        *_counters(before, after, names),
        *(f"{sentence}." for sentence in unread_words(after) if sentence not in unread_words(before)),
        *(f"Contradiction: {warning}" for warning in after.warnings if warning not in before.warnings),
        *(f"No contradiction any more: {warning}" for warning in before.warnings if warning not in after.warnings),
    ]
    return [clean(sentence) for sentence in sentences]


def is_settled(snapshot: Snapshot) -> bool:
    """Return whether the kernel has updated the state of each bridge: a bridge is up if one of its ports is."""
    up = {i.master for i in snapshot.interfaces if i.state == "UP"}
    return all((i.state == "UP") == (i.name in up) for i in snapshot.interfaces if i.kind == "bridge")


def _readable_names(*snapshots: Snapshot) -> Names:
    """Return a function that replaces random names of interfaces by readable ones: "veth-of-web", "bridge-of-mynet"."""
    names: dict[str, str] = {}
    for snapshot in snapshots:
        names |= {n.bridge: f"bridge-of-{n.name}" for n in snapshot.networks if n.bridge and n.bridge.startswith("br-")}
        for container in snapshot.containers:
            several = len(container.endpoints) > 1
            for end in container.endpoints:
                if end.veth:
                    names[end.veth] = f"veth-of-{container.name}" + (f"-on-{end.network}" if several else "")
    if not names:
        return str
    longest_first = sorted(map(re.escape, names), key=len, reverse=True)
    pattern = re.compile(rf"\b({'|'.join(longest_first)})\b")
    return lambda text: pattern.sub(lambda match: names[match[1]], text)


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
    old, new = ({n.id: n for n in snapshot.networks} for snapshot in (before, after))
    yield from (f"Network {old[i].name} is gone." for i in old if i not in new)
    yield from (f"Network {new[i].name} was added: {_network(new[i])}." for i in new if i not in old)


def _network(network: Network) -> str:
    subnets = " and ".join(network.subnets) or "no subnet"
    return f"driver {network.driver}, {subnets}" + (", internal" if network.internal else "")


def _containers(before: Snapshot, after: Snapshot) -> Iterator[str]:
    """Yield which containers were renamed, added, recreated, changed or removed."""
    earlier = {c.id: c.name for c in before.containers}
    renamed = {
        earlier[c.id]: c.name
        for c in after.containers
        if c.id in earlier and not before.container(c.name) and not after.container(earlier[c.id])
    }
    yield from (f"Container {old} is now called {new}." for old, new in sorted(renamed.items()))
    known = [replace(c, name=renamed.get(c.name, c.name)) for c in before.containers]
    for name, old, new in _changed(known, after.containers, lambda c: c.name):
        if new is None:
            yield f"Container {name} is gone."
        elif old is None or old.id != new.id:
            connected = [f"{_addresses(e)} on {e.network}" for e in new.endpoints if e.addresses]
            facts = ", ".join([new.state, new.image, *connected, *published_words(new)])
            yield f"Container {name} was {'added' if old is None else 'recreated'}: {facts}."
        else:
            yield from (f"Container {name}{change}." for change in _container_changes(old, new))


def _addresses(endpoint: Endpoint) -> str:
    return " and ".join(endpoint.addresses) or "no address"


def _container_changes(old: Container, new: Container) -> Iterator[str]:
    """Yield the changes of a container's state, its endpoints and its published ports."""
    if old.state != new.state:
        yield f" changed from {old.state} to {new.state}"
    for network, was, now in _changed(old.endpoints, new.endpoints, lambda e: e.network):
        if now is None:
            yield f" left the network {network}"
        elif was is None:
            yield f" joined the network {network}: {_addresses(now)}"
        elif was.addresses != now.addresses:
            yield f" now has {_addresses(now)} on {network}, before {_addresses(was)}"
        elif was.interface != now.interface:
            yield f" now has {now.interface or 'no interface'} on {network}"
        elif was.aliases != now.aliases:
            yield f" answers to different names on {network}"
    ports, earlier = published_words(new), published_words(old)
    yield from (f": {port}" for port in ports if port not in earlier)
    yield from (f": no longer {port}" for port in earlier if port not in ports)


def _namespaces(before: Snapshot, after: Snapshot, names: Names) -> Iterator[str]:
    """Yield which namespaces `ip netns` added or removed, and what changed in the others."""
    for name, old, new in _changed(before.namespaces, after.namespaces, lambda n: n.name):
        if new is None:
            yield f"Network namespace {name} is gone."
        elif old is None:
            own = [" ".join([i.name, *without_link_local(i)]) for i in new.interfaces if i.kind != "loopback"]
            yield f"Network namespace {name} was added" + (f": {', '.join(own)}." if own else ".")
        else:
            yield from _interfaces(f"Namespace {name}", old.interfaces, new.interfaces, names)


def _interfaces(where: str, before: Iterable[Interface], after: Iterable[Interface], names: Names) -> list[str]:
    """Return which interfaces of the host, the client or another namespace were added, changed or removed."""
    changes = []
    for name, old, new in _changed(before, after, lambda i: i.name):
        if new is None:
            changes.append((name, "is gone"))
        elif old is None:
            port = f", a port of {names(new.master)}" if new.master else ""
            changes.append((name, f"was added{port}" + "".join(f", {a}" for a in without_link_local(new))))
        else:
            changes += [(name, change) for change in _interface_changes(old, new, names)]
    return sorted(f"{where}: interface {names(name)} {change}." for name, change in changes)


def _interface_changes(old: Interface, new: Interface, names: Names) -> Iterator[str]:
    if old.state != new.state:
        yield f"changed from {old.state} to {new.state}"
    if old.master != new.master:
        yield f"is a port of {names(new.master)}" if new.master else f"is no longer a port of {names(old.master or '')}"
    was, now = set(without_link_local(old)), set(without_link_local(new))
    yield from (f"got {address}" for address in now - was)
    yield from (f"lost {address}" for address in was - now)
    if old.mac != new.mac:
        yield "has a new MAC address"
    if old.mtu != new.mtu:
        yield f"changed its MTU from {old.mtu} to {new.mtu}"


def _routes(before: Snapshot, after: Snapshot, names: Names) -> Iterator[str]:
    old, new = ({names(_route(r)) for r in s.routes} for s in (before, after))
    yield from (f"Route is gone: {route}." for route in sorted(old - new))
    yield from (f"Route was added: {route}." for route in sorted(new - old))


def _route(route: Route) -> str:
    via = f" via {route.gateway}" if route.gateway else ""
    return f"{route.destination}{via} dev {route.device}"


def _rules(before: Snapshot, after: Snapshot, names: Names) -> Iterator[str]:
    """Yield which chains and rules were added or removed, and which policies and orders of rules changed."""
    for title, old, new in _changed(before.chains, after.chains, lambda c: c.title):
        if old is None or new is None:
            yield f"Chain {title} {'was added' if old is None else 'is gone'}."
        elif old.policy != new.policy:
            yield f"Policy of {title} changed from {old.policy} to {new.policy}."
        was, now = (Counter(names(r.spec) for r in c.rules) if c else Counter[str]() for c in (old, new))
        yield from (f"Rule is gone from {title}: {spec}" for spec in sorted((was - now).elements()))
        yield from (f"Rule was added to {title}: {spec}" for spec in sorted((now - was).elements()))
        if old and new and was == now and [r.spec for r in old.rules] != [r.spec for r in new.rules]:
            yield f"The rules of {title} are in a different order."


def _counters(before: Snapshot, after: Snapshot, names: Names) -> Iterator[str]:
    """Yield which of the rules in the picture counted packets, or had their counters reset.

    A rule of the nat table counts first packets, one for each connection that comes about: the sentence says how many.
    Other rules count packets, whose number per connection varies, so the sentence leaves it out.
    """
    old = Counter[tuple[str, ...]]()
    for decision in (d for hook in hooks(before) for d in hook.decisions):
        old[decision.table, decision.heading, decision.words] += decision.packets
    for hook in hooks(after):
        new = Counter[tuple[str, ...]]()
        for decision in hook.decisions:
            new[decision.table, decision.heading, decision.words] += decision.packets
        for (table, heading, words), packets in new.items():
            if change := packets - old[table, heading, words]:
                first = f" {change} first packet{'' if change == 1 else 's'}" if table == "nat" else ""
                event = f"Counted{first}" if change > 0 else "Counter reset"
                yield f"{event}: {table} {heading}: {names(words)}"
        for policy in hook.policies:
            earlier = before.chain(policy.table, policy.name, policy.family)
            if policy.policy == "DROP" and earlier and policy.packets > earlier.packets:
                yield f"Counted: policy DROP of {policy.table} {policy.name}, which applies to all other packets"
