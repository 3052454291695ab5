"""Reconstruct a packet's path from the evidence of its request: `path_of`. Pure.

Only what the kernel reported counts, not what a rule should have done.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from course_lib.network.iptables_save import parse_chains
from course_lib.network.model import Snapshot
from course_lib.packet_path.continuity import gaps
from course_lib.packet_path.evidence import Evidence
from course_lib.packet_path.model import Entry, Packet, PacketPath, Step
from course_lib.packet_path.nft_trace import Sighting, sightings
from course_lib.packet_path.observations import entries, frames, relay
from course_lib.packet_path.outcome import counted, outcome_of
from course_lib.packet_path.path_builder import through_containers, walk
from course_lib.packet_path.request import Request, relays
from course_lib.packet_path.rule_handles import rules_by_handle
from course_lib.packet_path.tried import with_tried

ERRORS = ("unreachable", "prohibited", "no route")


def path_of(request: Request, evidence: Evidence, network: Snapshot) -> PacketPath:
    """Return the path of a request from the evidence that `capture.gather` returned.

    `network` is the snapshot from before the request; that of the path has the rules with their counters afterwards.
    """
    there = evidence.namespaces
    traces = {place: sightings(recorded.trace) for place, recorded in there.items()}
    chains = {
        place: (*parse_chains(recorded.rules_ip, "ip"), *parse_chains(recorded.rules_ip6, "ip6"))
        for place, recorded in there.items()
    }
    rules = {place: rules_by_handle(recorded.ruleset, chains[place]) for place, recorded in there.items()}
    captured = frames(evidence.capture)
    goals = {(address, port) for _, address, port in relays(request, network)}
    roles = {id(s): _role(request, s, goals) for found in traces.values() for s in found}
    relayed = {
        (s.packet.destination, s.packet.source) for some in traces.values() for s in some if roles[id(s)] == (2, False)
    }
    for sighting in (s for some in traces.values() for s in some if roles[id(s)] == (1, True)):
        refusal = sighting.packet.protocol.startswith("icmp") and not sighting.packet.said.startswith("echo")
        if refusal and (sighting.packet.source, sighting.packet.destination) in relayed:
            roles[id(sighting)] = (2, True)
    veths = {e.veth: c.name for c in network.containers for e in c.endpoints if e.veth}
    steps: list[Step] = []
    netfilter = False
    port = 0  # of the sender of the second connection
    for connection, back in ((1, False), (2, False), (2, True), (1, True)):
        parts = {p: [s for s in found if roles[id(s)] == (connection, back)] for p, found in traces.items()}
        if connection == 2 and not any(s.kind == "delivered" for s in steps):
            parts = {}  # nothing was delivered to a process that could relay it
        parts = _one(parts, request.protocol == "tcp" and not back, port if back else 0, connection)
        sent = next((s.packet for s in steps if back and s.connection == connection), None)
        wanted = _turned(sent) if sent else None
        steps += walk(parts, connection, back, rules, captured, veths=veths, wanted=wanted)
        if (connection, back) == (2, False):
            port = steps[-1].packet.source_port if parts else -1
        if (connection, back) == (1, False):
            netfilter = any(s.family != "bridge" for s in parts.get("host", []))
    if any(s.connection == 2 and s.packet.protocol == "tcp" for s in steps):
        # The kernel answers the first SYN before a relay reads anything. A relay of UDP answers last.
        steps.sort(key=lambda s: (s.connection, s.back))
    found = [e for place, recorded in there.items() for e in entries(place, recorded.events)]
    steps = [_with_conntrack(step, found) for step in through_containers(steps, network)]
    steps = with_tried(steps, chains, network)
    after = replace(network, chains=chains["host"])
    end = outcome_of(request, evidence, steps)
    if end.kind not in ("answered", "connected"):
        end = replace(end, counted=counted(evidence, steps))
    return PacketPath(
        request,
        after,
        tuple(steps),
        tuple(e for e in dict.fromkeys(found) if _belongs(request, e, steps)),
        end,
        tuple(_notes(request, evidence, steps, port, netfilter)),
        tuple(dict.fromkeys((*_doubts(evidence, steps, after), *gaps(steps, network)))),
        evidence.capture,
    )


def _one(parts: dict[str, list[Sighting]], opening: bool, port: int, connection: int) -> dict[str, list[Sighting]]:
    """Return by namespace the sightings of one packet, the first, among all those of one direction.

    `opening` demands a SYN, not the RST of a sender that closes. The second connection is the first one opened to
    where a relay may connect; `port` is that of its sender, for its answer.
    """
    found = [s for _, some in sorted(parts.items(), key=lambda part: part[0] != "host") for s in some]
    found = [s for s in found if not opening or s.packet.said == "SYN"]
    if connection == 2 and port:
        found = [s for s in found if s.packet.destination_port in (port, 0)]  # an ICMP error has none
    if not found:
        return {}
    first = found[0].packet
    if connection == 2 and not port:
        found = [s for s in found if s.packet.source_port == first.source_port]
    kept = {id(s) for s in found if s.packet.said == first.said}
    return {place: some for place, all_ in parts.items() if (some := [s for s in all_ if id(s) in kept])}


def _role(request: Request, sighting: Sighting, goals: set[tuple[str, int]]) -> tuple[int, bool] | None:
    """Return the connection that a packet belongs to, and whether it is an answer; None if it is not of this request.

    The second connection goes to where a relay of the port connects, or is a query from one resolver to another.
    """
    packet = sighting.packet
    if packet.protocol.startswith("icmp"):
        if packet.said.startswith("echo"):
            return (1, packet.said == "echo reply") if sighting.mark == str(request.source_port) else None
        return (1, True) if any(word in packet.said for word in ERRORS) else None
    source, goal = (packet.source, packet.source_port), (packet.destination, packet.destination_port)
    if request.source_port in (source[1], goal[1]):
        return 1, goal[1] == request.source_port
    if goal in goals or (request.kind == "dns" and goal[1] == 53):
        return 2, False
    return (2, True) if source in goals or (request.kind == "dns" and source[1] == 53) else None


def _belongs(request: Request, entry: Entry, steps: list[Step]) -> bool:
    """Return whether a new entry of conntrack is one of this request's connections."""
    if request.kind == "ping":
        return any(s.packet.addresses == entry.original.addresses and not s.back for s in steps)
    known = {s.packet.source_port for s in steps if not s.back and not s.packet.protocol.startswith("icmp")}
    return entry.original.source_port in known | {request.source_port}


