"""Write and read a bundle, the file with everything that a machine without a network needs: `write`, `opened`.

A bundle is a tar archive: the manifest, its checksum, then the parts. Only the standard library is used, because
./course reads a bundle before there is an environment. The checksums detect damage, not tampering: trust a bundle only
as much as the person who gave it to you.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import json
import platform
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from course_lib.errors import CourseError
from course_lib.setup.doctor_rules import ARCHITECTURES

FORMAT = 1
MANIFEST = "manifest.json"
SUM = "manifest.json.sha256"  # in the format of sha256sum(1); the manifest has the sums of all other files
IMAGES = "images.tar.gz"  # the output of `docker save`, compressed
WHEELS = "wheels"
CHUNK = 1 << 20  # bytes read at a time
MAKE_ANOTHER = "make another one with `./course bundle`"

Watch = Callable[[int, int], object]  # bytes done, bytes in all


@dataclasses.dataclass(frozen=True)
class Part:
    """A file in a bundle: its path in the archive, its size in bytes, its SHA-256 in hexadecimal digits."""

    name: str
    size: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class Manifest:
    """The contents of a bundle and the machines it is for: its first file, as JSON."""

    course: str  # the course's version
    lock: str  # SHA-256 of requirements.lock
    arch: str  # Docker's name: amd64 or arm64
    engines: tuple[str, ...]  # versions of the lab's engine
    images: dict[str, str]  # name of an image -> fingerprint of its recipe
    wheels: dict[str, tuple[str, ...]]  # "SYSTEM PYTHON" ("Linux 3.12") -> names of parts
    parts: tuple[Part, ...]  # all files, in the order of the archive
    format: int = FORMAT

    @property
    def text(self) -> bytes:
        """The manifest as JSON, as it is in the archive."""
        return (json.dumps(dataclasses.asdict(self), indent=1) + "\n").encode()

    @classmethod
    def of(cls, data: bytes) -> Manifest:
        """Parse a manifest; raises ValueError, KeyError, TypeError or AttributeError if it is not one."""
        fields: dict[str, Any] = json.loads(data)
        fields["engines"] = tuple(fields["engines"])
        fields["wheels"] = {key: tuple(names) for key, names in fields["wheels"].items()}
        fields["parts"] = tuple(Part(**part) for part in fields["parts"])
        return cls(**fields)


def digest(file: IO[bytes], watch: Watch = lambda done, of: None, of: int = 0) -> str:
    """Return the SHA-256 of a file from its position on, in hexadecimal digits.

    `watch` is called with the bytes read so far and with `of`, the size of the file.
    """
    total = hashlib.sha256()
    done = 0
    while data := file.read(CHUNK):
        total.update(data)
        done += len(data)
        watch(done, of)
    return total.hexdigest()


def part_of(folder: Path, name: str) -> Part:
    """Return the manifest's entry for a file in a folder."""
    path = folder / name
    with path.open("rb") as file:
        return Part(name, path.stat().st_size, digest(file))


def write(path: Path, manifest: Manifest, folder: Path) -> None:
    """Write a bundle from a folder with its parts; the same parts give the same bytes."""
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in ((MANIFEST, manifest.text), (SUM, _sum(manifest.text))):
            _add(archive, name, len(data), io.BytesIO(data))
        for part in manifest.parts:
            with (folder / part.name).open("rb") as file:
                _add(archive, part.name, part.size, file)


def _sum(text: bytes) -> bytes:
    """Return the line with the checksum of a manifest."""
    return f"{hashlib.sha256(text).hexdigest()}  {MANIFEST}\n".encode()


def _add(archive: tarfile.TarFile, name: str, size: int, file: IO[bytes]) -> None:
    """Add a file without an owner and a time."""
    entry = tarfile.TarInfo(name)
    entry.size = size
    archive.addfile(entry, file)


