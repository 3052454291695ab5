"""Read one submission, a folder or an archive, and print its files as JSON: `python submission_reader.py PATH`.

`submissions` runs this in a process of its own, because reading a malicious archive may take all memory or never end.
It uses only the standard library, runs on every supported Python, and writes nothing to disk.

It prints {"files": {PATH: BASE64 CONTENT}} or {"refused": REASON}.
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
MOST_PACKED = 4 * MOST_BYTES  # of an archive file, and of a decompressed tar archive
# Windows has only the last of these flags: only an administrator can create links there.
CAREFULLY = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class RefusedError(Exception):
    """A submission that is not accepted; the message is the reason."""


def read(path: Path) -> dict[str, bytes]:
    """Return the contents of the files in a folder or an archive by path.

    Raises RefusedError if a limit is exceeded or an entry is not a plain file inside it, and what tarfile, zipfile and
    gzip raise for a damaged archive.
    """
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
            raise RefusedError(f"the path {name[:60]!r} leads outside or has forbidden characters")
        if str(place) in files:
            raise RefusedError(f"it contains {name} twice")
        left -= len(content)
        if left < 0 or len(files) == MOST_FILES:
            raise _too_much()
        files[str(place)] = content
    folders = {str(folder) for name in files for folder in PurePosixPath(name).parents}
    for both in sorted(folders & set(files)):
        raise RefusedError(f"it contains {both} both as a file and as a folder")
    return files


def _too_much() -> RefusedError:
    return RefusedError(f"it holds more than {MOST_FILES} files or {MOST_BYTES:,} bytes")


def _not_plain(name: str) -> RefusedError:
    return RefusedError(f"{name[:60]!r} is not a plain file")


def _content(path: str, most: int, folder: int | None = None) -> bytes:
    """Return the content of a file; raises RefusedError if it is not a plain file or longer than `most` bytes.

    `folder` is the descriptor of an open directory that `path` is relative to. The owner may replace the file at any
    time: so open it first, without following a link or waiting for the other end of a pipe, then check what was opened.
    """
    try:
        handle = os.open(path, CAREFULLY, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):  # a link; a socket
            raise _not_plain(path) from error
        raise
    with open(handle, "rb") as file:  # noqa: PTH123 # a descriptor, not a path
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise _not_plain(path)
        content = file.read(most + 1)
    if len(content) > most:
        raise _too_much()
    return content


def _in_folder(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of the files in a folder, sorted within each directory."""
    # Walk through open directories, so that none can be replaced by a link; Windows can only walk by path.
    walk = os.fwalk(folder) if hasattr(os, "fwalk") else ((*found, None) for found in os.walk(folder))
    for here, folders, names, handle in walk:
        folders.sort()
        links = [name for name in folders if (Path(here) / name).is_symlink()]
        for name in sorted([*names, *links]):
            path = Path(here) / name
            content = _content(str(path) if handle is None else name, MOST_BYTES, handle)
            yield path.relative_to(folder).as_posix(), content


def _in_tar(packed: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of the files in a tar archive, which may be compressed by gzip."""
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
                raise _not_plain(member.name)
            yield member.name, content.read()


def _in_zip(packed: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of the files in a zip archive."""
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        for item in archive.infolist():
            if item.is_dir() or item.filename.startswith("__MACOSX/"):
                continue
            if stat.S_IFMT(item.external_attr >> 16) not in (0, stat.S_IFREG):
                raise _not_plain(item.filename)
            # For other methods zipfile decompresses without a limit (zipfile.ZipExtFile.read).
            if item.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise RefusedError(f"{item.filename[:60]!r} has a compression other than deflate")
            with archive.open(item) as file:
                yield item.filename, file.read(MOST_BYTES + 1)


def main() -> None:
    """Print the files of the folder or archive that the command line names."""
    with contextlib.suppress(ImportError, OSError, ValueError):  # Windows does not have this module
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))  # setrlimit(2); beyond it Python raises MemoryError
    found: dict[str, object]
    try:
        files = read(Path(sys.argv[1]))
        found = {"files": {name: base64.b64encode(content).decode() for name, content in files.items()}}
    except RefusedError as error:
        found = {"refused": str(error)}
    except MemoryError:
        found = {"refused": f"reading it takes more than {MEMORY // 1_000_000} MB of memory"}
    except Exception as error:  # for a damaged archive these modules raise many kinds
        found = {"refused": f"it cannot be read ({type(error).__name__}: {str(error)[:200]})"}
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
