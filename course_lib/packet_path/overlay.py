"""Draw a path over the picture of the network: `over`. A thick line with numbers, and a legend. Pure.

The line that leads to step N and the circle of that step have the keys ("line", N) and ("step", N), so that a picture
on the screen can play them one after the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

from course_lib.packet_path.model import PacketPath
from course_lib.packet_path.waypoints import Stop, lanes, line, stops
from course_lib.packet_path.wording import Names, said
from course_lib.picture import palette
from course_lib.picture.layout.page import PAGE, layout
from course_lib.picture.shapes import Box, Line, Picture, Shape, Text, boxes_with_texts, stack, stack_height, wrap

RADIUS = 9.0  # pixels
MARGIN = 24.0
TWO_COLUMNS = 700.0  # the least width of a picture whose legend has two columns


@dataclass(frozen=True)
class Trip:
    """One packet of a path on the picture."""

    back: bool
    line: Line
    stops: tuple[Stop, ...]


def trips(picture: Picture, path: PacketPath) -> list[Trip]:
    """Return the packets of a path in the order of its steps; no two numbers are drawn in the same place."""
    found = []
    taken: set[tuple[float, float]] = set()
    free = count(1)
    for connection, back in dict.fromkeys((s.connection, s.back) for s in path.steps):
        here = [
            _apart(replace(stop, number=next(free)), taken) if stop.row else stop
            for stop in stops(picture, path, connection, back)
        ]
        if any(stop.number for stop in here):
            points = line(here, lanes(picture, back))
            drawn = Line(points, palette.INK, 3, dashed=True) if back else Line(points, palette.ACTIVE, 5)
            found.append(Trip(back, drawn, tuple(here)))
    return found


def _apart(stop: Stop, taken: set[tuple[float, float]]) -> Stop:
    """Return the stop with its number next to those that are drawn there already; `taken` are their places."""
    x, y = stop.mark
    while any(abs(x - other) < 19 and abs(y - high) < 19 for other, high in taken):
        x += -22 if stop.zone == "host" else 22
    taken.add((x, y))
    return replace(stop, mark=(x, y), point=(x, stop.point[1]) if stop.zone == "host" else stop.point)


def numbered(trip: Trip) -> list[Stop]:
    """Return the stops that have a number."""
    return [stop for stop in trip.stops if stop.number]


def numbers(picture: Picture, path: PacketPath) -> dict[int, int]:
    """Return the number of each step on the picture, by its position among all steps, from 1."""
    return {stop.row: stop.number for trip in trips(picture, path) for stop in numbered(trip)}


def ground(path: PacketPath, room: float = PAGE) -> Picture:
    """Return the picture of a path's network, without the path; `room` is that of `layout`.

    A container that the packet passes is drawn by itself and not in a group, and a rule that it matched is drawn even
    where rules are left out for want of room.
    """
    met = {(s.family, s.table, s.chain, s.number) for s in path.steps if s.kind == "rule" and s.place == "host"}
    return layout(path.network, apart={step.place for step in path.steps}, met=met, room=room)


def over(picture: Picture, path: PacketPath) -> Picture:
    """Return the picture with the path on it, and a legend of the numbers below."""
    found = trips(picture, path)
    below, above = under(picture)
    lines = [line for trip in found for line in _lines(picture, trip)]
    marks = [shape for trip in found for stop in numbered(trip) for shape in mark(trip, stop)]
    words = legend(picture, path, found)
    end = max(shape.y + shape.height for shape in words if isinstance(shape, Box))
    shapes = (*below, *lines, *above, *sockets(found), *marks, *words)
    return Picture(picture.width, round(max(picture.height, end + MARGIN)), shapes)


def steps(picture: Picture, path: PacketPath) -> list[str]:
    """Return a sentence for each number on the picture, in their order."""
    names = Names(path)
    stops = [stop for trip in trips(picture, path) for stop in numbered(trip)]
    return [f"Step {s.number}{', the answer' if s.step.back else ''}: {said(s.step, names)}" for s in stops]


def _lines(picture: Picture, trip: Trip) -> Iterator[Line]:
    """Yield the line that leads to each numbered stop; the last one includes what comes after it."""
    free, begin = lanes(picture, trip.back), 0
    last = max(position for position, stop in enumerate(trip.stops) if stop.number)
    for position, stop in enumerate(trip.stops):
        if stop.number:
            until = len(trip.stops) if position == last else position + 1
            yield replace(trip.line, points=line(trip.stops[begin:until], free), key=("line", stop.number))
            begin = position


def under(picture: Picture) -> tuple[list[Shape], list[Shape]]:
    """Return the shapes below the path's lines, and those above them: small boxes that a line passes, and all texts."""
    small = ("client", "interface", "veth", "endpoint", "container")
    below: list[Shape] = []
    boxes: list[Shape] = []
    texts: list[Text] = []
    for shape, *words in boxes_with_texts(picture.shapes):
        if isinstance(shape, Box) and shape.key[0] in small:
            boxes += [shape, *words]
        else:
            kept = [shape, *words] if isinstance(shape, Text) else words
            below += [shape] if not isinstance(shape, Text) else []
            texts += [replace(t, key=t.key or shape.key) for t in kept if isinstance(t, Text)]
    return below, [*_grounds(picture, texts), *texts, *boxes]


