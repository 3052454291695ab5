"""Decide what to ask about who reaches whom (`questions`), and define the answer, `Reach`. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from ipaddress import ip_address

from course_lib.errors import CourseError
from course_lib.network.model import Container, Key, Snapshot, without_prefix
from course_lib.network.sections import sections
from course_lib.network.topology import connections, external_interface, network_of, owner_of

LISTEN = "0A"  # a socket's state (proc(5), /proc/PID/net/tcp; of an UDP socket that is not connected it is 07)
RESOLVER = "127.0.0.11"  # Docker's name server, in the network namespace of a container
SAID = (
    "Each question is a SYN, an echo request or a DNS query, sent again if nothing answers, and only name servers "
    "notice. It changes packet counters and entries of conntrack, of the neighbour tables and of the bridges' "
    "forwarding tables, nothing else."
)


@dataclass(frozen=True)
class Place:
    """A network namespace that is asked about: the client's, the host's, or that of one or more containers."""

    name: str  # "client", "host" or the container that owns the namespace
    others: tuple[str, ...] = ()  # containers that use it too
    state: str = "running"  # or "paused": of the owner
    addresses: tuple[str, ...] = ()  # without those of the loopback and of the link
    shown: bool = True  # False of the host if it is only asked whether a docker-proxy gets further

    @property
    def label(self) -> str:
        """Return all names: "web + sidecar"."""
        return " + ".join((self.name, *self.others))


@dataclass(frozen=True, order=True)
class Service:
    """What is asked of a target: to answer a ping, to be found by its name, or a port of it."""

    kind: str  # "ping", "name", "tcp", "udp"
    port: int = 0  # the target's own
    published: int = 0  # the port of the host that is asked instead

    @property
    def label(self) -> str:
        """Return "ping", "name", "80", "53/udp", or "8080→80" for a published port."""
        number = f"{self.published}→{self.port}" if self.published else f"{self.port}"
        return {"ping": "ping", "name": "name", "udp": f"{number}/udp"}.get(self.kind, number)


@dataclass(frozen=True)
class Answer:
    """What came of one question."""

    address: str  # that was asked; of a name the name server, or "" for the hosts file
    state: str  # "yes", "no" or "unknown"
    how: str  # how it went, or what decided, in words that fit many answers: "DNAT", "isolated networks: ..."
    detail: str = ""  # the evidence for this one: the rule, the addresses that were rewritten


@dataclass(frozen=True)
class Question:
    """One question: from one namespace to one address."""

    source: str
    target: str
    service: Service
    address: str
    port: int = 0
    text: str = ""  # of a DNS query: "A web"
    settled: Answer | None = None  # the answer, where nothing has to be asked

    @property
    def url(self) -> str:
        """Return the target of a journey that asks the same (packet_path/request.py)."""
        if self.service.kind == "name":
            return f"dns://{self.target}"
        at = f"[{self.address}]" if ":" in self.address else self.address
        return f"ping://{at}" if self.service.kind == "ping" else f"{self.service.kind}://{at}:{self.port}"


@dataclass(frozen=True)
class Field:
    """One field of the matrix: one service of one target, asked from one source, by each address."""

    source: str
    target: str
    service: Service
    answers: tuple[Answer, ...]
    url: str = ""  # the same as the target of a journey: of several addresses, the last one that was not answered

    @property
    def state(self) -> str:
        """Return the state that all answers have; else "some": some addresses lead there, some do not."""
        states = {answer.state for answer in self.answers}
        return "some" if len(states) > 1 else states.pop()

    @property
    def key(self) -> Key:
        """Return the key of its box in a picture: ("reach", source, target, label of the service)."""
        return "reach", self.source, self.target, self.service.label


@dataclass(frozen=True)
class Reach:
    """Who reaches whom, as it was when it was asked. `why` explains one field."""

    network: Snapshot
    places: tuple[Place, ...]
    fields: tuple[Field, ...]
    left_out: tuple[str, ...] = ()  # what was not asked, and why

    @cached_property
    def services(self) -> dict[str, tuple[Service, ...]]:
        """Return the services of each target, in order."""
        order = ("ping", "name", "tcp", "udp")
        found = {place.name: {f.service for f in self.fields if f.target == place.name} for place in self.places}
        return {
            name: tuple(sorted(some, key=lambda s: (order.index(s.kind), s.published, s.port)))
            for name, some in found.items()
            if some
        }

    @cached_property
    def by_key(self) -> dict[Key, Field]:
        """Return the fields by their keys."""
        return {f.key: f for f in self.fields}

    def field(self, source: str, target: str, service: str | int) -> Field:
        """Return one field. `service` is "ping", "name", or a port; of a published port that of the host will do.

        Raises CourseError if there is no such field, with those that there are.
        """
        at, to = (next((p.name for p in self.places if name in (p.name, *p.others)), name) for name in (source, target))
        label = str(service)
        for f in self.fields:
            if (f.source, f.target) == (at, to) and label in (f.service.label, str(f.service.published or "")):
                return f
        known = ", ".join(s.label for s in self.services.get(to, ()))
        raise CourseError(
            f"{label} of {target} was not asked from {source}: asked of {target} were {known or 'no questions'}."
        )


def namespaces(network: Snapshot, only: Collection[str] = ()) -> tuple[Place, ...]:
    """Return the namespaces to ask: client, host, and the containers that run or are paused, by name.

    `only` are names that limit them. Raises CourseError for a name that is not there.
    """
    shares: dict[str, list[Container]] = {"host": []}
    for container in network.containers:
        owner = owner_of(network, container)
        if container.is_live and owner.is_live:
            shares.setdefault("host" if owner.mode == "host" else owner.name, []).append(container)
    found = [Place("client", (), "running", _own(i.addresses for i in network.client))] if network.client else []
    for name, sharers in shares.items():
        others = tuple(c.name for c in sharers if c.name != name)
        owner_container = network.container(name) if name != "host" else None
        if owner_container is None:
            facing = external_interface(network)
            found.append(Place("host", others, "running", _own([facing.addresses] if facing else [])))
        else:
            given = [e.addresses for e in owner_container.endpoints]
            given += [i.addresses for i in owner_container.by_hand]
            found.append(Place(name, others, owner_container.state, _own(given)))
    for name in only:
        if not any(name in (p.name, *p.others) for p in found):
            stopped = network.container(name)
            why = f"The container {name} is {stopped.state}" if stopped else f"There is no {name!r}"
            raise CourseError(f"{why}: there are {', '.join(n for p in found for n in (p.name, *p.others))}.")
    chosen = [replace(p, shown=not only or bool({p.name, *p.others} & set(only))) for p in found]
    return tuple(p for p in chosen if p.shown or p.name == "host")


def _own(given: Iterator[tuple[str, ...]] | list[tuple[str, ...]]) -> tuple[str, ...]:
    """Return addresses without their prefix lengths, and without those of the loopback and of the link."""
    found = [without_prefix(a) for addresses in given for a in addresses]
    return tuple(a for a in found if not a.startswith(("127.", "169.254.", "fe80:")) and a != "::1")


@dataclass(frozen=True)
class Heard:
    """What was read in one network namespace, and its files: before anything is asked."""

    sockets: str  # /proc/net/tcp, tcp6, udp and udp6
    hosts: str
    resolver: str  # resolv.conf

    @cached_property
    def listening(self) -> dict[tuple[str, int], set[str]]:
        """Return the addresses that are listened on, by protocol and port; without those of Docker's name server."""
        found: dict[tuple[str, int], set[str]] = {}
        protocol = "tcp"
        for line in self.sockets.splitlines():
            parts = line.split()
            if parts[:2] == ["sl", "local_address"]:
                protocol = "tcp" if "tr" in parts and "ref" not in parts else "udp"
            elif len(parts) > 3 and parts[3] == (LISTEN if protocol == "tcp" else "07"):
                address, port = parts[1].split(":")
                words = (address[i : i + 8] for i in range(0, len(address), 8))
                text = str(ip_address(b"".join(bytes.fromhex(w)[::-1] for w in words)))
                if text != RESOLVER:
                    found.setdefault((protocol, int(port, 16)), set()).add(text)
        return found

    @property
    def server(self) -> str:
        """Return the first name server; "" if there is none."""
        found = re.search(r"^nameserver\s+(\S+)", self.resolver, re.M)
        return found[1] if found else ""

    def named(self, name: str) -> str:
        """Return the address of a name in the hosts file (hosts(5)); "" if it is not there."""
        lines = (line.partition("#")[0].split() for line in self.hosts.splitlines())
        return next((p[0] for p in lines if name.lower() in map(str.lower, p[1:])), "")


