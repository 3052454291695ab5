"""A container's card: its namespace as a box, with each of its interfaces as a tab on the upper edge."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from course_lib.network.grouping import Group
from course_lib.network.model import Container, Endpoint, Key
from course_lib.network.wording import aliases, exposed, is_live, links, published, state_words
from course_lib.picture import palette
from course_lib.picture.shapes import Box, Line, Shape, Text, stack, stack_height, wrap

TAB_EDGE = 17  # pixels of a tab above the edge of its card
TAB_GAP = 6
PAD = 12
PORTS = 5  # published ports that a card names one by one
LONGEST = 24  # characters of an address on one line: a longer IPv6 address takes two
SHEETS = (8, 4)  # pixels by which the sheets below a card for several containers stand out


@dataclass(frozen=True)
class Tab:
    """A container's interface: its name, addresses and MAC as lines."""

    endpoint: Endpoint
    lines: tuple[Text, ...]
    width: float
    height: float


@dataclass(frozen=True)
class Card:
    """A container with the size that its texts ask for, not yet placed; sizes in pixels."""

    container: Container
    width: float
    height: float  # with what its tabs stand out at the top
    tabs: tuple[Tab, ...]
    lines: tuple[Text, ...]
    guests: tuple[Card, ...]  # the containers that share this one's network namespace
    footer: str
    group: Group | None = None  # the several containers that are drawn as this one
    room: float = 0  # the height that it may take one day, when others that are alike have joined it

    @property
    def live(self) -> bool:
        """Return whether the container has a network namespace now."""
        return is_live(self.container)


def tab(endpoint: Endpoint, colour: str) -> Tab:
    """Return the tab of an endpoint, as wide as its longest line."""
    lines = tab_lines(endpoint, endpoint.addresses or ("no address",), colour)
    if endpoint.mac:
        lines.append(Text(endpoint.mac, size=9, font="mono", colour=palette.GREY))
    return Tab(endpoint, tuple(lines), max(100.0, *(line.width + 10 for line in lines)), stack_height(lines) + 7)


def tab_lines(endpoint: Endpoint, addresses: Iterable[str], colour: str) -> list[Text]:
    """Return the name of an interface and addresses, each on a line or, a long one, on two."""
    name = Text(endpoint.interface or "no interface seen", size=11, bold=True, colour=colour)
    parts = [part for address in addresses for part in _halves(address)]
    return [name, *(Text(part, size=10.5, font="mono", colour=palette.INK) for part in parts)]


def _halves(address: str) -> list[str]:
    """Return an address on one line, or a long one on two, broken behind the colon that is next to the middle."""
    if len(address) <= LONGEST:
        return [address]
    colons = [at for at, character in enumerate(address, 1) if character == ":"]
    middle = min(colons, key=lambda at: abs(2 * at - len(address)), default=len(address))
    return [part for part in (address[:middle], address[middle:]) if part]


def card(
    container: Container,
    width: float,
    tabs: Sequence[Tab] = (),
    guests: Sequence[Card] = (),
    words: Sequence[str] = (),
    *,
    most: int = 3,
) -> Card:
    """Return the card of a container: at least so wide, wider where its tabs need it.

    Its name and its command have at most so many lines.
    """
    taken = sum(t.width for t in tabs) + TAB_GAP * (len(tabs) - 1) + 8
    width = max(width, taken, *(guest.width + 2 * PAD for guest in guests), 0)
    lines = tuple(_lines(container, width - 2 * PAD, words, most))
    head = max((t.height for t in tabs), default=0)
    footer = "container namespace" if is_live(container) and not words else ""
    height = (head or TAB_EDGE) + 8 + stack_height(lines) + (22 if footer else 10)
    height += sum(guest.height + 10 - TAB_EDGE for guest in guests)
    return Card(container, width, height, tuple(tabs), lines, tuple(guests), footer, None, height)


