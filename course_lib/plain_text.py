"""Make untrusted text safe to print and store: `clean` for a field, `one_line` for a line of a table.

`clean_json` does so for a JSON value, and `reason` for an error. `columns` measures text; `quoted_lines` splits nft's.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from course_lib.errors import CourseError

# Control characters except tab and newline, surrogates (which UTF-8 cannot encode), and what XML 1.0 forbids.
UNSAFE = re.compile("[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(text: str) -> str:
    """Return the text on one line with single spaces; U+FFFD replaces each character that is not printable.

    So a line break cannot forge a line, and a terminal escape (ECMA-48) or a mark for the direction has no effect.
    """
    return _printable(" ".join(text.split()))


def one_line(text: str) -> str:
    """Return a line as `clean` does, but keep its runs of spaces: for text in columns."""
    return text if text.isprintable() else _printable("".join(" " if c.isspace() else c for c in text))


def _printable(text: str) -> str:
    if text.isprintable():  # nearly always
        return text
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def clean_json(value: Any) -> Any:
    """Return a JSON value in which U+FFFD replaces each unsafe character of its strings and keys; newlines remain.

    Raises RecursionError if the value is nested too deeply.
    """
    if isinstance(value, str):
        return UNSAFE.sub("\N{REPLACEMENT CHARACTER}", value.replace("\r\n", "\n"))
    if isinstance(value, dict):
        return {clean_json(key): clean_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean_json(item) for item in value]
    return value


def quoted_lines(text: str) -> Iterator[str]:
    """Yield the lines of nft's output; a newline within double quotes, where nft(8) has no escapes, ends no line."""
    whole = ""
    for line in text.split("\n"):
        whole += line
        if whole.count('"') % 2 == 0:
            yield whole
            whole = ""
        else:
            whole += " "


def columns(text: str) -> int:
    """Return how many columns of a terminal a text needs: a Chinese, Japanese or Korean character needs two."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


def reason(error: Exception) -> str:
    """Return an error on one line of at most 300 characters: a CourseError's message, else the class and message."""
    words = str(error) if isinstance(error, CourseError) else f"{type(error).__name__}: {error}"
    return clean(words)[:300]
