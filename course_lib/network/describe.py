"""Describe a network in sentences and small tables: `describe`. The text contains everything that the picture shows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from ipaddress import ip_interface

from course_lib.network import wording
from course_lib.network.hooks import Hook, hooks, policy_words
from course_lib.network.model import Container, Endpoint, Interface, Network, Port, Snapshot, without_prefix
from course_lib.network.placement import (
    HOW,
    Group,
    address_words,
    common_names,
    groups_by_container,
    name_runs,
    place_containers,
)
from course_lib.network.text_table import align, wrap_cells, wrap_line
from course_lib.network.topology import (
    NETNS,
    Node,
    client_facing,
    connections,
    external_interface,
    network_nodes,
    outer_interfaces,
    stand_in,
)
from course_lib.plain_text import clean


def describe(snapshot: Snapshot, apart: Collection[str] = ()) -> str:
    """Return the network as lines of at most 110 characters; equal snapshots give the same text.

    Containers that share a card in the picture share a line; those with a name in `apart` have lines of their own.
    """
    groups = groups_by_container(snapshot, apart)
    shown = [c for c in snapshot.containers if c.name not in groups or groups[c.name].first.name == c.name]
    inbound, *further = hooks(snapshot)
    lines = [f"The host is the {wording.host_words(snapshot)}."]
    for title, notes in (
        (wording.CONTRADICTS, snapshot.warnings),
        (wording.NOT_READ, wording.unread_words(snapshot)),
    ):
        lines += ["", f"{title}.", *(f"  {note}" for note in notes)] if notes else []
    lines += _interfaces(snapshot, groups)
    for node, network in network_nodes(snapshot).items():
        lines += _network(snapshot, node, network, shown, groups)
    lines += ["", "Containers" if shown else "There is no container."]
    placement = place_containers(snapshot)
    sharing = [container for sharers in placement.sharing.values() for container in sharers]
    aside = {container.name for container in (*sharing, *placement.on_host, *placement.unconnected)}
    for container in shown:
        namespace = [wording.namespace_words(snapshot, container)] if container.name in aside else []
        lines.append(_container(container, groups.get(container.name), namespace))
    lines += _namespaces(snapshot)
    lines += _ports(snapshot, inbound)
    for hook in (inbound, *further):
        lines += _hook(hook)
    lines += ["", wording.NOT_DRAWN]
    return "\n".join(part for line in lines for part in wrap_line(line)) + "\n"


def _interfaces(snapshot: Snapshot, groups: dict[str, Group]) -> Iterator[str]:
    """Yield the interfaces of the client and of the host, and the cable between them."""
    if snapshot.client:
        yield from ("", "Outside: the client, the world outside of the host")
        rows = [(i.name, i.state, _addresses(i), i.mac) for i in snapshot.client]
        yield from align([("interface", "state", "addresses", "MAC"), *rows])
        if facing := client_facing(snapshot):
            yield f"  The client's cable leads to {facing.name} of the host."
    yield from ("", "Host")
    for veths in outer_interfaces(snapshot):
        if len(veths) > 1:
            yield f"  {len(veths)} veths are ports of {veths[0].master}; their peers were not found"
    group_of = {e.veth: groups[c.name] for c in snapshot.containers if c.name in groups for e in c.endpoints if e.veth}
    table: dict[tuple[str, str], tuple[str, ...]] = {}  # by the interface's name, or that of a group's first container
    for i in sorted(snapshot.interfaces, key=lambda i: i.index):  # the order in which they were created
        group = group_of.get(i.name)
        name = f"{len(group.members)} veths" if group else i.name
        port = f" (port{'s' if group else ''} of {i.master})" if i.master else ""
        row = (name + port, i.kind, i.state, _addresses(i), "" if group else i.mac)
        table.setdefault(("group", group.first.name) if group else ("", i.name), row)
    if table:
        yield from align(wrap_cells([("interface", "kind", "state", "addresses", "MAC"), *table.values()]))


def _addresses(interface: Interface) -> str:
    return ", ".join(wording.without_link_local(interface))


def _network(
    snapshot: Snapshot, node: Node, network: Network | None, shown: Iterable[Container], groups: dict[str, Group]
) -> Iterator[str]:
    """Yield a network with its bridge and the containers and namespaces that are connected to it."""
    bridge = snapshot.interface(node[1]) if node[0] == "bridge" else None
    state = wording.bridge_state(snapshot, bridge) if node[0] == "bridge" else "no bridge on this host"
    title = wording.network_words(network)
    yield ""
    name = f"bridge {node[1]}" if node[0] == "bridge" else node[1]
    yield f"{title[0].upper()}{title[1:]}: {name}" + (f", {state}" if state else "")
    yield from (f"  {line}" for line in wording.subnet_words(network, bridge))
    drawn = [*shown, *(stand_in(snapshot, each) for each in snapshot.namespaces)]
    members = [(c, e) for c in drawn for e, n in connections(snapshot, c) if n == node and (c.is_live or e.interface)]
    if not members:
        yield f"  {wording.empty_words(snapshot, node[1], state)}"
        return
    rows = [_row(snapshot, c, e, node, groups.get(c.name)) for c, e in members]
    yield from align(wrap_cells([("container", "interface", "addresses", "MAC", "host end of the cable"), *rows]))
    for container, endpoint in members:
        names = wording.dns_names(container, endpoint)
        if group := groups.get(container.name):
            yield from (f"  {_names(group)}: {phrase}" for phrase in common_names(group))
        elif names:
            on = f" on {endpoint.network}" if len(container.endpoints) > 1 else ""
            yield f"  {container.name} answers to {', '.join(names)}{on}"


def _row(
    snapshot: Snapshot, container: Container, endpoint: Endpoint, node: Node, group: Group | None
) -> tuple[str, ...]:
    interface = endpoint.interface or "no interface found"
    if group:
        veths = f"{len(group.members)} veths" if endpoint.veth else "no veth found"
        return _names(group), interface, ", ".join(address_words(group)) or "no address", "", veths
    veth = endpoint.veth or ("no veth found" if node[0] == "bridge" else "none")
    if faults := wording.veth_faults(snapshot, endpoint):
        veth += f" ({faults})"
    name = f"namespace {wording.card_title(container)}" if container.mode == NETNS else container.name
    return name, interface, ", ".join(endpoint.addresses) or "no address", endpoint.mac, veth


def _names(group: Group) -> str:
    return f"{', '.join(name_runs(group))} ({len(group.members)} alike)"


def _container(container: Container, group: Group | None, namespace: list[str]) -> str:
    """Return what a container, or each container of a group, runs, with its ports, links and namespace."""
    facts = [
        f"{clean(container.image)} · {clean(container.command)}",
        wording.state_words(container) or container.state,
    ]
    if not container.is_live and container.endpoints:
        facts.append(f"belongs to {', '.join(endpoint.network for endpoint in container.endpoints)}")
    facts += [*namespace, *wording.published_words(container)]
    if exposed := wording.exposed_ports(container):
        facts.append(f"exposed, not published: {', '.join(exposed)}")
    facts += wording.link_words(container)
    if group:
        facts += [wording.shared_card_words(container), *address_words(group), HOW]
    return f"  {_names(group) if group else container.name}: " + "; ".join(facts)


def _namespaces(snapshot: Snapshot) -> list[str]:
    """Return the namespaces that `ip netns add` made, with what the tables of the bridges do not say."""
    lines = [
        f"  {each.name}: " + "; ".join([wording.LISTED, *wording.netns_words(snapshot, each)])
        for each in snapshot.namespaces
    ]
    return ["", "Network namespaces", *lines] if lines else []


def _ports(snapshot: Snapshot, inbound: Hook) -> list[str]:
    """Return the path to each published port: "client → 203.0.113.10:80/tcp → web 172.17.0.2:80"."""
    translated = " ".join(decision.words for decision in inbound.decisions).split()
    lines = [
        f"  {path}"
        for container in snapshot.containers
        if container.is_live
        for port in container.ports
        if (path := _path(snapshot, container, port, translated))
    ]
    return ["", "Published ports", *lines] if lines else ["", "No port is published."]


def _path(snapshot: Snapshot, container: Container, port: Port, translated: Collection[str]) -> str:
    """Return the path to a published port; "" if it is only exposed, or if the host has no address of that family.

    `translated` are the words of the DNAT rules: of several addresses of the container, the one in a rule counts.
    """
    external = external_interface(snapshot)
    address = port.host_ip or "0.0.0.0"  # noqa: S104 - text only, no socket is opened
    if address in ("0.0.0.0", "::"):  # noqa: S104
        bridge = snapshot.interface(external.master) if external and external.master else None
        own = [without_prefix(a) for i in (external, bridge) if i for a in wording.without_link_local(i)]
        address = next((a for a in own if (":" in a) == (address == "::")), "")
    if not port.host_port or not address:
        return ""
    caller = "client" if snapshot.client else "from outside"
    caller = "the host itself" if ip_interface(address).is_loopback else caller
    inner = [without_prefix(a) for e in container.endpoints for a in e.addresses]
    # docker-proxy connects in the caller's family if the container has an address of it.
    inner = [a for a in inner if (":" in a) == (":" in address)] or inner
    sockets = [wording.socket(address, port.container_port) for address in inner]
    target = next((s for s in sockets if s in translated), sockets[0] if sockets else f"port {port.container_port}")
    return f"{caller} → {wording.socket(address, port.host_port)}/{port.protocol} → {container.name} {target}"


def _hook(hook: Hook) -> list[str]:
    """Return the rules of a hook in the order in which they are evaluated, with their counters."""
    rows = [(f"{hook.caption(d)} rule {d.number}", d.full, wording.packet_count(d.packets)) for d in hook.decisions]
    rows += [(p.name, policy_words(p), wording.packet_count(p.packets)) for p in hook.policies]
    return ["", f"Rules at {hook.title}", *align(rows), *(f"  {note}" for note in hook.notes)]
