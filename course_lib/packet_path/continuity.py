"""Check that a path has no gap: `gaps`. Pure.

Each step begins where the one before it ended: in the same namespace, on the same interface or at the other end of its
cable, with the same addresses. An answer begins where the packet was delivered.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import groupby, pairwise

from course_lib.network.model import Interface, Snapshot
from course_lib.packet_path.model import Step

End = tuple[str, str]  # a namespace and an interface in it


def gaps(steps: Sequence[Step], network: Snapshot) -> Iterator[str]:
    """Yield a clause for each place where the steps do not join; nothing if every exit is the next one's entry."""
    cables = _cables(network)
    masters = {i.name: i.master for i in network.interfaces if i.master}
    ended: dict[int, str] = {}  # by connection: the namespace to which its packet was delivered
    for (connection, back), some in groupby(steps, lambda s: (s.connection, s.back)):
        found = list(some)
        what = "the answer" if back else "the packet"
        begins = ended.get(connection)
        if found[0].kind != "sends":
            yield f"{what} is first seen in {found[0].place}: where it began was not seen"
        elif begins and begins != found[0].place and not _by_another(found[0]):
            yield f"{what} begins in {found[0].place}, but the packet was delivered to {begins}"
        for one, other in pairwise(found):
            if one.packet.addresses != (other.before or other.packet).addresses:
                yield f"{what} changed its addresses between {_at(one)} and {_at(other)}, and no step shows it"
        for clause in _jumps(found, cables, masters):
            yield f"{what} {clause}"
        if found[-1].kind == "delivered":
            ended.setdefault(connection, found[-1].place)


def _by_another(step: Step) -> bool:
    """Return whether somebody on the way may have sent this: an ICMP error, or the RST of a rule."""
    return step.packet.protocol.startswith("icmp") or step.packet.said.startswith("RST")


def _jumps(found: Sequence[Step], cables: Collection[frozenset[End]], masters: dict[str, str]) -> Iterator[str]:
    """Yield a clause for each step that is on another interface, or in another namespace, than the step before it."""
    entry, exit_, place = "", "", found[0].place  # the interfaces by which the packet came here, and is to leave
    for step in found:
        if step.kind in ("arrives", "enters"):
            here = (step.place, step.device)
            handed_up = place == step.place and not exit_ and masters.get(entry) == step.device
            came = (step.place, step.device) == (place, exit_) or frozenset([(place, exit_), here]) in cables
            if exit_ and not came:
                yield f"was to leave {place} by {exit_}, but came to {step.place} by {step.device}: no cable joins them"
            elif not exit_ and step is not found[0] and not handed_up:
                yield f"comes to {step.place} by {step.device}, and no step shows how it left {place}"
            entry, exit_, place = step.device, "", step.place
        elif step.place != place:
            yield f"is in {step.place} after {place}, and no step shows how it got there"
            entry, exit_, place = step.incoming, step.outgoing, step.place
        if step.kind in ("sends", "routed", "crosses", "exits", "leaves"):
            joined = step.kind in ("sends", "routed") or exit_ in ("", step.device, masters.get(step.device))
            if not joined:
                yield f"was to leave {place} by {exit_}, and leaves by {step.device}"
            exit_ = step.device
        bridge = masters.get(entry) if place == "host" else None
        if step.incoming and entry and step.incoming not in (entry, bridge):
            yield f"came to {place} by {entry}, and {_at(step)} sees it from {step.incoming}"
        ways = ("", step.outgoing, masters.get(step.outgoing), bridge)
        if step.outgoing and exit_ not in ways and masters.get(exit_) != step.outgoing:
            yield f"was to leave {place} by {exit_}, and {_at(step)} sees it on the way to {step.outgoing}"


def _at(step: Step) -> str:
    where = f"{step.table} {step.chain}" if step.table else step.device
    return f"{where} in {step.place}" if where else f"{step.kind} in {step.place}"


def _cables(network: Snapshot) -> set[frozenset[End]]:
    """Return the veth pairs of the lab, each by its two ends (veth(4)): also those made by hand."""
    found = {
        frozenset([("host", e.veth), (c.name, e.interface or "")])
        for c in network.containers
        for e in c.endpoints
        if e.veth
    }
    inside = [("client", i) for i in network.client] + [(c.name, i) for c in network.containers for i in c.by_hand]
    for place, interface in inside:
        found |= {
            frozenset([("host", other.name), (place, interface.name)])
            for other in network.interfaces
            if _are_peers(interface, other)
        }
    return found


def _are_peers(one: Interface, other: Interface) -> bool:
    return (one.index, one.peer_index) == (other.peer_index, other.index)
