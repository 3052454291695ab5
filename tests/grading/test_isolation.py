"""Test that an error with one answer affects no other, and is never reported as zero points. Without a lab."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from course_lib.commands.cli import main
from course_lib.engine import client
from course_lib.errors import CourseError, EngineMissingError, LabGoneError
from course_lib.exercises import probes
from course_lib.exercises.checks import Result
from course_lib.grading import grader, replay_worker, report, sandbox
from course_lib.grading.replay_worker import Job
from course_lib.lab import execute
from course_lib.lab.lifecycle import Lab
from tests import hostile
from tests.bench.grading import hand_in
from tests.conftest import ROOT
from tests.grading.test_grader import EXERCISE, FACTS, evidence, rows, run_grader, without_docker

JOB = Job(EXERCISE, "kim", "", "default.thrown", "seed", "grader", 0.3)


def fails(error: BaseException) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


def test_what_breaks_docker_is_said_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hand_in(tmp_path / "class", "kim", "solution")
    without_docker(monkeypatch, fails(CourseError("The Docker engine refused.")))
    for _ in range(2):
        assert run_grader(tmp_path / "class", tmp_path / "out", jobs=1) == [
            f"kim, {EXERCISE}: The Docker engine refused."
        ]
        [row] = rows(tmp_path / "out").values()
        assert (row["points"], row["notes"]) == ("", f"{EXERCISE}: not graded: The Docker engine refused.")
    without_docker(monkeypatch, lambda job: evidence())
    assert run_grader(tmp_path / "class", tmp_path / "out", jobs=1) == []
    [row] = rows(tmp_path / "out").values()
    assert (row["points"] != "", row["notes"]) == (True, "")


def test_one_answer_takes_the_report_from_nobody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each hostile learner breaks another step: replay, judging, the report, reading the submission."""
    folder, out = tmp_path / "class", tmp_path / "out"
    strange: dict[str, Callable[[], dict[str, Any]]] = {
        "crash": evidence,  # see below
        "gone": lambda: evidence(facts=None, probes={}, broken="It is gone."),  # this one is graded
        "lost": lambda: evidence(answer={"ended": "Its end was lost.", "output": ""}),  # and this one
        "no-driver": lambda: evidence(facts=FACTS | {"networks": [{}]}),
        "no-words": lambda: evidence(answer={}),
        "no-dictionary": lambda: evidence(probes=[]),
    }
    for learner in ("aa", *strange, "zz"):
        hand_in(folder, learner, "solution")
    (folder / "aa" / EXERCISE / "hints.json").write_text('{"\\ud800": 1, "shop-answers": 1, "x": 1e999}')
    (folder / "zz" / EXERCISE / "hints.json").write_text('{"\\ud800": 1, "shop-answers": 1}')
    hostile.write_archives(folder)
    (folder / "Odd Name").mkdir()

    def replayed(job: Any) -> dict[str, Any]:
        if job.learner == "crash":
            raise ZeroDivisionError("\ud800")
        return strange.get(job.learner, evidence)()

    without_docker(monkeypatch, replayed)
    assert run_grader(folder, out, jobs=2) == [f"crash, {EXERCISE}: ZeroDivisionError: \N{REPLACEMENT CHARACTER}"]
    found = rows(out)
    assert len(found) == 2 + len(strange) + len(hostile.ARCHIVES) + 1
    assert (found["aa"]["points"], found["aa"]["notes"], found["aa"]["hints"]) == (found["zz"]["points"], "", "0")
    assert (found["zz"]["points"] != "", found["zz"]["hints"]) == (True, "1")
    for name, why in {"gone": "It is gone.", "lost": "Its end was lost."}.items():
        row = found.pop(name)
        assert (row["points"], row["notes"]) == ("0" if name == "gone" else found["aa"]["points"], f"{EXERCISE}: {why}")
    for name, row in found.items():
        if name not in {"aa", "zz"}:
            assert (row["points"], row[f"{EXERCISE}/shop-answers"]) == ("", ""), "no mark is not zero"
            assert "not graded: " in row["notes"] or "refused: " in row["notes"]
            assert "Not graded, no marks: " in (out / "learners" / name / "index.html").read_text()
    suites = ElementTree.parse(out / "junit.xml").findall("testsuite")  # noqa: S314 # our own file
    errors = {suite.get("name"): (suite.get("errors"), len(suite.findall("testcase/error"))) for suite in suites}
    assert errors == dict.fromkeys(found, ("1", 1)) | dict.fromkeys(["aa", "gone", "lost", "zz"], ("0", 0))


