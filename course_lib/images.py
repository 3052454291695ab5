"""The images of the lab, built on the learner's engine from Debian's packages by the recipes beside this file."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib import engine
from course_lib.errors import CourseError
from course_lib.progress import step

RECIPES = Path(__file__).with_name("recipes")
PREFIX = "container-course"  # of every image's name, and the label that everything of ours carries
LABEL = PREFIX
RECIPE_LABEL = f"{LABEL}.recipe"
RELEASES = {"20.10": "bookworm", "26.1": "trixie", "newest": "testing"}  # engine -> the Debian that has it
INNER_RELEASE = "trixie"  # what the images inside the lab are made from, whatever the lab's engine is
INNER = ("busybox", "nginx")


@dataclass(frozen=True)
class Supply:
    """Where Debian's packages come from on this machine: what apt, the environment and Docker are told."""

    mirror: str = ""
    options: tuple[str, ...] = ()  # for apt, each as "Name=value"

    @property
    def arguments(self) -> dict[str, str]:
        """The arguments of a build."""
        proxies = {
            name: os.environ[name]
            for name in ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
            if name in os.environ
        }
        return {
            "MIRROR": self.mirror,
            "APT_OPTIONS": " ".join(f"-o {option}" for option in self.options),
            **proxies,
        }


def supply() -> Supply:
    """Read what this machine's apt is configured for (apt-get(8) indextargets, apt-config(8)), if it has one.

    COURSE_DEBIAN_MIRROR names a mirror by hand; COURSE_APT_OPTIONS adds options, separated by spaces.
    """
    mirror = os.environ.get("COURSE_DEBIAN_MIRROR", "")
    options = os.environ.get("COURSE_APT_OPTIONS", "").split()
    if shutil.which("apt-config"):
        for name in ("Acquire::http::Proxy", "Acquire::https::Proxy"):
            proxy = _ask("apt-config", "dump", "--format", "%v%n", name).strip()
            if proxy:
                options.append(f"{name}={proxy}")
        targets = _ask("apt-get", "indextargets", "--format", "$(ORIGIN)/$(LABEL) $(REPO_URI)")
        addresses = [line.split()[1] for line in targets.splitlines() if line.startswith("Debian/Debian http")]
        mirror = mirror or (addresses[0] if addresses else "")
    if mirror.startswith("https:"):
        # A minimal image has no certificates to check a mirror with. Packages are checked by their signatures.
        options.append("Acquire::https::Verify-Peer=false")
    return Supply(mirror.rstrip("/"), tuple(options))


def _ask(*command: str) -> str:
    """Return a command's output, or nothing if it fails: a machine without the answer has no configuration."""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def lab_image(release: str) -> str:
    """Return the name of the lab's image with the engine of a Debian release."""
    return f"{PREFIX}/lab:{release}"


def inner_image(name: str) -> str:
    """Return the name that an image of the lab has on the learner's engine."""
    return f"{PREFIX}/{name}:{INNER_RELEASE}"


def build_all(release: str, need: Callable[[str], None]) -> None:
    """Make the lab's image and the images inside it, as far as they are not there yet.

    `need(package)` installs a Debian package on this machine or raises a CourseError that says why not.
    """
    source = supply()
    build("lab", release, source, need)
    for name in INNER:
        build(name, INNER_RELEASE, source, need)


def build(name: str, release: str, source: Supply, need: Callable[[str], None]) -> str:
    """Make one image from its recipe unless it is there already; return its name.

    Raises CourseError if the build fails, with the last words of the failed step, and if an image that is not
    ours has the name.
    """
    api = engine.outer()
    tag = f"{PREFIX}/{name}:{release}"
    recipe = _fingerprint(name)
    if recipe_of(api, tag) == recipe:
        return tag
    base = _base(release, source, need)
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
                use_config_proxy=True,
                rm=True,
                forcerm=True,
                decode=True,
            )
            for message in engine.progress(messages):
                text = re.sub(r"\x1b\[[0-9;]*m", "", message.get("stream", ""))  # errors come in red
                said += text  # one line may come in several messages
                detail(text)
        except (engine.BuildError, engine.APIError) as error:
            raise _build_failure(tag, str(getattr(error, "msg", error)), said.splitlines()) from error
    return tag


