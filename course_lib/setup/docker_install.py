"""An engine on any machine: one that answers is used; on Debian and Ubuntu one is installed and started."""

import os
import re
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from course_lib.engine.client import configured_engine
from course_lib.errors import CourseError, EngineForbiddenError, EngineMissingError, EngineSilentError
from course_lib.lab.host_platform import Machine, Outcome, Say, need_packages

Engine = TypeVar("Engine")
THROUGH_SG = "COURSE_THROUGH_SG"  # set in a command that was started again through `sg docker`


@dataclass(frozen=True)
class Daemon:
    """Where one dockerd has its things; the defaults are those of Debian's docker.io."""

    pid_file: Path = Path("/var/run/docker.pid")
    containerd_pid_file: Path = Path("/var/run/docker/containerd/containerd.pid")
    containerd_socket: Path = Path("/run/containerd/containerd.sock")
    log: Path = Path("/var/log/dockerd.log")
    options: tuple[str, ...] = ()


# Runs as root: PID-FILE CONTAINERD-PID-FILE CONTAINERD-SOCKET LOG dockerd [OPTION ...]; prints dockerd's pid.
# A pid file counts only if its process is what it says and lives: after a crash the number may be somebody else's,
# or a zombie's where no init reaps the dead, and dockerd would refuse to start. The socket of the machine's own
# containerd counts only if somebody listens: dockerd would wait for it. nohup, because the terminal may hang up
# before setsid has run.
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
    connect: Callable[[], Engine],
    say: Say,
    *,
    install: bool = True,
    machine: Machine | None = None,
    daemon: Daemon | None = None,
    deadline: float = 60,
    replace: Callable[[str, list[str]], object] = os.execvp,
) -> Engine:
    """Give what `connect` gives, after installing and starting an engine if there is none.

    `deadline` is in seconds, for the daemon to answer after its start. `replace` becomes another program: who
    joined the group docker after the login goes on through `sg`.
    Raises EngineMissingError if there is no engine and none can or may be had, CourseError if installing
    fails, and what `connect` raises if an engine is there that does not answer (EngineSilentError) or may not
    be used (EngineForbiddenError).
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
            "start that engine, or unset it so that the course looks for another."
        )
    dockerd = machine.find("dockerd")
    if sentence := why_not(machine, installed=bool(dockerd), install=install):
        raise EngineMissingError(sentence)
    prefix = machine.as_root("Starting Docker" if dockerd else "Installing Docker", say)
    if not dockerd:
        need_packages(["docker.io"], "run the lab, a Docker host in one container", say, machine=machine)
        dockerd = machine.find("dockerd") or "dockerd"
    say("Starting Docker's daemon, dockerd: no engine runs here yet, and the lab needs one.")
    check = start(machine, daemon or Daemon(), prefix, dockerd)
    if machine.uid != 0:
        join_group(machine, prefix, say)
    try:
        return wait_for(connect, check, say, deadline)
    except EngineForbiddenError:
        go_on_in_group(machine, say, replace)
        raise


def why_not(machine: Machine, *, installed: bool, install: bool) -> str:
    """Say, for this kind of machine, why no engine can or may be started; "" if one can."""
    missing = "No Docker engine answers"
    if machine.system != "Linux":
        return f"{missing}: install Docker Desktop (docker.com) and start it."
    if installed:
        may_not = "Docker is installed but does not run: start it, or leave out --no-install."
        return "" if install else may_not
    if machine.is_wsl:
        return f"{missing}: install Docker Desktop on Windows and turn on its WSL integration for this Linux."
    if not machine.is_debian:
        return f"{missing}: install this distribution's package docker (or moby-engine) and start it."
    if not install:
        return f"{missing}, and none may be installed: apt-get install docker.io, or leave out --no-install."
    return ""


def start(machine: Machine, daemon: Daemon, prefix: Sequence[str], dockerd: str) -> Callable[[], None]:
    """Start dockerd, by systemd where it runs, else as a daemon that outlives this command.

    Gives a function that raises EngineMissingError once the daemon has ended; raises the same by itself if
    the daemon cannot be started.
    """
    if machine.has_systemd:
        outcome = machine.run([*prefix, "systemctl", "start", "docker"], None)
        if outcome.code:
            log = machine.run([*prefix, "journalctl", "-u", "docker", "-n", "100", "-o", "cat"], None)
            raise EngineMissingError(
                f"Docker's daemon could not be started ({outcome.last_line}); its log says: {what_it_died_of(log)}"
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
                f"Docker's daemon ended right after its start; its log ({daemon.log}) says: {what_it_died_of(log)}"
            )

    return check


def what_it_died_of(log: Outcome) -> str:
    """Choose the line of dockerd's log that says why it ended: not the trace behind a panic."""
    said = [
        line.strip() for line in log.output.splitlines() if re.match(r"failed to start|panic:|unable to", line, re.I)
    ]
    return (said[-1] if said else log.last_line)[:300]


def is_alive(pid: str) -> bool:
    """Whether a process is there and no zombie, which a dead daemon stays where nobody adopts orphans."""
    try:
        status = Path("/proc", pid, "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def wait_for(connect: Callable[[], Engine], check: Callable[[], None], say: Say, deadline: float) -> Engine:
    """Poll until the engine answers, `check` raises, or `deadline` seconds are over (then as `connect`)."""
    begun = told = time.monotonic()
    while True:
        try:
            return connect()
        except (EngineMissingError, EngineSilentError):  # not there or not answering yet
            check()
            if time.monotonic() - begun > deadline:
                raise
        if time.monotonic() - told > 5:
            told = time.monotonic()
            say(f"  waiting for the daemon to answer ({told - begun:.0f} s)")
        time.sleep(0.2)


def join_group(machine: Machine, prefix: Sequence[str], say: Say) -> None:
    """Add the user to the group docker, so that the next commands need no sudo. Raises CourseError."""
    if is_member(machine):
        return
    say(f"Adding {machine.user} to the group docker: mind that who is in this group is as powerful as root.")
    outcome = machine.run([*prefix, "usermod", "-aG", "docker", machine.user], None)
    if outcome.code:
        raise CourseError(f"{machine.user} could not be added to the group docker: {outcome.last_line}.")


def is_member(machine: Machine) -> bool:
    """Whether the user is in the group docker by the files, whatever this login knows."""
    return "docker" in machine.run(["id", "-nG", machine.user], None).output.split()


def go_on_in_group(machine: Machine, say: Say, replace: Callable[[str, list[str]], object]) -> None:
    """Start this command again through `sg docker`, if this login is older than the user's membership.

    Returns if that cannot help; the caller then says that the engine may not be used.
    """
    if os.environ.get(THROUGH_SG) or not machine.find("sg") or not is_member(machine):
        return
    say("This login does not know yet that you are in the group docker: going on through `sg docker`.")
    os.environ[THROUGH_SG] = "1"
    sys.stdout.flush()
    replace("sg", ["sg", "docker", "-c", shlex.join([sys.executable, *sys.orig_argv[1:]])])