def heard_of(text: str) -> dict[str, Heard]:
    """Return by place what reach.pl printed when it was asked nothing."""
    found = dict(sections(text))
    names = [title.partition(" ")[2] for title in found if title.startswith("sockets ")]
    return {n: Heard(found[f"sockets {n}"], found[f"hosts {n}"], found[f"resolver {n}"]) for n in names}


def questions(network: Snapshot, places: tuple[Place, ...], heard: Mapping[str, Heard]) -> tuple[Question, ...]:
    """Return what to ask from each namespace about each: ping, name, each port that is listened on or published.

    A container is also asked from itself. Of UDP only port 53 is asked, with a DNS query: others need not answer.
    """
    pairs = [(s, t) for s in places for t in places if t.shown and (s is not t or s.name not in ("client", "host"))]
    host = next(p for p in places if p.name == "host")
    asked = ((source, q) for source, target in pairs for q in _between(network, source, target, host, heard))
    return tuple(q for source, q in asked if source.shown or (q.service.kind == "tcp" and not q.service.published))


def _between(
    network: Snapshot, source: Place, target: Place, host: Place, heard: Mapping[str, Heard]
) -> Iterator[Question]:
    """Yield the questions from one namespace to another, or to itself."""
    owner = network.container(target.name) if target.name not in ("client", "host") else None
    addresses = _asked(network, source, target)
    listening = heard[target.name].listening
    shown = [p for p in owner.ports if p.host_port] if owner else []
    own = {("tcp", p.container_port) for p in shown if p.protocol == "tcp"}
    own |= {place for place in listening if place[0] == "tcp" or place[1] == 53}  # others may be clients' sockets
    if not owner:  # what is published is asked of its container
        own -= {(p.protocol, p.host_port) for c in network.containers for p in c.ports if p.host_port}
    kinds = [Service("ping"), *(Service(protocol, port) for protocol, port in sorted(own))]
    for service in kinds:
        for address in addresses:
            settled = _settled(service, source, address)
            text = "NS ." if service.kind == "udp" else ""
            yield Question(source.name, target.name, service, address, service.port, text, settled)
        if not addresses:
            words = "it has no address but the loopback's"
            yield Question(source.name, target.name, service, "", settled=Answer("", "no", words))
    for port in shown:
        service = Service(port.protocol, port.container_port, port.host_port or 0)
        for address in _doors(source, host, port.host_ip or ""):
            settled = _settled(service, source, address)
            yield Question(source.name, target.name, service, address, port.host_port or 0, settled=settled)
    if owner and source is not target:
        yield _name(source, target, heard[source.name])


