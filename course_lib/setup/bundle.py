"""Make a bundle, the file with everything that a machine without a network needs: `make`; load its images: `load`.

`bundle_archive` defines the format of the file.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from course_lib.console import say, step
from course_lib.engine import client
from course_lib.errors import CourseError
from course_lib.lab import binfmt, images
from course_lib.paths import ROOT
from course_lib.setup import bundle_archive, bundle_packages
from course_lib.setup.bundle_archive import Bundle, Manifest

LOCK = ROOT / "requirements.lock"
# Measured: the images of one engine take 240 MB, the wheels 310 MB; while a bundle is made, its parts are next to it.
SPACE, SPACE_ENGINE = 1_300_000_000, 300_000_000  # bytes for a bundle with one engine, and for each further engine
FASTEST = 1  # gzip's level: three times as fast as its default, and the result is a tenth larger


def make(
    path: Path,
    arch: str,
    engines: Sequence[str],
    need: Callable[[str], None],
    *,
    replace: bool = False,
    machines: Sequence[bundle_packages.Target] = (),
) -> Manifest:
    """Write a bundle for an architecture ("amd64"; "" for that of the engine here) and versions of the lab's engine.

    `machines` are those that the wheels are for, by default all of that architecture. Missing images are built first,
    by emulation if the architecture is not that of the engine here; `need(package)` installs a Debian package on this
    machine or raises CourseError. The file appears only when it is complete. Raises CourseError, also if it exists and
    `replace` is false.
    """
    api = client.outer()
    here = str(api.version()["Arch"])
    arch = arch or here
    foreign = arch if arch != here else ""
    _check_place(path, replace, len(engines))
    if foreign:
        binfmt.require(api, arch)
        say(f"Programs for {arch} are emulated here: building an image takes up to ten times as long as for {here}.")
    tags: dict[str, str] = {}  # name in the bundle -> name here
    for version in engines:
        images.build_all(version, need, foreign)
        tags |= {name: images.foreign(name, foreign) for name in images.of_engine(version)}
    for tag in tags.values():
        if api.inspect_image(tag)["Architecture"] != arch:
            raise CourseError(
                f"The image {tag} is not for {arch}: remove it with `docker rmi`, then repeat the command."
            )
    # Next to the file: its disk has room for it, and a rename within a file system is atomic (rename(2)).
    with _disk_errors(path), tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as temporary:
        folder = Path(temporary)
        fetched = _fetch(machines or bundle_packages.targets(arch), folder / bundle_archive.WHEELS)
        _save(list(tags.values()), folder / bundle_archive.IMAGES)
        with step(f"Writing {path}"):
            wheel_parts = sorted({name for names in fetched.values() for name in names})
            manifest = Manifest(
                course=tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"],
                lock=hashlib.sha256(LOCK.read_bytes()).hexdigest(),
                arch=arch,
                engines=tuple(engines),
                images={name: images.recipe_of(api, tag) or "" for name, tag in tags.items()},
                wheels=fetched,
                parts=tuple(bundle_archive.part_of(folder, name) for name in (*wheel_parts, bundle_archive.IMAGES)),
            )
            bundle_archive.write(folder / "bundle", manifest, folder)
            with (folder / "bundle").open("rb") as file:
                os.fsync(file.fileno())  # the name must not reach the disk before the contents
            (folder / "bundle").replace(path)
    return manifest


@contextlib.contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    """Turn an OSError while a bundle is written into a CourseError."""
    try:
        yield
    except client.BROKEN_OFF:  # errors of the engine; some of these are an OSError too
        raise
    except OSError as error:
        raise CourseError(f"Could not write {path}: {error.strerror or error}.") from error


def _check_place(path: Path, replace: bool, engines: int) -> None:
    """Raise CourseError if a bundle with that many engines cannot or may not be written to `path`."""
    if path.exists() and not replace:
        raise CourseError(f"{path} exists already: choose another name, or add --replace.")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise CourseError(f"Could not write {path}: choose a folder that exists and that this user may write to.")
    space = SPACE + SPACE_ENGINE * (engines - 1)
    free = shutil.disk_usage(path.parent).free
    if free < space:
        raise CourseError(
            f"Making a bundle needs {space / 1e9:.1f} GB, and {path.parent.resolve()} has {free / 1e9:.1f} GB: "
            "free some space, or write the bundle to another disk."
        )


def _fetch(machines: Sequence[bundle_packages.Target], folder: Path) -> dict[str, tuple[str, ...]]:
    """Download the wheels for all machines into a folder; return the names of the parts by machine ("Linux 3.12")."""
    folder.mkdir()
    lock = LOCK.read_text(encoding="utf-8")
    fetched = {}
    for machine in machines:
        with step(f"Downloading the packages for Python {machine.python} on {machine.system}") as detail:
            names = bundle_packages.fetch(lock, machine, folder, detail)
        fetched[str(machine)] = tuple(f"{folder.name}/{name}" for name in names)
    return fetched


def _save(names: Sequence[str], path: Path) -> None:
    """Write images of the learner's engine to a compressed archive."""
    done = 0
    with (
        step("Saving the images") as detail,
        path.open("wb") as file,
        gzip.GzipFile("", "wb", FASTEST, file, mtime=0) as packed,  # without a name and a time
    ):
        for data in images.save(names):
            packed.write(data)
            done += len(data)
            detail(f"{done >> 20} MB")


