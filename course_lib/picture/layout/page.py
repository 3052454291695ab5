"""Lay out a snapshot as a picture, in layers from the outside down to the containers: `layout`.

The client represents the outside. The host has its interfaces on its edge and contains the hooks (with the rules in the
order in which they are evaluated), the bridges (one for each network, from left to right) and the veths (its ends of
the cables). Each container is below its network. What does not fit next to each other continues further down: the
host's interfaces, the hooks, and the networks, each tier of which has a further part of the host above it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import accumulate

from course_lib.network.hooks import RulePlace, hooks
from course_lib.network.model import Container, Key, Snapshot
from course_lib.network.placement import SINGLES_ASIDE, drawn_groups, place_containers
from course_lib.network.topology import CLIENT, HOST, external_interface, outer_interfaces, stand_in
from course_lib.network.wording import (
    CONTRADICTS,
    NOT_DRAWN,
    NOT_READ,
    host_words,
    namespace_words,
    unread_words,
    without_link_local,
)
from course_lib.picture import palette
from course_lib.picture.layout import cables, rule_band
from course_lib.picture.layout.bridges import VETH, Levels
from course_lib.picture.layout.cards import TAB_EDGE, Card, card, card_of_group, card_shapes
from course_lib.picture.layout.columns import (
    CARD,
    CELL_GAP,
    COLUMN_GAP,
    Column,
    columns,
    namespace_card,
    sharing_cards,
    tiers,
)
from course_lib.picture.shapes import Box, Line, Picture, Shape, Text, stack, stack_height, wrap

MARGIN = 24.0  # all sizes in pixels
PAD = 24.0  # between the host's edge and its content
WIDTH = 1160  # of a picture on a wide screen
PAGE = 736  # of a picture on a page: at 700 pixels, its smallest words are 9 pixels high
NARROWEST = 480
ASIDE = 24.0  # what is free on the right of these words, for the line of a journey
BESIDE = 280.0  # the least width of the words about the host next to its interfaces
ON_HOST = 160.0  # the height of the highest card of a container in the host's namespace
CABLE = 46.0  # from the host's edge to the containers
CLIENT_CABLE = 95.0  # from the left edge of the client, and of the interface that faces it, to the cable
FIRST = 92.0  # the left edge of the client, and of the first interface
PART_GAP = 24.0  # above a further part of the host
PART_HEAD = 32.0  # between its upper edge and what it contains


def layout(
    snapshot: Snapshot, apart: Collection[str] = (), met: Collection[RulePlace] = (), room: float = WIDTH
) -> Picture:
    """Return the picture of a snapshot; equal snapshots give equal pictures.

    It is as wide as `room`, at least NARROWEST pixels; wider only if a single container or its interfaces are.

    Of many similar containers the first few have their own cards, and the others share one; containers with a name in
    `apart` always have their own. If there is no room for all rules, those in `met` are shown first.
    """
    placement = place_containers(snapshot)
    left, inner = MARGIN + PAD, max(NARROWEST, room) - 2 * MARGIN - 2 * PAD
    stacked = tiers(columns(snapshot, placement, apart, inner), inner)
    width = max([inner, *(column.width for tier in stacked for column in tier)])
    right = left + width

    on_host = _aside_cards(snapshot, placement.on_host, apart, 1)  # inside the host, height is scarce
    unconnected = _aside_cards(snapshot, placement.unconnected, apart, 3)
    unconnected += [
        namespace_card(snapshot, each, CARD) for each in snapshot.namespaces if not stand_in(snapshot, each).endpoints
    ]

    below = {i.name for tier in stacked for column in tier for veths in column.ports for i in veths}
    outside, edge_tabs, host_top = _outside(snapshot, below, right)
    title = _host_title(snapshot, edge_tabs, host_top, right)
    band_top = max(host_top + 60, title[-1].y + 14)
    band, band_end = rule_band.band(hooks(snapshot, met), left, band_top, width)

    parts, body = _tiers(snapshot, stacked, (on_host, unconnected), (host_top, band_end + rule_band.GAP_BELOW), right)
    shapes = [*_host(parts, width + 2 * PAD), *title, *outside, *edge_tabs, *band, *body]
    shapes += _notes(snapshot, width + 2 * PAD, _bottom(shapes) + 22)
    end = _bottom(shapes) + 12
    drawn = wrap(Text(NOT_DRAWN, size=10.5, colour=palette.GREY), width + 2 * PAD, 8)
    shapes += [
        Line(((MARGIN, end), (right + PAD, end)), palette.EDGE, 1),
        *stack(drawn, MARGIN, end + 5, "start"),
    ]
    return Picture(round(right + PAD + MARGIN), round(end + 5 + stack_height(drawn) + MARGIN), tuple(shapes))


def _aside_cards(
    snapshot: Snapshot, members: Sequence[Container], apart: Collection[str], max_lines: int
) -> list[Card]:
    """Return the cards of containers that are not drawn below a network."""
    made = []
    for group in drawn_groups(snapshot, members, apart, SINGLES_ASIDE):
        words = [namespace_words(snapshot, group.first)]
        sharing = sharing_cards(snapshot, place_containers(snapshot), group.first, CARD)
        single = card(group.first, CARD, (), sharing, words, max_lines=max_lines)
        made.append(card_of_group(group, single, CARD, words))
    return made


def _tiers(
    snapshot: Snapshot,
    stacked: Sequence[list[Column]],
    aside_cards: tuple[Sequence[Card], Sequence[Card]],
    tops: tuple[float, float],
    right: float,
) -> tuple[list[tuple[float, float]], list[Shape]]:
    """Return the upper and lower edges of the host's parts, and what is below the hooks, between the margins.

    `tops` are the y of the host's upper edge and of the first bridges. `aside_cards` are those of the containers in the
    host's namespace, and of the others without a network: they stand next to the only tier if there is room, else below
    all of them.
    """
    (on_host, unconnected), left, bar = aside_cards, MARGIN + PAD, tops[1]
    levels = _levels(stacked[0], bar)
    body: list[Shape] = []
    if len(stacked) == 1 and (on_host or unconnected):
        aside = left + sum(column.width + COLUMN_GAP for column in stacked[0])
        end = max([levels.cards - CABLE, *(bar + each.room for each in on_host)])
        inside, inside_right = _stacked_cards(on_host, aside, bar - TAB_EDGE, end - 8, HOST)
        under, under_right = _stacked_cards(unconnected, aside, end + CABLE, end + CABLE + 420, None)
        if max(inside_right, under_right) <= right:
            levels, body, on_host, unconnected = replace(levels, cards=end + CABLE), [*inside, *under], (), ()

    beside = bool(body)
    parts = [(tops[0], levels.cards - CABLE)]

    def next_top() -> float:
        return max([parts[-1][1], _bottom(body)]) + PART_GAP

    for number, tier in enumerate(stacked):
        if number:
            top = next_top()
            levels = _levels(tier, top + PART_HEAD, ("shelf", "host", number))
            parts.append((top, levels.cards - CABLE))
        *lefts, _ = accumulate((column.width + COLUMN_GAP for column in tier), initial=left)
        if tier and not beside:  # the last bridge fills the rest of the width
            tier[-1] = replace(tier[-1], width=right - lefts[-1])
        below, above = cables.network_shapes(snapshot, tier, lefts, levels)
        body += [*below, *above]
    if on_host:
        top = next_top()
        body += _flowing_cards(on_host, left, top + PART_HEAD - TAB_EDGE, right, ("shelf", "host", len(parts)))
        parts.append((top, _bottom(body) + 12))
    if unconnected:
        body += _flowing_cards(unconnected, left, next_top() - TAB_EDGE, right, None)
    return parts, body


def _levels(tier: Sequence[Column], bar: float, host: Key = HOST) -> Levels:
    """Return the layers of a tier whose bridges begin at `bar`; `host` is the key of the part of the host there."""
    height = 40 + 15 * max([1, *(len(column.lines) for column in tier)])
    veth = bar + height + cables.room(len(tier))
    return Levels(bar, height, veth, max(veth + VETH + 28, bar + ON_HOST) + CABLE, host)


def _host(parts: Sequence[tuple[float, float]], width: float) -> list[Shape]:
    """Return the host: a box for each of its parts, with their upper and lower edges, and what joins them."""
    shapes: list[Shape] = []
    before = 0.0
    for number, (top, end) in enumerate(parts):
        key: Key = ("shelf", "host", number) if number else HOST
        shapes.append(Box(MARGIN, top, width, end - top, key, palette.HOST, palette.EDGE, stroke_width=2, radius=14))
        if number:
            shapes.append(Text("HOST, continued", MARGIN + PAD, top + 19, 11, palette.GREY, bold=True))
            x = MARGIN + 15
            for thick, colour in ((14, palette.EDGE), (10, palette.HOST)):
                shapes.append(Line(((x, before - 1), (x, top + 1)), colour, thick))
        before = end
    return shapes


def _host_title(snapshot: Snapshot, tabs: Sequence[Shape], top: float, right: float) -> list[Text]:
    """Return what the host is: next to its interfaces if there is room before `right`, else below them."""
    boxes = [tab for tab in tabs if isinstance(tab, Box)]
    x, y = max([MARGIN, *(box.x + box.width for box in boxes)]) + 20, top + 38
    begin = x + 58
    if right - x - ASIDE < BESIDE:  # on the right of the line of a journey
        x, y = MARGIN + PAD, max([top + 20, *(box.y + box.height for box in boxes)]) + 20
        begin = FIRST + CLIENT_CABLE + 44
    head = Text("HOST", x, y, 12, palette.GREY, bold=True)
    lines = wrap(Text(host_words(snapshot), size=11.5, colour=palette.GREY), right - begin - ASIDE, 4)
    return [head, *(replace(line, x=begin, y=y + 16 * n) for n, line in enumerate(lines))]


def _notes(snapshot: Snapshot, width: float, y: float) -> list[Shape]:
    """Return how far the picture can be trusted, in boxes of that width from y downwards."""
    shapes: list[Shape] = []
    for key, note, lines, colour, fill in (
        ("warnings", CONTRADICTS, snapshot.warnings, palette.ALARM, palette.ALARM_FILL),
        ("unread", NOT_READ, unread_words(snapshot), palette.RULES_INK, palette.RULES),
    ):
        if lines:
            texts = [*wrap(Text(note, size=12, bold=True, colour=colour), width - 32, 2)]
            for line in lines:
                texts += wrap(Text(line, size=11, colour=palette.INK), width - 32, 4)
            height = stack_height(texts) + 18
            shapes.append(Box(MARGIN, y, width, height, ("note", key), fill, colour, stroke_width=2))
            shapes += stack(texts, MARGIN + 16, y + 8, "start")
            y += height + 22
    return shapes


def _bottom(shapes: Sequence[Shape]) -> float:
    return max((shape.y + shape.height for shape in shapes if isinstance(shape, Box)), default=0.0)


def _outside(snapshot: Snapshot, below: Collection[str], right: float) -> tuple[list[Shape], list[Shape], float]:
    """Return the client with its cable, the interfaces on the host's edge, and the y of that edge.

    The interfaces named in `below` are left out: `bridges` draws them. Those that do not fit before `right` stand in
    further rows inside the host.
    """
    name, mono = Text("", size=12, bold=True, colour=palette.INK), Text("", size=10.5, font="mono", colour=palette.INK)
    external = external_interface(snapshot)
    x, top, tab_top = FIRST, 20.0, 50.0
    shapes: list[Shape] = [Text("OUTSIDE", MARGIN, 26, 11, palette.GREY, bold=True)]
    tabs: list[Shape] = []
    if snapshot.client:
        addresses = [a for i in snapshot.client if i.kind != "loopback" for a in without_link_local(i)]
        lines = [replace(name, text="client", size=14)]
        lines += [replace(mono, text=a, key=("address", "/client", a)) for a in addresses]
        width, height = max(190.0, *(line.width + 24 for line in lines)), stack_height(lines) + 12
        shapes.append(Box(x, top, width, height, CLIENT, palette.PAPER, palette.GREY, radius=8))
        shapes += stack(lines, x + width / 2, top + 4, "middle")
        beside = Text("the world outside of the host", x + width + 18, top + height / 2 + 4, 11, palette.GREY)
        shapes += [beside] if beside.x + beside.width <= right + PAD else []
        tab_top = top + height + 26
        if external:
            cable = x + CLIENT_CABLE
            shapes.insert(0, Line(((cable, top + height), (cable, tab_top)), palette.INK, key=("cable", *CLIENT)))
    y = tab_top
    for interface, *more in outer_interfaces(snapshot):
        if interface.name not in below:
            addresses = [] if more else without_link_local(interface)
            notes = [f"port{'s' if more else ''} of {interface.master}"] if interface.master else []
            notes += ["DOWN"] if interface.state == "DOWN" else []
            lines = [replace(name, text=f"{len(more) + 1} veths" if more else interface.name)]
            lines += [replace(mono, text=a, key=("address", "/host", a)) for a in addresses]
            lines += [Text(note, size=10.5, colour=palette.GREY) for note in notes]
            width = max(190.0 if interface == external else 110.0, *(line.width + 24 for line in lines))
            if x > FIRST and x + width > right:
                x, y = FIRST, _bottom(tabs) + 10
            place, key = (x, y, width, stack_height(lines) + 9), ("interface", interface.name)
            on_edge = y == tab_top
            tabs.append(Box(*place, key, palette.PAPER, palette.INK, holder=HOST, tab=on_edge, stroke_width=2))
            tabs += stack(lines, x + width / 2, y + 3, "middle")
            x += width + 16
    return shapes, tabs, tab_top + 20


def _stacked_cards(
    cards: Sequence[Card], x: float, top: float, bottom: float, holder: Key | None
) -> tuple[list[Shape], float]:
    """Return cards in stacks between two heights, each further stack to the right, and the right edge of the last."""
    shapes: list[Shape] = []
    y, right = top, 0.0
    for each in cards:
        if y > top and y + each.room > bottom:
            x, y = right + CELL_GAP, top
        shapes += card_shapes(each, x, y, holder)
        y += each.room + 10 - TAB_EDGE
        right = max(right, x + each.width)
    return shapes, right


def _flowing_cards(cards: Sequence[Card], left: float, y: float, right: float, holder: Key | None) -> list[Shape]:
    """Return cards next to each other, in rows from y downwards that end before `right`."""
    shapes: list[Shape] = []
    x, height = left, 0.0
    for each in cards:
        if x > left and x + each.width > right:
            x, y, height = left, y + height + 10, 0.0
        shapes += card_shapes(each, x, y, holder)
        x += each.width + CELL_GAP
        height = max(height, each.room)
    return shapes
