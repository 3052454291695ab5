"""Test predictions: the question, the lab's answer, and the misconception behind a wrong choice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest

from course_lib.errors import CourseError
from course_lib.notebook.prediction import Question, predict

CHOICES = {
    "yes": "The default bridge has no name service.",
    "no": "",
}


def put(text: str, choices: Mapping[str, str] | Sequence[str], answer: Callable[[], object]) -> Question:
    """Return a question with the lab's answer, without its widget."""
    return predict(text, choices, answer=answer).question


def test_the_lab_answers_and_the_misconception_is_named() -> None:
    question = put("Can c1 reach c2 by its name?", CHOICES, lambda: (False, "ping: bad address 'c2'"))
    assert question.answer == "no"
    assert question.verdict("no") == "You predicted: no. The lab says the same."
    assert question.verdict("yes") == ("You predicted: yes. The lab says: no. The default bridge has no name service.")
    assert str(question) == (
        "Predict: Can c1 reach c2 by its name?\n"
        "  ( ) yes\n"
        "  ( ) no\n"
        "The lab says: no\n"
        "  ping: bad address 'c2'\n"
        "  Not yes: The default bridge has no name service."
    )


def test_the_right_choice_has_no_misconception() -> None:
    both = {"a": "Who says a forgets b.", "b": "Who says b forgets a."}
    assert "forgets a" not in str(put("?", both, lambda: "b"))
    assert put("?", ["a", "b"], lambda: "b").verdict("a") == "You predicted: a. The lab says: b."


@pytest.mark.parametrize(("found", "answer"), [(True, "yes"), ("no", "no"), (80, "80"), ((True, 1), "yes")])
def test_an_answer_is_a_word_a_number_or_whether(found: object, answer: str) -> None:
    assert put("?", ["yes", "no", "80"], lambda: found).answer == answer


def test_an_answer_that_is_no_choice_is_refused() -> None:
    with pytest.raises(CourseError, match="'maybe', which is none of the choices: yes, no"):
        put("?", CHOICES, lambda: "maybe")


def test_a_page_folds_the_answer_and_escapes_names() -> None:
    question = put("<b>?", ["<i>", "no"], lambda: ("<i>", "<script>"))
    page = question.html()
    assert page.index("<details>") < page.index("The lab says")
    for text in (page, question.html("no"), question.html("<i>")):
        assert "<script>" not in text
        assert "<i>" not in text
    assert "<b>?" not in page
