"""Find a Docker engine, or install and start one on Debian and Ubuntu: `ensure_engine`."""

import os
import re
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course_lib.engine.client import configured_engine
from course_lib.errors import CourseError, EngineForbiddenError, EngineMissingError, EngineSilentError
from course_lib.lab.machine import Machine, Outcome, Say, need_packages

THROUGH_SG = "COURSE_THROUGH_SG"  # set in a command that was started again through `sg docker`


@dataclass(frozen=True)
class Daemon:
    """The files of one dockerd; the defaults are those of Debian's docker.io."""

    pid_file: Path = Path("/var/run/docker.pid")
    containerd_pid_file: Path = Path("/var/run/docker/containerd/containerd.pid")
    containerd_socket: Path = Path("/run/containerd/containerd.sock")
    log: Path = Path("/var/log/dockerd.log")
    options: tuple[str, ...] = ()


# Runs as root with the arguments PID-FILE CONTAINERD-PID-FILE CONTAINERD-SOCKET LOG dockerd [OPTION ...]; prints
# dockerd's pid. Stale files are removed first. A pid file is stale unless a running process with that pid has the right
# name: after a crash another process may have the pid, or a zombie where no init reaps, and dockerd would not start. A
# socket of the machine's own containerd is stale unless a process listens: dockerd would wait for it. nohup is needed
# because the terminal may hang up before setsid runs.
START_SCRIPT = """\
is() {
    p=/proc/$(cat "$1" 2>/dev/null)
    [ "$(cat "$p/comm" 2>/dev/null)" = "$2" ] && ! grep -q '^State:.Z' "$p/status"
}
if is "$1" dockerd; then cat "$1"; exit; fi
rm -f "$1" || exit
is "$2" containerd || rm -f "$2"
if [ -S "$3" ] && ! grep -q "$3\\$" /proc/net/unix; then rm -f "$3"; fi
log=$4; shift 4; cd /
nohup setsid "$@" </dev/null >>"$log" 2>&1 &
echo $!
"""


def ensure_engine(
    connect: Callable[[], Any],
    say: Say,
    *,
    install: bool = True,
    machine: Machine | None = None,
    daemon: Daemon | None = None,
    deadline: float = 60,
    replace: Callable[[str, list[str]], object] = os.execvp,
) -> Any:
    """Return what `connect` returns, after installing and starting an engine if there is none.

    The daemon has `deadline` seconds to answer after its start. `replace` replaces this process by another program: a
    user who joined the group docker after logging in continues through `sg`.

    Raises EngineMissingError if there is no engine and none can or may be started, CourseError if installing fails, and
    what `connect` raises if an engine does not answer (EngineSilentError) or refuses the user (EngineForbiddenError).
    """
    machine = machine or Machine()
    try:
        return connect()
    except EngineForbiddenError:
        go_on_in_group(machine, say, replace)
        raise
    except EngineMissingError:
        chosen = configured_engine()
    if chosen:
        raise EngineMissingError(
            f"{chosen[0].upper()}{chosen[1:]} is set, but no engine answers there: "
            "start that engine, or unset it to use the engine of this machine."
        )
    dockerd = machine.find("dockerd")
    if sentence := why_not(machine, installed=bool(dockerd), install=install):
        raise EngineMissingError(sentence)
    prefix = machine.as_root("Starting Docker" if dockerd else "Installing Docker", say)
    if not dockerd:
        need_packages(["docker.io"], "run the lab, a Docker host in one container", say, machine=machine)
        dockerd = machine.find("dockerd") or "dockerd"
    say("Starting Docker's daemon, dockerd: the lab needs an engine, and none is running.")
    check = start(machine, daemon or Daemon(), prefix, dockerd)
    if machine.uid != 0:
        join_group(machine, prefix, say)
    try:
        return wait_for(connect, check, say, deadline)
    except EngineForbiddenError:
        go_on_in_group(machine, say, replace)
        raise


def why_not(machine: Machine, *, installed: bool, install: bool) -> str:
    """Return why no engine can or may be started on this kind of machine, with what to do; "" if one can."""
    missing = "No Docker engine answers"
    if machine.system != "Linux":
        return f"{missing}: install Docker Desktop (docker.com) and start it."
    if installed:
        may_not = "Docker is installed but not running: start it, or leave out --no-install."
        return "" if install else may_not
    if machine.is_wsl:
        return f"{missing}: install Docker Desktop on Windows and turn on its WSL integration for this Linux."
    if not machine.is_debian:
        return f"{missing}: install this distribution's package docker (or moby-engine) and start it."
    if not install:
        return f"{missing}, and none may be installed: run `apt-get install docker.io`, or leave out --no-install."
    return ""


