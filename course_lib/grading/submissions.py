"""Read what the learners of a class handed in, without trust: `read_class`. Nothing is unpacked on this machine.

The folder of a class has, for each learner, a folder `NAME` or an archive `NAME.tar.gz`, `NAME.zip`; what follows
the first dot of the name is free, and several of one learner are put together. In each are folders of exercises.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from course_lib.console import say
from course_lib.errors import CourseError
from course_lib.exercises import catalog
from course_lib.grading import submission_reader
from course_lib.grading.submission_reader import MEMORY, RefusedError
from course_lib.plain_text import clean

SECONDS = 10.0  # for reading one folder or archive
SUFFIXES = (".tar.gz", ".tgz", ".tar", ".zip")


@dataclass
class Submission:
    """What one learner handed in."""

    learner: str
    answers: dict[str, dict[str, bytes]] = field(default_factory=dict)  # exercise -> place -> content
    notes: list[str] = field(default_factory=list)  # what the teacher should know
    refused: list[str] = field(default_factory=list)  # the folders and archives that cannot be graded, and why


def read_class(folder: Path, out: Path | None = None) -> list[Submission]:
    """Return what the learners of a class handed in, sorted by their names; raises CourseError if there is nothing.

    A report `out` that lies in the folder is not a learner's. What has no learner's name is returned as refused, under
    its name in quotation marks, which no learner has.
    """
    found: dict[str, Submission] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or (out and out.resolve().is_relative_to(path.resolve())):
            continue
        if not (path.is_dir() or path.name.lower().endswith(SUFFIXES)):
            say(f"Left out: {path.name!r} is neither a folder nor one of {', '.join(SUFFIXES)}.")
            continue
        name = path.name.partition(".")[0]
        try:
            learner = catalog.checked(name)
        except CourseError as error:
            odd = repr(name[:60])
            found.setdefault(odd, Submission(odd)).refused.append(clean(f"refused: {error}"))
            continue
        submission = found.setdefault(learner, Submission(learner))
        try:
            _add(submission, path)
        except Exception as error:  # whatever one learner hands in, the others are graded
            submission.refused.append(clean(f"{path.name}: refused: {error}"))
    if not found:
        raise CourseError(f"There is nothing to grade in {folder}: it has neither folders nor archives of learners.")
    return sorted(found.values(), key=lambda submission: submission.learner)


def _add(submission: Submission, path: Path) -> None:
    """Add what is in a folder or an archive; raises RefusedError."""
    known = set(catalog.every())
    mine: dict[str, dict[str, bytes]] = {}
    strange: set[str] = set()
    for name, content in read(path).items():
        place = PurePosixPath(name)
        # An archive made by a file manager has the packed folder's own name before everything.
        parts = place.parts[1:] if len(place.parts) > 2 and place.parts[0] not in known else place.parts
        if len(parts) > 1 and parts[0] in known:
            mine.setdefault(parts[0], {})["/".join(parts[1:])] = content
        elif len(parts) > 1 and not parts[0].startswith((".", "__")):
            strange.add(f"{place.parent}")
    if not mine:
        raise RefusedError("no folder in it has the name of an exercise")
    if strange:
        submission.notes.append(clean(f"{path.name}: not the name of an exercise: {_some(strange)}"))
    for name, answer in mine.items():
        if name in submission.answers:
            submission.notes.append(clean(f"{path.name}: {name} was handed in twice; the later name counts"))
        submission.answers[name] = answer


def _some(names: Iterable[str]) -> str:
    """Return the first of several names."""
    first, *more = sorted(names)
    return f"{first} and {len(more)} more" if more else first


def read(path: Path) -> dict[str, bytes]:
    """Return the files of a folder or an archive, read by a process with limits; raises RefusedError."""
    command = [sys.executable, "-I", "-S", submission_reader.__file__, str(path)]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise RefusedError(f"reading it takes longer than {SECONDS:g} s") from None
    try:
        found = json.loads(done.stdout)
    except ValueError:
        memory = MEMORY // 1_000_000
        raise RefusedError(f"its reader was ended, or took more than {memory} MB of memory") from None
    if "refused" in found:
        raise RefusedError(found["refused"])
    return {name: base64.b64decode(content) for name, content in found["files"].items()}
