"""Find faults in a picture: texts that exceed their boxes (`outside`), boxes that overlap (`collisions`)."""

from __future__ import annotations

from functools import cache

from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.font_manager import FontProperties

from course_lib.picture.shapes import Box, Picture, Text

Extent = tuple[float, float, float, float]  # left, top, right, bottom
RENDERER = RendererAgg(10, 10, 100)


@cache
def drawn_width(text: Text) -> float:
    """Return the width in pixels that matplotlib needs, including kerning."""
    family = {"sans": "DejaVu Sans", "mono": "DejaVu Sans Mono"}[text.font]
    weight = "bold" if text.bold else "normal"
    font = FontProperties(family=family, weight=weight, size=text.size * 0.72)
    return RENDERER.get_text_width_height_descent(text.text, font, ismath=False)[0]


def extent(text: Text, width: float) -> Extent:
    """Return left, top, right, bottom of a text, with ascenders and descenders."""
    left = text.x - {"start": 0, "middle": width / 2, "end": width}[text.anchor]
    return left, text.y - 0.76 * text.size, left + width, text.y + 0.24 * text.size


def boxes(picture: Picture) -> list[Box]:
    return [shape for shape in picture.shapes if isinstance(shape, Box)]


def texts(picture: Picture) -> list[Text]:
    return [shape for shape in picture.shapes if isinstance(shape, Text)]


def around(picture: Picture, text: Text) -> Box | None:
    """Return the topmost box under the middle of a text."""
    left, top, right, bottom = extent(text, text.width)
    x, y = (left + right) / 2, (top + bottom) / 2
    under = [b for b in boxes(picture) if b.x <= x <= b.x + b.width and b.y <= y <= b.y + b.height]
    return under[-1] if under else None


def overlap(one: Extent, other: Extent) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def sides(box: Box) -> Extent:
    return box.x, box.y, box.x + box.width, box.y + box.height


def outside(picture: Picture) -> list[str]:
    """Return the texts that exceed the box (or the picture) in which they are."""
    found = []
    for text in texts(picture):
        box = around(picture, text)
        limit = sides(box) if box else (0, 0, picture.width, picture.height)
        for width in (text.width, drawn_width(text)):
            left, top, right, bottom = extent(text, width)
            if left < limit[0] or top < limit[1] or right > limit[2] or bottom > limit[3]:
                found.append(text.text)
    return found


def collisions(picture: Picture) -> list[tuple]:
    """Return the pairs of boxes that overlap although neither contains the other."""
    by_key = picture.places
    found = []

    def holders(box: Box) -> list:
        chain = []
        while box.holder is not None:
            chain.append(box.holder)
            box = by_key[box.holder]
        return chain

    for i, one in enumerate(boxes(picture)):
        for other in boxes(picture)[i + 1 :]:
            related = one.key in holders(other) or other.key in holders(one)
            if not related and overlap(sides(one), sides(other)):
                found.append((one.key, other.key))
    return found
