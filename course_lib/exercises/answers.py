"""An answer: the files beside an exercise's notebook, and how they get into a lab and are packed to be handed in."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

from course_lib.exercises.catalog import UNFINISHED, Exercise
from course_lib.exercises.checks import Values
from course_lib.lab import execute
from course_lib.lab.lifecycle import Lab

ANSWER = "answer.sh"
PLACE = "/root/answer"  # where an answer and its files lie on the lab's host
COMMAND = f"cd {PLACE}; bash -e {ANSWER}"
# What lies in an exercise's folder and is no part of an answer.
OURS = {
    "exercise.ipynb",
    "checks.py",
    "start",
    "solution",
    "other-solutions",
    "mistakes",
    "__pycache__",
    ".ipynb_checkpoints",
}


def is_stub(script: str) -> bool:
    """Whether a script does nothing: it has only comments and empty lines."""
    return all(not line.strip() or line.lstrip().startswith("#") for line in script.splitlines())


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the files of the answer in an exercise's folder, by their places in it, sorted."""
    found = {}
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder)
        ours = place.parts[0] in OURS or path.name.startswith(UNFINISHED)
        if path.is_file() and not path.is_symlink() and not ours:
            found[place.as_posix()] = path.read_bytes()
    return found


def packed(files: Mapping[str, bytes], top: str = "") -> bytes:
    """Return files as a tar archive, compressed by gzip, that is the same for the same files."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as file, tarfile.open(fileobj=file, mode="w") as archive:
        for place, content in sorted(files.items()):
            entry = tarfile.TarInfo(f"{top}{place}")
            entry.size, entry.mode = len(content), 0o755 if place.endswith(".sh") else 0o644
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def to_start(lab: Lab, exercise: Exercise, values: Values) -> None:
    """Make the start state of an exercise in a lab on its first day."""
    if script := exercise.start(values):
        execute.run(lab, script, timeout=60)


def send(lab: Lab, files: Mapping[str, bytes]) -> None:
    """Put an answer and its files on a lab's host."""
    execute.unpack(lab, packed(files), PLACE)
