"""Build the lab's images on the learner's engine from Debian packages (`build_all`), and load them into a lab (`load`).

The recipes are in the folder `recipes` next to this file.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import tarfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from course_lib.console import say, step
from course_lib.engine import client
from course_lib.engine.labels import LABEL, RECIPE_LABEL
from course_lib.errors import CourseError
from course_lib.lab import base_image, machine

RECIPES = Path(__file__).with_name("recipes")
PREFIX = "container-course"  # the first part of every image's name
RELEASES = {"20.10": "bookworm", "26.1": "trixie", "newest": "testing"}  # engine version -> Debian release with it
INNER_RELEASE = "trixie"  # of the images inside a lab, whatever its engine is
INNER = ("busybox", "debian", "mariadb", "nginx", "wordpress")


def lab_image(release: str) -> str:
    """Return the name of the lab's image with the engine of a Debian release ("trixie")."""
    return f"{PREFIX}/lab:{release}"


def inner_image(name: str) -> str:
    """Return the name that an image for use inside the lab ("nginx") has on the learner's engine.

    It is not PREFIX/NAME, because the lab's `debian` is not the minimal Debian that all images are built on.
    """
    return f"{PREFIX}/lab-{name}:{INNER_RELEASE}"


def of_engine(version: str) -> list[str]:
    """Return the names of the lab's image with a version of the engine ("26.1"), and of all images inside it."""
    return [lab_image(RELEASES[version]), *map(inner_image, INNER)]


def foreign(tag: str, arch: str) -> str:
    """Return the name of one of our images built for another architecture than the engine's; `tag` itself for "".

    Two architectures never share a name, because the lab runs the images with the plain names.
    """
    return f"{PREFIX}/{arch}/{tag.removeprefix(f'{PREFIX}/')}" if arch else tag


def build_all(engine_version: str, need: Callable[[str], None], arch: str = "") -> None:
    """Build the images `of_engine`, unless they exist with the same recipe.

    `need(package)` installs a Debian package on this machine or raises CourseError. `arch` is an architecture that is
    not the engine's own ("arm64"); the engine's machine must run its programs (`binfmt.require`). Raises CourseError.
    """
    source = base_image.supply()
    build("lab", RELEASES[engine_version], source, need, arch)
    for name in INNER:
        build(name, INNER_RELEASE, source, need, arch)


def build(name: str, release: str, source: base_image.Supply, need: Callable[[str], None], arch: str = "") -> str:
    """Build one image ("lab" or one of INNER) from its recipe unless it exists already; return its name.

    `release` is Debian's ("trixie"), `need` and `arch` are as of `build_all`. Raises CourseError if the build fails,
    with the cause, or if an image that is not the course's has the name.
    """
    api = client.outer()
    tag = foreign(lab_image(release) if name == "lab" else inner_image(name), arch)
    recipe = fingerprint(name)
    if recipe_of(api, tag) == recipe:
        return tag
    base = foreign(f"{PREFIX}/debian:{release}", arch)
    if recipe_of(api, base) is None:
        base_image.make(base, release, source, need, arch)
    with step(f"Building the image {tag}") as detail:
        base_image.build(
            tag,
            detail,
            fileobj=_context(name),
            custom_context=True,
            buildargs={"BASE": base, **source.arguments},
            labels={LABEL: "image", RECIPE_LABEL: recipe},
            network_mode="host",  # so that a proxy or mirror on the machine's 127.0.0.1 can be reached
            platform=base_image.platform_of(arch),  # an image FROM scratch would otherwise be for the engine's own
            use_config_proxy=True,
        )
    return tag


def need_package(package: str, *, install: bool = True) -> None:
    """Install a Debian package that building the images takes; raises as `machine.need_packages` does."""
    machine.need_packages([package], "build the lab's images", say, install=install)


def recipe_of(api: Any, tag: str) -> str | None:
    """Return the fingerprint of the recipe that an image was built from; None if there is no image of that name.

    Raises CourseError if the image of that name is not the course's.
    """
    labels = _labels(api, tag)
    if labels is None:
        return None
    if LABEL not in labels:
        raise CourseError(f"An image that is not the course's has the name {tag}: rename it with `docker tag`.")
    return labels.get(RECIPE_LABEL, "")


