"""The network as a graph: what is connected to what, without positions and without words.

A node's key is a tuple whose first item is its kind; the attribute `it` is the part of the snapshot that
the node stands for (a dataclass of `course_lib.network.model`, or None). An edge's `kind` says how it connects:

    cable      two ends of a wire: client and host interface, the two ends of a veth pair
    port       an interface and the bridge (or the network without a bridge) that it is a port of
    inside     an interface and the network namespace that it is in
    publishes  a published port and the container that it leads to
    shares     a container and the namespace that it uses: the host's, or another container's
    link       a container and the one that it has a legacy link to
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
NO_NETWORK = ("host", "null")  # the drivers behind the networks "host" and "none"


@lru_cache(maxsize=4)  # a live picture asks six times, of its state and of the one before
def to_graph(snapshot: Snapshot) -> Graph:
    """Return the graph of a snapshot, to be read only; the same snapshot gives the same nodes in the same order."""
    graph: Graph = nx.Graph()
    graph.add_node(HOST, kind="host", it=None)
    _add_networks(graph, snapshot)
    _add_interfaces(graph, snapshot)
    for container in snapshot.containers:
        graph.add_node(container_key(container), kind="container", it=container)
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


def sharer_of(snapshot: Snapshot, container: Container) -> Container | None:
    """Return the container whose network namespace this one uses, with `--network container:X`."""
    kind, _, other = container.mode.partition(":")
    if kind != "container" or not other:
        return None
    long_enough = len(other) >= 12  # the engine gives an id, a person may give a name or a short id
    return next((c for c in snapshot.containers if c.name == other or (long_enough and c.id.startswith(other))), None)


def owner_of(snapshot: Snapshot, container: Container) -> Container:
    """Return the container whose network namespace this one uses in the end: mostly itself."""
    seen = {container.name}
    while (other := sharer_of(snapshot, container)) and other.name not in seen:
        container = other
        seen.add(other.name)
    return container


def facing(snapshot: Snapshot) -> Interface | None:
    """Return the host's interface at the other end of the client's cable: the one in its subnet."""
    subnets = [ip_interface(a).network for i in snapshot.client for a in i.addresses if i.kind != "loopback"]
    candidates = [i for i in snapshot.interfaces if i.kind not in ("loopback", "bridge")]
    for interface in candidates:
        if any(ip_interface(address).network in subnets for address in interface.addresses):
            return interface
    return None


def outward(snapshot: Snapshot) -> Interface | None:
    """Return the host's interface that leads outside: to the client, or where the default route leads."""
    default = next((route.device for route in snapshot.routes if route.destination == "default"), "")
    return facing(snapshot) or snapshot.interface(default)


def edge(snapshot: Snapshot) -> list[list[Interface]]:
    """Return what leads out of the host: neither its bridges nor the ends of the containers' cables.

    Several veths of one bridge whose other ends were not found are one; only on a learner's own engine are there such.
    """
    ends = {endpoint.veth for container in snapshot.containers for endpoint in container.endpoints}
    outer = outward(snapshot)
    found = [i for i in snapshot.interfaces if i.kind not in ("loopback", "bridge") and i.name not in ends]
    found_by: dict[tuple[str, ...], list[Interface]] = {}
    for interface in sorted(found, key=lambda interface: (interface != outer, interface.name)):
        alike = (interface.master, interface.state) if interface.kind == "veth" and interface.master else None
        found_by.setdefault(alike or (interface.name,), []).append(interface)
    return list(found_by.values())


def _add_networks(graph: Graph, snapshot: Snapshot) -> None:
    for network in snapshot.networks:
        if network.driver not in NO_NETWORK:
            graph.add_node(network_key(network), kind=network_key(network)[0], it=network)
    used = {endpoint.network for container in snapshot.containers for endpoint in container.endpoints}
    for name in sorted(used - {network.name for network in snapshot.networks}):
        missing = Network(name=name, id="", driver="unknown")
        if name not in ("host", "none"):
            graph.add_node(network_key(missing), kind="network", it=missing)


def _add_interfaces(graph: Graph, snapshot: Snapshot) -> None:
    """Add what the host's namespace holds; the loopback is in every namespace and connects nothing."""
    if snapshot.client:
        graph.add_node(CLIENT, kind="client", it=None)
    ends = {endpoint.veth for container in snapshot.containers for endpoint in container.endpoints}
    for interface in snapshot.interfaces:
        if interface.kind == "loopback":
            continue
        if interface.kind == "bridge":
            key = ("bridge", interface.name)
            if key not in graph:  # a bridge that someone made without Docker
                graph.add_node(key, kind="bridge", it=None)
        else:
            key = ("veth" if interface.name in ends else "interface", interface.name)
            graph.add_node(key, kind=key[0], it=interface)
            if interface.master:
                graph.add_edge(key, ("bridge", interface.master), kind="port")
        graph.add_edge(key, HOST, kind="inside")
    outer = facing(snapshot)
    if outer:
        graph.add_edge(CLIENT, ("interface", outer.name), kind="cable")
    for node, attributes in graph.nodes(data=True):  # a bridge that only a veth has named
        attributes.setdefault("kind", node[0])
        attributes.setdefault("it", None)


def _add_container(graph: Graph, snapshot: Snapshot, container: Container) -> None:
    key = container_key(container)
    for endpoint in container.endpoints:
        network = snapshot.network(endpoint.network) or Network(endpoint.network, "", "unknown")
        if network.driver in NO_NETWORK or network_key(network) not in graph:
            continue
        place = endpoint_key(container, endpoint)
        graph.add_node(place, kind="endpoint", it=endpoint, network=network_key(network))
        graph.add_edge(place, key, kind="inside")
        if endpoint.veth:
            veth = ("veth", endpoint.veth)
            if veth not in graph:
                graph.add_node(veth, kind="veth", it=None)
            graph.add_edge(place, veth, kind="cable")
            if snapshot.interface(endpoint.veth) is None:  # else its port, if any, is known from the kernel
                graph.add_edge(veth, network_key(network), kind="port")
        else:
            graph.add_edge(place, network_key(network), kind="port")
    for port in container.ports:
        if port.host_port:
            published = ("port", port.host_ip or "", str(port.host_port), port.protocol)
            graph.add_node(published, kind="port", it=port)
            graph.add_edge(published, key, kind="publishes")
    for link in container.links:
        if ("container", link.target) in graph:
            graph.add_edge(key, ("container", link.target), kind="link")
    other = sharer_of(snapshot, container)
    if other:
        graph.add_edge(key, container_key(other), kind="shares")
    elif container.mode == "host":
        graph.add_edge(key, HOST, kind="shares")
