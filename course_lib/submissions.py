"""What learners handed in, read without trust: folders and archives, nothing of them is written to this machine.

In the folder of a class lies, for each learner, a folder `NAME` or an archive `NAME.tar.gz`, `NAME.zip`; what follows
the first dot of the name is free, and several of one learner are put together. In each are folders of exercises.
"""

from __future__ import annotations

import gzip
import io
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from course_lib import exercises
from course_lib.errors import CourseError

MOST_FILES = 200
MOST_BYTES = 5_000_000  # of one folder or archive, unpacked
SUFFIXES = (".tar.gz", ".tgz", ".tar", ".zip")


@dataclass
class Submission:
    """What one learner handed in."""

    learner: str
    answers: dict[str, dict[str, bytes]] = field(default_factory=dict)  # exercise -> place -> content
    notes: list[str] = field(default_factory=list)  # what was refused, and why


class RefusedError(Exception):
    """A folder or an archive that is not taken; the message says why."""


def read_class(folder: Path) -> list[Submission]:
    """Return what the learners of a class handed in, sorted by their names; raises CourseError if there is nothing."""
    found: dict[str, Submission] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or not (path.is_dir() or path.name.endswith(SUFFIXES)):
            continue
        learner = exercises.checked(path.name.partition(".")[0])
        _add(found.setdefault(learner, Submission(learner)), path)
    if not found:
        raise CourseError(f"There is nothing to grade in {folder}: it has neither folders nor archives of learners.")
    return list(found.values())


def _add(submission: Submission, path: Path) -> None:
    """Add what lies in a folder or an archive, all of it or, with a note, nothing."""
    try:
        files = dict(_taken(path))
    except (RefusedError, tarfile.TarError, zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError,
            RuntimeError, ValueError) as error:  # fmt: skip
        submission.notes.append(f"{path.name}: refused: {error}")
        return
    known = set(exercises.every())
    mine: dict[str, dict[str, bytes]] = {}
    for place, content in files.items():
        # An archive made by a file manager has the packed folder's own name before everything.
        parts = place.parts[1:] if len(place.parts) > 2 and place.parts[0] not in known else place.parts
        if len(parts) > 1 and parts[0] in known:
            mine.setdefault(parts[0], {})["/".join(parts[1:])] = content
    if not mine:
        submission.notes.append(f"{path.name}: no folder in it has the name of an exercise")
    for name, answer in mine.items():
        if name in submission.answers:
            submission.notes.append(f"{path.name}: {name} was handed in twice; the later name counts")
        submission.answers[name] = answer


def _taken(path: Path) -> Iterator[tuple[PurePosixPath, bytes]]:
    """Yield the files in a folder or an archive, within limits; raises RefusedError."""
    if path.is_symlink():
        raise RefusedError("it is a link")
    if path.is_dir():
        files = _in_folder(path)
    elif path.name.endswith(".zip"):
        files = _in_zip(path)
    else:
        files = _in_tar(path)
    left, seen = MOST_BYTES, set()
    for name, content in files:
        place = PurePosixPath(name)
        if place.is_absolute() or ".." in place.parts or "\\" in name or len(name) > 200 or not name.isprintable():
            raise RefusedError(f"the name {name[:60]!r} leads out of it or is no plain name")
        if place in seen:
            raise RefusedError(f"{name} is in it twice")
        seen.add(place)
        left -= len(content)
        if left < 0 or len(seen) > MOST_FILES:
            raise _too_much()
        yield place, content


def _too_much() -> RefusedError:
    return RefusedError(f"it holds more than {MOST_FILES} files or {MOST_BYTES:,} bytes")


def _in_folder(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a folder."""
    for here, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted([*names, *(f for f in folders if (Path(here) / f).is_symlink())]):
            path = Path(here) / name
            found = path.lstat()
            if not stat.S_ISREG(found.st_mode):
                raise RefusedError(f"{name} is no plain file")
            if found.st_size > MOST_BYTES:
                raise _too_much()
            yield path.relative_to(folder).as_posix(), path.read_bytes()


def _in_tar(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a tar archive. It is unpacked in memory, up to a limit: also its headers may be a trap."""
    with path.open("rb") as raw:
        packed = raw.read(4 * MOST_BYTES)
    if packed[:2] == b"\x1f\x8b":
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
            packed = file.read(4 * MOST_BYTES)
    if len(packed) >= 4 * MOST_BYTES:
        raise _too_much()
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:") as archive:
        for member in archive:
            tarfile.data_filter(member, "/nowhere")  # raises FilterError for what leads out, links and devices
            if member.isdir():
                continue
            if not member.isreg() or member.issparse():
                raise RefusedError(f"{member.name[:60]} is no plain file")
            if content := archive.extractfile(member):
                yield member.name, content.read()


def _in_zip(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a zip archive."""
    if path.stat().st_size > 4 * MOST_BYTES:
        raise _too_much()
    with zipfile.ZipFile(path) as archive:
        for item in archive.infolist():
            kind = stat.S_IFMT(item.external_attr >> 16)
            if item.is_dir() or item.filename.startswith("__MACOSX/"):
                continue
            if kind not in (0, stat.S_IFREG):
                raise RefusedError(f"{item.filename[:60]} is no plain file")
            with archive.open(item) as file:
                content = file.read(MOST_BYTES + 1)
            yield item.filename, content
