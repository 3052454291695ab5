"""Replay the answers of a class, several at once, each in a disposable lab of its own: `grade`.

The evidence of each answer is kept in the report, in `learners/NAME/EXERCISE.json`: a `Replay` with `of`, a digest of
all that it depends on, `hints`, the steps of hint() that the learner took, by check, and `misconceptions`, the ids of
beliefs that the lab refuted, by question, if the learner handed in predictions. If the replay failed, it is
{"failed": REASON}. A grader that was killed can be started again: it replays only the answers for which there is no
evidence of exactly the same files.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import functools
import hashlib
import json
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, cast

from course_lib.console import say
from course_lib.engine import client
from course_lib.engine.labels import GRADER_LABEL
from course_lib.errors import CourseError
from course_lib.exercises import catalog, predictions
from course_lib.exercises.answers import ANSWER, files_of, packed
from course_lib.exercises.catalog import HINTS
from course_lib.exercises.probes import unseen
from course_lib.grading import report, sandbox, submissions
from course_lib.grading.replay_worker import Job, Replay
from course_lib.grading.submissions import Submission
from course_lib.lab.lifecycle import Lab
from course_lib.paths import EXERCISES, ROOT
from course_lib.plain_text import reason

LIMIT = 120.0  # seconds for an answer
AROUND = 120.0  # seconds, at most, to create the lab, run the probes and remove the lab
NEEDS = 2_000_000_000  # bytes of memory for one lab and the process that replays in it


def grade(
    lab: Lab,
    folder: Path,
    out: Path,
    need: Callable[[str], None],
    *,
    jobs: int | None = None,
    limit: float = LIMIT,
    trusted: bool = False,
) -> list[str]:
    """Replay the submissions in `folder` and keep the evidence in `out`; return what could not be graded, and why.

    `jobs` relatives of `lab` run at once; None means as many as the engine's machine has CPUs and memory for. `limit`
    is the time for one answer in seconds. `need` is that of `sandbox.make_seed`. An answer that breaks its lab gets no
    points; an error of Docker is returned. Raises CourseError if there is nothing to grade, and unless `trusted` also
    if an answer could become root on the machine, because the machine refuses labs a user namespace.
    """
    handed_in = submissions.read_class(folder, out)
    _prepare(out, handed_in)
    answers = [(submission, name) for submission in handed_in for name in sorted(submission.answers)]
    todo = [(submission, name) for submission, name in answers if not _done(out, submission, name)]
    if not todo:
        return []
    own = hashlib.sha256(str(out.resolve()).encode()).hexdigest()[:8]
    sandbox.remove_left(f"{GRADER_LABEL}={own}")
    seed = sandbox.make_seed(lab, need)
    if sandbox.is_plain(seed) and not trusted:
        raise CourseError(
            "Labs have no user namespace on this machine, so an answer could become its root: grade on another "
            "machine, or add --trusted if you trust everybody who handed in."
        )
    for submission, name in todo:  # if the grader is killed, the report shows which marks are missing
        _keep(out, submission, name, {"failed": "the grader ended before it was replayed"})
    count = jobs or _room()
    say(f"{len(todo)} answers to replay, {count} at once.")

    def one(work: tuple[Submission, str]) -> str:
        submission, name = work
        archive = base64.b64encode(packed(submission.answers[name])).decode()
        place = lab.relative(secrets.token_hex(4))  # random: a lab that could not be removed does not block the next
        return _grade_one(out, submission, Job(name, submission.learner, archive, place.name, seed, own, limit))

    with ThreadPoolExecutor(count) as pool:
        failed = [why for why in pool.map(one, todo) if why]
    sandbox.remove_left(f"{GRADER_LABEL}={own}")
    return failed


def _room() -> int:
    """Return how many labs the engine's machine can run at once, by its CPUs and memory."""
    machine = client.outer().info()
    return max(1, min(int(machine["NCPU"]), int(machine["MemTotal"] // NEEDS)))


def _prepare(out: Path, handed_in: list[Submission]) -> None:
    """Create the learners' folders with notes and refusals, and remove what is no longer handed in."""
    (out / "learners").mkdir(parents=True, exist_ok=True)
    learners = {submission.learner for submission in handed_in}
    for folder in (out / "learners").iterdir():
        if folder.name not in learners and (folder / f"{report.NOTES}.json").exists():
            shutil.rmtree(folder)
    for submission in handed_in:
        folder = out / "learners" / submission.learner
        folder.mkdir(exist_ok=True)
        for path in folder.glob("*.json"):
            if path.stem not in submission.answers:
                path.unlink()
        _keep(out, submission, report.NOTES, {"notes": submission.notes, "refused": submission.refused})


def _digest(submission: Submission, name: str) -> str:
    """Return a digest of all that the evidence depends on: the answer, its exercise and this package."""
    folder = EXERCISES / name
    answer = sorted(submission.answers[name].items())
    exercise = (folder / "checks.py").read_bytes(), files_of(folder / "start")
    return hashlib.sha256(repr((_course_digest(), exercise, answer)).encode()).hexdigest()


@functools.cache
def _course_digest() -> str:
    """Return a digest of this package: the lab's recipes and all code that runs and probes it."""
    paths = sorted(path for path in (ROOT / "course_lib").rglob("*") if path.is_file() and path.suffix != ".pyc")
    files = [(path.relative_to(ROOT).as_posix(), path.read_bytes()) for path in paths]
    return hashlib.sha256(repr(files).encode()).hexdigest()


def _done(out: Path, submission: Submission, name: str) -> bool:
    try:
        known = json.loads((out / "learners" / submission.learner / f"{name}.json").read_text(encoding="utf-8"))
        return bool(known["of"] == _digest(submission, name))
    except (OSError, ValueError, LookupError, TypeError):  # there is none, or it is damaged
        return False


def _keep(out: Path, submission: Submission, name: str, found: Mapping[str, object]) -> None:
    text = json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False)
    catalog.write(out / "learners" / submission.learner / f"{name}.json", text)


def _grade_one(out: Path, submission: Submission, job: Job) -> str:
    """Replay one answer and keep the evidence; return why there is none, if that is not the answer's fault."""
    name, files = job.exercise, submission.answers[job.exercise]
    began = time.monotonic()
    failed = ""
    try:
        replayed = _replay(job) if ANSWER in files else _broken(f"The submission has no {ANSWER}.", 0.0)
        taken = catalog.hints_in(files.get(HINTS, b""))
        hints = {check.name: taken[check.name] for check in catalog.named(name).checks if check.name in taken}
        refuted = predictions.handed_in(files.get(predictions.NOTE, b""))
        found = {**replayed, "of": _digest(submission, name), "hints": hints, "misconceptions": refuted}
        _keep(out, submission, name, found)
    except Exception as error:  # whatever it is, the other answers are graded
        failed = reason(error)
        _keep(out, submission, name, {"failed": failed})
    say(f"{submission.learner}: {name}, {time.monotonic() - began:.1f} s")
    return f"{submission.learner}, {name}: {failed}" if failed else ""


def _replay(job: Job) -> Replay:
    """Replay an answer in a process of its own; return the evidence.

    The process is killed if it does not end within the job's limit and AROUND. Raises CourseError if it gives no
    evidence and that is not the answer's fault.
    """
    command = [sys.executable, "-m", "course_lib.grading.replay_worker"]
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as printed,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=printed, stderr=subprocess.STDOUT, cwd=ROOT, encoding="utf-8"
        ) as process,
    ):
        # Its standard input stays open until it ends: it also ends when this process is killed.
        with contextlib.suppress(BrokenPipeError):
            stdin = cast("IO[str]", process.stdin)
            stdin.write(json.dumps(dataclasses.asdict(job)) + "\n")
            stdin.flush()
        try:
            process.wait(job.limit + AROUND)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            why = f"The lab and its probes did not finish within {job.limit + AROUND:g} s."
            left = sandbox.remove(Lab(job.lab))
            return _broken(f"{why} It could not be removed: {left}" if left else why, job.limit + AROUND)
        printed.seek(0)
        last = (printed.read().strip().splitlines() or ["no output"])[-1]
    try:
        found = json.loads(last)
    except ValueError:
        raise CourseError(f"Its replay ended with exit code {process.returncode}: {last}") from None
    if "failed" in found:
        raise CourseError(found["failed"])
    return cast(Replay, found)


def _broken(why: str, seconds: float) -> Replay:
    """Return the evidence of an answer whose lab could not be probed."""
    return {**unseen(why), "answer": {"ended": why, "output": ""}, "seconds": seconds}
