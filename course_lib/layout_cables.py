"""One network on the plane: its bridge, the host's ends of the veth pairs, the cables, the containers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from course_lib import layout_cards, palette
from course_lib.layout_cards import Card
from course_lib.layout_networks import MONO, NAME, SHELF, SMALL, Column
from course_lib.shapes import Box, Key, Line, Shape, Text, shorten, stack
from course_lib.snapshot import Endpoint
from course_lib.words import empty_words

VETH = 26.0  # the height of a veth's box, in pixels
LANE = 10.0  # from one cable that runs sideways to the next
LANES = 52.0  # between the bridges and the veths, with room for two of them
HOST: Key = ("host", "host")


@dataclass(frozen=True)
class Floor:
    """The heights at which the layers stand, in pixels from the top."""

    bar: float
    bar_height: float
    veth: float
    host_end: float
    cards: float


def lanes(columns: Sequence[Column]) -> int:
    """Return how many cables run sideways from one network to a container below another."""
    return sum(node != c.node for c in columns for cell in c.cells if cell.row == 0 for node in cell.targets)


def paint(columns: Sequence[Column], lefts: Sequence[float], floor: Floor) -> tuple[list[Shape], list[Shape]]:
    """Return the shapes of all networks whose left edges are given: what is below, what is on top."""
    colours = {c.network.name: c.colour for c in columns if c.network}
    edges = {c.node: (left, left + c.width) for c, left in zip(columns, lefts, strict=True)}
    used = dict.fromkeys(edges, 0)
    lane = 0
    under: list[Shape] = []
    across: list[Shape] = []  # on top of the cables that run straight down, with a margin to be told apart
    over: list[Shape] = []
    for column, left in zip(columns, lefts, strict=True):
        over += _bar(column, left, floor)
        for row in sorted(column.live_rows - {0}):
            low, high = _shelf(column, left, floor, row)
            under += low
            over += high
        for cell in column.cells:
            top = floor.cards + column.row_top(cell.row)
            over += layout_cards.paint(cell.card, left + cell.x, top, colours)
            centres = layout_cards.tab_centres(cell.card, left + cell.x)
            for tab, node, x in zip(cell.card.tabs, cell.targets, centres, strict=True):
                colour = colours[tab.endpoint.network]
                veth = floor.veth if cell.row == 0 else _shelf_top(column, floor, cell.row) + 46
                start = floor.bar + floor.bar_height if cell.row == 0 else veth - 20
                shelf: Key = ("shelf", *column.node, cell.row)
                if tab.endpoint.veth or node[0] == "bridge":  # other drivers need no veth
                    holder = HOST if cell.row == 0 else shelf
                    on = f"on {node[1]}" if cell.row and node != column.node else ""
                    over += _veth(cell.card, tab.endpoint, x, veth, colour=colour, holder=holder, on=on)
                if node == column.node:
                    under.append(Line(((x, start), (x, top)), colour))
                elif cell.row == 0:
                    away = 18 + 12 * used[node]
                    used[node] += 1
                    begin = edges[node][0] + away if edges[node][0] > left else edges[node][1] - away
                    level = start + 14 + LANE * lane
                    lane += 1
                    path = ((begin, start), (begin, level), (x, level), (x, top))
                    across += [Line(path[1:3], palette.HOST, 7), Line(path, colour)]
                else:  # too far for a cable: it begins at a note that names its bridge
                    under.append(Line(((x, veth), (x, top)), colour))
    return [*under, *across], over


def _bar(column: Column, x: float, floor: Floor) -> list[Shape]:
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
    if not any(cell.card.tabs for cell in column.cells):
        words = Text(
            empty_words(column.node[1], state),
            x + column.width / 2,
            floor.veth + 16,
            11.5,
            palette.GREY,
            anchor="middle",
        )
        shapes.append(words)
    return shapes


def _shelf(column: Column, left: float, floor: Floor, row: int) -> tuple[list[Shape], list[Shape]]:
    """Return the host's part above a later row: the same bridge again, for the veths of that row."""
    top = _shelf_top(column, floor, row)
    key: Key = ("shelf", *column.node, row)
    area = Box(left - 14, top, column.width + 28, SHELF - 46, key, palette.HOST, palette.EDGE, radius=10)
    bar = Box(
        left, top + 8, column.width, 20, (*key, "bar"), column.colour, column.colour, holder=key, radius=5
    )
    said = replace(MONO, text=f"{column.node[1]}, continued", x=left + 14, y=top + 22)
    before = max((r for r in column.live_rows if 0 < r < row), default=0)
    start = _shelf_top(column, floor, before) + 18 if before else floor.bar + floor.bar_height - 12
    rail = ((left + 9, start), (left - 7, start), (left - 7, top + 18), (left + 9, top + 18))
    return [area], [Line(rail, column.colour, 5), bar, said]


def _shelf_top(column: Column, floor: Floor, row: int) -> float:
    return floor.cards + column.row_top(row) - SHELF + 12


def _veth(
    card: Card, endpoint: Endpoint, x: float, y: float, *, colour: str, holder: Key, on: str
) -> list[Shape]:
    """Return the host's end of a cable, or a note that none was seen; on says where a cut cable leads."""
    lines = [Text(endpoint.veth or "no veth seen", size=10, font="mono", colour=colour)]
    lines += [Text(on, size=9, font="mono", colour=colour)] if on else []
    width = max(line.width for line in lines) + 16
    height = VETH + 13 * (len(lines) - 1)
    key: Key = ("veth", endpoint.veth or f"{card.container.name} {endpoint.network}")
    dashed = not endpoint.veth
    box = Box(x - width / 2, y, width, height, key, palette.PAPER, colour, holder, dashed=dashed)
    return [box, *stack(lines, x, y + 6, "middle")]
