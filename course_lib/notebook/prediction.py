"""Ask learners for a prediction before the lab shows what happens: `predict`; cells that decide call `decide`.

A prediction can be changed until the lab has decided it, and made again after `begin()`. Nothing is shown or kept
unless somebody chose, so a run without a learner always has the same output.
"""

from __future__ import annotations

from html import escape
from typing import Any

import ipywidgets as widgets
from IPython.display import display

from course_lib import paths
from course_lib.errors import CourseError
from course_lib.exercises import predictions, questions
from course_lib.exercises.predictions import Record
from course_lib.exercises.questions import Choice, Question
from course_lib.notebook import current
from course_lib.notebook.widget_style import CHOICE, NARROW, OURS, SAVED, WIDE

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
        return {"text/html": f'{SAVED}<div class="course-verdict">{self._words()}</div>', "text/plain": repr(self)}


class Prediction:
    """A question with a button for each choice."""

    def __init__(self, question: Question) -> None:
        self.question = question
        text = widgets.HTML(f"{SAVED}<b>Predict.</b> {escape(question.text)}", layout=WIDE)
        # Not radio buttons: there an arrow key chooses at once, so the third choice cannot be reached by keyboard.
        self._choices = [widgets.Button(description=choice.text, layout=NARROW) for choice in question.choices]
        for button in self._choices:
            button.on_click(self._choose)
            button.add_class(CHOICE)
        self._said = widgets.HTML(layout=WIDE)
        self._said.add_class("course-said")
        column = widgets.Layout(align_items="flex-start", width="100%")
        self._box = widgets.VBox([text, widgets.VBox(self._choices, layout=column), self._said])
        self._box.add_class(OURS)
        made = _current(_record(), question.id)
        if made:
            self._mark(made.chosen)
        if made and made.happened:
            self.close(Verdict(question, made.chosen, question.choice(made.happened), outputs.get(question.id, "")))
        elif made:
            self._said.value = _waiting(made.chosen)
        else:
            self._said.value = "Choose. A cell below shows what happens."

    def _choose(self, button: widgets.Button) -> None:
        """Keep the learner's choice; it can be changed until the lab has decided."""
        record = _record()
        made = _current(record, self.question.id)
        if made and made.happened:
            return
        record.predictions[self.question.id] = predictions.Prediction(button.description, current.run())
        try:
            _save(record)
        except CourseError as error:
            self._said.value = f'<div role="status">{escape(str(error))}</div>'
            return
        self._mark(button.description)
        self._said.value = _waiting(button.description)

    def _mark(self, chosen: str) -> None:
        for button in self._choices:
            button.icon = "check" if button.description == chosen else ""

    def close(self, verdict: Verdict) -> None:
        """Show the verdict; from now on the choice cannot be changed."""
        for button in self._choices:
            button.disabled = not button.icon  # leave the chosen one: a disabled button loses the focus
        self._said.value = f'<div role="status" class="course-verdict">{verdict.html()}</div>'

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        choices = "".join(f"<li>{escape(choice.text)}</li>" for choice in self.question.choices)
        page = f"<p><b>Predict.</b> {escape(self.question.text)}</p><ul>{choices}</ul>"
        return {**self._box._repr_mimebundle_(**options), "text/html": page, "text/plain": str(self.question)}

    def __repr__(self) -> str:
        return str(self.question)


def _waiting(chosen: str) -> str:
    words = f"You predict: {escape(chosen)}. You can change it until a cell below has shown what happens."
    return f'<div role="status">{words}</div>'
