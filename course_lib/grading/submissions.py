"""Read the untrusted submissions of a class in memory: `read_class`. Nothing is extracted to disk.

The class's folder has a folder `NAME` or an archive `NAME.tar.gz` or `NAME.zip` for each learner. What follows the
first dot of the name is ignored, and several submissions of one learner are combined. Each contains folders named like
exercises.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
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
    """All submissions of one learner."""

    learner: str
    answers: dict[str, dict[str, bytes]] = field(default_factory=dict)  # exercise -> path -> content
    notes: list[str] = field(default_factory=list)  # for the teacher
    refused: list[str] = field(default_factory=list)  # which folders and archives cannot be graded, and why


def read_class(folder: Path, out: Path | None = None) -> list[Submission]:
    """Return the submissions in a class's folder, sorted by learner; raises CourseError if there are none.

    A report `out` inside the folder is skipped. A file whose name cannot be a learner's is returned as refused, under
    its name in quotes, which cannot be a learner's either.
    """
    found: dict[str, Submission] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or (out and out.resolve().is_relative_to(path.resolve())):
            continue
        if not (path.is_dir() or path.name.lower().endswith(SUFFIXES)):
            say(f"Skipped: {path.name!r} is neither a folder nor one of {', '.join(SUFFIXES)}.")
            continue
        name = path.name.partition(".")[0]
        try:
            learner = catalog.checked(name)
        except CourseError as error:
            # A folder of the report gets this name: ext4 takes 255 bytes.
            odd = repr(name[:60]).encode()[:200].decode(errors="ignore")
            found.setdefault(odd, Submission(odd)).refused.append(clean(f"refused: {error}"))
            continue
        submission = found.setdefault(learner, Submission(learner))
        try:
            _add(submission, path)
        except Exception as error:  # whatever one learner hands in, the others are graded
            submission.refused.append(clean(f"{path.name}: refused: {error}"))
    if not found:
        raise CourseError(f"There is nothing to grade in {folder}: it contains no folder or archive of a learner.")
    return sorted(found.values(), key=lambda submission: submission.learner)


def _add(submission: Submission, path: Path) -> None:
    """Add the answers in a folder or an archive; raises RefusedError if it has none or cannot be read."""
    exercises = set(catalog.every())
    answers: dict[str, dict[str, bytes]] = {}
    unknown: set[str] = set()
    for name, content in read(path).items():
        place = PurePosixPath(name)
        # In an archive made by a file manager, every path begins with the packed folder's own name.
        parts = place.parts[1:] if len(place.parts) > 2 and place.parts[0] not in exercises else place.parts
        if len(parts) > 1 and parts[0] in exercises:
            answers.setdefault(parts[0], {})["/".join(parts[1:])] = content
        elif len(parts) > 1 and not parts[0].startswith((".", "__")):
            unknown.add(str(place.parent))
    if not answers:
        raise RefusedError("it has no folder named like an exercise")
    if unknown:
        more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        submission.notes.append(clean(f"{path.name}: not the name of an exercise: {min(unknown)}{more}"))
    for name in sorted(answers.keys() & submission.answers.keys()):
        submission.notes.append(clean(f"{path.name}: {name} was handed in twice; the later name counts"))
    submission.answers |= answers


def read(path: Path) -> dict[str, bytes]:
    """Return the contents of the files in a folder or an archive by path; raises RefusedError if it cannot be read.

    `submission_reader` reads it, in a process with limits of memory and time.
    """
    command = [sys.executable, "-I", "-S", submission_reader.__file__, str(path)]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise RefusedError(f"reading it takes longer than {SECONDS:g} s") from None
    try:
        found = json.loads(done.stdout)
    except ValueError:
        memory = MEMORY // 1_000_000
        raise RefusedError(f"its reader was killed, or took more than {memory} MB of memory") from None
    if "refused" in found:
        raise RefusedError(found["refused"])
    return {name: base64.b64decode(content) for name, content in found["files"].items()}
