"""`%%host` and `%%client`: a cell as shell on the lab's host, or on the client outside of it."""

from __future__ import annotations

import shlex
import sys
from typing import Any

import click
from IPython.core.magic import Magics, cell_magic, magics_class

from course_lib import chapter, run
from course_lib.errors import CourseError


@click.command(add_help_option=False)
@click.option("--changes", is_flag=True)
@click.option("--fails", is_flag=True)
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True, max=86400), default=run.TIMEOUT)
def _options(changes: bool, fails: bool, timeout: float) -> tuple[bool, bool, float]:
    """Return what stands on the magic's own line."""
    return changes, fails, timeout


@magics_class
class Shell(Magics):
    """The two magics that the chapters are written with."""

    @cell_magic
    def host(self, line: str, cell: str) -> None:
        """Run the cell as bash on the lab's host: `%%host [--changes] [--fails] [--timeout SECONDS]`.

        Output appears while the command runs. The cell ends at its first failing command and then raises;
        with --fails it raises unless a command fails. Interrupting the kernel ends the command in the lab too.
        With --changes it is said after the output what the cell has changed in the network, and what has counted.
        """
        _run("host", line, cell, run.HOST)

    @cell_magic
    def client(self, line: str, cell: str) -> None:
        """Run the cell as bash on the client: `%%client [--changes] [--fails] [--timeout SECONDS]`; see %%host."""
        _run("client", line, cell, run.CLIENT)


def _run(name: str, line: str, cell: str, place: tuple[str, ...]) -> None:
    """Run a cell and print what it says while it says it."""
    try:
        changes, fails, timeout = _options.main(shlex.split(line), standalone_mode=False)
    except (click.ClickException, ValueError) as error:
        words = error.format_message() if isinstance(error, click.ClickException) else str(error)
        raise CourseError(
            f"{words.rstrip('.')}: a cell begins with `%%{name} [--changes] [--fails] [--timeout SECONDS]`."
        ) from None
    before = chapter.observe() if changes else None
    run.run(cell, place, fails=fails, timeout=timeout, show=_show)
    if before:
        chapter.print_changes(before, chapter.observe())


def _show(text: str) -> None:
    """Print text at once."""
    sys.stdout.write(text)
    sys.stdout.flush()


def load_ipython_extension(shell: Any) -> None:
    """Register the magics (IPython calls this for `%load_ext course_lib`)."""
    shell.register_magics(Shell)