def test_evidence_that_cannot_be_drawn_has_its_marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hand_in(tmp_path / "class", "kim", "solution")
    without_docker(monkeypatch, lambda job: evidence())
    monkeypatch.setattr(report, "layout", fails(KeyError("NOSUCH")))
    assert run_grader(tmp_path / "class", tmp_path / "out", jobs=1) == []
    assert rows(tmp_path / "out")["kim"]["points"] != ""
    assert "The network cannot be drawn: KeyError" in (tmp_path / "out/learners/kim/index.html").read_text()


def test_a_report_that_lacks_something_is_no_success(tmp_path: Path) -> None:
    (tmp_path / "class").mkdir()
    hostile.write_archives(tmp_path / "class")
    command = ["grade", str(tmp_path / "class"), "--out", str(tmp_path / "out")]
    for words in (command, ["grade", "--from-evidence", *command[2:]]):
        done = CliRunner().invoke(main, words)
        assert isinstance(done.exception, CourseError)
        assert "Some submissions could not be graded: the report says why" in str(done.exception)
        assert "Not graded: bomb: bomb.tar.gz: refused: it holds more than" in done.output


def test_what_a_killed_grader_did_not_come_to_is_no_zero(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hand_in(tmp_path / "class", "kim", "solution")
    without_docker(monkeypatch, fails(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        run_grader(tmp_path / "class", tmp_path / "out", jobs=1)
    [kim] = report.read(tmp_path / "out")
    assert (kim.points, kim.failed) == (None, (f"{EXERCISE}: not graded: the grader ended before it was replayed",))


def test_two_graders_of_one_report(tmp_path: Path) -> None:
    hand_in(tmp_path / "class", "kim", "solution")
    out = tmp_path / "out"
    command = [sys.executable, "-m", "course_lib", "grade", str(tmp_path / "class"), "--out", str(out)]
    with report.held(out, new=True):
        for words in (command, [*command, "--from-evidence"]):
            done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
            assert done.returncode == 1
            assert done.stderr == f"Another `./course grade` is writing the report {out}: wait until it has finished.\n"
        assert [path.name for path in out.iterdir()] == [report.LOCK], "nothing was touched"


def test_a_report_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "class" / "kim").mkdir(parents=True)
    for words in ([str(tmp_path / "class")], ["--from-evidence"]):
        done = CliRunner().invoke(main, ["grade", *words, "--out", str(tmp_path / "file" / "out")])
        assert str(done.exception) == f"The report {tmp_path / 'file' / 'out'} cannot be written: Not a directory."


@pytest.mark.parametrize("place", ["report", "missing/report"])
def test_without_evidence_there_is_nothing_to_mark_again(place: str, tmp_path: Path) -> None:
    out = tmp_path / place
    done = CliRunner().invoke(main, ["grade", "--from-evidence", "--out", str(out)])
    assert str(done.exception) == f"There is no evidence in {out}: `./course grade DIR --out {out}` gathers it."
    assert not out.parent.exists() or out.parent == tmp_path


def test_a_damaged_archive_next_to_a_good_answer_leaves_the_learner_a_total(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_in(tmp_path / "class", "kim", "solution")
    (tmp_path / "class" / "kim.x.zip").write_bytes(b"damaged")
    (tmp_path / "class" / "lee.zip").write_bytes(b"damaged")
    without_docker(monkeypatch, lambda job: evidence())
    assert run_grader(tmp_path / "class", tmp_path / "out", jobs=1) == []
    found = rows(tmp_path / "out")
    assert found["kim"]["points"] == str(sum(v.points for v in report.read(tmp_path / "out")[0].answers[0].verdicts))
    assert found["kim"]["notes"].startswith("kim.x.zip: refused: it cannot be read")
    assert (found["lee"]["points"], found["lee"]["notes"][:16]) == ("", "lee.zip: refused")


def test_the_report_has_the_modes_that_the_umask_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hand_in(tmp_path / "class", "kim", "solution")
    without_docker(monkeypatch, lambda job: evidence())
    before = os.umask(0o077)
    try:
        run_grader(tmp_path / "class", tmp_path / "out", jobs=1)
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert {"grades.csv", "index.html", f"{EXERCISE}.json", f"{EXERCISE}.svg"} <= set(modes)
    assert set(modes.values()) == {0o600}


# --- the process of one replay -----------------------------------------------------------------------------------


def fake_replay(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Let a process that does something else stand for `python -m course_lib.grading.replay_worker`."""
    real = subprocess.Popen

    def started(command: list[str], **options: Any) -> Any:
        return real([sys.executable, "-c", f"import sys, time; {code}"], **options)

    monkeypatch.setattr(grader.subprocess, "Popen", started)


@pytest.mark.parametrize(
    ("output", "why"),
    [
        ('{"failed": "The Docker engine refused: no."}', "The Docker engine refused: no."),
        ("Segmentation fault", "Its replay ended with exit code 3: Segmentation fault"),
        ("", "Its replay ended with exit code 3: no output"),
    ],
)
def test_a_replay_without_evidence_says_why(output: str, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grader, "AROUND", 60)
    fake_replay(monkeypatch, f"print({output!r}, end=''); sys.exit(3)")
    with pytest.raises(CourseError) as caught:
        grader._replay(JOB)
    assert str(caught.value) == why


def test_a_replay_that_takes_too_long_is_the_answers_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_replay(monkeypatch, "time.sleep(60)")
    monkeypatch.setattr(grader, "AROUND", 0.2)
    monkeypatch.setattr(sandbox, "remove", lambda name: None)
    assert grader._replay(JOB)["broken"] == "The lab and its probes did not finish within 0.5 s."


# --- in the replay -----------------------------------------------------------------------------------------------


def attempted(monkeypatch: pytest.MonkeyPatch, output: str = "", **changed: Callable[..., Any]) -> dict[str, Any]:
    """Replay an answer where there is no lab; what is named is replaced."""

    def nothing(*_: Any, **__: Any) -> Any:
        return ""

    monkeypatch.setattr(sandbox, "create", nothing)
    monkeypatch.setattr(sandbox, "remove", nothing)
    monkeypatch.setattr(sandbox, "changed_programs", lambda lab: [])
    monkeypatch.setattr(Lab, "inspect", lambda lab: {"State": {"Running": True}})
    monkeypatch.setattr(execute, "unpack", changed.get("unpack", nothing))
    monkeypatch.setattr(execute, "run", changed.get("run", nothing))
    monkeypatch.setattr(client, "connect", changed.get("connect", nothing))
    monkeypatch.setattr(probes.facts, "read", changed.get("read", lambda lab: FACTS))
    monkeypatch.setattr(probes, "look", lambda lab, probe: Result(probe.place, probe.command, 0, output))
    return dict(replay_worker.replay(JOB))


def test_an_answer_that_breaks_what_runs_it_has_ended_and_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = CourseError("The end of the output was lost on its way: run it again.")
    for name in ("unpack", "run"):
        found = attempted(monkeypatch, **{name: fails(lost)})
        assert (found["answer"]["ended"], found["broken"]) == (str(lost), "")
    with pytest.raises(EngineMissingError):
        attempted(monkeypatch, run=fails(lost), connect=fails(EngineMissingError("No engine.")))


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        ("The lab is not running any more: run `./course reset` for a new one.", "The lab is not running any more."),
        ("The lab is paused: run `docker unpause x`, or `./course reset` for a new one.", "The lab is paused."),
        (
            "The connection to Docker broke (Error: x): repeat the command; if that does not help, run "
            "`./course reset` for a new lab.",
            "The connection to Docker broke (Error: x).",
        ),
        (
            "The lab's dockerd does not answer: `./course reset` makes a fresh lab.",
            "The lab's dockerd does not answer.",
        ),
    ],
)
def test_what_an_answer_broke_is_told_without_advice_to_a_learner(
    message: str, kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The teacher reads it, and nobody can reset a sandbox."""
    found = attempted(monkeypatch, run=fails(LabGoneError(message)), read=fails(LabGoneError(message)))
    assert found["answer"]["ended"] == kept
    assert found["broken"] == f"The lab's host could not be inspected: {kept}"


def test_what_is_kept_is_what_made_sense(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lab may answer otherwise when it is asked the second time."""
    answers = [FACTS, FACTS | {"networks": [{}]}] * 2
    found = attempted(monkeypatch, read=lambda lab: answers.pop(0))
    assert (found["facts"], found["probes"]) == (None, {})
    assert found["broken"].startswith("The lab's host could not be inspected: its answer makes no sense (KeyError")


def test_evidence_has_no_control_characters_and_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = "\ud800\x1b[31m\x00\x9b"
    found = attempted(monkeypatch, output=f"a\tb\r\nc{odd}", read=lambda lab: FACTS | {odd: [odd]})
    assert found["broken"] == ""
    assert re.findall(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]", json.dumps(found, ensure_ascii=False)) == []
    assert {probe["output"][:5] for probe in found["probes"].values()} == {"a\tb\nc"}
    found = attempted(monkeypatch, read=lambda lab: FACTS | {"more": "x" * 1_000_000})
    assert (found["facts"], found["broken"]) == (None, "The evidence is longer than 1,000,000 characters.")
