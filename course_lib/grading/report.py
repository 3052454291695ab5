"""From the evidence of a class to its report: marks, and why. Without Docker: the same evidence, the same files."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jinja2

from course_lib.errors import CourseError
from course_lib.exercises import catalog
from course_lib.exercises.catalog import Exercise
from course_lib.exercises.checks import UNSEEN, WAITING, Verdict
from course_lib.exercises.judging import RAN, judge
from course_lib.network import parse_facts
from course_lib.network.describe import describe
from course_lib.network.parse_facts import RawFacts
from course_lib.picture.layout.page import layout
from course_lib.picture.render_svg import FORBIDDEN, svg
from course_lib.plain_text import clean, reason

NOTES = "notes"  # a learner's file beside the evidence: what the teacher should know, and what was refused
LOCK = ".lock"  # whoever writes a report holds it


@dataclass(frozen=True)
class Marked:
    """An answer with its verdicts."""

    exercise: Exercise
    verdicts: tuple[Verdict, ...]
    ended: str  # how, in words
    output: str  # its last words
    seconds: float  # that the replay took
    facts: RawFacts | None  # the network as it was found
    hints: int  # steps taken, as the learner's own notebook noted them

    @property
    def points(self) -> int:
        """Return the points of all checks."""
        return sum(v.points for v in self.verdicts)


@dataclass(frozen=True)
class Learner:
    """A learner with all answers that were marked."""

    name: str
    answers: tuple[Marked, ...]
    notes: tuple[str, ...]
    failed: tuple[str, ...]  # what was handed in and could not be graded, and why: a sentence for each
    price: float  # of a step of hint(), in points

    @property
    def hints(self) -> int:
        """Return how many steps of hint() were taken."""
        return sum(a.hints for a in self.answers)

    @property
    def points(self) -> float | None:
        """Return the points of all exercises, less the price of the hints; an exercise has never less than none.

        None where something that was handed in could not be graded.
        """
        if self.failed:
            return None
        return round(sum(max(0.0, a.points - self.price * a.hints) for a in self.answers), 2)

    @property
    def seconds(self) -> float:
        """Return how long the replays took."""
        return round(sum(a.seconds for a in self.answers), 1)


@contextlib.contextmanager
def held(out: Path, *, new: bool) -> Iterator[None]:
    """Keep every other grader from the report in the folder `out`, which is made if it may be new.

    Raises CourseError if another one writes there, or if it cannot be written.
    """
    with contextlib.ExitStack() as stack:
        try:
            if new:
                out.mkdir(parents=True, exist_ok=True)
            _lock(stack.enter_context((out / LOCK).open("a")).fileno())
        except BlockingIOError:
            raise CourseError(f"Another `./course grade` writes the report {out}: wait until it has ended.") from None
        except OSError as error:
            raise CourseError(f"The report {out} cannot be written: {error.strerror}.") from error
        yield


def _lock(file: int) -> None:
    """Lock an open file until it is closed; raises BlockingIOError if another process has it locked."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError from error
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def read(out: Path, price: float = 0.0) -> list[Learner]:
    """Return the class whose evidence lies in a report; raises CourseError if there is none."""
    folders = sorted(path for path in (out / "learners").glob("*") if path.is_dir())
    if not folders:
        raise CourseError(f"There is no evidence in {out}: `./course grade DIR --out {out}` makes some.")
    known: dict[str, Exercise] = {}
    return [_learner(folder, price, known) for folder in folders]


def _learner(folder: Path, price: float, known: dict[str, Exercise]) -> Learner:
    answers, notes, failed = [], [], []
    for path in sorted(folder.glob("*.json")):
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            if path.stem == NOTES:
                notes += found["notes"]
                failed += found["refused"]
            elif "failed" in found:
                failed.append(f"{path.stem}: not graded: {found['failed']}")
            else:
                exercise = known[path.stem] = known.get(path.stem) or catalog.named(path.stem)
                answers.append(_marked(exercise, folder.name, found))
                if (why := found["broken"] or answers[-1].ended) != RAN:
                    notes.append(clean(f"{path.stem}: {why}"))
        except Exception as error:  # one answer that cannot be judged takes the report from nobody else
            failed.append(f"{path.stem}: not graded: {reason(error)}")
    return Learner(folder.name, tuple(answers), tuple(notes), tuple(failed), price)


def _marked(exercise: Exercise, learner: str, evidence: Mapping[str, Any]) -> Marked:
    return Marked(
        exercise,
        judge(exercise, exercise.values(learner), evidence),
        ended=str(evidence["answer"]["ended"]),
        output=str(evidence["answer"]["output"]),
        seconds=float(evidence["seconds"]),
        facts=evidence["facts"],
        hints=sum(evidence["hints"].values()),
    )


