"""What a machine's facts mean for the course: pure, so that every machine can be tried on this one.

The facts are gathered by `course_lib.setup.doctor`. A finding says what was found, what that means, and what to do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

DISK = 3 * 10**9  # bytes that the environment, the images and the lab take
MEMORY = 2 * 10**9  # bytes: JupyterLab, a kernel, and a lab with the containers of the largest chapter
CLOCK = 300  # seconds that two clocks may differ
TRIED = ("20.10",)  # engines under the lab that the tests have run on
ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True)
class Facts:
    """What was read of a machine; the fields' defaults are those of one where nothing is wrong."""

    python: str = "3.13.5"
    system: str = "Linux"
    architecture: str = "x86_64"
    free: int = 50 * 10**9  # bytes where the course lies
    engine: dict[str, Any] | None = field(default_factory=dict)  # GET /info; None if no engine answers
    engine_words: str = ""  # the sentence that says why none answers
    engine_place: str = ""  # what names the engine, in words; "" for the default place
    images: dict[str, bool] = field(default_factory=dict)  # by name: is it there?
    images_words: str = ""  # the sentence that says why that could not be found out
    lab: str = ""  # what runs in the lab, in words
    lab_words: str = ""  # the sentence that says why none runs
    lacks: tuple[str, ...] = ()  # what this kernel does not offer, in words; empty too where it was not probed
    clock_off: float = 0  # seconds that the engine's clock is before ours
    browser: bool = True
    remote: bool = False  # this is a session on another machine (SSH_CONNECTION)
    proxies: tuple[str, ...] = ()  # what of this machine is told to use a proxy
    packages: str = ""  # where Debian's packages come from, in words
    packages_words: str = ""  # the sentence that says why that could not be found out


@dataclass(frozen=True)
class Finding:
    """One line of the doctor."""

    about: str
    state: str  # "ok", "note" (works, but know this) or "ill" (the course will not work)
    found: str
    means: str = ""
    do: str = ""


def diagnose(facts: Facts) -> tuple[Finding, ...]:
    """Return what the facts mean, in the order in which one thing rests on the other."""
    found = [*_machine(facts), *_engine(facts)]
    if facts.engine is not None:
        found += [*_kernel(facts), *_course(facts)]
    return tuple(found)


def _machine(facts: Facts) -> Iterator[Finding]:
    yield Finding("Python", "ok", f"{facts.python} on {facts.system}")
    if facts.architecture.lower() not in ARCHITECTURES:
        yield Finding(
            "architecture",
            "ill",
            facts.architecture,
            "the images are made for amd64 and arm64 only",
            "use another machine, or an engine on one (DOCKER_HOST)",
        )
    elif ARCHITECTURES[facts.architecture.lower()] == "arm64":
        yield Finding(
            "architecture", "note", "arm64", "the course was not tried on it", "try `./course up` before a class"
        )
    else:
        yield Finding("architecture", "ok", "amd64")
    enough = facts.free > DISK
    yield Finding(
        "disk",
        "ok" if enough else "ill",
        f"{facts.free / 1e9:.1f} GB free where the course lies",
        "" if enough else "the environment and the images do not fit",
        "" if enough else f"free {DISK / 1e9:.0f} GB",
    )
    if facts.remote:
        yield Finding(
            "browser",
            "note",
            "this is a session on another machine",
            "pages open in the browser of the machine that you sit at",
            "start with `./course up --no-browser`, and use the `ssh -L` line that `url` prints",
        )
    elif facts.browser:
        yield Finding("browser", "ok", "one can be opened from here")
    else:
        yield Finding(
            "browser",
            "note",
            "none can be opened from here",
            "JupyterLab prints its address instead",
            "open that address in any browser of this machine",
        )
    for proxy in facts.proxies:
        yield Finding("proxy", "ok", proxy, "packages and images are fetched through it")


