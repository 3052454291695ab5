"""Reconstruct a packet's path from the evidence of its request: `path_of`. Pure.

Only what the kernel reported counts, not what a rule should have done.
"""

from __future__ import annotations

import re
from dataclasses import replace

from course_lib.network.iptables_save import parse_chains
from course_lib.network.model import Snapshot
from course_lib.packet_path.evidence import Evidence
from course_lib.packet_path.model import Entry, Packet, PacketPath, Step
from course_lib.packet_path.nft_trace import Sighting, sightings
from course_lib.packet_path.observations import Relay, entries, frames, relay
from course_lib.packet_path.outcome import outcome_of
from course_lib.packet_path.path_builder import walk
from course_lib.packet_path.request import Request, relays
from course_lib.packet_path.rule_handles import Rules

ERRORS = ("unreachable", "prohibited", "no route")


def path_of(request: Request, evidence: Evidence, network: Snapshot) -> PacketPath:
    """Return the path of a request from the evidence that `capture.gather` returned.

    `network` is the snapshot from before the request; that of the path has the rules with their counters afterwards.
    """
    host = evidence.namespaces["host"]
    after = [*parse_chains(host.rules_ip, "ip"), *parse_chains(host.rules_ip6, "ip6")]
    traces = {place: sightings(there.trace) for place, there in evidence.namespaces.items()}
    rules = {
        place: Rules(there.ruleset, {"ip": there.rules_ip, "ip6": there.rules_ip6})
        for place, there in evidence.namespaces.items()
    }
    seen = frames(evidence.capture)
    steps: list[Step] = []
    goals = {(address, port) for _, address, port in relays(request, network)}
    roles = {id(s): _role(request, s, goals) for found in traces.values() for s in found}
    netfilter = False
    port = 0  # of the sender of the second connection
    for connection, back in ((1, False), (2, False), (2, True), (1, True)):
        parts = {p: [s for s in found if roles[id(s)] == (connection, back)] for p, found in traces.items()}
        if connection == 2 and not any(s.kind == "delivered" for s in steps):
            parts = {}  # nothing was delivered to a process that could relay it
        parts = _one(parts, request.protocol == "tcp" and not back, port if back else 0, connection)
        steps += walk(parts, connection, back, rules, seen)
        if (connection, back) == (2, False):
            port = steps[-1].packet.source_port if parts else -1
        if (connection, back) == (1, False):
            netfilter = any(s.family != "bridge" for s in parts.get("host", []))
    steps = _in_time(steps)
    found = [e for place, there in evidence.namespaces.items() for e in entries(place, there.events)]
    steps = [_with_conntrack(step, found) for step in steps]
    held = relay(evidence.sockets, request.source_port, request.port, port)
    kept = tuple(e for e in dict.fromkeys(found) if _of(request, e, steps))
    return PacketPath(
        request,
        replace(network, chains=tuple(after)),
        tuple(steps),
        kept,
        outcome_of(request, evidence, steps),
        tuple(_notes(request, evidence, steps, held, netfilter)),
        tuple(_doubts(evidence, steps, rules["host"])),
    )


def _in_time(steps: list[Step]) -> list[Step]:
    """Put the second connection where it belongs: TCP is answered by the kernel before a relay reads anything.

    So with a relay of TCP the answer to the first SYN comes before the second SYN; one of UDP answers last.
    """
    if any(s.connection == 2 and s.packet.protocol == "tcp" for s in steps):
        return sorted(steps, key=lambda s: (s.connection, s.back))
    return steps


def _one(parts: dict[str, list[Sighting]], opening: bool, port: int, connection: int) -> dict[str, list[Sighting]]:
    """Return by namespace the sightings of one packet, the first, among all those of one direction.

    `opening` demands a SYN, not the RST of a sender that closes. The second connection is the first one opened to
    where a relay may connect; `port` is that of its sender, for its answer.
    """
    found = [s for _, some in sorted(parts.items(), key=lambda part: part[0] != "host") for s in some]
    found = [s for s in found if not opening or s.packet.said == "SYN"]
    if connection == 2 and port:
        found = [s for s in found if s.packet.destination_port == port]
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


