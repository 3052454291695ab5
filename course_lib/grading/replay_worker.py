"""Replay one answer in one sandbox: `python -m course_lib.grading.replay_worker`, a process for each, by `grader`.

It reads one line of JSON (a `Job`) and writes one line of JSON, the evidence or {"failed": REASON}; before that one
word (`AGAIN`), if the answer is replayed once more. It judges nothing. It ends when its input ends: a grader that was
killed leaves no replay.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from course_lib.engine import client
from course_lib.errors import CommandHungError
from course_lib.exercises import answers, catalog
from course_lib.exercises.judging import RAN
from course_lib.exercises.probes import beginning, evidence, unseen
from course_lib.grading import sandbox
from course_lib.lab import execute
from course_lib.lab.lifecycle import Lab
from course_lib.plain_text import clean_json, reason

AGAIN = "again"  # the line that says that an answer is replayed once more
REMOVE = "import sys; from course_lib.grading import sandbox; sandbox.remove(sandbox.Lab(sys.argv[1]))"
LAST_WORDS = 2000  # characters of an answer's output that are kept
MOST_EVIDENCE = 1_000_000  # characters of JSON; a right answer's are 100,000 at most


@dataclass(frozen=True)
class Job:
    """What is to be replayed, and where."""

    exercise: str
    learner: str
    files: Mapping[str, str]  # the answer's files by their places, in base64
    lab: str  # the name of the lab that is made for it
    seed: str  # the volume with the images
    grader: str  # whose the lab is
    limit: float  # seconds for the answer

    def as_json(self) -> str:
        """Return the job as one line."""
        return json.dumps(dataclasses.asdict(self))


def replay(job: Job, tell: Callable[[str], None]) -> dict[str, Any]:
    """Run an answer from the exercise's start in a fresh throw-away lab, look at what is there, and return that.

    A lab that cannot be looked at may have been killed from outside: then once more, and `tell` gets the line that
    says so. Twice, it was the answer. A lab that cannot be removed is a note about its answer.
    """
    what = catalog.named(job.exercise)
    files = {place: base64.b64decode(content) for place, content in job.files.items()}
    began = time.monotonic()
    found, left = _attempt(job, what, files)
    if found["broken"] and not left:
        tell(AGAIN)
        found, left = _attempt(job, what, files)
    if left:
        found["answer"]["ended"] += f"; its lab could not be removed: {left}"
    if len(json.dumps(found)) > MOST_EVIDENCE:
        found |= unseen(f"What the lab shows is more than {MOST_EVIDENCE:,} characters.")
    return {**found, "seconds": round(time.monotonic() - began, 1)}


def _attempt(job: Job, what: catalog.Exercise, files: Mapping[str, bytes]) -> tuple[dict[str, Any], str]:
    """Run an answer in a fresh lab; return how it ended with what was seen, and why the lab is still there, or ""."""
    lab, values = Lab(job.lab), what.values(job.learner)
    try:
        sandbox.create(lab, job.seed, job.grader)
        answers.to_start(lab, what, values)
        start = beginning(lab, what, values)
        answer = _answer(lab, files, job.limit)
        seen = evidence(lab, what, values, start)
        if not seen["broken"] and (why := _distrusted(lab)):
            seen = unseen(why)
    finally:
        left = sandbox.remove(lab)
    return {"answer": answer, **seen}, left


def _distrusted(lab: Lab) -> str:
    """Say why what was seen of the lab cannot be believed; "" if it can."""
    changed = sandbox.changed_programs(lab)
    if not sandbox.runs(lab):
        return "The lab had ended before it was looked at to the end."
    words = f"Programs of the lab's host, which it is looked at with, were changed: {', '.join(changed)}."
    return words if changed else ""


def _answer(lab: Lab, files: Mapping[str, bytes], limit: float) -> dict[str, Any]:
    """Run the answer; return how it ended, and its last words.

    Whatever goes wrong is the answer's doing, which is root there. Raises what `engine.client.connect` raises if it is
    the engine around the lab that does not answer.
    """
    said: list[str] = []
    ended = RAN
    try:
        answers.send(lab, files)
        execute.run(lab, answers.COMMAND, timeout=limit, show=said.append)
    except CommandHungError:
        ended = f"it did not end within {limit:g} s and was ended"
    except Exception as error:
        client.connect()
        ended = reason(error)
    return {"ended": ended, "output": clean_json("".join(said)[-LAST_WORDS:])}


def _end_with_input(lab: str) -> None:
    """End this process when whoever started it is gone: what takes its place removes the lab, and does nothing else."""
    sys.stdin.read()
    os.execv(sys.executable, [sys.executable, "-c", REMOVE, lab])  # noqa: S606 - no shell is wanted


def main() -> None:
    """Replay the job that stands on standard input."""
    job = Job(**json.loads(sys.stdin.readline()))
    threading.Thread(target=_end_with_input, args=(job.lab,), daemon=True).start()
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what is said on the way is no evidence

    def tell(line: str) -> None:
        out.write(f"{line}\n")
        out.flush()

    try:
        with client.plain_words():
            found = replay(job, tell)
    except Exception as error:  # it says nothing of the answer
        found = {"failed": reason(error)}
    tell(json.dumps(found))
    os._exit(0)  # threads may still wait for a lab that is gone


if __name__ == "__main__":
    main()
