"""The contract of a notebook, as far as it can be read without running anything."""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
import pytest

from course_lib.exercises import catalog, questions
from course_lib.exercises.answers import is_stub
from course_lib.exercises.questions import Question

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
EXERCISES = sorted((ROOT / "exercises").glob("*/exercise.ipynb"))
CHAPTERS = [path for path in NOTEBOOKS if not path.name.startswith("00_")]
# The shape of a chapter: these headings in this order, with rounds between the first and the second.
SHAPE = (
    "What you will be able to do",
    "It goes wrong",
    "What the source says, and what we saw",
    "Recap",
    "Exercise",
    "Clean up",
)
# What the kernel forgets while somebody reads: connections (a closed one after 120 s), MACs (300 s), neighbours.
FORGOTTEN = re.compile(
    r"conntrack -L|bridge fdb show.* dynamic|\bip\b[^|;\n]*\bneigh\b(?! (?:add|replace|del))|\barp -n"
)
TRAFFIC = re.compile(r"\b(?:ping|wget|curl|nc)\b|/dev/tcp/")


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def code(path: Path) -> list[Any]:
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def problems(notebook: Any) -> list[str]:
    """Return what a notebook's cells have against the contract."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    found = []
    if [cell.execution_count for cell in cells] != list(range(1, len(cells) + 1)):
        found.append("not executed in order 1..n: nbval never compares a cell without a number")
    if "widgets" in notebook.metadata:
        found.append("metadata.widgets")
    skipped = 0
    for cell in cells:
        text, place = cell.source, f"cell {cell.execution_count}"
        tags = set(cell.metadata.get("tags", []))
        if tags - {"nbval-ignore-output", "raises-exception"}:
            found.append(f"{place}: tags {sorted(tags)}")
        skipped += "nbval-ignore-output" in tags
        if "NBVAL_" in text:
            found.append(f"{place}: a marker of nbval in teaching code")
        if any(line.lstrip().startswith(("!", "%sx", "%system")) for line in text.splitlines()):
            found.append(f"{place}: a command whose failure is not noticed")
        if len(text.splitlines()) > 12:
            found.append(f"{place}: more than 12 lines")
        if (reads := FORGOTTEN.search(text)) and not TRAFFIC.search(text, 0, reads.start()):
            found.append(f"{place}: `{reads[0]}`, and no traffic before it: whoever has read for a while sees nothing")
        if text.rstrip().endswith(";"):
            found.append(f"{place}: a semicolon at the end, which nbval does not know")
        for output in cell.outputs:
            said = str(output.get("text", ""))
            # A cell that decides a question must not say beforehand that it fails.
            if (
                "--fails" not in text
                and "--decides" not in text
                and re.search(r"Error response|command not found|No such file", said)
            ):
                found.append(f"{place}: an error in the output of a cell that does not declare one")
            if re.search(r"^(Removed|Loading|Building)[: ]", said, re.MULTILINE):
                found.append(f"{place}: run on a lab that was not on its first day")
            if output.get("name") == "stderr":
                found.append(f"{place}: stderr")
            if output.output_type == "error" and "raises-exception" not in tags:
                found.append(f"{place}: an error")
    if skipped > 2:
        found.append(f"{skipped} cells skip the comparison")
    return found


def test_there_are_notebooks() -> None:
    assert [path.name for path in NOTEBOOKS][:2] == ["00_start_here.ipynb", "01_docker0.ipynb"]


@pytest.mark.parametrize("path", [*NOTEBOOKS, *EXERCISES], ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_contract(path: Path) -> None:
    assert problems(read(path)) == []


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_shape_of_a_chapter(path: Path) -> None:
    cells = read(path).cells
    headings = [
        line.lstrip("# ").strip()
        for cell in cells
        if cell.cell_type == "markdown"
        for line in cell.source.splitlines()
        if line.startswith("## ")
    ]
    places = [headings.index(title) for title in SHAPE]
    assert places == sorted(places)
    rounds = headings[places[0] + 1 : places[1]]
    assert len(rounds) >= 3
    assert cells[0].source.startswith("# ")
    first, last = code(path)[0].source, code(path)[-1].source
    assert "begin()" in first
    assert "clean_up()" in last


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_each_goal_is_answered_in_the_recap(path: Path) -> None:
    texts = [cell.source for cell in read(path).cells if cell.cell_type == "markdown"]
    goals = next(t for t in texts if t.startswith("## What you will be able to do"))
    recap = next(t for t in texts if t.startswith("## Recap"))
    count = len(re.findall(r"^\d+\. ", goals, re.MULTILINE))
    assert count >= 3
    assert len(re.findall(r"^\d+\. ", recap, re.MULTILINE)) == count


# How a cell asks a question, and how one decides it.
ASKS = re.compile(r'predict\("([\w-]+)"\)')
DECIDES = re.compile(r'(?:--decides |decides="|\bdecide\(")([\w-]+)')


def wrong_questions(cells: Sequence[Any], asked: Sequence[Question]) -> list[str]:
    """Return what a notebook's cells have against the questions of its chapter."""
    texts = [cell.source if cell.cell_type == "markdown" else "" for cell in cells]
    codes = [cell.source if cell.cell_type == "code" else "" for cell in cells]
    asks = [(name[1], number) for number, code in enumerate(codes) if (name := ASKS.fullmatch(code))]
    decides = [(name, number) for number, code in enumerate(codes) for name in DECIDES.findall(code)]
    names = [question.id for question in asked]
    if [name for name, _ in asks] != names or sorted(name for name, _ in decides) != sorted(names):
        return ["not each question once, in the order of its file, and decided once"]
    found = []
    if sum(text.count("<details>") for text in texts) != len(asked) or any("**Predict" in text for text in texts):
        found.append("not one folded answer for each question, or a question in prose")
    for question in asked:
        begin, end = dict(asks)[question.id], dict(decides)[question.id]
        if begin > end:
            found.append(f"{question.id}: decided before it is asked")
        if "<details>" not in next((text for text in texts[end:] if text), ""):
            found.append(f"{question.id}: no folded answer in the first text after it is decided")
        if cells[begin].outputs[0].data["text/plain"] != str(question):
            found.append(f"{question.id}: its committed output is not the question alone")
        output = "".join(output.get("text", "") for output in cells[end].outputs)
        shown = [choice.text for choice in question.choices if re.search(choice.shows, output, re.MULTILINE)]
        if len(shown) != 1:
            found.append(f"{question.id}: the committed output shows {shown}")
        if len({choice.text for choice in question.choices}) < max(2, len(question.choices)):
            found.append(f"{question.id}: fewer than two choices, or two that are the same")
    return found


