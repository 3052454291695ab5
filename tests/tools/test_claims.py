"""Test how claims are read, selected for an engine, and judged: `tools.claims`."""

from __future__ import annotations

from pathlib import Path

import pytest

from course_lib.errors import CourseError
from course_lib.notebook import current
from tools import claims

FILE = """
notebook = "notebooks/01_docker0.ipynb"
[scenes]
web = "docker run -d --name web nginx"
[[claims]]
id = "01-one"
sentence = "It answers."
source = "ip(8)"
attempts = [{ run = "echo yes", expect = '\\Ayes\\Z' }, { run = "echo no", expect = "no", engines = ["20.10"] }]
[[claims]]
id = "01-two"
scene = "web"
engines = ["newest"]
sentence = "It does not."
source = "ip(8)"
attempts = [{ run = "echo yes", expect = "yes", further = "again" }]
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "01.toml"
    file.write_text(text)
    return file


def test_an_attempt_is_for_the_engines_of_its_claim_unless_it_names_others(tmp_path: Path) -> None:
    one, two = claims.read(written(tmp_path, FILE)).claims
    assert [attempt.engines for attempt in one.attempts] == [claims.ENGINES, ("20.10",)]
    assert [attempt.engines for attempt in two.attempts] == [("newest",)]


def test_only_scenes_with_claims_for_the_engine_are_set_up(tmp_path: Path) -> None:
    chapter = claims.read(written(tmp_path, FILE))
    assert [scene.script for scene in claims.scenes_of(chapter, "26.1")] == [""]
    assert [scene.script for scene in claims.scenes_of(chapter, "newest")] == ["", chapter.scenes["web"]]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[[claims]]", "[claims"),
        ('scene = "web"', 'scene = "wb"'),
        ('source = "ip(8)"', ""),
        ("expect =", "expected ="),
        ('"no", engines', '"(", engines'),
        ('notebook = "', 'book = "'),
    ],
)
def test_a_mistake_in_a_file_is_reported_with_the_name_of_the_file(tmp_path: Path, old: str, new: str) -> None:
    assert old in FILE
    with pytest.raises(CourseError, match=r"^01\.toml is not a file of claims: "):
        claims.read(written(tmp_path, FILE.replace(old, new)))


def test_an_unknown_chapter_is_one_sentence_with_the_known_ones() -> None:
    with pytest.raises(CourseError, match=r"^No claims are called 99: choose from .*01"):
        claims.files_of(["99"])


@pytest.mark.live
def test_a_claim_is_refuted_by_its_output_a_scene_that_fails_or_a_script_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "TIMEOUT", 5.0)
    text = FILE.replace('"docker run -d --name web nginx"', '"docker run -d no-such-image"')
    text = text.replace('"echo no"', '"sleep 60; echo no"').replace('engines = ["20.10"]', "spoils = true")
    scenes = claims.scenes_of(claims.read(written(tmp_path, text)), "newest")
    plain, broken = [list(claims.try_scene(current.lab(), scene, "26.1", "newest")) for scene in scenes]
    assert [result.held for result in plain + broken] == [True, False, False]
    assert "did not end within 5 s" in plain[1].output
    assert broken[0].output.startswith("The scene could not be set up")
    assert "expected no\n" in claims.line(plain[1])


def test_a_refuted_attempt_is_tried_again_in_a_new_lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chapter = claims.read(written(tmp_path, FILE))
    said, resets = iter(["", "yes", "no"]), []
    monkeypatch.setattr(claims.Lab, "up", lambda *_: None)
    monkeypatch.setattr(claims.Lab, "remove", lambda *_: None)
    monkeypatch.setattr(claims.Lab, "reset", lambda *_: resets.append(1))
    monkeypatch.setattr(claims, "_run", lambda lab, script: (True, "" if "set -e" in script else next(said)))
    results = claims.try_all(claims.Lab("any"), [chapter], "20.10", "20.10", jobs=1, keep=False)
    assert [(result.number, result.held) for result in results] == [(1, True), (2, True)]
    assert len(resets) == 3, "at first, for the second try, and for the next attempt"
