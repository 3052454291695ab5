"""Print to the user: one line (`say`), or the progress of a task and how long it took (`step`)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

from course_lib.plain_text import clean

# Print plain text, not rich's markup: names may have brackets, and addresses ":ab:" or ":100:", which are emoji codes.
console = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)


def say(line: str) -> None:
    """Print one line of plain text."""
    console.print(line)


@contextmanager
def step(what: str) -> Iterator[Callable[[str], None]]:
    """Show that a task is running, and afterwards how many seconds it took.

    The body gets a function that takes a detail of its progress. A terminal has a line that shows the latest detail;
    elsewhere (a log, a pipe, a screen reader's line mode) one line is printed before the task and one after.
    """
    began = time.monotonic()
    if console.is_terminal:
        with console.status(Text(f"{what} ...")) as status:

            def detail(text: str) -> None:
                seconds = int(time.monotonic() - began)
                status.update(Text.assemble(f"{what} ... {seconds} s  ", (_last_line(text), "dim")))

            yield detail
        say(f"{what}: {time.monotonic() - began:.1f} s")
    else:
        say(f"{what} ...")
        yield lambda text: None
        say(f"{what}: done in {time.monotonic() - began:.1f} s")


def _last_line(text: str) -> str:
    """Return the last line of a text, at most 60 characters: the rest of a terminal's line."""
    return clean((text.strip().splitlines() or [""])[-1])[:60]
