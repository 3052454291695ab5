"""Render a picture as SVG, with a text for screen readers: `svg`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
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


def svg(
    picture: Picture,
    title: str,
    description: str,
    *,
    style: str = "",
    whys: Mapping[Key, str] = MappingProxyType({}),
    classes: Mapping[Key, str] = MappingProxyType({}),
) -> str:
    """Return the picture as an SVG document with a title and a description (the output of `describe`).

    For the live picture: `style` are CSS rules, `whys` the tooltips of boxes by key, and `classes` the CSS classes of
    boxes by key, which apply to the texts on a box, too.
    """
    lines = []
    for first, *texts in boxes_with_texts(picture.shapes):
        name = classes.get(first.key) if isinstance(first, Box) else None
        elements = [element(shape, whys) for shape in (first, *texts)]
        lines += [f"<g class={quoteattr(name)}>", *elements, "</g>"] if name else elements
    return document(picture, title, description, lines, style)


def document(picture: Picture, title: str, description: str, lines: Iterable[str], style: str = "") -> str:
    """Return an SVG document of these elements, of the picture's size; it shrinks until its text is READABLE."""
    width, height = _number(picture.width), _number(picture.height)
    smallest = min((shape.size for shape in picture.shapes if isinstance(shape, Text)), default=READABLE)
    least = _number(picture.width * min(1, READABLE / smallest))
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" style="min-width:{least}px;max-width:100%;height:auto">'
    )
    words = [f"<title>{_escape(title)}</title>", f"<desc>{_escape(description)}</desc>"]
    paper = f'<rect width="{width}" height="{height}" fill="{palette.PAPER}"/>'
    styles = [f"<style>{style}</style>"] if style else []
    return "\n".join([head, *words, *styles, paper, *lines, "</svg>", ""])


def element(shape: Shape, whys: Mapping[Key, str] = MappingProxyType({})) -> str:
    """Return one shape as an SVG element; `whys` are the tooltips of boxes by key."""
    if isinstance(shape, Box):
        return _box(shape, whys.get(shape.key, ""))
    return _line(shape) if isinstance(shape, Line) else _text(shape)


def _box(box: Box, why: str) -> str:
    x, y, width, height, radius = (_number(n) for n in (box.x, box.y, box.width, box.height, box.radius))
    place = f'x="{x}" y="{y}" width="{width}" height="{height}" rx="{radius}"'
    edge = f'stroke="{box.stroke}" stroke-width="{_number(box.stroke_width)}"{DASHES if box.dashed else ""}'
    rect = f'<rect {place} fill="{box.fill}" {edge}'
    return f"{rect}><title>{_escape(why)}</title></rect>" if why else f"{rect}/>"


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
    return escape(FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text))


def _number(number: float) -> str:
    """Return a number with at most one decimal."""
    return f"{number:.1f}".removesuffix(".0")
