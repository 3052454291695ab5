"""From raw evidence to a Way: pure. The kernel's evidence decides, never what a rule should do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from course_lib.ends import end_of
from course_lib.handles import Rules
from course_lib.request import Request
from course_lib.snapshot import Snapshot
from course_lib.steps import walk
from course_lib.trace import Sighting, sightings
from course_lib.way import Entry, Packet, Step, Way
from course_lib.witness import Relay, entries, frames, relay

ERRORS = ("unreachable", "prohibited", "no route")


def way_of(request: Request, sections: Mapping[str, str], network: Snapshot) -> Way:
    """Return the way of a request from the sections of `course_lib.evidence.gather`."""
    places = [title.partition(" ")[2] for title in sections if title.startswith("trace ")]
    traces = {place: sightings(sections[f"trace {place}"]) for place in places}
    rules = {
        place: Rules(
            sections.get(f"handles {place}", ""), {f: sections.get(f"rules {place} {f}", "") for f in ("ip", "ip6")}
        )
        for place in places
    }
    seen = frames(sections.get("capture", ""))
    steps: list[Step] = []
    for connection, back in ((1, False), (2, False), (2, True), (1, True)):
        parts = _parts(request, traces, connection, back)
        steps += walk(parts, connection, back, rules, seen)
    steps = _in_time(steps)
    found = [e for place in places for e in entries(place, sections.get(f"events {place}", ""))]
    steps = [_with_conntrack(step, found) for step in steps]
    held = relay(sections.get("sockets", ""), request.source_port)
    kept = tuple(e for e in dict.fromkeys(found) if _of(request, e, steps))
    return Way(
        request,
        network,
        tuple(steps),
        kept,
        end_of(request, sections, steps),
        tuple(_notes(request, sections, steps, held)),
        tuple(_doubts(request, sections, steps, rules["host"])),
    )


def _in_time(steps: list[Step]) -> list[Step]:
    """Put the second connection where it was: TCP is answered by the kernel before a relay reads anything.

    So with a relay of TCP the answer to the first SYN comes before the second SYN; one of UDP answers last.
    """
    if any(s.connection == 2 and s.packet.protocol == "tcp" for s in steps):
        return sorted(steps, key=lambda s: (s.connection, s.back))
    return steps


def _parts(
    request: Request, traces: Mapping[str, list[Sighting]], connection: int, back: bool
) -> dict[str, list[Sighting]]:
    """Return the sightings of one packet by namespace: of the first one in that direction, and of its like."""
    parts = {
        place: [s for s in found if _role(request, s) == (connection, back)] for place, found in traces.items()
    }
    first = next((s for found in _host_first(parts) for s in found), None)
    if first is None:
        return {}
    wanted = first.packet.said
    if request.protocol == "tcp" and not back:
        wanted = "SYN"  # not the RST of a sender that goes away
    only = {place: [s for s in found if s.packet.said == wanted] for place, found in parts.items()}
    if connection == 2:  # the first such connection; others of the same kind are somebody else's, or a repetition
        ports = first.packet.destination_port if back else first.packet.source_port
        only = {
            place: [s for s in found if (s.packet.destination_port if back else s.packet.source_port) == ports]
            for place, found in only.items()
        }
    return {place: found for place, found in only.items() if found}


def _host_first(parts: Mapping[str, list[Sighting]]) -> list[list[Sighting]]:
    return [parts.get("host", []), *(found for place, found in parts.items() if place != "host")]


def _role(request: Request, sighting: Sighting) -> tuple[int, bool] | None:
    """Return the connection to which a packet belongs, and whether it is an answer; None for anybody else's."""
    packet = sighting.packet
    if packet.protocol.startswith("icmp"):
        if packet.said == "echo request":
            return (1, False) if sighting.mark == str(request.source_port) else None
        if packet.said == "echo reply":
            return (1, True) if sighting.mark == str(request.source_port) else None
        return (1, True) if any(word in packet.said for word in ERRORS) else None
    if packet.source_port == request.source_port:
        return 1, False
    if packet.destination_port == request.source_port:
        return 1, True
    # Traced because it goes to where a relay of this port leads, or because a resolver asks further.
    opening = packet.said == "SYN" or (packet.protocol == "udp" and _goes_out(sighting, request))
    return 2, not opening


