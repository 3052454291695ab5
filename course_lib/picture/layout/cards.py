"""Measure and draw the cards of containers: `card`, `group_card`, `card_shapes`.

A card is the container's network namespace as a box, with its interfaces as tabs on the upper edge. The card of a group
has the same size for two containers as for three hundred.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from course_lib.network.grouping import HOW, Group, address_runs, common_names, name_runs
from course_lib.network.model import Container, Endpoint, Key
from course_lib.network.wording import (
    dns_names,
    exposed_ports,
    is_live,
    link_words,
    published_words,
    shared_card_words,
    state_words,
)
from course_lib.picture import palette
from course_lib.picture.shapes import LEADING, Box, Line, Shape, Text, stack, stack_height, wrap
from course_lib.picture.text_metrics import text_width

TAB_EDGE = 17  # pixels by which a tab rises above the edge of its card
TAB_GAP = 6
PAD = 12
PORTS = 5  # published ports that a card lists; the rest is counted
LONGEST = 24  # characters of an address on one line; a longer IPv6 address takes two
SHEETS = (8, 4)  # pixels by which the sheets below a group's card stick out
SMALL = Text("", size=10.5, colour=palette.INK)


@dataclass(frozen=True)
class Tab:
    """A container's interface: its name, addresses and MAC as lines; sizes in pixels."""

    endpoint: Endpoint
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
    sharing: tuple[Card, ...]  # the containers that use this one's network namespace
    footer: str
    group: Group | None = None  # the containers that share this card
    room: float = 0  # the height that is reserved, in case similar containers are added


def tab(endpoint: Endpoint, colour: str) -> Tab:
    """Return the tab of an endpoint, as wide as its longest line; `colour` is that of its network."""
    lines = tab_lines(endpoint, endpoint.addresses or ("no address",), colour)
    if endpoint.mac:
        lines.append(Text(endpoint.mac, size=9, font="mono", colour=palette.GREY))
    return Tab(endpoint, tuple(lines), max(100.0, *(line.width + 10 for line in lines)), stack_height(lines) + 7)


def tab_lines(endpoint: Endpoint, addresses: Iterable[str], colour: str) -> list[Text]:
    """Return the name of an interface and the addresses, each on one line, or on two if it is long."""
    name = Text(endpoint.interface or "no interface found", size=11, bold=True, colour=colour)
    parts = [part for address in addresses for part in _halves(address)]
    return [name, *(Text(part, size=10.5, font="mono", colour=palette.INK) for part in parts)]


def _halves(address: str) -> list[str]:
    """Return an address as one line; if it is long, as two lines, split after the colon nearest the middle."""
    if len(address) <= LONGEST:
        return [address]
    colons = [at for at, character in enumerate(address, 1) if character == ":"]
    middle = min(colons, key=lambda at: abs(2 * at - len(address)), default=len(address))
    return [part for part in (address[:middle], address[middle:]) if part]


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
    head = max((t.height for t in tabs), default=TAB_EDGE)
    footer = "container namespace" if is_live(container) and not words else ""
    height = head + 8 + stack_height(lines) + (22 if footer else 10)
    height += sum(inner.height + 10 - TAB_EDGE for inner in sharing)
    return Card(container, width, height, tuple(tabs), tuple(lines), tuple(sharing), footer, None, height)


def _lines(container: Container, width: float, words: Sequence[str], max_lines: int) -> list[Text]:
    """Return the text of a card: name, image and command, state, `words`, ports, DNS names, links."""
    grey = replace(SMALL, colour=palette.GREY)
    live = is_live(container)
    name = Text(container.name, size=15, bold=True, colour=palette.INK if live else palette.GREY)
    lines = wrap_even(name, width, max_lines)
    lines += wrap_even(replace(grey, text=f"{container.image} · {container.command}", size=11), width, max_lines)
    lines += wrap_even(replace(grey, text=state_words(container), bold=True), width, 2)
    for phrase in words:
        lines += wrap_even(replace(SMALL, text=phrase), width, 3)
    ports = published_words(container)
    more = [f"+{len(ports) - PORTS} more published ports"] if len(ports) > PORTS else []
    for port in ports[:PORTS] + more:
        colour = palette.ACTIVE if live else palette.GREY
        lines += wrap_even(replace(SMALL, text=port, bold=True, colour=colour), width, 2)
    if exposed := exposed_ports(container):
        lines += wrap_even(replace(grey, text=f"exposed, not published: {', '.join(exposed)}"), width, 2)
    for endpoint in container.endpoints:
        if names := dns_names(container, endpoint):
            where = f" on {endpoint.network}" if len(container.endpoints) > 1 else ""
            lines += wrap_even(replace(SMALL, text=f"answers to {', '.join(names)}{where}"), width, 3)
    for link in link_words(container):
        lines += wrap_even(replace(SMALL, text=link), width, 2)
    return lines


