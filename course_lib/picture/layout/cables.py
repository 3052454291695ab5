"""What hangs on the bridges: the host's ends of the veth pairs, the cables, the containers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from course_lib.network.model import Endpoint, Key, Snapshot
from course_lib.network.wording import veth_faults
from course_lib.picture import palette
from course_lib.picture.layout import cards
from course_lib.picture.layout.bridges import HOST, VETH, Floor, bar, shelf, shelf_top
from course_lib.picture.layout.columns import Cell, Column
from course_lib.picture.shapes import Box, Line, Shape, Text, stack

ENDS_WIDTH = 86.0  # of the box for the veths of a group, in pixels
LANE = 10.0  # from one cable that runs sideways to the next
LANES = 32.0  # between the bridges and the veths, and room for two of them for each network


@dataclass(frozen=True)
class Plug:
    """One cable: from the bridge where it ends down to the tab of a container, in pixels."""

    column: Column  # where the container is drawn
    cell: Cell
    endpoint: Endpoint
    node: tuple[str, ...]  # the bridge; of another column if the container is on several networks
    x: float
    start: float  # the lower edge of the bridge
    veth: float
    end: float  # the tab
    colour: str
    faults: str

    @property
    def foreign(self) -> bool:
        """Return whether the cable comes from another column."""
        return self.node != self.column.node


def room(networks: int) -> float:
    """Return the height between the bridges and the veths: it depends on no container, so that none moves another."""
    return LANES + 2 * LANE * min(3, max(1, networks))


def paint(
    snapshot: Snapshot, columns: Sequence[Column], lefts: Sequence[float], floor: Floor
) -> tuple[list[Shape], list[Shape]]:
    """Return the shapes of all networks whose left edges are given: what is below, what is on top."""
    colours = {c.network.name: c.colour for c in columns if c.network}
    edges = {c.node: (left, left + c.width) for c, left in zip(columns, lefts, strict=True)}
    under: list[Shape] = []
    over: list[Shape] = []
    plugs: list[Plug] = []
    for column, left in zip(columns, lefts, strict=True):
        over += bar(column, left, floor)
        for row in sorted(column.live_rows - {0}):
            low, high = shelf(column, left, floor, row)
            under += low
            over += high
        for cell in column.cells:
            top = floor.cards + column.row_top(cell.row)
            over += cards.paint(cell.card, left + cell.x, top, colours)
            plugs += _plugs(snapshot, column, cell, left=left, floor=floor, colours=colours)
    for plug in plugs:
        if plug.endpoint.veth or plug.node[0] == "bridge":  # other drivers need no veth
            over += _veth(plug)
    return under + _cables(plugs, edges), over


def _plugs(
    snapshot: Snapshot, column: Column, cell: Cell, *, left: float, floor: Floor, colours: dict[str, str]
) -> list[Plug]:
    """Return the cables of one container."""
    veth = floor.veth if cell.row == 0 else shelf_top(column, floor, cell.row) + 46
    start = floor.bar + floor.bar_height if cell.row == 0 else veth - 20
    end = floor.cards + column.row_top(cell.row)
    centres = cards.tab_centres(cell.card, left + cell.x)
    endpoints = [tab.endpoint for tab in cell.card.tabs]
    return [
        Plug(column, cell, e, node, x, start, veth, end, colours[e.network], veth_faults(snapshot, e))
        for e, node, x in zip(endpoints, cell.targets, centres, strict=True)
    ]


def _cables(plugs: Sequence[Plug], edges: dict[tuple[str, ...], tuple[float, float]]) -> list[Shape]:
    """Return the cables; edges are the left and the right edge of each bridge.

    Those that run sideways come last, on top of the straight ones, with a margin to be told apart.
    """
    straight: list[Shape] = []
    sideways: list[Shape] = []
    used = dict.fromkeys(edges, 0)
    across = sum(plug.foreign and not plug.cell.row and "no bridge" not in plug.faults for plug in plugs)
    lane = min(LANE, (room(len(edges)) - LANES) / max(1, across))
    for plug in plugs:
        if "no bridge" in plug.faults or (plug.foreign and plug.cell.row):
            # Plugged in nowhere, or too far from its bridge: the note at the veth says it.
            straight.append(Line(((plug.x, plug.veth), (plug.x, plug.end)), plug.colour))
        elif plug.foreign:
            left, right = edges[plug.node]
            away = 18 + 12 * used[plug.node]
            used[plug.node] += 1
            begin = left + away if left > plug.x else right - away
            level = plug.start + 14 + lane * (len(sideways) // 2)
            path = ((begin, plug.start), (begin, level), (plug.x, level), (plug.x, plug.end))
            sideways += [Line(path[1:3], palette.HOST, 7), Line(path, plug.colour)]
        else:
            straight.append(Line(((plug.x, plug.start), (plug.x, plug.end)), plug.colour))
    return straight + sideways


def _veth(plug: Plug) -> list[Shape]:
    """Return the host's end of a cable, or that none was seen, with a note on what is special."""
    place = plug.node[1] if plug.foreign and plug.cell.row else ""
    notes = plug.faults.split(", ") if plug.faults else [place] if place else []
    card = plug.cell.card
    name = plug.endpoint.veth or "no veth seen"
    name = f"{len(card.group.members)} veths" if card.group and plug.endpoint.veth else name
    lines = [Text(name, size=10.5, font="mono", colour=plug.colour)]
    lines += [Text(note, size=9.5, font="mono", colour=plug.colour) for note in notes]
    width = max(lines[0].width + 16, *(line.width + 10 for line in lines))
    width = max(width, ENDS_WIDTH) if card.group else width  # as wide for ten as for a thousand
    height = VETH + 13.4 * len(notes)
    key: Key = ("veth", plug.endpoint.veth or f"{card.container.name} {plug.endpoint.network}")
    key = ("group", card.container.name, "veth") if card.group else key
    holder: Key = HOST if plug.cell.row == 0 else ("shelf", *plug.column.node, plug.cell.row)
    dashed = not plug.endpoint.veth or "no bridge" in plug.faults
    x = plug.x - width / 2
    box = Box(x, plug.veth, width, height, key, palette.PAPER, plug.colour, holder, dashed=dashed)
    return [box, *stack(lines, plug.x, plug.veth + 5, "middle")]
