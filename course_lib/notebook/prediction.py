"""A prediction and what the lab says to it, in words and on a page: pure, whoever asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from course_lib.errors import CourseError

Choices = Mapping[str, str] | Sequence[str]


@dataclass(frozen=True)
class Question:
    """A question that has been put to the lab already."""

    text: str
    choices: tuple[str, ...]
    answer: str  # one of the choices: what the lab says
    misconceptions: Mapping[str, str]  # what somebody believes who makes this choice, and why it is not so
    evidence: str = ""

    def verdict(self, choice: str) -> str:
        """Say whether a prediction came true, and if it did not, what is behind it."""
        if choice == self.answer:
            return f"You predicted: {choice}. The lab says the same."
        behind = self.misconceptions.get(choice, "")
        return f"You predicted: {choice}. The lab says: {self.answer}." + (f" {behind}" if behind else "")

    def __str__(self) -> str:
        """Return the question, the choices, the answer and what is wrong with the other choices."""
        lines = [f"Predict: {self.text}", *(f"  ( ) {choice}" for choice in self.choices)]
        lines += [f"The lab says: {self.answer}", *(f"  {line}" for line in self.evidence.splitlines())]
        lines += [f"  Not {choice}: {why}" for choice, why in self._wrong()]
        return "\n".join(lines)

    def html(self, choice: str | None = None) -> str:
        """Return the same for a page, with the answer to a choice, or folded if there was none."""
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


def put(text: str, choices: Choices, answer: Callable[[], object]) -> Question:
    """Put a question to the lab: call `answer`, which finds out.

    It returns one of the choices, True or False for "yes" or "no", or a pair of such an answer and the evidence
    for it (anything that says itself by `str`). Raises CourseError if it returns none of the choices.
    """
    found = answer()
    said, evidence = found if isinstance(found, tuple) else (found, "")
    word = {True: "yes", False: "no"}[said] if isinstance(said, bool) else str(said)
    if word not in choices:
        raise CourseError(f"The lab says {word!r}, which is none of the choices: {', '.join(choices)}.")
    why = dict(choices) if isinstance(choices, Mapping) else {}
    return Question(text, tuple(choices), word, why, str(evidence).rstrip())
