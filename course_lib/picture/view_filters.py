"""What a live picture leaves out when it is asked to: a Snapshot with less in it, or a Picture with less on it.

Rules and veths are taken off the picture and not out of the Snapshot: what is hidden must not read as if it were
not there ("nothing is published").
"""

from __future__ import annotations

from dataclasses import replace

from course_lib.network.model import Snapshot
from course_lib.network.topology import NO_NETWORK, owner_of
from course_lib.network.wording import is_live
from course_lib.picture.shapes import Box, Line, Picture, Shape, groups

BAND = ("hook", "rule", "policy")
BELOW_BAND = 34.0  # pixels that the layout leaves between the rules and what is below them


def without_stopped(snapshot: Snapshot) -> Snapshot:
    """Return the snapshot without the containers that have no network namespace now."""
    return replace(snapshot, containers=tuple(c for c in snapshot.containers if is_live(c)))


def only_network(snapshot: Snapshot, name: str) -> Snapshot:
    """Return the snapshot with one network, its containers and their places in it; the same if there is none such.

    A container that uses the network namespace of one of these (`--network container:X`) is in it, too.
    """
    if snapshot.network(name) is None:
        return snapshot
    kept = tuple(n for n in snapshot.networks if n.name == name or n.driver in NO_NETWORK)
    hidden = {n.bridge for n in snapshot.networks if n not in kept}
    containers = [replace(c, endpoints=tuple(e for e in c.endpoints if e.network == name)) for c in snapshot.containers]
    inside = {c.id for c in containers if c.endpoints}
    here = [c for c in containers if {c.id, owner_of(snapshot, c).id} & inside]
    ends = {e.veth for c in here for e in c.endpoints}
    others = {e.veth for c in snapshot.containers for e in c.endpoints} - ends
    gone = hidden | others
    interfaces = tuple(i for i in snapshot.interfaces if i.name not in gone and i.master not in hidden)
    return replace(snapshot, networks=kept, containers=tuple(here), interfaces=interfaces)


def without_veths(picture: Picture) -> Picture:
    """Return the picture without the boxes of the veths: the cables run through."""
    return replace(
        picture, shapes=tuple(s for group in groups(picture.shapes) if _kind(group[0]) != "veth" for s in group)
    )


def without_rules(picture: Picture) -> Picture:
    """Return the picture without the band of rules, and closed up where it was."""
    band = [s for s in picture.shapes if _kind(s) == "hook" and isinstance(s, Box)]
    if not band:
        return picture
    top, bottom = min(box.y for box in band), max(box.y + box.height for box in band)
    less = bottom - top + BELOW_BAND
    left = [s for s in picture.shapes if not (_kind(s) in BAND or top <= _upper(s) <= bottom)]
    shapes = tuple(_closed_up(shape, top, less) for shape in left)
    return Picture(picture.width, picture.height - less, shapes)


def _kind(shape: Shape) -> str:
    return str(shape.key[0]) if isinstance(shape, Box) else ""


def _upper(shape: Shape) -> float:
    return min(y for _, y in shape.points) if isinstance(shape, Line) else shape.y


def _closed_up(shape: Shape, top: float, less: float) -> Shape:
    """Return a shape that moved up by so much if it is below, and is lower by so much if it reaches around."""
    if isinstance(shape, Line):
        return replace(shape, points=tuple((x, y - less if y > top else y) for x, y in shape.points))
    if shape.y > top:
        return replace(shape, y=shape.y - less)
    if isinstance(shape, Box) and shape.y + shape.height > top:
        return replace(shape, height=shape.height - less)
    return shape
