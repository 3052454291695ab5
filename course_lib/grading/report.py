"""Judge the evidence of a class and write its report: `read` and `write`. The same evidence gives the same files.

Nothing here needs Docker.
"""

from __future__ import annotations

import contextlib
import csv
import functools
import io
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from course_lib.errors import CourseError
from course_lib.exercises import catalog, questions
from course_lib.exercises.answers import RAN
from course_lib.exercises.catalog import Exercise
from course_lib.exercises.checks import UNSEEN, WAITING, Check, Verdict, judge
from course_lib.exercises.questions import Belief
from course_lib.network import parse_facts
from course_lib.network.describe import describe
from course_lib.network.parse_facts import RawFacts
from course_lib.picture.layout.page import layout
from course_lib.picture.render_svg import FORBIDDEN, svg
from course_lib.plain_text import clean, reason

NOTES = "notes"  # the file next to a learner's evidence with notes to the teacher and refused submissions
LOCK = ".lock"  # the file that is locked while a report is written


@dataclass(frozen=True)
class Marked:
    """An answer with its verdicts."""

    exercise: Exercise
    verdicts: tuple[Verdict, ...]
    ended: str  # how it ended, in words
    output: str  # the end of its output
    seconds: float  # that the replay took
    facts: RawFacts | None  # the raw facts of the network after the answer
    hints: int  # steps of hint() taken, as counted by the learner's own notebook
    price: float  # points that one step of hint() costs
    misconceptions: frozenset[str]  # ids of beliefs that the lab refuted, if the learner handed in predictions

    @property
    def points(self) -> float:
        """Return the points of all checks together minus the price of the hints, never less than zero."""
        return max(0.0, sum(v.points for v in self.verdicts) - self.price * self.hints)


@dataclass(frozen=True)
class Count:
    """How a class did on one check: how many were right, wrong, or not checked, and the most common mistake."""

    check: str  # its name
    wanted: str  # with the names of the values, not with one learner's
    points: int
    right: int
    wrong: int
    unchecked: int
    mistake: str  # its hint; "" if nobody made one
    often: int  # how many made it
    example: Verdict | None  # one learner's; None without a mistake


@dataclass(frozen=True)
class Learner:
    """A learner with all marked answers."""

    name: str
    answers: tuple[Marked, ...]
    notes: tuple[str, ...]
    refused: tuple[str, ...]  # a sentence for each folder or archive that could not be read
    unmarked: tuple[str, ...]  # a sentence for each answer that could not be replayed or judged

    @property
    def failed(self) -> tuple[str, ...]:
        """Return a sentence for all that could not be graded."""
        return self.refused + self.unmarked

    @property
    def hints(self) -> int:
        """Return the number of hint() steps taken."""
        return sum(a.hints for a in self.answers)

    @property
    def points(self) -> float | None:
        """Return the points of all exercises; None if an answer could not be marked, or if there is none.

        A refused archive counts only if there is no answer.
        """
        if self.unmarked or not self.answers:
            return None
        return round(sum(a.points for a in self.answers), 2)

    @property
    def seconds(self) -> float:
        """Return how long all replays took."""
        return round(sum(a.seconds for a in self.answers), 1)


@contextlib.contextmanager
def held(out: Path, *, new: bool) -> Iterator[None]:
    """Lock the report in the folder `out` against other graders; if `new`, create the folder first.

    Raises CourseError if another grader holds the lock, or if the folder cannot be written.
    """
    with contextlib.ExitStack() as stack:
        try:
            if new:
                out.mkdir(parents=True, exist_ok=True)
            _lock(stack.enter_context((out / LOCK).open("a")).fileno())
        except BlockingIOError:
            raise CourseError(
                f"Another `./course grade` is writing the report {out}: wait until it has finished."
            ) from None
        except FileNotFoundError:
            raise _nothing_in(out) from None
        except OSError as error:
            raise CourseError(f"The report {out} cannot be written: {error.strerror}.") from error
        yield


