"""Make a text that somebody chose harmless to print: `clean` for one field, `one_line` for a line with columns."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator


def clean(text: str) -> str:
    """Return the text on one line with single blanks; what cannot be printed becomes a question mark in a box.

    So a line break forges no line, and an escape (ECMA-48) or a mark that turns the direction does nothing.
    """
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in " ".join(text.split()))


def one_line(text: str) -> str:
    """Return a line that is laid out in columns as `clean` does, with its runs of blanks."""
    blank = "".join(" " if c.isspace() else c for c in text)
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in blank)


def quoted_lines(text: str) -> Iterator[str]:
    """Yield the lines of what nft prints; one in double quotes, where nft has no escapes, ends none (nft(8))."""
    whole = ""
    for line in text.split("\n"):
        whole += line
        if whole.count('"') % 2 == 0:
            yield whole
            whole = ""
        else:
            whole += " "


def columns(text: str) -> int:
    """Return how many columns of a terminal a text takes: a Chinese, Japanese or Korean character takes two."""
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)
