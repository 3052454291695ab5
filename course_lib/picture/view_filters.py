"""Hide parts of a live picture: `without_stopped`, `only_network`, `without_veths`, `without_rules`.

Rules and veths are removed from the Picture and not from the Snapshot. Otherwise the picture would deny what it only
hides ("nothing is published").
"""

from __future__ import annotations

from dataclasses import replace

from course_lib.network.model import Snapshot
from course_lib.network.topology import owner_of
from course_lib.picture.layout.rule_band import GAP_BELOW
from course_lib.picture.shapes import Box, Line, Picture, Shape, boxes_with_texts

BAND = ("hook", "rule", "policy")


def without_stopped(snapshot: Snapshot) -> Snapshot:
    """Return the snapshot without the containers that have no network namespace."""
    return replace(snapshot, containers=tuple(c for c in snapshot.containers if c.is_live))


def only_network(snapshot: Snapshot, name: str) -> Snapshot:
    """Return the snapshot with one network, its containers and their endpoints in it; unchanged if it does not exist.

    Containers that use the network namespace of one of these (`--network container:X`) are kept, too.
    """
    if snapshot.network(name) is None:
        return snapshot
    kept = tuple(n for n in snapshot.networks if n.name == name or not n.connects_containers)
    hidden = {n.bridge for n in snapshot.networks if n.bridge and n not in kept}
    containers = [replace(c, endpoints=tuple(e for e in c.endpoints if e.network == name)) for c in snapshot.containers]
    connected = {c.id for c in containers if c.endpoints}
    containers = [c for c in containers if {c.id, owner_of(snapshot, c).id} & connected]
    fewer = replace(snapshot, networks=kept, containers=tuple(containers))
    hidden |= snapshot.veth_ends - fewer.veth_ends
    apart = {i.name for i in snapshot.interfaces if i.master in hidden}
    spaces = tuple(n for n in snapshot.namespaces if not {p.other for p in n.peers if not p.namespace} & apart)
    interfaces = tuple(i for i in snapshot.interfaces if i.name not in hidden and i.master not in hidden)
    return replace(fewer, interfaces=interfaces, namespaces=spaces)


def without_veths(picture: Picture) -> Picture:
    """Return the picture without the boxes of the veths; the cables remain."""
    kept = (group for group in boxes_with_texts(picture.shapes) if _kind(group[0]) != "veth")
    return replace(picture, shapes=tuple(shape for group in kept for shape in group))


def without_rules(picture: Picture) -> Picture:
    """Return the picture without the band of rules, and with everything below it moved up."""
    band = [s for s in picture.shapes if _kind(s) == "hook" and isinstance(s, Box)]
    if not band:
        return picture
    top, bottom = min(box.y for box in band), max(box.y + box.height for box in band)
    less = bottom - top + GAP_BELOW
    shapes = [_moved_up(s, top, less) for s in picture.shapes if not (_kind(s) in BAND or top <= _upper(s) <= bottom)]
    return Picture(picture.width, picture.height - less, tuple(shapes))


def _kind(shape: Shape) -> str:
    return str(shape.key[0]) if isinstance(shape, Box) else ""


def _upper(shape: Shape) -> float:
    return min(y for _, y in shape.points) if isinstance(shape, Line) else shape.y


def _moved_up(shape: Shape, top: float, less: float) -> Shape:
    """Return a shape moved up by `less` pixels if it is below `top`, or less high if `top` is inside it."""
    if isinstance(shape, Line):
        return replace(shape, points=tuple((x, y - less if y > top else y) for x, y in shape.points))
    if shape.y > top:
        return replace(shape, y=shape.y - less)
    if isinstance(shape, Box) and shape.y + shape.height > top:
        return replace(shape, height=shape.height - less)
    return shape
