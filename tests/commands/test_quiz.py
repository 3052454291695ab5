"""Test the quiz: a chapter's questions with other names and ports, decided by a fresh lab."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel

from course_lib.commands import quiz
from course_lib.errors import CourseError
from course_lib.exercises import questions
from course_lib.exercises.questions import Choice, Question
from tests.conftest import ROOT, refuse
from tests.worker import lab

CHAPTERS = sorted({question.chapter for question in questions.every().values()} - {"appendix"})


def notebook(chapter: str) -> Any:
    [path] = Path(ROOT / "notebooks").glob(f"{chapter}_*.ipynb")
    return nbformat.read(path, as_version=4)


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_what_is_renamed_is_in_the_chapter_and_the_new_words_are_not(chapter: str) -> None:
    code = "\n".join(cell.source for cell in notebook(chapter).cells if cell.cell_type == "code")
    words = questions.renamed(chapter)
    assert words
    assert len(set(words.values())) == len(words)
    for word, other in words.items():
        assert re.search(rf"\b{word}\b", code), word
        assert not re.search(rf"\b{other}\b", code), other


def test_a_question_is_renamed_with_its_patterns() -> None:
    question = quiz.renamed(questions.named("bridge-knows"), {"c1": "ann", "c2": "bob"})
    assert question.text.startswith("ann and bob run.")
    happened = question.outcome("02:42:ac:11:00:02 dev port-of-ann master docker0 \n")
    assert happened is not None
    assert happened.text == "That of ann"


def test_the_id_of_a_question_is_not_renamed() -> None:
    cell = "%%host --decides other-names\ndocker network connect other c1"
    assert quiz._other(cell, {"other": "zoo", "c1": "ann"}) == cell.replace("other c1", "zoo ann")


@pytest.mark.parametrize("name", ["", "07", "nosuch", "0"])
def test_what_is_no_chapter_is_a_sentence(name: str) -> None:
    with pytest.raises(CourseError, match="does not name one chapter"):
        quiz.quiz(lab, name, refuse, lambda question: question.choices[0])


def test_a_question_is_asked_until_somebody_types_a_number_of_a_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = iter(["", "x", "0", "4", " 2 "])
    monkeypatch.setenv("COURSE_LEARNER", "kim")
    monkeypatch.setattr("builtins.input", lambda _: next(typed))
    question = questions.named("docker-interfaces")
    assert quiz.ask(question) == questions.shuffled(question, "kim").choices[1]
    assert next(typed, None) is None

    def nobody(_: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", nobody)
    with pytest.raises(CourseError, match="Nobody can answer"):
        quiz.ask(question)


@pytest.mark.live
@pytest.mark.soak
def test_it_asks_in_a_notebook_too(running_lab: None) -> None:
    manager, kernel = start_new_kernel(cwd=str(ROOT))
    said: list[str] = []

    def show(message: Any) -> None:
        content = message["content"]
        said.append(str(content.get("text") or content.get("data", {}).get("text/plain") or content.get("evalue", "")))

    try:
        kernel.execute_interactive(
            "from course_lib import quiz\nquiz('00')",
            allow_stdin=True,
            output_hook=show,
            stdin_hook=lambda message: kernel.input("1"),
            timeout=240,
        )
    finally:
        kernel.stop_channels()
        manager.shutdown_kernel(now=True)
    text = "".join(said)
    assert "to port 8123 of the host" in text
    assert re.search(r"The lab shows(: 80| the same)\.", text)
    assert re.search(r"^[01] of 1 right\.$", text, re.MULTILINE)


def decided(chapter: str) -> dict[str, str]:
    """Return the committed outputs that decide a chapter's questions, by the question's id."""
    cells = [cell for cell in notebook(chapter).cells if cell.cell_type == "code"]
    found = [(name, cell) for cell in cells for name in re.findall(rf"{quiz.DECIDES}([\w-]+)", cell.source)]
    return {name: "".join(output.get("text", "") for output in cell.outputs) for name, cell in found}


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_renamed_outputs_decide_renamed_questions_alike(chapter: str) -> None:
    words = questions.renamed(chapter)
    for name, output in decided(chapter).items():
        question = questions.named(name)
        happened = question.outcome(output)
        other = quiz.renamed(question, words)
        assert happened
        assert other.outcome(quiz._other(output, words)) == other.choices[question.choices.index(happened)], name


@pytest.mark.live
@pytest.mark.parametrize(
    "chapter", [pytest.param(c, marks=[pytest.mark.slow if c == "01" else pytest.mark.soak]) for c in CHAPTERS]
)
def test_a_fresh_lab_decides_each_question_as_the_notebook_does(
    chapter: str, running_lab: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the engine of the notebooks, who answers as they do is right each time."""
    key = {name: questions.named(name).outcome(output) for name, output in decided(chapter).items()}

    def answer(question: Question) -> Choice:
        happened = key[question.id]
        assert happened
        return question.choices[questions.named(question.id).choices.index(happened)]

    assert quiz.quiz(lab, chapter, refuse, answer) == (len(key), len(key))
    assert "refuted" not in capsys.readouterr().out
    assert [one.name for one in lab.relatives() if one.name.endswith(".quiz")] == []
