"""Where each container belongs: below a network, in the host's or another's namespace, or alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Interface, ip_interface
from typing import TYPE_CHECKING

from course_lib.network.model import Container, Endpoint, Snapshot
from course_lib.network.topology import container_key, owner_of, sharer_of
from course_lib.network.wording import is_live

if TYPE_CHECKING:
    from course_lib.network.topology import Graph

Node = tuple[str, ...]


@dataclass(frozen=True)
class Homes:
    """The containers by the place where they are drawn, each container once, and in each place the oldest first.

    By age, so that a new container comes behind all others, and one that stops and starts stays where it is.
    """

    networks: dict[Node, list[Container]]
    on_host: list[Container] = field(default_factory=list)
    alone: list[Container] = field(default_factory=list)
    guests: dict[str, list[Container]] = field(default_factory=dict)  # by the name of whose namespace it is


@lru_cache(maxsize=4)  # as the graph
def homes(snapshot: Snapshot, graph: Graph) -> Homes:
    """Return where each container of the snapshot belongs."""
    found = Homes({node: [] for node in network_nodes(graph)})
    for container in sorted(snapshot.containers, key=lambda c: (c.created, _address(c), c.name)):
        root = owner_of(snapshot, container)
        joined = joins(graph, container)
        if root.mode == "host":
            found.on_host.append(container)
        elif root is not container and sharer_of(snapshot, root) is None:  # else they share in a circle
            found.guests.setdefault(root.name, []).append(container)
        elif joined:
            found.networks[_home(container, joined)].append(container)
        else:
            found.alone.append(container)
    return found


def network_nodes(graph: Graph) -> list[Node]:
    """Return the networks from left to right: docker0, then by the name of the network."""
    nodes = [node for node in graph if graph.nodes[node]["kind"] in ("bridge", "network")]
    names = {node: graph.nodes[node]["it"].name if graph.nodes[node]["it"] else node[1] for node in nodes}
    return sorted(nodes, key=lambda node: (node[1] != "docker0", names[node], node))


def joins(graph: Graph, container: Container) -> list[tuple[Endpoint, Node]]:
    """Return a container's endpoints in the order of their interfaces, each with its network's node."""
    found = []
    for place in graph[container_key(container)]:
        if place[0] == "endpoint":
            ends = [end for veth in graph[place] if veth[0] == "veth" for end in graph[veth]]
            seen = [end for end in ends if graph.nodes[end]["kind"] == "bridge"]
            # Where a cable ends is for the kernel to say, and for the engine where the kernel says nothing.
            found.append((graph.nodes[place]["it"], seen[0] if seen else graph.nodes[place]["network"]))
    return sorted(found, key=lambda join: (join[0].interface is None, join[0].interface or "", join[0].network))


def note(snapshot: Snapshot, container: Container) -> str:
    """Say which namespace a container uses that is below no network."""
    other = sharer_of(snapshot, container)
    root = owner_of(snapshot, container)
    if not is_live(container):
        return f"its network mode: {f'container:{other.name}' if other else container.mode[:30]}"
    if root.mode == "host":
        return f"shares the host's namespace with {other.name}" if other else "shares the host's network namespace"
    if other:
        return f"uses the network namespace of {other.name}: same interfaces, same addresses"
    if container.mode.startswith("container:"):
        return "uses the network namespace of a container that is not there"
    return f"{'network none' if container.mode == 'none' else 'in no network'}: only lo, nothing leads out"


def _home(container: Container, joined: list[tuple[Endpoint, Node]]) -> Node:
    """Return the network that the container was started in, as long as it is in it."""
    started = "bridge" if container.mode == "default" else container.mode
    return next((node for endpoint, node in joined if endpoint.network == started), joined[0][1])


def _address(container: Container) -> int:
    """Return the first IPv4 address as a number, so that .10 comes after .9."""
    addresses = [ip_interface(a) for e in container.endpoints for a in e.addresses]
    return next((int(a) for a in addresses if isinstance(a, IPv4Interface)), 1 << 32)
