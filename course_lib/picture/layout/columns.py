"""Arrange the networks in columns, each with a grid of cells for its containers: `columns`.

A new container takes the next free cell of its network, or joins a group of similar containers, so it moves nothing
else. The number of cells in a row depends only on the room and on the number of networks. What does move others is a
new network, and what makes an existing row higher or wider: a container that shares the namespace of one in that row,
or three tabs that are too wide for it. Networks that do not fit next to each other continue in a further tier, `tiers`:
a new row of containers moves the tiers below it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from types import MappingProxyType

from course_lib.network.model import Container, Interface, Namespace, Snapshot
from course_lib.network.placement import Group, Placement, drawn_groups
from course_lib.network.topology import (
    Node,
    connections,
    external_interface,
    network_nodes,
    outer_interfaces,
    stand_in,
)
from course_lib.network.wording import (
    bridge_state,
    empty_words,
    namespace_words,
    netns_words,
    network_words,
    subnet_words,
)
from course_lib.picture import palette
from course_lib.picture.layout import cards
from course_lib.picture.layout.cards import Card
from course_lib.picture.shapes import Text

CARD = 250.0  # pixels
NARROW_CARD = 240.0  # where there is less room; two tabs fit on it
CELL_GAP = 16.0
COLUMN_GAP = 32.0
WIDEST_BAR = 700.0
ROOMY = 1060.0  # the room for all networks in which nothing has to be narrow
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


@dataclass(frozen=True)
class Column:
    """A network with its bridge and its containers; sizes in pixels."""

    node: Node
    title: str
    lines: tuple[str, ...]  # one for each subnet
    state: str  # of the bridge; "" if there is nothing to remark
    colour: str
    width: float
    cells: tuple[Cell, ...]
    rows: tuple[float, ...]  # the height of each row of containers
    empty: str = ""  # the words if no container is connected, not even one that is drawn below another network
    ports: tuple[tuple[Interface, ...], ...] = ()  # in groups, veths of no container; only if there are no cells

    @property
    def live_rows(self) -> set[int]:
        """Return the rows with a container that has an interface."""
        return {cell.row for cell in self.cells if cell.card.tabs}

    def row_top(self, row: int) -> float:
        """Return the distance from the top of the first row to that of this one, in pixels."""
        return sum(self.rows[:row]) + SHELF * row


def columns(snapshot: Snapshot, placement: Placement, apart: Collection[str], room: float) -> list[Column]:
    """Return the networks of a snapshot from left to right; containers with a name in `apart` have their own cards.

    If there is little room, in pixels, a row has fewer containers and the words of a bridge take more lines.
    """
    networks = network_nodes(snapshot)
    colours: dict[str | Node, str] = {
        network.name: palette.network_colour(i) for i, network in enumerate(networks.values()) if network
    }
    colours |= {node: palette.network_colour(i) for i, node in enumerate(networks)}
    abreast = max(1, min(len(networks), int((room + COLUMN_GAP) // (NARROW_CARD + COLUMN_GAP))))
    across = (room + COLUMN_GAP) / abreast - COLUMN_GAP  # for each network
    card_width = CARD if across >= CARD else NARROW_CARD
    fitting = int((across + CELL_GAP) // (card_width + CELL_GAP))
    capacity = max(1, min(4 if len(networks) < 2 else 2, fitting))
    narrow = room < ROOMY
    external = external_interface(snapshot)
    unknown = [veths for veths in outer_interfaces(snapshot) if veths[0].kind == "veth" and veths[0] != external]
    found = []
    for position, (node, network) in enumerate(networks.items()):
        groups = drawn_groups(snapshot, placement.networks[node], apart)
        drawn = [_card(snapshot, placement, group, card_width, colours) for group in groups]
        drawn += [namespace_card(snapshot, each, card_width, colours) for each in _at(snapshot, node)]
        cells, rows, across = _grid(drawn, card_width + CELL_GAP, capacity)
        bridge = snapshot.interface(node[1]) if node[0] == "bridge" else None
        lines = [part for line in subnet_words(network, bridge) for part in (line.split(" · ") if narrow else [line])]
        title = network_words(network)
        if narrow and abreast > 1:  # below the name, not next to it
            title, lines = "", [title, *lines]
        column = Column(
            node,
            title,
            tuple(lines),
            bridge_state(snapshot, bridge) if node[0] == "bridge" else "no bridge on this host",
            palette.network_colour(position),
            across * (card_width + CELL_GAP) - CELL_GAP,
            cells,
            rows,
            ports=tuple(tuple(veths) for veths in unknown if not cells and node == ("bridge", veths[0].master)),
        )
        found.append(replace(column, width=max(column.width, min(_bar_width(column), WIDEST_BAR, room))))
    used = {tab.node for column in found for cell in column.cells for tab in cell.card.tabs}
    return [
        replace(column, empty="" if column.node in used else empty_words(snapshot, column.node[1], column.state))
        for column in found
    ]


def tiers(found: Sequence[Column], room: float) -> list[list[Column]]:
    """Return the networks in tiers of those that fit next to each other, in pixels; at least one tier."""
    made: list[list[Column]] = [[]]
    for column in found:
        if made[-1] and sum(each.width + COLUMN_GAP for each in made[-1]) + column.width > room:
            made.append([])
        made[-1].append(column)
    return made


def sharing_cards(snapshot: Snapshot, placement: Placement, container: Container, width: float) -> list[Card]:
    """Return the cards of the containers in a container's namespace, for a card of that width in pixels."""
    sharing = placement.sharing.get(container.name, [])
    return [cards.card(each, width - 2 * cards.PAD, words=[namespace_words(snapshot, each)]) for each in sharing]


