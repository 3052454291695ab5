"""Every command and every claim of the source, each with the cell that runs it or the text that corrects it.

The tables are tests/source/NN.toml, one for each chapter: rows `[[claim]]` with

    command   a command line of the source, verbatim; or `says`: a claim of it, in our words
    runs      what stands in a code cell of notebooks/NN_*.ipynb that runs it
    corrects  what stands in a markdown cell there that says what is wrong with it, or has changed since
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.conftest import ROOT

# The command lines of the source, by the chapter that follows the section; compared with it below, where it is there.
COMMANDS = {
    "01": [],
    "02": ["docker run --name web -d -p 80:80 nginx:latest", "iptables -t nat -L -nv"],
    "03": [
        "docker network create --driver bridge --subnet 192.168.100.0/24 --gateway 192.168.100.254 mynet",
        "docker run -d -it --name c1 --net mynet --ip 192.168.100.100 -p 8080:8080 busybox",
        "ip addr",
    ],
    "04": ["docker run -p 80:80 --name c1 -it busybox", "docker inspect c1", "iptables -t nat -L -v"],
    "05": [
        "docker run -d --name mysql -v /dbdata:/var/lib/mysql"
        " -e MYSQL_ROOT_PASSWORD=wordpress -e MYSQL_PASSWORD=wordpress mysql:5.7",
        # The source's first try, which it has commented out.
        "docker run -d --name wordpress --link mysql:mysql"
        " -e WORDPRESS_DB_USER=root -e WORDPRESS_DB_PASSWORD=wordpress -p 80:80 wordpress:latest",
        "docker run -d --name wordpress --link mysql:mysql -p 8080:80 wordpress:latest",
    ],
    "06": [
        "cat genid.sh",
        "cat Dockerfile",
        "docker run -d -v ./webdata:/webdata --name genid genid",
        "docker run -d -v /webdata:/usr/share/nginx/html -p 8080:80 --name nignx nginx",
    ],
}
TABLES = sorted((Path(__file__).parents[1] / "source").glob("*.toml"))
CHAPTERS = sorted(path.name[:2] for path in (ROOT / "notebooks").glob("[0-9]*.ipynb") if not path.name.startswith("00"))


def rows(chapter: str) -> list[dict[str, str]]:
    """Return the rows of a chapter's table."""
    path = Path(__file__).parents[1] / f"source/{chapter}.toml"
    assert path.exists(), f"chapter {chapter} has no table {path.name}"
    found: list[dict[str, str]] = tomllib.loads(path.read_text())["claim"]
    return found


def one_line(text: str) -> str:
    """Return a text without its line breaks, which are nobody's fact."""
    return " ".join(text.split())


def problems(row: dict[str, str], cells: list[Any]) -> list[str]:
    """Return what a row has against itself or against the chapter's notebook."""
    found = []
    if set(row) - {"says", "command", "runs", "corrects"}:
        found.append(f"unknown: {sorted(row)}")
    if ("says" in row) == ("command" in row):
        found.append("either `says` or `command`")
    if not {"runs", "corrects"} & set(row):
        found.append("neither run nor corrected")
    for key, kind in (("runs", "code"), ("corrects", "markdown")):
        texts = [one_line(cell.source) for cell in cells if cell.cell_type == kind]
        if key in row and not (row[key].strip() and any(one_line(row[key]) in text for text in texts)):
            found.append(f"no {kind} cell has: {row[key]!r}")
    return found


def command_lines(source: str) -> list[str]:
    """Return the command lines of the source: what stands behind a prompt, also where it is commented out."""
    lines = re.findall(r"^(?:# )?\$ (.*)$", source, re.MULTILINE)
    return [line.partition(" # ")[0].strip() for line in lines]


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_each_claim_is_run_or_corrected_where_the_table_says(chapter: str) -> None:
    (path,) = (ROOT / "notebooks").glob(f"{chapter}_*.ipynb")
    cells = nbformat.read(path, as_version=4).cells
    wrong = [(row.get("says", row.get("command")), found) for row in rows(chapter) if (found := problems(row, cells))]
    assert wrong == []


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_each_command_of_the_source_is_in_the_table(chapter: str) -> None:
    there = [row.get("command") for row in rows(chapter)]
    assert [command for command in COMMANDS[chapter] if command not in there] == []
    assert len(rows(chapter)) > len(COMMANDS[chapter]), "claims, too"


def test_there_is_no_table_without_a_chapter() -> None:
    assert {path.stem for path in TABLES} <= set(CHAPTERS)


def test_the_list_of_commands_is_the_sources() -> None:
    """Where the source is not there, the list above stands for it."""
    folder = Path(os.environ.get("COURSE_SOURCE", ROOT.parent / "shared/source"))
    for path in folder.glob("*.txt"):
        assert command_lines(path.read_text()) == [command for listed in COMMANDS.values() for command in listed]


def test_what_is_a_command_line() -> None:
    text = "# a comment\n$ ip addr # what it shows\n# $ docker run one\nplain text $ no\n$ cat file\n\nthe file\n"
    assert command_lines(text) == ["ip addr", "docker run one", "cat file"]


def test_a_row_can_be_wrong() -> None:
    cells = [nbformat.v4.new_code_cell("%%host\nip addr"), nbformat.v4.new_markdown_cell("It is\nwrong today.")]
    assert problems({"says": "it was right", "corrects": "It is wrong"}, cells) == []
    assert problems({"command": "ip addr", "runs": "ip addr"}, cells) == []
    for row in (
        {"says": "x", "command": "y", "runs": "ip addr"},
        {"runs": "ip addr"},
        {"says": "x"},
        {"says": "x", "runs": "It is wrong"},
        {"says": "x", "corrects": "ip addr"},
        {"says": "x", "runs": ""},
        {"says": "x", "runs": "ip addr", "note": "z"},
    ):
        assert problems(row, cells), row
