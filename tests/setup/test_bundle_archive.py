"""Test the bundle's file: reproducible, read where it fits, refused in one sentence where it does not."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import io
import json
import platform
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from course_lib.errors import CourseError
from course_lib.setup import bundle_archive
from course_lib.setup.bundle_archive import IMAGES, MANIFEST, SUM, Manifest, opened
from tests.conftest import ROOT

VERSION = "{}.{}".format(*sys.version_info)
HERE = f"{platform.system()} {VERSION}"
ARCH = bundle_archive.ARCHITECTURES[platform.machine().lower()]
LOCK = b"idna==3.20\n"


def small(folder: Path, lock: bytes = LOCK, wheel: Path | None = None, python: str = VERSION) -> Manifest:
    """Put the parts of a small bundle into a folder, and return the manifest for it."""
    (folder / "wheels").mkdir(parents=True)
    name = f"wheels/{wheel.name if wheel else 'idna-3.20-py3-none-any.whl'}"
    (folder / name).write_bytes(wheel.read_bytes() if wheel else b"a wheel" * 1000)
    (folder / IMAGES).write_bytes(bytes(range(256)) * 2000)
    return Manifest(
        course="0.1.0",
        lock=hashlib.sha256(lock).hexdigest(),
        arch=ARCH,
        engines=("26.1",),
        images={"container-course/lab:trixie": "0123"},
        wheels={f"{platform.system()} {python}": (name,)},
        parts=tuple(bundle_archive.part_of(folder, part) for part in (name, IMAGES)),
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a small bundle; the lock that it is for is next to it."""
    manifest = small(tmp_path / "parts")
    (tmp_path / "lock").write_bytes(LOCK)
    bundle_archive.write(tmp_path / "a bundle.tar", manifest, tmp_path / "parts")
    return tmp_path / "a bundle.tar"


def use(file: Path) -> list[str]:
    """Do all that is done with a bundle; return the names of what it holds for here."""
    with opened(file) as bundle:
        names = bundle.wheels_here(file.parent / "lock")
        for name in (*names, IMAGES):
            bundle.check(name)
            bundle.unpack(name, file.parent)
    return list(names)


def sentence(file: Path) -> str:
    """Return the error for a bundle that is refused: one line, with the file's name and what to do."""
    with pytest.raises(CourseError) as caught:
        use(file)
    assert "\n" not in str(caught.value)
    assert str(file) in str(caught.value)
    return str(caught.value)


def test_what_is_written_is_read(file: Path) -> None:
    (name,) = use(file)
    assert (file.parent / Path(name).name).read_bytes() == b"a wheel" * 1000
    with opened(file) as bundle:
        told: list[tuple[int, int]] = []
        bundle.check(IMAGES, lambda done, of: told.append((done, of)))
        assert told[-1] == (512_000, 512_000)
        assert Manifest.of(bundle.manifest.text) == bundle.manifest


def test_it_is_an_ordinary_tar_archive_and_the_same_each_time(file: Path) -> None:
    with tarfile.open(file, "r:") as archive:
        entries = archive.getmembers()
        told = json.loads((archive.extractfile(MANIFEST) or io.BytesIO()).read())
    assert [entry.name for entry in entries] == [MANIFEST, SUM, "wheels/idna-3.20-py3-none-any.whl", IMAGES]
    assert {(entry.mtime, entry.uid, entry.uname, entry.mode) for entry in entries} == {(0, 0, "", 0o644)}
    assert told["parts"][0]["sha256"] == hashlib.sha256(b"a wheel" * 1000).hexdigest()
    again = file.with_name("again.tar")
    bundle_archive.write(again, small(file.parent / "other"), file.parent / "other")
    assert again.read_bytes() == file.read_bytes()


def test_a_file_that_was_cut_anywhere(file: Path) -> None:
    data = file.read_bytes()
    with opened(file) as bundle:
        end = bundle._entries[IMAGES].offset_data + 512_000
    for length in (*range(0, 4096, 512), 7000, len(data) // 2, end - 1):
        file.write_bytes(data[:length])
        assert "is not a bundle of the course" in sentence(file) or "damaged or incomplete" in sentence(file)
    file.write_bytes(data[:end])  # behind that there are only zeros
    assert use(file)


def test_a_file_of_which_any_byte_was_changed(file: Path) -> None:
    data = file.read_bytes()
    with opened(file) as bundle:
        entries = list(bundle._entries.values())
    places = [place for entry in entries[:2] for place in range(entry.offset_data, entry.offset_data + entry.size, 7)]
    places += [entry.offset_data + entry.size // 2 for entry in entries]
    places += [entry.offset + 5 for entry in entries]  # in its name
    places += [entry.offset + 130 for entry in entries]  # in its size
    for place in places:
        file.write_bytes(data[:place] + bytes([data[place] ^ 4]) + data[place + 1 :])
        said = sentence(file)
        assert "copy it again, or make another one" in said or "not a bundle of the course: make another one" in said


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is not a bundle of the course"),
        (b"hello " * 5000, "is not a bundle of the course"),
        (gzip.compress(b"x" * 5000), "is not a bundle of the course"),
    ],
)
def test_what_is_no_bundle(file: Path, data: bytes, words: str) -> None:
    file.write_bytes(data)
    assert words in sentence(file)


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b"{", b'{"format": 1}', b'{"format": 1, "parts": 3}', b"\xff"])
def test_a_manifest_that_is_none(file: Path, text: bytes) -> None:
    with tarfile.open(file, "w") as archive:
        for name, data in ((MANIFEST, text), (SUM, bundle_archive._sum(text))):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    assert "is not a bundle of the course: make another one with `./course bundle`." in sentence(file)


def rewrite(file: Path, **changes: object) -> None:
    """Write the bundle again with another manifest."""
    with opened(file) as bundle:
        manifest = dataclasses.replace(bundle.manifest, **changes)  # type: ignore[arg-type] # whatever a test changes
    bundle_archive.write(file, manifest, file.parent / "parts")


def test_what_does_not_fit_this_machine(file: Path) -> None:
    other = "arm64" if ARCH == "amd64" else "amd64"
    rewrite(file, arch=other)
    assert f"is for {other}, and this machine's Python is {ARCH}: make another one" in sentence(file)
    assert sentence(file).endswith(f"--arch {ARCH}.")
    rewrite(file, arch=ARCH, wheels={"Linux 3.9": (), "Darwin 3.9": ()})
    assert f"is for Python 3.9 on Linux, Python 3.9 on Darwin, and this is {HERE}: run ./course with" in sentence(file)
    (file.parent / "lock").write_text("other==1\n")
    assert "was made by another version of the course (0.1.0, with other packages)" in sentence(file)
    rewrite(file, format=2)
    assert "its format is 2, and this version needs 1" in sentence(file)


def test_what_cannot_be_read(file: Path) -> None:
    assert f"Could not read {file.with_name('nosuch.tar')}: No such file or directory" in sentence(
        file.with_name("nosuch.tar")
    )
    assert f"Could not read {file.parent}: Is a directory" in sentence(file.parent)


def test_only_the_standard_library_is_needed() -> None:
    """./course reads a bundle before anything is installed."""
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import course_lib.setup.bundle_archive"
    subprocess.run([getattr(sys, "_base_executable", sys.executable), "-I", "-S", "-c", code], check=True)
