"""The text twin of every picture: the same network in sentences and small tables, for eyes and ears."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from ipaddress import ip_interface
from typing import TYPE_CHECKING

from course_lib.network import wording as words
from course_lib.network.grouping import HOW, Group, address_words, common_names, name_runs, piles
from course_lib.network.hooks import Hook, hooks, policy_words
from course_lib.network.model import Container, Endpoint, Interface, Network, Port, Snapshot
from course_lib.network.placement import Homes, homes, joins, network_nodes, note
from course_lib.network.text_table import fold, narrow, table
from course_lib.network.topology import edge, facing, outward, to_graph
from course_lib.plain_text import clean

if TYPE_CHECKING:
    from course_lib.network.topology import Graph


def describe(snapshot: Snapshot, apart: Collection[str] = ()) -> str:
    """Return the network in words: lines of at most 110 characters, the same for the same snapshot.

    What `layout.layout` draws as one card is said in one line; those whose names are in `apart` each have their own.
    """
    graph = to_graph(snapshot)
    where = homes(snapshot, graph)
    pile = piles(snapshot, where, apart)
    found = hooks(snapshot)
    lines = [f"The host is the {words.host_words(snapshot)}."]
    lines += _notes(snapshot) + _interfaces(snapshot, pile)
    for node in network_nodes(graph):
        lines += _network(snapshot, graph, node, pile)
    lines += _containers(snapshot, where, pile) + _ports(snapshot, found[0])
    for hook in found:
        lines += _hook(hook)
    return "\n".join(line for each in lines for line in fold(each)) + "\n"


def _notes(snapshot: Snapshot) -> list[str]:
    """Return what contradicts itself, and what could not be read."""
    lines = []
    for title, said in ((words.CONTRADICTS, snapshot.warnings), (words.NOT_READ, words.unread(snapshot))):
        if said:
            lines += ["", f"{title}.", *(f"  {each}" for each in said)]
    return lines


def _interfaces(snapshot: Snapshot, pile: dict[str, Group]) -> list[str]:
    """Return the interfaces of the client and of the host, and the cable between them."""
    lines = ["", "Outside: the client, the world outside of the host"] if snapshot.client else []
    lines += table([("interface", "state", "addresses", "MAC"), *map(_interface, snapshot.client)])
    outer = facing(snapshot)
    if outer and snapshot.client:
        lines.append(f"  The client's cable leads to {outer.name} of the host.")
    group_of = {e.veth: pile[c.name] for c in snapshot.containers if c.name in pile for e in c.endpoints if e.veth}
    rows, told = [], set()
    for i in sorted(snapshot.interfaces, key=lambda i: i.index):  # the order in which they came to be
        group = group_of.get(i.name)
        name = f"{len(group.members)} veths" if group else i.name
        port = f" (port{'s' if group else ''} of {i.master})" if i.master else ""
        if not (group and group.first.name in told):
            rows.append((name + port, i.kind, i.state, _list(words.reachable(i)), "" if group else i.mac))
        told |= {group.first.name} if group else set()
    unknown = [
        f"  {len(each)} veths are ports of {each[0].master}, and whose other ends they have was not seen"
        for each in edge(snapshot)
        if len(each) > 1
    ]
    return [*lines, "", "Host", *unknown, *table(narrow([("interface", "kind", "state", "addresses", "MAC"), *rows]))]


def _interface(interface: Interface) -> tuple[str, ...]:
    return interface.name, interface.state, _list(words.reachable(interface)), interface.mac


def _network(snapshot: Snapshot, graph: Graph, node: tuple[str, ...], pile: dict[str, Group]) -> list[str]:
    """Return a network with its bridge and everyone who is in it."""
    network: Network | None = graph.nodes[node]["it"]
    bridge = snapshot.interface(node[1]) if node[0] == "bridge" else None
    state = words.bridge_state(snapshot, bridge) if node[0] == "bridge" else "no bridge on this host"
    title = words.network_words(network) if network else "a bridge that is no Docker network"
    where = f"bridge {node[1]}" if node[0] == "bridge" else node[1]
    lines = ["", f"{title[0].upper()}{title[1:]}: {where}" + (f", {state}" if state else "")]
    lines += [f"  {line}" for line in words.subnet_words(network, bridge)]
    members = [(c, e) for c in snapshot.containers for e, n in joins(graph, c) if n == node and _present(c, e)]
    members = [(c, e) for c, e in members if c.name not in pile or pile[c.name].first.name == c.name]
    if not members:
        return [*lines, f"  {words.empty_words(node[1], state)}"]
    rows = [_member_group(pile[c.name], e) if c.name in pile else _member(snapshot, c, e, node) for c, e in members]
    lines += table(narrow([("container", "interface", "addresses", "MAC", "host end of the cable"), *rows]))
    for container, endpoint in members:
        names = words.aliases(container, endpoint)
        if container.name in pile:
            lines += [f"  {_names(pile[container.name])}: {said}" for said in common_names(pile[container.name])]
        elif names:
            on = f" on {endpoint.network}" if len(container.endpoints) > 1 else ""
            lines.append(f"  {container.name} answers to {', '.join(names)}{on}")
    return lines


def _present(container: Container, endpoint: Endpoint) -> bool:
    return words.is_live(container) or endpoint.interface is not None


def _member(snapshot: Snapshot, container: Container, endpoint: Endpoint, node: tuple[str, ...]) -> tuple[str, ...]:
    interface = endpoint.interface or "no interface seen"
    veth = endpoint.veth or ("no veth seen" if node[0] == "bridge" else "none")
    faults = words.veth_faults(snapshot, endpoint)
    veth += f" ({faults})" if faults else ""
    return container.name, interface, _list(endpoint.addresses) or "no address", endpoint.mac, veth


def _member_group(group: Group, endpoint: Endpoint) -> tuple[str, ...]:
    interface = endpoint.interface or "no interface seen"
    veths = f"{len(group.members)} veths" if endpoint.veth else "no veth seen"
    return _names(group), interface, _list(address_words(group)) or "no address", "", veths


def _names(group: Group) -> str:
    return f"{_list(name_runs(group))} ({len(group.members)} alike)"


def _containers(snapshot: Snapshot, where: Homes, pile: dict[str, Group]) -> list[str]:
    """Return what each container runs, with its ports, links and namespace."""
    lines = ["", "Containers" if snapshot.containers else "There is no container."]
    guests = {guest.name for some in where.guests.values() for guest in some}
    aside = guests | {c.name for c in (*where.on_host, *where.alone)}
    for container in snapshot.containers:
        group = pile.get(container.name)
        if group and container.name != group.first.name:
            continue
        said = [
            f"{clean(container.image)} · {clean(container.command)}",
            words.state_words(container) or container.state,
        ]
        if not words.is_live(container) and container.endpoints:
            said.append(f"belongs to {', '.join(endpoint.network for endpoint in container.endpoints)}")
        if container.name in aside:
            said.append(note(snapshot, container))
        said += words.published(container)
        if words.exposed(container):
            said.append(f"exposed, not published: {', '.join(words.exposed(container))}")
        said += words.links(container)
        if group:
            said += [words.alike_words(container), *address_words(group), HOW]
        lines.append(f"  {_names(group) if group else container.name}: " + "; ".join(said))
    return lines


def _ports(snapshot: Snapshot, inbound: Hook) -> list[str]:
    """Return the way to each published port: "client → 203.0.113.10:80/tcp → web 172.17.0.2:80"."""
    translated = " ".join(decision.words for decision in inbound.decisions).split()
    lines = [
        f"  {way}"
        for container in snapshot.containers
        if words.is_live(container)
        for port in container.ports
        if (way := _way(snapshot, container, port, translated))
    ]
    return ["", "Published ports", *lines] if lines else ["", "No port is published."]


def _way(snapshot: Snapshot, container: Container, port: Port, translated: Sequence[str]) -> str:
    outer = outward(snapshot)
    here = [a.partition("/")[0] for a in words.reachable(outer)] if outer else []
    wanted = port.host_ip or "0.0.0.0"  # noqa: S104 - a name, nothing listens
    if wanted in ("0.0.0.0", "::"):  # noqa: S104
        wanted = next((a for a in here if (":" in a) == (wanted == "::")), "")
    if not port.host_port or not wanted:  # an IPv6 socket on a host without an IPv6 address leads nowhere
        return ""
    caller = "client" if snapshot.client else "from outside"
    caller = "the host itself" if ip_interface(wanted).is_loopback else caller
    goal = f"{container.name} {_target(container, port, translated)}"
    return f"{caller} → {words.socket(wanted, port.host_port)}/{port.protocol} → {goal}"


def _target(container: Container, port: Port, translated: Sequence[str]) -> str:
    """Return the container's address and port, in that of its networks where the DNAT rule leads."""
    inner = [a.partition("/")[0] for e in container.endpoints for a in e.addresses]
    sockets = [words.socket(address, port.container_port) for address in inner]
    return next((s for s in sockets if s in translated), sockets[0] if sockets else f"port {port.container_port}")


def _hook(hook: Hook) -> list[str]:
    """Return the rules of a hook, in the order in which a packet meets them, with their counters."""
    lines = ["", f"Rules at {hook.title}"]
    rows = [(f"{hook.caption(d)} rule {d.number}", d.words, words.packets(d.packets)) for d in hook.decisions] + [
        (p.name, policy_words(p), words.packets(p.packets)) for p in hook.policies
    ]
    return lines + table(rows) + [f"  {said}" for said in hook.notes]


def _list(items: Iterable[str]) -> str:
    return ", ".join(items)
