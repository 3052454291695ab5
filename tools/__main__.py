"""`./course test`: run the gate, or the soak."""

from __future__ import annotations

import os
import sys

import click

from course_lib.commands import cli
from course_lib.lab.lifecycle import from_environment
from tools import gate, soak


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("paths", nargs=-1, type=click.Path(exists=True))
@click.option("--all", "whole", is_flag=True, help="Also what is slow, as CI does (where CI is set).")
@click.option("--soak", "long", is_flag=True, help="All engines, repeats, random order; writes docs/soak-DATE-PART.md.")
@click.option(
    "--part", "parts", type=click.Choice(soak.PARTS), multiple=True, help="A part of the soak  [default: all]"
)
@click.option("--runs", type=click.IntRange(1), default=20, show_default=True, help="Random orders in the soak.")
def main(paths: tuple[str, ...], whole: bool, long: bool, parts: tuple[str, ...], runs: int) -> None:
    """Run the gate: style, types, layers, pure and live tests, and every chapter (or only PATHS).

    \b
    Examples:
      ./course test                               for each commit: a few minutes
      ./course test notebooks/01_docker0.ipynb    one notebook, strictly
      ./course test --all                         also what is slow, and every exercise, as in CI
      ./course test --soak --part engines         a part of what takes hours
    """
    level = gate.WHOLE if whole or os.environ.get("CI") else gate.QUICK
    if whole and (paths or long):
        raise click.UsageError("--all is for the gate: the soak and paths run everything they name without it.")
    if paths and long:
        raise click.UsageError("The soak has parts instead of paths: leave out the paths.")
    if parts and not long:
        raise click.UsageError("Only the soak has parts: add --soak.")
    parts = tuple(part for part in soak.PARTS if part in parts or not parts)
    lab = from_environment()
    sys.exit(soak.run(lab, cli.start, parts, runs) if long else gate.run(lab, paths, level))


if __name__ == "__main__":
    cli.entry(main, "./course test")
