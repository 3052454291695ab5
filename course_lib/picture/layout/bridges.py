"""Draw the bridges: `bar` for the bridge itself, `shelf` for its continuation above a later row of containers."""

from __future__ import annotations

from dataclasses import dataclass, replace

from course_lib.network.model import Key
from course_lib.network.topology import HOST
from course_lib.picture import palette
from course_lib.picture.layout.columns import MONO, NAME, SHELF, SMALL, Column
from course_lib.picture.shapes import Box, Line, Shape, Text, shorten, stack, wrap

VETH = 24.0  # the height of a veth's box, in pixels


@dataclass(frozen=True)
class Levels:
    """Where the layers of the picture begin, in pixels from the top."""

    bar: float
    bar_height: float
    veth: float
    cards: float
    host: Key = HOST  # the part of the host there


def bar(column: Column, x: float, levels: Levels) -> list[Shape]:
    """Return the bridge at x with its name, its network, its gateways, its state and its unknown ports."""
    place, dashed = (x, levels.bar, column.width, levels.bar_height), column.node[0] != "bridge"
    box = Box(*place, column.node, column.colour, column.colour, levels.host, dashed=dashed, radius=8)
    name = replace(NAME, text=column.node[1], x=x + 14, y=levels.bar + 24)
    title = replace(SMALL, text=column.title, x=x + column.width - 14, y=levels.bar + 23, anchor="end")
    title = shorten(title, column.width - name.width - 44)
    state = replace(title, text=column.state, y=levels.bar + 46)
    room = column.width - 28 - (state.width + 20 if column.state else 0)
    lines = [shorten(replace(MONO, text=line), room) for line in column.lines]
    shapes: list[Shape] = [box, *(each for each in (title, state) if each.text)]
    shapes += [shorten(name, column.width - title.width - 44), *stack(lines, x + 14, levels.bar + 34, "start")]
    if column.empty:
        y = levels.veth + (VETH + 18 if column.ports else 16)
        words = wrap(Text(column.empty, size=11.5, colour=palette.GREY), column.width, 3)
        shapes += stack(words, x + column.width / 2, y - 12, "middle")
    return shapes + _ports(column, x + 14, levels)


def _ports(column: Column, x: float, levels: Levels) -> list[Shape]:
    """Return the ports of a bridge without containers: veths whose peers are elsewhere."""
    shapes: list[Shape] = []
    for first, *more in column.ports:
        label = f"{len(more) + 1} veths" if more else first.name + (", DOWN" if first.state == "DOWN" else "")
        name = Text(label, size=10.5, font="mono", colour=column.colour)
        middle = x + name.width / 2 + 8
        key: Key = ("interface", first.name)
        shapes += [
            Line(((middle, levels.bar + levels.bar_height), (middle, levels.veth)), column.colour),
            Box(x, levels.veth, name.width + 16, VETH, key, palette.PAPER, column.colour, levels.host),
            *stack([name], middle, levels.veth + 5, "middle"),
        ]
        x += name.width + 16 + 14
    return shapes


def shelf(column: Column, left: float, levels: Levels, row: int) -> tuple[list[Shape], list[Shape]]:
    """Return the part of the host above a later row, with the bridge continued: shapes below the cables, and on top."""
    top = shelf_top(column, levels, row)
    key: Key = ("shelf", *column.node, row)
    area = Box(left - 14, top, column.width + 28, SHELF - 44, key, palette.HOST, palette.EDGE, radius=10)
    continued = Box(left, top + 8, column.width, 20, (*key, "bar"), column.colour, column.colour, holder=key, radius=5)
    label = replace(MONO, text=f"{column.node[1]}, continued", x=left + 14, y=top + 22)
    before = max((r for r in column.live_rows if 0 < r < row), default=0)
    start = shelf_top(column, levels, before) + 18 if before else levels.bar + levels.bar_height - 12
    rail = ((left + 9, start), (left - 7, start), (left - 7, top + 18), (left + 9, top + 18))
    return [area], [Line(rail, column.colour, 5), continued, label]


def shelf_top(column: Column, levels: Levels, row: int) -> float:
    """Return the y of the upper edge of the shelf above a row."""
    return levels.cards + column.row_top(row) - SHELF + 12
