"""Make what a JupyterHub of the course needs on this machine: `python deploy/jupyterhub/prepare.py`.

Two images, the learner's engine and the learner's server, and a network for the servers. What is there already, and
as it should be, is kept.
"""

from __future__ import annotations

import functools
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from hub_names import ENGINE_IMAGE, NAME, RELEASE, SERVER_IMAGE

from course_lib.console import say, step
from course_lib.engine import client
from course_lib.engine.labels import LABEL, RECIPE_LABEL
from course_lib.lab import base_image, host_platform, images
from course_lib.setup import docker_install, wheels

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
LOCKS = (ROOT / "requirements.lock", ROOT / "requirements-hub.lock")
COURSE = ("LICENSE", "README.md", "course_lib", "exercises", "notebooks")  # what a learner gets of it
# Not for learners; and what work on this machine leaves beside the sources.
LEFT_OUT = ("solution", "other-solutions", "mistakes", "__pycache__", ".ipynb_checkpoints", "learner.txt", "*.tar.gz")
PYTHON = "3.13"  # of Debian's RELEASE
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}  # as the engine says it, and as Docker's images say it


def main() -> None:
    """Make what is missing."""
    docker_install.ensure_engine(client.outer, say, install=False)
    need = functools.partial(host_platform.need_packages, why="make the images", say=say)
    images.build_all(RELEASE, lambda package: need([package]))
    make(ENGINE_IMAGE, _engine_recipe(), _engine_context, {"LAB": images.lab_image(RELEASE)})
    source = base_image.supply()
    arguments = {"BASE": f"{images.PREFIX}/debian:{RELEASE}", **source.arguments}
    make(SERVER_IMAGE, _digest(_server_files()), _server_context, arguments)
    network()


def network() -> None:
    """Make the servers' network: they reach the hub through it, but neither each other nor the world."""
    api = client.outer()
    if not any(found["Name"] == NAME for found in api.networks(names=[NAME])):
        # Without traffic between its containers (icc), and without a way out (internal).
        options = {"com.docker.network.bridge.enable_icc": "false"}
        api.create_network(NAME, internal=True, options=options, labels={LABEL: "lab"})
        say(f"Made the network {NAME}")


def make(tag: str, recipe: str, context: Callable[[Path], None], arguments: dict[str, str]) -> None:
    """Make an image unless the one that is there came from the same recipe; `context` fills the build's folder."""
    api = client.outer()
    if images.recipe_of(api, tag) == recipe:
        return
    said = ""
    with step(f"Building the image {tag}") as detail, tempfile.TemporaryDirectory(prefix="course-") as folder:
        context(Path(folder))
        try:
            messages = api.build(
                path=folder,
                tag=tag,
                buildargs=arguments,
                labels={LABEL: "image", RECIPE_LABEL: recipe},
                network_mode="host",
                rm=True,
                forcerm=True,
                decode=True,
            )
            for message in client.progress(messages):
                said += message.get("stream", "")
                detail(message.get("stream", ""))
        except (client.BuildError, client.APIError) as error:
            raise base_image.failure(tag, str(getattr(error, "msg", error)), said.splitlines()) from error


def _inner_images() -> list[str]:
    """Return the names of the images that a learner's engine holds."""
    return [images.lab_image(RELEASE), *map(images.inner_image, images.INNER)]


def _listed() -> str:
    """Return those images with their ids, a line for each."""
    return "".join(f"{name} {client.outer().inspect_image(name)['Id']}\n" for name in _inner_images())


def _engine_recipe() -> str:
    return _digest([HERE / "engine" / "Dockerfile", HERE / "engine" / "engine-init"], _listed())


def _engine_context(folder: Path) -> None:
    """Lay out what the engine's image is made of: the images of the lab in an archive, as `docker save` makes it."""
    shutil.copytree(HERE / "engine", folder, dirs_exist_ok=True)
    (folder / "images.txt").write_text(_listed())
    api = client.outer()
    response = api._get(api._url("/images/get"), params={"names": _inner_images()}, stream=True)
    with (folder / "images.tar").open("wb") as archive:
        for piece in response.iter_content(1 << 20):
            archive.write(piece)


def _server_files() -> Iterator[Path]:
    """Yield the files that the server's image is made of."""
    yield from LOCKS
    for place in (HERE / "server", *(ROOT / name for name in COURSE)):
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            inside = path.relative_to(ROOT)
            if path.is_file() and not any(Path(part).match(left) for part in inside.parts for left in LEFT_OUT):
                yield path


def _server_context(folder: Path) -> None:
    """Lay out what the server's image is made of; pip fetches the wheels by the settings of this machine."""
    shutil.copytree(HERE / "server", folder, dirs_exist_ok=True)
    shutil.copy(images.RECIPES / "use-mirror", folder)
    (folder / "wheels").mkdir()
    arch = ARCHITECTURES[client.outer().info()["Architecture"]]
    for lock in LOCKS:
        shutil.copy(lock, folder)
        wheels.fetch(lock.read_text(), wheels.Target(arch, "Linux", PYTHON), folder / "wheels", lambda line: None)
    for path in _server_files():
        inside = path.relative_to(ROOT)
        if inside.parts[0] in COURSE:
            (folder / "course" / inside).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder / "course" / inside)
    (folder / "course" / "course").write_bytes((folder / "course-command").read_bytes())
    (folder / "course" / "course").chmod(0o755)


def _digest(files: Iterator[Path] | list[Path], more: str = "") -> str:
    """Return a digest of files, of their names, and of some words."""
    digest = hashlib.sha256(more.encode())
    for path in files:
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


if __name__ == "__main__":
    main()