def chapter_of(path: Path) -> str:
    return path.name.partition("_")[0]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_questions_stand_before_what_decides_them_and_answers_after_it(path: Path) -> None:
    asked = questions.chapter(chapter_of(path))
    assert wrong_questions(read(path).cells, asked) == []
    assert len(asked) >= (1 if path not in CHAPTERS else 3)


def test_every_question_has_a_notebook_and_every_belief_a_choice() -> None:
    assert {question.chapter for question in questions.every().values()} == {chapter_of(path) for path in NOTEBOOKS}
    used = {choice.thinks.id for question in questions.every().values() for choice in question.choices}
    raw = tomllib.loads((questions.FOLDER / "beliefs.toml").read_text())["belief"]
    assert [belief["id"] for belief in raw if belief["id"] not in used] == []
    assert len({belief["id"] for belief in raw}) == len({belief["name"] for belief in raw}) == len(raw)


BROKEN = {
    "asked after it is decided": lambda cells: [cells[1], cells[0], cells[2]],
    "not decided": lambda cells: [cells[0], cells[2]],
    "asked twice": lambda cells: [cells[0], *cells],
    "answered before it is decided": lambda cells: [cells[0], cells[2], cells[1]],
    "not answered": lambda cells: cells[:2],
    "answered twice": lambda cells: [*cells, cells[2]],
    "another output": lambda cells: [cells[0], nbformat.v4.new_code_cell(cells[1].source), cells[2]],
}


