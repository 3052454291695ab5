"""Test exercise(), %%answer, check() and hint() in a copy of an exercise, handing in, and the real nbgrader."""

from __future__ import annotations

import csv
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from IPython.core.error import StdinNotImplementedError

from course_lib import paths
from course_lib.commands import working_copy
from course_lib.errors import CommandFailedError, CourseError
from course_lib.exercises import answers, catalog
from course_lib.grading import hand_in
from course_lib.grading.submissions import read_class
from course_lib.notebook import current, practice
from course_lib.paths import EXERCISES
from tests.conftest import ROOT, refuse
from tests.exercises.test_answers import filled
from tests.worker import lab

NAME = "02_publish_three_ways"


def script(source: str, learner: str) -> str:
    """Return an answer from the exercise's folder, with a learner's values."""
    what = catalog.named(NAME)
    return filled(answers.files_of(what.folder / source), what.values(learner))[answers.ANSWER].decode()


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy the exercise's folder as it is handed out, and change to it, as the learner kim."""
    folder = tmp_path / NAME
    folder.mkdir()
    for name in ("checks.py", "exercise.ipynb"):
        shutil.copy(EXERCISES / NAME / name, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COURSE_LEARNER", "kim")
    return folder


def show(text: str) -> None:
    print(text, end="")


@pytest.mark.live
@pytest.mark.usefixtures("fresh_lab")
@pytest.mark.slow
def test_from_the_stub_to_the_last_point(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    practice.answer("# nothing yet\n\n", show, 10)
    assert capsys.readouterr().out.startswith("No answer yet: ")
    assert not (desk / "answer.sh").exists()
    assert practice.check() == 0
    said = capsys.readouterr().out
    words = [line[:11].strip() for line in said.splitlines()]
    assert (words.count("wrong"), words.count("not checked")) == (3, 3)
    assert said.count("hint: ") == 1, "only the first thing that is wrong is explained"
    practice.answer(script("mistakes/everywhere", "kim"), show, 60)
    assert practice.check() == 6
    assert "0.0.0.0" in capsys.readouterr().out
    practice.hint()
    said = capsys.readouterr().out
    assert "  hint: `docker ps` shows 0.0.0.0 before the port" in said, "it goes on from what check() saw"
    assert said.endswith(f"`hint()` again shows step 1 of 3. {practice.COST}\n"), (
        "what a step costs, before it is taken"
    )
    assert catalog.hints_taken(desk) == {}
    for count in (1, 2, 3, 3):
        practice.hint()
        said = capsys.readouterr().out
        assert f"  {count} of 3: " in said
        assert said.endswith("There are no more hints for this.\n") == (count == 3)
        assert catalog.hints_taken(desk) == {"desk-closed": count}
    practice.answer(script("mistakes/other-page", "kim"), show, 60)
    for _ in range(2):
        practice.hint()
    assert "index.html` shows it. Is it nginx" not in capsys.readouterr().out
    practice.hint()
    assert "index.html` shows it. Is it nginx" in capsys.readouterr().out, "the steps are about the mistake"
    practice.answer(script("solution", "kim"), show, 60)
    assert (desk / "answer.sh").read_text() == script("solution", "kim")
    assert practice.check() == 8
    practice.hint()
    assert "Everything is right" in capsys.readouterr().out


@pytest.mark.live
@pytest.mark.usefixtures("fresh_lab")
@pytest.mark.slow
def test_an_answer_that_fails_says_so_and_a_neighbours_does_not_fit(desk: Path) -> None:
    with pytest.raises(CommandFailedError, match="exit code 3"):
        practice.answer("echo begun\nexit 3\n", show, 10)
    practice.answer(script("solution", "lee"), show, 60)
    assert practice.check() == 0


@pytest.mark.live
@pytest.mark.usefixtures("fresh_lab")
@pytest.mark.slow
@pytest.mark.parametrize(("name", "who"), [("04_two_tiers", "back"), ("08_capstone", "shop")])
def test_who_pauses_a_container_as_a_hint_says_and_forgets_it_loses_nothing(
    name: str, who: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    what = catalog.named(name)
    values = what.values("kim")
    assert any(f"docker pause {{{who}}}" in step for check in what.checks for step in check.steps)
    monkeypatch.chdir(shutil.copytree(what.folder, tmp_path / name))
    monkeypatch.setenv("COURSE_LEARNER", "kim")
    right = filled(answers.files_of(what.folder / "solution"), values)[answers.ANSWER].decode()
    practice.answer(right, show, 60)
    current.host(f"docker pause {values[who]}")
    practice.answer(right, show, 60)
    assert practice.check() == what.points
    current.host(f"docker pause {values[who]}")
    practice.exercise()
    assert (tmp_path / name / answers.ANSWER).read_text() == right


def test_without_an_exercise_in_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for ask in (practice.check, practice.hint, practice.exercise):
        with pytest.raises(CourseError, match=r"it has no checks\.py"):
            ask()


# --- a working copy -----------------------------------------------------------------------------------------------


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lay down a working copy, and change to the folder of an exercise in it, as a learner without a name."""
    folder = working_copy.lay(tmp_path / "my work")
    monkeypatch.chdir(folder / "exercises" / NAME)
    monkeypatch.delenv("COURSE_LEARNER", raising=False)
    for name in ("begin", "_create_start"):  # without a lab
        monkeypatch.setattr(practice, name, lambda *_: None)
    return folder


def asked(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    """Answer the questions for a name; return the list that gets the questions."""
    questions: list[str] = []

    def answer(question: str) -> str:
        questions.append(question)
        return answers[len(questions) - 1]

    monkeypatch.setattr("builtins.input", answer)
    return questions


def test_the_name_is_asked_for_once_and_kept_in_the_working_copy(
    copy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    questions = asked(monkeypatch, " kim ")
    practice.exercise()
    assert capsys.readouterr().out.startswith("Values for kim:\n  shop ")
    practice.exercise()
    monkeypatch.chdir(copy / "exercises" / "03_own_bridge")
    practice.exercise()
    assert questions == [practice.ASK]
    assert (copy / "learner.txt").read_text() == "kim\n"
    practice.exercise("lee")
    assert (copy / "learner.txt").read_text() == "lee\n"
    monkeypatch.setenv("COURSE_LEARNER", "sam")
    practice.exercise()
    assert "Values for sam:" in capsys.readouterr().out, "COURSE_LEARNER wins"


def test_a_learner_without_a_name_is_told_that_it_is_none(
    copy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    questions = asked(monkeypatch, "")
    for _ in range(2):
        practice.exercise()
        said = capsys.readouterr().out
        assert "Values for nobody:" in said
        assert said.endswith(
            'Nobody is not a name: everyone who gave none has these values. `exercise("kim")` gives you kim\'s.\n'
        )
    assert len(questions) == 1


def test_a_name_that_is_none_is_asked_for_again(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked(monkeypatch, "../kim", "kim")
    with pytest.raises(CourseError, match="cannot be a learner's name"):
        practice.exercise()
    practice.exercise()
    assert catalog.learner() == "kim"


def test_where_nobody_can_answer_the_output_is_as_committed(
    copy: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(_: str) -> str:
        raise StdinNotImplementedError("raw_input was called, but this frontend does not support input requests.")

    monkeypatch.setattr("builtins.input", refused)
    practice.exercise()
    book = nbformat.read(EXERCISES / NAME / "exercise.ipynb", as_version=4)
    assert f"The lab has been reset.\n{capsys.readouterr().out}" == book.cells[1].outputs[0].text
    assert not (copy / "learner.txt").exists()


def test_the_checks_are_those_of_the_course_and_the_answer_is_in_the_working_copy(copy: Path) -> None:
    here = catalog.in_folder(Path.cwd())
    assert (here.name, here.folder, here.points) == (NAME, copy / "exercises" / NAME, 8)
    assert not (copy / "exercises" / NAME / "checks.py").exists()
    catalog.write(here.folder / answers.ANSWER, "true")
    assert list(answers.files_of(here.folder)) == [answers.ANSWER]
    assert paths.work() == copy


def test_an_interrupted_write_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog.write(tmp_path / "answer.sh", "first")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        catalog.write(tmp_path / "answer.sh", "second")
    assert [p.name for p in tmp_path.iterdir()] == ["answer.sh"]
    assert (tmp_path / "answer.sh").read_text() == "first"


def test_a_killed_write_leaves_what_was_there_and_nothing_that_is_handed_in(tmp_path: Path) -> None:
    catalog.write(tmp_path / "answer.sh", "first")
    code = (
        "import os, pathlib, signal, sys\n"
        "from course_lib.exercises import catalog\n"
        "pathlib.Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "catalog.write(pathlib.Path(sys.argv[1]) / 'answer.sh', 'second')"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    [left] = tmp_path.glob(".course-*")
    assert answers.files_of(tmp_path) == {"answer.sh": b"first"}
    catalog.write(tmp_path / "answer.sh", "second")
    assert left.exists(), "its writer may be at work"
    os.utime(left, (0, 0))
    catalog.write(tmp_path / "answer.sh", "third")
    assert [p.name for p in tmp_path.iterdir()] == ["answer.sh"]


def test_two_writers_of_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second writer begins and ends just before the first one replaces the file."""
    real, waiting = Path.replace, ["first"]

    def replace(self: Path, target: Path) -> Path:
        if waiting:
            catalog.write(target, waiting.pop())
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    catalog.write(tmp_path / "answer.sh", "second")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("answer.sh", "second")]


def test_an_answer_that_a_full_disk_does_not_take(tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("only root may mount a small disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", tmp_path], check=True)
    try:
        catalog.write(tmp_path / "answer.sh", "first")
        with pytest.raises(CourseError, match=r"^answer.sh could not be written \(No space left"):
            catalog.write(tmp_path / "answer.sh", "second" * 10_000)
        assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("answer.sh", "first")]
    finally:
        subprocess.run(["umount", tmp_path], check=True)


@pytest.mark.live
@pytest.mark.usefixtures("running_lab")
@pytest.mark.slow
def test_submit_runs_it_again_in_a_fresh_lab_and_packs_what_the_grader_reads(
    desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CourseError, match="no answer"):
        hand_in.submit(lab, NAME, refuse, desk.parent)
    (desk / "answer.sh").write_text(script("mistakes/by-hand", "kim"))
    assert not hand_in.submit(lab, NAME, refuse, desk.parent)
    assert "wrong        0/1  The engine chose" in capsys.readouterr().out
    (desk / "answer.sh").write_text(script("solution", "kim"))
    assert hand_in.submit(lab, NAME, refuse, desk.parent)
    assert f"kim.{NAME}.tar.gz" in capsys.readouterr().out
    [kim] = [found for found in read_class(desk.parent) if found.learner == "kim"]
    assert kim.answers == {NAME: {"answer.sh": script("solution", "kim").encode()}}


@pytest.mark.live
@pytest.mark.soak
@pytest.mark.usefixtures("fresh_lab")
def test_the_real_nbgrader_generates_grades_and_exports(tmp_path: Path) -> None:
    source = tmp_path / "source" / NAME
    source.mkdir(parents=True)
    for name in ("checks.py", "exercise.ipynb"):
        shutil.copy(EXERCISES / NAME / name, source)
    (tmp_path / "nbgrader_config.py").write_text(
        "c = get_config()\nc.CourseDirectory.course_id = 'course'\nc.ExecutePreprocessor.timeout = 120\n"
    )

    # nbgrader calls alembic by its name.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {k: v for k, v in os.environ.items() if k != "COURSE_LEARNER"} | {"PYTHONPATH": str(ROOT), "PATH": path}

    def nbgrader(*arguments: str) -> None:
        command = [sys.executable, "-m", "nbgrader", *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]

    nbgrader("generate_assignment", NAME)
    released = tmp_path / "release" / NAME / "exercise.ipynb"
    for student, answer in (("kim", "solution"), ("lee", "mistakes/everywhere")):
        notebook = nbformat.read(released, as_version=4)
        [cell] = [c for c in notebook.cells if c.source.startswith("%%answer")]
        cell.source = f"%%answer\n{script(answer, student)}"
        folder = tmp_path / "submitted" / student / NAME
        shutil.copytree(released.parent, folder)
        (folder / "checks.py").write_text("raise SystemExit('what a student changed here is put back')\n")
        nbformat.write(notebook, folder / "exercise.ipynb")
    nbgrader("autograde", NAME)
    nbgrader("export")
    with (tmp_path / "grades.csv").open(newline="") as file:
        marks = {row["student_id"]: (float(row["score"]), float(row["max_score"])) for row in csv.DictReader(file)}
    assert marks == {"kim": (8.0, 8.0), "lee": (6.0, 8.0)}
    assert re.search("nbgrader", released.read_text())
