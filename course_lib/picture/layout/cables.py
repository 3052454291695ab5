"""Draw the networks with their containers, veths and cables: `network_shapes`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from course_lib.network.model import Key, Snapshot
from course_lib.network.topology import Node
from course_lib.network.wording import veth_faults
from course_lib.picture import palette
from course_lib.picture.layout.bridges import VETH, Levels, bar, shelf, shelf_top
from course_lib.picture.layout.cards import Tab, card_shapes, tab_centres
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
    tab: Tab
    x: float
    start: float  # the lower edge of the bridge
    veth: float  # the upper edge of the box for the host's end
    end: float  # the upper edge of the tab
    faults: str  # see `wording.veth_faults`
    far: bool  # its bridge is too far away to draw the line, so a note at the veth says which it is
    host: Key  # the part of the host where the veth is

    @property
    def key(self) -> Key:
        """Return the key of the cable in the picture."""
        return ("cable", self.cell.card.container.name, self.tab.endpoint.network)

    @property
    def foreign(self) -> bool:
        """Return whether the bridge is in another column: that of a container in several networks."""
        return self.tab.node != self.column.node


def room(networks: int) -> float:
    """Return the height between the bridges and the veths; it depends on no container, so a new one moves nothing."""
    return LANES + 2 * LANE * min(3, max(1, networks))


def network_shapes(
    snapshot: Snapshot, columns: Sequence[Column], lefts: Sequence[float], levels: Levels
) -> tuple[list[Shape], list[Shape]]:
    """Return the shapes of the networks, whose left edges are `lefts`: those drawn first, and those on top of them."""
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
            x, end = left + cell.x, levels.cards + column.row_top(cell.row)
            over += card_shapes(cell.card, x, end)
            veth = shelf_top(column, levels, cell.row) + 46 if cell.row else levels.veth
            start = veth - 20 if cell.row else levels.bar + levels.bar_height
            host: Key = ("shelf", *column.node, cell.row) if cell.row else levels.host
            for tab, centre in zip(cell.card.tabs, tab_centres(cell.card, x), strict=True):
                far = tab.node != column.node and (cell.row > 0 or tab.node not in edges)
                faults = veth_faults(snapshot, tab.endpoint)
                cables.append(Cable(column, cell, tab, centre, start, veth, end, faults, far, host))
    for cable in cables:
        if cable.tab.endpoint.veth or cable.tab.node[0] == "bridge":  # other drivers need no veth
            over += _veth(cable)
    return under + _lines(cables, edges), over


def _lines(cables: Sequence[Cable], edges: dict[Node, tuple[float, float]]) -> list[Shape]:
    """Return the lines of the cables; `edges` are the left and the right edge of each bridge.

    Cables that run sideways come last, on top of the straight ones, with a margin in the host's colour.
    """
    straight: list[Shape] = []
    sideways: list[Shape] = []
    used = dict.fromkeys(edges, 0)
    across = sum(cable.foreign and not cable.far and "no bridge" not in cable.faults for cable in cables)
    lane = min(LANE, (room(len(edges)) - LANES) / max(1, across))
    for cable in cables:
        x, start, node, colour = cable.x, cable.start, cable.tab.node, cable.tab.colour
        if "no bridge" in cable.faults or cable.far:
            straight.append(Line(((x, cable.veth), (x, cable.end)), colour, key=cable.key))
        elif cable.foreign:
            left, right = edges[node]
            away = 18 + 12 * used[node]
            used[node] += 1
            begin = left + away if left > x else right - away
            level = start + 14 + lane * (len(sideways) // 2)
            path = ((begin, start), (begin, level), (x, level), (x, cable.end))
            sideways += [Line(path[1:3], palette.HOST, 7), Line(path, colour, key=cable.key)]
        else:
            straight.append(Line(((x, start), (x, cable.end)), colour, key=cable.key))
    return straight + sideways


def _veth(cable: Cable) -> list[Shape]:
    """Return the box for the host's end of a cable, with its faults, or with its bridge if no line leads there."""
    card, endpoint, colour = cable.cell.card, cable.tab.endpoint, cable.tab.colour
    bridge = [cable.tab.node[1]] if cable.far else []
    notes = cable.faults.split(", ") if cable.faults else bridge
    key: Key = ("veth", endpoint.veth or f"{card.container.name} {endpoint.network}")
    name, least = endpoint.veth or "no veth found", 0.0
    if card.group:
        key = ("group", card.container.name, "veth")
        name = f"{len(card.group.members)} veths" if endpoint.veth else name
        least = GROUP_WIDTH  # the same for ten veths as for a thousand
    lines = [Text(name, size=10.5, font="mono", colour=colour)]
    lines += [Text(note, size=9.5, font="mono", colour=colour) for note in notes]
    width = max(least, lines[0].width + 16, *(line.width + 10 for line in lines))
    place = (cable.x - width / 2, cable.veth, width, VETH + 13.4 * len(notes))
    dashed = not endpoint.veth or "no bridge" in cable.faults
    box = Box(*place, key, palette.PAPER, colour, cable.host, dashed=dashed)
    return [box, *stack(lines, cable.x, cable.veth + 5, "middle")]
