"""Where a request ended: what the sender was told, and what the kernel showed of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from course_lib.packet_path.model import End, Step
from course_lib.packet_path.observations import sender_error, unanswered
from course_lib.packet_path.request import Request
from course_lib.plain_text import clean


def end_of(request: Request, sections: Mapping[str, str], steps: Sequence[Step]) -> End:
    """Return how it ended."""
    log, said = sections.get("log", ""), sections.get("said", "")
    there = [s for s in steps if s.connection == 1 and not s.back]
    back = [s for s in steps if s.connection == 1 and s.back]
    answer = _answer(request, log, said)
    relayed = next((s for s in steps if s.connection == 2 and s.back), None)
    if answer and not any(s.verdict == "drop" for s in there + back):
        if relayed and relayed.packet.said.startswith("RST"):
            who = f" by {relayed.place}" if relayed.kind == "sends" else ""
            words = f"connected to a relay in host, whose own connection was refused{who}"
            return End("refused", words, ("the sender", "trace"))
        kind = "answered" if answer.startswith("answered") else "connected"
        return End(kind, answer, ("the sender",))
    for way in (there, back):
        if way and way[-1].verdict == "drop":
            return _dropped(way[-1], back)
    error = sender_error(log, said)
    if back and _refuses(back[0]):
        return _turned_back(back, error)
    return _not_sent(request, sections, error) if error and not there else _silent(sections, there, back, error)


def _refuses(step: Step) -> bool:
    """Return whether an answer says no."""
    said = step.packet.said
    return said.startswith("RST") or (step.packet.protocol.startswith("icmp") and not said.startswith("echo"))


def _answer(request: Request, log: str, said: str) -> str:
    """Return what came back to the sender, in words; "" if nothing did."""
    first = next((clean(line) for line in said.splitlines() if line.strip()), "")
    connected = "data transfer loop" in log
    if request.kind == "http":
        if first.startswith("HTTP/"):
            return f"answered: {first}"
        return "connected, but nothing was answered" if connected else ""
    if request.kind == "tcp":
        return "connected" if connected else ""
    if request.kind == "udp":
        return f"answered: {first[:60]}" if first else ""
    if request.kind == "ping":
        return "answered: echo reply" if " bytes from " in said else ""
    return _dns_answer(request, said)


def _dns_answer(request: Request, said: str) -> str:
    status = re.search(r"status: (\w+)", said)
    if not status:
        return ""
    addresses = sorted(re.findall(r"^\S+\s+\d+\s+IN\s+A\s+(\S+)$", said, re.M))
    if addresses:
        return f"answered: {request.host} is {', '.join(addresses)}"
    return f"answered: {status[1]}, no address for {request.host}"


def _dropped(step: Step, back: Sequence[Step]) -> End:
    """Return that a rule or a policy dropped the packet; REJECT drops it, too, and answers."""
    what = "the answer" if step.back else "the packet"
    where = f"{step.table} {step.chain}"
    if step.kind == "policy":
        return End("dropped", f"{what} was dropped by the policy of {where} in {step.place}", ("trace",))
    # A rule that iptables does not have, in a table of nftables, has no number.
    rule = f"{f'rule {step.number}' if step.number else 'a rule'} of {where} in {step.place}"
    if step.target == "REJECT" and not step.back:
        said = back[-1].packet.said if back else "nothing that was seen"
        return End("rejected", f"{what} was rejected by {rule}, which answered: {said}", ("trace",))
    return End("dropped", f"{what} was dropped by {rule}", ("trace",))


def _turned_back(back: Sequence[Step], error: str) -> End:
    """Return who refused: the namespace in which the RST or the ICMP error began."""
    begin, said = back[0], back[0].packet.said
    told = f" ({error})" if error else ""
    if begin.kind != "sends":
        refused = said.startswith("RST") or said == "port unreachable"
        what = said if said.startswith("RST") else f"ICMP {said}"
        words = f"{what} came back; where it began was not seen{told}"
        return End("refused" if refused else "unreachable", words, ("trace",))
    if said.startswith("RST"):
        words = f"refused by {begin.place} with a RST: no socket listens on that address and port there{told}"
        return End("refused", words, ("trace", "the sender"))
    if said == "port unreachable":
        return End("refused", f"refused by {begin.place} with ICMP {said}: no socket listens there{told}", ("trace",))
    return End("unreachable", f"{begin.place} answered with ICMP {said}{told}", ("trace",))


def _not_sent(request: Request, sections: Mapping[str, str], error: str) -> End:
    route = _route(sections.get("route", ""))
    why = f"; `ip route get {request.address}`: {route}" if route else ""
    return End("unreachable", f"no packet was sent: {error}{why}", ("the sender", "route"))


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


def _silent(sections: Mapping[str, str], there: Sequence[Step], back: Sequence[Step], error: str) -> End:
    if back and back[-1].kind == "delivered":
        return End(
            "connected", f"the {back[-1].packet.said or 'answer'} arrived, the sender said nothing of it", ("trace",)
        )
    if back:
        return End("silent", f"the answer was last seen in {back[-1].place}", ("trace",))
    if not there:
        return End("silent", f"nothing was seen of it{f' ({error})' if error else ''}", ())
    last = there[-1]
    if last.packet.destination in unanswered(sections.get("capture", "")):
        words = f"nobody answered ARP for {last.packet.destination}, so no frame could be sent to it"
        return End("unreachable", words, ("capture",))
    if last.kind == "delivered":
        return End("silent", f"delivered to {last.place}; no answer within a second", ("trace", "the sender"))
    return End("silent", f"last seen in {last.place}; no answer within a second", ("trace",))
