"""Download the wheels that a lock file names, for another Python, system or processor than this one: `fetch`."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging import tags
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from course_lib.errors import CourseError
from course_lib.lab.machine import Say, run_command

PYTHONS = ("3.11", "3.12", "3.13")
SYSTEMS = {"Linux": "linux", "Darwin": "darwin", "Windows": "win32"}  # platform.system() and sys.platform
# The lock names packages without a wheel for Macs with an Intel processor and for Windows on arm64.
MACHINES = {  # platform.machine()
    ("Linux", "amd64"): "x86_64",
    ("Linux", "arm64"): "aarch64",
    ("Darwin", "arm64"): "arm64",
    ("Windows", "amd64"): "AMD64",
}
GLIBC = 28  # of 2.28, the newest that a wheel may require: any Linux with Python 3.11 has a newer one
MACOS = (13, 0)  # the newest that a wheel may require


@dataclass(frozen=True)
class Target:
    """A Python on a system and a processor: Docker's name ("amd64"), platform.system() ("Linux"), version ("3.12")."""

    arch: str
    system: str
    python: str

    def __str__(self) -> str:
        """Return the name in a bundle's manifest ("Linux 3.12")."""
        return f"{self.system} {self.python}"

    @property
    def machine(self) -> str:
        """The result of platform.machine() there."""
        return MACHINES[self.system, self.arch]

    @property
    def platforms(self) -> list[str]:
        """The platform tags that this target supports, best first (PyPA, platform compatibility tags)."""
        if self.system == "Linux":
            glibc = [f"manylinux_2_{minor}" for minor in range(GLIBC, 4, -1)]
            old = ["manylinux2014", "manylinux2010", "manylinux1"]  # older names of 2.17, 2.12 and 2.5
            return [f"{tag}_{self.machine}" for tag in (*glibc, *old)]
        if self.system == "Darwin":
            return list(tags.mac_platforms(MACOS, self.machine))
        return [f"win_{self.arch}"]

    @property
    def fitting(self) -> set[tags.Tag]:
        """The tags of all wheels that this target can install."""
        version = tuple(map(int, self.python.split(".")))
        interpreter = "cp" + self.python.replace(".", "")
        return {
            *tags.cpython_tags(version, platforms=self.platforms),
            *tags.compatible_tags(version, interpreter, self.platforms),
        }

    @property
    def environments(self) -> Iterator[dict[str, str]]:
        """The values of the markers on the first and the last release of this Python, which a lock may distinguish."""
        for patch in (0, 99):
            yield {
                "python_version": self.python,
                "python_full_version": f"{self.python}.{patch}",
                "sys_platform": SYSTEMS[self.system],
                "platform_system": self.system,
                "platform_machine": self.machine,
                "os_name": "nt" if self.system == "Windows" else "posix",
                "platform_python_implementation": "CPython",
                "implementation_name": "cpython",
                "extra": "",
            }


def targets(arch: str) -> list[Target]:
    """Return all targets of an architecture that a bundle is for."""
    return [Target(arch, system, python) for system in SYSTEMS if (system, arch) in MACHINES for python in PYTHONS]


def fetch(lock: str, target: Target, pool: Path, say: Say) -> list[str]:
    """Download the wheels of a lock (its text) for a target into the folder `pool`; return their names, sorted.

    Wheels that exist there are not downloaded again. The packages come from where pip is configured to look. `say` gets
    pip's output as progress. Raises CourseError if a package has no wheel or the network fails, and OSError if the disk
    is full.
    """
    lines = (line.partition("#")[0].strip() for line in lock.splitlines())
    requirements = [Requirement(line) for line in lines if line]
    names: set[str] = set()
    for environment in target.environments:
        wanted = [line for line in requirements if line.marker is None or line.marker.evaluate(environment)]
        missing = [line for line in wanted if not _find(line, target, pool)]
        if missing:
            _download(missing, target, environment["python_full_version"], pool, say)
        for requirement in wanted:
            found = _find(requirement, target, pool)
            if not found:
                raise CourseError(f"pip downloaded no wheel of {requirement.name} for {target}: report this as a bug.")
            names |= set(found)
    return sorted(names)


def _find(requirement: Requirement, target: Target, pool: Path) -> list[str]:
    """Return the names of the wheels in a folder that a target can install for a requirement."""
    found = []
    for path in pool.glob("*.whl"):
        name, version, _, its_tags = parse_wheel_filename(path.name)
        if name == canonicalize_name(requirement.name) and version in requirement.specifier:
            found += [path.name] if its_tags & target.fitting else []
    return found


def _download(requirements: list[Requirement], target: Target, version: str, pool: Path, say: Say) -> None:
    """Download wheels with `pip download`; raises CourseError, or OSError if the disk is full.

    pip gets no markers: it would evaluate them for the Python that it runs on.
    """
    command = [sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input"]
    command += ["--progress-bar", "off", "--disable-pip-version-check", "--dest", str(pool)]
    command += ["--implementation", "cp", "--python-version", version]
    for platform in target.platforms:
        command += ["--platform", platform]
    outcome = run_command([*command, *(f"{line.name}{line.specifier}" for line in requirements)], say)
    if outcome.code:
        if "No space left on device" in outcome.output:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(pool))
        errors = [line for line in outcome.output.splitlines() if line.startswith("ERROR:")]
        raise CourseError(
            f"Could not download the wheels for {target} on {target.arch} "
            f"({(errors or [outcome.last_line])[-1][:300]}): "
            "check the network (or the mirror and proxy that pip is configured for), then repeat the command."
        )