def _lines(container: Container, width: float, words: Sequence[str], most: int) -> list[Text]:
    ink = palette.INK if is_live(container) else palette.GREY
    lines = wrap_even(Text(container.name, size=15, bold=True, colour=ink), width, most)
    lines += wrap_even(Text(f"{container.image} · {container.command}", size=11, colour=palette.GREY), width, most)
    small = Text("", size=10.5, colour=palette.INK)
    lines += wrap_even(replace(small, text=state_words(container), bold=True, colour=palette.GREY), width, 2)
    for said in words:
        lines += wrap_even(replace(small, text=said), width, 3)
    ports = published(container)
    more = [f"+{len(ports) - PORTS} more published ports"] if len(ports) > PORTS else []
    for port in ports[:PORTS] + more:
        colour = palette.ACTIVE if is_live(container) else palette.GREY
        lines += wrap_even(replace(small, text=port, bold=True, colour=colour), width, 2)
    if exposed(container):
        said = f"exposed, not published: {', '.join(exposed(container))}"
        lines += wrap_even(replace(small, text=said, colour=palette.GREY), width, 2)
    for endpoint in container.endpoints:
        names = aliases(container, endpoint)
        if names:
            where = f" on {endpoint.network}" if len(container.endpoints) > 1 else ""
            lines += wrap_even(replace(small, text=f"answers to {', '.join(names)}{where}"), width, 3)
    for link in links(container):
        lines += wrap_even(replace(small, text=link), width, 2)
    return lines


def wrap_even(text: Text, width: float, lines: int) -> list[Text]:
    """Return wrapped lines; two are made about equally long: they stand centred."""
    wrapped = wrap(text, width, lines)
    if len(wrapped) == 2 and " " in wrapped[0].text:
        for share in (0.5, 0.6, 0.7, 0.8, 0.9):
            even = wrap(text, width * share, 2)
            if len(even) == 2 and " ".join(line.text for line in even) == " ".join(text.text.split()):
                return even
    return wrapped


def tab_centres(this: Card, x: float) -> list[float]:
    """Return the x of the middle of each tab, for a card whose left edge is at x."""
    left = x + (this.width - sum(t.width for t in this.tabs) - TAB_GAP * (len(this.tabs) - 1)) / 2
    centres = []
    for each in this.tabs:
        centres.append(left + each.width / 2)
        left += each.width + TAB_GAP
    return centres


def paint(this: Card, x: float, y: float, colours: dict[str, str], holder: Key | None = None) -> list[Shape]:
    """Return the shapes of a card whose tabs begin at y; colours are those of the networks by name."""
    kind = "group" if this.group else "container"
    key: Key = (kind, this.container.name)
    top = y + TAB_EDGE
    below = max(SHEETS) if this.group else 0
    shapes: list[Shape] = _sheets(x, top, this.width, this.height - TAB_EDGE - below) if this.group else []
    shapes += [
        Box(
            x,
            top,
            this.width,
            this.height - TAB_EDGE - below,
            key,
            palette.PAPER,
            palette.EDGE,
            holder=holder,
            dashed=not this.live,
            radius=9,
        )
    ]
    for each, centre in zip(this.tabs, tab_centres(this, x), strict=True):
        place: Key = ("endpoint" if kind == "container" else kind, this.container.name, each.endpoint.network)
        colour = colours[each.endpoint.network]
        left = centre - each.width / 2
        shapes.append(
            Box(
                left,
                y,
                each.width,
                each.height,
                place,
                palette.PAPER,
                colour,
                holder=key,
                tab=True,
                stroke_width=2,
            )
        )
        shapes += stack(each.lines, centre, y + 3, "middle")
    y += max((t.height for t in this.tabs), default=TAB_EDGE) + 8
    shapes += stack(this.lines, x + this.width / 2, y, "middle")
    y += stack_height(this.lines) + 6
    for guest in this.guests:
        shapes += paint(guest, x + (this.width - guest.width) / 2, y - TAB_EDGE, colours, key)
        y += guest.height + 10 - TAB_EDGE
    if this.footer:
        bottom = top + this.height - TAB_EDGE - 7
        shapes.append(Text(this.footer, x + 9, bottom, 10, palette.GREY))
    return shapes


def _sheets(x: float, y: float, width: float, height: float) -> list[Shape]:
    """Return what is seen of the sheets below a card that stands for several containers."""
    sheets: list[Shape] = []
    for out in SHEETS:
        begin, right, bottom = 2 * out, x + width + out, y + height + out
        corners = ((x + width, y + begin), (right, y + begin), (right, bottom), (x + begin, bottom))
        sheets.append(Line((*corners, (x + begin, y + height)), palette.EDGE, 1.5))
    return sheets
