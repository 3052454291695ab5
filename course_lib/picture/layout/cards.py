"""Measure and draw the cards of containers: `card`, `card_of_group`, `card_shapes`.

A card is the container's network namespace as a box, with its interfaces as tabs on the upper edge. The card of a group
has the same size for two containers as for three hundred.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from course_lib.network import wording
from course_lib.network.model import Container, Endpoint, Key
from course_lib.network.placement import HOW, Group, address_runs, common_names, name_runs
from course_lib.network.topology import Node
from course_lib.picture import palette
from course_lib.picture.shapes import LEADING, Box, Line, Shape, Text, stack, stack_height, wrap
from course_lib.picture.text_metrics import text_width

TAB_EDGE = 17  # pixels by which a tab rises above the edge of its card
TAB_GAP = 6
PAD = 12
PORTS = 5  # published ports that a card lists; the rest is counted
LONGEST = 24  # characters of an address on one line; a longer IPv6 address takes two
SHEETS = (8, 4)  # pixels by which the sheets below a group's card stick out
INK = Text("", size=10.5, colour=palette.INK)
GREY = replace(INK, colour=palette.GREY)


@dataclass(frozen=True)
class Tab:
    """A container's interface: its name, addresses and MAC as lines; sizes in pixels."""

    endpoint: Endpoint
    node: Node  # the network that it is connected to
    colour: str  # of the network
    lines: tuple[Text, ...]
    width: float
    height: float


@dataclass(frozen=True)
class Card:
    """A container, or a group of them, with the size that its texts need, not yet placed; sizes in pixels."""

    container: Container
    width: float
    height: float  # including the part of the tabs above the edge
    tabs: tuple[Tab, ...]
    lines: tuple[Text, ...]
    room: float  # the height that is reserved, in case similar containers are added
    sharing: tuple[Card, ...] = ()  # the containers that use this one's network namespace
    footer: str = ""
    group: Group | None = None  # the containers that share this card

    @property
    def head(self) -> float:
        """Return the height of the tabs."""
        return max((tab.height for tab in self.tabs), default=TAB_EDGE)


def tab(container: Container, endpoint: Endpoint, node: Node, colour: str) -> Tab:
    """Return the tab of a container's endpoint, as wide as its longest line."""
    lines = _tab_lines(endpoint, endpoint.addresses or ("no address",), colour, container)
    if endpoint.mac:
        lines.append(Text(endpoint.mac, size=9.5, font="mono", colour=palette.GREY))
    width = max(100.0, *(line.width + 10 for line in lines))
    return Tab(endpoint, node, colour, tuple(lines), width, stack_height(lines) + 7)


def _tab_of_group(first: Tab, group: Group) -> Tab:
    """Return the tab for the endpoints of a group in one network; `first` is that of its first container."""
    lines = _tab_lines(first.endpoint, _first_and_last(group), first.colour)
    width = max(text_width("0" * LONGEST, 10.5, "mono"), *(line.width for line in lines)) + 10
    reserved = sum(4 if ":" in address else 2 for address in first.endpoint.addresses)
    height = stack_height([lines[0], *[lines[1]] * max(reserved, len(lines) - 1)]) + 7
    return replace(first, lines=tuple(lines), width=width, height=height)


def _tab_lines(
    endpoint: Endpoint, addresses: Iterable[str], colour: str, container: Container | None = None
) -> list[Text]:
    """Return the name of an interface and the addresses, each on one line, or on two if it is long.

    Those of one container are parts of the picture.
    """
    lines = [Text(endpoint.interface or "no interface found", size=11, bold=True, colour=colour)]
    for address in addresses:
        key = ("address", container.name, address) if container and address in endpoint.addresses else None
        lines += [replace(INK, text=part, font="mono", key=key) for part in _halves(address)]
    return lines