def _build_failure(tag: str, words: str, said: Sequence[str]) -> CourseError:
    """Return the sentence for an image that could not be made."""
    text = "\n".join([*said[-100:], words])
    if re.search("no space left|not have enough free space", text, re.I):
        return CourseError(
            f"The disk became full while {tag} was made: free about 3 GB where Docker keeps its images "
            f"(and in {tempfile.gettempdir()}), then repeat the command."
        )
    # apt's first complaint names the cause; the last one is about what it could not do then.
    # (They may stand behind a progress message: the engine mixes the two streams.)
    complaints = re.findall(r"\bE:\s+(.*)", text) + re.findall(r"\bW:\s+(.*)", text)
    fetching = [line for line in complaints if re.search("fetch|resolve|connect|Release file", line)]
    if fetching:
        return CourseError(
            f"Debian's packages for {tag} could not be had ({fetching[0]}): check the network, the proxy or "
            "the mirror that apt is configured for (or set COURSE_DEBIAN_MIRROR), then repeat the command."
        )
    # The engine repeats the whole command that failed.
    end = re.sub(r"The command .* returned a non-zero code", "a command ended with exit code", words, flags=re.S)
    return CourseError(f"The image {tag} could not be made: {' '.join([*complaints[:1], end.strip()])}")


def recipe_of(api: Any, tag: str) -> str | None:
    """Return the fingerprint of the recipe an image was built by, None if there is no image of that name.

    Raises CourseError if the image of that name is not ours.
    """
    try:
        labels = api.inspect_image(tag)["Config"]["Labels"] or {}
    except engine.ImageNotFound:
        return None
    if LABEL not in labels:
        raise CourseError(f"An image {tag} that is not the course's is in the way: rename it with `docker tag`.")
    return str(labels.get(RECIPE_LABEL, ""))


def _files(name: str) -> list[tuple[str, Path]]:
    """Return the files of a recipe, sorted, each with its place in the build context."""
    folder = RECIPES / name
    found = [(path.relative_to(folder).as_posix(), path) for path in folder.rglob("*") if path.is_file()]
    return sorted([*found, ("use-mirror", RECIPES / "use-mirror")])


def _fingerprint(name: str) -> str:
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


def _base(release: str, source: Supply, need: Callable[[str], None]) -> str:
    """Return the name of a minimal Debian image: pulled where a registry answers, else made with mmdebstrap."""
    api = engine.outer()
    tag = f"{PREFIX}/debian:{release}"
    if recipe_of(api, tag) is not None:
        return tag
    published = f"debian:{release}-slim"
    try:
        with step(f"Pulling the image {published}") as detail:
            for message in engine.progress(api.pull(published, stream=True, decode=True)):
                detail(message.get("status", ""))
    except (engine.APIError, engine.BuildError) as error:
        if not _is_there(api, published):  # somebody may have brought it by `docker load`
            _bootstrap(tag, release, source, _or_say_how(need, published, str(getattr(error, "msg", error))))
            return tag
    context = io.BytesIO(f"FROM {published}\nLABEL {LABEL}=image\n".encode())
    try:
        for _ in engine.progress(api.build(fileobj=context, tag=tag, rm=True, forcerm=True, decode=True)):
            pass
    except (engine.BuildError, engine.APIError) as error:
        raise _build_failure(tag, str(getattr(error, "msg", error)), []) from error
    return tag


def _is_there(api: Any, tag: str) -> bool:
    """Whether the learner's engine has an image."""
    try:
        api.inspect_image(tag)
    except engine.ImageNotFound:
        return False
    return True


