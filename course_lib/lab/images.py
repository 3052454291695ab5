"""The images of the lab, built on the learner's engine from Debian's packages by the recipes beside this file."""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from course_lib.console import step
from course_lib.engine import client
from course_lib.engine.labels import LABEL, RECIPE_LABEL
from course_lib.errors import CourseError
from course_lib.lab.base_image import Supply, failure, make, platform_of, supply

RECIPES = Path(__file__).with_name("recipes")
PREFIX = "container-course"  # of every image's name, and the label that everything of ours carries
RELEASES = {"20.10": "bookworm", "26.1": "trixie", "newest": "testing"}  # engine -> the Debian that has it
INNER_RELEASE = "trixie"  # what the images inside the lab are made from, whatever the lab's engine is
INNER = ("busybox", "debian", "mariadb", "nginx", "wordpress")


def lab_image(release: str) -> str:
    """Return the name of the lab's image with the engine of a Debian release."""
    return f"{PREFIX}/lab:{release}"


def inner_image(name: str) -> str:
    """Return the name that an image of the lab has on the learner's engine.

    Not PREFIX/NAME: the lab's `debian` is not the minimal Debian that all are built on.
    """
    return f"{PREFIX}/lab-{name}:{INNER_RELEASE}"


def foreign(tag: str, arch: str) -> str:
    """Return the name of one of our images as it is made by emulation, for an architecture that is not the engine's.

    Two architectures never share a name: the lab runs what has the plain one. "" is the engine's own architecture.
    """
    return f"{PREFIX}/{arch}/{tag.removeprefix(f'{PREFIX}/')}" if arch else tag


def build_all(release: str, need: Callable[[str], None], arch: str = "") -> None:
    """Make the lab's image and the images inside it, as far as they are not there yet.

    `need(package)` installs a Debian package on this machine or raises a CourseError that says why not. `arch` is
    an architecture that is not the engine's own ("arm64"), whose programs its machine can run (`emulation.require`).
    """
    source = supply()
    build("lab", release, source, need, arch)
    for name in INNER:
        build(name, INNER_RELEASE, source, need, arch)


def build(name: str, release: str, source: Supply, need: Callable[[str], None], arch: str = "") -> str:
    """Make one image from its recipe unless it is there already; return its name.

    Raises CourseError if the build fails, with the last words of the failed step, and if an image that is not
    ours has the name.
    """
    api = client.outer()
    tag = foreign(lab_image(release) if name == "lab" else inner_image(name), arch)
    recipe = fingerprint(name)
    if recipe_of(api, tag) == recipe:
        return tag
    base = foreign(f"{PREFIX}/debian:{release}", arch)
    if recipe_of(api, base) is None:
        make(base, LABEL, release, source, need, arch=arch)
    said = ""
    with step(f"Building the image {tag}") as detail:
        try:
            messages = api.build(
                fileobj=_context(name),
                custom_context=True,
                tag=tag,
                buildargs={"BASE": base, **source.arguments},
                labels={LABEL: "image", RECIPE_LABEL: recipe},
                # The build uses the machine's own network, so that a proxy or mirror on 127.0.0.1 is found too.
                network_mode="host",
                platform=platform_of(arch),  # what is made FROM scratch would else be the engine's
                use_config_proxy=True,
                rm=True,
                forcerm=True,
                decode=True,
            )
            for message in client.progress(messages):
                text = re.sub(r"\x1b\[[0-9;]*m", "", message.get("stream", ""))  # errors come in red
                said += text  # one line may come in several messages
                detail(text)
        except (client.BuildError, client.APIError) as error:
            raise failure(tag, str(getattr(error, "msg", error)), said.splitlines()) from error
    return tag


def recipe_of(api: Any, tag: str) -> str | None:
    """Return the fingerprint of the recipe an image was built by, None if there is no image of that name.

    Raises CourseError if the image of that name is not ours.
    """
    try:
        labels = api.inspect_image(tag)["Config"]["Labels"] or {}
    except client.ImageNotFound:
        return None
    if LABEL not in labels:
        raise CourseError(f"An image {tag} that is not the course's is in the way: rename it with `docker tag`.")
    return str(labels.get(RECIPE_LABEL, ""))


def _files(name: str) -> list[tuple[str, Path]]:
    """Return the files of a recipe, sorted, each with its place in the build context."""
    folder = RECIPES / name
    found = [(path.relative_to(folder).as_posix(), path) for path in folder.rglob("*") if path.is_file()]
    return sorted([*found, ("use-mirror", RECIPES / "use-mirror")])


def fingerprint(name: str) -> str:
    """Return a digest of all that a recipe says."""
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
    """Yield the archive of several images of the learner's engine in pieces, each layer once (docker-py saves one)."""
    api = client.outer()
    response = api._get(api._url("/images/get"), params={"names": list(names)}, stream=True)
    api._raise_for_status(response)
    yield from response.iter_content(1 << 20)


def load(lab_api: Any) -> None:
    """Bring the inner images into a lab's engine, under the names that the chapters use."""
    api = client.outer()
    absent = [name for name in INNER if recipe_of_inner(lab_api, name) != recipe_of(api, inner_image(name))]
    if absent:
        with step(f"Loading {' and '.join(absent)} into the lab"):
            archive = save(inner_image(name) for name in absent)
            try:
                for _ in client.progress(lab_api.load_image(archive)):
                    pass
            except client.BuildError as error:
                raise failure("the lab's copy of its images", error.msg, []) from error
    for name in INNER:  # also if nothing was absent: an earlier `up` may have been interrupted just here
        if lab_api.images(inner_image(name)):
            old = [i["Id"] for i in lab_api.images(f"{name}:latest", filters={"label": LABEL})]
            lab_api.tag(inner_image(name), name, "latest")
            lab_api.remove_image(inner_image(name))
            for image in old:
                # What a container was made from stays until that container goes.
                with contextlib.suppress(client.APIError):
                    lab_api.remove_image(image)


def keep_only_ours(lab_api: Any) -> None:
    """Remove the images that a learner made in a lab; no container may use them any more."""
    ours = {f"{name}:latest" for name in INNER}
    for image in lab_api.images():
        for tag in image["RepoTags"] or [image["Id"]]:
            if tag not in ours:
                lab_api.remove_image(image["Id"] if tag == "<none>:<none>" else tag, force=True)


def recipe_of_inner(lab_api: Any, name: str) -> str | None:
    """Return the fingerprint of an image inside the lab; None if it is not there or the learner's own."""
    try:
        labels = lab_api.inspect_image(f"{name}:latest")["Config"]["Labels"] or {}
    except client.ImageNotFound:
        return None
    return str(labels.get(RECIPE_LABEL)) if RECIPE_LABEL in labels else None
