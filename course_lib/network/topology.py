"""Build the networkx graph of a Snapshot: `to_graph`. It has neither positions nor sentences.

A node is a tuple whose first item is its kind. Nodes have the attributes `kind`, `part` (the dataclass of
`course_lib.network.model` that the node represents, or None) and, for an endpoint, `network` (the node of its network):

    ("host", "host")                  the host's network namespace
    ("client", "client")              the client, outside the host
    ("bridge", "docker0")             a bridge of the host, by the name of its interface; `part` is its Network
    ("network", "lan")                a network without a bridge, by its name
    ("interface", "eth0")             any other interface of the host
    ("veth", "veth1a2b3c4")           the host's end of a container's veth pair
    ("endpoint", "web", "mynet")      the interface of a container in a network
    ("container", "web")              a container
    ("port", "0.0.0.0", "80", "tcp")  a published port, by address, port and protocol of the host

Edges have the attribute `kind`:

    cable      two ends of a wire: client and host interface, the two ends of a veth pair
    port       an interface and the bridge (or the network without a bridge) of which it is a port
    inside     an interface and the network namespace that contains it; for the host not its ports of bridges, so that
               a path between two containers of a network leads over the bridge, and one between two networks over both
               bridges and the host, which routes
    publishes  a published port and the container to which it is forwarded
    shares     a container and the namespace that it uses: the host's, or another container's
    link       a container and the target of its legacy link
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_interface
from typing import TYPE_CHECKING

import networkx as nx

from course_lib.network.model import Container, Endpoint, Interface, Network, Snapshot

if TYPE_CHECKING:
    Graph = nx.Graph[tuple[str, ...]]

HOST = ("host", "host")
CLIENT = ("client", "client")


@lru_cache(maxsize=4)  # one state of the live picture asks six times, for itself and for the state before
def to_graph(snapshot: Snapshot) -> Graph:
    """Return the graph of a snapshot; equal snapshots give the same nodes in the same order.

    The graph is cached and shared: copy it before you change it.
    """
    graph: Graph = nx.Graph()
    graph.add_node(HOST, kind="host", part=None)
    _add_networks(graph, snapshot)
    _add_interfaces(graph, snapshot)
    for container in snapshot.containers:
        graph.add_node(container_key(container), kind="container", part=container)
    for container in snapshot.containers:
        _add_container(graph, snapshot, container)
    return graph


def container_key(container: Container) -> tuple[str, str]:
    """Return the key of a container's node."""
    return ("container", container.name)


def network_key(network: Network) -> tuple[str, str]:
    """Return the key of a network's node: its bridge if it has one."""
    return ("bridge", network.bridge) if network.bridge else ("network", network.name)


def endpoint_key(container: Container, endpoint: Endpoint) -> tuple[str, str, str]:
    """Return the key of a container's interface in one network."""
    return ("endpoint", container.name, endpoint.network)


def joined_container(snapshot: Snapshot, container: Container) -> Container | None:
    """Return the container X whose network namespace this one joined with `--network container:X`, if it exists."""
    kind, _, other = container.mode.partition(":")
    if kind != "container" or not other:
        return None
    is_id = len(other) >= 12  # the engine stores an id; a person may type a name or a short id
    return next((c for c in snapshot.containers if c.name == other or (is_id and c.id.startswith(other))), None)


def owner_of(snapshot: Snapshot, container: Container) -> Container:
    """Return the container that owns the network namespace which this one uses: usually itself.

    Follows `--network container:X` over several containers; a circle ends at the last container before it closes.
    """
    visited = {container.name}
    while (other := joined_container(snapshot, container)) and other.name not in visited:
        container = other
        visited.add(other.name)
    return container


def client_facing(snapshot: Snapshot) -> Interface | None:
    """Return the host's interface at the other end of the client's cable: the one in the client's subnet."""
    subnets = [ip_interface(a).network for i in snapshot.client for a in i.addresses if i.kind != "loopback"]
    candidates = [i for i in snapshot.interfaces if i.kind not in ("loopback", "bridge")]
    for interface in candidates:
        if any(ip_interface(address).network in subnets for address in interface.addresses):
            return interface
    return None


def external_interface(snapshot: Snapshot) -> Interface | None:
    """Return the host's interface to the outside: to the client, or the one of the default route."""
    default = next((route.device for route in snapshot.routes if route.destination == "default"), "")
    return client_facing(snapshot) or snapshot.interface(default)


