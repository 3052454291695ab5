"""Draw the networks with their containers, veths and cables: `network_shapes`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from course_lib.network.model import Endpoint, Key, Snapshot
from course_lib.network.topology import HOST
from course_lib.network.wording import veth_faults
from course_lib.picture import palette
from course_lib.picture.layout import cards
from course_lib.picture.layout.bridges import VETH, Levels, bar, shelf, shelf_top
from course_lib.picture.layout.columns import Cell, Column
from course_lib.picture.shapes import Box, Line, Shape, Text, stack

GROUP_WIDTH = 86.0  # of the box for the veths of a group, in pixels
LANE = 10.0  # between two cables that run sideways
LANES = 32.0  # between the bridges and the veths, without the two lanes for each network


@dataclass(frozen=True)
class Cable:
    """A veth pair: from a bridge down to the tab of a container; positions in pixels."""

    column: Column  # where the container is drawn
    cell: Cell
    endpoint: Endpoint
    node: tuple[str, ...]  # the bridge; of another column if the container is in several networks
    x: float
    start: float  # the lower edge of the bridge
    veth: float  # the upper edge of the box for the host's end
    end: float  # the upper edge of the tab
    colour: str
    faults: str  # see `wording.veth_faults`

    @property
    def foreign(self) -> bool:
        """Return whether the bridge is in another column."""
        return self.node != self.column.node


def room(networks: int) -> float:
    """Return the height between the bridges and the veths; it depends on no container, so a new one moves nothing."""
    return LANES + 2 * LANE * min(3, max(1, networks))


def network_shapes(
    snapshot: Snapshot, columns: Sequence[Column], lefts: Sequence[float], levels: Levels
) -> tuple[list[Shape], list[Shape]]:
    """Return the shapes of the networks, whose left edges are `lefts`: those drawn first, and those on top of them."""
    colours = {c.network.name: c.colour for c in columns if c.network}
    edges = {c.node: (left, left + c.width) for c, left in zip(columns, lefts, strict=True)}
    under: list[Shape] = []
    over: list[Shape] = []
    cables: list[Cable] = []
    for column, left in zip(columns, lefts, strict=True):
        over += bar(column, left, levels)
        for row in sorted(column.live_rows - {0}):
            low, high = shelf(column, left, levels, row)
            under += low
            over += high
        for cell in column.cells:
            top = levels.cards + column.row_top(cell.row)
            over += cards.card_shapes(cell.card, left + cell.x, top, colours)
            cables += _cables_of(snapshot, column, cell, left=left, levels=levels, colours=colours)
    for cable in cables:
        if cable.endpoint.veth or cable.node[0] == "bridge":  # other drivers need no veth
            over += _veth(cable)
    return under + _lines(cables, edges), over


def _cables_of(
    snapshot: Snapshot, column: Column, cell: Cell, *, left: float, levels: Levels, colours: dict[str, str]
) -> list[Cable]:
    """Return the cables of one container."""
    veth = levels.veth if cell.row == 0 else shelf_top(column, levels, cell.row) + 46
    start = levels.bar + levels.bar_height if cell.row == 0 else veth - 20
    end = levels.cards + column.row_top(cell.row)
    centres = cards.tab_centres(cell.card, left + cell.x)
    endpoints = [tab.endpoint for tab in cell.card.tabs]
    return [
        Cable(column, cell, e, node, x, start, veth, end, colours[e.network], veth_faults(snapshot, e))
        for e, node, x in zip(endpoints, cell.targets, centres, strict=True)
    ]


def _lines(cables: Sequence[Cable], edges: dict[tuple[str, ...], tuple[float, float]]) -> list[Shape]:
    """Return the lines of the cables; `edges` are the left and the right edge of each bridge.

    Cables that run sideways come last, on top of the straight ones, with a margin in the host's colour.
    """
    straight: list[Shape] = []
    sideways: list[Shape] = []
    used = dict.fromkeys(edges, 0)
    across = sum(cable.foreign and not cable.cell.row and "no bridge" not in cable.faults for cable in cables)
    lane = min(LANE, (room(len(edges)) - LANES) / max(1, across))
    for cable in cables:
        if "no bridge" in cable.faults or (cable.foreign and cable.cell.row):
            # In no bridge, or too far from it to draw the line: a note at the veth says so.
            straight.append(Line(((cable.x, cable.veth), (cable.x, cable.end)), cable.colour))
        elif cable.foreign:
            left, right = edges[cable.node]
            away = 18 + 12 * used[cable.node]
            used[cable.node] += 1
            begin = left + away if left > cable.x else right - away
            level = cable.start + 14 + lane * (len(sideways) // 2)
            path = ((begin, cable.start), (begin, level), (cable.x, level), (cable.x, cable.end))
            sideways += [Line(path[1:3], palette.HOST, 7), Line(path, cable.colour)]
        else:
            straight.append(Line(((cable.x, cable.start), (cable.x, cable.end)), cable.colour))
    return straight + sideways


def _veth(cable: Cable) -> list[Shape]:
    """Return the box for the host's end of a cable, with its faults, or with its bridge if no line leads there."""
    bridge = [cable.node[1]] if cable.foreign and cable.cell.row else []
    notes = cable.faults.split(", ") if cable.faults else bridge
    card = cable.cell.card
    name = cable.endpoint.veth or "no veth found"
    name = f"{len(card.group.members)} veths" if card.group and cable.endpoint.veth else name
    lines = [Text(name, size=10.5, font="mono", colour=cable.colour)]
    lines += [Text(note, size=9.5, font="mono", colour=cable.colour) for note in notes]
    width = max(lines[0].width + 16, *(line.width + 10 for line in lines))
    width = max(width, GROUP_WIDTH) if card.group else width  # the same width for ten veths as for a thousand
    height = VETH + 13.4 * len(notes)
    key: Key = ("veth", cable.endpoint.veth or f"{card.container.name} {cable.endpoint.network}")
    key = ("group", card.container.name, "veth") if card.group else key
    holder: Key = HOST if cable.cell.row == 0 else ("shelf", *cable.column.node, cable.cell.row)
    dashed = not cable.endpoint.veth or "no bridge" in cable.faults
    x = cable.x - width / 2
    box = Box(x, cable.veth, width, height, key, palette.PAPER, cable.colour, holder, dashed=dashed)
    return [box, *stack(lines, cable.x, cable.veth + 5, "middle")]
