"""Estimate the width of a text without a font: `text_width`. The same on every machine, and never too small."""

from __future__ import annotations

import tomllib
import unicodedata
from functools import cache, lru_cache
from importlib.resources import files

MONO_WIDTH = 0.603  # of an em; all characters of a monospaced font have the same width
WIDE = 1.0  # of an em: a Chinese, Japanese or Korean character
UNKNOWN = 1.1  # of an em: hardly any character is wider
_WIDTHS = {
    weight: {character: float(width) for width, characters in widths.items() for character in characters}
    for weight, widths in tomllib.loads(
        files("course_lib.picture").joinpath("text_widths.toml").read_text("utf-8")
    ).items()
}


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
    return _WIDTHS["bold" if bold else "regular"].get(character, UNKNOWN)