def _settled(service: Service, source: Place, address: str) -> Answer | None:
    """Return the answer where nothing can be asked."""
    if source.state == "paused":
        return Answer(address, "no", "paused: no process of the sender runs, so none sends")
    if service.kind == "udp" and (service.port != 53 or service.published):
        return Answer(address, "unknown", "UDP: not asked, since a service need not answer")
    return None


def _asked(network: Snapshot, source: Place, target: Place) -> tuple[str, ...]:
    """Return the addresses by which a source may know a target; of the host also that on a bridge of the source."""
    found = list(target.addresses)
    if source is target:
        return ("127.0.0.1", *found)
    owner = network.container(source.name)
    if target.name == "host" and owner and source.name != "client":
        for end in owner.endpoints:
            known = network_of(network, end)
            bridge = network.interface(known.bridge) if known and known.bridge else None
            found += _own([bridge.addresses]) if bridge else ()
    return tuple(dict.fromkeys(found))


def _doors(source: Place, host: Place, given: str) -> Iterator[str]:
    """Yield the addresses of the host by which a published port is asked; `given` is the one that it is published on.

    One on the loopback is asked from elsewhere, too: by the host's outer address.
    """
    every, local, six = given in ("", "0.0.0.0", "::"), given.startswith("127.") or given == "::1", ":" in given  # noqa: S104
    if source.name == "host" and (every or local):
        yield "::1" if six else given if local else "127.0.0.1"
    if every or (local and source.name != "host"):
        yield from (a for a in host.addresses if (":" in a) == six)
    elif not local:
        yield given


def _name(source: Place, target: Place, heard: Heard) -> Question:
    """Return the question for a target's name: to the hosts file, then to the first name server."""
    service = Service("name")
    kind = "AAAA" if target.addresses and not any("." in a for a in target.addresses) else "A"
    known, settled = heard.named(target.name), _settled(service, source, heard.server)
    if not settled and known:
        right = known in target.addresses
        words = "hosts file" if right else "the hosts file has the name for another address"
        settled = Answer("", "yes" if right else "no", words, f"{target.name} is {known}")
    elif not settled and not heard.server:
        settled = Answer("", "no", "name not known: no name server in resolv.conf, and not in the hosts file")
    return Question(source.name, target.name, service, heard.server, 53, f"{kind} {target.name}", settled)


def shared_network(network: Snapshot, one: str, other: str, address: str) -> str:
    """Return the network that both containers are on and in which `other` has the address; "" if there is none."""
    ours, theirs = network.container(one), network.container(other)
    nodes = {node for _, node in connections(network, ours)} if ours else set()
    for end, node in connections(network, theirs) if theirs else ():
        if node in nodes and address in map(without_prefix, end.addresses):
            return end.network
    return ""
