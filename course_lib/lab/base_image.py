"""The minimal Debian that every image begins with, and where its packages come from on this machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.console import say, step
from course_lib.engine import client
from course_lib.errors import CourseError
from course_lib.lab import host_platform


@dataclass(frozen=True)
class Supply:
    """Where Debian's packages come from on this machine: what apt, the environment and Docker are told."""

    mirror: str = ""
    options: tuple[str, ...] = ()  # for apt, each as "Name=value"

    @property
    def proxies(self) -> dict[str, str]:
        """What the environment says of proxies."""
        return {
            name: os.environ[name]
            for name in ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
            if name in os.environ
        }

    @property
    def arguments(self) -> dict[str, str]:
        """The arguments of a build."""
        return {
            "MIRROR": self.mirror,
            "APT_OPTIONS": " ".join(f"-o {option}" for option in self.options),
            **self.proxies,
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


# The official images of one architecture alone have names of their own. Pulled by the plain name, an image for another
# architecture than the engine's would take that name away from one that is there.
PUBLISHED = {"": "debian", "amd64": "amd64/debian", "arm64": "arm64v8/debian"}


def make(tag: str, label: str, release: str, source: Supply, need: Callable[[str], None], *, arch: str = "") -> None:
    """Make a minimal Debian image: pulled where a registry answers, else made with mmdebstrap.

    `need(package)` installs a Debian package on this machine or raises a CourseError. `arch` is an architecture that
    is not the engine's own, "" if it is. Raises CourseError.
    """
    api = client.outer()
    published, platform = f"{PUBLISHED[arch]}:{release}-slim", platform_of(arch)
    try:
        with step(f"Pulling the image {published}") as detail:
            for message in client.progress(api.pull(published, platform=platform, stream=True, decode=True)):
                detail(message.get("status", ""))
    except (client.APIError, client.BuildError) as error:
        if not _is_there(api, published):  # somebody may have brought it by `docker load`
            why = str(getattr(error, "msg", error))
            bootstrap(tag, label, release, source, _or_say_how(need, published, why), arch=arch)
            return
    with tempfile.TemporaryDirectory(prefix="course-") as folder:
        _build(tag, f"FROM {published}\nLABEL {label}=image\n", Path(folder), arch)


def _build(tag: str, dockerfile: str, folder: Path, arch: str) -> None:
    """Build an image by the text of a Dockerfile from a folder's files. Raises CourseError."""
    (folder / "Dockerfile").write_text(dockerfile, encoding="utf-8")
    try:
        messages = client.outer().build(
            path=str(folder),
            tag=tag,
            platform=platform_of(arch),
            nocache=True,  # the engine would take the same files for the same image, whatever it is for
            rm=True,
            forcerm=True,
            decode=True,
        )
        for _ in client.progress(messages):
            pass
    except (client.BuildError, client.APIError) as error:
        raise failure(tag, str(getattr(error, "msg", error)), []) from error


def platform_of(arch: str) -> str | None:
    """Return an architecture as the Docker API names it, None for the engine's own."""
    return f"linux/{arch}" if arch else None


def _is_there(api: Any, tag: str) -> bool:
    """Whether the learner's engine has an image."""
    try:
        api.inspect_image(tag)
    except client.ImageNotFound:
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


def bootstrap(
    tag: str, label: str, release: str, source: Supply, need: Callable[[str], None], *, arch: str = ""
) -> None:
    """Make a minimal Debian image from packages alone (mmdebstrap(1), which works as root wherever Docker does)."""
    if not shutil.which("mmdebstrap"):
        need("mmdebstrap")
    prefix = host_platform.Machine().as_root("Making a minimal Debian", say)
    if prefix:  # sudo keeps no proxies (sudoers(5), env_reset)
        prefix = [*prefix, "env", *(f"{name}={value}" for name, value in source.proxies.items())]
    with tempfile.TemporaryDirectory(prefix="course-") as folder, step(f"Making the image {tag}") as detail:
        archive = Path(folder) / "base.tar"
        command = [*prefix, "mmdebstrap", "--variant=minbase", *_mmdebstrap_options(source)]
        # Whether it runs was tried, in a container (emulation.require). mmdebstrap wants an emulator of a certain name.
        command += [f"--architectures={arch}", "--skip=check/qemu"] if arch else []
        command += [release, str(archive)]
        command += [source.mirror] if source.mirror else []
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            words: list[str] = []
            for line in process.stdout or ():
                words.append(line.strip())
                detail(line)
        if process.returncode:
            raise failure(tag, f"mmdebstrap ended with exit code {process.returncode}", words)
        # Not by an import, whose image is of the engine's own architecture, whatever it is asked for (engine 20.10).
        # Files first: what has none yet would be of the engine's own, too, and no further step would fit it.
        _build(tag, f"FROM scratch\nADD {archive.name} /\nLABEL {label}=image\n", archive.parent, arch)


def _mmdebstrap_options(source: Supply) -> Iterable[str]:
    """Yield mmdebstrap's options: without manuals and translations, and with what apt is told here."""
    yield "--include=ca-certificates"
    for path in ("/usr/share/man/*", "/usr/share/locale/*", "/usr/share/doc/*"):
        yield f"--dpkgopt=path-exclude={path}"
    for option in source.options:
        name, _, value = option.partition("=")
        yield f'--aptopt={name} "{value}"'


def failure(tag: str, words: str, said: Sequence[str]) -> CourseError:
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
    expired = [line for line in complaints if "is expired" in line]
    if expired:  # apt-secure(8), Valid-Until: an old index could hide that a package was mended
        return CourseError(
            f"Debian's packages for {tag} could not be had ({expired[0]}): the mirror is behind, or this machine's "
            "clock is wrong. Set the clock, or name another mirror with COURSE_DEBIAN_MIRROR; then repeat the command."
        )
    fetching = [line for line in complaints if re.search("fetch|resolve|connect|Release file", line)]
    if fetching:
        return CourseError(
            f"Debian's packages for {tag} could not be had ({fetching[0]}): check the network, the proxy or "
            "the mirror that apt is configured for (or set COURSE_DEBIAN_MIRROR), then repeat the command."
        )
    # The engine repeats the whole command that failed.
    end = re.sub(r"The command .* returned a non-zero code", "a command ended with exit code", words, flags=re.S)
    return CourseError(f"The image {tag} could not be made: {' '.join([*complaints[:1], end.strip()])}")
