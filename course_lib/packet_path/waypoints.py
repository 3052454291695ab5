"""Locate the steps of a path on the picture (`stops`), and run lines between them (`line`); in pixels. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from course_lib.network.model import Key, Snapshot
from course_lib.packet_path.model import PacketPath, Step
from course_lib.picture.layout.page import CLIENT_CABLE
from course_lib.picture.layout.rule_band import ROW_GAP
from course_lib.picture.shapes import Line, Picture

Point = tuple[float, float]
AWAY = 10.0  # pixels from the packet's line to the answer's


@dataclass(frozen=True)
class Stop:
    """A point on the picture that a packet passes; numbered if the legend describes it."""

    row: int  # position of the step in the path, from 1; 0 if nothing is described here
    step: Step
    zone: str  # "outside", "hook", "below" (bridges, cables, containers), "host" (its own sockets)
    point: Point
    mark: Point  # where the number stands
    number: int = 0  # the number on the picture, from 1; 0 if it has none


@dataclass(frozen=True)
class Lanes:
    """The coordinates in pixels of the free lanes, between what is drawn on the picture."""

    top: float  # above the hooks
    bottom: float  # between the hooks and the bridges
    left: float  # left of the hooks
    right: float
    rows: tuple[tuple[float, float], ...] = ()  # of hooks: the upper and the lower edge of each
    first: float = 0  # the left edge of the first hook in each row
    gap: float = 6  # between the lower edge of a row and the line
    parts: tuple[tuple[float, float], ...] = ()  # of each further part of the host: its upper edge, and the lane in it


def lanes(picture: Picture, back: bool) -> Lanes:
    """Return where lines can run without covering anything; those of the answer run next to those of the packet."""
    places = picture.places
    host, hooks = places["host", "host"], [box for key, box in places.items() if key[0] == "hook"]
    aside = AWAY if back else 0
    rows = tuple(sorted({(hook.y, hook.y + hook.height) for hook in hooks}))
    further = sorted(box.y for key, box in places.items() if key[:2] == ("shelf", "host"))
    parts = tuple((y, y + 24 - aside / 2) for y in further)
    if not hooks:
        return Lanes(host.y + 50, host.y + 60, host.x + 12, host.x + host.width - 12, parts=parts)
    top, bottom = min(h.y for h in hooks), max(h.y + h.height for h in hooks)
    right = host.x + host.width
    return Lanes(
        top - 8 - aside / 2,
        bottom + 10 + aside,
        host.x + 6 + aside,
        right - 6 - aside,
        rows,
        min(h.x for h in hooks),
        6 + 0.7 * aside,
        parts,
    )


def stops(picture: Picture, path: PacketPath, connection: int, back: bool) -> list[Stop]:
    """Return the stops of one packet, in order; a step whose place is not drawn has none.

    `connection` and `back` are those of Step.
    """
    kept: list[Stop] = []
    for row, step in enumerate(path.steps, 1):
        if (step.connection, step.back) == (connection, back):
            for stop in _stops(picture, path.network, row, step):
                last = kept[-1] if kept else None
                both_hooks = last and last.zone == stop.zone == "hook" and last.step.hook == stop.step.hook
                if last and both_hooks and not (last.row and stop.row):  # at one hook: the one that is described
                    kept[-1] = stop if stop.row else last
                elif not last or stop.row or last.point != stop.point:
                    kept.append(stop)
    return [_aside(stop) for stop in kept] if back else kept


def _aside(stop: Stop) -> Stop:
    """Return the stop moved aside, for the answer."""
    (x, y), (mark_x, mark_y) = stop.point, stop.mark
    if stop.zone == "hook":
        return replace(stop, point=(x - 18, y), mark=(mark_x - 18, mark_y))
    return replace(stop, point=(x + AWAY, y), mark=(mark_x + 2 * AWAY, mark_y))


def _stops(picture: Picture, network: Snapshot, row: int, step: Step) -> Iterator[Stop]:
    """Yield the stops of one step: at a hook, an interface, a bridge, a socket, or none if that is not drawn."""
    places, own = picture.places, step.kind in ("sends", "delivered")
    if step.kind in ("rule", "policy", "nothing", "rewritten") and step.place == "host":
        yield from _hook(picture, row, step)
    elif step.place == "client" and own:
        if box := places.get(("client", "client")):
            x, y = box.x + CLIENT_CABLE, box.y + box.height
            yield Stop(row, step, "outside", (x, y), (x, y + 12))
    elif step.place == "host" and step.kind in ("arrives", "leaves"):
        if box := places.get(("interface", step.device)):
            x, y = box.x + CLIENT_CABLE, box.y + box.height
            yield Stop(row, step, "outside", (x, y), (x, y + 13))
    elif step.place == "host" and own:
        host = places["host", "host"]
        point = (host.x + host.width - 40, host.y + 18)  # above the words about the host
        yield Stop(row, step, "host", point, point)
    elif step.kind in ("enters", "exits", "crosses"):
        yield from _port(picture, network, row, step)
    elif own or (step.place != "client" and step.kind in ("arrives", "routed")):
        container = network.container(step.place)
        nets = [e.network for e in container.endpoints if e.interface == step.device] if container else []
        # The packet of a loopback has no tab.
        if box := places.get(("endpoint", step.place, nets[0]) if nets else ("container", step.place)):
            x = box.x + box.width / 2
            yield Stop(0 if step.kind == "arrives" else row, step, "below", (x, box.y), (x, box.y - 13))


def _hook(picture: Picture, row: int, step: Step) -> Iterator[Stop]:
    """Yield the stop at a hook: next to the rule that decided, if that is drawn, else where packets pass the hook."""
    key: Key = ("rule", step.family, step.table, step.chain, step.number)
    if step.kind == "policy":
        key = ("policy", step.family)
    drawn = step.kind == "rule" or (step.table, step.chain) == ("filter", "FORWARD")
    decided = (step.verdict in ("accept", "drop") and drawn) or step.kind == "rewritten"
    pill = picture.places.get(key) if decided else None
    hook = picture.places.get(pill.holder if pill and pill.holder else ("hook", step.hook))
    if hook:
        point = (hook.x + 2, pill.y + pill.height / 2 if pill else hook.y + hook.height - 14)
        yield Stop(row if decided else 0, step, "hook", point, point)


def _port(picture: Picture, network: Snapshot, row: int, step: Step) -> Iterator[Stop]:
    """Yield the stops at a bridge and at one of its ports, in the order in which the packet passes them."""
    interface = network.interface(step.device)
    veth = picture.places.get(("veth", step.device))
    bridge = picture.places.get(("bridge", (interface and interface.master) or ""))
    if veth is None or bridge is None:
        return
    x, y = veth.x + veth.width / 2, bridge.y + bridge.height / 2
    port = Stop(row, step, "below", (x, veth.y), (x, veth.y - 14))
    corners = [(x, y)]
    shelf = picture.places.get((*veth.holder, "bar")) if veth.holder else None
    own = veth.holder is not None and veth.holder[1:-1] == bridge.key
    if shelf and own:  # a later row of containers: the bridge continues there, by a rail at its left edge
        middle, rail = shelf.y + shelf.height / 2, bridge.x - 7
        corners = [(bridge.x + 9, y), (rail, y), (rail, middle), (x, middle)]
    elif shelf or veth.holder != bridge.holder:  # they are in different parts of the host
        edge, above = picture.places["host", "host"].x + 6, veth.y - 22
        corners = [(bridge.x + 9, y), (edge, y), (edge, above), (x, above)]
    elif aside := _sideways(picture, x):  # its bridge is not the one above it
        corners = [(aside[0][0], y), *aside[:-1]]
    passed = [Stop(0, step, "below", point, point) for point in corners]
    yield from [port, *reversed(passed)] if step.kind == "enters" else [*passed, port]


def _sideways(picture: Picture, x: float) -> tuple[Point, ...]:
    """Return the points of the cable that leads down at `x` if it runs sideways; () if it is straight."""
    lines = (shape.points for shape in picture.shapes if isinstance(shape, Line))
    return next((points for points in lines if len(points) == 4 and abs(points[-1][0] - x) < 1), ())


def line(found: Sequence[Stop], free: Lanes) -> tuple[Point, ...]:
    """Return the points of the line through the stops, with corners on the free lanes."""
    points = [found[0].point] if found else []
    for one, other in pairwise(found):
        points += [*_between(one, other, free), other.point]
    return tuple(point for index, point in enumerate(points) if index == 0 or point != points[index - 1])


def _between(one: Stop, other: Stop, free: Lanes) -> list[Point]:
    """Return the corners of the line between two stops; none where a straight line covers nothing."""
    zones = {one.zone, other.zone}
    if zones == {"below"} and (one.point[0] == other.point[0] or one.point[1] == other.point[1]):
        return []
    if zones == {"outside"} or (zones == {"hook"} and one.step.hook == other.step.hook):
        return []
    if zones == {"hook"} and one.point[0] == other.point[0]:
        return []  # one below the other: along their left edges
    if zones == {"hook"} and _row(one, free) == _row(other, free):
        below = _row(one, free)[1] + free.gap
        return [(one.point[0], below), (other.point[0], below)]
    lane = free.bottom if "below" in zones or zones == {"hook"} else free.top
    return [*_to(one, lane, free), *reversed(_to(other, lane, free))]


def _row(stop: Stop, free: Lanes) -> tuple[float, float]:
    """Return the upper and the lower edge of the row of hooks in which a stop is."""
    return next(row for row in free.rows if row[0] <= stop.point[1] <= row[1])


def _to(stop: Stop, lane: float, free: Lanes) -> list[Point]:
    """Return the corners from a stop to a lane; a hook is left and entered by its left edge.

    A stop in or below a further part of the host is reached along the left edge.
    """
    x, y = stop.point
    if within := [inside for top, inside in free.parts if top < y]:
        return [(x, within[-1]), (free.left, within[-1]), (free.left, lane)]
    if stop.zone == "hook" and len(free.rows) > 1 and x > free.first + 2:
        row = _row(stop, free)  # do not cross the rows above or below this one
        if lane == free.bottom and row != free.rows[-1]:
            return [(x, row[1] + free.gap), (free.left, row[1] + free.gap), (free.left, lane)]
        if lane == free.top and row != free.rows[0]:
            above = row[0] - ROW_GAP + free.gap
            return [(x, above), (free.left, above), (free.left, lane)]
    if stop.zone == "outside" and lane == free.bottom:
        return [(x, free.top), (free.left, free.top), (free.left, lane)]
    if stop.zone == "host" and lane == free.bottom:
        return [(x, free.top), (free.right, free.top), (free.right, lane)]
    return [(x, lane)]
