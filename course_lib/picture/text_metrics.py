"""Estimate the width of a text without a font: `text_width`. The same on every machine, and never too small."""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache

# ruff: noqa: RUF001 - the tables contain characters that look like others
MONO_WIDTH = 0.603  # of an em; all characters of a monospaced font have the same width
WIDE = 1.0  # of an em: a Chinese, Japanese or Korean character
UNKNOWN = 1.1  # of an em: hardly any character is wider
# Widths in em of DejaVu Sans, rounded up, so that estimates are a little too wide and never too narrow.
SANS_WIDTHS = {
    0.28: "'ijl",
    0.32: " ,.IJ·",
    0.36: "/:;\\f|",
    0.40: "()-[]t",
    0.42: "!r",
    0.46: '"',
    0.50: "*_`–",
    0.53: "sz“”",
    0.56: "?Lc",
    0.60: "Fkvxy",
    0.62: "PTYaeo",
    0.64: "$0123456789ESbdghnpqu{}",
    0.66: "K",
    0.70: "ABCRVXZ",
    0.74: "U",
    0.78: "&DGHN",
    0.80: "OQ",
    0.84: "#+<=>^w~→×",
    0.88: "M",
    1.00: "%@Wm…—",
}
BOLD_WIDTHS = {
    0.32: "'",
    0.36: " ijl",
    0.40: ",./:;IJ\\|·",
    0.42: "-",
    0.46: "!()[]f",
    0.48: "t",
    0.50: "_`r–",
    0.53: '"*',
    0.60: "?csz",
    0.64: "L",
    0.66: "vxy“”",
    0.70: "$0123456789EFTaeko",
    0.74: "CPSYZbdghnpqu{}",
    0.78: "ABKRVX",
    0.84: "#+<=>DGHNU^~→×",
    0.88: "&OQ",
    0.93: "w",
    1.00: "@M…—",
    1.05: "%m",
    1.11: "W",
}
_REGULAR = {character: width for width, characters in SANS_WIDTHS.items() for character in characters}
_BOLD = {character: width for width, characters in BOLD_WIDTHS.items() for character in characters}


@lru_cache(8192)  # most texts of a live picture are the same as a moment before
def text_width(text: str, size: float, font: str = "sans", bold: bool = False) -> float:
    """Return the width in pixels that a text of that size (in pixels) does not exceed; `font` is "sans" or "mono"."""
    return size * sum(_em(character, font, bold) for character in text)


@cache
def _em(character: str, font: str, bold: bool) -> float:
    if unicodedata.combining(character):
        return 0
    if unicodedata.east_asian_width(character) in "WF":
        return WIDE if font == "sans" else 2 * MONO_WIDTH
    if font == "mono":
        return MONO_WIDTH if character.isascii() or character in "→·…" else UNKNOWN
    return (_BOLD if bold else _REGULAR).get(character, UNKNOWN)
