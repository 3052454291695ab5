"""Test that untrusted submissions are read safely."""

from __future__ import annotations

import ast
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from course_lib.errors import CourseError
from course_lib.exercises import answers, catalog
from course_lib.grading import hand_in, submission_reader, submissions
from course_lib.grading.submission_reader import RefusedError
from course_lib.grading.submissions import Submission, read_class
from course_lib.lab.lifecycle import Lab
from course_lib.paths import MANIFEST
from tests import hostile
from tests.conftest import refuse
from tests.pythons import supported

EXERCISE = hostile.EXERCISE


OLDEST, *OTHERS = supported()
PYTHONS = [OLDEST, *(pytest.param(version, marks=pytest.mark.slow) for version in OTHERS)]


@pytest.mark.parametrize("version", PYTHONS)
def test_a_hostile_archive_costs_its_author_only(version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On every Python that this machine has: what reads archives differs from one release to the next."""
    monkeypatch.setattr(submissions.sys, "executable", supported()[version])
    hostile.write_archives(tmp_path)
    for name in ("aa", "zoe"):
        (tmp_path / name / EXERCISE).mkdir(parents=True)
        (tmp_path / name / EXERCISE / "answer.sh").write_text("true")
    before = sorted(tmp_path.rglob("*"))
    found = {submission.learner: submission for submission in read_class(tmp_path)}
    for name in ("aa", "zoe"):
        assert found.pop(name) == Submission(name, {EXERCISE: {"answer.sh": b"true"}})
    assert len(found) == len(hostile.ARCHIVES)
    for name in hostile.ARCHIVES:
        bad = found[name.partition(".")[0]]
        [why] = bad.refused
        assert (bad.answers, bad.notes) == ({}, [])
        assert why.startswith(f"{name}: refused: ")
        assert why.isprintable()
        assert "Traceback" not in why
    assert not Path("/tmp/WON").exists()
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("version", PYTHONS)
def test_what_submit_packs_is_read_by_every_python(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submissions.sys, "executable", supported()[version])
    files = {"answer.sh": b"echo 1\n", "page/index.html": b"<p>"}
    (tmp_path / "kim.tar.gz").write_bytes(answers.packed(files, f"{EXERCISE}/"))
    (tmp_path / "kim.zip").write_bytes(hostile.zipped({f"kim/03_own_bridge/{name}": files[name] for name in files}))
    [kim] = read_class(tmp_path)
    assert kim == Submission("kim", {EXERCISE: files, "03_own_bridge": files})


def test_ci_has_debian_12s_own_python() -> None:
    assert "3.11.2" in supported() or not os.environ.get("CI")


def test_an_archive_that_never_ends_or_takes_all_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some Pythons read one for days, others refuse it at once; the other two stand for unknown cases."""
    reader = tmp_path / "reader.py"
    for name, content in hostile.ENDLESS.items():
        (tmp_path / name).write_bytes(content)
    monkeypatch.setattr(submissions, "SECONDS", 3.0)
    for name in hostile.ENDLESS:
        with pytest.raises(RefusedError, match=r"longer than 3 s|it cannot be read"):
            submissions.read(tmp_path / name)
    monkeypatch.setattr(submission_reader, "__file__", str(reader))
    for code, why in {
        "while True: pass": "takes longer than 3 s",
        "import os; os.abort()": "its reader was killed",
        "raise SystemExit('a traceback')": "its reader was killed",
    }.items():
        reader.write_text(code)
        with pytest.raises(RefusedError, match=why):
            submissions.read(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's memory")
def test_the_reader_has_a_limit_of_memory(tmp_path: Path) -> None:
    reader = tmp_path / "reader.py"
    source = (
        Path(submission_reader.__file__).read_text().replace("MOST_PACKED = 4 * MOST_BYTES", "MOST_PACKED = 1 << 32")
    )
    reader.write_text(source)
    (tmp_path / "kim.tar.gz").write_bytes(gzip.compress(bytes(300_000_000), 1))
    done = subprocess.run([sys.executable, reader, tmp_path / "kim.tar.gz"], capture_output=True, check=True)
    assert json.loads(done.stdout) == {"refused": "reading it takes more than 256 MB of memory"}


def test_the_reader_needs_the_standard_library_alone() -> None:
    tree = ast.parse(Path(submission_reader.__file__).read_text())
    lines = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    named = [node.module if isinstance(node, ast.ImportFrom) else node.names[0].name for node in lines]
    here = {str(name).partition(".")[0] for name in named}
    assert here <= sys.stdlib_module_names


def test_a_name_that_is_long_in_bytes_stops_nobody(tmp_path: Path) -> None:
    """A file name may have 255 bytes, and what is not ASCII takes more of them in quotes or when it is composed."""
    for name in (b"\xff" * 70, "\u202e".encode() * 80, "\ufa6c".encode() * 64, b"kim"):
        (tmp_path / os.fsdecode(name)).mkdir()
    found = read_class(tmp_path)
    assert "kim" in [submission.learner for submission in found]
    assert len(found) == 4
    assert all(len(submission.learner.encode()) <= 200 for submission in found)


def test_one_odd_name_stops_nobody(tmp_path: Path) -> None:
    """Moodle's folder of one learner; letters and accents apart, as macOS writes them; bytes that are no text."""
    names = ["Kim Lee_4711_assignsubmission_file", "Jose\u0301", "zoe", "x" * 65, "\udcff\x1b[31m", "=1+1", "zoe"]
    for name in names:
        (tmp_path / name / EXERCISE).mkdir(parents=True, exist_ok=True)
        (tmp_path / name / EXERCISE / "answer.sh").write_text("true")
    found = {submission.learner: submission for submission in read_class(tmp_path)}
    assert [name for name, submission in found.items() if submission.answers] == ["Jos\u00e9", "zoe"]
    odd = [submission for submission in found.values() if not submission.answers]
    assert {s.learner for s in odd} == {repr(name[:60]) for name in names[:1] + names[3:6]}
    assert all("cannot be a learner's name" in s.refused[0] and s.refused[0].isprintable() for s in odd)
    assert all(s.learner.isprintable() for s in odd)


def test_a_misspelt_exercise_beside_a_right_one_is_noted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in (EXERCISE, "02_publsh", ".git", "__pycache__"):
        (tmp_path / "kim" / name).mkdir(parents=True)
        (tmp_path / "kim" / name / "answer.sh").write_text("true")
    (tmp_path / "kim" / "README").write_text("mine")
    (tmp_path / "lee.rar").write_text("another program's")
    [kim] = read_class(tmp_path)
    assert kim == Submission("kim", {EXERCISE: {"answer.sh": b"true"}}, ["kim: not the name of an exercise: 02_publsh"])
    assert capsys.readouterr().out == "Skipped: 'lee.rar' is neither a folder nor one of .tar.gz, .tgz, .tar, .zip.\n"


@pytest.mark.parametrize("place", ["report", "reports/today"])
def test_a_report_inside_of_the_class_is_no_learner(place: str, tmp_path: Path) -> None:
    (tmp_path / "kim" / EXERCISE).mkdir(parents=True)
    (tmp_path / place / "learners" / "kim").mkdir(parents=True)
    assert [submission.learner for submission in read_class(tmp_path, tmp_path / place)] == ["kim"]


def test_a_file_that_is_exchanged_while_it_is_read_leads_nowhere(tmp_path: Path) -> None:
    """Whoever can write to the folder of a class may put a link, or a pipe, where a file was just seen."""
    (tmp_path / "secret").write_text("of the teacher")
    (tmp_path / "answer.sh").symlink_to(tmp_path / "secret")
    os.mkfifo(tmp_path / "pipe")
    for name in ("answer.sh", "pipe"):
        with pytest.raises(RefusedError, match="not a plain file"):
            submission_reader._content(str(tmp_path / name), 100)


def test_a_folder_with_a_way_out_is_refused(tmp_path: Path) -> None:
    for name in ("link", "folder"):
        (tmp_path / name / EXERCISE).mkdir(parents=True)
    (tmp_path / "link" / EXERCISE / "answer.sh").symlink_to("/etc/passwd")
    (tmp_path / "folder" / EXERCISE / "away").symlink_to("/etc")
    (tmp_path / "whole").symlink_to("/etc")
    for submission in read_class(tmp_path):
        assert submission.answers == {}
        assert "link" in submission.refused[0] or "not a plain file" in submission.refused[0]


@pytest.mark.parametrize("top", ["", "kim/"])
def test_what_submit_packs_is_what_is_read_also_in_a_folder_of_its_own(top: str, tmp_path: Path) -> None:
    files = {"answer.sh": b"echo 1\n", "page/index.html": b"<p>"}
    packed = answers.packed(files, f"{top}{EXERCISE}/")
    assert packed == answers.packed(dict(reversed(files.items())), f"{top}{EXERCISE}/")
    (tmp_path / f"kim.{EXERCISE}.tar.gz").write_bytes(packed)
    [kim] = read_class(tmp_path)
    assert (kim.learner, kim.answers, kim.notes) == ("kim", {EXERCISE: files}, [])


def test_two_archives_of_one_learner_are_put_together_and_one_handed_in_twice_is_said(tmp_path: Path) -> None:
    for name, exercise in (("kim.a", EXERCISE), ("kim.b", "03_own_bridge"), ("kim.c", EXERCISE)):
        (tmp_path / f"{name}.tar.gz").write_bytes(answers.packed({"answer.sh": name.encode()}, f"{exercise}/"))
    [kim] = read_class(tmp_path)
    assert kim.answers == {EXERCISE: {"answer.sh": b"kim.c"}, "03_own_bridge": {"answer.sh": b"kim.b"}}
    assert "twice" in kim.notes[0]


def test_nothing_to_grade_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="nothing to grade"):
        read_class(tmp_path)


@pytest.mark.parametrize("name", ["", "a b", "../x", "-x", "a/b", "x" * 65, "a.b"])
def test_what_is_no_name_of_a_learner(name: str) -> None:
    with pytest.raises(CourseError, match="cannot be a learner's name"):
        catalog.checked(name)


def test_a_name_that_is_not_allowed_is_shown_with_where_it_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / EXERCISE).mkdir()
    (tmp_path / EXERCISE / "answer.sh").write_text("true")
    (tmp_path / MANIFEST).write_text("{}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COURSE_LEARNER", "k/i")
    with pytest.raises(CourseError, match=r"^COURSE_LEARNER='k/i' cannot be a learner's name: use up to 64 letters"):
        hand_in.submit(Lab("any"), EXERCISE, refuse, tmp_path)
    monkeypatch.delenv("COURSE_LEARNER")
    (tmp_path / "learner.txt").write_text("a b\n")
    with pytest.raises(CourseError, match=r"^learner\.txt: 'a b' cannot be a learner's name"):
        hand_in.submit(Lab("any"), EXERCISE, refuse, tmp_path)


def test_an_answer_has_only_what_is_the_learners(tmp_path: Path) -> None:
    for name in (
        "answer.sh",
        "Dockerfile",
        "checks.py",
        "exercise.ipynb",
        "02_publish_three_ways.new-2026-11-30.ipynb",
        "solution/answer.sh",
        "mistakes/x/answer.sh",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "link").symlink_to("/etc/passwd")
    assert list(answers.files_of(tmp_path)) == ["Dockerfile", "answer.sh"]
