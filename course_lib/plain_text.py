"""Make text that somebody else chose harmless: `clean` for one field, `one_line` for a line with columns.

`clean_json` does so for a JSON value that is kept in a file, `reason` for an error.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from course_lib.errors import CourseError

# All but a tab, a newline and what is neither a control character, a surrogate (which no file can hold) nor forbidden
# in XML 1.0.
UNSAFE = re.compile("[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(text: str) -> str:
    """Return the text on one line with single blanks; what cannot be printed becomes a question mark in a box.

    So a line break forges no line, and an escape (ECMA-48) or a mark that turns the direction does nothing.
    """
    return _printable(" ".join(text.split()))


def one_line(text: str) -> str:
    """Return a line that is laid out in columns as `clean` does, with its runs of blanks."""
    return text if text.isprintable() else _printable("".join(" " if c.isspace() else c for c in text))


def _printable(text: str) -> str:
    if text.isprintable():  # as nearly every text is
        return text
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def clean_json(value: Any) -> Any:
    """Return a JSON value with a replacement character for each unsafe one in its texts and keys; lines stay lines.

    Raises RecursionError if it is nested too deeply.
    """
    if isinstance(value, str):
        return UNSAFE.sub("\N{REPLACEMENT CHARACTER}", value.replace("\r\n", "\n"))
    if isinstance(value, dict):
        return {clean_json(key): clean_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean_json(item) for item in value]
    return value


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
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


def reason(error: Exception) -> str:
    """Return an error in one line: our own sentence, or what kind it is and what it says, in at most 300 characters."""
    words = str(error) if isinstance(error, CourseError) else f"{type(error).__name__}: {error}"
    return clean(words)[:300]
