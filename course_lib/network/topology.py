"""Relate the parts of a Snapshot: their keys, the network of an endpoint, the owner of a namespace, the host's edge."""

from __future__ import annotations

from course_lib.network.model import Container, Endpoint, Interface, Namespace, Network, Snapshot

Node = tuple[str, ...]  # a key of `graph`: ("bridge", "docker0"), ("network", "lan")
HOST = ("host", "host")
CLIENT = ("client", "client")
NETNS = "/netns/"  # no container's name begins so


def container_key(container: Container) -> tuple[str, str]:
    """Return the key of a container's node."""
    return ("container", container.name)


def network_key(network: Network) -> tuple[str, str]:
    """Return the key of a network's node: its bridge if it has one."""
    return ("bridge", network.bridge) if network.bridge else ("network", network.name)


def endpoint_key(container: Container, endpoint: Endpoint) -> tuple[str, str, str]:
    """Return the key of a container's interface in one network."""
    return ("endpoint", container.name, endpoint.network)


def network_of(snapshot: Snapshot, endpoint: Endpoint) -> Network | None:
    """Return the network of an endpoint; None for "host" and "none", which have no interfaces of their own.

    A network that was removed meanwhile, so that only the endpoint mentions it, has the driver "unknown".
    """
    network = snapshot.network(endpoint.network)
    if network is None and endpoint.network not in ("host", "none"):
        network = Network(endpoint.network, "", "unknown")
    return network if network and network.connects_containers else None


def network_nodes(snapshot: Snapshot) -> dict[Node, Network | None]:
    """Return the networks by node from left to right: docker0, then by name.

    None stands for a bridge that was created without Docker.
    """
    mentioned = (network_of(snapshot, e) for c in snapshot.containers for e in c.endpoints)
    found: dict[Node, Network | None] = {
        network_key(n): n for n in (*snapshot.networks, *mentioned) if n and n.connects_containers
    }
    for i in snapshot.interfaces:
        if bridge := i.name if i.kind == "bridge" else i.master:
            found.setdefault(("bridge", bridge), None)

    def order(node: Node) -> tuple[bool, str, Node]:
        network = found[node]
        return node[1] != "docker0", network.name if network else node[1], node

    return {node: found[node] for node in sorted(found, key=order)}


def connections(snapshot: Snapshot, container: Container) -> list[tuple[Endpoint, Node]]:
    """Return a container's endpoints, ordered by interface, each with the node of the network it is connected to."""
    found: list[tuple[Endpoint, Node]] = []
    for endpoint in container.endpoints:
        if network := network_of(snapshot, endpoint):
            veth = snapshot.interface(endpoint.veth or "")
            # The kernel knows of which bridge a veth is a port; the engine is asked only where the kernel is silent.
            found.append((endpoint, ("bridge", veth.master) if veth and veth.master else network_key(network)))
    return sorted(found, key=lambda pair: (pair[0].interface is None, pair[0].interface or "", pair[0].network))


def stand_in(snapshot: Snapshot, namespace: Namespace) -> Container:
    """Return a namespace that `ip netns add` made in the form of a container, which is drawn and related like it.

    Its name begins with NETNS. Its endpoints are the interfaces whose cables lead to a bridge; the name of an interface
    takes the place of that of a network.
    """
    ends = []
    for i in namespace.interfaces:
        peer = namespace.peer(i.name)
        if peer and not peer.namespace and peer.other in snapshot.veth_ends:
            addresses = tuple(a for a in i.addresses if not a.startswith("fe80:"))
            ends.append(Endpoint(i.name, i.name, addresses, i.mac, veth=peer.other))
    return Container(NETNS + namespace.name, "", "", "", "running", NETNS, tuple(ends))


def joined_container(snapshot: Snapshot, container: Container) -> Container | None:
    """Return the container X whose network namespace this one joined with `--network container:X`, if it exists.

    None, too, if X has been stopped or restarted since: then their namespaces differ.
    """
    kind, _, other = container.mode.partition(":")
    if kind != "container" or not other or container.is_left:
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
    """Return the host's interface at the other end of the client's cable: its index is what the client's names."""
    ends = {i.peer_index for i in snapshot.client if i.kind == "veth"}
    return next((i for i in snapshot.interfaces if i.kind == "veth" and i.index in ends), None)


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
        i for i in snapshot.interfaces if i.kind not in ("loopback", "bridge") and i.name not in snapshot.veth_ends
    ]
    groups: dict[tuple[str, ...], list[Interface]] = {}
    for interface in sorted(found, key=lambda interface: (interface != external, interface.name)):
        is_port = interface.kind == "veth" and interface.master
        key = (interface.master or "", interface.state) if is_port else (interface.name,)
        groups.setdefault(key, []).append(interface)
    return list(groups.values())
