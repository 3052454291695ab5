"""Run a learner's answer once more in a fresh lab and pack it to be handed in: `submit`."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from course_lib.console import say
from course_lib.errors import CourseError
from course_lib.exercises import answers, catalog, predictions
from course_lib.grading import grader, report
from course_lib.lab.lifecycle import Lab


def submit(
    lab: Lab, name: str, need: Callable[[str], None], folder: Path, made: predictions.Record | None = None
) -> bool:
    """Replay the answer to an exercise in a fresh lab and pack it; return whether all its checks are right.

    `folder` has a folder for each exercise; the archive is written to it. The answer runs in a disposable relative of
    `lab`; `need(package)` installs a Debian package on this machine or raises CourseError. An answer that fails checks
    is packed too; `made`, the learner's predictions, only if it is given. Raises CourseError if there is no answer, or
    if it could not be replayed.
    """
    catalog.named(name)  # raises if there is none
    files = answers.files_of(folder / name)
    if answers.is_stub(files.get(answers.ANSWER, b"").decode(errors="replace")):
        raise CourseError(f"There is no answer to {name} yet: write one in the `%%answer` cell of its notebook.")
    files.pop(predictions.NOTE, None)
    if made:
        files[predictions.NOTE] = predictions.packed(made)
    archive = folder / f"{catalog.learner()}.{name}.tar.gz"
    packed = answers.packed(files, f"{name}/")
    with tempfile.TemporaryDirectory() as temporary:
        (Path(temporary) / archive.name).write_bytes(packed)
        out = Path(temporary) / "report"
        if failed := grader.grade(lab, Path(temporary), out, need, jobs=1):
            raise CourseError(f"The answer could not be replayed: {failed[0]}")
        [mine] = report.read(out)
        for why in mine.failed:
            raise CourseError(f"This submission cannot be graded: {why}.")
        done = mine.answers[0].verdicts
    archive.write_bytes(packed)
    for verdict in done:
        say(str(verdict))
    if made:
        say(
            "It also contains your predictions. The class page counts misconceptions without names, but anyone who "
            "has the file can read yours."
        )
    say(f"To hand in: {os.path.relpath(archive)} (sha256 {hashlib.sha256(packed).hexdigest()[:12]})")
    return all(v.ok for v in done)
