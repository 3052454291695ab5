"""The bridges on the plane: each as a bar, and once more above every later row of its containers."""

from __future__ import annotations

from dataclasses import dataclass, replace

from course_lib.network.model import Key
from course_lib.network.wording import empty_words
from course_lib.picture import palette
from course_lib.picture.layout.columns import MONO, NAME, SHELF, SMALL, Column
from course_lib.picture.shapes import Box, Line, Shape, Text, shorten, stack

HOST: Key = ("host", "host")
VETH = 24.0  # the height of a veth's box, in pixels


@dataclass(frozen=True)
class Floor:
    """The heights at which the layers stand, in pixels from the top."""

    bar: float
    bar_height: float
    veth: float
    host_end: float
    cards: float


def bar(column: Column, x: float, floor: Floor) -> list[Shape]:
    """Return the bridge with its name, network, gateways and what its state means."""
    box = Box(
        x,
        floor.bar,
        column.width,
        floor.bar_height,
        column.node,
        column.colour,
        column.colour,
        holder=HOST,
        dashed=column.node[0] != "bridge",
        radius=8,
    )
    name = replace(NAME, text=column.node[1])
    title = shorten(replace(SMALL, text=column.title), column.width - name.width - 44)
    right = x + column.width - 14
    shapes: list[Shape] = [box, replace(title, x=right, y=floor.bar + 23, anchor="end")]
    name = shorten(name, column.width - title.width - 44)
    shapes.append(replace(name, x=x + 14, y=floor.bar + 24))
    state = column.state
    room = column.width - 28 - (replace(SMALL, text=state).width + 20 if state else 0)
    lines = [shorten(replace(MONO, text=line), room) for line in column.lines]
    shapes += stack(lines, x + 14, floor.bar + 34, "start")
    if state:
        shapes.append(replace(SMALL, text=state, x=right, y=floor.bar + 46, anchor="end"))
    if column.empty:
        words = Text(
            empty_words(column.node[1], state),
            x + column.width / 2,
            floor.veth + (VETH + 18 if column.ports else 16),
            11.5,
            palette.GREY,
            anchor="middle",
        )
        shapes.append(words)
    return shapes + _ports(column, x + 14, floor)


def _ports(column: Column, x: float, floor: Floor) -> list[Shape]:
    """Return the ports of a bridge without containers: ends of cables that lead elsewhere."""
    shapes: list[Shape] = []
    for first, *more in column.ports:
        said = f"{len(more) + 1} veths" if more else first.name + (", DOWN" if first.state == "DOWN" else "")
        name = Text(said, size=10.5, font="mono", colour=column.colour)
        middle = x + name.width / 2 + 8
        key: Key = ("interface", first.name)
        shapes += [
            Line(((middle, floor.bar + floor.bar_height), (middle, floor.veth)), column.colour),
            Box(x, floor.veth, name.width + 16, VETH, key, palette.PAPER, column.colour, HOST),
            *stack([name], middle, floor.veth + 5, "middle"),
        ]
        x += name.width + 16 + 14
    return shapes


def shelf(column: Column, left: float, floor: Floor, row: int) -> tuple[list[Shape], list[Shape]]:
    """Return the host's part above a later row: the same bridge again, for the veths of that row."""
    top = shelf_top(column, floor, row)
    key: Key = ("shelf", *column.node, row)
    area = Box(left - 14, top, column.width + 28, SHELF - 44, key, palette.HOST, palette.EDGE, radius=10)
    again = Box(left, top + 8, column.width, 20, (*key, "bar"), column.colour, column.colour, holder=key, radius=5)
    said = replace(MONO, text=f"{column.node[1]}, continued", x=left + 14, y=top + 22)
    before = max((r for r in column.live_rows if 0 < r < row), default=0)
    start = shelf_top(column, floor, before) + 18 if before else floor.bar + floor.bar_height - 12
    rail = ((left + 9, start), (left - 7, start), (left - 7, top + 18), (left + 9, top + 18))
    return [area], [Line(rail, column.colour, 5), again, said]


def shelf_top(column: Column, floor: Floor, row: int) -> float:
    """Return the height of the host's part above a later row."""
    return floor.cards + column.row_top(row) - SHELF + 12
