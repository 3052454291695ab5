"""Make text of unknown origin safe to write into files, pages and terminals: `clean`, `one_line`, `reason`."""

from __future__ import annotations

import re
from typing import Any

from course_lib.errors import CourseError

# All but a tab, a newline and what is neither a control character, a surrogate (which no file can hold) nor forbidden
# in XML 1.0.
UNSAFE = re.compile("[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(value: Any) -> Any:
    """Return a JSON value with a replacement character for each unsafe one in its texts and keys.

    Raises RecursionError if it is nested too deeply.
    """
    if isinstance(value, str):
        return UNSAFE.sub("\N{REPLACEMENT CHARACTER}", value.replace("\r\n", "\n"))
    if isinstance(value, dict):
        return {clean(key): clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean(item) for item in value]
    return value


def one_line(text: str) -> str:
    """Return a text as one clean line."""
    return " ".join(str(clean(text)).split())


def reason(error: Exception) -> str:
    """Return an error in one line: our own sentence, or what kind it is and what it says, in at most 300 characters."""
    words = str(error) if isinstance(error, CourseError) else f"{type(error).__name__}: {error}"
    return one_line(words)[:300]
