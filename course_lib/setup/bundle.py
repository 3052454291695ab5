"""`./course bundle`, which writes all that a machine without any network needs, and the images out of a bundle."""

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
from course_lib.engine.labels import LABEL
from course_lib.errors import CourseError
from course_lib.lab import binfmt, images
from course_lib.paths import ROOT
from course_lib.setup import bundle_archive, wheels
from course_lib.setup.bundle_archive import Bundle, Manifest

LOCK = ROOT / "requirements.lock"
# Measured: the images of one engine take 240 MB and the wheels 310 MB; while a bundle is made its parts lie beside it.
SPACE, SPACE_ENGINE = 1_300_000_000, 300_000_000  # bytes for a bundle of one engine, and for each further one
FASTEST = 1  # of gzip's levels: three times as fast as its usual one, and the images take a tenth more


def make(
    path: Path,
    arch: str,
    engines: Sequence[str],
    need: Callable[[str], None],
    *,
    replace: bool = False,
    machines: Sequence[wheels.Target] = (),
) -> Manifest:
    """Write a bundle for an architecture ("amd64"; "" for that of the engine here) and versions of the lab's engine.

    `machines` are those that the wheels are for, by default all of that architecture. What images are not there yet
    are made first, for another architecture than that of the engine here by emulation; `need(package)` installs a
    Debian package on this machine or raises a CourseError. The file is there when it is whole, or not at all. Raises
    CourseError.
    """
    api = client.outer()
    here = str(api.version()["Arch"])
    arch = arch or here
    foreign = arch if arch != here else ""
    _check_place(path, replace, len(engines))
    if foreign:
        binfmt.require(api, arch, LABEL)
        say(f"Programs of {arch} are emulated here: making an image takes up to ten times as long as one for {here}.")
    names: list[str] = []
    for version in engines:
        images.build_all(images.RELEASES[version], need, foreign)
        names.append(images.lab_image(images.RELEASES[version]))
    names += map(images.inner_image, images.INNER)
    made = {name: images.foreign(name, foreign) for name in names}  # what they are called there, and here
    for tag in made.values():
        if api.inspect_image(tag)["Architecture"] != arch:
            raise CourseError(
                f"The image {tag} is not for {arch}: remove it with `docker rmi`, and repeat the command."
            )
    # Beside the file, where there is room for it, and from where it can be renamed in one step.
    with _plain_words(path), tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as temporary:
        folder = Path(temporary)
        fetched = _fetch(machines or wheels.targets(arch), folder / bundle_archive.WHEELS)
        _save(list(made.values()), folder / bundle_archive.IMAGES)
        with step(f"Writing {path}"):
            whole = sorted({name for some in fetched.values() for name in some})
            manifest = Manifest(
                course=tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"],
                lock=hashlib.sha256(LOCK.read_bytes()).hexdigest(),
                arch=arch,
                engines=tuple(engines),
                images={name: images.recipe_of(api, tag) or "" for name, tag in made.items()},
                wheels=fetched,
                parts=tuple(bundle_archive.part_of(folder, name) for name in (*whole, bundle_archive.IMAGES)),
            )
            bundle_archive.write(folder / "bundle", manifest, folder)
            with (folder / "bundle").open("rb") as file:
                os.fsync(file.fileno())  # the name must not be there before what it names
            (folder / "bundle").replace(path)
    return manifest


@contextlib.contextmanager
def _plain_words(path: Path) -> Iterator[None]:
    """Turn what the disk raises while a bundle is written into a sentence."""
    try:
        yield
    except client.BROKEN_OFF:  # of the engine; some of these are errors of the operating system, too
        raise
    except OSError as error:
        raise CourseError(f"{path} could not be written: {error.strerror or error}.") from error


def _check_place(path: Path, replace: bool, engines: int) -> None:
    """Raise CourseError if the bundle cannot or may not be written there."""
    if path.exists() and not replace:
        raise CourseError(f"{path} is there already: choose another name, or say --replace.")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise CourseError(f"{path} cannot be written: {path.parent} is no folder in which this user may write.")
    space = SPACE + SPACE_ENGINE * (engines - 1)
    free = shutil.disk_usage(path.parent).free
    if free < space:
        raise CourseError(
            f"A bundle needs {space / 1e9:.1f} GB while it is made, and {path.parent.resolve()} has "
            f"{free / 1e9:.1f} GB: free some, or write it to another disk."
        )


def _fetch(machines: Sequence[wheels.Target], folder: Path) -> dict[str, tuple[str, ...]]:
    """Fetch the wheels for all machines into a folder; return their names as parts, by machine."""
    folder.mkdir()
    lock = LOCK.read_text(encoding="utf-8")
    found = {}
    for machine in machines:
        with step(f"Fetching the packages for Python {machine.python} on {machine.system}") as detail:
            names = wheels.fetch(lock, machine, folder, detail)
        found[str(machine)] = tuple(f"{folder.name}/{name}" for name in names)
    return found


def _save(names: Sequence[str], path: Path) -> None:
    """Write images of the learner's engine into a compressed archive."""
    done = 0
    with (
        step("Saving the images") as detail,
        path.open("wb") as file,
        gzip.GzipFile("", "wb", FASTEST, file, mtime=0) as packed,  # no name and no time in it
    ):
        for data in images.save(names):
            packed.write(data)
            done += len(data)
            detail(f"{done >> 20} MB")


def load(path: Path, version: str) -> None:
    """Bring the images of a bundle into the learner's engine, as far as they are not there yet.

    `version` is that of the lab's engine, which must be in the bundle. Nothing is loaded before all of the archive
    was found to be what was written. Raises CourseError.
    """
    with bundle_archive.opened(path) as bundle:
        api = client.outer()
        manifest = bundle.manifest
        _check_images(bundle, version)
        if all(images.recipe_of(api, name) == recipe for name, recipe in manifest.images.items()):
            say(f"The images of {path} are there already.")
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
            if images.recipe_of(api, foreign) == recipe:  # it was made where another architecture has the plain name
                api.tag(foreign, *name.split(":"))
                api.remove_image(foreign)
            if images.recipe_of(api, name) != recipe:
                raise _failure(path, f"{name} is not there afterwards")


def _check_images(bundle: Bundle, version: str) -> None:
    """Raise CourseError if a bundle's images are not those that this version of the course needs here."""
    manifest, path = bundle.manifest, bundle.path
    bundle.check_arch(str(client.outer().version()["Arch"]), "Docker engine")
    if version not in manifest.engines:
        raise CourseError(
            f"{path} holds the engine {' and '.join(manifest.engines)}: choose it with --engine, "
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
    """Yield the archive of images, and say how far it is."""
    size = bundle.part(bundle_archive.IMAGES).size
    done = 0
    with contextlib.closing(bundle.file(bundle_archive.IMAGES)) as file:
        while data := file.read(bundle_archive.CHUNK):
            yield data
            done += len(data)
            detail(f"{done >> 20} of {size >> 20} MB")


def _failure(path: Path, words: str) -> CourseError:
    """Return the sentence for images that could not be loaded."""
    if "no space left" in words:
        return CourseError(
            f"The disk became full while the images of {path} were loaded: free about 2 GB where Docker keeps its "
            "images, then repeat the command."
        )
    return CourseError(f"The engine could not load the images of {path}: {words.strip()}")
