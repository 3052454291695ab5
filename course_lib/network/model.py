"""What the network of the lab is at one moment: frozen, sorted, without live handles.

A `Snapshot` is made from raw facts by `course_lib.lab.facts` and read by everything that explains or draws.
Names are those of the field: an *endpoint* is a container's place on a network, a *veth pair* is the cable
between the two, a *published port* is a port of the host that leads to a port of a container.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

Key = tuple[str | int, ...]  # a part of the network: ("bridge", "docker0"), ("rule", "ip", "nat", "DOCKER", 1)


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
    master: str | None = None  # the bridge that this interface is a port of
    peer_index: int | None = None  # veth: the index of the other end, in the namespace of the other end


@dataclass(frozen=True, order=True)
class Network:
    """A network of the Docker engine."""

    name: str
    id: str  # 64 hex digits
    driver: str  # "bridge", "host", "null", "macvlan" ...
    bridge: str | None = None  # the host's interface that is this network ("docker0", "br-0123456789ab")
    subnets: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    internal: bool = False


@dataclass(frozen=True, order=True)
class Endpoint:
    """A container's place on one network: its interface, and the veth pair that leads there."""

    network: str
    interface: str | None = None  # the name inside the container ("eth0"); None while it is not running
    addresses: tuple[str, ...] = ()  # with prefix length, IPv4 before IPv6
    mac: str = ""
    gateway: str = ""
    veth: str | None = None  # the host's end of the veth pair
    aliases: tuple[str, ...] = ()  # the names that the embedded DNS answers with this endpoint


@dataclass(frozen=True, order=True)
class Port:
    """A container's port: published if it has a host port, else only exposed."""

    container_port: int
    protocol: str  # "tcp", "udp", "sctp"
    host_ip: str | None = None
    host_port: int | None = None


@dataclass(frozen=True, order=True)
class Link:
    """A legacy link (`--link target:alias`), on the container that has the link."""

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
    created: int = 0  # nanoseconds since 1970: who came first stands first on a picture


@dataclass(frozen=True)
class Rule:
    """One rule of a chain, as `iptables-save -c` prints it (iptables-save(8))."""

    number: int  # from 1, in the order in which the kernel tries them
    spec: str  # the matches and the target: "! -i docker0 -p tcp -m tcp --dport 80 -j DNAT --to-destination ..."
    target: str  # the word behind -j, or behind -g; "" if the rule only counts
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


@dataclass(frozen=True, order=True)
class Route:
    """A route of the host's main table."""

    destination: str  # "default" or a prefix
    device: str
    gateway: str | None = None
    source: str | None = None


@dataclass(frozen=True, order=True)
class Unread:
    """A part of the network that could not be read, and why; of the lab everything can."""

    what: str  # "interfaces" (and routes), "namespaces" (of containers), "rules", "more rules"
    why: str


@dataclass(frozen=True)
class Snapshot:
    """The network of the lab, or of the learner's own engine, at one moment."""

    engine: str  # the version of dockerd, "26.1.5+dfsg1"
    interfaces: tuple[Interface, ...] = ()  # of the host
    client: tuple[Interface, ...] = ()  # of the client, the world outside of the host
    routes: tuple[Route, ...] = ()  # of the host
    networks: tuple[Network, ...] = ()
    containers: tuple[Container, ...] = ()
    chains: tuple[Chain, ...] = ()  # in the order of iptables-save
    warnings: tuple[str, ...] = ()  # where the engine and the kernel contradict each other
    machine: str = "the machine"  # on which dockerd runs, in words
    unread: tuple[Unread, ...] = ()

    def is_read(self, what: str) -> bool:
        """Return whether that part of the network was read, and what is not in it is not there."""
        return what not in {part.what for part in self.unread}

    def interface(self, name: str) -> Interface | None:
        """Return the host's interface of that name."""
        return self._interfaces.get(name)

    def network(self, name: str) -> Network | None:
        """Return the network of that name."""
        return self._networks.get(name)

    def container(self, name: str) -> Container | None:
        """Return the container of that name."""
        return self._containers.get(name)

    def chain(self, table: str, name: str, family: str = "ip") -> Chain | None:
        """Return a chain of a table."""
        return next((c for c in self.chains if (c.family, c.table, c.name) == (family, table, name)), None)

    # Looked up once for each of 300 containers, a list would be read 300 times.
    @cached_property
    def _interfaces(self) -> dict[str, Interface]:
        return {i.name: i for i in self.interfaces}

    @cached_property
    def _networks(self) -> dict[str, Network]:
        return {n.name: n for n in reversed(self.networks)}  # two may have one name

    @cached_property
    def _containers(self) -> dict[str, Container]:
        return {c.name: c for c in self.containers}
