"""From a snapshot to a picture: the layers of the network from the outside world down to the containers.

The client is the world outside. The host carries its eth0 on its edge and holds the hooks (the rules, in
the order in which a packet meets them), the bridges (one for each network, from left to right) and the
veths (its ends of the cables). The containers stand each below its network.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from course_lib.network.grouping import ASIDE, Group, groups
from course_lib.network.hooks import Place, hooks, preferring
from course_lib.network.model import Key, Snapshot
from course_lib.network.placement import Homes, homes, note
from course_lib.network.topology import edge, outward, to_graph
from course_lib.network.wording import CONTRADICTS, NOT_READ, host_words, reachable, unread
from course_lib.picture import palette
from course_lib.picture.layout import cables, rule_band
from course_lib.picture.layout.bridges import HOST, VETH, Floor
from course_lib.picture.layout.cards import TAB_EDGE, Card, card, paint
from course_lib.picture.layout.columns import CARD, CELL_GAP, COLUMN_GAP, Column, columns, guest_cards
from course_lib.picture.layout.groups import group_card
from course_lib.picture.shapes import Box, Line, Picture, Shape, Text, stack, stack_height, wrap

MARGIN = 24.0  # all sizes in pixels
PAD = 24.0  # between the host's edge and what is in it
LEAST = 1060.0  # the width inside the host
ON_HOST = 160.0  # the height of the highest card of a container in the host's namespace
CABLE = 46.0  # from the host's edge to the containers


def layout(snapshot: Snapshot, apart: Collection[str] = (), met: Collection[Place] = ()) -> Picture:
    """Return the picture of a snapshot; the same snapshot gives the same picture.

    Of many containers that are alike the first few have cards of their own, the others one card together; those
    whose names are in `apart` each have their own. Of more rules than there is room for those in `met` are shown.
    """
    graph = to_graph(snapshot)
    where = homes(snapshot, graph)
    found = columns(snapshot, graph, where, apart)
    rules = preferring(hooks(snapshot), met)
    left = MARGIN + PAD
    lefts = _lefts(found, left)
    aside = lefts.pop()
    on_host, alone = (
        [_aside(snapshot, where, group) for group in groups(snapshot, where, these, apart, ASIDE)]
        for these in (where.on_host, where.alone)
    )

    outside, edge_tabs, host_top = _outside(
        snapshot, {i.name for column in found for ends in column.ports for i in ends}
    )
    band_top = host_top + 60
    bar = band_top + rule_band.HEIGHT + 34
    bar_height = 40 + 15 * max([1, *(len(column.lines) for column in found)])
    veth = bar + bar_height + cables.room(len(found))
    host_end = max([veth + VETH + 28, bar + ON_HOST, *(bar + each.room for each in on_host)])
    floor = Floor(bar, bar_height, veth, host_end, host_end + CABLE)

    inside, used = _piles(on_host, aside, bar - TAB_EDGE, host_end - 8, HOST)
    beside, used_below = _piles(alone, aside, floor.cards, floor.cards + 420, None)
    reach = max([lefts[-1] + found[-1].width if found else left, used, used_below])
    words = _host_words(snapshot, edge_tabs, host_top)
    reach = max(reach, words[-1].x + words[-1].width)
    width = max(LEAST, reach - left, rule_band.natural_width(rules))
    if found and not (on_host or alone):  # the last bridge takes what is left
        found[-1] = replace(found[-1], width=left + width - lefts[-1])
    host = Box(
        MARGIN,
        host_top,
        width + 2 * PAD,
        host_end - host_top,
        HOST,
        palette.HOST,
        palette.EDGE,
        stroke_width=2,
        radius=14,
    )

    under, over = cables.paint(snapshot, found, lefts, floor)
    shapes: list[Shape] = [host, *outside, *edge_tabs, *words]
    shapes += rule_band.band(rules, left, band_top, width)
    shapes += [*under, *over, *inside, *beside]
    bottom = max(shape.y + shape.height for shape in shapes if isinstance(shape, Box))
    for title, said, colour, fill in (
        (CONTRADICTS, snapshot.warnings, palette.ALARM, palette.ALARM_FILL),
        (NOT_READ, unread(snapshot), palette.RULES_INK, palette.RULES),
    ):
        if said:
            shapes += _note(title, said, bottom + 22, host.width, colour=colour, fill=fill)
            bottom = max(shape.y + shape.height for shape in shapes if isinstance(shape, Box))
    bottom = max(shape.y + shape.height for shape in shapes if isinstance(shape, Box))
    return Picture(round(host.width + 2 * MARGIN), round(bottom + MARGIN), tuple(shapes))


def _aside(snapshot: Snapshot, where: Homes, group: Group) -> Card:
    """Return the card of a container, or of several that are alike, that is below no network."""
    first = group.first
    words = [note(snapshot, first)]
    low = first in where.on_host  # where nothing may push the containers below the host
    single = card(first, CARD, (), guest_cards(snapshot, where, first, CARD), words, most=1 if low else 3)
    if not group.open:
        return single
    together = group_card(group, CARD, words=words)
    return together if group.several else replace(single, room=together.room)


def _lefts(found: Sequence[Column], left: float) -> list[float]:
    """Return the left edge of each column, and of what comes beside the last one."""
    lefts = [left]
    for column in found:
        lefts.append(lefts[-1] + column.width + COLUMN_GAP)
    return lefts


def _outside(snapshot: Snapshot, below: Collection[str]) -> tuple[list[Shape], list[Shape], float]:
    """Return the client, the interfaces on the host's edge (not those in `below`), and the height of that edge."""
    outer = outward(snapshot)
    x = 92.0
    addresses = [a for i in snapshot.client if i.kind != "loopback" for a in reachable(i)]
    lines = [Text("client", size=14, bold=True, colour=palette.INK)]
    lines += [Text(a, size=10.5, font="mono", colour=palette.INK) for a in addresses]
    height = stack_height(lines) + 12
    shapes: list[Shape] = [Text("OUTSIDE", MARGIN, 26, 11, palette.GREY, bold=True)]
    top = 20.0
    if snapshot.client:
        width = max(190.0, *(line.width + 24 for line in lines))
        shapes.append(Box(x, top, width, height, ("client", "client"), palette.PAPER, palette.GREY, radius=8))
        shapes += stack(lines, x + width / 2, top + 4, "middle")
        shapes.append(Text("the world outside of the host", x + width + 18, top + height / 2 + 4, 11, palette.GREY))
    tab_top = top + height + 26 if snapshot.client else 50.0
    tabs: list[Shape] = []
    tallest = 0.0
    for interface, *more in edge(snapshot):
        if interface.name in below:
            continue
        name = f"{len(more) + 1} veths" if more else interface.name
        lines = [Text(name, size=12, bold=True, colour=palette.INK)]
        lines += [Text(a, size=10.5, font="mono", colour=palette.INK) for a in reachable(interface) if not more]
        notes = [f"port{'s' if more else ''} of {interface.master}"] if interface.master else []
        notes += ["DOWN"] if interface.state == "DOWN" else []
        lines += [Text(note, size=10.5, colour=palette.GREY) for note in notes]
        width = max(190.0 if interface == outer else 110.0, *(line.width + 24 for line in lines))
        tall = stack_height(lines) + 9
        tallest = max(tallest, tall)
        tabs.append(
            Box(
                x,
                tab_top,
                width,
                tall,
                ("interface", interface.name),
                palette.PAPER,
                palette.INK,
                holder=HOST,
                tab=True,
                stroke_width=2,
            )
        )
        tabs += stack(lines, x + width / 2, tab_top + 3, "middle")
        if interface == outer and snapshot.client:
            middle = x + 95.0
            shapes.insert(0, Line(((middle, top + height), (middle, tab_top)), palette.INK, 2.5))
        x += width + 16
    return shapes, tabs, tab_top + 20


