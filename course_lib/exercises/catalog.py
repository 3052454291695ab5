"""Find the exercises and the learner's name, and write the files next to a notebook: `load`, `learner`, `write`."""

from __future__ import annotations

import contextlib
import glob
import importlib.util
import json
import os
import re
import secrets
import sys
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.exercises.checks import Check, Probe, Seed, Value, Values
from course_lib.network.model import Snapshot
from course_lib.paths import EXERCISES, work

HINTS = "hints.json"
NOTE = "learner.txt"  # the learner's name, in the working copy
UNFINISHED = ".course-"  # the prefix of a file that is being written
LONGEST_WRITE = 60.0  # seconds; an older unfinished file belongs to a process that was killed
NOBODY = "nobody"


@dataclass(frozen=True)
class Exercise:
    """An exercise as its checks.py defines it."""

    name: str
    folder: Path
    parameters: Callable[[Seed], dict[str, Value]]
    probes: Callable[[Values, Snapshot], dict[str, Probe]]
    checks: tuple[Check, ...]
    start: Callable[[Values], str]  # bash that creates the start state on the lab's host, "" for none
    start_probes: Callable[[Values, Snapshot], dict[str, Probe]]  # run in the start state, before the answer

    def values(self, learner: str, case: int = 0) -> dict[str, Value]:
        """Return a learner's values; those of another case than 0 are for practice."""
        return self.parameters(Seed(self.name, learner, case))

    @property
    def points(self) -> int:
        """Return the points of all checks together."""
        return sum(check.points for check in self.checks)


def load(folder: Path) -> Exercise:
    """Return the exercise in a folder, from its checks.py; raises CourseError if there is none."""
    source = folder / "checks.py"
    spec = importlib.util.spec_from_file_location(f"course_exercise_{folder.name}", source)
    if spec is None or spec.loader is None or not source.is_file():
        raise CourseError(f"There is no exercise in {folder}: it has no checks.py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    name = re.match(r"[0-9]{2}_\w+", folder.name)
    return Exercise(
        name[0] if name else folder.name,
        folder,
        module.parameters,
        module.probes,
        module.CHECKS,
        getattr(module, "start", lambda values: ""),
        getattr(module, "start_probes", lambda values, network: {}),
    )


def every() -> tuple[str, ...]:
    """Return the names of all exercises in order."""
    return tuple(sorted(path.parent.name for path in EXERCISES.glob("*/checks.py")))


def named(name: str) -> Exercise:
    """Return the exercise with this name; raises CourseError if there is none."""
    if name not in every():
        raise CourseError(f"There is no exercise {name}; the exercises are {', '.join(every())}.")
    return load(EXERCISES / name)


def in_folder(folder: Path) -> Exercise:
    """Return the exercise with a notebook in a folder; raises CourseError if there is none.

    Its checks.py is in the folder, as in the clone and under nbgrader. A working copy has only a folder of its name.
    """
    if folder.name in every() and not (folder / "checks.py").is_file():
        return replace(named(folder.name), folder=folder)
    return load(folder)


def learner() -> str:
    """Return the learner's name: COURSE_LEARNER, else the name that `exercise("name")` saved, else NOBODY.

    Under nbgrader it is the student whose notebook is being run, taken from the folder that nbgrader runs it in. Raises
    CourseError if the name is not allowed.
    """
    if os.environ.get("NBGRADER_EXECUTION") == "autograde":  # nbgrader 0.9, autograded/STUDENT/ASSIGNMENT
        return checked(Path.cwd().parent.name)
    if name := os.environ.get("COURSE_LEARNER"):
        return checked(name, "COURSE_LEARNER=")
    if (saved := work() / NOTE).exists():
        return checked(saved.read_text(encoding="utf-8").strip(), f"{NOTE}: ")
    return NOBODY


def is_named() -> bool:
    """Whether `learner` has a name to return, if only "nobody" because that was saved."""
    return bool(os.environ.keys() & {"COURSE_LEARNER", "NBGRADER_EXECUTION"}) or (work() / NOTE).exists()


def save_learner(name: str) -> None:
    """Save the learner's name in the working copy, for all exercises; raises CourseError if it is not allowed."""
    name = checked(name)
    work().mkdir(exist_ok=True)
    write(work() / NOTE, f"{name}\n")


def checked(name: str, where: str = "") -> str:
    """Return a learner's name, normalized; raises CourseError if it could not name a folder and an archive.

    Accented letters are composed (Unicode NFC), because file names from macOS have letter and accent separately. The
    message begins with `where` the name is set.
    """
    name = unicodedata.normalize("NFC", name)
    # Files are named after the learner, and ext4 takes 255 bytes, of which the rest of a name needs some.
    if not re.fullmatch(r"\w[\w-]{0,63}", name) or len(name.encode()) > 200:
        raise CourseError(
            f"{where}{name!r} cannot be a learner's name: use up to 64 letters, digits, hyphens and underscores."
        )
    return name


def hints_in(note: bytes) -> dict[str, int]:
    """Return the number of hint() steps taken for each check, from the text of HINTS; empty if it is not valid."""
    try:
        return {str(name)[:80]: min(max(int(count), 0), 9) for name, count in json.loads(note).items()}
    except (ValueError, OverflowError, AttributeError, TypeError, RecursionError):
        return {}


def hints_taken(folder: Path) -> dict[str, int]:
    """Return the number of hint() steps taken for each check, as saved in an exercise's folder."""
    path = folder / HINTS
    return hints_in(path.read_bytes()) if path.exists() else {}


def save_hints(folder: Path, taken: Mapping[str, int]) -> None:
    """Save the number of hint() steps taken for each check."""
    write(folder / HINTS, json.dumps(dict(sorted(taken.items())), indent=1) + "\n")


def write(path: Path, content: str | bytes) -> None:
    """Write a file atomically; raises CourseError if that fails, and then the file is unchanged.

    The file gets the mode that the umask gives a new file. Unfinished files of processes that were killed are removed.
    """
    own = path.with_name(f"{UNFINISHED}{path.name}-{secrets.token_hex(4)}")
    try:
        with own.open("xb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        for other in path.parent.glob(f"{UNFINISHED}{glob.escape(path.name)}-*"):
            with contextlib.suppress(FileNotFoundError):  # another writer was quicker
                if other.stat().st_mtime < own.stat().st_mtime - LONGEST_WRITE:
                    other.unlink()
        own.replace(path)
    except OSError as error:
        raise CourseError(f"{path.name} could not be written ({error.strerror}) and is unchanged.") from error
    finally:
        own.unlink(missing_ok=True)
