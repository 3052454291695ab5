"""Define what the grader keeps of each answer, the JSON file that `--from-evidence` reads: `Kept`."""

from __future__ import annotations

from typing import TypedDict

from course_lib.exercises.checks import Evidence


class Answer(TypedDict):
    """How an answer ended."""

    ended: str  # course_lib.exercises.answers.RAN, or what went wrong
    output: str  # the end of its output


class Replay(Evidence):
    """The evidence of a replayed answer."""

    answer: Answer
    seconds: float  # that the replay took, with creating and removing its lab


class Kept(Replay):
    """The file `learners/NAME/EXERCISE.json` in a report; if the replay failed it is {"failed": REASON} instead."""

    of: str  # a digest of all that the evidence depends on
    hints: dict[str, int]  # steps of hint() that the learner took, by check
