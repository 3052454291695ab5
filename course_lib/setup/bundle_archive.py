"""A bundle: one file with all that a machine without any network needs; how it is laid out, written and read.

Only the standard library is used: ./course reads a bundle before there is any environment. The sums in it find damage,
not malice: a bundle deserves as much trust as whoever gave it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from course_lib.errors import CourseError
from course_lib.setup.doctor_rules import ARCHITECTURES

FORMAT = 1
MANIFEST = "manifest.json"
SUM = "manifest.json.sha256"  # as sha256sum(1) writes it; of all other files the sums stand in the manifest
IMAGES = "images.tar.gz"  # what `docker save` writes, compressed
WHEELS = "wheels"
CHUNK = 1 << 20
MAKE_ANOTHER = "make another one with `./course bundle`"

Watch = Callable[[int, int], object]  # bytes done, bytes in all


@dataclasses.dataclass(frozen=True)
class Part:
    """A file in a bundle: its path in there, its size in bytes, its SHA-256 in hexadecimal digits."""

    name: str
    size: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What a bundle holds and for whom: the first file in it, as JSON."""

    course: str  # the course's version
    lock: str  # SHA-256 of requirements.lock
    arch: str  # as Docker calls it: amd64 or arm64
    engines: tuple[str, ...]  # versions of the lab's engine
    images: dict[str, str]  # the fingerprint of its recipe, by an image's name
    wheels: dict[str, tuple[str, ...]]  # names of parts, by "SYSTEM PYTHON" ("Linux 3.12")
    parts: tuple[Part, ...]  # all files, in their order
    format: int = FORMAT

    @property
    def text(self) -> bytes:
        """The manifest as it is written."""
        return (json.dumps(dataclasses.asdict(self), indent=1) + "\n").encode()

    @classmethod
    def of(cls, data: bytes) -> Manifest:
        """Read a manifest; raises ValueError, KeyError, TypeError or AttributeError if it is none."""
        told: dict[str, Any] = json.loads(data)
        told["engines"] = tuple(told["engines"])
        told["wheels"] = {key: tuple(names) for key, names in told["wheels"].items()}
        told["parts"] = tuple(Part(**part) for part in told["parts"])
        return cls(**told)


def digest(file: IO[bytes], watch: Watch = lambda done, of: None, of: int = 0) -> str:
    """Return the SHA-256 of what is left of a file, in hexadecimal digits."""
    total = hashlib.sha256()
    done = 0
    while data := file.read(CHUNK):
        total.update(data)
        done += len(data)
        watch(done, of)
    return total.hexdigest()


def part_of(folder: Path, name: str) -> Part:
    """Return what a manifest says of a file in a folder."""
    path = folder / name
    with path.open("rb") as file:
        return Part(name, path.stat().st_size, digest(file))


def write(path: Path, manifest: Manifest, folder: Path) -> None:
    """Write a bundle from a folder that holds its parts; the same parts make the same file."""
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in ((MANIFEST, manifest.text), (SUM, _sum(manifest.text))):
            _add(archive, name, len(data), io.BytesIO(data))
        for part in manifest.parts:
            with (folder / part.name).open("rb") as file:
                _add(archive, part.name, part.size, file)


def _sum(text: bytes) -> bytes:
    """Return the line that vouches for a manifest."""
    return f"{hashlib.sha256(text).hexdigest()}  {MANIFEST}\n".encode()


def _add(archive: tarfile.TarFile, name: str, size: int, file: IO[bytes]) -> None:
    """Add a file, of nobody and from no time."""
    entry = tarfile.TarInfo(name)
    entry.size = size
    archive.addfile(entry, file)


