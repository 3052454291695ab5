"""Diagnose a machine from its facts: `diagnose` returns what was found, what that means for the course, what to do.

It is pure, so that tests can cover every kind of machine. `doctor.gather` reads the facts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

DISK = 3 * 10**9  # bytes for the environment, the images and the lab
MEMORY = 2 * 10**9  # bytes for JupyterLab, a kernel, and a lab with the containers of the largest chapter
CLOCK = 300  # seconds by which the engine's clock may differ from this machine's
TESTED = ("20.10",)  # versions of the machine's engine that the tests have run on
SLOW = 40  # seconds for the start of a lab, which takes 2 to 5; cells have time limits
# What a lab was tried for, in the order of the trials: what fails without it, and what to do.
TRIALS = {
    "container": ("no container starts in a lab", ""),
    "published": ("a client does not reach a published port", ""),
    "rules": ("journeys and pictures would miss the rules", "remove the lab's images with `./course down --images`"),
    "trace": ("journeys cannot follow a packet rule by rule", "use a kernel with nf_tables' tracing (5.2 or newer)"),
    "capture": ("journeys see no packets", "load the module: `sudo modprobe af_packet`"),
    "conntrack": ("cells that list connections fail", "load the module: `sudo modprobe nf_conntrack_netlink`"),
    "ipv6": ("the cells about IPv6 fail", "do not start this machine's kernel with ipv6.disable=1"),
}
CHAPTERS_NEED = ("container", "published", "rules")  # without these the course does not work at all
# What to do about a message of the lab, of runc or of the kernel: the first pattern that is found in it decides.
NOT_NESTED = "run Docker's engine as root of the machine, not in another container and not under a policy of its own"
NAMESPACES = (
    "allow them: `sudo sysctl user.max_user_namespaces=65536`, on Debian also kernel.unprivileged_userns_clone=1"
)
KNOWN = (
    (r"right to mount", NOT_NESTED),
    (r"modules? [\w, ]+", "load the modules, or use a kernel that has them: `sudo modprobe -a {modules}`"),
    (r"overlay", "keep the engine's data on ext4, or on xfs with ftype=1"),
    (r"cgroup", "use Docker 20.10 or newer with its default --default-cgroupns-mode=private"),
    (r"refuses user namespaces", NAMESPACES),
    (r"[Nn]o space left", "free space where the engine keeps its data"),
    (r"Killed|[Cc]annot allocate memory", "give the engine more memory"),
    (r"[Rr]esource temporarily unavailable", "raise the limit of processes of the engine"),
    (r"capabilit|not permitted|denied|too revealing|unsafe procfs|the wire between", NOT_NESTED),
    (r"dockerd that starts", "give the engine more memory and processes; its last words may say more"),
)
OTHERWISE = "run `./course up` once more; if it fails too, report this line"
ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True)
class Facts:
    """The facts about a machine; the defaults are those of a machine without problems."""

    python: str = "3.13.5"
    system: str = "Linux"
    architecture: str = "x86_64"
    free: int = 50 * 10**9  # bytes on the disk of the course
    engine: dict[str, Any] | None = field(default_factory=dict)  # GET /info; None if no engine answers
    engine_words: str = ""  # why no engine answers
    engine_place: str = ""  # how the engine was chosen, in words; "" for the default
    images: dict[str, bool] = field(default_factory=dict)  # by name: whether it exists
    images_words: str = ""  # why that is unknown
    lab: str = ""  # the running lab, in words
    lab_words: str = ""  # why none runs
    lacks: tuple[str, ...] = ()  # what this kernel lacks, in words; also empty if it was not probed
    trials: dict[str, str] = field(default_factory=dict)  # by TRIALS: why it failed in a lab, "" if it did not
    trial_words: str = ""  # why no lab starts
    refused: str = ""  # why a lab has no user namespace
    seconds: float = 0  # that a lab took to start
    clock_off: float = 0  # seconds by which the engine's clock is ahead of ours
    browser: bool = True
    remote: bool = False  # this is a session on another machine (SSH_CONNECTION)
    proxies: tuple[str, ...] = ()  # what is configured to use a proxy
    packages: str = ""  # where Debian's packages come from, in words
    packages_words: str = ""  # why that is unknown


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    about: str
    state: str  # "ok", "note" (it works, with a limitation) or "problem" (the course will not work)
    found: str
    means: str = ""
    do: str = ""


def diagnose(facts: Facts) -> tuple[Finding, ...]:
    """Return the findings in the order in which one depends on another; without an engine its part is left out."""
    found = [*_machine(facts), *_engine(facts)]
    if facts.engine is not None:
        found += [*_kernel(facts), *_tried(facts), *_course(facts)]
    return tuple(found)


def _problem(about: str, found: str, means: str = "", do: str = "") -> Finding:
    return Finding(about, "problem", found, means, do)


def _note(about: str, found: str, means: str = "", do: str = "") -> Finding:
    return Finding(about, "note", found, means, do)


def _ok(about: str, found: str, means: str = "") -> Finding:
    return Finding(about, "ok", found, means)


def _machine(facts: Facts) -> Iterator[Finding]:
    """Yield the findings about Python, the processor, the disk, the browser and the proxies of this machine."""
    yield _ok("Python", f"{facts.python} on {facts.system}")
    arch = ARCHITECTURES.get(facts.architecture.lower())
    if arch is None:
        advice = "use another machine, or an engine on one (DOCKER_HOST)"
        yield _problem("architecture", facts.architecture, "there are images for amd64 and arm64 only", advice)
    elif arch == "arm64":
        yield _note("architecture", arch, "the course was not tested on it", "try `./course up` before a class")
    else:
        yield _ok("architecture", arch)
    free = f"{facts.free / 1e9:.1f} GB free on the disk of the course"
    if facts.free > DISK:
        yield _ok("disk", free)
    else:
        yield _problem("disk", free, "the environment and the images need more", f"free {DISK / 1e9:.0f} GB")
    if facts.remote:
        yield _note(
            "browser",
            "this is a session on another machine",
            "pages open in the browser of the machine in front of you",
            "start with `./course up --no-browser`, and use the `ssh -L` line that `url` prints",
        )
    elif facts.browser:
        yield _ok("browser", "can be opened from here")
    else:
        advice = "open that address in any browser on this machine"
        yield _note("browser", "cannot be opened from here", "JupyterLab prints its address instead", advice)
    for proxy in facts.proxies:
        yield _ok("proxy", proxy, "packages and images are downloaded through it")


def _engine(facts: Facts) -> Iterator[Finding]:
    """Yield the findings about the engine: its version and kind, its memory and its clock (GET /info)."""
    info = facts.engine
    if info is None:
        yield _problem("engine", facts.engine_words, "there can be no lab without an engine")
        return
    version, kind = str(info.get("ServerVersion", "unknown")), _kind(facts)
    engine = f"Docker {version}, {kind}: {info.get('OperatingSystem', 'unknown system')}"
    if version.startswith(TESTED):
        yield _ok("engine", engine)
    else:
        yield _note("engine", engine, "the tests of the course have not run on this version", "try it before a class")
    if kind == "Docker Desktop":
        limit = "the lab is not on this machine's own network, and the tests have not run on Docker Desktop"
        yield _note("placement", "containers run in a virtual machine", limit)
    elif kind == "remote":
        limit = "the lab runs there; the disk and memory of that machine matter"
        yield _note("placement", f"the engine is on another machine: {facts.engine_place}", limit)
    memory = int(info.get("MemTotal", 0))
    size = f"{memory / 1e9:.1f} GB and {info.get('NCPU', '?')} CPUs for the engine"
    if 0 < memory < MEMORY:
        advice = f"give the engine {MEMORY / 1e9:.0f} GB (in Docker Desktop: Settings, Resources)"
        yield _problem("memory", size, "the chapter with a database and a web site needs more", advice)
    else:
        yield _ok("memory", size)
    if abs(facts.clock_off) > CLOCK:
        yield _problem(
            "clock",
            f"the engine's clock is {abs(facts.clock_off):.0f} s {'behind' if facts.clock_off < 0 else 'ahead'}",
            "certificates and package lists seem expired or not yet valid",
            "set the clock (restart Docker Desktop, or run `sudo timedatectl set-ntp true`)",
        )
    else:
        yield _ok("clock", "the engine's clock and this machine's agree")


def _kind(facts: Facts) -> str:
    """Return the kind of engine: "Docker Desktop", "remote" or "native"."""
    if "Docker Desktop" in str((facts.engine or {}).get("OperatingSystem", "")):
        return "Docker Desktop"
    return "remote" if re.search(r"\b(tcp|ssh|https?):", facts.engine_place) else "native"


def _kernel(facts: Facts) -> Iterator[Finding]:
    """Yield the findings about the engine's kernel and its storage driver (GET /info)."""
    info = facts.engine or {}
    yield _ok("kernel", f"{info.get('KernelVersion', 'unknown')}, cgroup v{info.get('CgroupVersion', '1')}")
    for lack in facts.lacks:
        yield _note("kernel", lack)
    driver = str(info.get("Driver", "overlay2"))
    if driver not in ("overlay2", "overlayfs"):
        limit = "the lab's own engine needs overlay mounts, which that file system may not support"
        advice = "run `./course up`, which tries it and prints the result"
        yield _note("storage", f"the engine's storage driver is {driver}", limit, advice)