def _halves(address: str) -> list[str]:
    """Return an address as one line; if it is long, as two lines, split after the colon nearest the middle."""
    if len(address) <= LONGEST:
        return [address]
    colons = [at for at, character in enumerate(address, 1) if character == ":"]
    middle = min(colons, key=lambda at: abs(2 * at - len(address)), default=len(address))
    return [part for part in (address[:middle], address[middle:]) if part]


def _first_and_last(group: Group) -> list[str]:
    """Return the lowest and the highest address of each family; "…" before the highest if the range has gaps."""
    ends = []
    for v6 in (False, True):
        if runs := [run for run in address_runs(group) if (":" in run[0]) == v6]:
            ends += [runs[0][0], f"{'to' if len(runs) == 1 else '…'} {runs[-1][-1]}"]
    return ends or ["no address"]


def card(
    container: Container,
    width: float,
    tabs: Sequence[Tab] = (),
    sharing: Sequence[Card] = (),
    words: Sequence[str] = (),
    *,
    max_lines: int = 3,
) -> Card:
    """Return the card of a container, `width` pixels wide, or wider if its tabs need it.

    `words` are further phrases. The name and the command are shortened to `max_lines` lines each.
    """
    tabs_width = sum(t.width for t in tabs) + TAB_GAP * (len(tabs) - 1) + 8
    width = max(width, tabs_width, *(inner.width + 2 * PAD for inner in sharing), 0)
    lines = _lines(container, width - 2 * PAD, words, max_lines)
    footer = "container namespace" if container.is_live and not words and container.id else ""
    found = Card(container, width, 0, tuple(tabs), tuple(lines), 0, tuple(sharing), footer)
    height = found.head + 8 + stack_height(lines) + (22 if footer else 10)
    height += sum(inner.height + 10 - TAB_EDGE for inner in sharing)
    return replace(found, height=height, room=height)


def _lines(container: Container, width: float, words: Sequence[str], max_lines: int) -> list[Text]:
    """Return the text of a card: name, image and command, state, `words`, ports, DNS names, links."""
    live = container.is_live
    lines = [
        *wrap_even(
            replace(INK if live else GREY, text=wording.card_title(container), size=15, bold=True), width, max_lines
        )
    ]
    lines += wrap_even(replace(GREY, text=wording.program_words(container), size=11), width, max_lines)
    lines += wrap_even(replace(GREY, text=wording.state_words(container), bold=True), width, 2)
    for phrase in words:
        lines += wrap_even(replace(INK, text=phrase), width, 3)
    ports = wording.published_words(container)
    more = [f"+{len(ports) - PORTS} more published ports"] if len(ports) > PORTS else []
    for port in ports[:PORTS] + more:
        colour = palette.ACTIVE if live else palette.GREY
        key = ("port", container.name, port.partition(" ")[0]) if port not in more else None
        lines += wrap_even(replace(INK, text=port, bold=True, colour=colour, key=key), width, 2)
    if exposed := wording.exposed_ports(container):
        lines += wrap_even(replace(GREY, text=f"exposed, not published: {', '.join(exposed)}"), width, 2)
    for endpoint in container.endpoints:
        if names := wording.dns_names(container, endpoint):
            where = f" on {endpoint.network}" if len(container.endpoints) > 1 else ""
            lines += wrap_even(replace(INK, text=f"answers to {', '.join(names)}{where}"), width, 3)
    for link in wording.link_words(container):
        lines += wrap_even(replace(INK, text=link), width, 2)
    return lines