def _lock(file: int) -> None:
    """Lock an open file until it is closed; raises BlockingIOError if another process holds the lock."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError from error
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _nothing_in(out: Path) -> CourseError:
    return CourseError(f"There is no evidence in {out}: `./course grade DIR --out {out}` gathers it.")


def read(out: Path, price: float = 0.0) -> list[Learner]:
    """Judge the evidence in a report and return its learners, sorted by name; raises CourseError if there is none.

    `price` is what one step of hint() costs, in points.
    """
    folders = sorted(path for path in (out / "learners").glob("*") if path.is_dir())
    if not folders:
        raise _nothing_in(out)
    known = functools.cache(catalog.named)
    return [_learner(folder, price, known) for folder in folders]


def _learner(folder: Path, price: float, named: Callable[[str], Exercise]) -> Learner:
    """Return the learner whose evidence is in a folder; `named` returns exercises."""
    answers, notes, refused, unmarked = [], [], [], []
    for path in sorted(folder.glob("*.json")):
        name = path.stem
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            if name == NOTES:
                notes += found["notes"]
                refused += found["refused"]
            elif "failed" in found:
                unmarked.append(f"{name}: not graded: {found['failed']}")
            else:
                exercise = named(name)
                answer = Marked(
                    exercise,
                    judge(exercise.checks, exercise.values(folder.name), found),
                    ended=str(found["answer"]["ended"]),
                    output=str(found["answer"]["output"]),
                    seconds=float(found["seconds"]),
                    facts=found["facts"],
                    hints=sum(found["hints"].values()),
                    price=price,
                    misconceptions=frozenset(found.get("misconceptions", {}).values()),
                )
                answers.append(answer)
                if (why := found["broken"] or answer.ended) != RAN:
                    notes.append(clean(f"{name}: {why}"))
        except Exception as error:  # an answer that cannot be judged does not stop the report
            unmarked.append(f"{name}: not graded: {reason(error)}")
    return Learner(folder.name, tuple(answers), tuple(notes), tuple(refused), tuple(unmarked))


def write(out: Path, learners: list[Learner]) -> None:
    """Write grades.csv, junit.xml, a page for each learner and one for the class to the folder `out`."""
    taken = {a.exercise.name: a.exercise for learner in learners for a in learner.answers}
    exercises = [taken[name] for name in sorted(taken)]
    pages = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    pages.globals |= {"WAITING": WAITING, "learners": learners, "exercises": exercises, "counts": counts}
    pages.globals["misconceptions"] = misconceptions(learners)
    pages.filters["code"] = code
    catalog.write(out / "grades.csv", grades(learners, exercises))
    catalog.write(out / "junit.xml", FORBIDDEN.sub("?", pages.get_template("junit.xml").render()))
    for learner in learners:
        folder = out / "learners" / learner.name
        words = {a.exercise.name: _picture(folder, a) for a in learner.answers}
        catalog.write(folder / "index.html", pages.get_template("learner.html").render(learner=learner, words=words))
    catalog.write(out / "index.html", pages.get_template("class.html").render())


def code(text: str) -> Markup:
    """Return text as HTML, with what stands between backticks as code."""
    escaped = re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text)))
    return Markup(escaped)  # noqa: S704


def grades(learners: list[Learner], exercises: list[Exercise]) -> str:
    """Return CSV text: a row per learner and a column per check, which is empty if it was not judged."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    columns = [(e.name, c.name) for e in exercises for c in e.checks]
    table.writerow(["learner", "points", "of", *("/".join(c) for c in columns), "hints", "notes", "seconds"])
    of = sum(e.points for e in exercises)
    for learner in learners:
        got = {(a.exercise.name, v.check): v.points for a in learner.answers for v in a.verdicts}
        marks = [got.get(column, "") for column in columns]
        points = "" if learner.points is None else f"{learner.points:g}"
        notes = "; ".join((*learner.failed, *learner.notes))
        table.writerow([learner.name, points, of, *marks, learner.hints, notes, learner.seconds])
    return text.getvalue()


def counts(learners: list[Learner], exercise: Exercise) -> list[Count]:
    """Return a Count for each check of an exercise, those that most learners fail first."""
    answers = [a for learner in learners for a in learner.answers if a.exercise.name == exercise.name]
    verdicts = [verdict for answer in answers for verdict in answer.verdicts]
    found = [_count(check, [v for v in verdicts if v.check == check.name], exercise) for check in exercise.checks]
    return sorted(found, key=lambda count: (-count.wrong, -count.unchecked))


def _count(check: Check, verdicts: list[Verdict], exercise: Exercise) -> Count:
    names = {name: f"[{name.replace('_', ' ')}]" for name in exercise.values(catalog.NOBODY)}
    made = Counter(v.mistake for v in verdicts if v.mistake in check.hints)
    common = min(made, key=lambda name: (-made[name], name), default="")
    return Count(
        check.name,
        check.wanted.format_map(names),
        check.points,
        right=sum(v.ok for v in verdicts),
        wrong=made.total(),
        unchecked=sum(v.mistake in {WAITING, UNSEEN} for v in verdicts),
        mistake=check.hints[common].format_map(names) if common else "",
        often=made[common],
        example=next((v for v in verdicts if v.mistake == common), None) if common else None,
    )


def misconceptions(learners: list[Learner]) -> list[tuple[Belief, int]]:
    """Return the refuted beliefs that several learners had, and how many had each: the most common ones first.

    What one learner alone thought is left out: a class may be small enough to know who it was.
    """
    had = Counter(belief for one in learners for belief in set().union(*(a.misconceptions for a in one.answers)))
    known = {choice.thinks.id: choice.thinks for question in questions.every().values() for choice in question.choices}
    common = [(known[belief], count) for belief, count in had.items() if count > 1 and belief in known]
    return sorted(common, key=lambda pair: (-pair[1], pair[0].name))


def _picture(folder: Path, answer: Marked) -> str:
    """Draw the network after the answer to an SVG file in `folder` and return its description in words.

    Without facts it returns "" and draws nothing; if the network cannot be drawn, it returns the reason.
    """
    path = folder / f"{answer.exercise.name}.svg"
    path.unlink(missing_ok=True)
    if answer.facts is None:
        return ""
    try:
        now = parse_facts.snapshot(answer.facts)
        words = describe(now)
        drawn = svg(layout(now), "The network after the answer", words)
    except Exception as error:  # an answer can leave a network that breaks the drawing
        return f"The network cannot be drawn: {reason(error)}"
    catalog.write(path, drawn)
    return words
