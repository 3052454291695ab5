"""What is being done and how long it takes, said to whoever waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

from course_lib.plain_text import clean

# What is printed is text, never markup: names have brackets, and addresses have ":ab:" and ":100:", which are emojis.
console = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)


def say(line: str) -> None:
    """Print one line of plain text."""
    console.print(line)


@contextmanager
def step(what: str) -> Iterator[Callable[[str], None]]:
    """Show that something is being done, and afterwards how many seconds it took.

    On a terminal a line moves while it lasts, and shows the detail that the body reports through the function
    that it gets; elsewhere (a log, a pipe, a screen reader's line mode) one line stands before and one after.
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
    """Return the last line of a text, short enough for the rest of a terminal's line."""
    return clean((text.strip().splitlines() or [""])[-1])[:60]
