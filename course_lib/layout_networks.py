"""The networks side by side, each with room for its containers: a grid whose cells never move.

A new container takes the next free cell of its network, so it moves nobody else. The grid has a few
sizes; only the container that outgrows one (the 7th or the 13th of a network, among three networks and more
the 2nd) makes the picture step to the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING

from course_lib import layout_cards, palette
from course_lib.homes import Homes, joins, note
from course_lib.layout_cards import Card
from course_lib.phrases import bridge_state, is_live, network_words, subnet_words
from course_lib.shapes import Text
from course_lib.snapshot import Container, Interface, Network, Snapshot

if TYPE_CHECKING:
    from course_lib.graph import Graph

CARD = 250.0  # pixels
NARROW_CARD = 200.0  # from the 13th container on
CELL_GAP = 20.0
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
    colour: str
    width: float
    cells: tuple[Cell, ...]
    rows: tuple[float, ...]  # the height of each row of containers

    @property
    def lines(self) -> tuple[str, ...]:
        """Return the subnets in words, one a line."""
        return tuple(subnet_words(self.network, self.bridge))

    @property
    def state(self) -> str:
        """Return what is to be said of the bridge's state."""
        if self.node[0] != "bridge":
            return "no bridge on this host"
        return bridge_state(self.bridge)

    @property
    def live_rows(self) -> set[int]:
        """Return the rows that hold a container with an interface."""
        return {cell.row for cell in self.cells if cell.card.tabs}

    def row_top(self, row: int) -> float:
        """Return how far a row begins below the first one."""
        shelves = sum(SHELF if r in self.live_rows else 26.0 for r in range(1, row + 1))
        return sum(self.rows[:row]) + shelves


def columns(snapshot: Snapshot, graph: Graph, where: Homes) -> list[Column]:
    """Return the networks of a snapshot from left to right."""
    colours = network_colours(graph, where)
    count = len(where.networks)
    found = []
    for position, (node, members) in enumerate(where.networks.items()):
        network: Network | None = graph.nodes[node]["it"]
        title = network_words(network) if network else "a bridge that is no Docker network"
        bridge = snapshot.interface(node[1]) if node[0] == "bridge" else None
        colour = palette.network_colour(position)
        base = NARROW_CARD if len(members) > 12 else CARD
        cards = [_card(snapshot, graph, where, member, width=base, colours=colours) for member in members]
        wide = max([base, *(t.width + 8 for c, _ in cards for t in c.tabs[:1])])
        cells, rows, capacity = _grid(cards, wide + CELL_GAP, _capacity(len(members), count))
        width = capacity * (wide + CELL_GAP) - CELL_GAP
        column = Column(node, title, network, bridge, colour, width, cells, rows)
        found.append(replace(column, width=max(width, min(_bar_width(column), WIDEST_BAR))))
    return found


def network_colours(graph: Graph, where: Homes) -> dict[str, str]:
    """Return the colour of each network, by its name."""
    named = {node: graph.nodes[node]["it"] for node in where.networks}
    return {it.name: palette.network_colour(i) for i, it in enumerate(named.values()) if it}


def guest_cards(snapshot: Snapshot, where: Homes, container: Container, width: float) -> list[Card]:
    """Return the cards of those who share a container's namespace, for a card of that width."""
    width -= 2 * layout_cards.PAD
    guests = where.guests.get(container.name, [])
    return [layout_cards.card(guest, width, words=[note(snapshot, guest)]) for guest in guests]


def _bar_width(column: Column) -> float:
    """Return the width at which all words of a bridge stand side by side."""
    first = replace(NAME, text=column.node[1]).width + replace(SMALL, text=column.title).width
    state = replace(SMALL, text=column.state).width
    return max([first, *(replace(MONO, text=line).width + state for line in column.lines)]) + 60


def _card(
    snapshot: Snapshot,
    graph: Graph,
    where: Homes,
    container: Container,
    *,
    width: float,
    colours: dict[str, str],
) -> tuple[Card, list[tuple[str, ...]]]:
    joined = joins(graph, container)
    connected = [(e, node) for e, node in joined if is_live(container) or e.interface]
    tabs = [layout_cards.tab(endpoint, colours[endpoint.network]) for endpoint, _ in connected]
    guests = guest_cards(snapshot, where, container, width)
    absent = [endpoint.network for endpoint, _ in joined] if not connected else []
    words = [f"belongs to {', '.join(absent)}"] if len(absent) > 1 else []
    card = layout_cards.card(container, width, tabs, guests, words)
    return card, [node for _, node in connected]


def _capacity(members: int, networks: int) -> int:
    """Return how many cells a row has: a function of steps, so that a grid seldom changes."""
    if members > 12:
        return 6
    if members > 6 or networks < 2:
        return 4
    return 2 if networks < 3 or members > 1 else 1


def _grid(
    cards: Sequence[tuple[Card, list[tuple[str, ...]]]], pitch: float, capacity: int
) -> tuple[tuple[Cell, ...], tuple[float, ...], int]:
    """Return the cells, the heights of the rows and the number of cells in a row.

    Those that run come from the left; the others stand at the right end, out of their way.
    """
    spans = [ceil((card.width + CELL_GAP) / pitch) for card, _ in cards]
    capacity = max([capacity, *spans])
    idle = sum(span for (card, _), span in zip(cards, spans, strict=True) if not card.tabs)
    cells, row, slot, right = [], 0, 0, False
    for (card, targets), span in zip(cards, spans, strict=True):
        if not card.tabs and not right:
            right = True
            if slot + idle <= capacity:
                slot = capacity - idle
            elif slot:
                row, slot = row + 1, 0
        if slot + span > capacity:
            row, slot = row + 1, 0
        middle = (slot + span / 2) * pitch - CELL_GAP / 2
        cells.append(Cell(card, row, middle - card.width / 2, tuple(targets)))
        slot += span
    heights = [max(cell.card.height for cell in cells if cell.row == r) for r in range(row + 1)] if cells else []
    return tuple(cells), tuple(heights), capacity