@pytest.mark.parametrize("how", BROKEN)
def test_the_contract_of_questions_can_be_broken(how: str) -> None:
    [path] = ROOT.glob("notebooks/01_*.ipynb")
    question = questions.chapter("01")[0]
    cells = read(path).cells
    at = next(number for number, cell in enumerate(cells) if cell.source == f'predict("{question.id}")')
    three = cells[at : at + 3]
    assert wrong_questions(three, [question]) == []
    assert wrong_questions(BROKEN[how](three), [question]) != []


def test_the_contract_can_be_broken() -> None:
    bad = nbformat.v4.new_notebook()
    cell = nbformat.v4.new_code_cell("!ls\nx;")
    cell.outputs = [nbformat.v4.new_output("stream", name="stderr", text="Removed: x\nsh: ls: command not found")]
    bad.cells = [cell]
    assert len(problems(bad)) == 6


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("conntrack -L -p tcp", 1),
        ("conntrack -L -p tcp; docker exec c1 wget -q -O - http://203.0.113.20/", 1),
        ("bridge fdb show br docker0 dynamic | sort", 1),
        ("ip neigh\necho", 1),
        ("ip -n client neigh show dev eth0", 1),
        ("docker exec c1 arp -n", 1),
        ("docker exec c1 ping -c 1 c2\ndocker exec c1 arp -n", 0),
        ("bridge fdb show br docker0 | grep permanent", 0),
        ("ip neigh del 172.17.0.2 dev docker0", 0),
    ],
)
def test_a_cell_makes_the_traffic_that_it_shows(text: str, count: int) -> None:
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(f"%%host\n{text}", execution_count=1)]
    assert len(problems(notebook)) == count


def patterns() -> list[tuple[re.Pattern[str], str]]:
    lines = (ROOT / "tests/nbval_sanitize.cfg").read_text().splitlines()
    pairs = itertools.pairwise(lines)
    return [
        (re.compile(first.removeprefix("regex: ")), second.removeprefix("replace: "))
        for first, second in pairs
        if first.startswith("regex: ")
    ]


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0:8080->80/tcp",
        "172.17.0.2/16",
        "192.168.100.254",
        "tcp dpt:80 to:172.17.0.2:80",
        "32768",
        "    1    60 MASQUERADE  all  --  *      !docker0  172.17.0.0/16        0.0.0.0/0",
        "203.0.113.10 asked for /",
        "container c1",
        "-A DOCKER ! -i docker0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.2:80",
    ],
)
def test_the_sanitizer_hides_nothing_that_a_lesson_is_about(text: str) -> None:
    for pattern, _ in patterns():
        assert not pattern.search(text), pattern.pattern


def test_the_sanitizer_finds_what_changes() -> None:
    text = (
        "5: veth4436110@if4: link/ether 02:11:fe:6d:b6:6d fe80::11:feff:fe6d:b66d/64 br-67d715829670\n"
        "0fb99e6b7175 0fb99e6b71759fbeb859f931aa0bbd480af57f9e665a61f2f4f44a9a7a9f0b0d time=0.405 ms"
    )
    for pattern, replacement in patterns():
        text = pattern.sub(replacement, text)
    assert text == ("N: VETH@ifN: link/ether MAC LINKLOCAL/64 BRIDGE\nSHORTID ID time=T ms")


@pytest.mark.parametrize("path", EXERCISES, ids=lambda path: path.parent.name)
def test_an_exercise_is_handed_out_empty_and_is_checked_by_one_graded_cell(path: Path) -> None:
    cells = code(path)
    assert "exercise()" in cells[0].source
    assert "clean_up()" in cells[-1].source
    [answer] = [cell for cell in cells if cell.source.startswith("%%answer")]
    assert is_stub(answer.source.partition("\n")[2])
    [graded] = [cell for cell in cells if cell.metadata.get("nbgrader", {}).get("grade")]
    assert graded.source == "check()"
    assert graded.metadata.nbgrader.points == catalog.load(path.parent).points
    assert graded.outputs[-1].data["text/plain"] == "0"
