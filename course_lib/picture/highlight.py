"""What has changed on a picture since the one before: the boxes to mark, and those that fade away."""

from __future__ import annotations

from collections.abc import Iterator

from course_lib.network.grouping import piles
from course_lib.network.model import Chain, Key, Snapshot
from course_lib.network.placement import homes
from course_lib.network.topology import to_graph
from course_lib.network.wording import is_live
from course_lib.picture import palette
from course_lib.picture.shapes import Box, Picture, Shape, groups

NEW, CHANGED, GONE = "course-new", "course-changed", "course-gone"
PARTS = ("container", "endpoint", "veth", "group")  # what comes and goes with a container
# A class is a word of ours, so that no other picture on the page is meant. What moves does so for a second, and
# not at all for whoever asked their system for less motion.
STYLE = f"""
.course-live:not(.course-large) > svg {{ min-width: 0 !important }}
.course-live text, .course-live polyline {{ pointer-events: none }}
.course-live .course-new {{ animation: course-in 0.8s ease-out }}
.course-live .course-gone {{ opacity: 0; animation: course-out 0.8s ease-in }}
.course-live .course-new > rect, .course-live .course-changed > rect {{ stroke: {palette.ACTIVE}; stroke-width: 3.5 }}
@keyframes course-in {{ from {{ opacity: 0 }} to {{ opacity: 1 }} }}
@keyframes course-out {{ from {{ opacity: 1 }} to {{ opacity: 0 }} }}
@media (prefers-reduced-motion: reduce) {{
  .course-live .course-new {{ animation: none }}
  .course-live .course-gone {{ display: none }}
}}
"""


def classes(before: Snapshot, now: Snapshot, picture: Picture, earlier: Picture) -> dict[Key, str]:
    """Return what is to be marked as new or changed."""
    if before == now:
        return {}
    old, new = dict(_things(before)), dict(_things(now))
    stopped, there = _stopped(before, now), earlier.places
    return {
        key: NEW if key not in there or key in stopped else CHANGED
        for key in picture.places
        if key in new and (key not in old or new[key] != old[key])
    }


def _stopped(before: Snapshot, now: Snapshot) -> set[Key]:
    """Return the containers that have lost their network namespace."""
    live = {c.name for c in before.containers if is_live(c)}
    return {("container", c.name) for c in now.containers if c.name in live and not is_live(c)}


def _things(snapshot: Snapshot) -> Iterator[tuple[Key, object]]:
    """Yield what the boxes of a picture stand for."""
    graph = to_graph(snapshot)
    for key in graph:
        yield key, graph.nodes[key]["it"]
    for group in piles(snapshot, homes(snapshot, graph), ()).values():
        yield ("group", group.first.name), [container.name for container in group.members]
    for chain in snapshot.chains:
        yield from _rules(chain)


def _rules(chain: Chain) -> Iterator[tuple[Key, object]]:
    if (chain.table, chain.name) == ("filter", "FORWARD"):
        yield ("policy", chain.family), (chain.policy, chain.packets)
    for rule in chain.rules:
        yield ("rule", chain.family, chain.table, chain.name, rule.number), rule


def ghosts(before: Snapshot, now: Snapshot, picture: Picture, earlier: Picture) -> Iterator[tuple[Box, list[Shape]]]:
    """Yield the boxes of containers and their cables that are not there any more, with their texts.

    Only where nothing else is now: what fades away must not stand on what is there.
    """
    here, stopped = picture.places, _stopped(before, now)
    for group in groups(earlier.shapes):
        box = group[0]
        if isinstance(box, Box) and box.key[0] in PARTS and (box.key not in here or box.key in stopped):
            others = (other for key, other in here.items() if key[0] in PARTS)
            if not any(_overlap(box, other) for other in others):
                yield box, group[1:]


def _overlap(one: Box, other: Box) -> bool:
    across = one.x < other.x + other.width and other.x < one.x + one.width
    return across and one.y < other.y + other.height and other.y < one.y + one.height
