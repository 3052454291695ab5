"""Ask learners for a prediction before the lab shows what happens: `predict`; cells that decide call `decide`.

A prediction can be changed until the lab has decided it, and made again after `begin()`. Nothing is shown or kept
unless somebody chose, so a run without a learner always has the same output.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import anywidget
import traitlets
from IPython.display import display

from course_lib import paths
from course_lib.errors import CourseError
from course_lib.exercises import catalog, predictions, questions
from course_lib.exercises.predictions import Record
from course_lib.exercises.questions import Choice, Question
from course_lib.notebook import current

HERE = Path(__file__).parent
STYLE = (HERE / "prediction.css").read_text(encoding="utf-8")
OUTSIDE = Record()  # what this kernel keeps outside of a working copy: in no file
outputs: dict[str, str] = {}  # what decided each question in this kernel last: `./course quiz` reads it
_asked: dict[str, Prediction] = {}  # the widget that shows each question in this kernel


def predict(name: str) -> Prediction:
    """Return the question with this id, with a button for each choice; raises CourseError if there is none."""
    _asked[name] = Prediction(questions.named(name))
    return _asked[name]


def decide(name: str, output: object) -> None:
    """Print the output that decides a question; then show what the learner had predicted, if anything."""
    print(output)
    decided(name, str(output))


def decided(name: str, output: str) -> None:
    """Decide a question by a cell's output, and show the outcome if the learner predicted one.

    Raises CourseError if there is no such question, or if the prediction cannot be saved.
    """
    question = questions.named(name)
    outputs[name] = output
    record = _record()
    made = _current(record, name)
    if made is None:
        return
    happened = question.outcome(output)
    verdict = Verdict(question, made.chosen, happened, output)
    if happened and not made.happened:
        record.predictions[name] = predictions.Prediction(made.chosen, made.run, happened.text)
        _save(record)
    if name in _asked and happened:
        _asked[name].close(verdict)
    display(verdict)  # type: ignore[no-untyped-call]


def _record() -> Record:
    folder = paths.working_copy()
    return predictions.read(folder) if folder else OUTSIDE


def _save(record: Record) -> None:
    if folder := paths.working_copy():
        predictions.save(folder, record)


def _current(record: Record, name: str) -> predictions.Prediction | None:
    """Return the learner's prediction, unless it was made before the chapter was begun (again) in this kernel."""
    if not (made := record.predictions.get(name)):
        return None
    choices = {choice.text for choice in questions.named(name).choices}  # an update may have other words
    known = current.run() in ("", made.run) and {made.chosen, made.happened or made.chosen} <= choices
    return made if known else None


class Verdict:
    """What somebody predicted, next to what the lab showed."""

    def __init__(self, question: Question, chosen: str, happened: Choice | None, output: str) -> None:
        self._evidence = questions.evidence(happened, output) if happened else ""
        self._lines = questions.verdict(question, chosen, happened)

    def html(self) -> str:
        """Return the verdict and its evidence as HTML."""
        return self._words() + (f"<pre>{escape(self._evidence)}</pre>" if self._evidence else "")

    def _words(self) -> str:
        return "".join(f"<p>{escape(line)}</p>" for line in self._lines)

    def __repr__(self) -> str:
        """Return the verdict, without its evidence, in lines of text."""
        return "\n".join(self._lines)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {
            "text/html": f'<style>{STYLE}</style><div class="course-verdict">{self._words()}</div>',
            "text/plain": repr(self),
        }


class Buttons(anywidget.AnyWidget):
    """A question, a button for each choice, and what is said about it (prediction.js, prediction.css).

    A click sends a message {"choose": TEXT}.
    """

    _esm = (HERE / "prediction.js").read_text(encoding="utf-8")
    _css = STYLE
    question = traitlets.Unicode().tag(sync=True)
    choices = traitlets.List(traitlets.Unicode()).tag(sync=True)
    chosen = traitlets.Unicode().tag(sync=True)  # the text of a choice; "" before the first one
    decided = traitlets.Bool().tag(sync=True)  # then the choice cannot be changed
    said = traitlets.Unicode().tag(sync=True)  # HTML


class Prediction:
    """A question with a button for each choice, in an order of the learner's own."""

    def __init__(self, question: Question) -> None:
        self.question = question
        choices = [choice.text for choice in questions.shuffled(question, catalog.learner()).choices]
        self.widget = Buttons(question=question.text, choices=choices)
        self.widget.on_msg(lambda _, message, __: self.choose(str(message.get("choose"))))
        made = _current(_record(), question.id)
        if made:
            self.widget.chosen = made.chosen
        if made and made.happened:
            happened = question.choice(made.happened)
            self.close(Verdict(question, made.chosen, happened, outputs.get(question.id, "")))
        elif made:
            self.widget.said = _waiting(made.chosen)
        else:
            self.widget.said = "Choose. A cell below shows what happens."

    def choose(self, text: str) -> None:
        """Keep the learner's choice; it can be changed until the lab has decided."""
        record = _record()
        made = _current(record, self.question.id)
        if not self.question.choice(text) or (made and made.happened):
            return
        record.predictions[self.question.id] = predictions.Prediction(text, current.run())
        try:
            _save(record)
        except CourseError as error:
            self.widget.said = escape(str(error))
            return
        with self.widget.hold_sync():
            self.widget.chosen, self.widget.said = text, _waiting(text)

    def close(self, verdict: Verdict) -> None:
        """Show the verdict; from now on the choice cannot be changed."""
        with self.widget.hold_sync():
            self.widget.decided, self.widget.said = True, f'<div class="course-verdict">{verdict.html()}</div>'

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        choices = "".join(f"<li>{escape(choice.text)}</li>" for choice in self.question.choices)
        page = f"<p><b>Predict.</b> {escape(self.question.text)}</p><ul>{choices}</ul>"
        data, _ = self.widget._repr_mimebundle_(**options) or ({}, {})
        return {**data, "text/html": page, "text/plain": str(self.question)}

    def __repr__(self) -> str:
        return str(self.question)


def _waiting(chosen: str) -> str:
    return f"You predict: {escape(chosen)}. You can change it until a cell below has shown what happens."
