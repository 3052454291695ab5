"""Determine how a request ended, from what the sender and the kernel reported: `outcome_of`, `counted`. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from course_lib.packet_path import counters
from course_lib.packet_path.evidence import Evidence
from course_lib.packet_path.model import FAMILIES, Outcome, Step
from course_lib.packet_path.observations import sender_error, unanswered
from course_lib.packet_path.request import Request
from course_lib.plain_text import clean

TRACE = ("trace",)
UNEXPLAINED = "; no answer within a second"


def outcome_of(request: Request, evidence: Evidence, steps: Sequence[Step]) -> Outcome:
    """Return how the request ended.

    An answer that the sender received counts first, then a packet that was dropped, then an answer that refuses it
    (RST, ICMP error), then the sender's own error; else the packet was last seen somewhere, and nothing came back.
    """
    there = [s for s in steps if s.connection == 1 and not s.back]
    back = [s for s in steps if s.connection == 1 and s.back]
    relayed = next((s for s in steps if s.connection == 2 and s.back), None)
    answer = _answer(request, evidence.log, evidence.said)
    if not any(s.verdict == "drop" for s in there + back):
        if relayed and _refuses(relayed) and (answer or not back):
            return _relay_refused(relayed, bool(answer))
        if answer:
            return Outcome("answered" if answer.startswith("answered") else "connected", answer, ("the sender",))
    for packet in (there, back):
        if packet and packet[-1].verdict == "drop":
            return _dropped(packet[-1], back)
    error = sender_error(evidence.log, evidence.said)
    if back and _refuses(back[0]):
        return _turned_back(back[0], f" ({error})" if error else "")
    if error and not there:
        route = _route(evidence.route)
        why = f"; `ip route get {request.address}`: {route}" if route else ""
        return Outcome("unreachable", f"no packet was sent: {error}{why}", ("the sender", "route"))
    return _silent(evidence, there, back)


def counted(evidence: Evidence, steps: Sequence[Step]) -> tuple[str, ...]:
    """Return what the kernel counted where a packet of the request was last seen, as far as it may explain its end."""
    last = {s.connection: s.place for s in steps if not s.back}
    return tuple(
        f"{place}: {name} +{rise}, {counters.WORDS[name]}"
        for place, there in evidence.namespaces.items()
        for name, rise in counters.reasons(there.counters_before, there.counters).items()
        if place in last.values()
    )


def _refuses(step: Step) -> bool:
    """Whether an answer refuses the packet: a RST, or an ICMP error."""
    said = step.packet.said
    return said.startswith("RST") or (step.packet.protocol.startswith("icmp") and not said.startswith("echo"))


def _relay_refused(answer: Step, connected: bool) -> Outcome:
    """Return who refused the connection or the datagram of a relay, to which the sender's request had come."""
    who = f" by {answer.place}" if answer.kind == "sends" else ""
    how = "" if answer.packet.said.startswith("RST") else f" with ICMP {answer.packet.said}"
    why = ": no socket listens there" if answer.packet.said == "port unreachable" else ""
    if connected:
        words = f"connected to a relay in host, whose own connection was refused{who}{how}"
        return Outcome("refused", words, ("the sender", *TRACE))
    return Outcome("refused", f"delivered to a relay in host, whose own datagram was refused{who}{how}{why}", TRACE)


def _answer(request: Request, log: str, said: str) -> str:
    """Return what the sender received, in words; "" if it received nothing."""
    first = next((clean(line) for line in said.splitlines() if line.strip()), "")
    connected = "data transfer loop" in log
    if request.kind == "http" and first.startswith("HTTP/"):
        return f"answered: {first}"
    if request.kind in ("http", "tcp"):
        return ("connected" + (", but nothing was answered" if request.kind == "http" else "")) if connected else ""
    if request.kind == "udp":
        return f"answered: {first[:60]}" if first else ""
    if request.kind == "ping":
        return "answered: echo reply" if " bytes from " in said else ""
    status = re.search(r"status: (\w+)", said)  # of dig
    addresses = sorted(re.findall(r"^\S+\s+\d+\s+IN\s+A\s+(\S+)$", said, re.M))
    if status and addresses:
        return f"answered: {request.host} is {', '.join(addresses)}"
    return f"answered: {status[1]}, no IPv4 address for {request.host}" if status else ""


