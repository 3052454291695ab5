"""Build the networkx graph of a Snapshot for learners: `to_graph`. What is connected to what, without positions.

A node is a tuple whose first item is its kind. Nodes have the attributes `kind`, `part` (the dataclass of
`course_lib.network.model` that the node represents, or None) and, for an endpoint, `network` (the node of its network):

    ("host", "host")                  the host's network namespace
    ("client", "client")              the client, outside the host
    ("bridge", "docker0")             a bridge of the host, by the name of its interface; `part` is its Network
    ("network", "lan")                a network without a bridge, by its name
    ("interface", "eth0")             any other interface of the host
    ("veth", "veth1a2b3c4")           the host's end of the veth pair of a container, or of a namespace at a bridge
    ("endpoint", "web", "mynet")      the interface of a container in a network
    ("container", "web")              a container
    ("namespace", "box")              a network namespace that `ip netns add` made
    ("end", "box", "eth0")            an interface of such a namespace
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

from typing import TYPE_CHECKING

import networkx as nx

from course_lib.network.model import Container, Namespace, Snapshot
from course_lib.network.topology import (
    CLIENT,
    HOST,
    client_facing,
    container_key,
    endpoint_key,
    joined_container,
    network_key,
    network_nodes,
    network_of,
)

if TYPE_CHECKING:
    Graph = nx.Graph[tuple[str, ...]]


def to_graph(snapshot: Snapshot) -> Graph:
    """Return the graph of a snapshot; equal snapshots give the same nodes in the same order."""
    graph: Graph = nx.Graph()
    graph.add_node(HOST, kind="host", part=None)
    if snapshot.client:
        graph.add_node(CLIENT, kind="client", part=None)
    for node, network in network_nodes(snapshot).items():
        graph.add_node(node, kind=node[0], part=network)
    _add_interfaces(graph, snapshot)
    for container in snapshot.containers:
        graph.add_node(container_key(container), kind="container", part=container)
    for container in snapshot.containers:
        _add_container(graph, snapshot, container)
    for namespace in snapshot.namespaces:
        _add_namespace(graph, snapshot, namespace)
    return graph


def _add_interfaces(graph: Graph, snapshot: Snapshot) -> None:
    """Add the host's interfaces, without loopbacks: every namespace has one, and it connects nothing."""
    for interface in snapshot.interfaces:
        if interface.kind == "bridge":
            graph.add_edge(("bridge", interface.name), HOST, kind="inside")
        elif interface.kind != "loopback":
            key = ("veth" if interface.name in snapshot.veth_ends else "interface", interface.name)
            graph.add_node(key, kind=key[0], part=interface)
            if interface.master:
                graph.add_edge(key, ("bridge", interface.master), kind="port")
            else:
                graph.add_edge(key, HOST, kind="inside")
    if facing := client_facing(snapshot):
        graph.add_edge(CLIENT, ("interface", facing.name), kind="cable")


def _add_container(graph: Graph, snapshot: Snapshot, container: Container) -> None:
    """Add a container's endpoints with their veths, its published ports, its links and the namespace that it shares."""
    key = container_key(container)
    for endpoint in container.endpoints:
        network = network_of(snapshot, endpoint)
        if network is None:
            continue
        end, node = endpoint_key(container, endpoint), network_key(network)
        graph.add_node(end, kind="endpoint", part=endpoint, network=node)
        graph.add_edge(end, key, kind="inside")
        if endpoint.veth:
            veth = ("veth", endpoint.veth)
            if snapshot.interface(endpoint.veth) is None:  # otherwise the kernel says of which bridge it is a port
                graph.add_node(veth, kind="veth", part=None)
                graph.add_edge(veth, node, kind="port")
            graph.add_edge(end, veth, kind="cable")
        else:
            graph.add_edge(end, node, kind="port")
    for port in container.ports:
        if port.host_port:
            published = ("port", port.host_ip or "", str(port.host_port), port.protocol)
            graph.add_node(published, kind="port", part=port)
            graph.add_edge(published, key, kind="publishes")
    for link in container.links:
        if ("container", link.target) in graph:
            graph.add_edge(key, ("container", link.target), kind="link")
    if other := joined_container(snapshot, container):
        graph.add_edge(key, container_key(other), kind="shares")
    elif container.mode == "host":
        graph.add_edge(key, HOST, kind="shares")


def _add_namespace(graph: Graph, snapshot: Snapshot, namespace: Namespace) -> None:
    """Add a namespace that `ip netns add` made, with its interfaces and their cables."""
    key = ("namespace", namespace.name)
    graph.add_node(key, kind="namespace", part=namespace)
    for interface in namespace.interfaces:
        if interface.kind != "loopback":
            end = ("end", namespace.name, interface.name)
            graph.add_node(end, kind="end", part=interface)
            graph.add_edge(end, key, kind="inside")
            if peer := namespace.peer(interface.name):
                kind = "veth" if peer.other in snapshot.veth_ends else "interface"
                other = ("end", peer.namespace, peer.other) if peer.namespace else (kind, peer.other)
                graph.add_edge(end, other, kind="cable")