def _goes_out(sighting: Sighting, request: Request) -> bool:
    if request.kind == "dns":
        return sighting.packet.destination_port == 53
    return sighting.packet.destination_port < sighting.packet.source_port


def _of(request: Request, entry: Entry, steps: list[Step]) -> bool:
    """Return whether a new entry of conntrack is one of this request's connections."""
    if request.kind == "ping":
        return any(s.packet.addresses == entry.original.addresses and not s.back for s in steps)
    known = {s.packet.source_port for s in steps if not s.back and not s.packet.protocol.startswith("icmp")}
    return entry.original.source_port in known | {request.source_port}


def _notes(request: Request, sections: Mapping[str, str], steps: list[Step], held: Relay | None) -> list[str]:
    """Say what else the evidence shows."""
    notes = []
    if held and any(s.connection == 2 for s in steps):
        notes.append(
            f"{held.process} holds both connections: it reads from one and writes to the other (ss, while they were open)"
        )
    elif any(s.connection == 2 for s in steps) and request.kind != "dns":
        notes.append("that the second connection belongs to the first is inferred: it came at the same time")
    elif any(s.connection == 2 for s in steps):
        notes.append("that the second query belongs to the first is inferred: it came at the same time")
    crossed = [s for s in steps if s.kind == "crosses" and not s.back]
    asked = any(s.kind in ("rule", "policy") and s.chain == "FORWARD" and not s.back for s in steps)
    value = re.search(r"bridge-nf-call-ip6tables (\d)" if request.family == 6 else r"bridge-nf-call-iptables (\d)", sections.get("settings", ""))
    if crossed and value:
        name = "bridge-nf-call-ip6tables" if request.family == 6 else "bridge-nf-call-iptables"
        does = "passes" if asked else "does not pass"
        notes.append(f"net.bridge.{name} is {value[1]}: what crosses the bridge {does} FORWARD")
    return notes


def _doubts(request: Request, sections: Mapping[str, str], steps: list[Step], rules: Rules) -> list[str]:
    """Say where the evidence is incomplete or contradicts itself."""
    doubts = []
    if sections.get("lost", "0").strip() != "0":
        doubts.append("the kernel dropped lines of the trace: steps may be missing")
    dropped = re.search(r"^(\d+) packets dropped by kernel", sections.get("drops", ""), re.M)
    if dropped and dropped[1] != "0":
        doubts.append("tcpdump missed packets: what was not captured may have been there")
    before = {f: Rules("", {f: sections.get(f"before {f}", "")}) for f in ("ip", "ip6")}
    for step in steps:
        if step.kind != "rule" or not step.number or step.place != "host":
            continue
        place = (step.family, step.table, step.chain)
        then, now = before[step.family].chain(*place), rules.chain(*place)
        if then and now and len(then.rules) == len(now.rules):
            counted = now.rules[step.number - 1].packets - then.rules[step.number - 1].packets
            if counted < 1:
                doubts.append(f"the trace shows {step.table} {step.chain} rule {step.number}, its counter did not move")
    return list(dict.fromkeys(doubts))


def _with_conntrack(step: Step, found: list[Entry]) -> Step:
    """Return a step that rewrote a packet, with conntrack as its witness if an entry says the same."""
    if step.before is None:
        return step
    told = {(e.original.addresses, _turned(e.answer)) for e in found if e.place == step.place}
    told |= {(e.answer.addresses, _turned(e.original)) for e in found if e.place == step.place}
    said = (step.before.addresses, step.packet.addresses) in told
    return replace(step, seen=(*step.seen, "conntrack")) if said else step


def _turned(packet: Packet) -> tuple[str, int, str, int]:
    """Return the addresses of a packet the other way round."""
    return packet.destination, packet.destination_port, packet.source, packet.source_port
