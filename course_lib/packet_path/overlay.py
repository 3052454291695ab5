"""The way of a packet over a picture: a thick line through what it passes, with the numbers of its table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

from course_lib.packet_path.model import Way
from course_lib.packet_path.path_table import Names, at, what
from course_lib.packet_path.waypoints import Stop, lanes, line, stops
from course_lib.picture import palette
from course_lib.picture.layout.page import layout
from course_lib.picture.shapes import Box, Line, Picture, Shape, Text, stack, stack_height, wrap

RADIUS = 9.0  # pixels
ANSWER = palette.INK
MARGIN = 24.0


@dataclass(frozen=True)
class Trip:
    """One packet of a way on a picture."""

    back: bool
    line: Line
    stops: tuple[Stop, ...]
    colour: str


def trips(picture: Picture, way: Way) -> list[Trip]:
    """Return the packets of a way in the order in which they went; no two numbers stand in the same place."""
    found = []
    taken: set[tuple[float, float]] = set()
    free = count(1)
    for connection, back in dict.fromkeys((s.connection, s.back) for s in way.steps):
        here = [
            _apart(replace(stop, number=next(free)) if stop.row else stop, taken)
            for stop in stops(picture, way, connection, back)
        ]
        if any(stop.number for stop in here):
            colour = ANSWER if back else palette.ACTIVE
            drawn = Line(line(here, lanes(picture, back)), colour, 3 if back else 5, dashed=back)
            found.append(Trip(back, drawn, tuple(here), colour))
    return found


def _apart(stop: Stop, taken: set[tuple[float, float]]) -> Stop:
    """Return the stop with its number beside those that stand there already."""
    (x, y), step = stop.mark, -22 if stop.zone == "host" else 22
    while stop.number and any(abs(x - other) < 19 and abs(y - high) < 19 for other, high in taken):
        x += step
    if stop.number:
        taken.add((x, y))
    return replace(stop, mark=(x, y), point=(x, stop.point[1]) if stop.zone == "host" else stop.point)


def numbers(picture: Picture, way: Way) -> dict[int, int]:
    """Return the number that each step has on the picture, by its place among all steps, from 1."""
    return {stop.row: stop.number for trip in trips(picture, way) for stop in numbered(trip)}


def sockets(found: Sequence[Trip]) -> list[Shape]:
    """Return what the numbers are called that stand for the host's own sockets."""
    marks = [stop.mark for trip in found for stop in trip.stops if stop.zone == "host" and stop.number]
    if not marks:
        return []
    x, y = min(marks)
    return [Text("sockets of the host", x - 16, y + 4, 11, palette.INK, anchor="end")]


def ground(way: Way) -> Picture:
    """Return the network of a way without it; what it passes is drawn apart from its like, and where room is short."""
    met = {(s.family, s.table, s.chain, s.number) for s in way.steps if s.kind == "rule" and s.place == "host"}
    return layout(way.network, apart={step.place for step in way.steps}, met=met)


def over(picture: Picture, way: Way) -> Picture:
    """Return the picture with the way on it, and below it what each number says."""
    return way_picture(picture, way, trips(picture, way))


def way_picture(picture: Picture, way: Way, found: Sequence[Trip]) -> Picture:
    """Return the picture with these trips of the way on it."""
    below, above = under(picture)
    marks = [shape for trip in found for stop in numbered(trip) for shape in mark(trip, stop)]
    words = legend(picture, way, found)
    end = max(shape.y + shape.height for shape in words if isinstance(shape, Box))
    shapes = (*below, *(trip.line for trip in found), *above, *marks, *sockets(found), *words)
    return Picture(picture.width, round(max(picture.height, end + MARGIN)), shapes)


def under(picture: Picture) -> tuple[list[Shape], list[Shape]]:
    """Return the shapes below the lines, and those above them: what a cable goes through, and all words."""
    small = ("client", "interface", "veth", "endpoint", "container")
    texts = [shape for shape in picture.shapes if isinstance(shape, Text)]
    boxes = [shape for shape in picture.shapes if isinstance(shape, Box) and shape.key[0] in small]
    below = [shape for shape in picture.shapes if shape not in texts and shape not in boxes]
    return below, [*boxes, *_grounds(picture, texts), *texts]


def _grounds(picture: Picture, texts: Sequence[Text]) -> Iterator[Box]:
    """Yield a ground for each text on a bridge, where lines cross it: they go on behind the words."""
    bridges = [box for key, box in picture.places.items() if key[0] == "bridge" or key[-1] == "bar"]
    for number, text in enumerate(texts):
        left = text.x - text.width * {"start": 0, "middle": 0.5, "end": 1}[text.anchor]
        for box in bridges:
            if box.x <= left and left + text.width <= box.x + box.width and box.y < text.y < box.y + box.height:
                place = (left - 3, text.y - text.size, text.width + 6, text.size * 1.3)
                yield Box(*place, ("ground", number), box.fill, box.fill, radius=2)


def numbered(trip: Trip) -> list[Stop]:
    """Return the stops that something is to be said about."""
    return [stop for stop in trip.stops if stop.number]


def mark(trip: Trip, stop: Stop) -> list[Shape]:
    """Return a stop's number in a circle, alarming where the packet was dropped."""
    dropped = stop.step.verdict == "drop"
    x, y = stop.mark
    width = 2 * RADIUS + (6 if stop.number > 99 else 0)
    colour = palette.ALARM if dropped else trip.colour
    circle = Box(
        x - width / 2, y - RADIUS, width, 2 * RADIUS, ("step", stop.number), colour, palette.PAPER, radius=RADIUS
    )
    return [circle, Text(str(stop.number), x, y + 3.7, 10, palette.PAPER, bold=True, anchor="middle")]


def legend(picture: Picture, way: Way, found: Sequence[Trip]) -> list[Shape]:
    """Return what the numbers say, in two columns: the packets, and the answers."""
    names = Names(way)
    width = (picture.width - 3 * MARGIN) / 2
    columns: list[list[Text]] = [[], []]
    for trip in found:
        lines = columns[trip.back]
        first = trip.stops[0].step
        second = " of the second connection" if first.connection == 2 else ""
        title = f"{'Answer' if trip.back else 'Packet'}{second} {first.packet.said}".rstrip()
        lines.append(Text(title, size=11.5, bold=True, colour=trip.colour))
        for stop in numbered(trip):
            lines += wrap(Text(f"{stop.number}  {said(stop, names)}", size=10.5, colour=palette.INK), width - 24, 2)
    end = wrap(
        Text(f"End: {names.text(way.end.words)}", size=11.5, bold=True, colour=palette.INK), picture.width - 100, 2
    )
    heights = [stack_height(lines) for lines in columns]
    box = Box(
        MARGIN,
        picture.height - 8,
        picture.width - 2 * MARGIN,
        max(heights) + stack_height(end) + 26,
        ("note", "way"),
        palette.PAPER,
        palette.EDGE,
    )
    shapes: list[Shape] = [box, *stack(end, MARGIN + 14, box.y + 8, "start")]
    for index, lines in enumerate(columns):
        shapes += stack(lines, MARGIN + 14 + index * width, box.y + 14 + stack_height(end), "start")
    return shapes


def said(stop: Stop, names: Names) -> str:
    """Return what happens at a stop."""
    step = stop.step
    now = f", now {names.packet(step.packet)}" if step.before else ""
    where = f"{step.place}: " if step.kind in ("sends", "delivered") else f"{at(step, names)}: "
    return f"{where}{what(step, names)}{now}"
