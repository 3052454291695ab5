"""Tables and lines of plain text, as wide as a terminal can be expected to be."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterable, Sequence

from course_lib.plain_text import clean, columns, one_line

WIDTH = 110  # characters


def table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return rows of cells in columns as wide as their widest cell; a lone heading is left out."""
    if not rows or (len(rows) == 1 and rows[0][0] == "interface"):
        return []
    cells = [["" if cell == " " else clean(cell) or "-" for cell in row] for row in rows]
    widths = [min(60, max(columns(row[i]) for row in cells)) for i in range(len(cells[0]))]
    return [
        "  " + "  ".join(c + " " * (w - columns(c)) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells
    ]


def narrow(rows: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return the rows; if they are too wide for a line, what is long in them goes on in rows of their own."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    if sum(widths) + 2 * len(widths) <= WIDTH:
        return list(rows)
    wrap = textwrap.TextWrapper(26, break_long_words=False, break_on_hyphens=False).wrap
    wrapped = [[wrap(clean(cell)) or ["-"] for cell in row] for row in rows]
    return [line for row in wrapped for line in itertools.zip_longest(*row, fillvalue=" ")]


def fold(line: str) -> Iterable[str]:
    """Yield a line in parts of at most the width, the later ones indented under the first."""
    indent = " " * (len(line) - len(line.lstrip()))
    text = one_line(line).strip()
    if len(indent + text) <= WIDTH:
        return [indent + text if text else ""]
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent + "    ", break_on_hyphens=False)