def outer_interfaces(snapshot: Snapshot) -> list[list[Interface]]:
    """Return the host's other interfaces, in groups: no loopback, no bridge, no end of a container's veth pair.

    The external interface comes first. A group has one interface, except that veths with unknown peers which are
    ports of the same bridge, in the same state, form one group; a learner's own engine may have them, the lab not.
    """
    external = external_interface(snapshot)
    found = [
        i
        for i in snapshot.interfaces
        if i.kind not in ("loopback", "bridge") and i.name not in snapshot.container_veths
    ]
    groups: dict[tuple[str, ...], list[Interface]] = {}
    for interface in sorted(found, key=lambda interface: (interface != external, interface.name)):
        is_port = interface.kind == "veth" and interface.master
        key = (interface.master or "", interface.state) if is_port else (interface.name,)
        groups.setdefault(key, []).append(interface)
    return list(groups.values())


def _add_networks(graph: Graph, snapshot: Snapshot) -> None:
    """Add the engine's networks, and those that only an endpoint mentions because they were removed meanwhile."""
    for network in snapshot.networks:
        if network.connects_containers:
            graph.add_node(network_key(network), kind=network_key(network)[0], part=network)
    used = {endpoint.network for container in snapshot.containers for endpoint in container.endpoints}
    for name in sorted(used - {network.name for network in snapshot.networks} - {"host", "none"}):
        missing = Network(name=name, id="", driver="unknown")
        graph.add_node(network_key(missing), kind="network", part=missing)


def _add_interfaces(graph: Graph, snapshot: Snapshot) -> None:
    """Add the client and the host's interfaces, without loopbacks: every namespace has one, and it connects nothing."""
    if snapshot.client:
        graph.add_node(CLIENT, kind="client", part=None)
    for interface in snapshot.interfaces:
        if interface.kind == "loopback":
            continue
        if interface.kind == "bridge":
            key = ("bridge", interface.name)
            if key not in graph:  # a bridge that was created without Docker
                graph.add_node(key, kind="bridge", part=None)
        else:
            key = ("veth" if interface.name in snapshot.container_veths else "interface", interface.name)
            graph.add_node(key, kind=key[0], part=interface)
            if interface.master:
                graph.add_edge(key, ("bridge", interface.master), kind="port")
                continue
        graph.add_edge(key, HOST, kind="inside")
    facing = client_facing(snapshot)
    if facing:
        graph.add_edge(CLIENT, ("interface", facing.name), kind="cable")
    for node, attributes in graph.nodes(data=True):  # a bridge that only its ports mention
        attributes.setdefault("kind", node[0])
        attributes.setdefault("part", None)


def _add_container(graph: Graph, snapshot: Snapshot, container: Container) -> None:
    """Add a container's endpoints with their veths, its published ports, its links and the namespace that it shares."""
    key = container_key(container)
    for endpoint in container.endpoints:
        network = snapshot.network(endpoint.network) or Network(endpoint.network, "", "unknown")
        if not network.connects_containers or network_key(network) not in graph:
            continue
        end = endpoint_key(container, endpoint)
        graph.add_node(end, kind="endpoint", part=endpoint, network=network_key(network))
        graph.add_edge(end, key, kind="inside")
        if endpoint.veth:
            veth = ("veth", endpoint.veth)
            if veth not in graph:
                graph.add_node(veth, kind="veth", part=None)
            graph.add_edge(end, veth, kind="cable")
            if snapshot.interface(endpoint.veth) is None:  # otherwise the kernel says of which bridge it is a port
                graph.add_edge(veth, network_key(network), kind="port")
        else:
            graph.add_edge(end, network_key(network), kind="port")
    for port in container.ports:
        if port.host_port:
            published = ("port", port.host_ip or "", str(port.host_port), port.protocol)
            graph.add_node(published, kind="port", part=port)
            graph.add_edge(published, key, kind="publishes")
    for link in container.links:
        if ("container", link.target) in graph:
            graph.add_edge(key, ("container", link.target), kind="link")
    other = joined_container(snapshot, container)
    if other:
        graph.add_edge(key, container_key(other), kind="shares")
    elif container.mode == "host":
        graph.add_edge(key, HOST, kind="shares")
