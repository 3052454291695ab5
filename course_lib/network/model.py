"""Define `Snapshot`, the state of a Docker network at one moment: frozen, sorted, without live handles.

`parse_facts.snapshot` builds it from raw facts. Everything that describes, compares or draws a network reads it.
An *endpoint* is a container's connection to a network, a *veth pair* the virtual cable between a container and a
bridge, a *published port* a port of the host that is forwarded to a port of a container.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

Key = tuple[str | int, ...]  # identifies a part of the network: ("bridge", "docker0"), ("rule", "ip", "nat", "X", 1)
PREDEFINED_NETWORKS = ("bridge", "host", "none")  # exist in every engine and cannot be removed


def without_prefix(address: str) -> str:
    """Return an address without its prefix length: "172.17.0.2" for "172.17.0.2/16"."""
    return address.partition("/")[0]


@dataclass(frozen=True, order=True)
class Interface:
    """A network interface as `ip -d addr` shows it in one network namespace (ip-address(8))."""

    name: str
    index: int
    kind: str  # "loopback", "bridge", "veth", "ether" ... (IFLA_INFO_KIND, or the link type where there is none)
    state: str  # "UP", "DOWN" or "UNKNOWN" (operstate)
    mac: str
    mtu: int  # bytes
    addresses: tuple[str, ...] = ()  # with prefix length: "172.17.0.1/16", "fe80::1/64"
    master: str | None = None  # the bridge of which this interface is a port
    peer_index: int | None = None  # of a veth: the index of its peer, in the peer's network namespace
    link_type: str = "ether"  # what `ip addr` prints after "link/": that of a bridge or a veth is "ether"


@dataclass(frozen=True, order=True)
class Network:
    """A network of the Docker engine, as `docker network inspect` shows it."""

    name: str
    id: str  # 64 hex digits
    driver: str  # "bridge", "host", "null", "macvlan" ...
    bridge: str | None = None  # the host's interface that implements this network ("docker0", "br-0123456789ab")
    subnets: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    internal: bool = False

    @property
    def connects_containers(self) -> bool:
        """Return whether containers get endpoints with interfaces here: not in the networks "host" and "none"."""
        return self.driver not in ("host", "null")


@dataclass(frozen=True, order=True)
class Endpoint:
    """A container's connection to one network: its interface, and the veth pair to the bridge."""

    network: str
    interface: str | None = None  # the name inside the container ("eth0"); None while it is not running
    addresses: tuple[str, ...] = ()  # with prefix length, IPv4 before IPv6
    mac: str = ""
    gateway: str = ""
    veth: str | None = None  # the host's end of the veth pair
    aliases: tuple[str, ...] = ()  # the names that the embedded DNS server resolves to this endpoint


@dataclass(frozen=True, order=True)
class Port:
    """A container's port: published if it has a host port, otherwise only exposed."""

    container_port: int
    protocol: str  # "tcp", "udp", "sctp"
    host_ip: str | None = None
    host_port: int | None = None


@dataclass(frozen=True, order=True)
class Link:
    """A legacy link (`docker run --link target:alias`) of the container that was started with it."""

    target: str
    alias: str


@dataclass(frozen=True, order=True)
class Container:
    """A container of the lab's engine, running or not."""

    name: str
    id: str  # 64 hex digits
    image: str
    command: str
    state: str  # "running", "exited", "created", "paused" ...
    mode: str = "bridge"  # HostConfig.NetworkMode: a network's name, "host", "none", "container:NAME"
    endpoints: tuple[Endpoint, ...] = ()
    ports: tuple[Port, ...] = ()
    links: tuple[Link, ...] = ()
    by_hand: tuple[Interface, ...] = ()  # interfaces in its own network namespace that no network of Docker gave it
    is_left: bool = False  # of mode container:NAME: NAME was stopped or restarted since, and its namespace is another
    created: int = 0  # nanoseconds since 1970; pictures show the oldest container first

    @property
    def is_live(self) -> bool:
        """Return whether the container has a network namespace now; while it is "restarting" it has none."""
        return self.state in ("running", "paused")


@dataclass(frozen=True, order=True)
class Peer:
    """The other end of a veth pair of a namespace that `ip netns add` made."""

    interface: str  # the namespace's own end
    namespace: str  # where the other end is: the name of such a namespace; "" for the host
    other: str  # the name of the other end


