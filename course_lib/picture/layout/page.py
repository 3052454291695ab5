"""Lay out a snapshot as a picture, in layers from the outside down to the containers: `layout`.

The client represents the outside. The host has its interfaces on its edge and contains the hooks (with the rules in the
order in which they are evaluated), the bridges (one for each network, from left to right) and the veths (its ends of
the cables). Each container is below its network.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import accumulate

from course_lib.network.hooks import RulePlace, hooks
from course_lib.network.model import Container, Key, Snapshot
from course_lib.network.placement import SINGLES_ASIDE, drawn_groups, place_containers
from course_lib.network.topology import CLIENT, HOST, external_interface, outer_interfaces
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
from course_lib.picture.layout.columns import CARD, CELL_GAP, COLUMN_GAP, columns, sharing_cards
from course_lib.picture.shapes import Box, Line, Picture, Shape, Text, stack, stack_height, wrap

MARGIN = 24.0  # all sizes in pixels
PAD = 24.0  # between the host's edge and its content
WIDTH = 1160.0  # of a picture, unless it needs more
NARROWEST = 700.0
ON_HOST = 160.0  # the height of the highest card of a container in the host's namespace
CABLE = 46.0  # from the host's edge to the containers
CLIENT_CABLE = 95.0  # from the left edge of the client, and of the interface that faces it, to the cable


def layout(
    snapshot: Snapshot, apart: Collection[str] = (), met: Collection[RulePlace] = (), room: float = WIDTH
) -> Picture:
    """Return the picture of a snapshot; equal snapshots give equal pictures.

    It is as wide as `room`, from NARROWEST to WIDTH pixels, if what it shows can be arranged so.

    Of many similar containers the first few have their own cards, and the others share one; containers with a name in
    `apart` always have their own. If there is no room for all rules, those in `met` are shown first.
    """
    placement = place_containers(snapshot)
    inner = min(WIDTH, max(NARROWEST, room)) - 2 * MARGIN - 2 * PAD
    found = columns(snapshot, placement, apart, inner)
    rules = hooks(snapshot, met)
    left = MARGIN + PAD
    *lefts, aside = accumulate((column.width + COLUMN_GAP for column in found), initial=left)

    def aside_cards(members: Sequence[Container], max_lines: int) -> list[Card]:
        """Return the cards of containers that are not drawn below a network."""
        made = []
        for group in drawn_groups(snapshot, members, apart, SINGLES_ASIDE):
            words = [namespace_words(snapshot, group.first)]
            sharing = sharing_cards(snapshot, placement, group.first, CARD)
            single = card(group.first, CARD, (), sharing, words, max_lines=max_lines)
            made.append(card_of_group(group, single, CARD, words))
        return made

    on_host = aside_cards(placement.on_host, 1)  # inside the host, height is scarce
    unconnected = aside_cards(placement.unconnected, 3)

    outside, edge_tabs, host_top = _outside(snapshot, {i.name for c in found for veths in c.ports for i in veths})
    title = _host_title(snapshot, edge_tabs, host_top, 0 if room >= WIDTH else left + inner)
    columns_right = lefts[-1] + found[-1].width if found else left
    title_right = max(text.x + text.width for text in title)
    band_width = rule_band.widest(rules) if room < WIDTH else rule_band.natural_width(rules)
    width = max(inner, columns_right - left, title_right - left, band_width)
    band_top = max(host_top + 60, title[-1].y + 14)
    band, band_end = rule_band.band(rules, left, band_top, width)
    bar = band_end + rule_band.GAP_BELOW
    bar_height = 40 + 15 * max([1, *(len(column.lines) for column in found)])
    veth = bar + bar_height + cables.room(len(found))
    host_end = max([veth + VETH + 28, bar + ON_HOST, *(bar + each.room for each in on_host)])
    levels = Levels(bar, bar_height, veth, host_end + CABLE)

    inside, inside_right = _stacked_cards(on_host, aside, bar - TAB_EDGE, host_end - 8, HOST)
    below, below_right = _stacked_cards(unconnected, aside, levels.cards, levels.cards + 420, None)
    right = max(inside_right, below_right)
    if right - left > width:  # draw the band over the whole width
        width = right - left
        band, _ = rule_band.band(rules, left, band_top, width)
    if found and not (on_host or unconnected):  # the last bridge fills the rest of the width
        found[-1] = replace(found[-1], width=left + width - lefts[-1])
    size = (width + 2 * PAD, host_end - host_top)
    host = Box(MARGIN, host_top, *size, HOST, palette.HOST, palette.EDGE, stroke_width=2, radius=14)

    under, over = cables.network_shapes(snapshot, found, lefts, levels)
    shapes: list[Shape] = [host, *title, *outside, *edge_tabs, *band]
    shapes += [*under, *over, *inside, *below]
    shapes += _notes(snapshot, host.width, _bottom(shapes) + 22)
    end = _bottom(shapes) + 12
    drawn = wrap(Text(NOT_DRAWN, size=10.5, colour=palette.GREY), host.width, 5)
    shapes += [
        Line(((MARGIN, end), (MARGIN + host.width, end)), palette.EDGE, 1),
        *stack(drawn, MARGIN, end + 5, "start"),
    ]
    return Picture(round(host.width + 2 * MARGIN), round(end + 5 + stack_height(drawn) + MARGIN), tuple(shapes))


def _host_title(snapshot: Snapshot, tabs: Sequence[Shape], top: float, right: float) -> list[Text]:
    """Return what the host is, to the right of its tabs, on lines that end before `right`; on one line if that is 0."""
    x = max([MARGIN, *(tab.x + tab.width for tab in tabs if isinstance(tab, Box))]) + 20
    words = Text(host_words(snapshot), size=11.5, colour=palette.GREY)
    lines = wrap(words, max(220.0, right - x - 58), 3) if right else (words,)
    head = Text("HOST", x, top + 38, 12, palette.GREY, bold=True)
    return [head, *(replace(line, x=x + 58, y=top + 38 + 16 * n) for n, line in enumerate(lines))]


def _notes(snapshot: Snapshot, width: float, y: float) -> list[Shape]:
    """Return how far the picture can be trusted, in boxes of that width from y downwards."""
    shapes: list[Shape] = []
    for key, note, lines, colour, fill in (
        ("warnings", CONTRADICTS, snapshot.warnings, palette.ALARM, palette.ALARM_FILL),
        ("unread", NOT_READ, unread_words(snapshot), palette.RULES_INK, palette.RULES),
    ):
        if lines:
            texts = [Text(note, size=12, bold=True, colour=colour)]
            for line in lines:
                texts += wrap(Text(line, size=11, colour=palette.INK), width - 32, 4)
            height = stack_height(texts) + 18
            shapes.append(Box(MARGIN, y, width, height, ("note", key), fill, colour, stroke_width=2))
            shapes += stack(texts, MARGIN + 16, y + 8, "start")
            y += height + 22
    return shapes


def _bottom(shapes: Sequence[Shape]) -> float:
    return max(shape.y + shape.height for shape in shapes if isinstance(shape, Box))


def _outside(snapshot: Snapshot, below: Collection[str]) -> tuple[list[Shape], list[Shape], float]:
    """Return the client with its cable, the interfaces on the host's edge, and the y of that edge.

    The interfaces named in `below` are left out: `bridges` draws them.
    """
    name, mono = Text("", size=12, bold=True, colour=palette.INK), Text("", size=10.5, font="mono", colour=palette.INK)
    external = external_interface(snapshot)
    x, top, tab_top = 92.0, 20.0, 50.0
    shapes: list[Shape] = [Text("OUTSIDE", MARGIN, 26, 11, palette.GREY, bold=True)]
    tabs: list[Shape] = []
    if snapshot.client:
        addresses = [a for i in snapshot.client if i.kind != "loopback" for a in without_link_local(i)]
        lines = [replace(name, text="client", size=14)]
        lines += [replace(mono, text=a, key=("address", "/client", a)) for a in addresses]
        width, height = max(190.0, *(line.width + 24 for line in lines)), stack_height(lines) + 12
        shapes.append(Box(x, top, width, height, CLIENT, palette.PAPER, palette.GREY, radius=8))
        shapes += stack(lines, x + width / 2, top + 4, "middle")
        shapes.append(Text("the world outside of the host", x + width + 18, top + height / 2 + 4, 11, palette.GREY))
        tab_top = top + height + 26
        if external:
            cable = x + CLIENT_CABLE
            shapes.insert(0, Line(((cable, top + height), (cable, tab_top)), palette.INK, key=("cable", *CLIENT)))
    for interface, *more in outer_interfaces(snapshot):
        if interface.name not in below:
            addresses = [] if more else without_link_local(interface)
            notes = [f"port{'s' if more else ''} of {interface.master}"] if interface.master else []
            notes += ["DOWN"] if interface.state == "DOWN" else []
            lines = [replace(name, text=f"{len(more) + 1} veths" if more else interface.name)]
            lines += [replace(mono, text=a, key=("address", "/host", a)) for a in addresses]
            lines += [Text(note, size=10.5, colour=palette.GREY) for note in notes]
            width = max(190.0 if interface == external else 110.0, *(line.width + 24 for line in lines))
            place, key = (x, tab_top, width, stack_height(lines) + 9), ("interface", interface.name)
            tabs.append(Box(*place, key, palette.PAPER, palette.INK, holder=HOST, tab=True, stroke_width=2))
            tabs += stack(lines, x + width / 2, tab_top + 3, "middle")
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
