"""What a picture is made of: boxes, lines and texts on a plane, in pixels, y downwards.

A `Picture` knows nothing of networks. What paints it (`draw`, `svg`) paints the shapes in their order.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType

from course_lib.network.model import Key
from course_lib.picture.text_metrics import text_width
from course_lib.plain_text import clean

LEADING = 1.4  # the height of a line of text, in times of its size


@dataclass(frozen=True)
class Box:
    """A rectangle with round corners. A tab is a box that sits on the edge of its holder."""

    x: float
    y: float
    width: float
    height: float
    key: Key  # unique in a picture
    fill: str
    stroke: str
    holder: Key | None = None  # the box that this one lies in or, as a tab, on the edge of
    tab: bool = False
    stroke_width: float = 1.5
    radius: float = 6
    dashed: bool = False


@dataclass(frozen=True)
class Line:
    """A line through two or more points."""

    points: tuple[tuple[float, float], ...]
    stroke: str
    width: float = 2.5
    dashed: bool = False


@dataclass(frozen=True)
class Text:
    """A text of one line; y is its baseline, x its start, middle or end after the anchor."""

    text: str
    x: float = 0
    y: float = 0
    size: float = 11
    colour: str = "#1f2933"
    font: str = "sans"  # or "mono"
    bold: bool = False
    anchor: str = "start"  # "start", "middle", "end"

    @property
    def width(self) -> float:
        """Return how wide the text is at most."""
        return text_width(self.text, self.size, self.font, self.bold)


Shape = Box | Line | Text


@dataclass(frozen=True)
class Picture:
    """A drawing of the given width and height, from the shapes below to those on top."""

    width: float
    height: float
    shapes: tuple[Shape, ...]

    @property
    def places(self) -> MappingProxyType[Key, Box]:
        """Return where each thing is: what paints a way over the picture looks here."""
        return MappingProxyType({shape.key: shape for shape in self.shapes if isinstance(shape, Box)})


def groups(shapes: tuple[Shape, ...]) -> list[list[Shape]]:
    """Return the shapes in groups: a box and the texts that stand on it, or a line alone."""
    found: list[list[Shape]] = []
    for shape in shapes:
        if isinstance(shape, Text) and found and isinstance(found[-1][0], Box):
            found[-1].append(shape)
        else:
            found.append([shape])
    return found


def shorten(text: Text, width: float) -> Text:
    """Return the text with as much of its middle left out as the width asks for."""
    if text.width <= width:
        return text
    for kept in range(len(text.text) - 1, 1, -1):
        short = f"{text.text[: (kept + 1) // 2]}…{text.text[len(text.text) - kept // 2 :]}"
        if text_width(short, text.size, text.font, text.bold) <= width:
            return replace(text, text=short)
    return replace(text, text="…")


def wrap(text: Text, width: float, lines: int) -> list[Text]:
    """Return the text on at most so many lines of that width, broken where a reader would break it.

    Only what does not fit on them is left out, from the middle.
    """
    return list(_wrap(text, width, lines))


@lru_cache(maxsize=4096)  # a picture that is drawn again has nearly the same texts
def _wrap(text: Text, width: float, lines: int) -> tuple[Text, ...]:
    whole = replace(text, text=clean(text.text))
    broken = _break(whole, width)
    if len(broken) <= lines:
        return broken

    def shorter(kept: int) -> tuple[Text, ...]:
        middle = f"{whole.text[: (kept + 1) // 2]}…{whole.text[len(whole.text) - kept // 2 :]}"
        return _break(replace(whole, text=middle), width)

    most = bisect_left(range(len(whole.text)), True, lo=3, key=lambda kept: len(shorter(kept)) > lines) - 1
    return shorter(most)


def _break(text: Text, width: float) -> tuple[Text, ...]:
    lines, used = [""], 0.0
    for piece in _pieces(text.text):
        for part in _fitting(piece, text, width):
            wide = text_width(part, text.size, text.font, text.bold)
            space = text_width(" ", text.size, text.font, text.bold) if part.endswith(" ") else 0  # not at the end
            if used + wide - space <= width:
                lines[-1] += part
                used += wide
            else:
                lines.append(part)
                used = wide
    return tuple(replace(text, text=line.strip()) for line in lines if line.strip())


def _pieces(text: str) -> Iterable[str]:
    """Yield the words, each with the space behind it; a line may also end behind / @ , - _ in a word."""
    piece = ""
    for character in text:
        piece += character
        if character in " /@,-_":
            yield piece
            piece = ""
    if piece:
        yield piece


def _fitting(piece: str, text: Text, width: float) -> Iterable[str]:
    """Yield the piece, cut where it is wider than a whole line."""
    part, used = "", 0.0
    for character in piece:
        wide = text_width(character, text.size, text.font, text.bold)
        if part and used + wide > width:
            yield part
            part, used = "", 0.0
        part += character
        used += wide
    yield part


def stack(texts: Iterable[Text], x: float, y: float, anchor: str) -> list[Text]:
    """Return the texts below each other, the first one's top at y."""
    placed = []
    for text in texts:
        placed.append(replace(text, x=x, y=y + text.size * 1.08, anchor=anchor))
        y += text.size * LEADING
    return placed


def stack_height(texts: Iterable[Text]) -> float:
    """Return the height of the texts below each other."""
    return sum(text.size * LEADING for text in texts)
