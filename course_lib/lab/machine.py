"""Detect the host platform (`Machine`), run commands as root, and install Debian packages (`need_packages`)."""

import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from course_lib.errors import CourseError

Say = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """The result of a command: its exit code (127: no such command), and its output with standard error in it."""

    code: int
    output: str = ""

    @property
    def last_line(self) -> str:
        """The last line that is not empty; "no output" if there is none."""
        return next((line.strip() for line in reversed(self.output.splitlines()) if line.strip()), "no output")


Run = Callable[[Sequence[str], Say | None], Outcome]


def _path() -> str:
    # A shell that was opened with plain `su` has no sbin in its PATH, and apt and dockerd have programs there.
    return os.environ.get("PATH", os.defpath) + ":/usr/local/sbin:/usr/sbin:/sbin"


def run_command(command: Sequence[str], say: Say | None = None) -> Outcome:
    """Run a command until it ends; pass its latest line to `say` every three seconds, as progress."""
    try:
        process = subprocess.Popen(
            list(command),
            env={**os.environ, "PATH": _path(), "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except FileNotFoundError:
        return Outcome(127, f"{command[0]}: not found")
    lines: list[str] = []
    printed = time.monotonic()
    with process:
        for line in process.stdout or ():
            lines.append(line)
            if say and line.strip() and time.monotonic() - printed > 3:
                say("  " + line.strip()[:100])
                printed = time.monotonic()
    return Outcome(process.returncode, "".join(lines))


def find_program(name: str) -> str | None:
    """Return the path of a program, or None; look in sbin too, which a normal user's PATH lacks."""
    return shutil.which(name, path=_path())


@dataclass(frozen=True)
class Machine:
    """The machine that the course runs on; tests replace its fields."""

    run: Run = run_command
    find: Callable[[str], str | None] = find_program
    root: Path = Path("/")
    system: str = field(default_factory=platform.system)
    uid: int = field(default_factory=getattr(os, "geteuid", lambda: 0))  # Windows has none
    has_terminal: bool = field(default_factory=sys.stdin.isatty)

    @property
    def user(self) -> str:
        """The name of the user."""
        return self.run(["id", "-un"], None).output.strip()

    @property
    def is_debian(self) -> bool:
        """Whether this is Debian, Ubuntu or a distribution based on them, with apt-get (os-release(5), ID_LIKE)."""
        try:
            text = (self.root / "etc/os-release").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return False
        words = re.findall(r'^ID(?:_LIKE)?="?([^"\n]*)', text, re.MULTILINE)
        return bool({"debian", "ubuntu"} & set(" ".join(words).split())) and bool(self.find("apt-get"))

    @property
    def is_wsl(self) -> bool:
        """Whether this is the Windows Subsystem for Linux."""
        try:
            return "microsoft" in (self.root / "proc/version").read_text(encoding="utf-8").lower()
        except OSError:
            return False

    @property
    def has_systemd(self) -> bool:
        """Whether systemd runs here, sd_booted(3); it may be installed without running, for example in a container."""
        return (self.root / "run/systemd/system").is_dir()

    def as_root(self, why: str, say: Say) -> list[str]:
        """Return the words to put before a command so that it runs as root: none, or those of sudo.

        sudo may ask for the password first. `why` begins a sentence: "Installing X" (needs root). Raises CourseError if
        this user cannot become root.
        """
        if self.uid == 0:
            return []
        if self.find("sudo"):
            if self.run(["sudo", "-n", "true"], None).code == 0:
                return ["sudo", "-n"]
            if self.has_terminal:
                say(f"{why} needs root: sudo asks for the password of {self.user}.")
                # sudo opens the terminal itself; it does not use our streams
                if self.run(["sudo", "-v"], None).code == 0:
                    return ["sudo"]
        raise CourseError(f"{why} needs root, and {self.user} cannot use sudo: ask an administrator.")


def need_packages(
    packages: Sequence[str], why: str, say: Say, *, install: bool = True, machine: Machine | None = None
) -> None:
    """Install Debian packages that are missing, and print which and why; `why` completes "the course needs X to ...".

    Raises CourseError if packages are missing and `install` is false, if this is neither Debian nor based on it, if the
    user cannot become root, or if apt-get fails.
    """
    machine = machine or Machine()
    if not machine.is_debian:
        names = " and ".join(packages)
        raise CourseError(f"The course needs {names} to {why}: install it with this system's package manager.")
    query = ["dpkg-query", "-W", "-f", "${db:Status-Status}"]
    missing = [name for name in packages if machine.run([*query, name], None).output.strip() != "installed"]
    if not missing:
        return
    names = " ".join(missing)
    if not install:
        raise CourseError(
            f"The course needs {names} to {why} and may not install it: run `apt-get install {names}`, "
            "or leave out --no-install."
        )
    prefix = machine.as_root(f"Installing {names}", say)
    say(f"Installing {names} with apt-get: the course needs it to {why}.")
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=120"]
    install_command = [*apt, "install", "-y", "--no-install-recommends", *missing]
    outcome = Outcome(100)
    if any((machine.root / "var/lib/apt/lists").glob("*_Packages*")):
        outcome = machine.run(install_command, say)
    if outcome.code:  # no package lists, or old ones with files that the mirror no longer has
        update = machine.run([*apt, "update"], say)
        outcome = machine.run(install_command, say)
        if outcome.code:
            errors = [line for line in (update.output + outcome.output).splitlines() if line.startswith("E:")]
            reason = errors[-1] if errors else outcome.last_line
            raise CourseError(f"apt-get could not install {names} ({reason}): fix that, or install it manually.")
