"""Ask a chapter's questions again from a notebook: `quiz`."""

from __future__ import annotations

from course_lib.commands import quiz as asking
from course_lib.lab import images
from course_lib.notebook import current


def quiz(chapter: str) -> None:
    """Ask the questions of a chapter ("02") again, as `./course quiz` does, and print what happens.

    A lab of its own decides them, where possible with other names and ports. The current lab is not touched, and
    nothing is kept. Raises CourseError if there is no such chapter, or if nobody can type an answer.
    """
    asking.quiz(current.lab(), chapter, images.need_package, asking.ask)
