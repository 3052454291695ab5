"""Decide where each container is drawn: `place_containers`. Below a network, in another namespace, or on its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Interface, ip_interface
from typing import TYPE_CHECKING

from course_lib.network.model import Container, Endpoint, Snapshot
from course_lib.network.topology import container_key, joined_container, owner_of
from course_lib.network.wording import is_live

if TYPE_CHECKING:
    from course_lib.network.topology import Graph

Node = tuple[str, ...]


@dataclass(frozen=True)
class Placement:
    """The containers by where they are drawn, each container once, and in each place the oldest first.

    Sorted by age, so that a new container comes after all others, and one that is stopped and started keeps its place.
    """

    networks: dict[Node, list[Container]]  # by the network's node, from left to right
    on_host: list[Container] = field(default_factory=list)  # they use the host's network namespace
    unconnected: list[Container] = field(default_factory=list)  # in no network
    sharing: dict[str, list[Container]] = field(default_factory=dict)  # by the container whose namespace they use


@lru_cache(maxsize=4)  # as `to_graph`
def place_containers(snapshot: Snapshot, graph: Graph) -> Placement:
    """Return where each container of the snapshot is drawn."""
    placement = Placement({node: [] for node in network_nodes(graph)})
    for container in sorted(snapshot.containers, key=lambda c: (c.created, _address(c), c.name)):
        owner = owner_of(snapshot, container)
        connected = connections(graph, container)
        if owner.mode == "host":
            placement.on_host.append(container)
        elif owner is not container and joined_container(snapshot, owner) is None:  # else a circle: nobody owns it
            placement.sharing.setdefault(owner.name, []).append(container)
        elif connected:
            placement.networks[_first_network(container, connected)].append(container)
        else:
            placement.unconnected.append(container)
    return placement


def network_nodes(graph: Graph) -> list[Node]:
    """Return the nodes of the networks from left to right: docker0, then by the name of the network."""
    nodes = [node for node in graph if graph.nodes[node]["kind"] in ("bridge", "network")]
    names = {node: graph.nodes[node]["part"].name if graph.nodes[node]["part"] else node[1] for node in nodes}
    return sorted(nodes, key=lambda node: (node[1] != "docker0", names[node], node))


def connections(graph: Graph, container: Container) -> list[tuple[Endpoint, Node]]:
    """Return a container's endpoints, ordered by interface, each with the node of the network it is connected to."""
    found = []
    for end in graph[container_key(container)]:
        if end[0] == "endpoint":
            masters = [node for veth in graph[end] if veth[0] == "veth" for node in graph[veth]]
            bridges = [node for node in masters if graph.nodes[node]["kind"] == "bridge"]
            # The kernel knows of which bridge a veth is a port; the engine is asked only where the kernel is silent.
            found.append((graph.nodes[end]["part"], bridges[0] if bridges else graph.nodes[end]["network"]))
    return sorted(found, key=lambda pair: (pair[0].interface is None, pair[0].interface or "", pair[0].network))


def namespace_words(snapshot: Snapshot, container: Container) -> str:
    """Return a phrase for the network namespace of a container that is not drawn below a network."""
    other = joined_container(snapshot, container)
    if not is_live(container):
        return f"its network mode: {f'container:{other.name}' if other else container.mode[:30]}"
    if owner_of(snapshot, container).mode == "host":
        return f"shares the host's namespace with {other.name}" if other else "shares the host's network namespace"
    if other:
        return f"uses the network namespace of {other.name}: same interfaces, same addresses"
    if container.mode.startswith("container:"):
        return "uses the network namespace of a container that does not exist"
    return f"{'network none' if container.mode == 'none' else 'in no network'}: only lo, nothing leads out"


def _first_network(container: Container, connected: list[tuple[Endpoint, Node]]) -> Node:
    """Return the network in which the container was started, if it is still connected there."""
    started = "bridge" if container.mode == "default" else container.mode
    return next((node for endpoint, node in connected if endpoint.network == started), connected[0][1])


def _address(container: Container) -> int:
    """Return the first IPv4 address as a number, so that .10 comes after .9."""
    addresses = [ip_interface(a) for e in container.endpoints for a in e.addresses]
    return next((int(a) for a in addresses if isinstance(a, IPv4Interface)), 1 << 32)
