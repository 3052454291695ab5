"""Define a request's path: `PacketPath` and its parts, frozen data that `reconstruct.path_of` makes. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from course_lib.network.model import Snapshot
from course_lib.packet_path.request import Request

FAMILIES = {"ip6": "IPv6", "bridge": "family bridge"}  # of tables, where it is not IPv4


@dataclass(frozen=True)
class Packet:
    """The addresses of a packet at one moment, and its kind."""

    protocol: str  # "tcp", "udp", "icmp", "icmpv6"
    source: str
    source_port: int  # 0 for ICMP, which has none
    destination: str
    destination_port: int
    said: str = ""  # "SYN", "SYN-ACK", "RST", "echo request", "port unreachable" ...; "" for a datagram

    @property
    def addresses(self) -> tuple[str, int, str, int]:
        """Return source and destination, each with its port: what NAT rewrites."""
        return self.source, self.source_port, self.destination, self.destination_port


@dataclass(frozen=True)
class Tried:
    """A rule of iptables that a packet was compared with and that did not match: inferred, see `tried`."""

    chain: str
    number: int
    rule: str
    why: str  # the condition that failed: "not from docker0", "port 81, not 80"


@dataclass(frozen=True)
class Step:
    """One thing that happened to a packet, in one network namespace.

    Kinds: sends (this namespace itself, at the hook output), delivered (to this namespace itself, at the hook
    input), arrives and leaves (by an interface), enters and exits (by a port of a bridge), crosses (from one port of a
    bridge to another), up (from a bridge to the namespace itself), routed, rule (one that matched), policy (of a chain
    in which no rule decided), nothing (no rule of the chain matched), rewritten (by conntrack, without a rule).
    """

    connection: int  # 1, or 2 for the one that a relay (docker-proxy, the embedded DNS) opens
    back: bool  # the answer
    place: str  # the namespace: "client", "host" or a container's name
    kind: str
    packet: Packet  # as it is after the step
    before: Packet | None = None  # as it was before, if the step rewrote it
    device: str = ""  # the interface; for `crosses` the port that it leaves by
    incoming: str = ""  # the interfaces as the trace names them at this hook; "" where it names none
    outgoing: str = ""
    family: str = ""  # "ip", "ip6", "bridge" ..., with the table, the chain and the rule's number, as in iptables-save
    table: str = ""
    # The base chain from which the packet got to this chain: "PREROUTING", "FORWARD" ... Of `rewritten` the hook where
    # conntrack did it.
    hook: str = ""
    chain: str = ""
    number: int = 0  # 0 of a rule that iptables does not have
    rule: str = ""  # as iptables-save prints it
    target: str = ""  # of that rule: "ACCEPT", "DNAT", a chain ...
    flooded: bool = False  # `crosses` and `exits`: the bridge did not know the MAC and sent copies to other ports, too
    verdict: str = ""  # "accept", "drop", "continue", "return", "jump DOCKER"
    seen: tuple[str, ...] = ()  # "trace", "capture", "conntrack"; empty if it was only inferred
    tried: tuple[Tried, ...] = ()  # the rules that the kernel passed over before this decision, in its order
    facts: tuple[str, ...] = ()  # what the kernel answered about it after the request, see `lookups`


@dataclass(frozen=True)
class Entry:
    """A new entry of conntrack: the first packet, and the answer that is expected to it."""

    place: str
    original: Packet
    answer: Packet


@dataclass(frozen=True)
class Outcome:
    """How the request ended, and how that is known."""

    kind: str  # "answered", "connected", "refused", "dropped", "rejected", "unreachable", "silent"
    words: str  # a clause for learners: "refused by host with a RST: ..."
    seen: tuple[str, ...] = ()  # as in Step; also "the sender" and "route"
    # What the kernel counted meanwhile, of a request without an answer: "u2: UdpNoPorts +1, a datagram came ..."
    counted: tuple[str, ...] = ()


@dataclass(frozen=True)
class PacketPath:
    """The path of one request and of the answer to it."""

    request: Request
    network: Snapshot  # with the rules and their counters as the request left them
    steps: tuple[Step, ...]
    entries: tuple[Entry, ...]
    end: Outcome
    notes: tuple[str, ...] = ()  # what else the evidence shows
    doubts: tuple[str, ...] = ()  # where the evidence is incomplete, or contradicts itself
    capture: str = ""  # the frames that tcpdump captured on the host, as it printed them

    @property
    def lost(self) -> Step | None:
        """The last step of a packet that nothing answered, if the trace shows neither its delivery nor a drop."""
        there = [s for s in self.steps if s.connection == 1]
        if not there or there[-1].back or there[-1].kind == "delivered" or there[-1].verdict == "drop":
            return None
        return there[-1]