def _with_conntrack(step: Step, found: list[Entry]) -> Step:
    """Return the step; one that rewrote a packet is also seen by conntrack if an entry has the same addresses."""
    if step.before is None:
        return step
    told = {(e.original.addresses, _turned(e.answer)) for e in found if e.place == step.place}
    told |= {(e.answer.addresses, _turned(e.original)) for e in found if e.place == step.place}
    confirmed = (step.before.addresses, step.packet.addresses) in told
    return replace(step, seen=(*step.seen, "conntrack")) if confirmed else step


def _turned(packet: Packet) -> tuple[str, int, str, int]:
    """Return the addresses of a packet, with source and destination exchanged."""
    return packet.destination, packet.destination_port, packet.source, packet.source_port


def _notes(request: Request, evidence: Evidence, steps: list[Step], port: int, netfilter: bool) -> Iterator[str]:
    """Yield what else the evidence shows; `port` is that of the second connection's sender."""
    if steps and request.origin not in evidence.namespaces:
        yield f"{request.origin} has no network namespace of its own, it is in that of {steps[0].place}"
    if any(s.connection == 2 for s in steps):
        process = relay(evidence.sockets, request.source_port, request.port, port)
        second = "query" if request.kind == "dns" else "connection"
        yield (
            f"{process} holds both: it reads from one and writes to the other (ss, while they were open)"
            if process
            else f"that the second {second} belongs to the first is inferred: it came at the same time"
        )
    if request.kind != "dns" and request.host != request.address:
        yield f"{request.origin} had looked up the name {request.host} before: {request.address}"
    if any(s.kind == "crosses" and not s.back for s in steps):
        name = "bridge-nf-call-ip6tables" if request.family == 6 else "bridge-nf-call-iptables"
        values = dict(line.split() for line in evidence.settings.splitlines())
        setting = f"net.bridge.{name} is {values[name]}" if name in values else f"there is no net.bridge.{name}"
        effect = "is shown to the hooks of IP, where no rule was met"
        if not netfilter:
            effect = "is not shown to iptables"
        elif any(s.chain == "FORWARD" and not s.back for s in steps):
            effect = "passes FORWARD"
        yield f"{setting}: what crosses the bridge {effect}"


def _doubts(evidence: Evidence, steps: list[Step], after: Snapshot) -> Iterator[str]:
    """Yield where the evidence is incomplete or contradicts itself."""
    if evidence.lost:
        yield "the kernel dropped lines of the trace: steps may be missing"
    dropped = re.search(r"^(\d+) packets dropped by kernel", evidence.drops, re.M)
    if dropped and dropped[1] != "0":
        yield "tcpdump missed packets: what was not captured may have been there"
    chains = (*parse_chains(evidence.before_ip, "ip"), *parse_chains(evidence.before_ip6, "ip6"))
    before = replace(after, chains=chains)
    for step in steps:
        if step.kind == "rule" and step.number and step.place == "host":
            then, now = (s.chain(step.table, step.chain, step.family) for s in (before, after))
            at = step.number - 1
            same = then and now and len(then.rules) == len(now.rules)
            if then and now and same and now.rules[at].packets <= then.rules[at].packets:
                yield f"the trace shows {step.table} {step.chain} rule {step.number}, its counter did not move"
