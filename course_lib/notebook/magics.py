"""Define the cell magics `%%host`, `%%client` and `%%answer`; `load_ipython_extension` registers them."""

from __future__ import annotations

import shlex
import sys
from typing import Any

import click
from IPython.core.magic import Magics, cell_magic, magics_class

from course_lib.errors import CourseError
from course_lib.lab import execute
from course_lib.notebook import chapter, current


@click.command(add_help_option=False)
@click.option("--changes", is_flag=True)
@click.option("--decides", multiple=True, metavar="ID")
@click.option("--fails", is_flag=True)
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True, max=86400), default=execute.TIMEOUT)
def _options(**options: Any) -> dict[str, Any]:
    return options


@magics_class
class Shell(Magics):
    """The cell magics of the chapters and exercises."""

    @cell_magic
    def host(self, line: str, cell: str) -> None:
        """Run the cell as bash on the lab's host: `%%host [--changes] [--decides ID] [--fails] [--timeout SECONDS]`.

        Output appears while the command runs. The cell ends at its first failing command and then raises;
        with --fails it raises unless a command fails. Interrupting the kernel ends the command in the lab too.
        With --changes it prints, after the output, what the cell changed in the network and which counters rose.
        With --decides the output decides the question with this id, which `predict` asked.
        """
        _run("host", line, cell, execute.HOST)

    @cell_magic
    def client(self, line: str, cell: str) -> None:
        """Run the cell as bash on the client: `%%client [options]`; see %%host."""
        _run("client", line, cell, execute.CLIENT)

    @cell_magic
    def answer(self, line: str, cell: str) -> None:
        """Save the cell as answer.sh next to the notebook, and run it on the host of a fresh lab; see %%host.

        It answers the exercise in the notebook's folder. The folder's other files are next to it while it runs.
        """
        from course_lib.notebook import practice  # a chapter has no exercises

        options = _parsed("answer", line)
        if options["changes"] or options["fails"] or options["decides"]:
            raise CourseError("`%%answer` accepts no --changes, --decides or --fails: remove them.")
        practice.answer(cell, _show, options["timeout"])


def _run(name: str, line: str, cell: str, place: tuple[str, ...]) -> None:
    """Run a cell and print its output while it runs; raises CourseError if an option is wrong or the cell fails."""
    options = _parsed(name, line)
    before = chapter.observe() if options["changes"] else None
    output = execute.run(current.lab(), cell, place, fails=options["fails"], timeout=options["timeout"], show=_show)
    if before:
        chapter.print_changes(before, chapter.observe())
    if options["decides"]:
        from course_lib.notebook import prediction  # it takes ipywidgets, which a cell without a question does not need

        for question in options["decides"]:
            prediction.decided(question, output)


def _parsed(name: str, line: str) -> dict[str, Any]:
    """Return the options in `line`; raises CourseError with the usage if they are wrong."""
    try:
        options: dict[str, Any] = _options.main(shlex.split(line), standalone_mode=False)
    except (click.ClickException, ValueError) as error:
        words = error.format_message() if isinstance(error, click.ClickException) else str(error)
        usage = f"a cell begins with `%%{name} [--changes] [--decides ID] [--fails] [--timeout SECONDS]`."
        raise CourseError(f"{words.rstrip('.')}: {usage}") from None
    return options


def _show(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def load_ipython_extension(shell: Any) -> None:
    """Register the magics (IPython calls this for `%load_ext course_lib`)."""
    shell.register_magics(Shell)
