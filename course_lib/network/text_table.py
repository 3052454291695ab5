"""Format plain text for a terminal: `align` cells in columns, `wrap_cells` in wide tables, `wrap_line` for the rest."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Sequence

from course_lib.plain_text import clean, columns, one_line

WIDTH = 110  # characters


def align(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return a line for each row, its cells in columns of at most 60 characters.

    Cells are cleaned (see `plain_text.clean`); an empty one becomes "-", and " " stays blank.
    """
    cells = [["" if cell == " " else clean(cell) or "-" for cell in row] for row in rows]
    widths = [min(60, max(map(columns, column))) for column in zip(*cells, strict=True)]
    return [
        "  " + "  ".join(c + " " * (w - columns(c)) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells
    ]


def wrap_cells(rows: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return the rows; if they are wider than a line, long cells continue in rows of their own."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if sum(widths) + 2 * len(widths) <= WIDTH:
        return list(rows)
    wrap = textwrap.TextWrapper(26, break_long_words=False, break_on_hyphens=False).wrap
    wrapped = [[wrap(clean(cell)) or ["-"] for cell in row] for row in rows]
    return [line for row in wrapped for line in itertools.zip_longest(*row, fillvalue=" ")]


def wrap_line(line: str) -> list[str]:
    """Return a line as lines of at most WIDTH characters; continuation lines are indented."""
    indent = " " * (len(line) - len(line.lstrip()))
    text = one_line(line).strip()
    if len(indent + text) <= WIDTH:
        return [indent + text if text else ""]
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent + "    ", break_on_hyphens=False)