def start(machine: Machine, daemon: Daemon, prefix: Sequence[str], dockerd: str) -> Callable[[], None]:
    """Start dockerd with systemd where it runs, otherwise as a daemon that outlives this command.

    Returns a function that raises EngineMissingError if the daemon has ended meanwhile. Raises EngineMissingError if
    the daemon cannot be started.
    """
    if machine.has_systemd:
        outcome = machine.run([*prefix, "systemctl", "start", "docker"], None)
        if outcome.code:
            log = machine.run([*prefix, "journalctl", "-u", "docker", "-n", "100", "-o", "cat"], None)
            raise EngineMissingError(
                f"Docker's daemon could not be started ({outcome.last_line}); its log says: {cause_of_death(log)}"
            )
        return lambda: None
    files = (daemon.pid_file, daemon.containerd_pid_file, daemon.containerd_socket, daemon.log)
    arguments = [*map(str, files), dockerd, *daemon.options]
    outcome = machine.run([*prefix, "sh", "-c", START_SCRIPT, "sh", *arguments], None)
    if outcome.code or not outcome.last_line.isdigit():
        raise EngineMissingError(f"Docker's daemon could not be started ({outcome.last_line}): see {daemon.log}")

    def check() -> None:
        if not is_alive(outcome.last_line):
            log = machine.run([*prefix, "tail", "-n", "100", str(daemon.log)], None)
            raise EngineMissingError(
                f"Docker's daemon ended right after its start; its log ({daemon.log}) says: {cause_of_death(log)}"
            )

    return check


def cause_of_death(log: Outcome) -> str:
    """Return the line of dockerd's log that says why it ended, not the stack trace of a panic."""
    causes = [
        line.strip() for line in log.output.splitlines() if re.match(r"failed to start|panic:|unable to", line, re.I)
    ]
    return (causes[-1] if causes else log.last_line)[:300]


def is_alive(pid: str) -> bool:
    """Return whether a process exists and is no zombie, as which a daemon remains where no init reaps orphans."""
    try:
        status = Path("/proc", pid, "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def wait_for(connect: Callable[[], Any], check: Callable[[], None], say: Say, deadline: float) -> Any:
    """Poll until `connect` succeeds or `check` raises; after `deadline` seconds raise what `connect` raised."""
    begun = printed = time.monotonic()
    while True:
        try:
            return connect()
        except (EngineMissingError, EngineSilentError):  # it does not run or does not answer yet
            check()
            if time.monotonic() - begun > deadline:
                raise
        if time.monotonic() - printed > 5:
            printed = time.monotonic()
            say(f"  waiting for the daemon to answer ({printed - begun:.0f} s)")
        time.sleep(0.2)


def join_group(machine: Machine, prefix: Sequence[str], say: Say) -> None:
    """Add the user to the group docker, so that the next commands need no sudo. Raises CourseError."""
    if is_member(machine):
        return
    say(f"Adding {machine.user} to the group docker, whose members have the rights of root.")
    outcome = machine.run([*prefix, "usermod", "-aG", "docker", machine.user], None)
    if outcome.code:
        raise CourseError(f"Could not add {machine.user} to the group docker: {outcome.last_line}.")


def is_member(machine: Machine) -> bool:
    """Return whether the user is in the group docker according to the system, even if this login began before."""
    return "docker" in machine.run(["id", "-nG", machine.user], None).output.split()


def go_on_in_group(machine: Machine, say: Say, replace: Callable[[str, list[str]], object]) -> None:
    """Start this command again through `sg docker` (sg(1)) if the user joined the group after logging in.

    Returns if that cannot help; the caller then reports that the user may not use the engine.
    """
    if os.environ.get(THROUGH_SG) or not machine.find("sg") or not is_member(machine):
        return
    say("You joined the group docker after this login began: continuing through `sg docker`.")
    os.environ[THROUGH_SG] = "1"
    sys.stdout.flush()
    replace("sg", ["sg", "docker", "-c", shlex.join([sys.executable, *sys.orig_argv[1:]])])
