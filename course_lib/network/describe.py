"""Describe a network in sentences and small tables: `describe`. The text contains everything that the picture shows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from ipaddress import ip_interface
from typing import TYPE_CHECKING

from course_lib.network import wording
from course_lib.network.grouping import HOW, Group, address_words, common_names, groups_by_container, name_runs
from course_lib.network.hooks import Hook, hooks, policy_words
from course_lib.network.model import Container, Endpoint, Interface, Network, Port, Snapshot, without_prefix
from course_lib.network.placement import Placement, connections, namespace_words, network_nodes, place_containers
from course_lib.network.text_table import align, wrap_cells, wrap_line
from course_lib.network.topology import client_facing, external_interface, outer_interfaces, to_graph
from course_lib.plain_text import clean

if TYPE_CHECKING:
    from course_lib.network.topology import Graph


def describe(snapshot: Snapshot, apart: Collection[str] = ()) -> str:
    """Return the network as lines of at most 110 characters; equal snapshots give the same text.

    Containers that share a card in the picture share a line; those with a name in `apart` have lines of their own.
    """
    graph = to_graph(snapshot)
    placement = place_containers(snapshot, graph)
    groups = groups_by_container(snapshot, placement, apart)
    passed = hooks(snapshot)
    lines = [f"The host is the {wording.host_words(snapshot)}."]
    lines += _notes(snapshot) + _interfaces(snapshot, groups)
    for node in network_nodes(graph):
        lines += _network(snapshot, graph, node, groups)
    lines += _containers(snapshot, placement, groups) + _ports(snapshot, passed[0])
    for hook in passed:
        lines += _hook(hook)
    return "\n".join(part for line in lines for part in wrap_line(line)) + "\n"


def _notes(snapshot: Snapshot) -> list[str]:
    """Return the contradictions, and what could not be read."""
    lines = []
    for title, notes in (
        (wording.CONTRADICTS, snapshot.warnings),
        (wording.NOT_READ, wording.unread_words(snapshot)),
    ):
        if notes:
            lines += ["", f"{title}.", *(f"  {note}" for note in notes)]
    return lines


def _interfaces(snapshot: Snapshot, groups: dict[str, Group]) -> list[str]:
    """Return the interfaces of the client and of the host, and the cable between them."""
    lines = ["", "Outside: the client, the world outside of the host"] if snapshot.client else []
    lines += align([("interface", "state", "addresses", "MAC"), *map(_interface, snapshot.client)])
    facing = client_facing(snapshot)
    if facing and snapshot.client:
        lines.append(f"  The client's cable leads to {facing.name} of the host.")
    group_of = {e.veth: groups[c.name] for c in snapshot.containers if c.name in groups for e in c.endpoints if e.veth}
    rows, listed = [], set()
    for i in sorted(snapshot.interfaces, key=lambda i: i.index):  # the order in which they were created
        group = group_of.get(i.name)
        name = f"{len(group.members)} veths" if group else i.name
        port = f" (port{'s' if group else ''} of {i.master})" if i.master else ""
        if not (group and group.first.name in listed):
            addresses = ", ".join(wording.without_link_local(i))
            rows.append((name + port, i.kind, i.state, addresses, "" if group else i.mac))
        listed |= {group.first.name} if group else set()
    unknown = [
        f"  {len(veths)} veths are ports of {veths[0].master}; their peers were not found"
        for veths in outer_interfaces(snapshot)
        if len(veths) > 1
    ]
    table = align(wrap_cells([("interface", "kind", "state", "addresses", "MAC"), *rows]))
    return [*lines, "", "Host", *unknown, *table]


def _interface(interface: Interface) -> tuple[str, ...]:
    return interface.name, interface.state, ", ".join(wording.without_link_local(interface)), interface.mac


def _network(snapshot: Snapshot, graph: Graph, node: tuple[str, ...], groups: dict[str, Group]) -> list[str]:
    """Return a network with its bridge and the containers that are connected to it."""
    network: Network | None = graph.nodes[node]["part"]
    bridge = snapshot.interface(node[1]) if node[0] == "bridge" else None
    state = wording.bridge_state(snapshot, bridge) if node[0] == "bridge" else "no bridge on this host"
    title = wording.network_words(network)
    where = f"bridge {node[1]}" if node[0] == "bridge" else node[1]
    lines = ["", f"{title[0].upper()}{title[1:]}: {where}" + (f", {state}" if state else "")]
    lines += [f"  {line}" for line in wording.subnet_words(network, bridge)]
    members = [(c, e) for c in snapshot.containers for e, n in connections(graph, c) if n == node and _present(c, e)]
    members = [(c, e) for c, e in members if c.name not in groups or groups[c.name].first.name == c.name]
    if not members:
        return [*lines, f"  {wording.empty_words(node[1], state)}"]
    rows = [_group_row(groups[c.name], e) if c.name in groups else _row(snapshot, c, e, node) for c, e in members]
    lines += align(wrap_cells([("container", "interface", "addresses", "MAC", "host end of the cable"), *rows]))
    for container, endpoint in members:
        names = wording.dns_names(container, endpoint)
        if container.name in groups:
            group = groups[container.name]
            lines += [f"  {_names(group)}: {phrase}" for phrase in common_names(group)]
        elif names:
            on = f" on {endpoint.network}" if len(container.endpoints) > 1 else ""
            lines.append(f"  {container.name} answers to {', '.join(names)}{on}")
    return lines


def _present(container: Container, endpoint: Endpoint) -> bool:
    return wording.is_live(container) or endpoint.interface is not None


def _row(snapshot: Snapshot, container: Container, endpoint: Endpoint, node: tuple[str, ...]) -> tuple[str, ...]:
    interface = endpoint.interface or "no interface found"
    veth = endpoint.veth or ("no veth found" if node[0] == "bridge" else "none")
    faults = wording.veth_faults(snapshot, endpoint)
    veth += f" ({faults})" if faults else ""
    return container.name, interface, ", ".join(endpoint.addresses) or "no address", endpoint.mac, veth


def _group_row(group: Group, endpoint: Endpoint) -> tuple[str, ...]:
    interface = endpoint.interface or "no interface found"
    veths = f"{len(group.members)} veths" if endpoint.veth else "no veth found"
    return _names(group), interface, ", ".join(address_words(group)) or "no address", "", veths


def _names(group: Group) -> str:
    return f"{', '.join(name_runs(group))} ({len(group.members)} alike)"


def _containers(snapshot: Snapshot, placement: Placement, groups: dict[str, Group]) -> list[str]:
    """Return what each container runs, with its ports, links and namespace."""
    lines = ["", "Containers" if snapshot.containers else "There is no container."]
    sharing = [container for sharers in placement.sharing.values() for container in sharers]
    aside = {container.name for container in (*sharing, *placement.on_host, *placement.unconnected)}
    for container in snapshot.containers:
        group = groups.get(container.name)
        if group and container.name != group.first.name:
            continue
        facts = [
            f"{clean(container.image)} · {clean(container.command)}",
            wording.state_words(container) or container.state,
        ]
        if not wording.is_live(container) and container.endpoints:
            facts.append(f"belongs to {', '.join(endpoint.network for endpoint in container.endpoints)}")
        if container.name in aside:
            facts.append(namespace_words(snapshot, container))
        facts += wording.published_words(container)
        if exposed := wording.exposed_ports(container):
            facts.append(f"exposed, not published: {', '.join(exposed)}")
        facts += wording.link_words(container)
        if group:
            facts += [wording.shared_card_words(container), *address_words(group), HOW]
        lines.append(f"  {_names(group) if group else container.name}: " + "; ".join(facts))
    return lines


def _ports(snapshot: Snapshot, inbound: Hook) -> list[str]:
    """Return the path to each published port: "client → 203.0.113.10:80/tcp → web 172.17.0.2:80"."""
    translated = " ".join(decision.words for decision in inbound.decisions).split()
    lines = [
        f"  {path}"
        for container in snapshot.containers
        if wording.is_live(container)
        for port in container.ports
        if (path := _path(snapshot, container, port, translated))
    ]
    return ["", "Published ports", *lines] if lines else ["", "No port is published."]


def _path(snapshot: Snapshot, container: Container, port: Port, translated: Sequence[str]) -> str:
    """Return the path to a published port; "" if it is only exposed, or if the host has no address of that family."""
    external = external_interface(snapshot)
    own = [without_prefix(a) for a in wording.without_link_local(external)] if external else []
    address = port.host_ip or "0.0.0.0"  # noqa: S104 - text only, no socket is opened
    if address in ("0.0.0.0", "::"):  # noqa: S104
        address = next((a for a in own if (":" in a) == (address == "::")), "")
    if not port.host_port or not address:
        return ""
    caller = "client" if snapshot.client else "from outside"
    caller = "the host itself" if ip_interface(address).is_loopback else caller
    target = f"{container.name} {_target(container, port, translated)}"
    return f"{caller} → {wording.socket(address, port.host_port)}/{port.protocol} → {target}"


def _target(container: Container, port: Port, translated: Sequence[str]) -> str:
    """Return the container's address and port; of several addresses, the one in the DNAT rule."""
    inner = [without_prefix(a) for e in container.endpoints for a in e.addresses]
    sockets = [wording.socket(address, port.container_port) for address in inner]
    return next((s for s in sockets if s in translated), sockets[0] if sockets else f"port {port.container_port}")


def _hook(hook: Hook) -> list[str]:
    """Return the rules of a hook in the order in which they are evaluated, with their counters."""
    lines = ["", f"Rules at {hook.title}"]
    rows = [
        (f"{hook.caption(d)} rule {d.number}", d.words, wording.packet_count(d.packets)) for d in hook.decisions
    ] + [(p.name, policy_words(p), wording.packet_count(p.packets)) for p in hook.policies]
    return lines + align(rows) + [f"  {note}" for note in hook.notes]
