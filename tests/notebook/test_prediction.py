"""Test predictions: the question before, the lab's outcome after, what is kept, and what is shown of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from course_lib.errors import CourseError
from course_lib.exercises import predictions, questions
from course_lib.exercises.predictions import NOTE, Prediction
from course_lib.exercises.questions import Belief, Choice, Question
from course_lib.notebook import current, prediction
from course_lib.notebook.progress import progress
from course_lib.paths import MANIFEST

THINKS = Belief("x", "X", "It is so.")
QUESTION = Question(
    "who",
    "01",
    "Who <b>?",
    (Choice("One", "^1", THINKS), Choice("<Two>", "(^2) .*", THINKS), Choice("No", r"\A\Z", THINKS)),
)
ASKED = questions.chapter("01")[0]
RIGHT, WRONG = ASKED.choices[1].text, ASKED.choices[2].text
OUTPUT = "1: lo: <LOOPBACK>\n    inet 127.0.0.1/8\n2: eth0@if2: x\n3: docker0: <NO-CARRIER>\n"


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty working copy as the current folder, in a kernel that has begun a chapter."""
    (tmp_path / MANIFEST).write_text("{}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(current, "_run", ["first"])
    monkeypatch.setattr(prediction, "_asked", {})
    monkeypatch.setattr(prediction, "outputs", {})
    return tmp_path


def click(asked: prediction.Prediction, text: str) -> None:
    said = {"method": "custom", "content": {"choose": text}}
    asked.widget._handle_msg({"content": {"data": said}, "buffers": []})


@pytest.mark.parametrize(
    ("output", "text"), [("1\n", "One"), ("x\n2 y\n", "<Two>"), ("", "No"), ("3\n", None), ("1\n2 \n", None)]
)
def test_the_output_decides_if_it_fits_one_choice(output: str, text: str | None) -> None:
    happened = QUESTION.outcome(output)
    assert (happened and happened.text) == text


def test_the_evidence_is_the_lines_of_the_groups_or_of_the_match_or_the_whole() -> None:
    assert questions.evidence(QUESTION.choices[1], "x\n2 y\nz\n") == "2 y"
    assert questions.evidence(QUESTION.choices[0], "x\n1 y\nz\n") == "1 y"
    assert questions.evidence(QUESTION.choices[2], "a\n" * 20) == "a\n" * 12 + "..."


def test_a_page_shows_the_question_and_nothing_else() -> None:
    bundle = prediction.Prediction(QUESTION)._repr_mimebundle_()
    assert bundle["text/plain"] == "Predict: Who <b>?\n  ( ) One\n  ( ) <Two>\n  ( ) No"
    assert bundle["text/html"] == (
        "<p><b>Predict.</b> Who &lt;b&gt;?</p><ul><li>One</li><li>&lt;Two&gt;</li><li>No</li></ul>"
    )


def test_each_learner_has_an_order_of_choices_that_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    orders = set()
    for number in range(40):
        monkeypatch.setenv("COURSE_LEARNER", f"kim{number}")
        first, second = (prediction.predict(ASKED.id).widget.choices for _ in range(2))
        assert first == second
        assert sorted(first) == sorted(choice.text for choice in ASKED.choices)
        orders.add(tuple(first))
    assert len(orders) == 6
    # Which place the right choice has in the files says nothing about where a learner finds it.
    places = [questions.shuffled(q, "nobody").choices.index(q.choices[-1]) for q in questions.every().values()]
    assert {places.count(place) > len(places) / 5 for place in range(3)} == {True}


def test_without_a_prediction_nothing_is_said_and_nothing_kept(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prediction.predict(ASKED.id)
    prediction.decide(ASKED.id, OUTPUT)
    assert capsys.readouterr().out == f"{OUTPUT}\n"
    assert not (copy / NOTE).exists()


def test_a_prediction_can_be_changed_until_it_is_decided(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = prediction.predict(ASKED.id)
    click(asked, RIGHT)
    click(asked, WRONG)
    assert predictions.read(copy).predictions[ASKED.id].chosen == WRONG
    prediction.decided(ASKED.id, OUTPUT)
    said = capsys.readouterr().out
    assert f"You predicted: {WRONG}. The lab shows: {RIGHT}." in said
    assert ASKED.choices[2].thinks.sentence in said
    assert "3: docker0" in asked.widget.said
    click(asked, RIGHT)
    kept = predictions.read(copy).predictions[ASKED.id]
    assert (kept.chosen, kept.happened) == (WRONG, RIGHT)
    again = prediction.predict(ASKED.id).widget
    assert (again.chosen, again.decided) == (WRONG, True)


def test_a_right_prediction_and_an_output_that_fits_nothing(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    click(prediction.predict(ASKED.id), RIGHT)
    prediction.decided(ASKED.id, "nothing of that kind")
    assert "does not decide" in capsys.readouterr().out
    assert predictions.read(copy).predictions[ASKED.id].happened == ""
    prediction.decided(ASKED.id, OUTPUT)
    assert "The lab shows the same." in capsys.readouterr().out


def test_begin_opens_a_question_again_and_keeps_what_was_predicted(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    predictions.save(copy, predictions.Record({ASKED.id: Prediction(WRONG, "first", RIGHT)}))
    assert prediction.predict(ASKED.id).widget.decided
    monkeypatch.setattr(current, "_run", ["second"])
    asked = prediction.predict(ASKED.id)
    assert (asked.widget.chosen, asked.widget.decided) == ("", False)
    assert "0 right, 1 wrong" in repr(progress())
    click(asked, RIGHT)
    prediction.decided(ASKED.id, OUTPUT)
    assert "1 right, 0 wrong" in repr(progress())


def test_a_question_that_is_none_is_a_sentence() -> None:
    with pytest.raises(CourseError, match="no question 'nosuch'"):
        prediction.predict("nosuch")


def test_outside_of_a_working_copy_no_file_is_written(copy: Path) -> None:
    (copy / MANIFEST).unlink()
    click(prediction.predict(ASKED.id), WRONG)
    assert list(copy.iterdir()) == []
    prediction.OUTSIDE.predictions.clear()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"predictions": {"x": 1}, "done": []}', '{"predictions": {}}', "[" * 99999]
)
def test_a_damaged_file_is_kept_and_said(text: str, copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in (1, 2):
        (copy / NOTE).write_text(text)
        assert predictions.read(copy) == predictions.Record()
        assert capsys.readouterr().out.count("\n") == 1
        assert len([path for path in copy.glob("predictions.damaged-*") if path.read_text() == text]) == number


def test_progress_shows_chapters_and_misconceptions_with_links(copy: Path) -> None:
    made = {
        ASKED.id: Prediction(WRONG, "first", RIGHT),
        "name-on-docker0": Prediction("Yes", "first", "The name is not found"),
    }
    predictions.save(copy, predictions.Record({**made, "gone": Prediction("a", "first", "b")}, ["01_docker0"]))
    shown = progress()
    assert "[x] 01 docker0                 2 of 11 predicted: 0 right, 2 wrong" in repr(shown)
    assert "[ ] 02 publishing ports" in repr(shown)
    page = shown._repr_mimebundle_()["text/html"]
    assert '<a href="01_docker0.ipynb#A-Docker-host-without-a-container">' in page
    assert "Names work on every network" in page
    assert len(shown.met) == 2


def test_what_is_packed_is_what_was_decided_and_what_strangers_pack_is_read_with_care(copy: Path) -> None:
    record = predictions.Record(
        {ASKED.id: Prediction(WRONG, "first", RIGHT), "open": Prediction("a", "first")}, ["01_docker0"]
    )
    note = predictions.packed(record)
    assert json.loads(note) == {"predictions": {ASKED.id: {"chosen": WRONG, "happened": RIGHT}}}
    assert predictions.handed_in(note) == {ASKED.id: ASKED.choices[2].thinks.id}
    for odd in (b"", b"[]", b"\xff", b'{"predictions": [1]}', b'{"predictions": {"a": {"chosen": 1}}}', b"[" * 99999):
        assert predictions.handed_in(odd) == {}
    forged = {
        "predictions": {
            ASKED.id: {"chosen": "<b>", "happened": RIGHT, "run": [1]},
            "x": {"chosen": "", "happened": "y"},
        }
    }
    assert predictions.handed_in(json.dumps(forged).encode()) == {}