def group_card(group: Group, width: float, tabs: Sequence[Tab] = (), words: Sequence[str] = ()) -> Card:
    """Return the card of a group, at least `width` pixels wide; `words` are further phrases."""
    first, inner = group.first, width - 2 * PAD
    grey = replace(SMALL, colour=palette.GREY)
    ink = palette.INK if is_live(first) else palette.GREY
    lines = wrap_even(Text(f"{len(group.members)} alike", size=15, bold=True, colour=ink), inner, 1)
    names = wrap_even(Text(", ".join(name_runs(group)), size=11, bold=True, colour=ink), inner, 2)
    lines += names + wrap_even(replace(grey, text=f"{first.image} · {first.command}", size=11), inner, 1)
    for phrase in filter(None, (state_words(first), *words, shared_card_words(first), *common_names(group))):
        lines += wrap_even(replace(SMALL, text=phrase), inner, 2)
    lines += wrap_even(replace(grey, text=HOW), inner, 2)
    head = max((t.height for t in tabs), default=TAB_EDGE)
    height = head + 8 + stack_height(lines) + 10 + max(SHEETS)
    room = height + (2 - len(names)) * names[0].size * LEADING  # for a second line of names
    width = max(width, *(t.width + 8 for t in tabs), 0)
    return Card(first, width, height, tuple(tabs), tuple(lines), (), "", group, room)


def group_tab(endpoint: Endpoint, colour: str, group: Group) -> Tab:
    """Return the tab for the endpoints of a group in one network; `endpoint` is the first container's."""
    lines = tab_lines(endpoint, _first_and_last(group), colour)
    width = max(text_width("0" * LONGEST, 10.5, "mono"), *(line.width for line in lines)) + 10
    reserved = sum(4 if ":" in address else 2 for address in endpoint.addresses)
    height = stack_height([lines[0], *[lines[1]] * max(reserved, len(lines) - 1)]) + 7
    return Tab(endpoint, tuple(lines), width, height)


def _first_and_last(group: Group) -> list[str]:
    """Return the lowest and the highest address of each family; "…" before the highest if the range has gaps."""
    ends = []
    for v6 in (False, True):
        runs = [run for run in address_runs(group) if (":" in run[0]) == v6]
        if runs:
            ends += [runs[0][0], f"{'to' if len(runs) == 1 else '…'} {runs[-1][-1]}"]
    return ends or ["no address"]


def wrap_even(text: Text, width: float, lines: int) -> list[Text]:
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


def card_shapes(card: Card, x: float, y: float, colours: dict[str, str], holder: Key | None = None) -> list[Shape]:
    """Return the shapes of a card, from its left edge x and the top y of its tabs, with its inner cards.

    `colours` are those of the networks, by name; `holder` is the key of the box that contains the card.
    """
    kind, name = ("group" if card.group else "container"), card.container.name
    top, height = y + TAB_EDGE, card.height - TAB_EDGE - (max(SHEETS) if card.group else 0)
    shapes: list[Shape] = _sheets(x, top, card.width, height) if card.group else []
    dashed = not is_live(card.container)
    paper, edge = palette.PAPER, palette.EDGE
    shapes.append(Box(x, top, card.width, height, (kind, name), paper, edge, holder=holder, dashed=dashed, radius=9))
    for each, centre in zip(card.tabs, tab_centres(card, x), strict=True):
        key: Key = ("group" if card.group else "endpoint", name, each.endpoint.network)
        colour, left = colours[each.endpoint.network], centre - each.width / 2
        shapes.append(
            Box(left, y, each.width, each.height, key, paper, colour, holder=(kind, name), tab=True, stroke_width=2)
        )
        shapes += stack(each.lines, centre, y + 3, "middle")
    y += max((t.height for t in card.tabs), default=TAB_EDGE) + 8
    shapes += stack(card.lines, x + card.width / 2, y, "middle")
    y += stack_height(card.lines) + 6
    for inner in card.sharing:
        shapes += card_shapes(inner, x + (card.width - inner.width) / 2, y - TAB_EDGE, colours, (kind, name))
        y += inner.height + 10 - TAB_EDGE
    if card.footer:
        shapes.append(Text(card.footer, x + 9, top + card.height - TAB_EDGE - 7, 10, palette.GREY))
    return shapes


def _sheets(x: float, y: float, width: float, height: float) -> list[Shape]:
    """Return the visible edges of the sheets below the card of a group."""
    sheets: list[Shape] = []
    for out in SHEETS:
        begin, right, bottom = 2 * out, x + width + out, y + height + out
        corners = ((x + width, y + begin), (right, y + begin), (right, bottom), (x + begin, bottom))
        sheets.append(Line((*corners, (x + begin, y + height)), palette.EDGE, 1.5))
    return sheets
