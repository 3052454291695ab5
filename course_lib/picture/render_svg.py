"""Render a picture as SVG: `svg` as a document with a text for screen readers, `live_svg` with parts to choose."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from types import MappingProxyType
from xml.sax.saxutils import escape, quoteattr

from course_lib.network.model import Key
from course_lib.picture import palette
from course_lib.picture.shapes import Box, Line, Picture, Shape, Text, boxes_with_texts

# The fallbacks are not wider than the first font, for which the texts were measured.
FAMILY = {
    "sans": "DejaVu Sans, Verdana, Helvetica, Arial, sans-serif",
    "mono": "DejaVu Sans Mono, Menlo, Consolas, Liberation Mono, monospace",
}
READABLE = 8.5  # pixels of the smallest text on the screen: in a narrower window the picture scrolls
DASHES = ' stroke-dasharray="6 4"'
# Characters that XML 1.0 does not allow, not even escaped (section 2.2, Char).
FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def svg(picture: Picture, title: str, description: str) -> str:
    """Return the picture as an SVG document with a title and a description (the output of `describe`)."""
    smallest = smallest_text(picture)
    least = _number(picture.width * min(1, READABLE / smallest))
    words = [f"<title>{_escape(title)}</title>", f"<desc>{_escape(description)}</desc>"]
    style = f"min-width:{least}px;max-width:100%;height:auto"
    return _document(picture, f'role="img" style="{style}"', map(_element, picture.shapes), words)


def smallest_text(picture: Picture) -> float:
    """Return the size of the smallest text of a picture, in its pixels."""
    return min((shape.size for shape in picture.shapes if isinstance(shape, Text)), default=READABLE)


def live_svg(picture: Picture, names: Mapping[Key, str], classes: Mapping[Key, str] = MappingProxyType({})) -> str:
    """Return the picture as an SVG whose parts can be chosen, for notebook/frame.js.

    Each part is a group with the attribute `data-part` (see `part_id`); if it is in `names`, it is a button with that
    name. `classes` are CSS classes of parts by key; those of a box apply to all that is written on it, too.
    """
    lines: list[str] = []
    left = dict(names)  # a part that is drawn in several places is one button
    for first, *texts in boxes_with_texts(picture.shapes):
        plain = [text for text in texts if text.key is None]
        lines += _part(first.key, [first, *plain], left, style := classes.get(first.key, "") if first.key else "")
        for key, lined in groupby((text for text in texts if text.key), key=lambda text: text.key):
            lines += _part(key, [*lined], left, style)
    return _document(picture, 'role="group"', lines)


def part_id(key: Key) -> str:
    """Return what identifies a part in the page."""
    return "/".join(map(str, key))


def _part(key: Key | None, shapes: Sequence[Shape], names: dict[Key, str], style: str) -> list[str]:
    """Return shapes as one group that can be found and, if the part still has a name, chosen; take the name away.

    Lines and texts get something invisible around them that is large enough for a finger or a focus ring.
    """
    elements = [*map(_element, shapes)]
    if key is None:
        return elements
    if isinstance(shapes[0], Line):
        elements += [_line(replace(shapes[0], stroke="transparent", width=16, dashed=False))]
    elif isinstance(shapes[0], Text):
        texts = [shape for shape in shapes if isinstance(shape, Text)]
        left = min(text.x - text.width * {"start": 0, "middle": 0.5, "end": 1}[text.anchor] for text in texts)
        top, bottom = texts[0].y - texts[0].size, texts[-1].y + 0.3 * texts[-1].size
        place = (left - 2, top, max(text.width for text in texts) + 4, bottom - top)
        elements.insert(0, _box(Box(*place, key, "transparent", "transparent", radius=2)))
    name = ""
    if key in names:  # the name includes the words that are seen (WCAG 2.2, 2.5.3)
        seen = " ".join(shape.text for shape in shapes if isinstance(shape, Text))
        words = _clean(names.pop(key) + (f": {seen}" if seen else ""))
        name = f' role="button" tabindex="0" aria-label={quoteattr(words)}'
    return [f"<g data-part={quoteattr(part_id(key))} class={quoteattr(style)}{name}>", *elements, "</g>"]


def _document(picture: Picture, attributes: str, lines: Iterable[str], words: Iterable[str] = ()) -> str:
    """Return an SVG document of these elements, of the picture's size; `words` come before all others."""
    width, height = _number(picture.width), _number(picture.height)
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    paper = f'<rect width="{width}" height="{height}" fill="{palette.PAPER}"/>'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} {attributes}>'
    return "\n".join([head, *words, paper, *lines, "</svg>", ""])


def _element(shape: Shape) -> str:
    """Return one shape as an SVG element."""
    if isinstance(shape, Box):
        return _box(shape)
    return _line(shape) if isinstance(shape, Line) else _text(shape)


def _box(box: Box) -> str:
    x, y, width, height, radius = (_number(n) for n in (box.x, box.y, box.width, box.height, box.radius))
    place = f'x="{x}" y="{y}" width="{width}" height="{height}" rx="{radius}"'
    edge = f'stroke="{box.stroke}" stroke-width="{_number(box.stroke_width)}"{DASHES if box.dashed else ""}'
    return f'<rect {place} fill="{box.fill}" {edge}/>'


def _line(line: Line) -> str:
    points = " ".join(f"{_number(x)},{_number(y)}" for x, y in line.points)
    return (
        f'<polyline points="{points}" fill="none" stroke="{line.stroke}" '
        f'stroke-width="{_number(line.width)}" stroke-linejoin="round"{DASHES if line.dashed else ""}/>'
    )


def _text(text: Text) -> str:
    bold = ' font-weight="bold"' if text.bold else ""
    anchor = "" if text.anchor == "start" else f' text-anchor="{text.anchor}"'
    return (
        f'<text x="{_number(text.x)}" y="{_number(text.y)}" font-family={quoteattr(FAMILY[text.font])} '
        f'font-size="{_number(text.size)}"{bold}{anchor} fill="{text.colour}">{_escape(text.text)}</text>'
    )


def _escape(text: str) -> str:
    return escape(_clean(text))


def _clean(text: str) -> str:
    return FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)


def _number(number: float) -> str:
    """Return a number with at most one decimal."""
    return f"{number:.1f}".removesuffix(".0")