def _tried(facts: Facts) -> Iterator[Finding]:
    """Yield the findings about a lab that was made to try what the chapters do; none if it was not made."""
    if facts.trial_words:
        yield _problem("trial", short(facts.trial_words), "a lab does not start here", advice(facts.trial_words))
    elif facts.trials:
        yield _ok("trial", f"a lab starts, in {facts.seconds:.0f} s")
    if facts.seconds > SLOW:
        yield _note("trial", "that is slow", "cells may reach their time limits", "close other programs")
    if facts.refused:
        means = "a lab's root is the machine's root here, and `./course grade` needs --trusted"
        yield _note("trial", facts.refused, means, advice(facts.refused))
    failed = {name: facts.trials[name] for name in TRIALS if facts.trials.get(name)}
    for name, why in failed.items():
        means, do = TRIALS[name]
        if name == "published" and "container" in failed:
            continue  # for the same reason
        make = _problem if name in CHAPTERS_NEED else _note
        yield make(name, short(why), means, do or advice(why))
    if facts.trials and not failed:
        yield _ok("trial", "in it: a container, a published port, a trace, a capture, conntrack, IPv6")


def advice(message: str) -> str:
    """Return what to do about a message of a lab that does not start, of runc, or of the kernel."""
    modules = dict.fromkeys(re.findall(r"\w+", " ".join(re.findall(r"modules? ([\w, ]+)", message))))
    do = next((do for pattern, do in KNOWN if re.search(pattern, message)), OTHERWISE)
    return do.format(modules=" ".join(modules))


def short(message: str) -> str:
    """Return what decides in a message: of runc's the last part, and of a list of what is missing two elements."""
    first, *more = message.rpartition("unable to start container process: ")[2].split("; ")
    return "; ".join([first, *more[:1], *([f"and {len(more) - 1} more"] if len(more) > 1 else [])])[:200]


def _course(facts: Facts) -> Iterator[Finding]:
    """Yield the findings about Debian's packages, the images and the lab."""
    if facts.packages_words:
        yield _problem("packages", facts.packages_words, "images cannot be built without packages")
    if facts.packages:
        yield _ok("packages", facts.packages)
    if facts.images_words:
        yield _problem("images", facts.images_words, "the lab needs images with these names")
    missing = sorted(name for name, exists in facts.images.items() if not exists)
    if missing:
        yield _problem(
            "images",
            f"missing: {', '.join(missing)}",
            "they are built once, which needs Debian's packages and some minutes",
            "run `./course up` on a good network, or with --from-bundle and a file that `./course bundle` wrote",
        )
    elif facts.images:
        yield _ok("images", f"all {len(facts.images)} exist")
    if facts.lab:
        yield _ok("lab", facts.lab)
    else:
        yield _problem("lab", facts.lab_words or "no lab is running", "cells need a running lab")
