"""Mark what changed since the picture before: `classes` for boxes that exist, `ghosts` for those that fade out."""

from __future__ import annotations

from collections.abc import Iterator

from course_lib.network.model import Key, Snapshot
from course_lib.network.placement import groups_by_container
from course_lib.network.topology import CLIENT, container_key, endpoint_key, network_nodes, stand_in
from course_lib.picture.shapes import Box, Picture, Shape, boxes_with_texts

NEW, CHANGED, GONE = "course-new", "course-changed", "course-gone"  # notebook/frame.css gives them their looks
PARTS = ("container", "endpoint", "veth", "group")  # the boxes that appear and disappear with a container


def classes(before: Snapshot, now: Snapshot, picture: Picture, earlier: Picture) -> dict[Key, str]:
    """Return the CSS class, NEW or CHANGED, of each box in `picture` that differs from `earlier`, by its key."""
    if before == now:
        return {}
    old, new = dict(_parts(before)), dict(_parts(now))
    stopped, known = _stopped(before, now), earlier.places
    return {
        key: NEW if key not in known or key in stopped else CHANGED
        for key in picture.places
        if key in new and (key not in old or new[key] != old[key])
    }


def _stopped(before: Snapshot, now: Snapshot) -> set[Key]:
    """Return the keys of the containers that lost their network namespace."""
    live = {c.name for c in before.containers if c.is_live}
    return {("container", c.name) for c in now.containers if c.name in live and not c.is_live}


def _parts(snapshot: Snapshot) -> Iterator[tuple[Key, object]]:
    """Yield the key of each box with the part of the network that it represents."""
    if snapshot.client:
        yield CLIENT, None
    yield from network_nodes(snapshot).items()
    yield from ((("interface", interface.name), interface) for interface in snapshot.interfaces)
    for container in (*snapshot.containers, *(stand_in(snapshot, each) for each in snapshot.namespaces)):
        yield container_key(container), container
        for endpoint in container.endpoints:
            yield endpoint_key(container, endpoint), endpoint
            yield ("veth", endpoint.veth or ""), snapshot.interface(endpoint.veth or "")
    for group in groups_by_container(snapshot).values():
        yield ("group", group.first.name), [container.name for container in group.members]
    for chain in snapshot.chains:
        if (chain.table, chain.name) == ("filter", "FORWARD"):
            yield ("policy", chain.family), (chain.policy, chain.packets)
        for rule in chain.rules:
            yield ("rule", chain.family, chain.table, chain.name, rule.number), rule


def ghosts(before: Snapshot, now: Snapshot, picture: Picture, earlier: Picture) -> Iterator[tuple[Box, list[Shape]]]:
    """Yield the boxes of containers and veths that no longer exist, with their texts.

    Only those whose place is empty now: what fades out must not cover what exists.
    """
    current, stopped = picture.places, _stopped(before, now)
    for box, *texts in boxes_with_texts(earlier.shapes):
        if isinstance(box, Box) and box.key[0] in PARTS and (box.key not in current or box.key in stopped):
            others = (other for key, other in current.items() if key[0] in PARTS)
            if not any(_overlap(box, other) for other in others):
                yield box, texts


def _overlap(one: Box, other: Box) -> bool:
    across = one.x < other.x + other.width and other.x < one.x + one.width
    return across and one.y < other.y + other.height and other.y < one.y + one.height
