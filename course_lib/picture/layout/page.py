"""Lay out a snapshot as a picture, in layers from the outside down to the containers: `layout`.

The client represents the outside. The host has its interfaces on its edge and contains the hooks (with the rules in the
order in which they are evaluated), the bridges (one for each network, from left to right) and the veths (its ends of
the cables). Each container is below its network.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from course_lib.network.grouping import SINGLES_ASIDE, Group, drawn_groups
from course_lib.network.hooks import RulePlace, hooks, preferring
from course_lib.network.model import Key, Snapshot
from course_lib.network.placement import Placement, namespace_words, place_containers
from course_lib.network.topology import CLIENT, HOST, external_interface, outer_interfaces, to_graph
from course_lib.network.wording import CONTRADICTS, NOT_READ, host_words, unread_words, without_link_local
from course_lib.picture import palette
from course_lib.picture.layout import cables, rule_band
from course_lib.picture.layout.bridges import VETH, Levels
from course_lib.picture.layout.cards import TAB_EDGE, Card, card, card_shapes, group_card
from course_lib.picture.layout.columns import CARD, CELL_GAP, COLUMN_GAP, Column, columns, sharing_cards
from course_lib.picture.shapes import Box, Line, Picture, Shape, Text, stack, stack_height, wrap

MARGIN = 24.0  # all sizes in pixels
PAD = 24.0  # between the host's edge and its content
MIN_WIDTH = 1060.0  # inside the host
ON_HOST = 160.0  # the height of the highest card of a container in the host's namespace
CABLE = 46.0  # from the host's edge to the containers
CLIENT_CABLE = 95.0  # from the left edge of the client, and of the interface that faces it, to the cable


def layout(snapshot: Snapshot, apart: Collection[str] = (), met: Collection[RulePlace] = ()) -> Picture:
    """Return the picture of a snapshot; equal snapshots give equal pictures.

    Of many similar containers the first few have their own cards, and the others share one; containers with a name in
    `apart` always have their own. If there is no room for all rules, those in `met` are shown first.
    """
    graph = to_graph(snapshot)
    placement = place_containers(snapshot, graph)
    found = columns(snapshot, graph, placement, apart)
    rules = preferring(hooks(snapshot), met)
    left = MARGIN + PAD
    lefts = _lefts(found, left)
    aside = lefts.pop()
    on_host, unconnected = (
        [
            _aside_card(snapshot, placement, group)
            for group in drawn_groups(snapshot, placement, members, apart, SINGLES_ASIDE)
        ]
        for members in (placement.on_host, placement.unconnected)
    )

    drawn_below = {i.name for column in found for veths in column.ports for i in veths}
    outside, edge_tabs, host_top = _outside(snapshot, drawn_below)
    band_top = host_top + 60
    bar = band_top + rule_band.HEIGHT + rule_band.GAP_BELOW
    bar_height = 40 + 15 * max([1, *(len(column.lines) for column in found)])
    veth = bar + bar_height + cables.room(len(found))
    host_end = max([veth + VETH + 28, bar + ON_HOST, *(bar + each.room for each in on_host)])
    levels = Levels(bar, bar_height, veth, host_end, host_end + CABLE)

    inside, inside_right = _stacked_cards(on_host, aside, bar - TAB_EDGE, host_end - 8, HOST)
    below, below_right = _stacked_cards(unconnected, aside, levels.cards, levels.cards + 420, None)
    title = _host_title(snapshot, edge_tabs, host_top)
    columns_right = lefts[-1] + found[-1].width if found else left
    right = max(columns_right, inside_right, below_right, title[-1].x + title[-1].width)
    width = max(MIN_WIDTH, right - left, rule_band.natural_width(rules))
    if found and not (on_host or unconnected):  # the last bridge fills the rest of the width
        found[-1] = replace(found[-1], width=left + width - lefts[-1])
    size = (width + 2 * PAD, host_end - host_top)
    host = Box(MARGIN, host_top, *size, HOST, palette.HOST, palette.EDGE, stroke_width=2, radius=14)

    under, over = cables.network_shapes(snapshot, found, lefts, levels)
    shapes: list[Shape] = [host, *outside, *edge_tabs, *title]
    shapes += rule_band.band(rules, left, band_top, width)
    shapes += [*under, *over, *inside, *below]
    for note, lines, colour, fill in (
        (CONTRADICTS, snapshot.warnings, palette.ALARM, palette.ALARM_FILL),
        (NOT_READ, unread_words(snapshot), palette.RULES_INK, palette.RULES),
    ):
        if lines:
            shapes += _note(note, lines, _bottom(shapes) + 22, host.width, colour=colour, fill=fill)
    return Picture(round(host.width + 2 * MARGIN), round(_bottom(shapes) + MARGIN), tuple(shapes))


def _bottom(shapes: Sequence[Shape]) -> float:
    return max(shape.y + shape.height for shape in shapes if isinstance(shape, Box))


def _aside_card(snapshot: Snapshot, placement: Placement, group: Group) -> Card:
    """Return the card of a group that is not drawn below a network."""
    first = group.first
    words = [namespace_words(snapshot, first)]
    max_lines = 1 if first in placement.on_host else 3  # inside the host, height is scarce
    single = card(first, CARD, (), sharing_cards(snapshot, placement, first, CARD), words, max_lines=max_lines)
    if not group.open:
        return single
    together = group_card(group, CARD, words=words)
    return together if group.several else replace(single, room=together.room)


def _lefts(found: Sequence[Column], left: float) -> list[float]:
    """Return the left edge of each column, and that of the cards to the right of the last one."""
    lefts = [left]
    for column in found:
        lefts.append(lefts[-1] + column.width + COLUMN_GAP)
    return lefts


def _outside(snapshot: Snapshot, below: Collection[str]) -> tuple[list[Shape], list[Shape], float]:
    """Return the client with its cable, the interfaces on the host's edge, and the y of that edge.

    The interfaces named in `below` are left out: `bridges` draws them.
    """
    external = external_interface(snapshot)
    x = 92.0
    addresses = [a for i in snapshot.client if i.kind != "loopback" for a in without_link_local(i)]
    lines = [Text("client", size=14, bold=True, colour=palette.INK)]
    lines += [Text(a, size=10.5, font="mono", colour=palette.INK) for a in addresses]
    height = stack_height(lines) + 12
    shapes: list[Shape] = [Text("OUTSIDE", MARGIN, 26, 11, palette.GREY, bold=True)]
    top = 20.0
    if snapshot.client:
        width = max(190.0, *(line.width + 24 for line in lines))
        shapes.append(Box(x, top, width, height, CLIENT, palette.PAPER, palette.GREY, radius=8))
        shapes += stack(lines, x + width / 2, top + 4, "middle")
        shapes.append(Text("the world outside of the host", x + width + 18, top + height / 2 + 4, 11, palette.GREY))
    tab_top = top + height + 26 if snapshot.client else 50.0
    tabs: list[Shape] = []
    for interface, *more in outer_interfaces(snapshot):
        if interface.name in below:
            continue
        name = f"{len(more) + 1} veths" if more else interface.name
        lines = [Text(name, size=12, bold=True, colour=palette.INK)]
        lines += [
            Text(a, size=10.5, font="mono", colour=palette.INK) for a in without_link_local(interface) if not more
        ]
        notes = [f"port{'s' if more else ''} of {interface.master}"] if interface.master else []
        notes += ["DOWN"] if interface.state == "DOWN" else []
        lines += [Text(note, size=10.5, colour=palette.GREY) for note in notes]
        width = max(190.0 if interface == external else 110.0, *(line.width + 24 for line in lines))
        place, key = (x, tab_top, width, stack_height(lines) + 9), ("interface", interface.name)
        tabs.append(Box(*place, key, palette.PAPER, palette.INK, holder=HOST, tab=True, stroke_width=2))
        tabs += stack(lines, x + width / 2, tab_top + 3, "middle")
        if interface == external and snapshot.client:
            cable = x + CLIENT_CABLE
            shapes.insert(0, Line(((cable, top + height), (cable, tab_top)), palette.INK, 2.5))
        x += width + 16
    return shapes, tabs, tab_top + 20


def _host_title(snapshot: Snapshot, tabs: Sequence[Shape], top: float) -> list[Text]:
    """Return the host's title, to the right of the interfaces on its edge."""
    x = max([MARGIN, *(tab.x + tab.width for tab in tabs if isinstance(tab, Box))]) + 20
    y = top + 38
    name = Text("HOST", x, y, 12, palette.GREY, bold=True)
    return [name, Text(host_words(snapshot), x + 58, y, 11.5, palette.GREY)]


def _stacked_cards(
    cards: Sequence[Card], x: float, top: float, bottom: float, holder: Key | None
) -> tuple[list[Shape], float]:
    """Return cards in stacks between two heights, each further stack to the right, and the right edge of the last."""
    shapes: list[Shape] = []
    y, right = top, 0.0
    for each in cards:
        if y > top and y + each.room > bottom:
            x, y = right + CELL_GAP, top
        shapes += card_shapes(each, x, y, {}, holder)
        y += each.room + 10 - TAB_EDGE
        right = max(right, x + each.width)
    return shapes, right


def _note(title: str, notes: Sequence[str], y: float, width: float, *, colour: str, fill: str) -> list[Shape]:
    """Return a box with notes on how far the picture can be trusted."""
    lines = [Text(title, size=12, bold=True, colour=colour)]
    for note in notes:
        lines += wrap(Text(note, size=11, colour=palette.INK), width - 32, 4)
    key: Key = ("note", "warnings" if title == CONTRADICTS else "unread")
    box = Box(MARGIN, y, width, stack_height(lines) + 18, key, fill, colour, stroke_width=2)
    return [box, *stack(lines, MARGIN + 16, y + 8, "start")]
