"""Replay the answers of a class, several at once, each in a disposable lab of its own: `grade`.

The evidence of each answer is kept in the report, in `learners/NAME/EXERCISE.json`. A grader that was killed can be
started again: it replays only the answers for which there is no evidence of exactly the same files.
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
from typing import IO, cast

from course_lib.console import say
from course_lib.engine import client
from course_lib.engine.labels import GRADER_LABEL
from course_lib.errors import CourseError
from course_lib.exercises import catalog
from course_lib.exercises.answers import ANSWER, files_of
from course_lib.exercises.catalog import HINTS
from course_lib.exercises.probes import unseen
from course_lib.grading import report, sandbox, submissions
from course_lib.grading.evidence import Kept, Replay
from course_lib.grading.replay_worker import AGAIN, Job
from course_lib.grading.submissions import Submission
from course_lib.lab.lifecycle import Lab
from course_lib.paths import EXERCISES, ROOT
from course_lib.plain_text import reason

LIMIT = 120.0  # seconds for an answer
AROUND = 120.0  # seconds, at most, to create the lab, run the probes and remove the lab
NEEDS = 2_000_000_000  # bytes of memory for one lab and the process that replays in it

Work = tuple[Submission, str]  # a learner's submission, and the name of an exercise in it


@dataclass(frozen=True)
class _Run:
    """What all answers in one run of the grader share."""

    out: Path  # the report's folder
    grader: str  # the value of the labs' label GRADER_LABEL
    seed: str  # the volume with the labs' images
    limit: float  # seconds for an answer


def grade(
    lab: Lab, folder: Path, out: Path, need: Callable[[str], None], *, jobs: int = 0, limit: float = LIMIT
) -> list[str]:
    """Replay the submissions in `folder` and keep the evidence in `out`; return what could not be graded, and why.

    `jobs` relatives of `lab` run at once; 0 means as many as the engine's machine has CPUs and memory for. `limit` is
    the time for one answer in seconds. `need` is that of `sandbox.make_seed`. An answer that breaks its lab gets no
    points; an error of Docker is returned. Raises CourseError if there is nothing to grade.
    """
    handed_in = submissions.read_class(folder, out)
    (out / "learners").mkdir(parents=True, exist_ok=True)
    grader = hashlib.sha256(str(out.resolve()).encode()).hexdigest()[:8]
    _forget_others(out, {submission.learner for submission in handed_in})
    todo: list[Work] = []
    for submission in handed_in:
        _note(out, submission)
        todo += [(submission, name) for name in sorted(submission.answers) if not _done(out, submission, name)]
    for submission, name in todo:  # if the grader is killed, the report shows which marks are missing
        _keep(out, submission, name, {"failed": "the grader ended before it was replayed"})
    if not todo:
        return []
    sandbox.remove_left(f"{GRADER_LABEL}={grader}")
    this = _Run(out, grader, sandbox.make_seed(lab, need), limit)
    count = jobs or room()
    say(f"{len(todo)} answers to replay, {count} at once.")

    def one(work: Work) -> str:
        # A random name, so that a lab that could not be removed does not block the next one.
        return _grade_one(this, work, lab.relative(secrets.token_hex(4)))

    with ThreadPoolExecutor(count) as pool:
        failed = [why for why in pool.map(one, todo) if why]
    sandbox.remove_left(f"{GRADER_LABEL}={grader}")
    return failed


def room() -> int:
    """Return how many labs the engine's machine can run at once, by its CPUs and memory."""
    info = client.outer().info()
    return max(1, min(int(info["NCPU"]), int(info["MemTotal"] // NEEDS)))


def _forget_others(out: Path, learners: set[str]) -> None:
    """Remove learners who are no longer in the class from the report."""
    for folder in (out / "learners").iterdir():
        if folder.name not in learners and (folder / f"{report.NOTES}.json").exists():
            shutil.rmtree(folder)


def _note(out: Path, submission: Submission) -> None:
    """Create a learner's folder with notes and refusals; remove evidence of answers no longer handed in."""
    folder = out / "learners" / submission.learner
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*.json"):
        if path.stem not in (*submission.answers, report.NOTES):
            path.unlink()
    notes = {"notes": submission.notes, "refused": submission.refused}
    catalog.write(folder / f"{report.NOTES}.json", json.dumps(notes, indent=1))


def _digest(submission: Submission, name: str) -> str:
    """Return a digest of all that the evidence depends on: the answer, its exercise and this package."""
    folder = EXERCISES / name
    digest = hashlib.sha256(_course_digest() + (folder / "checks.py").read_bytes())
    start = {f"start/{place}": content for place, content in files_of(folder / "start").items()}
    for place, content in [*start.items(), *sorted(submission.answers[name].items())]:
        digest.update(f"\0{place}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


@functools.cache
def _course_digest() -> bytes:
    """Return a digest of this package: the lab's recipes and all code that runs and probes it."""
    package = ROOT / "course_lib"
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            content = path.read_bytes()
            digest.update(f"\0{path.relative_to(package).as_posix()}\0{len(content)}\0".encode() + content)
    return digest.digest()


def _done(out: Path, submission: Submission, name: str) -> bool:
    """Whether the report already has evidence of exactly this answer."""
    try:
        known = json.loads((out / "learners" / submission.learner / f"{name}.json").read_text(encoding="utf-8"))
        return bool(known["of"] == _digest(submission, name))
    except (OSError, ValueError, LookupError, TypeError):  # there is none, or it is damaged
        return False


def _grade_one(this: _Run, work: Work, place: Lab) -> str:
    """Replay one answer and keep the evidence; return why there is none, if that is not the answer's fault."""
    submission, name = work
    began = time.monotonic()
    failed = ""
    try:
        _keep(this.out, submission, name, _evidence(this, submission, name, place))
    except Exception as error:  # whatever it is, the other answers are graded
        failed = reason(error)
        _keep(this.out, submission, name, {"failed": failed})
    say(f"{submission.learner}: {name}, {time.monotonic() - began:.1f} s")
    return f"{submission.learner}, {name}: {failed}" if failed else ""


def _evidence(this: _Run, submission: Submission, name: str, place: Lab) -> Kept:
    """Return the evidence of one answer; raises CourseError if it could not be replayed."""
    files = submission.answers[name]
    taken = catalog.hints_in(files.get(HINTS, b""))
    hints = {check.name: taken[check.name] for check in catalog.named(name).checks if check.name in taken}
    if ANSWER in files:
        job = Job(name, submission.learner, _encoded(files), place.name, this.seed, this.grader, this.limit)
        replayed = _replay(job)
    else:
        replayed = _broken(f"The submission has no {ANSWER}.", 0.0)
    return {**replayed, "of": _digest(submission, name), "hints": hints}


def _keep(out: Path, submission: Submission, name: str, found: Mapping[str, object]) -> None:
    """Write the evidence of an answer, or {"failed": REASON}, to the report."""
    text = json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False)
    catalog.write(out / "learners" / submission.learner / f"{name}.json", text)


def _encoded(files: Mapping[str, bytes]) -> dict[str, str]:
    return {place: base64.b64encode(content).decode() for place, content in files.items()}


def _replay(job: Job) -> Replay:
    """Replay an answer in a process of its own; return the evidence.

    The process is killed if it does not end within the job's limit and AROUND. Raises CourseError if it gives no
    evidence and that is not the answer's fault.
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
        # Its standard input stays open until it ends: it also ends when this process is killed.
        with contextlib.suppress(BrokenPipeError):
            stdin.write(job.as_json() + "\n")
            stdin.flush()
        last = ""
        for line in stdout:
            if line.strip() == AGAIN:
                say(f"{job.learner}: {job.exercise}, again: its lab could not be probed")
            else:
                last = line.strip() or last
        alarm.cancel()
    if late.is_set():
        why = f"The lab and its probes did not finish within {job.limit + AROUND:g} s."
        left = sandbox.remove(Lab(job.lab))
        return _broken(f"{why} It could not be removed: {left}" if left else why, job.limit + AROUND)
    try:
        found = json.loads(last)
    except ValueError:
        raise CourseError(f"Its replay ended with exit code {process.returncode}: {last or 'no output'}") from None
    if "failed" in found:
        raise CourseError(found["failed"])
    return cast(Replay, found)


def _broken(why: str, seconds: float) -> Replay:
    """Return the evidence of an answer whose lab could not be probed."""
    return {**unseen(why), "answer": {"ended": why, "output": ""}, "seconds": seconds}