def _bar_width(column: Column) -> float:
    """Return the width at which all texts of a bridge fit next to each other."""
    first = replace(NAME, text=column.node[1]).width + replace(SMALL, text=column.title).width
    state = replace(SMALL, text=column.state).width
    return max([first, *(replace(MONO, text=line).width + state for line in column.lines)]) + 60


def _at(snapshot: Snapshot, node: Node) -> list[Namespace]:
    """Return the namespaces that `ip netns add` made and that are drawn below a network: that of their first cable."""
    joined = [(each, connections(snapshot, stand_in(snapshot, each))) for each in snapshot.namespaces]
    return [each for each, ends in joined if ends and ends[0][1] == node]


def namespace_card(
    snapshot: Snapshot, namespace: Namespace, width: float, colours: Mapping[str | Node, str] = MappingProxyType({})
) -> Card:
    """Return the card of a namespace that `ip netns add` made, with a tab for each cable to a bridge."""
    container = stand_in(snapshot, namespace)
    tabs = [cards.tab(container, e, node, colours[node]) for e, node in connections(snapshot, container)]
    return cards.card(container, width, tabs, words=netns_words(snapshot, namespace))


def _card(
    snapshot: Snapshot, placement: Placement, group: Group, width: float, colours: Mapping[str | Node, str]
) -> Card:
    """Return the card of a group; `colours` are those of the networks, by name and by node."""
    container = group.first
    joined = connections(snapshot, container)
    tabs = [cards.tab(container, e, node, colours[e.network]) for e, node in joined if container.is_live or e.interface]
    absent = [endpoint.network for endpoint, _ in joined] if not tabs else []
    words = [f"belongs to {', '.join(absent)}"] if len(absent) > 1 else []
    single = cards.card(container, width, tabs, sharing_cards(snapshot, placement, container, width), words)
    return cards.card_of_group(group, single, width)


def _grid(drawn: Sequence[Card], pitch: float, capacity: int) -> tuple[tuple[Cell, ...], tuple[float, ...], int]:
    """Return the cells, the heights of the rows and the number of cells in a row.

    A wide card takes several cells of `pitch` pixels; a row has at least `capacity`.
    """
    spans = [ceil((card.width + CELL_GAP) / pitch) for card in drawn]
    capacity = max([capacity, *spans])
    cells, row, slot = [], 0, 0
    for card, span in zip(drawn, spans, strict=True):
        if slot + span > capacity:
            row, slot = row + 1, 0
        middle = (slot + span / 2) * pitch - CELL_GAP / 2
        cells.append(Cell(card, row, middle - card.width / 2))
        slot += span
    heights = [max(cell.card.room for cell in cells if cell.row == r) for r in range(row + 1)] if cells else []
    return tuple(cells), tuple(heights), capacity