def card_of_group(group: Group, single: Card, width: float, words: Sequence[str] = ()) -> Card:
    """Return the card of a group, at least `width` pixels wide; `single` is the card of its first container.

    A group that is open for others but has only one container is drawn as that container, with room for the others.
    """
    if not group.open:
        return single
    first, inner = group.first, width - 2 * PAD
    ink = INK if first.is_live else GREY
    names = wrap_even(replace(ink, text=", ".join(name_runs(group)), size=11, bold=True), inner, 2)
    lines = [*wrap_even(replace(ink, text=f"{len(group.members)} alike", size=15, bold=True), inner, 1), *names]
    lines += wrap_even(replace(GREY, text=f"{first.image} · {first.command}", size=11), inner, 1)
    for phrase in (wording.state_words(first), *words, wording.shared_card_words(first), *common_names(group)):
        lines += wrap_even(replace(INK, text=phrase), inner, 2)
    lines += wrap_even(replace(GREY, text=HOW), inner, 2)
    tabs = tuple(_tab_of_group(each, group) for each in single.tabs)
    found = Card(first, max(width, *(t.width + 8 for t in tabs), 0), 0, tabs, tuple(lines), 0, group=group)
    height = found.head + 8 + stack_height(lines) + 10 + max(SHEETS)
    room = height + (2 - len(names)) * names[0].size * LEADING  # for a second line of names
    return replace(found, height=height, room=room) if group.several else replace(single, room=room)


def wrap_even(text: Text, width: float, lines: int) -> tuple[Text, ...]:
    """Return the wrapped lines of a centred text; two lines get about the same length."""
    wrapped = wrap(text, width, lines)
    if len(wrapped) == 2 and " " in wrapped[0].text:
        for share in (0.5, 0.6, 0.7, 0.8, 0.9):
            even = wrap(text, width * share, 2)
            if len(even) == 2 and " ".join(line.text for line in even) == " ".join(text.text.split()):
                return even
    return wrapped


def tab_centres(card: Card, x: float) -> list[float]:
    """Return the x of the middle of each tab, for a card whose left edge is at x."""
    left = x + (card.width - sum(t.width for t in card.tabs) - TAB_GAP * (len(card.tabs) - 1)) / 2
    centres = []
    for each in card.tabs:
        centres.append(left + each.width / 2)
        left += each.width + TAB_GAP
    return centres


def card_shapes(card: Card, x: float, y: float, holder: Key | None = None) -> list[Shape]:
    """Return the shapes of a card, from its left edge x and the top y of its tabs, with its inner cards.

    `holder` is the key of the box that contains the card.
    """
    name, key = card.container.name, ("group" if card.group else "container", card.container.name)
    top, height = y + TAB_EDGE, card.height - TAB_EDGE - (max(SHEETS) if card.group else 0)
    shapes: list[Shape] = _sheets(x, top, card.width, height) if card.group else []
    dashed = not card.container.is_live
    shapes.append(
        Box(x, top, card.width, height, key, palette.PAPER, palette.EDGE, holder=holder, dashed=dashed, radius=9)
    )
    shapes += stack(card.lines, x + card.width / 2, y + card.head + 8, "middle")
    if card.footer:
        shapes.append(Text(card.footer, x + 9, top + card.height - TAB_EDGE - 7, 10, palette.GREY))
    for each, centre in zip(card.tabs, tab_centres(card, x), strict=True):
        place = (centre - each.width / 2, y, each.width, each.height)
        tab_key: Key = ("group" if card.group else "endpoint", name, each.endpoint.network)
        shapes.append(Box(*place, tab_key, palette.PAPER, each.colour, holder=key, tab=True, stroke_width=2))
        shapes += stack(each.lines, centre, y + 3, "middle")
    y += card.head + 8 + stack_height(card.lines) + 6
    for inner in card.sharing:
        shapes += card_shapes(inner, x + (card.width - inner.width) / 2, y - TAB_EDGE, key)
        y += inner.height + 10 - TAB_EDGE
    return shapes


def _sheets(x: float, y: float, width: float, height: float) -> list[Shape]:
    """Return the visible edges of the sheets below the card of a group."""
    sheets: list[Shape] = []
    for out in SHEETS:
        begin, right, bottom = 2 * out, x + width + out, y + height + out
        corners = ((x + width, y + begin), (right, y + begin), (right, bottom), (x + begin, bottom))
        sheets.append(Line((*corners, (x + begin, y + height)), palette.EDGE, 1.5))
    return sheets
