"""Create what a JupyterHub of the course needs on this machine: `python deploy/jupyterhub/prepare.py`.

That is two images, the learner's engine and the learner's server, and a network for the servers. Images and networks
that exist and are up to date are kept.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from hub_names import ENGINE_IMAGE, NAME, RELEASE, SERVER_IMAGE

from course_lib.console import say, step
from course_lib.engine import client
from course_lib.engine.labels import LABEL, RECIPE_LABEL
from course_lib.lab import base_image, images
from course_lib.lab.lifecycle import DEFAULT_ENGINE
from course_lib.paths import ROOT
from course_lib.setup import bundle_packages, docker_install

HERE = Path(__file__).parent
LOCKS = (ROOT / "requirements.lock", ROOT / "requirements-hub.lock")
COURSE = ("LICENSE", "README.md", "course_lib", "exercises", "notebooks")  # what learners get
# Not for learners: solutions, and files that work on this machine leaves next to the sources.
LEFT_OUT = ("solution", "other-solutions", "mistakes", "__pycache__", ".ipynb_checkpoints", "learner.txt", "*.tar.gz")
PYTHON = "3.13"  # of Debian's RELEASE
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}  # GET /info -> name in images


def main() -> None:
    """Create what is missing. Raises CourseError."""
    docker_install.ensure_engine(client.outer, say, install=False)
    images.build_all(DEFAULT_ENGINE, images.need_package)
    make(ENGINE_IMAGE, _engine_recipe(), _engine_context, {"LAB": images.lab_image(RELEASE)})
    source = base_image.supply()
    arguments = {"BASE": f"{images.PREFIX}/debian:{RELEASE}", **source.arguments}
    make(SERVER_IMAGE, _digest(_server_files()), _server_context, arguments)
    network()


def network() -> None:
    """Create the servers' network: through it they reach the hub, but neither each other nor the internet."""
    api = client.outer()
    if not any(found["Name"] == NAME for found in api.networks(names=[NAME])):
        # No traffic between its containers (icc), and no route to other networks (internal).
        options = {"com.docker.network.bridge.enable_icc": "false"}
        api.create_network(NAME, internal=True, options=options, labels={LABEL: "lab"})
        say(f"Created the network {NAME}")


def make(tag: str, recipe: str, context: Callable[[Path], None], arguments: dict[str, str]) -> None:
    """Build an image unless it exists with the same recipe; `context` writes the files of the build to a folder."""
    if images.recipe_of(client.outer(), tag) == recipe:
        return
    with step(f"Building the image {tag}") as detail, tempfile.TemporaryDirectory(prefix="course-") as folder:
        context(Path(folder))
        labels = {LABEL: "image", RECIPE_LABEL: recipe}
        base_image.build(tag, detail, path=folder, buildargs=arguments, labels=labels, network_mode="host")


def _inner_images() -> list[str]:
    """Return the names of the images that a learner's engine has."""
    return images.of_engine(DEFAULT_ENGINE)


def _listed() -> str:
    """Return those images, a line for each: name, space, id."""
    return "".join(f"{name} {client.outer().inspect_image(name)['Id']}\n" for name in _inner_images())


def _engine_recipe() -> str:
    """Return the digest of what the engine's image is made of."""
    return _digest([HERE / "engine" / "Dockerfile", HERE / "engine" / "engine-init"], _listed())


def _engine_context(folder: Path) -> None:
    """Write the files of the engine's image: the lab's images in one archive, in the format of `docker save`."""
    shutil.copytree(HERE / "engine", folder, dirs_exist_ok=True)
    (folder / "images.txt").write_text(_listed())
    with (folder / "images.tar").open("wb") as archive:
        archive.writelines(images.save(_inner_images()))


def _server_files() -> Iterator[Path]:
    """Yield the files that the server's image is made of."""
    yield from LOCKS
    for place in (HERE / "server", *(ROOT / name for name in COURSE)):
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            inside = path.relative_to(ROOT)
            if path.is_file() and not any(Path(part).match(left) for part in inside.parts for left in LEFT_OUT):
                yield path


def _server_context(folder: Path) -> None:
    """Write the files of the server's image; the wheels come from where pip is configured to look."""
    shutil.copytree(HERE / "server", folder, dirs_exist_ok=True)
    shutil.copy(images.RECIPES / "use-mirror", folder)
    (folder / "wheels").mkdir()
    arch = ARCHITECTURES[client.outer().info()["Architecture"]]
    for lock in LOCKS:
        shutil.copy(lock, folder)
        bundle_packages.fetch(
            lock.read_text(), bundle_packages.Target(arch, "Linux", PYTHON), folder / "wheels", lambda line: None
        )
    for path in _server_files():
        inside = path.relative_to(ROOT)
        if inside.parts[0] in COURSE:
            (folder / "course" / inside).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder / "course" / inside)
    (folder / "course" / "course").write_bytes((folder / "course-command").read_bytes())
    (folder / "course" / "course").chmod(0o755)


def _digest(files: Iterator[Path] | list[Path], more: str = "") -> str:
    """Return a digest of files with their names, and of the text `more`: 16 hexadecimal digits."""
    digest = hashlib.sha256(more.encode())
    for path in files:
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


if __name__ == "__main__":
    main()
