"""Make the minimal Debian image that all others are built on (`make`), from this machine's package source (`supply`).

`build` runs the build of an image, also for `images` and the hub; `failure` explains one that failed.
"""

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
from course_lib.engine.labels import LABEL
from course_lib.errors import CourseError
from course_lib.lab import machine


@dataclass(frozen=True)
class Supply:
    """Where this machine gets Debian's packages from, for apt, mmdebstrap and `docker build`."""

    mirror: str = ""  # URL without a slash at the end; "" for the one that the image or mmdebstrap has
    options: tuple[str, ...] = ()  # for apt, each as "Name=value"

    @property
    def proxies(self) -> dict[str, str]:
        """The variables of the environment that name a proxy."""
        return {
            name: os.environ[name]
            for name in ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
            if name in os.environ
        }

    @property
    def arguments(self) -> dict[str, str]:
        """The build arguments: MIRROR, APT_OPTIONS, and those of the proxies."""
        return {
            "MIRROR": self.mirror,
            "APT_OPTIONS": " ".join(f"-o {option}" for option in self.options),
            **self.proxies,
        }


def supply() -> Supply:
    """Read the mirror and proxies of this machine's apt (apt-get(8) indextargets, apt-config(8)), if it has apt.

    COURSE_DEBIAN_MIRROR overrides the mirror; COURSE_APT_OPTIONS adds options, separated by spaces.
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
        # A minimal image has no certificates to verify a mirror with. apt verifies the packages' signatures.
        options.append("Acquire::https::Verify-Peer=false")
    return Supply(mirror.rstrip("/"), tuple(options))


def _ask(*command: str) -> str:
    """Return the output of a command, "" if it fails: then apt has no such setting."""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


# The official images of a single architecture have names of their own. A pull of "debian" for another architecture than
# the engine's would move that name from the engine's own image to the new one.
PUBLISHED = {"": "debian", "amd64": "amd64/debian", "arm64": "arm64v8/debian"}


def make(tag: str, release: str, source: Supply, need: Callable[[str], None], arch: str = "") -> None:
    """Make a minimal Debian image: pull it, or create it with mmdebstrap if no registry answers.

    `release` is Debian's name for it ("trixie"). `need(package)` installs a Debian package on this machine or raises
    CourseError. `arch` is an architecture that is not the engine's own ("arm64"), "" for the engine's. Raises
    CourseError if both ways fail.
    """
    api = client.outer()
    published, platform = f"{PUBLISHED[arch]}:{release}-slim", platform_of(arch)
    try:
        with step(f"Pulling the image {published}") as detail:
            for message in client.progress(api.pull(published, platform=platform, stream=True, decode=True)):
                detail(message.get("status", ""))
    except (client.APIError, client.BuildError) as error:
        if not api.images(published):  # it may have been loaded with `docker load`
            try:
                bootstrap(tag, release, source, need, arch)
            except CourseError as reason:
                why = str(getattr(error, "msg", error)).strip()[:300]
                raise CourseError(
                    f"The image {published} could not be pulled ({why}): give Docker access to a registry or load the "
                    f"image with `docker load`, then repeat the command. It cannot be made here instead: {reason}"
                ) from reason
            return
    with tempfile.TemporaryDirectory(prefix="course-") as folder:
        _build_base(tag, f"FROM {published}\n", Path(folder), arch)


def build(tag: str, detail: Callable[[str], None], **arguments: Any) -> None:
    """Build an image with docker-py's `build(**arguments)`, and pass each line of its output to `detail`.

    Raises CourseError with the cause if the build fails.
    """
    printed = ""
    try:
        messages = client.outer().build(tag=tag, rm=True, forcerm=True, decode=True, **arguments)
        for message in client.progress(messages):
            text = re.sub(r"\x1b\[[0-9;]*m", "", message.get("stream", ""))  # errors come in red
            printed += text  # one line may come in several messages
            detail(text)
    except (client.BuildError, client.APIError) as error:
        raise failure(tag, str(getattr(error, "msg", error)), printed.splitlines()) from error


def _build_base(tag: str, dockerfile: str, folder: Path, arch: str) -> None:
    """Build an image from the text of a Dockerfile and the files of a folder. Raises CourseError."""
    (folder / "Dockerfile").write_text(f"{dockerfile}LABEL {LABEL}=image\n", encoding="utf-8")
    # nocache: for the same files the engine would return the same image, even for another architecture.
    build(tag, lambda _: None, path=str(folder), platform=platform_of(arch), nocache=True)


def platform_of(arch: str) -> str | None:
    """Return the Docker API's name of an architecture ("linux/arm64"); None for "", the engine's own."""
    return f"linux/{arch}" if arch else None


def bootstrap(tag: str, release: str, source: Supply, need: Callable[[str], None], arch: str = "") -> None:
    """Make a minimal Debian image from packages, with mmdebstrap(1) as root; arguments and errors as of `make`."""
    if not shutil.which("mmdebstrap"):
        need("mmdebstrap")
    prefix = machine.Machine().as_root("Making a minimal Debian", say)
    if prefix:  # sudo removes the proxies from the environment (sudoers(5), env_reset)
        prefix = [*prefix, "env", *(f"{name}={value}" for name, value in source.proxies.items())]
    with tempfile.TemporaryDirectory(prefix="course-") as folder, step(f"Making the image {tag}") as detail:
        archive = Path(folder) / "base.tar"
        command = [*prefix, "mmdebstrap", "--variant=minbase", *_mmdebstrap_options(source)]
        # `binfmt.require` has verified that such programs run; mmdebstrap would look for an emulator by its name.
        command += [f"--architectures={arch}", "--skip=check/qemu"] if arch else []
        command += [release, str(archive)]
        command += [source.mirror] if source.mirror else []
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            lines: list[str] = []
            for line in process.stdout or ():
                lines.append(line.strip())
                detail(line)
        if process.returncode:
            raise failure(tag, f"mmdebstrap ended with exit code {process.returncode}", lines)
        # Not `docker import`: its image always has the engine's own architecture (engine 20.10). And ADD comes first:
        # an image without files has the engine's architecture too, and later steps would not match it.
        _build_base(tag, f"FROM scratch\nADD {archive.name} /\n", archive.parent, arch)


def _mmdebstrap_options(source: Supply) -> Iterable[str]:
    """Yield mmdebstrap's options: leave out manuals and translations, and use this machine's options for apt."""
    yield "--include=ca-certificates"
    for path in ("/usr/share/man/*", "/usr/share/locale/*", "/usr/share/doc/*"):
        yield f"--dpkgopt=path-exclude={path}"
    for option in source.options:
        name, _, value = option.partition("=")
        yield f'--aptopt={name} "{value}"'


def failure(tag: str, message: str, output: Sequence[str]) -> CourseError:
    """Return the error for an image that could not be made, from the last message and the lines printed before it."""
    text = "\n".join([*output[-100:], message])
    if re.search("no space left|not have enough free space", text, re.I):
        return CourseError(
            f"The disk became full while the image {tag} was being made: free about 3 GB where Docker stores images "
            f"and in {tempfile.gettempdir()}, then repeat the command."
        )
    # apt's first error names the cause; the last one is a consequence. Either can follow a progress message on the same
    # line, since the engine mixes the two streams.
    complaints = re.findall(r"\bE:\s+(.*)", text) + re.findall(r"\bW:\s+(.*)", text)
    expired = [line for line in complaints if "is expired" in line]
    if expired:  # apt-secure(8), Valid-Until: an old index could hide security updates
        return CourseError(
            f"Could not use Debian's packages for {tag} ({expired[0]}), because the mirror is out of date or this "
            "machine's clock is wrong: set the clock, or name another mirror with COURSE_DEBIAN_MIRROR, then repeat "
            "the command."
        )
    fetching = [line for line in complaints if re.search("fetch|resolve|connect|Release file", line)]
    if fetching:
        return CourseError(
            f"Could not download Debian's packages for {tag} ({fetching[0]}): check the network, the proxy or the "
            "mirror that apt is configured for (or set COURSE_DEBIAN_MIRROR), then repeat the command."
        )
    # The engine's message repeats the whole command that failed.
    end = re.sub(r"The command .* returned a non-zero code", "a command ended with exit code", message, flags=re.S)
    return CourseError(f"The image {tag} could not be made: {' '.join([*complaints[:1], end.strip()])}")