def _engine(facts: Facts) -> Iterator[Finding]:
    info = facts.engine
    if info is None:
        yield Finding("engine", "ill", facts.engine_words, "without an engine there is no lab")
        return
    version = str(info.get("ServerVersion", "unknown"))
    kind = _kind(facts)
    words = f"Docker {version}, {kind}: {info.get('OperatingSystem', 'unknown system')}"
    if version.startswith(TRIED):
        yield Finding("engine", "ok", words)
    else:
        yield Finding(
            "engine", "note", words, "the course's tests have not run on this version", "try it before a class"
        )
    if kind == "Docker Desktop":
        yield Finding(
            "placement",
            "note",
            "containers run in a virtual machine",
            "the lab is in there, so nothing of it is on this machine's own network; the tests have not run on it",
        )
    elif kind == "remote":
        yield Finding(
            "placement",
            "note",
            f"the engine is another machine's: {facts.engine_place}",
            "the lab runs over there; disk and memory of that machine count",
        )
    memory = int(info.get("MemTotal", 0))
    few = 0 < memory < MEMORY
    yield Finding(
        "memory",
        "ill" if few else "ok",
        f"{memory / 1e9:.1f} GB and {info.get('NCPU', '?')} CPUs for the engine",
        "the chapter with a database and a web site needs more" if few else "",
        f"give the engine {MEMORY / 1e9:.0f} GB (in Docker Desktop: Settings, Resources)" if few else "",
    )
    if abs(facts.clock_off) > CLOCK:
        way = "behind" if facts.clock_off < 0 else "ahead"
        yield Finding(
            "clock",
            "ill",
            f"the engine's clock is {abs(facts.clock_off):.0f} s {way}",
            "certificates and package lists look expired, or not yet valid",
            "set the clock (restart Docker Desktop, or `sudo timedatectl set-ntp true`)",
        )
    else:
        yield Finding("clock", "ok", "the engine's clock and this one agree")


def _kind(facts: Facts) -> str:
    """Return what kind of engine it is, in words."""
    info = facts.engine or {}
    system = str(info.get("OperatingSystem", ""))
    if "Docker Desktop" in system:
        return "Docker Desktop"
    if re.search(r"\b(tcp|ssh|https?):", facts.engine_place):
        return "remote"
    return "native"


def _kernel(facts: Facts) -> Iterator[Finding]:
    info = facts.engine or {}
    group = str(info.get("CgroupVersion", "1"))
    yield Finding("kernel", "ok", f"{info.get('KernelVersion', 'unknown')}, cgroup v{group}")
    for lack in facts.lacks:
        yield Finding("kernel", "note", lack)
    driver = str(info.get("Driver", "overlay2"))
    if driver not in ("overlay2", "overlayfs"):
        yield Finding(
            "storage",
            "note",
            f"the engine stores images by {driver}",
            "the lab's own engine needs overlay mounts, which that file system may not carry",
            "`./course up` tries it and says so",
        )


def _course(facts: Facts) -> Iterator[Finding]:
    if facts.packages_words:
        yield Finding("packages", "ill", facts.packages_words, "then no image can be made")
    if facts.packages:
        yield Finding("packages", "ok", facts.packages)
    if facts.images_words:
        yield Finding("images", "ill", facts.images_words, "the lab needs images of these names")
    absent = sorted(name for name, there in facts.images.items() if not there)
    if absent:
        yield Finding(
            "images",
            "ill",
            f"not there yet: {', '.join(absent)}",
            "they are made once, which needs Debian's packages and some minutes",
            "`./course up` makes them: do it on a good network, or with --from-bundle and a file of `./course bundle`",
        )
    elif facts.images:
        yield Finding("images", "ok", f"all {len(facts.images)} are there")
    if facts.lab:
        yield Finding("lab", "ok", facts.lab)
    else:
        yield Finding("lab", "ill", facts.lab_words or "no lab runs", "no cell can run")
