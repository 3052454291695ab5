"""Replay one answer in a sandbox: `python -m course_lib.grading.replay_worker`, which `grader` starts for each answer.

It reads one line of JSON (a `Job`) and writes one line of JSON: the evidence (a `Replay`) or {"failed": REASON}. If it
has to replay the answer a second time, it writes the line AGAIN before. It judges nothing. It ends when its standard
input ends, so that a grader that is killed leaves no replay running.
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

from course_lib.engine import client
from course_lib.errors import CommandHungError
from course_lib.exercises import answers, catalog
from course_lib.exercises.checks import Evidence
from course_lib.exercises.probes import beginning, evidence, unseen
from course_lib.grading import sandbox
from course_lib.grading.evidence import Answer, Replay
from course_lib.lab import execute
from course_lib.lab.lifecycle import Lab
from course_lib.plain_text import clean_json, reason

AGAIN = "again"  # the line that announces a second replay of the same answer
REMOVE = "import sys; from course_lib.grading import sandbox; sandbox.remove(sandbox.Lab(sys.argv[1]))"
LAST_OUTPUT = 2000  # characters of an answer's output that are kept, from its end
MOST_EVIDENCE = 1_000_000  # characters of JSON; a right answer has 100,000 at most


@dataclass(frozen=True)
class Job:
    """An answer to replay, and where."""

    exercise: str
    learner: str
    files: Mapping[str, str]  # base64 contents of the answer's files by path
    lab: str  # the name of the lab to create for it
    seed: str  # the volume with the lab's images
    grader: str  # the value of the lab's label GRADER_LABEL
    limit: float  # seconds for the answer

    def as_json(self) -> str:
        """Return the job as one line of JSON."""
        return json.dumps(dataclasses.asdict(self))


def replay(job: Job, tell: Callable[[str], None]) -> Replay:
    """Run an answer from the exercise's start state in a new disposable lab, and return the evidence.

    A lab that cannot be probed may have been killed from outside. The answer is then replayed once more, and `tell`
    gets the line AGAIN first; if it fails again, the answer is to blame. If the lab cannot be removed, the evidence
    says so in `answer`. Raises CourseError if Docker fails.
    """
    what = catalog.named(job.exercise)
    files = {place: base64.b64decode(content) for place, content in job.files.items()}
    began = time.monotonic()
    answer, seen, left = _attempt(job, what, files)
    if seen["broken"] and not left:
        tell(AGAIN)
        answer, seen, left = _attempt(job, what, files)
    if left:
        answer["ended"] += f"; its lab could not be removed: {left}"
    if len(json.dumps(seen)) > MOST_EVIDENCE:
        seen = unseen(f"The evidence is longer than {MOST_EVIDENCE:,} characters.")
    return {**seen, "answer": answer, "seconds": round(time.monotonic() - began, 1)}


def _attempt(job: Job, what: catalog.Exercise, files: Mapping[str, bytes]) -> tuple[Answer, Evidence, str]:
    """Run an answer in a new lab; return how it ended, the evidence, and why the lab could not be removed, or ""."""
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
    return answer, seen, left


def _distrusted(lab: Lab) -> str:
    """Return why the evidence of a lab cannot be trusted; "" if it can."""
    changed = sandbox.changed_programs(lab)
    if not sandbox.runs(lab):
        return "The lab stopped before all evidence was gathered."
    why = f"The answer changed programs on the lab's host that the probes use: {', '.join(changed)}."
    return why if changed else ""


def _answer(lab: Lab, files: Mapping[str, bytes], limit: float) -> Answer:
    """Run the answer for at most `limit` seconds; return how it ended, and the end of its output.

    The answer is root in the lab, so it is to blame for every error there. Raises what `engine.client.connect` raises
    if the engine that runs the lab does not answer.
    """
    output: list[str] = []
    ended = answers.RAN
    try:
        answers.send(lab, files)
        execute.run(lab, answers.COMMAND, timeout=limit, show=output.append)
    except CommandHungError:
        ended = f"it did not end within {limit:g} s and was stopped"
    except Exception as error:
        client.connect()
        ended = reason(error)
    return {"ended": ended, "output": clean_json("".join(output)[-LAST_OUTPUT:])}


def _end_with_input(lab: str) -> None:
    """When standard input ends, replace this process by one that only removes the lab."""
    sys.stdin.read()
    os.execv(sys.executable, [sys.executable, "-c", REMOVE, lab])  # noqa: S606 - no shell is wanted


def main() -> None:
    """Replay the job on standard input and write the evidence to standard output."""
    job = Job(**json.loads(sys.stdin.readline()))
    threading.Thread(target=_end_with_input, args=(job.lab,), daemon=True).start()
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever else prints to standard output

    def tell(line: str) -> None:
        out.write(f"{line}\n")
        out.flush()

    try:
        with client.plain_words():
            line = json.dumps(replay(job, tell))
    except Exception as error:  # not the fault of the answer
        line = json.dumps({"failed": reason(error)})
    tell(line)
    os._exit(0)  # threads may still wait for the removed lab


if __name__ == "__main__":
    main()