def write(out: Path, learners: list[Learner]) -> None:
    """Write grades.csv, junit.xml, a page for each learner and one for the class."""
    taken = {a.exercise.name: a.exercise for learner in learners for a in learner.answers}
    chosen = [taken[name] for name in sorted(taken)]
    catalog.write(out / "grades.csv", grades(learners, chosen))
    catalog.write(out / "junit.xml", junit(learners))
    pages = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    pages.globals |= {"WAITING": WAITING}
    for learner in learners:
        folder = out / "learners" / learner.name
        words = {a.exercise.name: _picture(folder, a) for a in learner.answers}
        page = pages.get_template("learner.html").render(learner=learner, words=words)
        catalog.write(folder / "index.html", page)
    page = pages.get_template("class.html").render(learners=learners, exercises=chosen, counts=counts(learners))
    catalog.write(out / "index.html", page)


def grades(learners: list[Learner], chosen: list[Exercise]) -> str:
    """Return the CSV: a row for each learner, a column for each check, empty where nothing could be graded."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    columns = [(e.name, c.name) for e in chosen for c in e.checks]
    table.writerow(["learner", "points", "of", *("/".join(c) for c in columns), "hints", "notes", "seconds"])
    of = sum(e.points for e in chosen)
    for learner in learners:
        got = {(a.exercise.name, v.check): v.points for a in learner.answers for v in a.verdicts}
        marks = [got.get(column, "") for column in columns]
        points = "" if learner.points is None else f"{learner.points:g}"
        notes = "; ".join((*learner.failed, *learner.notes))
        table.writerow([learner.name, points, of, *marks, learner.hints, notes, learner.seconds])
    return text.getvalue()


def junit(learners: list[Learner]) -> str:
    """Return the same as JUnit XML: a suite for each learner, a case for each check and for what was not graded."""
    root = ElementTree.Element("testsuites")
    for learner in learners:
        cases = [(a, v) for a in learner.answers for v in a.verdicts]
        wrong = sum(not v.ok for _, v in cases)
        count, errors = len(cases) + len(learner.failed), len(learner.failed)
        head = {"name": learner.name, "tests": str(count), "failures": str(wrong), "errors": str(errors)}
        suite = ElementTree.SubElement(root, "testsuite", head)
        for answer, verdict in cases:
            names = {"classname": f"{learner.name}.{answer.exercise.name}", "name": verdict.check}
            case = ElementTree.SubElement(suite, "testcase", names)
            if not verdict.ok:
                why = ElementTree.SubElement(case, "failure", {"message": FORBIDDEN.sub("?", verdict.found)})
                why.text = FORBIDDEN.sub("?", f"wanted: {verdict.wanted}\nhint: {verdict.hint}")
        for number, sentence in enumerate(learner.failed, 1):
            case = ElementTree.SubElement(suite, "testcase", classname=learner.name, name=f"not graded {number}")
            ElementTree.SubElement(case, "error", message=FORBIDDEN.sub("?", sentence))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def counts(learners: list[Learner]) -> dict[tuple[str, str], tuple[int, str, int]]:
    """Return for each check, by exercise and name: who fails it, the commonest mistake, and who makes that."""
    mistakes: dict[tuple[str, str], Counter[str]] = {}
    for learner in learners:
        for answer in learner.answers:
            for verdict in answer.verdicts:
                here = mistakes.setdefault((answer.exercise.name, verdict.check), Counter())
                if not verdict.ok:
                    here[verdict.mistake] += 1
    result = {}
    for check, here in mistakes.items():
        own = sorted((-n, name) for name, n in here.items() if name not in (WAITING, UNSEEN))
        commonest, count = (own[0][1], -own[0][0]) if own else ("", 0)
        result[check] = (sum(here.values()), commonest, count)
    return result


def _picture(folder: Path, answer: Marked) -> str:
    """Draw the network as it was found, beside the learner's page; return it in words, "" where there is none.

    Where it cannot be drawn the words say why.
    """
    path = folder / f"{answer.exercise.name}.svg"
    path.unlink(missing_ok=True)
    if answer.facts is None:
        return ""
    try:
        now = parse_facts.snapshot(answer.facts)
        words = describe(now)
        drawn = svg(layout(now), "The network as it was found", words)
    except Exception as error:  # whatever an answer left there, the others have their pages
        return f"It cannot be drawn: {reason(error)}"
    catalog.write(path, drawn)
    return words
