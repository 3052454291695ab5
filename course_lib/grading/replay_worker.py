"""Replay one answer in a sandbox: `python -m course_lib.grading.replay_worker`, which `grader` starts for each answer.

It reads a `Job` as one line of JSON; the last line that it prints is the evidence (a `Replay`) or {"failed": REASON},
also as JSON. It judges nothing. It ends when its standard input ends, so that a grader that is killed leaves no replay
running.
"""

from __future__ import annotations

import base64
import json
import os
import re
import sys
import threading
import time
from dataclasses import dataclass
from typing import TypedDict

from course_lib.engine import client
from course_lib.errors import CommandHungError
from course_lib.exercises import answers, catalog
from course_lib.exercises.checks import Evidence
from course_lib.exercises.probes import beginning, evidence, unseen
from course_lib.grading import sandbox
from course_lib.lab import execute
from course_lib.lab.lifecycle import Lab
from course_lib.plain_text import clean_json, reason

REMOVE = "import sys; from course_lib.grading import sandbox; sandbox.remove(sandbox.Lab(sys.argv[1]))"
LAST_OUTPUT = 2000  # characters of an answer's output that are kept, from its end
MOST_EVIDENCE = 1_000_000  # characters of JSON; a right answer has 100,000 at most


@dataclass(frozen=True)
class Job:
    """An answer to replay, and where."""

    exercise: str
    learner: str
    archive: str  # the answer's files as a tar.gz archive, in base64
    lab: str  # the name of the lab to create for it
    seed: str  # the volume with the lab's images
    grader: str  # the value of the lab's label GRADER_LABEL
    limit: float  # seconds for the answer


class Answer(TypedDict):
    """How an answer ended."""

    ended: str  # course_lib.exercises.answers.RAN, or what went wrong
    output: str  # the end of its output


class Replay(Evidence):
    """The evidence of a replayed answer."""

    answer: Answer
    seconds: float  # that the replay took, with creating and removing its lab


def replay(job: Job) -> Replay:
    """Run an answer from the exercise's start state in a new disposable lab, and return the evidence.

    A lab that cannot be probed may have been killed from outside. The answer is then replayed once more; if that fails
    too, the answer is to blame. If the lab cannot be removed, the evidence says so in `answer`. Raises CourseError if
    Docker fails.
    """
    began = time.monotonic()
    answer, seen, left = _attempt(job)
    if seen["broken"] and not left:
        answer, seen, left = _attempt(job)
    if left:
        answer["ended"] += f"; its lab could not be removed: {left}"
    if len(json.dumps(seen)) > MOST_EVIDENCE:
        seen = unseen(f"The evidence is longer than {MOST_EVIDENCE:,} characters.")
    seen["broken"] = _without_advice(seen["broken"])
    return {**seen, "answer": answer, "seconds": round(time.monotonic() - began, 1)}


def _attempt(job: Job) -> tuple[Answer, Evidence, str]:
    """Run an answer in a new lab; return how it ended, the evidence, and why the lab could not be removed, or ""."""
    lab, exercise = Lab(job.lab), catalog.named(job.exercise)
    values = exercise.values(job.learner)
    try:
        sandbox.create(lab, job.seed, job.grader)
        start = beginning(lab, exercise, values)
        answer = _answer(lab, job)
        seen = evidence(lab, exercise, values, start)
        if not seen["broken"]:
            changed = sandbox.changed_programs(lab)
            found = lab.inspect()
            if not (found and found["State"]["Running"]):
                seen = unseen("The lab stopped before all evidence was gathered.")
            elif changed:
                programs = ", ".join(changed)
                seen = unseen(f"The answer changed programs on the lab's host that the probes use: {programs}.")
    finally:
        left = sandbox.remove(lab)
    return answer, seen, left


def _answer(lab: Lab, job: Job) -> Answer:
    """Run the answer; return how it ended, and the end of its output.

    The answer is root in the lab, so it is to blame for every error there. Raises what `engine.client.connect` raises
    if the engine that runs the lab does not answer.
    """
    output: list[str] = []
    ended = answers.RAN
    try:
        execute.unpack(lab, base64.b64decode(job.archive), answers.PLACE)
        execute.run(lab, answers.COMMAND, timeout=job.limit, show=output.append)
    except CommandHungError:
        ended = f"it did not end within {job.limit:g} s and was stopped"
    except Exception as error:
        client.connect()
        ended = _without_advice(reason(error))
    return {"ended": ended, "output": clean_json("".join(output)[-LAST_OUTPUT:])}


def _without_advice(why: str) -> str:
    """Return why a lab failed, without the command that gives a learner a new one: the reader is a teacher."""
    return re.sub(r": [^:`]*`.*\./course .*", ".", why)


def _end_with_input(lab: str) -> None:
    """When standard input ends, replace this process by one that only removes the lab."""
    sys.stdin.read()
    os.execv(sys.executable, [sys.executable, "-c", REMOVE, lab])  # noqa: S606 - no shell is wanted


def main() -> None:
    """Replay the job on standard input and print the evidence."""
    job = Job(**json.loads(sys.stdin.readline()))
    threading.Thread(target=_end_with_input, args=(job.lab,), daemon=True).start()
    try:
        with client.plain_words():
            line = json.dumps(replay(job))
    except Exception as error:  # not the fault of the answer
        line = json.dumps({"failed": reason(error)})
    print(line, flush=True)
    os._exit(0)  # threads may still wait for the removed lab


if __name__ == "__main__":
    main()
