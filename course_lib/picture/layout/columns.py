"""Arrange the networks in columns, each with a grid of cells for its containers: `columns`.

A new container takes the next free cell of its network, or joins a group of similar containers, so it moves nothing
else. The number of cells in a row depends only on the number of networks. What does move others is a new network, and
what makes an existing row higher or wider: a container that shares the namespace of one in that row, or three tabs that
are too wide for it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING

from course_lib.network.grouping import Group, drawn_groups
from course_lib.network.model import Container, Interface, Network, Snapshot
from course_lib.network.placement import Placement, connections, namespace_words
from course_lib.network.topology import external_interface, outer_interfaces
from course_lib.network.wording import bridge_state, is_live, network_words, subnet_words
from course_lib.picture import palette
from course_lib.picture.layout import cards
from course_lib.picture.layout.cards import Card
from course_lib.picture.shapes import Text

if TYPE_CHECKING:
    from course_lib.network.topology import Graph

CARD = 250.0  # pixels
NARROW_CARD = 240.0  # for three networks; two tabs fit on it
NARROWEST_CARD = 176.0  # for four networks or more
CELL_GAP = 16.0
COLUMN_GAP = 34.0
WIDEST_BAR = 700.0
SHELF = 142.0  # the height between two rows of containers, see `bridges.shelf`

NAME = Text("", size=15, bold=True, colour=palette.PAPER)
SMALL = Text("", size=11.5, colour=palette.PAPER)
MONO = Text("", size=10.5, font="mono", colour=palette.PAPER)


@dataclass(frozen=True)
class Cell:
    """A card's place in the grid of its network."""

    card: Card
    row: int
    x: float  # from the left edge of the column, in pixels
    targets: tuple[tuple[str, ...], ...]  # the node of the network of each tab


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
    empty: bool = False  # no container is connected, not even one that is drawn below another network
    ports: tuple[tuple[Interface, ...], ...] = ()  # in groups, veths of no container; only if there are no cells

    @property
    def lines(self) -> tuple[str, ...]:
        """Return a line for each subnet."""
        return tuple(subnet_words(self.network, self.bridge))

    @property
    def state(self) -> str:
        """Return the bridge's state; "" if there is nothing to remark."""
        if self.node[0] != "bridge":
            return "no bridge on this host"
        return self.bridge_state

    @property
    def live_rows(self) -> set[int]:
        """Return the rows with a container that has an interface."""
        return {cell.row for cell in self.cells if cell.card.tabs}

    def row_top(self, row: int) -> float:
        """Return the distance from the top of the first row to that of this one, in pixels."""
        return sum(self.rows[:row]) + SHELF * row


def columns(snapshot: Snapshot, graph: Graph, placement: Placement, apart: Collection[str]) -> list[Column]:
    """Return the networks of a snapshot from left to right; containers with a name in `apart` have their own cards."""
    colours = network_colours(graph, placement)
    capacity = 4 if len(placement.networks) < 2 else 2
    pitch = {0: CARD, 1: CARD, 2: CARD, 3: NARROW_CARD}.get(len(placement.networks), NARROWEST_CARD) + CELL_GAP
    external = external_interface(snapshot)
    found = []
    for position, (node, members) in enumerate(placement.networks.items()):
        network: Network | None = graph.nodes[node]["part"]
        bridge = snapshot.interface(node[1]) if node[0] == "bridge" else None
        drawn = [
            _card(snapshot, graph, placement, group, width=pitch - CELL_GAP, colours=colours)
            for group in drawn_groups(snapshot, placement, members, apart)
        ]
        cells, rows, across = _grid(drawn, pitch, capacity)
        width = across * pitch - CELL_GAP
        state, colour = bridge_state(snapshot, bridge), palette.network_colour(position)
        column = Column(node, network_words(network), network, bridge, state, colour, width, cells, rows)
        unknown = [] if cells else [v for v in outer_interfaces(snapshot) if v[0].kind == "veth" and v[0] != external]
        ports = tuple(tuple(veths) for veths in unknown if node == ("bridge", veths[0].master))
        found.append(replace(column, width=max(width, min(_bar_width(column), WIDEST_BAR)), ports=ports))
    used = {node for column in found for cell in column.cells for node in cell.targets}
    return [replace(column, empty=column.node not in used) for column in found]


def network_colours(graph: Graph, placement: Placement) -> dict[str, str]:
    """Return the colour of each network, by its name."""
    networks = [graph.nodes[node]["part"] for node in placement.networks]
    return {network.name: palette.network_colour(i) for i, network in enumerate(networks) if network}


def sharing_cards(snapshot: Snapshot, placement: Placement, container: Container, width: float) -> list[Card]:
    """Return the cards of the containers in a container's namespace, for a card of that width in pixels."""
    width -= 2 * cards.PAD
    sharing = placement.sharing.get(container.name, [])
    return [cards.card(each, width, words=[namespace_words(snapshot, each)]) for each in sharing]


def _bar_width(column: Column) -> float:
    """Return the width at which all texts of a bridge fit next to each other."""
    first = replace(NAME, text=column.node[1]).width + replace(SMALL, text=column.title).width
    state = replace(SMALL, text=column.state).width
    return max([first, *(replace(MONO, text=line).width + state for line in column.lines)]) + 60


def _card(
    snapshot: Snapshot,
    graph: Graph,
    placement: Placement,
    group: Group,
    *,
    width: float,
    colours: dict[str, str],
) -> tuple[Card, list[tuple[str, ...]]]:
    """Return the card of a group, and for each of its tabs the node of the network."""
    container = group.first
    joined = connections(graph, container)
    connected = [(e, node) for e, node in joined if is_live(container) or e.interface]
    tabs = [cards.tab(e, colours[e.network]) for e, _ in connected]
    sharing = sharing_cards(snapshot, placement, container, width)
    absent = [endpoint.network for endpoint, _ in joined] if not connected else []
    words = [f"belongs to {', '.join(absent)}"] if len(absent) > 1 else []
    card = cards.card(container, width, tabs, sharing, words)
    if group.open:
        together = cards.group_card(group, width, [cards.group_tab(e, colours[e.network], group) for e, _ in connected])
        card = together if group.several else replace(card, room=together.room)
    return card, [node for _, node in connected]


def _grid(
    drawn: Sequence[tuple[Card, list[tuple[str, ...]]]], pitch: float, capacity: int
) -> tuple[tuple[Cell, ...], tuple[float, ...], int]:
    """Return the cells, the heights of the rows and the number of cells in a row.

    A wide card takes several cells of `pitch` pixels; a row has at least `capacity`.
    """
    spans = [ceil((card.width + CELL_GAP) / pitch) for card, _ in drawn]
    capacity = max([capacity, *spans])
    cells, row, slot = [], 0, 0
    for (card, targets), span in zip(drawn, spans, strict=True):
        if slot + span > capacity:
            row, slot = row + 1, 0
        middle = (slot + span / 2) * pitch - CELL_GAP / 2
        cells.append(Cell(card, row, middle - card.width / 2, tuple(targets)))
        slot += span
    heights = [max(cell.card.room for cell in cells if cell.row == r) for r in range(row + 1)] if cells else []
    return tuple(cells), tuple(heights), capacity
