"""What learners hand in is read without trust."""

from __future__ import annotations

from pathlib import Path

import pytest

from course_lib import answers, exercises
from course_lib.errors import CourseError
from course_lib.submissions import read_class
from tests import hostile

EXERCISE = hostile.EXERCISE


@pytest.mark.parametrize("name", hostile.ARCHIVES)
def test_a_hostile_archive_costs_its_author_only(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(hostile.ARCHIVES[name])
    (tmp_path / "zoe" / EXERCISE).mkdir(parents=True)
    (tmp_path / "zoe" / EXERCISE / "answer.sh").write_text("true")
    bad, good = sorted(read_class(tmp_path), key=lambda s: s.learner == "zoe")
    assert bad.answers == {}
    [note] = bad.notes
    assert note.startswith(f"{name}: ")
    assert good.answers == {EXERCISE: {"answer.sh": b"true"}}
    assert not Path("/tmp/WON").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([name, "zoe"])


def test_a_folder_with_a_way_out_is_refused(tmp_path: Path) -> None:
    for name in ("link", "folder"):
        (tmp_path / name / EXERCISE).mkdir(parents=True)
    (tmp_path / "link" / EXERCISE / "answer.sh").symlink_to("/etc/passwd")
    (tmp_path / "folder" / EXERCISE / "away").symlink_to("/etc")
    (tmp_path / "whole").symlink_to("/etc")
    for submission in read_class(tmp_path):
        assert submission.answers == {}
        assert "link" in submission.notes[0] or "no plain file" in submission.notes[0]


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
    with pytest.raises(CourseError, match="no learner's name"):
        exercises.checked(name)


def test_an_answer_has_only_what_is_the_learners(tmp_path: Path) -> None:
    for name in (
        "answer.sh",
        "Dockerfile",
        "checks.py",
        "exercise.ipynb",
        "solution/answer.sh",
        "mistakes/x/answer.sh",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "link").symlink_to("/etc/passwd")
    assert list(answers.files_of(tmp_path)) == ["Dockerfile", "answer.sh"]
