"""Decode the output of a command, show it while it arrives, and cut it where there is too much: `Output`."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable

MOST_LINES = 10_000  # shown
MOST_CHARACTERS = 1_000_000  # shown: ten thousand lines of a hundred; a single line may be endless
LONGEST_END = 64  # bytes of the mark, the exit code and the newline


class Output:
    """The output of one command, up to a mark; what background processes write after the mark is not part of it.

    The mark is a zero byte, the word `mark` that the caller chose, a space, the exit code and a newline. `show` is
    called with each piece of text.
    """

    def __init__(self, show: Callable[[str], object], mark: str) -> None:
        self._show = show
        self._mark = b"\0" + mark.encode()
        self._end = re.compile(re.escape(self._mark) + rb" (\d+)\n")
        self._decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
        self._held = b""  # may be the beginning of the mark
        self._shown: list[str] = []
        self._lines = self._characters = 0  # shown
        self._left_lines = self._left_characters = 0
        self._open_line = False  # the last line left out has not ended
        self.code: int | None = None  # the exit code, once the mark has arrived

    @property
    def text(self) -> str:
        """Everything that was shown."""
        return "".join(self._shown)

    def add(self, data: bytes) -> bool:
        """Add output, show its text, and return whether the mark was in it."""
        held = self._held + data
        if match := self._end.search(held):
            self.code, self._held = int(match[1]), held[: match.start()]
            return True
        start = held.rfind(b"\0", -LONGEST_END)
        if start < 0 or not held[start:].startswith(self._mark[: len(held) - start]):
            start = len(held)
        self._held = held[start:]
        self._take(self._decode(held[:start]))
        return False

    def end(self) -> None:
        """Show the text that is still held, and a line that counts what was left out."""
        self._take(self._decode(self._held, final=True))
        lines = self._left_lines + self._open_line
        if lines:
            newline = "" if self._shown[-1].endswith("\n") else "\n"
            what = f"{lines:,} more line{'s are' if lines > 1 else ' is'} left out"
            size = f"{self._left_characters:,} character{'s' if self._left_characters > 1 else ''}"
            most = f"at most {MOST_LINES:,} lines and {MOST_CHARACTERS:,} characters are shown"
            self._put(f"{newline}[{what}, {size}: {most}]\n")

    def _take(self, text: str) -> None:
        kept = "" if self._left_characters else self._room(text)
        self._lines += kept.count("\n")
        self._characters += len(kept)
        if kept:
            self._put(kept)
        if left := text[len(kept) :]:
            self._left_lines += left.count("\n")
            self._left_characters += len(left)
            self._open_line = not left.endswith("\n")

    def _room(self, text: str) -> str:
        """Return the part of the text that may still be shown."""
        kept = text[: MOST_CHARACTERS - self._characters]
        room = MOST_LINES - self._lines
        return "".join(line + "\n" for line in kept.split("\n")[:room]) if kept.count("\n") >= room else kept

    def _put(self, text: str) -> None:
        self._shown.append(text)
        self._show(text)
