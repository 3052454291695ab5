"""Read the files of an answer, pack them and copy them into a lab: `files_of`, `packed`, `send`."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

from course_lib.exercises.catalog import UNFINISHED
from course_lib.lab import execute
from course_lib.lab.lifecycle import Lab

ANSWER = "answer.sh"
PLACE = "/root/answer"  # the folder of an answer on the lab's host
COMMAND = f"cd {PLACE}; bash -e {ANSWER}"
RAN = "it ran to its end"  # how an answer ended, in its evidence, if nothing went wrong
# The files in an exercise's folder that are not part of an answer; nor are notebooks.
OURS = {
    "checks.py",
    "start",
    "solution",
    "other-solutions",
    "mistakes",
    "__pycache__",
    ".ipynb_checkpoints",
}


def is_stub(script: str) -> bool:
    """Whether a script has only comments and empty lines."""
    return all(not line.strip() or line.lstrip().startswith("#") for line in script.splitlines())


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the contents of the answer's files by their paths in the exercise's folder, sorted by path."""
    found = {}
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder)
        ours = place.parts[0] in OURS or path.name.startswith(UNFINISHED) or place.suffix == ".ipynb"
        if path.is_file() and not path.is_symlink() and not ours:
            found[place.as_posix()] = path.read_bytes()
    return found


def packed(files: Mapping[str, bytes], top: str = "") -> bytes:
    """Return files as a tar.gz archive, each path after `top`; the same files always give the same bytes."""
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as file, tarfile.open(fileobj=file, mode="w") as archive:
        for place, content in sorted(files.items()):
            entry = tarfile.TarInfo(f"{top}{place}")
            entry.size, entry.mode = len(content), 0o755 if place.endswith(".sh") else 0o644
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def send(lab: Lab, files: Mapping[str, bytes]) -> None:
    """Copy an answer's files to PLACE on a lab's host."""
    execute.unpack(lab, packed(files), PLACE)