def _labels(api: Any, tag: str) -> dict[str, str] | None:
    """Return the labels of an image; None if there is no image of that name."""
    try:
        return api.inspect_image(tag)["Config"]["Labels"] or {}
    except client.ImageNotFound:
        return None


def _files(name: str) -> list[tuple[str, Path]]:
    """Return the files of a recipe, sorted, each with its path in the build context."""
    folder = RECIPES / name
    found = [(path.relative_to(folder).as_posix(), path) for path in folder.rglob("*") if path.is_file()]
    return sorted([*found, ("use-mirror", RECIPES / "use-mirror")])


def fingerprint(name: str) -> str:
    """Return a digest of the files of a recipe: 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for place, path in _files(name):
        digest.update(place.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _context(name: str) -> io.BytesIO:
    """Return the build context as a tar archive that is the same on every machine."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for place, path in _files(name):
            entry = tarfile.TarInfo(place)
            entry.size = path.stat().st_size
            entry.mode = 0o755 if "/local/" in place else 0o644
            archive.addfile(entry, io.BytesIO(path.read_bytes()))
    buffer.seek(0)
    return buffer


def save(names: Iterable[str]) -> Iterator[bytes]:
    """Yield the archive of several images of the learner's engine, in pieces of 1 MiB, each layer once.

    docker-py's `get_image` saves only one image. Raises client.APIError.
    """
    api = client.outer()
    response = api._get(api._url("/images/get"), params={"names": list(names)}, stream=True)
    api._raise_for_status(response)
    yield from response.iter_content(1 << 20)


def load(lab_api: Any) -> None:
    """Load the inner images into a lab's engine, under the names that the chapters use. Raises CourseError."""
    api = client.outer()
    # An image of the learner's own may have such a name.
    found = {name: _labels(lab_api, f"{name}:latest") or {} for name in INNER}
    absent = [name for name in INNER if found[name].get(RECIPE_LABEL) != recipe_of(api, inner_image(name))]
    if absent:
        with step(f"Loading {' and '.join(absent)} into the lab"):
            archive = save(inner_image(name) for name in absent)
            try:
                for _ in client.progress(lab_api.load_image(archive)):
                    pass
            except client.BuildError as error:
                raise base_image.failure("the lab's copy of its images", error.msg, []) from error
    for name in INNER:  # even if none was absent: an earlier `up` may have been interrupted here
        if lab_api.images(inner_image(name)):
            old = [i["Id"] for i in lab_api.images(f"{name}:latest", filters={"label": LABEL})]
            lab_api.tag(inner_image(name), name, "latest")
            lab_api.remove_image(inner_image(name))
            for image in old:
                # The engine keeps an image that a container uses.
                with contextlib.suppress(client.APIError):
                    lab_api.remove_image(image)


def keep_only_ours(lab_api: Any) -> None:
    """Remove all images in a lab that are not the course's. No container may use them."""
    ours = {f"{name}:latest" for name in INNER}
    for image in lab_api.images():
        for tag in image["RepoTags"] or [image["Id"]]:
            if tag not in ours:
                lab_api.remove_image(image["Id"] if tag == "<none>:<none>" else tag, force=True)


def remove_all() -> None:
    """Remove the images with the course's names, and those without a name that its builds left; list them.

    An image that a learner built on top of one of them has our label too, but another name: it is kept.
    """
    api = client.outer()
    for image in sorted(api.images(filters={"label": LABEL}), key=lambda i: -int(i["Created"])):
        tags = [tag for tag in image["RepoTags"] or [] if tag != "<none>:<none>"]
        for tag in [tag for tag in tags if tag.startswith(f"{PREFIX}/")] if tags else [image["Id"]]:
            try:
                api.remove_image(tag)
                say(f"Removed the image {tag}")
            except client.ImageNotFound:
                pass  # the engine removed it with an image that was built on it
            except client.APIError as error:
                say(f"Kept the image {tag}, which is in use: {error.explanation}")