def load(path: Path, version: str) -> None:
    """Load the images of a bundle into the learner's engine, unless they exist there already.

    `version` is that of the lab's engine ("26.1"), which must be in the bundle. The checksum of the whole archive is
    verified before it is loaded. Raises CourseError.
    """
    with bundle_archive.opened(path) as bundle:
        api = client.outer()
        manifest = bundle.manifest
        _check_images(bundle, version)
        if all(images.recipe_of(api, name) == recipe for name, recipe in manifest.images.items()):
            say(f"The images of {path} are loaded already.")
            return
        with step(f"Checking {path}") as detail:
            bundle.check(bundle_archive.IMAGES, lambda done, of: detail(f"{done * 100 // of} %"))
        with step(f"Loading the images of {path}") as detail:
            try:
                for _ in client.progress(api.load_image(_chunks(bundle, detail))):
                    pass
            except (client.BuildError, client.APIError) as error:
                raise _failure(path, str(getattr(error, "msg", error))) from error
        for name, recipe in manifest.images.items():
            foreign = images.foreign(name, manifest.arch)
            if images.recipe_of(api, foreign) == recipe:  # it was made on an engine of another architecture
                api.tag(foreign, *name.split(":"))
                api.remove_image(foreign)
            if images.recipe_of(api, name) != recipe:
                raise _failure(path, f"{name} is missing afterwards")


def _check_images(bundle: Bundle, version: str) -> None:
    """Raise CourseError if a bundle's images do not fit this version of the course or the engine here."""
    manifest, path = bundle.manifest, bundle.path
    bundle.check_arch(str(client.outer().version()["Arch"]), "Docker engine")
    if version not in manifest.engines:
        raise CourseError(
            f"{path} contains the engine {' and '.join(manifest.engines)}: choose it with --engine, "
            f"or {bundle_archive.MAKE_ANOTHER} --engine {version}."
        )
    wanted = {images.lab_image(images.RELEASES[version]): images.fingerprint("lab")}
    wanted |= {images.inner_image(name): images.fingerprint(name) for name in images.INNER}
    other = [name for name, recipe in wanted.items() if manifest.images.get(name) != recipe]
    if other:
        raise CourseError(
            f"{path} was made by another version of the course ({manifest.course}, with another {other[0]}): "
            f"use the version that made it, or {bundle_archive.MAKE_ANOTHER}."
        )


def _chunks(bundle: Bundle, detail: Callable[[str], None]) -> Iterator[bytes]:
    """Yield the archive of images in pieces, and pass the progress to `detail`."""
    size = bundle.part(bundle_archive.IMAGES).size
    done = 0
    with contextlib.closing(bundle.file(bundle_archive.IMAGES)) as file:
        while data := file.read(bundle_archive.CHUNK):
            yield data
            done += len(data)
            detail(f"{done >> 20} of {size >> 20} MB")


def _failure(path: Path, words: str) -> CourseError:
    """Return the error for images that could not be loaded."""
    if "no space left" in words:
        return CourseError(
            f"The disk became full while the images of {path} were being loaded: free about 2 GB where Docker stores "
            "images, then repeat the command."
        )
    return CourseError(f"The engine could not load the images of {path}: {words.strip()}")