@dataclass(frozen=True, order=True)
class Namespace:
    """A network namespace that `ip netns add` made: a file in /run/netns (ip-netns(8)), but not the lab's client."""

    name: str
    interfaces: tuple[Interface, ...] = ()
    peers: tuple[Peer, ...] = ()  # as far as they are known

    def peer(self, interface: str) -> Peer | None:
        """Return the other end of the veth pair of an interface."""
        return next((peer for peer in self.peers if peer.interface == interface), None)


@dataclass(frozen=True)
class Rule:
    """One rule of a chain, as `iptables-save -c` prints it (iptables-save(8))."""

    number: int  # from 1, in the order in which the kernel evaluates them
    spec: str  # the matches and the target: "! -i docker0 -p tcp -m tcp --dport 80 -j DNAT --to-destination ..."
    target: str  # the value of -j or -g; "" if the rule only counts
    packets: int
    bytes: int


@dataclass(frozen=True)
class Chain:
    """A chain of a netfilter table, with its rules in order."""

    family: str  # "ip" or "ip6"
    table: str  # "nat", "filter", "raw", "mangle"
    name: str
    policy: str | None  # "ACCEPT" or "DROP" for a built-in chain, None for a user-defined one
    packets: int
    bytes: int
    rules: tuple[Rule, ...] = ()

    @property
    def title(self) -> str:
        """Return the table and the name of the chain: "nat DOCKER", or "nat DOCKER (IPv6)"."""
        return f"{self.table} {self.name}" + (" (IPv6)" if self.family == "ip6" else "")


@dataclass(frozen=True, order=True)
class Route:
    """A route of the host's main table."""

    destination: str  # "default" or a prefix
    device: str
    gateway: str | None = None
    source: str | None = None


@dataclass(frozen=True, order=True)
class Unread:
    """A part of the network that could not be read or is not shown; of the lab that can only be "more rules"."""

    what: str  # "interfaces" (and routes), "namespaces" (of containers), "rules", "more rules"
    why: str


@dataclass(frozen=True)
class Snapshot:
    """The network of the lab, or of the learner's own engine, at one moment.

    `interface`, `network`, `container` and `chain` find a part by its name; they return None if there is none.
    """

    engine: str  # the version of dockerd, "26.1.5+dfsg1"
    interfaces: tuple[Interface, ...] = ()  # of the host
    client: tuple[Interface, ...] = ()  # of the client, which stands for everything outside the host
    routes: tuple[Route, ...] = ()  # of the host
    networks: tuple[Network, ...] = ()
    containers: tuple[Container, ...] = ()
    namespaces: tuple[Namespace, ...] = ()  # that `ip netns add` made
    chains: tuple[Chain, ...] = ()  # in the order of iptables-save
    warnings: tuple[str, ...] = ()  # contradictions between the engine and the kernel
    machine: str = "the machine"  # a description of the machine on which dockerd runs
    unread: tuple[Unread, ...] = ()

    def is_read(self, what: str) -> bool:
        """Return whether this part of the network was read, so that what the snapshot lacks does not exist."""
        return what not in {part.what for part in self.unread}

    def interface(self, name: str) -> Interface | None:
        """Return the host's interface with this name."""
        return self._interfaces.get(name)

    def network(self, name: str) -> Network | None:
        """Return the network with this name."""
        return self._networks.get(name)

    def container(self, name: str) -> Container | None:
        """Return the container with this name."""
        return self._containers.get(name)

    def chain(self, table: str, name: str, family: str = "ip") -> Chain | None:
        """Return a chain of a table; `family` is "ip" or "ip6"."""
        return next((c for c in self.chains if (c.family, c.table, c.name) == (family, table, name)), None)

    @cached_property
    def veth_ends(self) -> frozenset[str]:
        """Return the names of the host's ends of veth pairs: those of containers, and of namespaces at a bridge."""
        found = {e.veth for container in self.containers for e in container.endpoints if e.veth}
        ends = {peer.other for namespace in self.namespaces for peer in namespace.peers if not peer.namespace}
        return frozenset(found | {name for name in ends if (end := self.interface(name)) and end.master})

    # Dictionaries, because a picture of 300 containers looks up each of them.
    @cached_property
    def _interfaces(self) -> dict[str, Interface]:
        return {i.name: i for i in self.interfaces}

    @cached_property
    def _networks(self) -> dict[str, Network]:
        return {n.name: n for n in reversed(self.networks)}  # of two with the same name, the first

    @cached_property
    def _containers(self) -> dict[str, Container]:
        return {c.name: c for c in self.containers}
