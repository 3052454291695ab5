"""Run the exercise in the notebook's folder: `exercise()`, `%%answer` (`answer`), `check()` and `hint()`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.exercises import answers, catalog
from course_lib.exercises.answers import ANSWER, COMMAND, is_stub
from course_lib.exercises.catalog import Exercise
from course_lib.exercises.checks import UNSEEN, WAITING, StartEvidence, Verdict, judge
from course_lib.exercises.probes import beginning, evidence
from course_lib.lab import execute
from course_lib.notebook import current
from course_lib.notebook.chapter import begin
from course_lib.plain_text import one_line

NOT_YET = f"No answer yet: write it in the cell that begins with `%%answer`, and run the cell. It is saved as {ANSWER}."


def exercise(learner: str = "") -> None:
    """Reset the lab, create the exercise's start state in it, and print the learner's values.

    `learner` is saved as the learner's name for all exercises. Raises CourseError if it cannot be a name, or if the
    notebook's folder holds no exercise.
    """
    here = catalog.in_folder(Path.cwd())
    if learner:
        catalog.note_learner(learner)
    who = catalog.learner()
    begin()
    _to_start(here)
    print(f"Values for {who}:")
    for name, value in here.values(who).items():
        print(f"  {name:<12} {value}")


# What the lab showed at an exercise's start, by the lab's id. It is kept in this kernel, where no answer can change it.
_began: dict[str, StartEvidence | None] = {}


def _to_start(here: Exercise) -> None:
    """Create the exercise's start state in an empty lab, and record what the lab shows then."""
    lab, values = current.lab(), here.values(catalog.learner())
    answers.to_start(lab, here, values)
    _began.clear()
    _began[lab.require()] = beginning(lab, here, values)


def _judged(here: Exercise) -> tuple[Verdict, ...]:
    """Probe the lab and return the verdicts; raises CourseError if this kernel did not record the start state."""
    lab, values = current.lab(), here.values(catalog.learner())
    start = _began.get(lab.require())
    if start is None and here.start(values):
        raise CourseError(
            "This kernel did not record the lab's start state: run `exercise()` or your `%%answer` cell first."
        )
    return judge(here, values, evidence(lab, here, values, start))


def answer(cell: str, show: Callable[[str], object], timeout: float) -> None:
    """Save a cell as the answer, next to the notebook, and run it from the exercise's start state.

    `show` gets the output while it appears; `timeout` is in seconds. An answer must build everything from that state,
    so the lab is reset before each run and nothing of an earlier one remains. Raises what `execute.run` raises.
    """
    here = catalog.in_folder(Path.cwd())
    if is_stub(cell):
        print(NOT_YET)
        return
    catalog.write(here.folder / ANSWER, cell)
    current.follow()
    if other := current.other_notebook():
        print(f"Another notebook began to use the lab ({other}). What it created is removed.")
    current.reset()
    lab = current.lab()
    _to_start(here)
    answers.send(lab, answers.files_of(here.folder))
    execute.run(lab, COMMAND, timeout=timeout, show=show)


def check() -> int:
    """Probe the lab and print a line for each check; for the first that is wrong, also the evidence and the hint.

    Return the points: nbgrader uses the last value of a cell as its score
    (`nbgrader.utils.determine_grade`). Raises CourseError if the start state was not recorded.
    """
    here = catalog.in_folder(Path.cwd())
    done = _judged(here)
    first = next((v for v in done if not v.ok and v.mistake != WAITING), None)
    for verdict in done:
        print(f"{'right  ' if verdict.ok else 'not yet'}  {verdict.points}/{verdict.of}  {verdict.wanted}")
        if verdict is first:
            print(explained(verdict))
    print(f"Points (out of {here.points}):")
    return sum(v.points for v in done)


def explained(verdict: Verdict) -> str:
    """Return lines of text: what was found, the evidence (three lines of each output), and the hint."""
    lines = [f"  found: {one_line(verdict.found)}"]
    for result in verdict.evidence:
        lines += [f"  {result.place}$ {result.command}", f"    {result.words}"]
        lines += [f"    {one_line(line)}" for line in result.output.splitlines()[:3]]
    return "\n".join([*lines, *([f"  hint: {one_line(verdict.hint)}"] if verdict.mistake != UNSEEN else [])])


def hint() -> None:
    """Print the next of the three steps towards the first check that is wrong, after the steps before it.

    The number of steps taken is saved next to the notebook. Raises CourseError if that check has no steps.
    """
    here = catalog.in_folder(Path.cwd())
    values = here.values(catalog.learner())
    done = _judged(here)
    first = next((v for v in done if not v.ok), None)
    if first is None:
        print("Everything is right: there is nothing to give a hint for.")
        return
    steps = next(c for c in here.checks if c.name == first.check).steps
    if not steps:
        raise CourseError(f"There are no further hints for {first.check}: `check()` shows all there is.")
    taken = catalog.hints_taken(here.folder)
    number = min(taken.get(first.check, 0) + 1, len(steps))
    catalog.note_hints(here.folder, {**taken, first.check: number})
    print(f"{first.wanted}")
    for count, step in enumerate(steps[:number], 1):
        print(f"  {count} of {len(steps)}: {step.format_map(dict(values))}")
