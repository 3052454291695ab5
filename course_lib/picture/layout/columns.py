"""The networks side by side, each with room for its containers: a grid whose cells never move.

A new container takes the next free cell of its network, or joins those that are like it, so it moves nobody else.
How many cells a row has depends on the number of networks alone. What does move others: a new network, and what
makes an old row higher or wider (a container that shares the namespace of one in it; three tabs that are too wide
for a row).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING

from course_lib.network.grouping import Group, groups
from course_lib.network.model import Container, Interface, Network, Snapshot
from course_lib.network.placement import Homes, joins, note
from course_lib.network.topology import edge, outward
from course_lib.network.wording import bridge_state, is_live, network_words, subnet_words
from course_lib.picture import palette
from course_lib.picture.layout import cards as card_shapes
from course_lib.picture.layout.cards import Card
from course_lib.picture.layout.groups import group_card, group_tab
from course_lib.picture.shapes import Text

if TYPE_CHECKING:
    from course_lib.network.topology import Graph

CARD = 250.0  # pixels
NARROW_CARD = 240.0  # with three networks: two tabs fit on it
NARROWEST_CARD = 176.0  # with four networks and more
CELL_GAP = 16.0
COLUMN_GAP = 34.0
WIDEST_BAR = 700.0
SHELF = 142.0  # the host's part above a second or later row of containers

NAME = Text("", size=15, bold=True, colour=palette.PAPER)
SMALL = Text("", size=11.5, colour=palette.PAPER)
MONO = Text("", size=10.5, font="mono", colour=palette.PAPER)


@dataclass(frozen=True)
class Cell:
    """A card's place in the grid of its network."""

    card: Card
    row: int
    x: float  # from the left edge of the column, in pixels
    targets: tuple[tuple[str, ...], ...]  # for each tab of the card the node of its network


@dataclass(frozen=True)
class Column:
    """A network with its bridge and its containers; sizes in pixels."""

    node: tuple[str, ...]
    title: str
    network: Network | None
    bridge: Interface | None
    bridge_state: str
    colour: str
    width: float
    cells: tuple[Cell, ...]
    rows: tuple[float, ...]  # the height of each row of containers
    empty: bool = False  # no container is connected, also none that is drawn below another network
    ports: tuple[tuple[Interface, ...], ...] = ()  # no container's; where there are containers they have no room here

    @property
    def lines(self) -> tuple[str, ...]:
        """Return the subnets in words, one a line."""
        return tuple(subnet_words(self.network, self.bridge))

    @property
    def state(self) -> str:
        """Return what is to be said of the bridge's state."""
        if self.node[0] != "bridge":
            return "no bridge on this host"
        return self.bridge_state

    @property
    def live_rows(self) -> set[int]:
        """Return the rows that hold a container with an interface."""
        return {cell.row for cell in self.cells if cell.card.tabs}

    def row_top(self, row: int) -> float:
        """Return how far a row begins below the first one."""
        return sum(self.rows[:row]) + SHELF * row


def columns(snapshot: Snapshot, graph: Graph, where: Homes, apart: Collection[str]) -> list[Column]:
    """Return the networks of a snapshot from left to right."""
    colours = network_colours(graph, where)
    capacity = 4 if len(where.networks) < 2 else 2
    pitch = {0: CARD, 1: CARD, 2: CARD, 3: NARROW_CARD}.get(len(where.networks), NARROWEST_CARD) + CELL_GAP
    outer = outward(snapshot)
    found = []
    for position, (node, members) in enumerate(where.networks.items()):
        network: Network | None = graph.nodes[node]["it"]
        title = network_words(network) if network else "a bridge that is no Docker network"
        bridge = snapshot.interface(node[1]) if node[0] == "bridge" else None
        colour = palette.network_colour(position)
        drawn = groups(snapshot, where, members, apart)
        cards = [_card(snapshot, graph, where, each, width=pitch - CELL_GAP, colours=colours) for each in drawn]
        cells, rows, across = _grid(cards, pitch, capacity)
        width = across * pitch - CELL_GAP
        column = Column(node, title, network, bridge, bridge_state(snapshot, bridge), colour, width, cells, rows)
        loose = [] if cells else [ends for ends in edge(snapshot) if ends[0].kind == "veth" and ends[0] != outer]
        ports = tuple(tuple(ends) for ends in loose if node == ("bridge", ends[0].master))
        found.append(replace(column, width=max(width, min(_bar_width(column), WIDEST_BAR)), ports=ports))
    used = {node for column in found for cell in column.cells for node in cell.targets}
    return [replace(column, empty=column.node not in used) for column in found]


def network_colours(graph: Graph, where: Homes) -> dict[str, str]:
    """Return the colour of each network, by its name."""
    named = {node: graph.nodes[node]["it"] for node in where.networks}
    return {it.name: palette.network_colour(i) for i, it in enumerate(named.values()) if it}


def guest_cards(snapshot: Snapshot, where: Homes, container: Container, width: float) -> list[Card]:
    """Return the cards of those who share a container's namespace, for a card of that width."""
    width -= 2 * card_shapes.PAD
    guests = where.guests.get(container.name, [])
    return [card_shapes.card(guest, width, words=[note(snapshot, guest)]) for guest in guests]


def _bar_width(column: Column) -> float:
    """Return the width at which all words of a bridge stand side by side."""
    first = replace(NAME, text=column.node[1]).width + replace(SMALL, text=column.title).width
    state = replace(SMALL, text=column.state).width
    return max([first, *(replace(MONO, text=line).width + state for line in column.lines)]) + 60


def _card(
    snapshot: Snapshot,
    graph: Graph,
    where: Homes,
    group: Group,
    *,
    width: float,
    colours: dict[str, str],
) -> tuple[Card, list[tuple[str, ...]]]:
    container = group.first
    joined = joins(graph, container)
    connected = [(e, node) for e, node in joined if is_live(container) or e.interface]
    tabs = [card_shapes.tab(e, colours[e.network]) for e, _ in connected]
    guests = guest_cards(snapshot, where, container, width)
    absent = [endpoint.network for endpoint, _ in joined] if not connected else []
    words = [f"belongs to {', '.join(absent)}"] if len(absent) > 1 else []
    card = card_shapes.card(container, width, tabs, guests, words)
    if group.open:
        together = group_card(group, width, [group_tab(e, colours[e.network], group) for e, _ in connected])
        card = together if group.several else replace(card, room=together.room)
    return card, [node for _, node in connected]


def _grid(
    cards: Sequence[tuple[Card, list[tuple[str, ...]]]], pitch: float, capacity: int
) -> tuple[tuple[Cell, ...], tuple[float, ...], int]:
    """Return the cells, the heights of the rows and the number of cells in a row.

    A container that stops keeps its cell.
    """
    spans = [ceil((card.width + CELL_GAP) / pitch) for card, _ in cards]
    capacity = max([capacity, *spans])
    cells, row, slot = [], 0, 0
    for (card, targets), span in zip(cards, spans, strict=True):
        if slot + span > capacity:
            row, slot = row + 1, 0
        middle = (slot + span / 2) * pitch - CELL_GAP / 2
        cells.append(Cell(card, row, middle - card.width / 2, tuple(targets)))
        slot += span
    heights = [max(cell.card.room for cell in cells if cell.row == r) for r in range(row + 1)] if cells else []
    return tuple(cells), tuple(heights), capacity