def _host_words(snapshot: Snapshot, tabs: Sequence[Shape], top: float) -> list[Text]:
    """Return the host's name, right of the interfaces on its edge."""
    x = max([MARGIN, *(tab.x + tab.width for tab in tabs if isinstance(tab, Box))]) + 20
    y = top + 38
    name = Text("HOST", x, y, 12, palette.GREY, bold=True)
    return [name, Text(host_words(snapshot), x + 58, y, 11.5, palette.GREY)]


def _piles(cards: Sequence[Card], x: float, top: float, bottom: float, holder: Key | None) -> tuple[list[Shape], float]:
    """Return cards piled up between two heights, a new pile to the right where one is full, and their end."""
    shapes: list[Shape] = []
    y, end = top, 0.0
    for this in cards:
        if y > top and y + this.room > bottom:
            x, y = end + CELL_GAP, top
        shapes += paint(this, x, y, {}, holder)
        y += this.room + 10 - TAB_EDGE
        end = max(end, x + this.width)
    return shapes, end


def _note(title: str, said: Sequence[str], y: float, width: float, *, colour: str, fill: str) -> list[Shape]:
    """Return a box with what a reader must know about the picture."""
    lines = [Text(title, size=12, bold=True, colour=colour)]
    for each in said:
        lines += wrap(Text(each, size=11, colour=palette.INK), width - 32, 4)
    key: Key = ("note", "warnings" if title == CONTRADICTS else "unread")
    box = Box(MARGIN, y, width, stack_height(lines) + 18, key, fill, colour, stroke_width=2)
    return [box, *stack(lines, MARGIN + 16, y + 8, "start")]
