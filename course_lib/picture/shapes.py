"""Define `Picture`: boxes, lines and texts in a plane, in pixels, with y downwards. `wrap` and `stack` set text.

A picture knows nothing of networks. `render_png` and `render_svg` draw its shapes in their order.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from types import MappingProxyType

from course_lib.network.model import Key
from course_lib.picture.text_metrics import text_width
from course_lib.plain_text import clean

LEADING = 1.4  # the height of a line of text, as a multiple of its size


@dataclass(frozen=True)
class Box:
    """A rectangle with round corners, from its upper left corner. A tab is a box on the edge of its holder."""

    x: float
    y: float
    width: float
    height: float
    key: Key  # of the part that it represents; unique in a picture
    fill: str
    stroke: str
    holder: Key | None = None  # the box that contains this one or, for a tab, on whose edge it is
    tab: bool = False
    stroke_width: float = 1.5
    radius: float = 6
    dashed: bool = False


@dataclass(frozen=True)
class Line:
    """A line through two or more points; with a key, one part of the network, such as a cable."""

    points: tuple[tuple[float, float], ...]
    stroke: str
    width: float = 2.5
    dashed: bool = False
    key: Key | None = None


@dataclass(frozen=True)
class Text:
    """A text of one line; y is its baseline, x its start, middle or end, as the anchor says.

    Texts with the same key are the lines of one part of the network, such as a published port.
    """

    text: str
    x: float = 0
    y: float = 0
    size: float = 11
    colour: str = "#1f2933"
    font: str = "sans"  # or "mono"
    bold: bool = False
    anchor: str = "start"  # "start", "middle", "end"
    key: Key | None = None

    @property
    def width(self) -> float:
        """Return the maximum width of the text on any machine."""
        return text_width(self.text, self.size, self.font, self.bold)


Shape = Box | Line | Text


@dataclass(frozen=True)
class Picture:
    """A drawing of the given width and height; later shapes cover earlier ones."""

    width: float
    height: float
    shapes: tuple[Shape, ...]

    @cached_property
    def places(self) -> MappingProxyType[Key, Box]:
        """Return the boxes by their keys."""
        return MappingProxyType({shape.key: shape for shape in self.shapes if isinstance(shape, Box)})

    @cached_property
    def keys(self) -> frozenset[Key]:
        """Return the keys of all parts."""
        return frozenset(shape.key for shape in self.shapes if shape.key)


def boxes_with_texts(shapes: tuple[Shape, ...]) -> list[list[Shape]]:
    """Return the shapes in lists: a box with the texts that follow it, or any other shape alone."""
    found: list[list[Shape]] = []
    for shape in shapes:
        if isinstance(shape, Text) and found and isinstance(found[-1][0], Box):
            found[-1].append(shape)
        else:
            found.append([shape])
    return found


def shorten(text: Text, width: float) -> Text:
    """Return the text, with "…" for as much of its middle as is needed to fit into the width."""
    if text.width <= width:
        return text
    sizes = range(len(text.text))
    kept = bisect_left(sizes, True, key=lambda kept: _without_middle(text, kept).width > width) - 1
    return _without_middle(text, kept if kept > 1 else 0)


def _without_middle(text: Text, kept: int) -> Text:
    """Return the text with "…" between its first and last characters, of which that many are kept."""
    return replace(text, text=f"{text.text[: (kept + 1) // 2]}…{text.text[len(text.text) - kept // 2 :]}")


@lru_cache(maxsize=4096)  # a picture is drawn again with nearly the same texts
def wrap(text: Text, width: float, lines: int) -> tuple[Text, ...]:
    """Return the text, cleaned, on at most `lines` lines of that width, broken after blanks and after / @ , - _.

    What does not fit is left out of the middle.
    """
    text = replace(text, text=clean(text.text))
    broken = _break(text, width)
    if len(broken) <= lines:
        return broken
    sizes = range(len(text.text))
    kept = bisect_left(sizes, True, lo=3, key=lambda kept: len(_break(_without_middle(text, kept), width)) > lines) - 1
    return _break(_without_middle(text, kept), width)


def _break(text: Text, width: float) -> tuple[Text, ...]:
    """Return the text on as many lines of that width as it needs; only a piece wider than a line is broken inside."""

    def measure(part: str) -> float:
        return text_width(part, text.size, text.font, text.bold)

    lines, used = [""], 0.0
    for piece in re.findall(r"[^ /@,\-_]*[ /@,\-_]|[^ /@,\-_]+", text.text):
        fits = measure(piece) <= width
        if not fits and used:
            lines.append("")
            used = 0.0
        for part in [piece] if fits else piece:
            wide = measure(part)
            room = wide - (measure(" ") if part.endswith(" ") else 0)  # a blank at the end of a line needs no room
            if used + room <= width:
                lines[-1] += part
                used += wide
            else:
                lines.append(part)
                used = wide
    return tuple(replace(text, text=line.strip()) for line in lines if line.strip())


def stack(texts: Iterable[Text], x: float, y: float, anchor: str) -> list[Text]:
    """Return the texts as lines below each other, the top of the first at y."""
    placed = []
    for text in texts:
        placed.append(replace(text, x=x, y=y + text.size * 1.08, anchor=anchor))
        y += text.size * LEADING
    return placed


def stack_height(texts: Iterable[Text]) -> float:
    """Return the height of texts in a stack."""
    return sum(text.size * LEADING for text in texts)