def _or_say_how(need: Callable[[str], None], published: str, why: str) -> Callable[[str], None]:
    """Return `need`, with the other way to a base image in the sentence of its failure."""

    def need_or_say_how(package: str) -> None:
        try:
            need(package)
        except CourseError as error:
            raise CourseError(
                f"The image {published} could not be pulled ({why.strip()[:300]}): let Docker reach a registry or load "
                f"that image with `docker load`, then repeat the command; it cannot be made here instead: {error}"
            ) from error

    return need_or_say_how


def _bootstrap(tag: str, release: str, source: Supply, need: Callable[[str], None]) -> None:
    """Make a minimal Debian image from packages alone (mmdebstrap(1))."""
    if not shutil.which("mmdebstrap"):
        need("mmdebstrap")
    with tempfile.TemporaryDirectory(prefix="course-") as folder, step(f"Making the image {tag}") as detail:
        archive = Path(folder) / "base.tar"
        command = ["mmdebstrap", "--variant=minbase", *_mmdebstrap_options(source), release, str(archive)]
        command += [source.mirror] if source.mirror else []
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            words: list[str] = []
            for line in process.stdout or ():
                words.append(line.strip())
                detail(line)
        if process.returncode:
            raise _build_failure(tag, f"mmdebstrap ended with exit code {process.returncode}", words)
        try:
            answer = engine.outer().import_image(
                src=str(archive),
                repository=tag.split(":", maxsplit=1)[0],
                tag=release,
                changes=[f"LABEL {LABEL}=image"],
            )
            for _ in engine.progress(json.loads(line) for line in answer.splitlines()):
                pass
        except (engine.BuildError, engine.APIError) as error:
            raise _build_failure(tag, str(getattr(error, "msg", error)), []) from error


def _mmdebstrap_options(source: Supply) -> Iterable[str]:
    """Yield mmdebstrap's options: without manuals and translations, and with what apt is told here."""
    yield "--include=ca-certificates"
    for path in ("/usr/share/man/*", "/usr/share/locale/*", "/usr/share/doc/*"):
        yield f"--dpkgopt=path-exclude={path}"
    for option in source.options:
        name, _, value = option.partition("=")
        yield f'--aptopt={name} "{value}"'


def load(lab_api: Any) -> None:
    """Bring the inner images into a lab's engine, under the names that the chapters use."""
    api = engine.outer()
    absent = [name for name in INNER if recipe_of_inner(lab_api, name) != recipe_of(api, inner_image(name))]
    if absent:
        with step(f"Loading {' and '.join(absent)} into the lab"):
            names = [inner_image(name) for name in absent]
            response = api._get(api._url("/images/get"), params={"names": names}, stream=True)
            try:
                for _ in engine.progress(lab_api.load_image(response.iter_content(1 << 20))):
                    pass
            except engine.BuildError as error:
                raise _build_failure("the lab's copy of its images", error.msg, []) from error
    for name in INNER:  # also if nothing was absent: an earlier `up` may have been interrupted just here
        if lab_api.images(inner_image(name)):
            old = [i["Id"] for i in lab_api.images(f"{name}:latest", filters={"label": LABEL})]
            lab_api.tag(inner_image(name), name, "latest")
            lab_api.remove_image(inner_image(name))
            for image in old:
                # What a container was made from stays until that container goes.
                with contextlib.suppress(engine.APIError):
                    lab_api.remove_image(image)


def recipe_of_inner(lab_api: Any, name: str) -> str | None:
    """Return the fingerprint of an image inside the lab; None if it is not there or the learner's own."""
    try:
        labels = lab_api.inspect_image(f"{name}:latest")["Config"]["Labels"] or {}
    except engine.ImageNotFound:
        return None
    return str(labels.get(RECIPE_LABEL)) if RECIPE_LABEL in labels else None
