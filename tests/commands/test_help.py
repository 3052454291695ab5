"""Test what `--help` of the commands prints."""

from __future__ import annotations

import re

import click
import pytest

from course_lib.commands import cli
from tools import __main__ as tools
from tools import claims

EXAMPLES = r"\n  Examples:\n    (COURSE_LAB=\w+ )?\./course [^\n]+\n    (COURSE_LAB=\w+ )?\./course "


@pytest.mark.parametrize("name", ["", *cli.main.commands])
def test_help_gives_examples_one_a_line(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main([*filter(None, [name]), "--help"], standalone_mode=False, prog_name="./course")
    assert re.search(EXAMPLES, capsys.readouterr().out)


def test_the_group_names_the_command_of_contributors_which_has_examples_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cli.main(["--help"], standalone_mode=False)
    shown = capsys.readouterr().out
    assert "`./course test --help`" in " ".join(shown.split())
    assert "..." not in shown.partition("Commands:")[2], "the line of a command is cut"
    for command in (tools.main, claims.main):
        command(["--help"], standalone_mode=False)
        assert re.search(EXAMPLES, capsys.readouterr().out)


def test_every_option_has_a_help_text() -> None:
    for command in (*cli.main.commands.values(), tools.main, claims.main):
        assert all(option.help for option in command.params if isinstance(option, click.Option)), command.name
