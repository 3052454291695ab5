"""Run the exercise in the notebook's folder: `exercise()`, `%%answer` (`answer`), `check()` and `hint()`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from IPython.core.error import StdinNotImplementedError

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

ASK = "Your name decides your values (letters, digits, hyphens and underscores; Enter for none): "
COST = "Each step is counted, and your teacher may subtract points for it."
PRACTICE = (
    "Case {}, for practice: repair it in the lab, in cells of your own. Only `exercise()` has the case that counts."
)
# The case that was begun and what the lab showed at its start, by the lab's id. It is kept in this kernel, where no
# answer can change it.
_began: dict[str, tuple[int, StartEvidence | None]] = {}


def exercise(learner: str = "", *, case: int = 0) -> None:
    """Reset the lab, create the exercise's start state in it, and print the learner's values.

    `learner` is saved as the learner's name for all exercises; the first exercise asks for it. Each `case` from 1 has
    other values, for practice: until the next `exercise()` or `%%answer`, `check` and `hint` are about it, and no step
    of a hint is counted. Raises CourseError if `learner` cannot be a name, if `case` is negative, or if the notebook's
    folder holds no exercise.
    """
    if case < 0:
        raise CourseError(f"There is no case {case}: the cases for practice are numbered from 1.")
    here = catalog.in_folder(Path.cwd())
    if name := learner or ("" if catalog.is_named() else _ask_name()):
        catalog.save_learner(name)
    who = catalog.learner()
    begin()
    _create_start(here, case)
    if case:
        print(PRACTICE.format(case))
    print(f"Values for {who}:")
    for name, value in here.values(who, case).items():
        print(f"  {name:<12} {value}")
    if who == catalog.NOBODY:
        print('Nobody is not a name: everyone who gave none has these values. `exercise("kim")` gives you kim\'s.')


def _ask_name() -> str:
    """Ask the learner for a name; return "" where nobody can answer, as in a run without JupyterLab."""
    try:
        return input(ASK).strip() or catalog.NOBODY
    except (StdinNotImplementedError, EOFError, OSError):
        return ""


def _create_start(here: Exercise, case: int = 0) -> None:
    """Create the exercise's start state in an empty lab, and record what the lab shows then."""
    lab = current.lab()
    began = beginning(lab, here, here.values(catalog.learner(), case))
    _began.clear()
    _practised.clear()
    _began[lab.require()] = (case, began)


def _case() -> int:
    """Return the case that was begun in the current lab."""
    return _began.get(current.lab().require(), (0, None))[0]


def _judged(here: Exercise) -> tuple[Verdict, ...]:
    """Probe the lab and return the verdicts; raises CourseError if this kernel did not record the start state."""
    lab = current.lab()
    case, start = _began.get(lab.require(), (0, None))
    values = here.values(catalog.learner(), case)
    if start is None and here.start(values):
        raise CourseError(
            "This kernel did not record the lab's start state: run `exercise()` or your `%%answer` cell first."
        )
    return judge(here.checks, values, evidence(lab, here, values, start))


def answer(cell: str, show: Callable[[str], object], timeout: float) -> None:
    """Save a cell as the answer, next to the notebook, and run it from the exercise's start state.

    `show` gets the output while it appears; `timeout` is in seconds. An answer must build everything from that state,
    so the lab is reset before each run and nothing of an earlier one remains. Raises what `execute.run` raises.
    """
    here = catalog.in_folder(Path.cwd())
    if is_stub(cell):
        print("No answer yet: write it in the cell that begins with `%%answer`, and run the cell.", end=" ")
        print(f"It is saved as {ANSWER}.")
        return
    catalog.write(here.folder / ANSWER, cell)
    current.follow()
    if other := current.other_notebook():
        print(f"Another notebook began to use the lab ({other}). What it created is removed.")
    current.reset()
    lab = current.lab()
    _create_start(here)
    answers.send(lab, answers.files_of(here.folder))
    execute.run(lab, COMMAND, timeout=timeout, show=show)


def check() -> int:
    """Probe the lab and print a line for each check; for the first that is wrong, also the evidence and the hint.

    Return the points: nbgrader uses the last value of a cell as its score
    (`nbgrader.utils.determine_grade`). A case for practice gives none. Raises CourseError if the start state was not
    recorded.
    """
    here = catalog.in_folder(Path.cwd())
    done = _judged(here)
    first = next((v for v in done if not v.ok and v.mistake != WAITING), None)
    for verdict in done:
        print(verdict)
        if verdict is first:
            print(explained(verdict))
    points = sum(v.points for v in done)
    if case := _case():
        print(f"Case {case}: {points} of {here.points}. It was for practice and does not count:")
        return 0
    print(f"Points (out of {here.points}):")
    return points


def explained(verdict: Verdict) -> str:
    """Return lines of text: what was found, the evidence (three lines of each output), and the hint."""
    lines = [f"  found: {one_line(verdict.found)}"]
    for result in verdict.evidence:
        lines += [f"  {result.place}$ {result.command}", f"    {result.words}"]
        lines += [f"    {one_line(line)}" for line in result.output.splitlines()[:3]]
    if verdict.mistake != UNSEEN:
        lines.append(f"  hint: {one_line(verdict.hint)}")
    return "\n".join(lines)


_told: set[str] = set()  # the checks for which this kernel has said that steps are counted
_practised: dict[str, int] = {}  # the steps of hints taken in the practice case that was begun last, by check


def hint() -> None:
    """Print what `check` found wrong first; at each further call also one more step towards it.

    The steps are those for that mistake, or for its check. Before the first one is taken, say that steps are counted:
    their number is saved next to the notebook, and `./course grade` can subtract points for them.
    """
    here = catalog.in_folder(Path.cwd())
    case = _case()
    values = here.values(catalog.learner(), case)
    first = next((v for v in _judged(here) if not v.ok), None)
    if first is None:
        print("Everything is right: there is nothing to give a hint for.")
        return
    check = next(c for c in here.checks if c.name == first.check)
    steps = () if first.mistake == UNSEEN else check.steps_for.get(first.mistake, check.steps)
    taken = _practised if case else catalog.hints_taken(here.folder)
    number = taken.get(first.check, 0)
    if first.check in _told and number < len(steps):
        number += 1
        if case:
            _practised[first.check] = number
        else:
            catalog.save_hints(here.folder, {**taken, first.check: number})
    _told.add(first.check)
    print(f"{first.wanted}\n  found: {one_line(first.found)}\n  hint: {one_line(first.hint)}")
    for count, step in enumerate(steps[:number], 1):
        print(f"  {count} of {len(steps)}: {step.format_map(dict(values))}")
    if number < len(steps):
        print(f"`hint()` again shows step {number + 1} of {len(steps)}.{'' if case else f' {COST}'}")
    else:
        print("There are no more hints for this.")