def _grounds(picture: Picture, texts: Sequence[Text]) -> Iterator[Box]:
    """Yield a background for each text on a bridge, so that lines pass behind the words."""
    bridges = [box for key, box in picture.places.items() if key[0] == "bridge" or key[-1] == "bar"]
    for number, text in enumerate(texts):
        left = text.x - text.width * {"start": 0, "middle": 0.5, "end": 1}[text.anchor]
        for box in bridges:
            if box.x <= left and left + text.width <= box.x + box.width and box.y < text.y < box.y + box.height:
                place = (left - 3, text.y - text.size, text.width + 6, text.size * 1.3)
                yield Box(*place, ("ground", number), box.fill, box.fill, radius=2)


def mark(trip: Trip, stop: Stop) -> list[Shape]:
    """Return a stop's number in a circle, in the colour of an alarm where the packet was dropped."""
    x, y = stop.mark
    width = 2 * RADIUS + (6 if stop.number > 99 else 0)
    colour = palette.ALARM if stop.step.verdict == "drop" else trip.line.stroke
    place = (x - width / 2, y - RADIUS, width, 2 * RADIUS)
    circle = Box(*place, ("step", stop.number), colour, palette.PAPER, radius=RADIUS)
    return [circle, Text(str(stop.number), x, y + 3.7, 10, palette.PAPER, bold=True, anchor="middle")]


def sockets(found: Sequence[Trip]) -> list[Shape]:
    """Return the label of the numbers that stand for the host's own sockets; empty if there are none."""
    marks = [stop.mark for trip in found for stop in numbered(trip) if stop.zone == "host"]
    if not marks:
        return []
    x, y = min(marks)
    return [Text("sockets of the host", x - 16, y + 4, 11, palette.INK, anchor="end")]


def legend(picture: Picture, path: PacketPath, found: Sequence[Trip]) -> list[Shape]:
    """Return the legend: the outcome, and what happened at each number, in two columns for packets and answers.

    On a narrow picture the answers stand below the packets.
    """
    names = Names(path)
    wide = picture.width >= TWO_COLUMNS
    width = (picture.width - 3 * MARGIN) / 2 if wide else picture.width - 2 * MARGIN
    columns: list[list[Text]] = [[], []]
    for trip in found:
        lines = columns[trip.back]
        first = trip.stops[0].step
        second = " of the second connection" if first.connection == 2 else ""
        title = f"{'Answer' if trip.back else 'Packet'}{second} {first.packet.said}".rstrip()
        lines.append(Text(title, size=11.5, bold=True, colour=trip.line.stroke))
        for stop in numbered(trip):
            step = Text(f"{stop.number}  {said(stop.step, names)}", size=10.5, colour=palette.INK)
            lines += wrap(step, width - 24, 2)
    outcome = Text(f"End: {names.text(path.end.words)}", size=11.5, bold=True, colour=palette.INK)
    end = wrap(outcome, picture.width - 100, 2)
    x, y, top = MARGIN + 14, picture.height - 8, stack_height(end)
    if not wide:
        columns = [[line for lines in columns for line in lines]]
    size = (picture.width - 2 * MARGIN, max(map(stack_height, columns)) + top + 26)
    box = Box(MARGIN, y, *size, ("note", "way"), palette.PAPER, palette.EDGE)
    shapes: list[Shape] = [box, *stack(end, x, y + 8, "start")]
    for index, lines in enumerate(columns):
        shapes += stack(lines, x + index * width, y + 14 + top, "start")
    return shapes