def _dropped(step: Step, back: Sequence[Step]) -> Outcome:
    """Return which rule or policy dropped the packet; REJECT also drops it, and answers."""
    what = "the answer" if step.back else "the packet"
    # A rule that iptables does not have, in a table of nftables, has no number.
    rule = "the policy" if step.kind == "policy" else f"rule {step.number}" if step.number else "a rule"
    family = f" ({family})" if (family := FAMILIES.get(step.family)) else ""
    where = f"{rule} of {step.table} {step.chain}{family} in {step.place}"
    if step.target == "REJECT" and not step.back:
        answer = back[-1].packet.said if back else "nothing that was seen"
        return Outcome("rejected", f"{what} was rejected by {where}, which answered: {answer}", TRACE)
    return Outcome("dropped", f"{what} was dropped by {where}", TRACE)


def _turned_back(begin: Step, error: str) -> Outcome:
    """Return who refused: the namespace that sent the RST or the ICMP error, if that was seen."""
    said = begin.packet.said
    reset = said.startswith("RST")
    kind = "refused" if reset or said == "port unreachable" else "unreachable"
    what = said if reset else f"ICMP {said}"
    if begin.kind != "sends":
        return Outcome(kind, f"{what} came back; where it began was not seen{error}", TRACE)
    if reset:
        words = f"refused by {begin.place} with a RST: no socket listens on that address and port there{error}"
        return Outcome(kind, words, ("trace", "the sender"))
    if kind == "refused":
        return Outcome(kind, f"refused by {begin.place} with {what}: no socket listens there{error}", TRACE)
    return Outcome(kind, f"{begin.place} answered with {what}{error}", TRACE)


def _route(text: str) -> str:
    """Return what `ip -j route get` found, as `ip route get` words it, or the kernel's answer that there is none.

    Where ip itself refuses the request ("Error: ...") its message says nothing of the route: then "".
    """
    try:
        (route,) = json.loads(text)
    except ValueError:
        return "" if text.startswith("Error") else text.strip()
    parts = {"via": route.get("gateway"), "dev": route.get("dev"), "src": route.get("prefsrc")}
    return " ".join([route["dst"], *(f"{key} {value}" for key, value in parts.items() if value)])


def _silent(evidence: Evidence, there: Sequence[Step], back: Sequence[Step]) -> Outcome:
    """Return where the packet, or its answer, was last seen: no answer reached the sender."""
    answer, asked = (ends[0].packet if ends else None for ends in (back[-1:], there[:1]))
    if answer and asked and answer.protocol == "udp" and answer.source != asked.destination:
        words = f"an answer came from {answer.source}: a socket that asked {asked.destination} takes none from there"
        return Outcome("silent", words, TRACE)
    if back and back[-1].kind == "delivered":
        words = f"the {back[-1].packet.said or 'answer'} arrived, but the sender did not report it"
        return Outcome("connected", words, TRACE)
    if back:
        return Outcome("silent", f"the answer was last seen in {back[-1].place}{_why(evidence, back[-1].place)}", TRACE)
    return _lost(evidence, there[-1]) if there else Outcome("silent", "nothing was seen of it")


def _lost(evidence: Evidence, last: Step) -> Outcome:
    """Return where the packet was last seen, and why if that is known."""
    # ARP is asked for a packet that routing has chosen an interface for, not where one has just come in.
    inbound = last.place == "host" and (last.kind in ("arrives", "enters", "up") or last.hook == "PREROUTING")
    if last.packet.destination in unanswered(evidence.capture) and not inbound:
        words = f"nobody answered ARP for {last.packet.destination}, so no frame could be sent to it"
        if last.kind in ("exits", "crosses"):  # the kernel used a stale entry, and checked it after that
            words = f"its frame was sent, but nobody answered ARP for {last.packet.destination}"
        return Outcome("unreachable", words, ("capture",))
    if last.kind == "delivered":
        return Outcome("silent", f"delivered to {last.place}; no answer within a second", (*TRACE, "the sender"))
    if inbound and "ip_forward 0" in evidence.settings.splitlines():
        return Outcome("silent", "last seen in host: its ip_forward is 0, so it forwards no packets", TRACE)
    why = _why(evidence, last.place) or UNEXPLAINED
    return Outcome("silent", f"last seen in {last.place}{why}", TRACE)


def _why(evidence: Evidence, place: str) -> str:
    """Return for what the kernel counted a packet as lost in a namespace; "" if it counted none."""
    there = evidence.namespaces.get(place)
    found = counters.reasons(there.counters_before, there.counters) if there else {}
    return next((f": {counters.LOST[name]} ({name})" for name in found if name in counters.LOST), "")
