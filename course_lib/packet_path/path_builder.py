"""Build the steps of one packet, in order, from its sightings in all namespaces: `walk`. Pure.

A step is what was seen; one that is inferred has nothing in `seen`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from course_lib.network.model import Rule
from course_lib.packet_path.model import Packet, Step
from course_lib.packet_path.nft_trace import Sighting, Verdict
from course_lib.packet_path.observations import Frame
from course_lib.packet_path.rule_handles import Rules

TRANSLATING = ("DNAT", "REDIRECT", "SNAT", "MASQUERADE", "NETMAP")
# In which directions tcpdump sees the frame of a step on one of the host's interfaces (see Frame).
IN, OUT = ("In", "P", "B", "M"), ("Out",)
DIRECTIONS = {"arrives": IN, "enters": IN, "leaves": OUT, "exits": OUT, "crosses": OUT}


@dataclass
class Walk:
    """One packet on its way through the namespaces, and the steps so far."""

    connection: int
    back: bool
    rules: Mapping[str, Rules]  # by namespace
    frames: Sequence[Frame]
    steps: list[Step] = field(default_factory=list)
    translated: int | None = None  # the step of a rule whose effect the next sighting will show
    outgoing: str = ""  # the interface that routing has chosen
    bridge_port: bool = False  # it came in by a port of a bridge and has not left that bridge yet

    def add(self, place: str, kind: str, packet: Packet, *, device: str = "", before: Packet | None = None) -> None:
        """Add a step that the trace shows, and the capture if it has the same frame."""
        directions = DIRECTIONS.get(kind, ())
        captured = place == "host" and any(
            f.device == device and f.direction in directions and f.addresses == packet.addresses for f in self.frames
        )
        seen = ("trace", "capture") if captured else ("trace",)
        self.steps.append(Step(self.connection, self.back, place, kind, packet, before, device, seen=seen))

    def add_decision(
        self, place: str, sighting: Sighting, chain: str, verdict: str = "", rule: Rule | None = None
    ) -> None:
        """Add what a chain decided about a packet: by a rule, by its policy, or nothing, without a verdict.

        That nothing matched is inferred: the trace prints no line of it.
        """
        self.steps.append(
            Step(
                self.connection,
                self.back,
                place,
                "rule" if rule else "policy" if verdict else "nothing",
                sighting.packet,
                family=sighting.family,
                table=sighting.table,
                hook=sighting.chain,
                chain=chain,
                number=rule.number if rule else 0,
                rule=rule.spec if rule else "",
                target=rule.target if rule else "",
                verdict=verdict,
                seen=("trace",) if verdict else (),
            )
        )


def walk(
    parts: Mapping[str, Sequence[Sighting]],
    connection: int,
    back: bool,
    rules: Mapping[str, Rules],
    frames: Sequence[Frame],
) -> list[Step]:
    """Return the steps of one packet.

    `parts` has its sightings, and no others, by namespace; `rules` has the rules by namespace, and `frames` is what
    tcpdump captured on the host. `connection` and `back` are those of Step.
    """
    walker = Walk(connection, back, rules, frames)
    for place in _order(parts):
        walker.outgoing, walker.bridge_port = "", False
        met: set[tuple[str, ...]] = set()
        for sighting in parts[place]:
            at = (sighting.family, sighting.table, sighting.chain)
            if at in met:  # a copy that the bridge flooded to another port, or the next packet of the connection
                continue
            met.add(at)
            _see(walker, place, sighting)
    return walker.steps


def _order(parts: Mapping[str, Sequence[Sighting]]) -> list[str]:
    """Return the namespaces in the order in which the packet passed them: the host is between any two others."""
    sending = {
        p for p, found in parts.items() if any(s.ours and s.family == "inet" and s.chain == "out" for s in found)
    }
    others = [p for p in parts if p != "host"]
    begins = [p for p in others if p in sending]
    return [*begins, *(p for p in parts if p == "host"), *(p for p in others if p not in begins)]


def _see(walker: Walk, place: str, sighting: Sighting) -> None:
    """Add what one sighting shows."""
    _rewritten(walker, place, sighting)
    packet = sighting.packet
    if sighting.family == "bridge":
        _bridge(walker, place, sighting)
        return
    at = sighting.chain if sighting.ours else ""
    bridged = walker.bridge_port and sighting.incoming in (sighting.outgoing, "")
    if at == "out":
        walker.add(place, "sends", packet, device=sighting.outgoing)
        walker.outgoing = sighting.outgoing
    elif at == "pre" and not walker.bridge_port:
        walker.add(place, "arrives", packet, device=sighting.incoming)
    elif at == "in":
        walker.add(place, "delivered", packet, device=sighting.incoming)
    elif sighting.outgoing and sighting.outgoing != walker.outgoing and not bridged:
        walker.add(place, "routed", packet, device=sighting.outgoing)
        walker.outgoing = sighting.outgoing
    if at == "post" and place == "host" and not bridged:
        walker.add(place, "leaves", packet, device=sighting.outgoing)
    if not sighting.ours:
        _rules(walker, place, sighting)


def _bridge(walker: Walk, place: str, sighting: Sighting) -> None:
    """Add what happened at a bridge of the namespace."""
    kinds = {"pre": "enters", "in": "up", "across": "crosses", "out": "exits"}
    if kind := kinds.get(sighting.chain):
        device = sighting.incoming if kind in ("enters", "up") else sighting.outgoing
        walker.add(place, kind, sighting.packet, device=device)
        walker.bridge_port = kind in ("enters", "crosses")


def _rewritten(walker: Walk, place: str, sighting: Sighting) -> None:
    """Note that the addresses have changed since the last step: by a rule that translates, or by conntrack alone."""
    if not walker.steps:
        return
    before = walker.steps[-1].packet
    translated, walker.translated = walker.translated, None
    if before.addresses == sighting.packet.addresses:
        return
    if translated is not None:
        for index in range(translated, len(walker.steps)):
            step = walker.steps[index]
            walker.steps[index] = replace(
                step, packet=sighting.packet, before=before if index == translated else step.before
            )
    else:
        walker.add(place, "rewritten", sighting.packet, before=before)


def _rules(walker: Walk, place: str, sighting: Sighting) -> None:
    """Add the rules that matched in a base chain and in the chains it jumped to, and its policy."""
    known = walker.rules.get(place)
    if sighting.verdicts and sighting.verdicts[-1].verdict == "drop":
        walker.translated = None
    # Not strict: of a sighting whose lines were lost there is no verdict at all.
    for verdict, following in zip(sighting.verdicts, [*sighting.verdicts[1:], None], strict=False):
        if verdict.handle is None:
            walker.add_decision(place, sighting, verdict.chain, verdict.verdict)
            continue
        in_chain = (sighting.family, sighting.table, verdict.chain)
        rule = known.rule(in_chain, verdict.handle, verdict.words) if known else None
        rule = rule or Rule(0, "a rule that no longer exists", "", 0, 0)
        walker.add_decision(place, sighting, verdict.chain, verdict.verdict, rule)
        if rule.target in TRANSLATING:
            walker.translated = len(walker.steps) - 1
        _nothing(walker, place, sighting, verdict, following)


def _nothing(walker: Walk, place: str, sighting: Sighting, verdict: Verdict, following: Verdict | None) -> None:
    """Add that no rule matched in the chain of a jump, if the trace does not go on in that chain."""
    how, _, chain = verdict.verdict.partition(" ")
    if how in ("jump", "goto") and (following is None or following.chain != chain):
        walker.add_decision(place, sighting, chain)