class Bundle:
    """A bundle that is open for reading, and is whole by the sizes of what is in it."""

    def __init__(self, path: Path, archive: tarfile.TarFile) -> None:
        self.path = path
        self._archive = archive
        first, line = _next(archive, MANIFEST), _next(archive, SUM)
        if line and line != _sum(first):
            raise self._damaged(MANIFEST)
        try:
            told = json.loads(first if line else b"")
            if told["format"] != FORMAT:
                raise CourseError(
                    f"{path} was made by another version of the course (its format is {told['format']}, here it is "
                    f"{FORMAT}): use the version that made it, or {MAKE_ANOTHER}."
                )
            self.manifest = Manifest.of(first)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise CourseError(f"{path} is no bundle of the course: {MAKE_ANOTHER}.") from None
        try:
            found = {entry.name: entry for entry in archive.getmembers() if entry.isfile()}
        except (tarfile.TarError, OSError):
            found = {}
        for part in self.manifest.parts:
            if part.name not in found or found[part.name].size != part.size:
                raise self._damaged(part.name)
        self._entries = found

    def _damaged(self, name: str) -> CourseError:
        """Return the sentence for a file that is not as it was written."""
        return CourseError(f"{self.path} is damaged or not whole ({name}): copy it again, or {MAKE_ANOTHER}.")

    def part(self, name: str) -> Part:
        """Return what the manifest says of a file."""
        return next(part for part in self.manifest.parts if part.name == name)

    def check(self, name: str, watch: Watch = lambda done, of: None) -> None:
        """Raise CourseError if a file is not what was written."""
        part = self.part(name)
        try:
            is_well = digest(self.file(name), watch, part.size) == part.sha256
        except (tarfile.TarError, OSError):
            is_well = False
        if not is_well:
            raise self._damaged(name)

    def file(self, name: str) -> IO[bytes]:
        """Open a file for reading."""
        return self._archive.extractfile(self._entries[name]) or io.BytesIO()  # it is a file, by the first look

    def wheels_here(self, lock: Path) -> tuple[str, ...]:
        """Return the names of the wheels for the Python that runs this, and a lock. Raises CourseError."""
        if hashlib.sha256(lock.read_bytes()).hexdigest() != self.manifest.lock:
            raise CourseError(
                f"{self.path} was made by another version of the course ({self.manifest.course}, with other packages): "
                f"use the version that made it, or {MAKE_ANOTHER}."
            )
        self.check_arch(ARCHITECTURES.get(platform.machine().lower(), platform.machine()), "Python")
        major, minor, _ = platform.python_version_tuple()
        here = f"{platform.system()} {major}.{minor}"
        if here not in self.manifest.wheels:
            raise CourseError(
                f"{self.path} is for {_listed(self.manifest.wheels)}, and this is {here}: "
                f"run ./course with one of those, or {MAKE_ANOTHER} of this version of the course."
            )
        return self.manifest.wheels[here]

    def check_arch(self, arch: str, whose: str) -> None:
        """Raise CourseError if the bundle is for another architecture than that of `whose`."""
        if arch != self.manifest.arch:
            raise CourseError(
                f"{self.path} is for {self.manifest.arch}, and this machine's {whose} is {arch}: "
                f"{MAKE_ANOTHER} --arch {arch}."
            )

    def unpack(self, name: str, folder: Path) -> None:
        """Write a file of the bundle into a folder, under the last part of its name."""
        with self.file(name) as source, (folder / PurePosixPath(name).name).open("wb") as target:
            while data := source.read(CHUNK):
                target.write(data)


def _next(archive: tarfile.TarFile, name: str) -> bytes:
    """Return the next file of an archive if it has that name, else nothing."""
    try:
        entry = archive.next()
        file = archive.extractfile(entry) if entry and entry.name == name else None
        return file.read() if file else b""
    except (tarfile.TarError, OSError):
        return b""


def _listed(wheels: dict[str, tuple[str, ...]]) -> str:
    """Say for which Pythons there are wheels."""
    return ", ".join(f"Python {key.split()[1]} on {key.split()[0]}" for key in wheels)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Bundle]:
    """Open a bundle; raises CourseError if it is none, is not whole, or cannot be read."""
    try:
        archive = tarfile.open(path, "r:")  # noqa: SIM115 # it is closed below
    except tarfile.TarError:
        raise CourseError(f"{path} is no bundle of the course: {MAKE_ANOTHER}.") from None
    except OSError as error:
        raise CourseError(f"{path} cannot be read: {error.strerror or error}.") from None
    with archive:
        yield Bundle(path, archive)
