"""Build the steps of one packet, in order, from its sightings in all namespaces: `walk`. Pure.

A step is what was seen; one that is inferred has nothing in `seen`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest

from course_lib.network.model import Rule, Snapshot
from course_lib.packet_path.model import Packet, Step
from course_lib.packet_path.nft_trace import Sighting
from course_lib.packet_path.observations import Frame
from course_lib.packet_path.rule_handles import Handle

TRANSLATING = ("DNAT", "REDIRECT", "SNAT", "MASQUERADE", "NETMAP")
NO_RULE = Rule(0, "", "", 0, 0)
# In which directions tcpdump sees the frame of a step on one of the host's interfaces (see Frame).
IN, OUT = ("In", "P", "B", "M"), ("Out",)
DIRECTIONS = {"arrives": IN, "enters": IN, "leaves": OUT, "exits": OUT, "crosses": OUT}
AT_BRIDGE = {"pre": "enters", "in": "up", "across": "crosses", "out": "exits"}  # kinds of steps by our own chains


def walk(
    parts: Mapping[str, Sequence[Sighting]],
    connection: int,
    back: bool,
    rules: Mapping[str, Mapping[Handle, Rule]],
    frames: Collection[Frame],
    *,
    veths: Mapping[str, str],
    wanted: tuple[str, int, str, int] | None = None,
) -> list[Step]:
    """Return the steps of one packet.

    `parts` has its sightings, and no others, by namespace; `rules` has the rules by namespace, and `frames` is what
    tcpdump captured on the host. `connection` and `back` are those of Step; `veths` are the containers by the host's
    ends of their veth pairs. `wanted` are the addresses of the answer that the sender waits for: only conntrack makes
    them, by taking back what a rule did to the packet.
    """
    walker = _Walk(connection, back, frames, wanted)
    receivers = [place for place, some in parts.items() if any(_is_at(s, "in") for s in some)]
    for place, passage in _passages(parts):
        walker.between = walker.place == place == "host"
        walker.place, walker.rules, walker.outgoing, walker.bridge_port = place, rules[place], "", False
        # The ports of a bridge to which it sent the packet: all, by copies, if it does not know the MAC (a flood).
        ports = [s.outgoing for s in passage if s.ours and s.family == "bridge" and s.chain in ("across", "out")]
        walker.flooded = len(set(ports)) > 1
        arrived = next((port for port in ports if veths.get(port) in receivers), "")
        met: set[tuple[str, ...]] = set()
        for sighting in passage:
            at = (sighting.family, sighting.table, sighting.chain)
            other_copy = arrived and sighting.outgoing in ports and sighting.outgoing != arrived
            if at not in met and not other_copy:  # else a copy, or the connection's next packet
                met.add(at)
                walker.see(sighting)
    return walker.steps


def _is_at(sighting: Sighting, chain: str) -> bool:
    return sighting.ours and sighting.family == "inet" and sighting.chain == chain


def _passages(parts: Mapping[str, Sequence[Sighting]]) -> list[tuple[str, list[Sighting]]]:
    """Return the namespaces in the order in which the packet passed them, each time with its sightings there.

    The host is between any two others. A container that sends to its own published port, or that routes, and the host
    below them, are passed twice.
    """
    found = [(place, passage) for place, some in parts.items() for passage in _split(some, alone=len(parts) == 1)]
    by_role: dict[str, list[tuple[str, list[Sighting]]]] = {"host": [], "sends": [], "routes": [], "gets": []}
    for passage in found:
        sends, gets = (any(_is_at(s, chain) for s in passage[1]) for chain in ("out", "in"))
        by_role["host" if passage[0] == "host" else "sends" if sends else "gets" if gets else "routes"].append(passage)
    between = [passage for pair in zip_longest(by_role["host"], by_role["routes"]) for passage in pair if passage]
    return [*by_role["sends"], *between, *by_role["gets"]]


def _split(found: Sequence[Sighting], *, alone: bool) -> list[list[Sighting]]:
    """Return the sightings in one namespace, split where the packet came back by another interface.

    If it was seen in this namespace `alone`, it only passed the loopback.
    """
    passages: list[list[Sighting]] = [[]]
    entered: set[str] = set()
    has_left = False
    for sighting in found:
        if sighting.ours and sighting.chain == "pre" and sighting.incoming != "lo":
            if has_left and not alone and sighting.incoming not in entered:
                passages.append([])
                has_left = False
            entered.add(sighting.incoming)
        passages[-1].append(sighting)
        has_left = has_left or (sighting.ours and sighting.chain in ("post", "out") and not _is_at(sighting, "out"))
    return passages


@dataclass
class _Walk:
    """One packet on its way through the namespaces, and the steps so far."""

    connection: int
    back: bool
    frames: Collection[Frame]
    wanted: tuple[str, int, str, int] | None = None  # see `walk`
    steps: list[Step] = field(default_factory=list)
    place: str = ""  # the namespace where it is
    rules: Mapping[Handle, Rule] = field(default_factory=dict)  # of this namespace
    translated: int | None = None  # the step of a rule whose effect the next sighting will show
    outgoing: str = ""  # the interface that routing has chosen
    flooded: bool = False  # see Step
    bridge_port: bool = False  # it came in by a port of a bridge and has not left that bridge yet
    interfaces: tuple[str, str] = ("", "")  # by which it came and will leave, as the sighting that is added names them
    between: bool = False  # it comes back to the host from a container that was not watched

    def see(self, sighting: Sighting) -> None:
        """Add what one sighting shows."""
        self.interfaces = sighting.incoming, sighting.outgoing
        self._compare(sighting)
        packet, incoming, outgoing = sighting.packet, sighting.incoming, sighting.outgoing
        at = sighting.chain if sighting.ours else ""
        bridged = self.bridge_port and incoming in (outgoing, "")
        if sighting.family == "bridge":
            if kind := AT_BRIDGE.get(at):
                self._add(kind, packet, incoming if kind in ("enters", "up") else outgoing)
                self.bridge_port = kind in ("enters", "crosses")
            elif not at:
                self._decide(sighting)
            return
        if at == "out":
            self._add("sends", packet, outgoing)
            self.outgoing = outgoing
        elif at == "pre" and not self.bridge_port:
            self._add("arrives", packet, incoming)
        elif at == "in":
            self._add("delivered", packet, incoming)
        elif outgoing and outgoing != self.outgoing and not bridged:
            self._add("routed", packet, outgoing)
            self.outgoing = outgoing
        if at == "post" and self.place == "host" and not bridged:
            self._add("leaves", packet, outgoing)
        if not sighting.ours:
            self._decide(sighting)

    def _add(self, kind: str, packet: Packet, device: str = "", before: Packet | None = None) -> None:
        """Add a step that the trace shows, and the capture if it has the same frame."""
        expected = (Frame(device, direction, packet.addresses) for direction in DIRECTIONS.get(kind, ()))
        captured = self.place == "host" and any(frame in self.frames for frame in expected)
        seen = ("trace", "capture") if captured else ("trace",)
        flooded = self.flooded and kind in ("crosses", "exits")
        at = (self.connection, self.back, self.place, kind, packet, before, device, *self.interfaces)
        step = Step(*at, seen=seen, flooded=flooded)
        self.steps.append(step)

    def _compare(self, sighting: Sighting) -> None:
        """Note that the addresses changed since the last step: by a rule that translates, or by conntrack alone."""
        translated, self.translated = self.translated, None
        between, self.between = self.between, False
        before = self.steps[-1].packet if self.steps else sighting.packet
        if before.addresses == sighting.packet.addresses or (between and translated is None):
            return
        if translated is None or sighting.packet.addresses == self.wanted:
            self._add("rewritten", sighting.packet, before=before)
            self.steps[-1] = replace(self.steps[-1], hook=self._hook_of_change(before, sighting))
            return
        for index in range(translated, len(self.steps)):
            self.steps[index] = replace(self.steps[index], packet=sighting.packet)
        self.steps[translated] = replace(self.steps[translated], before=before)

    def _hook_of_change(self, before: Packet, sighting: Sighting) -> str:
        """Return where conntrack did it: the destination on the way in, the source on the way out (nf_nat_proto.c)."""
        if before.addresses[2:] != sighting.packet.addresses[2:]:
            sent = any(s.place == self.place and s.kind == "sends" for s in self.steps)
            return "OUTPUT" if sent else "PREROUTING"
        return "INPUT" if sighting.ours and sighting.chain == "in" else "POSTROUTING"

    def _decide(self, sighting: Sighting) -> None:
        """Add the rules that matched in a base chain and in the chains it jumped to, and its policy."""
        going_on = [verdict.chain for verdict in sighting.verdicts[1:]]
        for index, verdict in enumerate(sighting.verdicts):
            if verdict.handle is None:
                self._add_decision("policy", sighting, verdict.chain, verdict.verdict)
                continue
            rule = self.rules.get((sighting.family, sighting.table, verdict.chain, verdict.handle))
            text = "a rule that no longer exists" if rule is None else rule.spec if rule.number else verdict.words
            rule = replace(rule or NO_RULE, spec=text)
            self._add_decision("rule", sighting, verdict.chain, verdict.verdict, rule)
            if rule.target in TRANSLATING:
                self.translated = len(self.steps) - 1
            how, _, chain = verdict.verdict.partition(" ")
            if how in ("jump", "goto") and going_on[index : index + 1] != [chain]:
                self._add_decision("nothing", sighting, chain)  # inferred: the trace has no line where nothing matched

    def _add_decision(self, kind: str, sighting: Sighting, chain: str, verdict: str = "", rule: Rule = NO_RULE) -> None:
        """Add what a chain decided about a packet."""
        self.steps.append(
            Step(
                self.connection,
                self.back,
                self.place,
                kind,
                sighting.packet,
                incoming=sighting.incoming,
                outgoing=sighting.outgoing,
                family=sighting.family,
                table=sighting.table,
                hook=sighting.chain,
                chain=chain,
                number=rule.number,
                rule=rule.spec,
                target=rule.target,
                verdict=verdict,
                seen=("trace",) if verdict else (),
            )
        )


def through_containers(steps: Sequence[Step], network: Snapshot) -> list[Step]:
    """Return the steps with those of a container that routes put in: it was not watched, but the host was.

    Between the passages of the host that the packet made, it came to a container by one veth pair, and from it by
    another one or the same.
    """
    inside = {e.veth: (c.name, e.interface or "") for c in network.containers for e in c.endpoints if e.veth}
    found: list[Step] = []
    last: Step | None = None  # where the packet left the host
    for step in steps:
        if step.kind == "enters" and last and (last.connection, last.back) == (step.connection, step.back):
            (to, by), (place, out) = inside.get(last.device, ("", "")), inside.get(step.device, ("", ""))
            if to and to == place:
                before = last.packet if last.packet.addresses != step.packet.addresses else None
                found.append(Step(step.connection, step.back, place, "arrives", last.packet, device=by))
                found.append(Step(step.connection, step.back, place, "routed", step.packet, before, out))
        if step.place != "host" or step.kind in ("enters", "exits", "crosses"):
            last = step if step.kind in ("exits", "crosses") else None
        found.append(step)
    return found
