"""Ask learners for a prediction before they see the lab's answer: `predict`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import ipywidgets as widgets

from course_lib.errors import CourseError
from course_lib.notebook.widget_style import NARROW, OURS, SAVED, WIDE


@dataclass(frozen=True)
class Question:
    """A question with the lab's answer."""

    text: str
    choices: tuple[str, ...]
    answer: str  # the lab's: one of the choices
    misconceptions: Mapping[str, str]  # by choice: the misconception behind it, and why it is wrong
    evidence: str = ""  # lines of text

    def verdict(self, choice: str) -> str:
        """Return whether a prediction was right; if not, with the answer and the misconception behind the choice."""
        if choice == self.answer:
            return f"You predicted: {choice}. The lab says the same."
        behind = self.misconceptions.get(choice, "")
        return f"You predicted: {choice}. The lab says: {self.answer}." + (f" {behind}" if behind else "")

    def __str__(self) -> str:
        """Return the question, the choices, the answer and what is wrong with the other choices, in lines of text."""
        lines = [f"Predict: {self.text}", *(f"  ( ) {choice}" for choice in self.choices)]
        lines += [f"The lab says: {self.answer}", *(f"  {line}" for line in self.evidence.splitlines())]
        lines += [f"  Not {choice}: {why}" for choice, why in self._wrong()]
        return "\n".join(lines)

    def html(self, choice: str | None = None) -> str:
        """Return HTML: the verdict on a choice or, without one, the question with its answer folded."""
        evidence = f"<pre>{escape(self.evidence)}</pre>" if self.evidence else ""
        if choice is not None:
            return f'<div role="status"><p>{escape(self.verdict(choice))}</p>{evidence}</div>'
        choices = "".join(f"<li>{escape(each)}</li>" for each in self.choices)
        wrong = "".join(f"<p>Not {escape(each)}: {escape(why)}</p>" for each, why in self._wrong())
        answer = f"<p>The lab says: {escape(self.answer)}</p>{evidence}{wrong}"
        head = f"<p><b>Predict.</b> {escape(self.text)}</p><ul>{choices}</ul>"
        return f"{head}<details><summary>Answer</summary>{answer}</details>"

    def _wrong(self) -> list[tuple[str, str]]:
        return [(c, why) for c in self.choices if c != self.answer and (why := self.misconceptions.get(c))]


class Prediction:
    """A question with a button for each choice; a click shows the verdict."""

    def __init__(self, question: Question) -> None:
        self.question = question
        text = widgets.HTML(f"{SAVED}<b>Predict.</b> {escape(question.text)}", layout=WIDE)
        # Not radio buttons: there an arrow key chooses at once, so the third choice cannot be reached by keyboard.
        self._choices = [widgets.Button(description=choice, layout=NARROW) for choice in question.choices]
        for button in self._choices:
            button.on_click(self._show)
        self._answer = widgets.HTML(layout=WIDE)
        column = widgets.Layout(align_items="flex-start", width="100%")
        self._box = widgets.VBox([text, widgets.VBox(self._choices, layout=column), self._answer])
        self._box.add_class(OURS)

    def _show(self, chosen: widgets.Button) -> None:
        """Show the verdict on the first choice; a prediction cannot be changed afterwards."""
        if self._answer.value:
            return
        chosen.icon = "check"  # leave it enabled: a disabled button loses the focus
        for button in self._choices:
            button.disabled = button is not chosen
        self._answer.value = self.question.html(chosen.description)

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        fallback = {"text/html": self.question.html(), "text/plain": str(self.question)}
        return {**self._box._repr_mimebundle_(**options), **fallback}

    def __repr__(self) -> str:
        return str(self.question)


def predict(question: str, choices: Mapping[str, str] | Sequence[str], *, answer: Callable[[], object]) -> Prediction:
    """Return a question to click; once the learner has chosen, it shows the lab's answer.

    `choices` are texts, or a mapping from each text to the misconception behind it ("" for none). `answer` is called
    at once, so that a notebook runs the same with and without clicks. It returns one of the choices, True or False for
    "yes" or "no", or a pair of such an answer and the evidence for it, which is shown as `str` converts it. Raises
    CourseError if the answer is none of the choices.
    """
    result = answer()
    value, evidence = result if isinstance(result, tuple) else (result, "")
    word = {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
    if word not in choices:
        raise CourseError(f"The lab says {word!r}, which is none of the choices: {', '.join(choices)}.")
    why = choices if isinstance(choices, Mapping) else {}
    return Prediction(Question(question, tuple(choices), word, why, str(evidence).rstrip()))
