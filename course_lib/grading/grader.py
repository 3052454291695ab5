"""A class is graded: each answer replayed in a throw-away lab of its own, several at once; then the report.

What was seen is kept in a file for each answer, `learners/NAME/EXERCISE.json` in the report. A grader that was
killed goes on where it was: an answer is replayed only if there is no evidence of just these files.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import json
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from course_lib.console import say
from course_lib.engine import client
from course_lib.engine.labels import GRADER_LABEL
from course_lib.errors import CourseError
from course_lib.exercises import catalog
from course_lib.exercises.answers import ANSWER, files_of
from course_lib.exercises.catalog import HINTS
from course_lib.exercises.probes import unseen
from course_lib.grading import report, sandbox, submissions
from course_lib.grading.replay_worker import AGAIN, Job
from course_lib.grading.submissions import Submission
from course_lib.lab.lifecycle import Lab
from course_lib.paths import EXERCISES, ROOT
from course_lib.plain_text import reason

LIMIT = 120.0  # seconds for an answer
AROUND = 120.0  # seconds for the lab, the probes and the end, at most
NEEDS = 2_000_000_000  # bytes of memory for one lab, with what is around it

Work = tuple[Submission, str]  # a learner's submission, and the exercise in it


@dataclass(frozen=True)
class _Run:
    """What is the same for all answers of one run of the grader."""

    out: Path
    grader: str  # marks the labs as this report's
    seed: str
    limit: float


def grade(
    lab: Lab, folder: Path, out: Path, need: Callable[[str], None], *, jobs: int = 0, limit: float = LIMIT
) -> list[str]:
    """Replay what is handed in in `folder` and keep the evidence in `out`; return what could not be graded, and why.

    `jobs` relatives of `lab` run at once, 0 means as many as the engine's machine has CPUs and memory for. `need` is as
    for `sandbox.make_seed`. An answer that breaks its lab gets no points; what breaks Docker is returned.
    """
    handed_in = submissions.read_class(folder, out)
    (out / "learners").mkdir(parents=True, exist_ok=True)
    grader = hashlib.sha256(str(out.resolve()).encode()).hexdigest()[:8]
    _forget_others(out, {submission.learner for submission in handed_in})
    todo: list[Work] = []
    for submission in handed_in:
        _note(out, submission)
        todo += [(submission, name) for name in sorted(submission.answers) if not _done(out, submission, name)]
    for submission, name in todo:  # whoever reads the report of a grader that was killed sees which marks are missing
        _keep(out, submission, name, {"failed": "the grader ended before it was replayed"})
    if not todo:
        return []
    sandbox.remove_left(f"{GRADER_LABEL}={grader}")
    this = _Run(out, grader, sandbox.make_seed(lab, need), limit)
    count = jobs or room()
    say(f"{len(todo)} answers to replay, {count} at once.")

    def one(work: Work) -> str:
        # A name that no lab ever had: one that cannot be removed is in nobody's way.
        return _grade_one(this, work, lab.relative(secrets.token_hex(4)))

    with ThreadPoolExecutor(count) as pool:
        failed = [words for words in pool.map(one, todo) if words]
    sandbox.remove_left(f"{GRADER_LABEL}={grader}")
    return failed


def room() -> int:
    """Return how many labs the engine's machine can run at once."""
    info = client.outer().info()
    return max(1, min(int(info["NCPU"]), int(info["MemTotal"] // NEEDS)))


def _forget_others(out: Path, learners: set[str]) -> None:
    """Remove from the report who is not in the class any more."""
    for folder in (out / "learners").iterdir():
        if folder.name not in learners and (folder / f"{report.NOTES}.json").exists():
            shutil.rmtree(folder)


def _note(out: Path, submission: Submission) -> None:
    """Make a learner's folder in the report; keep what was refused, remove what is not handed in any more."""
    folder = out / "learners" / submission.learner
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*.json"):
        if path.stem not in (*submission.answers, report.NOTES):
            path.unlink()
    notes = {"notes": submission.notes, "refused": submission.refused}
    catalog.write(folder / f"{report.NOTES}.json", json.dumps(notes, indent=1))


def _digest(submission: Submission, name: str) -> str:
    """Return a digest of what the evidence of an answer depends on: the answer, its exercise, and the course."""
    folder = EXERCISES / name
    digest = hashlib.sha256(_course_digest() + (folder / "checks.py").read_bytes())
    start = {f"start/{place}": content for place, content in files_of(folder / "start").items()}
    for place, content in [*start.items(), *sorted(submission.answers[name].items())]:
        digest.update(f"\0{place}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


@functools.cache
def _course_digest() -> bytes:
    """Return a digest of this package: what a lab is made of, and all that is used to look at it."""
    package = ROOT / "course_lib"
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            content = path.read_bytes()
            digest.update(f"\0{path.relative_to(package).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.digest()


def _done(out: Path, submission: Submission, name: str) -> bool:
    """Whether there is evidence of just this answer already."""
    try:
        known = json.loads((out / "learners" / submission.learner / f"{name}.json").read_text(encoding="utf-8"))
        return bool(known["of"] == _digest(submission, name))
    except (OSError, ValueError, LookupError, TypeError):  # there is none, or none that can be read
        return False


def _grade_one(this: _Run, work: Work, place: Lab) -> str:
    """Replay one answer and keep the evidence; return why there is none, if it is not the answer's fault."""
    submission, name = work
    began = time.monotonic()
    try:
        found = _evidence(this, submission, name, place)
    except Exception as error:  # whatever it is, the others are graded
        found = {"failed": reason(error)}
    _keep(this.out, submission, name, found)
    say(f"{submission.learner}: {name}, {time.monotonic() - began:.1f} s")
    return f"{submission.learner}, {name}: {found['failed']}" if "failed" in found else ""


def _evidence(this: _Run, submission: Submission, name: str, place: Lab) -> dict[str, Any]:
    """Return the evidence of one answer; raises CourseError if there is none."""
    files = submission.answers[name]
    taken = catalog.hints_in(files.get(HINTS, b""))
    hints = {check.name: taken[check.name] for check in catalog.named(name).checks if check.name in taken}
    if ANSWER in files:
        job = Job(name, submission.learner, _encoded(files), place.name, this.seed, this.grader, this.limit)
        found = _replay(job)
    else:
        found = _broken(f"There is no {ANSWER} in what was handed in.", 0.0)
    return {**found, "of": _digest(submission, name), "hints": hints}


def _keep(out: Path, submission: Submission, name: str, found: Mapping[str, Any]) -> None:
    """Write the evidence of an answer, or why there is none, into the report."""
    text = json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False)
    catalog.write(out / "learners" / submission.learner / f"{name}.json", text)


def _encoded(files: Mapping[str, bytes]) -> dict[str, str]:
    return {place: base64.b64encode(content).decode() for place, content in files.items()}


def _replay(job: Job) -> dict[str, Any]:
    """Replay in a process of its own; return the evidence.

    Raises CourseError if there is none, and it is not the answer's fault.
    """
    late = threading.Event()
    with subprocess.Popen(
        [sys.executable, "-m", "course_lib.grading.replay_worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=ROOT,
        encoding="utf-8",
    ) as process:
        stdin, stdout = cast("IO[str]", process.stdin), cast("IO[str]", process.stdout)

        def end() -> None:
            late.set()
            process.kill()

        alarm = threading.Timer(job.limit + AROUND, end)
        alarm.start()
        # Its input stays open until it has ended: when this process is killed it ends, too.
        with contextlib.suppress(BrokenPipeError):
            stdin.write(job.as_json() + "\n")
            stdin.flush()
        last = ""
        for line in stdout:
            if line.strip() == AGAIN:
                say(f"{job.learner}: {job.exercise}, once more: its lab could not be looked at")
            else:
                last = line.strip() or last
        alarm.cancel()
    if late.is_set():
        why = f"The lab and its probes did not end within {job.limit + AROUND:g} s."
        left = sandbox.remove(Lab(job.lab))
        return _broken(f"{why} It could not be removed: {left}" if left else why, job.limit + AROUND)
    try:
        found: dict[str, Any] = json.loads(last)
    except ValueError:
        raise CourseError(f"Its replay ended with exit code {process.returncode}: {last or 'without a word'}") from None
    if "failed" in found:
        raise CourseError(found["failed"])
    return found


def _broken(why: str, seconds: float) -> dict[str, Any]:
    """Return the evidence of an answer whose lab says nothing."""
    answer = {"ended": why, "output": ""}
    return {"answer": answer, **unseen(why), "seconds": seconds}