def _of(request: Request, entry: Entry, steps: list[Step]) -> bool:
    """Return whether a new entry of conntrack is one of this request's connections."""
    if request.kind == "ping":
        return any(s.packet.addresses == entry.original.addresses and not s.back for s in steps)
    known = {s.packet.source_port for s in steps if not s.back and not s.packet.protocol.startswith("icmp")}
    return entry.original.source_port in known | {request.source_port}


def _notes(request: Request, evidence: Evidence, steps: list[Step], held: Relay | None, netfilter: bool) -> list[str]:
    """Return sentences about what else the evidence shows."""
    notes = []
    if steps and request.origin not in evidence.namespaces:
        notes.append(f"{request.origin} has no network namespace of its own, it is in that of {steps[0].place}")
    if held and any(s.connection == 2 for s in steps):
        notes.append(f"{held.process} holds both: it reads from one and writes to the other (ss, while they were open)")
    elif any(s.connection == 2 for s in steps) and request.kind != "dns":
        notes.append("that the second connection belongs to the first is inferred: it came at the same time")
    elif any(s.connection == 2 for s in steps):
        notes.append("that the second query belongs to the first is inferred: it came at the same time")
    if request.kind != "dns" and request.host != request.address:
        notes.append(f"{request.origin} had looked up the name {request.host} before: {request.address}")
    if any(s.kind == "crosses" and not s.back for s in steps):
        notes.append(_bridged(request, evidence, steps, netfilter))
    return notes


def _bridged(request: Request, evidence: Evidence, steps: list[Step], netfilter: bool) -> str:
    """Return whether iptables sees frames that cross the bridge, by the kernel's setting and by this trace."""
    name = "bridge-nf-call-ip6tables" if request.family == 6 else "bridge-nf-call-iptables"
    values = dict(line.split() for line in evidence.settings.splitlines())
    setting = f"net.bridge.{name} is {values[name]}" if name in values else f"there is no net.bridge.{name}"
    if not netfilter:
        return f"{setting}: what crosses the bridge is not shown to iptables"
    if any(s.chain == "FORWARD" and not s.back for s in steps):
        return f"{setting}: what crosses the bridge passes FORWARD"
    return f"{setting}: what crosses the bridge is shown to the hooks of IP, where no rule was met"


def _doubts(evidence: Evidence, steps: list[Step], rules: Rules) -> list[str]:
    """Return sentences about where the evidence is incomplete or contradicts itself."""
    doubts = []
    if evidence.lost:
        doubts.append("the kernel dropped lines of the trace: steps may be missing")
    dropped = re.search(r"^(\d+) packets dropped by kernel", evidence.drops, re.M)
    if dropped and dropped[1] != "0":
        doubts.append("tcpdump missed packets: what was not captured may have been there")
    before = Rules("", {"ip": evidence.before_ip, "ip6": evidence.before_ip6})
    for step in steps:
        if step.kind != "rule" or not step.number or step.place != "host":
            continue
        place = (step.family, step.table, step.chain)
        then, now = before.chain(*place), rules.chain(*place)
        if then and now and len(then.rules) == len(now.rules):
            counted = now.rules[step.number - 1].packets - then.rules[step.number - 1].packets
            if counted < 1:
                doubts.append(f"the trace shows {step.table} {step.chain} rule {step.number}, its counter did not move")
    return list(dict.fromkeys(doubts))


def _with_conntrack(step: Step, found: list[Entry]) -> Step:
    """Return the step; one that rewrote a packet is also seen by conntrack if an entry has the same addresses."""
    if step.before is None:
        return step
    told = {(e.original.addresses, _turned(e.answer)) for e in found if e.place == step.place}
    told |= {(e.answer.addresses, _turned(e.original)) for e in found if e.place == step.place}
    said = (step.before.addresses, step.packet.addresses) in told
    return replace(step, seen=(*step.seen, "conntrack")) if said else step


def _turned(packet: Packet) -> tuple[str, int, str, int]:
    """Return the addresses of a packet, with source and destination exchanged."""
    return packet.destination, packet.destination_port, packet.source, packet.source_port
