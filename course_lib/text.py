"""The text twin of every picture: the same network in sentences and small tables, for eyes and ears."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from ipaddress import ip_interface
from typing import TYPE_CHECKING

from course_lib import phrases as words
from course_lib.graph import facing, to_graph
from course_lib.homes import Homes, homes, joins, network_nodes, note
from course_lib.measure import clean
from course_lib.rules import Hook, hooks, policy_words
from course_lib.snapshot import Container, Endpoint, Interface, Network, Port, Snapshot

if TYPE_CHECKING:
    from course_lib.graph import Graph

WIDTH = 110  # characters


def describe(snapshot: Snapshot) -> str:
    """Return the network in words: lines of at most 110 characters, the same for the same snapshot."""
    graph = to_graph(snapshot)
    where = homes(snapshot, graph)
    lines = [f"The host is the {words.host_words(snapshot)}."]
    lines += _warnings(snapshot) + _interfaces(snapshot)
    for node in network_nodes(graph):
        lines += _network(snapshot, graph, node)
    lines += _containers(snapshot, where) + _ports(snapshot)
    for hook in hooks(snapshot):
        lines += _hook(hook)
    return "\n".join(line for each in lines for line in _fold(each)) + "\n"


def _warnings(snapshot: Snapshot) -> list[str]:
    if not snapshot.warnings:
        return []
    title = "Do not trust this picture: what was read contradicts itself"
    return ["", f"{title}.", *(f"  {warning}" for warning in snapshot.warnings)]


def _interfaces(snapshot: Snapshot) -> list[str]:
    """Return the interfaces of the client and of the host, and the cable between them."""
    lines = ["", "Outside: the client, the world outside of the host"] if snapshot.client else []
    lines += _table([("interface", "state", "addresses", "MAC"), *map(_interface, snapshot.client)])
    outer = facing(snapshot)
    if outer and snapshot.client:
        lines.append(f"  The client's cable leads to {outer.name} of the host.")
    rows = [
        (
            i.name + (f" (port of {i.master})" if i.master else ""),
            i.kind,
            i.state,
            _list(words.reachable(i)),
            i.mac,
        )
        # by index, which is the order in which they came to be
        for i in sorted(snapshot.interfaces, key=lambda i: i.index)
    ]
    return [*lines, "", "Host", *_table([("interface", "kind", "state", "addresses", "MAC"), *rows])]


def _interface(interface: Interface) -> tuple[str, ...]:
    return interface.name, interface.state, _list(words.reachable(interface)), interface.mac


def _network(snapshot: Snapshot, graph: Graph, node: tuple[str, ...]) -> list[str]:
    """Return a network with its bridge and everyone who is in it."""
    network: Network | None = graph.nodes[node]["it"]
    bridge = snapshot.interface(node[1]) if node[0] == "bridge" else None
    state = words.bridge_state(bridge) if node[0] == "bridge" else "no bridge on this host"
    title = words.network_words(network) if network else "a bridge that is no Docker network"
    where = f"bridge {node[1]}" if node[0] == "bridge" else node[1]
    lines = ["", f"{title[0].upper()}{title[1:]}: {where}" + (f", {state}" if state else "")]
    lines += [f"  {line}" for line in words.subnet_words(network, bridge)]
    members = [(c, e) for c in snapshot.containers for e, n in joins(graph, c) if n == node and _present(c, e)]
    if not members:
        return [*lines, f"  {words.empty_words(node[1], state)}"]
    rows = [_member(snapshot, container, endpoint, node) for container, endpoint in members]
    lines += _table([("container", "interface", "addresses", "MAC", "host end of the cable"), *rows])
    for container, endpoint in members:
        names = words.aliases(container, endpoint)
        if names:
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


def _containers(snapshot: Snapshot, where: Homes) -> list[str]:
    """Return what each container runs, with its ports, links and namespace."""
    lines = ["", "Containers" if snapshot.containers else "There is no container."]
    guests = {guest.name for some in where.guests.values() for guest in some}
    aside = guests | {c.name for c in (*where.on_host, *where.alone)}
    for container in snapshot.containers:
        said = [f"{container.image} · {container.command}", words.state_words(container) or container.state]
        if not words.is_live(container) and container.endpoints:
            said.append(f"belongs to {', '.join(endpoint.network for endpoint in container.endpoints)}")
        if container.name in aside:
            said.append(note(snapshot, container))
        said += words.published(container)
        if words.exposed(container):
            said.append(f"exposed, not published: {', '.join(words.exposed(container))}")
        said += words.links(container)
        lines.append(f"  {container.name}: " + "; ".join(said))
    return lines


def _ports(snapshot: Snapshot) -> list[str]:
    """Return the way to each published port: "client → 203.0.113.10:80/tcp → web 172.17.0.2:80"."""
    lines = [
        f"  {way}"
        for container in snapshot.containers
        if words.is_live(container)
        for port in container.ports
        if (way := _way(snapshot, container, port))
    ]
    return ["", "Published ports", *lines] if lines else ["", "No port is published."]


def _way(snapshot: Snapshot, container: Container, port: Port) -> str:
    outer = facing(snapshot)
    here = [a.partition("/")[0] for a in words.reachable(outer)] if outer else []
    wanted = port.host_ip or "0.0.0.0"  # noqa: S104 - a name, nothing listens
    if wanted in ("0.0.0.0", "::"):  # noqa: S104
        wanted = next((a for a in here if (":" in a) == (wanted == "::")), "")
    if not port.host_port or not wanted:  # an IPv6 socket on a host without an IPv6 address leads nowhere
        return ""
    caller = "the host itself" if ip_interface(wanted).is_loopback else "client"
    goal = f"{container.name} {_target(snapshot, container, port)}"
    return f"{caller} → {words.socket(wanted, port.host_port)}/{port.protocol} → {goal}"


def _target(snapshot: Snapshot, container: Container, port: Port) -> str:
    """Return the container's address and port, in that of its networks where the DNAT rule leads."""
    inner = [a.partition("/")[0] for e in container.endpoints for a in e.addresses]
    sockets = [words.socket(address, port.container_port) for address in inner]
    translated = " ".join(decision.words for decision in hooks(snapshot)[0].decisions).split()
    return next((s for s in sockets if s in translated), sockets[0] if sockets else f"port {port.container_port}")


def _hook(hook: Hook) -> list[str]:
    """Return the rules of a hook, in the order in which a packet meets them, with their counters."""
    lines = ["", f"Rules at {hook.title}"]
    rows = [(f"{hook.caption(d)} rule {d.number}", d.words, words.packets(d.packets)) for d in hook.decisions] + [
        (p.name, policy_words(p), words.packets(p.packets)) for p in hook.policies
    ]
    return lines + _table(rows) + [f"  {said}" for said in hook.notes]


def _table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return rows of cells in columns as wide as their widest cell; a lone heading is left out."""
    if not rows or (len(rows) == 1 and rows[0][0] == "interface"):
        return []
    cells = [[clean(cell) or "-" for cell in row] for row in rows]
    widths = [min(60, max(len(row[i]) for row in cells)) for i in range(len(cells[0]))]
    return ["  " + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells]


def _fold(line: str) -> Iterable[str]:
    """Yield a line in parts of at most the width, the later ones indented under the first."""
    indent = " " * (len(line) - len(line.lstrip()))
    text = line.strip() if "  " in line.strip() else clean(line)
    if len(indent + text) <= WIDTH:
        return [indent + text if text else ""]
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent + "    ", break_on_hyphens=False)


def _list(items: Iterable[str]) -> str:
    return ", ".join(items)
