"""Test the gate and the soak without a lab: chains of steps, and the report."""

from __future__ import annotations

import re
import subprocess
import sys
from math import isnan
from pathlib import Path

import pytest
from click.testing import CliRunner

from course_lib.engine import client
from course_lib.errors import CourseError
from course_lib.lab.lifecycle import Lab
from tests.conftest import ROOT
from tests.worker import lab
from tools import gate, soak
from tools.__main__ import main

LOG = """<testsuites><testsuite>
<testcase classname="notebooks.01_one.ipynb" name="Cell 0" time="1.5" />
<testcase classname="notebooks.01_one.ipynb" name="Cell 1" time="2.5" />
<testcase classname="notebooks.02_two.ipynb" name="Cell 0" time="1" />
<testcase classname="notebooks.02_two.ipynb" name="Cell 1" time="1"><failure message="differ" /></testcase>
</testsuite></testsuites>"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a module for a step of the gate that prints its lab, and fails in the lab `bad`."""
    text = "import os, sys\nname = os.environ.get('COURSE_LAB')\nprint('lab', name)\nsys.exit(name == 'bad')\n"
    (tmp_path / "says_its_lab.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return "says_its_lab"


def test_chains_have_their_labs_and_what_failed_is_named(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    chains = {
        Lab("good"): [("first", [module]), ("second", [module])],
        Lab("bad"): [("third", [module]), ("fourth", [module])],
    }
    assert gate.side_by_side(chains) == ["third", "fourth"], "what failed does not stop its chain"
    said = capsys.readouterr().out
    assert [said.count(line) for line in ("lab good\n== first: passed", "lab bad\n== fourth: FAILED")] == [1, 1]


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize("trace", gate.TRACES)
def test_a_step_that_prints_a_traceback_fails(
    trace: str, stream: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "prints_it.py").write_text(f"import sys\nprint({trace!r}, file=sys.{stream})\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert gate.side_by_side({Lab("lab"): [("step", ["prints_it"])]}) == ["step"]
    assert "== step: FAILED: a traceback was printed" in capsys.readouterr().out


PLANTED = """
import subprocess, sys, threading

def run(**options):
    subprocess.run([sys.executable, "-c", "1 / 0"], check=False, **options)

def test_captured(): run(capture_output=True)
def test_captured_as_text(): run(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
def test_inherited(): run()
def test_thread():
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()
def test_collected():
    class Response:
        def __del__(self): raise ValueError("I/O operation on closed file.")
    Response()
def test_good(): subprocess.run([sys.executable, "-c", "print(1)"], check=True, capture_output=True)
"""


def test_a_test_whose_program_prints_a_traceback_fails(tmp_path: Path) -> None:
    (tmp_path / "test_planted.py").write_text(PLANTED)
    words = ["pytest", "-p", "tests.tracebacks", "-c", ROOT / "pyproject.toml", "-p", "no:cacheprovider", tmp_path]
    done = subprocess.Popen([sys.executable, "-m", *words], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with done, done.stdout as stdout:
        output = stdout.read()
    found = re.findall(r"^(FAILED|ERROR) .*::test_(\w+)", output, re.MULTILINE)
    assert sorted(name for word, name in found if word == "ERROR") == ["captured", "captured_as_text", "inherited"]
    assert sorted(name for word, name in found if word == "FAILED") == ["collected", "thread"]
    assert "2 failed, 4 passed, 3 errors" in output


@pytest.mark.parametrize("level", [gate.QUICK, gate.WHOLE])
def test_the_gate_leaves_out_its_level_and_nothing_else(level: str) -> None:
    """The whole gate and the soak (`-m soak`) have all tests, and no test is in two steps of the gate."""
    steps = [step for chain in gate.plan(level).values() for step in chain]
    chosen = {title: command for title, command in steps if "-m" in command}
    marks = {title: command[command.index("-m") + 1] for title, command in chosen.items()}
    assert marks.pop("pure tests") == f"not live and {level}"
    assert "tests" in chosen.pop("pure tests")
    assert set(marks.values()) == {f"live and {level}"}
    left_out = {word.removeprefix("--ignore=") for word in chosen["live tests"] if word.startswith("--ignore=")}
    assert "tests" in chosen.pop("live tests")
    files = [word for command in chosen.values() for word in command if word.startswith("tests/")]
    assert sorted(files) == sorted(
        left_out - {*gate.ALL_SLOW.values(), gate.GRADER} if level == gate.QUICK else left_out
    ), "what one leaves out the others have, each once"
    assert all(Path(file).exists() for file in files)


def test_the_whole_gate_runs_every_notebook_and_the_quick_one_every_chapter() -> None:
    chosen = {}
    for level in (gate.QUICK, gate.WHOLE):
        words = dict(gate.plan(level)["book"])["notebooks"]
        left_out = {word.removeprefix("--ignore=") for word in words if word.startswith("--ignore=")}
        folders = [word for word in words if word.startswith(("notebooks", "exercises"))]
        found = {path.as_posix() for folder in folders for path in Path(folder).rglob("*.ipynb")}
        assert found >= left_out
        chosen[level] = found - left_out
    chapters = {path.as_posix() for path in Path("notebooks").glob("0*.ipynb")}
    exercises = {path.as_posix() for path in Path("exercises").glob("*/exercise.ipynb")}
    assert chosen[gate.WHOLE] == chapters | exercises | {gate.APPENDIX}
    assert chosen[gate.QUICK] == chapters | {f"exercises/{name}/exercise.ipynb" for name in gate.SMALL}


@pytest.mark.parametrize(
    ("words", "ci", "level"),
    [([], "", gate.QUICK), (["--all"], "", gate.WHOLE), ([], "true", gate.WHOLE)],
)
def test_the_level_of_the_gate(words: list[str], ci: str, level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(gate, "run", lambda lab, paths, level: asked.append(level) or 0)
    assert CliRunner().invoke(main, words).exit_code == 0
    assert asked == [level]


@pytest.mark.parametrize("more", ["--soak", __file__])
def test_all_is_for_the_gate_alone(more: str) -> None:
    done = CliRunner().invoke(main, ["--all", more])
    assert done.exit_code == 2
    assert "--all is for the gate" in done.output


@pytest.mark.live
def test_what_is_taken_away_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    labs = [lab.relative("one"), lab.relative("two")]
    for one in labs:
        client.outer().create_volume(one.volume("26.1"), labels=one.labels)
    gate.remove_labs([*labs, lab.relative("not-there")])
    assert capsys.readouterr().out.splitlines() == [f"Removed the volume {one.volume('26.1')}" for one in labs]


def test_the_parts_of_the_soak_are_all_its_tests_and_none_twice() -> None:
    of = {column.part: column.commands[0] for column in soak.plan(tuple(soak.TESTS), [], seed=1, runs=1)}
    assert set(of) == set(soak.PARTS) - {"orders", "engines"}
    chosen = {part: {word for word in command if word.startswith("tests/")} for part, command in of.items()}
    assert chosen.pop("tests") == set()
    assert {word.removeprefix("--ignore=") for word in of["tests"] if "ignore" in word} == set.union(*chosen.values())
    assert len(set.union(*chosen.values())) == sum(map(len, chosen.values()))
    assert all(Path(file).exists() for files in chosen.values() for file in files)
    assert all(command[command.index("-m") + 1] == "soak" for command in of.values())


def test_the_soak_runs_chapters_in_every_order_on_one_engine_and_all_once_on_the_others() -> None:
    *own, old, new = soak.plan(["orders", "engines"], ["a", "b", "c", "appendix"], seed=1, runs=5)
    assert {column.engine for column in own} == {"26.1"}
    assert len({column.lab for column in own}) == len(own) == 2
    runs = [command for column in own for command in column.commands]
    assert len(runs) == 5
    assert all("--nbval" in command and sorted(command[-3:]) == ["a", "b", "c"] for command in runs)
    assert [old.engine, new.engine] == ["20.10", "newest"]
    assert all("--nbval-lax" in c.commands[0] and "appendix" in c.commands[0] for c in (old, new))


def test_how_long_files_took_and_which_cases_failed() -> None:
    seen = soak.taken(LOG)
    assert seen["01_one.ipynb"] == 4
    assert isnan(seen["02_two.ipynb"])
    assert isnan(seen[soak.ALL])
    assert soak.taken("<nothing/>") == {}
    assert soak.broken(LOG) == ["02_two.ipynb: Cell 1"]
    assert soak.broken("<nothing/>") == []
    assert soak.taken('<suites><suite><testcase time="0" /></suite></suites>') == {}, "interrupted"


def test_the_report_counts_the_answers_on_which_checks_and_oracle_agree() -> None:
    case = '<testcase classname="tests.fairness.test_agreement" name="test_it[{}: one]" time="{}">{}</testcase>'
    cases = [case.format(*these) for these in (("02", 5, ""), ("02", 9, "<failure/>"), ("02", 6, ""), ("03", 4, ""))]
    other = case.replace("agreement", "others").format("04", 1, "")
    lines = soak.agreements([f"<suite>{''.join(cases)}{other}</suite>", "<no-log/>"]).strip().splitlines()
    assert lines[2:] == ["| 02 | 3 | 2 | 6, at most 9 |", "| 03 | 1 | 1 | 4, at most 4 |"]
    assert soak.agreements([LOG]) == ""


def test_the_report() -> None:
    well = {"01_one.ipynb": 4.0, soak.ALL: 4.0}
    columns = {"20.10": [well], "26.1": [well, {**well, "01_one.ipynb": 6.0}, {}], "tests": [{"test_x": 9.0}]}
    lines = soak.report("Soak", "2 cores", columns, ["x"]).splitlines()
    assert lines[4:9] == [
        "|  | 20.10 | 26.1 | tests |",
        "| --- | --- | --- | --- |",
        "| 01_one.ipynb | 1 of 1 passed, 4 s | 2 of 3 passed, 4 to 6 s | - |",
        "| test_x | - | - | 1 of 1 passed, 9 s |",
        "| all of them | 1 of 1 passed, 4 s | 2 of 3 passed, 4 to 4 s | - |",
    ]
    assert lines[-1] == "- x"
    assert soak.report("Soak", "", {"26.1": [soak.taken(LOG)]}, []).endswith("Nothing failed.\n")
    assert "| 02_two.ipynb | 0 of 1 passed |" in soak.report("Soak", "", {"26.1": [soak.taken(LOG)]}, [])


def test_random_orders_can_be_had_again() -> None:
    things = [str(number) for number in range(8)]
    orders = soak.shuffled(things, seed=1, runs=20)
    assert orders == soak.shuffled(things, seed=1, runs=20)
    assert orders != soak.shuffled(things, seed=2, runs=20)
    assert len({tuple(order) for order in orders}) == 20
    assert all(sorted(order) == things for order in orders)


def test_the_gate_installs_the_tools_of_its_tests(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without one of them the others are installed, and the gate goes on: CI fails by the skipped tests."""
    asked = []

    def need(packages: list[str], *_: object) -> None:
        asked.extend(packages)
        raise CourseError(f"no {packages[0]}")

    monkeypatch.setattr(gate, "need_packages", need)
    gate._need_tools()
    assert asked == ["chromium", "shellcheck", "tshark"]
    assert capsys.readouterr().out == "no chromium\nno shellcheck\nno tshark\n"
