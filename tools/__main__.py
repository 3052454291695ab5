"""Define `./course test`, which runs the gate or the soak."""

from __future__ import annotations

import os
import sys

import click

from course_lib.commands import cli
from course_lib.lab.lifecycle import from_environment
from tools import gate, soak


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("paths", nargs=-1, type=click.Path(exists=True))
@click.option("--all", "whole", is_flag=True, help="Include slow tests and all exercises, as in CI (where CI is set).")
@click.option("--soak", "long", is_flag=True, help="All engines, repeats, random order; writes docs/soak-DATE-PART.md.")
@click.option(
    "--part",
    "parts",
    type=click.Choice(soak.PARTS),
    multiple=True,
    help="Run only this part of the soak  [default: all]",
)
@click.option("--runs", type=click.IntRange(1), default=20, show_default=True, help="Random orders in the soak.")
def main(paths: tuple[str, ...], whole: bool, long: bool, parts: tuple[str, ...], runs: int) -> None:
    """Run the gate: style, types, layers, pure and live tests, and every chapter; or only PATHS.

    \b
    Examples:
      ./course test                               before each commit: takes a few minutes
      ./course test notebooks/01_docker0.ipynb    one notebook, with its outputs compared
      ./course test --all                         also slow tests and every exercise, as in CI
      ./course test --soak --part engines         one part of the soak, which takes hours
    """
    level = gate.WHOLE if whole or os.environ.get("CI") else gate.QUICK
    if whole and (paths or long):
        raise click.UsageError("--all is for the gate only: leave it out with --soak and with paths.")
    if paths and long:
        raise click.UsageError("The soak takes no paths: choose a part of it with --part.")
    if parts and not long:
        raise click.UsageError("Only the soak has parts: add --soak.")
    parts = tuple(part for part in soak.PARTS if part in parts or not parts)
    lab = from_environment()
    sys.exit(soak.run(lab, cli.start, parts, runs) if long else gate.run(lab, paths, level))


if __name__ == "__main__":
    cli.entry(main, "./course test")
