"""Read one submission, a folder or an archive, and print its files as JSON: `python submission_reader.py PATH`.

`submissions` runs this as a process of its own, because an archive can be made so that reading it takes all memory or
never ends. It uses the standard library only, runs on every supported Python, and writes nothing.

It prints {"files": {NAME: CONTENT}}, the contents in base64, or {"refused": SENTENCE}.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import gzip
import io
import json
import os
import stat
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

MEMORY = 256_000_000  # bytes of address space
MOST_FILES = 200
MOST_BYTES = 5_000_000  # of all files together, unpacked
MOST_PACKED = 4 * MOST_BYTES  # of an archive, and of a tar archive's headers and files
# On Windows there is neither: only who administers the machine may make links there.
CAREFULLY = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
BINARY = getattr(os, "O_BINARY", 0)  # Windows only


class RefusedError(Exception):
    """A submission that is not accepted; the message says why."""


def limit_memory() -> None:
    """Limit this process to MEMORY, where the system can (setrlimit(2)); beyond that Python raises MemoryError."""
    with contextlib.suppress(ImportError, OSError, ValueError):  # there is no such module on Windows
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def read(path: Path) -> dict[str, bytes]:
    """Return the files of a folder or an archive by their names; raises RefusedError, or whatever Python raises."""
    if path.is_symlink():
        raise RefusedError("it is a link")
    if path.is_dir():
        found = _in_folder(path)
    elif path.suffix.lower() == ".zip":
        found = _in_zip(_content(str(path), MOST_PACKED))
    else:
        found = _in_tar(_content(str(path), MOST_PACKED))
    files: dict[str, bytes] = {}
    left = MOST_BYTES
    for name, content in found:
        place = PurePosixPath(name)
        if place.is_absolute() or ".." in place.parts or "\\" in name or len(name) > 200 or not name.isprintable():
            raise RefusedError(f"the name {name[:60]!r} leads out of it or is no plain name")
        if str(place) in files:
            raise RefusedError(f"{name} is in it twice")
        left -= len(content)
        if left < 0 or len(files) == MOST_FILES:
            raise _too_much()
        files[str(place)] = content
    return files


def _too_much() -> RefusedError:
    return RefusedError(f"it holds more than {MOST_FILES} files or {MOST_BYTES:,} bytes")


def _no_file(name: str) -> RefusedError:
    return RefusedError(f"{name[:60]!r} is no plain file")


def _content(path: str, most: int, folder: int | None = None) -> bytes:
    """Return what is in a file, which may lie in an open folder; raises RefusedError if it is no file or too large.

    Its owner may exchange it at any moment. So it is opened first, neither through a link nor waiting for the other
    end of a pipe, and what was opened is looked at.
    """
    try:
        handle = os.open(path, CAREFULLY | BINARY, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):  # a link; a socket
            raise _no_file(path) from error
        raise
    with open(handle, "rb") as file:  # noqa: PTH123 # what is open has no path
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise _no_file(path)
        content = file.read(most + 1)
    if len(content) > most:
        raise _too_much()
    return content


def _in_folder(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a folder."""
    for here, folders, names, handle in _walk(folder):
        folders.sort()
        links = [name for name in folders if (Path(here) / name).is_symlink()]
        for name in sorted([*names, *links]):
            path = Path(here) / name
            content = _content(str(path) if handle is None else name, MOST_BYTES, handle)
            yield path.relative_to(folder).as_posix(), content


def _walk(folder: Path) -> Iterator[tuple[str, list[str], list[str], int | None]]:
    """Walk through open folders, so that nobody can exchange one for a link; Windows only knows them by path."""
    if hasattr(os, "fwalk"):
        yield from os.fwalk(folder)
    else:
        yield from ((*found, None) for found in os.walk(folder))


def _in_tar(packed: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a tar archive, which may be compressed by gzip."""
    if packed.startswith(b"\x1f\x8b"):
        with gzip.GzipFile(fileobj=io.BytesIO(packed)) as file:
            packed = file.read(MOST_PACKED + 1)
        if len(packed) > MOST_PACKED:
            raise _too_much()
    with tarfile.open(fileobj=io.BytesIO(packed), mode="r:") as archive:
        for member in archive:
            if member.isdir():
                continue
            content = archive.extractfile(member) if member.isreg() and not member.issparse() else None
            if content is None:
                raise _no_file(member.name)
            yield member.name, content.read()


def _in_zip(packed: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a zip archive."""
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        for item in archive.infolist():
            if item.is_dir() or item.filename.startswith("__MACOSX/"):
                continue
            if stat.S_IFMT(item.external_attr >> 16) not in (0, stat.S_IFREG):
                raise _no_file(item.filename)
            # zipfile unpacks the other kinds without any limit (its ZipExtFile.read).
            if item.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise RefusedError(f"{item.filename[:60]!r} is packed otherwise than by deflate")
            with archive.open(item) as file:
                yield item.filename, file.read(MOST_BYTES + 1)


def main() -> None:
    """Print what is in the folder or archive that the command line names."""
    limit_memory()
    found: dict[str, object]
    try:
        files = read(Path(sys.argv[1]))
        found = {"files": {name: base64.b64encode(content).decode() for name, content in files.items()}}
    except RefusedError as error:
        found = {"refused": str(error)}
    except MemoryError:
        found = {"refused": f"reading it takes more than {MEMORY // 1_000_000} MB of memory"}
    except Exception as error:  # a broken archive makes these modules raise whatever there is
        found = {"refused": f"it cannot be read ({type(error).__name__}: {str(error)[:200]})"}
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