class Bundle:
    """A bundle that is open for reading; its manifest is valid, and its files have the right sizes."""

    def __init__(self, path: Path, archive: tarfile.TarFile) -> None:
        self.path = path
        self._archive = archive
        first, line = _next(archive, MANIFEST), _next(archive, SUM)
        if line and line != _sum(first):
            raise self._damaged(MANIFEST)
        try:
            found = json.loads(first if line else b"")["format"]
            if found != FORMAT:
                raise CourseError(
                    f"{path} was made by another version of the course (its format is {found}, and this version needs "
                    f"{FORMAT}): use the version that made it, or {MAKE_ANOTHER}."
                )
            self.manifest = Manifest.of(first)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise CourseError(f"{path} is not a bundle of the course: {MAKE_ANOTHER}.") from None
        self._entries: dict[str, tarfile.TarInfo] = {}
        with contextlib.suppress(tarfile.TarError, OSError):
            self._entries = {entry.name: entry for entry in archive.getmembers() if entry.isfile()}
        for part in self.manifest.parts:
            if part.name not in self._entries or self._entries[part.name].size != part.size:
                raise self._damaged(part.name)

    def _damaged(self, name: str) -> CourseError:
        """Return the error for a file that differs from the manifest."""
        return CourseError(f"{self.path} is damaged or incomplete ({name}): copy it again, or {MAKE_ANOTHER}.")

    def part(self, name: str) -> Part:
        """Return the manifest's entry for a file; raises StopIteration if it has none."""
        return next(part for part in self.manifest.parts if part.name == name)

    def check(self, name: str, watch: Watch = lambda done, of: None) -> None:
        """Raise CourseError if the checksum of a file is wrong; `watch` gets the bytes done and in all."""
        part = self.part(name)
        with contextlib.suppress(tarfile.TarError, OSError):
            if digest(self.file(name), watch, part.size) == part.sha256:
                return
        raise self._damaged(name)

    def file(self, name: str) -> IO[bytes]:
        """Open a file for reading."""
        return self._archive.extractfile(self._entries[name]) or io.BytesIO()  # it is a file: __init__ checked that

    def wheels_here(self, lock: Path) -> tuple[str, ...]:
        """Return the names of the wheels for this Python and a lock file.

        Raises CourseError if the bundle is for another lock, architecture, system or Python.
        """
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
                f"run ./course with one of those, or {MAKE_ANOTHER} from this version of the course."
            )
        return self.manifest.wheels[here]

    def check_arch(self, arch: str, whose: str) -> None:
        """Raise CourseError if the bundle is not for an architecture; `whose` is in the message ("Python")."""
        if arch != self.manifest.arch:
            raise CourseError(
                f"{self.path} is for {self.manifest.arch}, and this machine's {whose} is {arch}: "
                f"{MAKE_ANOTHER} --arch {arch}."
            )

    def unpack(self, name: str, folder: Path) -> None:
        """Write a file of the bundle to a folder, under the last part of its name."""
        with self.file(name) as source, (folder / PurePosixPath(name).name).open("wb") as target:
            shutil.copyfileobj(source, target, CHUNK)


def _next(archive: tarfile.TarFile, name: str) -> bytes:
    """Return the contents of the next file of an archive if it has that name, else nothing."""
    try:
        entry = archive.next()
        file = archive.extractfile(entry) if entry and entry.name == name else None
        return file.read() if file else b""
    except (tarfile.TarError, OSError):
        return b""


def _listed(wheels: dict[str, tuple[str, ...]]) -> str:
    """Return the Pythons that there are wheels for, in words."""
    return ", ".join(f"Python {key.split()[1]} on {key.split()[0]}" for key in wheels)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Bundle]:
    """Open a bundle; raises CourseError if the file is not one, is incomplete, or cannot be read."""
    try:
        archive = tarfile.open(path, "r:")  # noqa: SIM115 # it is closed below
    except tarfile.TarError:
        raise CourseError(f"{path} is not a bundle of the course: {MAKE_ANOTHER}.") from None
    except OSError as error:
        raise CourseError(f"Could not read {path}: {error.strerror or error}.") from None
    with archive:
        yield Bundle(path, archive)
