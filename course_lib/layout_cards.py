"""A container's card: its namespace as a box, with each of its interfaces as a tab on the upper edge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from course_lib import palette
from course_lib.phrases import aliases, exposed, is_live, links, published, state_words
from course_lib.shapes import Box, Key, Shape, Text, stack, stack_height, wrap
from course_lib.snapshot import Container, Endpoint

TAB_EDGE = 17  # pixels of a tab above the edge of its card
TAB_GAP = 8
PAD = 12
PORTS = 5  # published ports that a card names one by one


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

    @property
    def live(self) -> bool:
        """Return whether the container has a network namespace now."""
        return is_live(self.container)


def tab(endpoint: Endpoint, colour: str) -> Tab:
    """Return the tab of an endpoint, as wide as its longest line."""
    lines = [Text(endpoint.interface or "no interface seen", size=11, bold=True, colour=colour)]
    lines += [Text(a, size=10, font="mono", colour=palette.INK) for a in endpoint.addresses or ("no address",)]
    if endpoint.mac:
        lines.append(Text(endpoint.mac, size=9, font="mono", colour=palette.GREY))
    width = max(112.0, *(line.width + 14 for line in lines))
    return Tab(endpoint, tuple(lines), width, stack_height(lines) + 7)


def card(
    container: Container,
    width: float,
    tabs: Sequence[Tab] = (),
    guests: Sequence[Card] = (),
    words: Sequence[str] = (),
) -> Card:
    """Return the card of a container: at least so wide, wider where its tabs need it."""
    taken = sum(t.width for t in tabs) + TAB_GAP * (len(tabs) - 1) + 8
    width = max(width, taken, *(guest.width + 2 * PAD for guest in guests), 0)
    lines = tuple(_lines(container, width - 2 * PAD, words))
    head = max((t.height for t in tabs), default=0)
    footer = "container namespace" if is_live(container) and not words else ""
    height = (head or TAB_EDGE) + 8 + stack_height(lines) + (22 if footer else 10)
    height += sum(guest.height + 10 - TAB_EDGE for guest in guests)
    return Card(container, width, height, tuple(tabs), lines, tuple(guests), footer)


def _lines(container: Container, width: float, words: Sequence[str]) -> list[Text]:
    ink = palette.INK if is_live(container) else palette.GREY
    lines = _wrap(Text(container.name, size=15, bold=True, colour=ink), width, 3)
    lines += _wrap(Text(f"{container.image} · {container.command}", size=11, colour=palette.GREY), width, 3)
    small = Text("", size=10, colour=palette.INK)
    lines += _wrap(replace(small, text=state_words(container), bold=True, colour=palette.GREY), width, 2)
    for said in words:
        lines += _wrap(replace(small, text=said), width, 3)
    ports = published(container)
    more = [f"+{len(ports) - PORTS} more published ports"] if len(ports) > PORTS else []
    for port in ports[:PORTS] + more:
        colour = palette.ACTIVE if is_live(container) else palette.GREY
        lines += _wrap(replace(small, text=port, bold=True, colour=colour), width, 2)
    if exposed(container):
        said = f"exposed, not published: {', '.join(exposed(container))}"
        lines += _wrap(replace(small, text=said, colour=palette.GREY), width, 2)
    for endpoint in container.endpoints:
        names = aliases(container, endpoint)
        if names:
            where = f" on {endpoint.network}" if len(container.endpoints) > 1 else ""
            lines += _wrap(replace(small, text=f"answers to {', '.join(names)}{where}"), width, 3)
    for link in links(container):
        lines += _wrap(replace(small, text=link), width, 2)
    return lines


def _wrap(text: Text, width: float, lines: int) -> list[Text]:
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
    key: Key = ("container", this.container.name)
    top = y + TAB_EDGE
    shapes: list[Shape] = [
        Box(
            x,
            top,
            this.width,
            this.height - TAB_EDGE,
            key,
            palette.PAPER,
            palette.EDGE,
            holder=holder,
            dashed=not this.live,
            radius=9,
        )
    ]
    for each, centre in zip(this.tabs, tab_centres(this, x), strict=True):
        place: Key = ("endpoint", this.container.name, each.endpoint.network)
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
        shapes.append(Text(this.footer, x + 9, bottom, 9, palette.GREY))
    return shapes
