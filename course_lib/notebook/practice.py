"""What an exercise's notebook uses: `exercise()`, `%%answer`, `check()`, `hint()`, for the exercise in its folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from course_lib.errors import CourseError
from course_lib.exercises import answers, catalog
from course_lib.exercises.answers import ANSWER, COMMAND, is_stub
from course_lib.exercises.catalog import Exercise
from course_lib.exercises.checks import UNSEEN, WAITING, Verdict
from course_lib.exercises.judging import judge
from course_lib.exercises.probes import beginning, evidence
from course_lib.lab import execute
from course_lib.notebook import current
from course_lib.notebook.chapter import begin
from course_lib.plain_text import one_line

NOT_YET = f"Not yet: fill the cell that begins with `%%answer`, and run it. It is kept as {ANSWER}."


def exercise(learner: str = "") -> None:
    """Take the lab to where the exercise begins, and say the learner's own values.

    A name that is given is kept for all exercises.
    """
    here = catalog.load(Path.cwd())
    if learner:
        catalog.note_learner(learner)
    who = catalog.learner()
    begin()
    _to_start(here)
    print(f"The values of {who}:")
    for name, value in here.values(who).items():
        print(f"  {name:<12} {value}")


# How the lab began that this kernel took to an exercise's start, by the lab's id: kept where no answer can change it.
_began: dict[str, dict[str, Any] | None] = {}


def _to_start(here: Exercise) -> None:
    """Take a lab on its first day to where the exercise begins, and look at it."""
    lab, values = current.lab(), here.values(catalog.learner())
    answers.to_start(lab, here, values)
    _began.clear()
    _began[lab.require()] = beginning(lab, here, values)


def _judged(here: Exercise) -> tuple[Verdict, ...]:
    """Look at the lab and judge it; raises CourseError if there was a start and this kernel did not see it."""
    lab, values = current.lab(), here.values(catalog.learner())
    start = _began.get(lab.require())
    if start is None and here.start(values):
        raise CourseError("How this lab began was not seen: run `exercise()` or your cell with `%%answer` first.")
    return judge(here, values, evidence(lab, here, values, start))


def answer(cell: str, show: Callable[[str], object], timeout: float) -> None:
    """Keep a cell as the answer beside the notebook, and run it from where the exercise begins.

    An answer rebuilds everything from nothing. So it is run that way each time: what came of an earlier try is gone.
    """
    here = catalog.load(Path.cwd())
    if is_stub(cell):
        print(NOT_YET)
        return
    catalog.write(here.folder / ANSWER, cell)
    lab = current.lab()
    lab.reset()
    _to_start(here)
    answers.send(lab, answers.files_of(here.folder))
    execute.run(lab, COMMAND, timeout=timeout, show=show)


def check() -> int:
    """Look at the lab, and say of each check whether it is right; of the first that is not, all that helps.

    Return the points (nbgrader takes the last value of a cell for its score).
    """
    here = catalog.load(Path.cwd())
    done = _judged(here)
    first = next((v for v in done if not v.ok and v.mistake != WAITING), None)
    for verdict in done:
        print(f"{'right  ' if verdict.ok else 'not yet'}  {verdict.points}/{verdict.of}  {verdict.wanted}")
        if verdict is first:
            print(explained(verdict))
    print(f"Points, of {here.points}:")
    return sum(v.points for v in done)


def explained(verdict: Verdict) -> str:
    """Return what was found instead, the evidence, and the hint, in lines of text."""
    lines = [f"  found: {one_line(verdict.found)}"]
    for seen in verdict.evidence:
        lines += [f"  {seen.place}$ {seen.command}", f"    {seen.words}"]
        lines += [f"    {one_line(line)}" for line in seen.output.splitlines()[:3]]
    return "\n".join([*lines, *([f"  hint: {one_line(verdict.hint)}"] if verdict.mistake != UNSEEN else [])])


def hint() -> None:
    """Go one step further with the first check that is not right; there are three. How many were taken is noted."""
    here = catalog.load(Path.cwd())
    values = here.values(catalog.learner())
    done = _judged(here)
    first = next((v for v in done if not v.ok), None)
    if first is None:
        print("Everything is right. There is nothing to give a hint for.")
        return
    steps = next(c for c in here.checks if c.name == first.check).steps
    if not steps:
        raise CourseError(f"There are no further hints for {first.check}: `check()` says all.")
    taken = catalog.hints_taken(here.folder)
    number = min(taken.get(first.check, 0) + 1, len(steps))
    catalog.note_hints(here.folder, {**taken, first.check: number})
    print(f"{first.wanted}")
    for count, step in enumerate(steps[:number], 1):
        print(f"  {count} of {len(steps)}: {step.format_map(dict(values))}")
