"""Test finding and starting an engine: on pretended machines of each kind, and with a real second dockerd."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from course_lib.engine.client import configured_engine
from course_lib.errors import CourseError, EngineForbiddenError, EngineMissingError, EngineSilentError, EngineUnfitError
from course_lib.lab.machine import Machine, Outcome, Say, need_packages, run_command
from course_lib.setup.docker_install import START_SCRIPT, THROUGH_SG, Daemon, ensure_engine

ROOT = Path(__file__).resolve().parents[2]


class Pretend:
    """A command runner that answers from a table, by the longest fitting beginning; keeps what was run."""

    def __init__(self, answers: dict[str, Outcome] | None = None) -> None:
        self.answers = {
            "id -un": Outcome(0, "mina\n"),
            "id -nG": Outcome(0, "mina\n"),
            "sh -c": Outcome(0, "1\n"),  # the pid of a daemon that lives
            "dpkg-query": Outcome(1, "no packages found"),
            **(answers or {}),
        }
        self.ran: list[str] = []

    def __call__(self, command: Sequence[str], say: Say | None) -> Outcome:
        """Return the outcome from the table, with or without sudo in front."""
        text = " ".join(command)
        self.ran.append(text)
        fitting = [start for start in self.answers if text.removeprefix("sudo -n ").startswith(start)]
        return self.answers[max(fitting, key=len)] if fitting else Outcome(0)


def make_machine(
    tmp_path: Path,
    pretend: Pretend,
    *,
    os_release: str = "ID=debian\n",
    programs: str = "apt-get sudo sg",
    uid: int = 0,
    system: str = "Linux",
    version: str = "Linux version 6.1",
    systemd: bool = False,
    terminal: bool = False,
) -> Machine:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text(os_release)
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/version").write_text(version)
    (tmp_path / "var/lib/apt/lists").mkdir(parents=True)
    (tmp_path / "var/lib/apt/lists/mirror_main_Packages.lz4").touch()
    if systemd:
        (tmp_path / "run/systemd/system").mkdir(parents=True)

    def find(name: str) -> str | None:
        installed = programs.split() + ["dockerd"] * any("install -y" in line for line in pretend.ran)
        return f"/usr/sbin/{name}" if name in installed else None

    return Machine(run=pretend, find=find, root=tmp_path, system=system, uid=uid, has_terminal=terminal)


def connect_after(failures: int, error: type[CourseError] = EngineMissingError, and_then: object = "engine") -> object:
    """Make a `connect` that fails so many times and then answers."""
    left = iter([error] * failures)

    def connect() -> object:
        for failure in left:
            raise failure("nothing there")
        if isinstance(and_then, Exception):
            raise and_then
        return and_then

    return connect


@pytest.fixture(autouse=True)
def _no_choice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", THROUGH_SG):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker-config"))


def test_an_engine_that_answers_is_used_and_nothing_is_run(tmp_path: Path) -> None:
    pretend, said = Pretend(), []
    assert ensure_engine(connect_after(0), said.append, machine=make_machine(tmp_path, pretend)) == "engine"
    assert pretend.ran == said == []


@pytest.mark.parametrize("chosen", ["host", "context", "config"])
def test_a_chosen_engine_that_is_silent_is_never_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: str
) -> None:
    if chosen == "host":
        monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere")
    elif chosen == "context":
        monkeypatch.setenv("DOCKER_CONTEXT", "far")
    else:
        (tmp_path / "docker-config").mkdir()
        (tmp_path / "docker-config/config.json").write_text('{"currentContext": "far"}')
    pretend = Pretend()
    with pytest.raises(EngineMissingError, match=r"(DOCKER_HOST|context far).* is set, but no engine answers"):
        ensure_engine(connect_after(9), print, machine=make_machine(tmp_path, pretend))
    assert pretend.ran == []


@pytest.mark.parametrize("text", ["", "not json", "[]", '{"currentContext": "default"}'])
def test_no_choice_is_read_from_an_odd_config(tmp_path: Path, text: str) -> None:
    (tmp_path / "docker-config").mkdir()
    (tmp_path / "docker-config/config.json").write_text(text)
    assert configured_engine() == ""


def test_a_silent_engine_is_left_alone(tmp_path: Path) -> None:
    pretend = Pretend()
    with pytest.raises(EngineSilentError):
        ensure_engine(connect_after(9, EngineSilentError), print, machine=make_machine(tmp_path, pretend))
    assert pretend.ran == []


@pytest.mark.parametrize(
    ("kind", "install", "sentence"),
    [
        ({"system": "Darwin"}, True, "install Docker Desktop"),
        ({"system": "Windows"}, True, "install Docker Desktop"),
        ({"version": "Linux version 5.15 microsoft-standard-WSL2"}, True, "Docker Desktop on Windows"),
        ({"os_release": "ID=fedora\n"}, True, "this distribution's package"),
        ({"os_release": 'ID="arch"\nID_LIKE=""\n'}, True, "this distribution's package"),
        ({}, False, "run `apt-get install docker.io`, or leave out --no-install"),
        ({"programs": "apt-get dockerd"}, False, "installed but not running"),
        ({"uid": 1000, "programs": "apt-get"}, True, "and mina cannot use sudo: ask an administrator"),
    ],
)
def test_where_none_can_or_may_be_had_one_sentence_says_what_to_do(
    tmp_path: Path, kind: dict[str, object], install: bool, sentence: str
) -> None:
    pretend = Pretend()
    with pytest.raises(CourseError, match=sentence) as caught:
        ensure_engine(connect_after(9), print, install=install, machine=make_machine(tmp_path, pretend, **kind))
    assert "\n" not in str(caught.value)
    assert not [line for line in pretend.ran if "apt-get" in line or "dockerd" in line]


@pytest.mark.parametrize("os_release", ["ID=debian\n", 'ID="ubuntu"\n', 'ID=linuxmint\nID_LIKE="ubuntu debian"\n'])
def test_debian_and_its_relatives_get_docker_io_and_a_daemon(tmp_path: Path, os_release: str) -> None:
    pretend, said = Pretend(), []
    machine = make_machine(tmp_path, pretend, os_release=os_release)
    assert ensure_engine(connect_after(1), said.append, machine=machine) == "engine"
    acts = [line for line in pretend.ran if not line.startswith("dpkg-query")]
    assert acts[0].endswith("apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends docker.io")
    assert acts[1].startswith("sh -c ")
    assert acts[1].endswith("/var/log/dockerd.log /usr/sbin/dockerd")
    assert len(acts) == 2
    assert said[0].startswith("Installing docker.io with apt-get: the course needs it to run the lab")
    assert said[1].startswith("Starting Docker's daemon")


def test_systemd_starts_it_where_systemd_runs(tmp_path: Path) -> None:
    pretend = Pretend()
    machine = make_machine(tmp_path, pretend, systemd=True, programs="dockerd apt-get")
    ensure_engine(connect_after(1), print, machine=machine)
    assert pretend.ran == ["systemctl start docker"]


def test_a_daemon_that_answers_late_is_waited_for_until_the_deadline(tmp_path: Path) -> None:
    machine = make_machine(tmp_path, Pretend(), programs="dockerd apt-get")
    slow = connect_after(1, and_then=EngineSilentError("starting"))
    begun = time.monotonic()
    with pytest.raises(EngineSilentError):
        ensure_engine(slow, print, machine=machine, deadline=0.5)
    assert 0.5 < time.monotonic() - begun < 5
    with pytest.raises(EngineUnfitError):  # no use to wait
        ensure_engine(connect_after(1, and_then=EngineUnfitError("rootless")), print, machine=machine)


def test_a_failing_systemd_unit_is_quoted(tmp_path: Path) -> None:
    pretend = Pretend(
        {
            "systemctl": Outcome(1, "Unit is masked."),
            "journalctl": Outcome(0, "a\nfailed to start daemon: no disk\ngoroutine 1\n"),
        }
    )
    machine = make_machine(tmp_path, pretend, systemd=True, programs="dockerd apt-get")
    with pytest.raises(EngineMissingError, match=r"Unit is masked.*no disk"):
        ensure_engine(connect_after(9), print, machine=machine)


def test_sudo_is_used_and_the_user_joins_the_group_and_goes_on_through_sg(tmp_path: Path) -> None:
    pretend, said, became = Pretend(), [], []
    machine = make_machine(tmp_path, pretend, uid=1000)

    def connect() -> None:
        if not any("sh -c" in line for line in pretend.ran):
            raise EngineMissingError("nothing there")
        pretend.answers["id -nG"] = Outcome(0, "mina docker\n")
        raise EngineForbiddenError("not allowed")

    with pytest.raises(EngineForbiddenError):  # a real `replace` does not come back
        ensure_engine(connect, said.append, machine=machine, replace=lambda name, words: became.append(words))
    acts = [line for line in pretend.ran if line.startswith("sudo -n ") and line != "sudo -n true"]
    assert [line.split()[2] for line in acts] == ["env", "sh", "usermod"]
    assert acts[2] == "sudo -n usermod -aG docker mina"
    assert any("whose members have the rights of root" in line for line in said)
    assert became[0][:3] == ["sg", "docker", "-c"]
    assert became[0][3].startswith(sys.executable)


def test_a_forbidden_engine_stays_forbidden_outside_the_group_and_after_sg(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend, became = Pretend(), []
    machine = make_machine(tmp_path, pretend, uid=1000)
    forbidden = connect_after(9, EngineForbiddenError)
    with pytest.raises(EngineForbiddenError):
        ensure_engine(forbidden, print, machine=machine, replace=lambda *words: became.append(words))
    monkeypatch.setenv(THROUGH_SG, "1")
    pretend.answers["id -nG"] = Outcome(0, "mina docker\n")
    with pytest.raises(EngineForbiddenError):
        ensure_engine(forbidden, print, machine=machine, replace=lambda *words: became.append(words))
    assert became == []


def test_sudo_may_ask_for_a_password_only_on_a_terminal(tmp_path: Path) -> None:
    pretend = Pretend({"true": Outcome(1)})
    machine = make_machine(tmp_path, pretend, uid=1000, terminal=True)
    said: list[str] = []
    assert machine.as_root("This", said.append) == ["sudo"]
    assert said == ["This needs root: sudo asks for the password of mina."]
    with pytest.raises(CourseError, match="ask an administrator"):
        replace(machine, has_terminal=False).as_root("This", print)


def test_need_packages_says_what_and_why_and_updates_old_lists(tmp_path: Path) -> None:
    pretend, said = Pretend(), []
    pretend.answers["dpkg-query -W -f ${db:Status-Status} curl"] = Outcome(0, "installed")
    apt = "env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 "
    pretend.answers[apt + "install"] = Outcome(100, "E: Unable to fetch some archives\nReading...\n")
    machine = make_machine(tmp_path, pretend)
    with pytest.raises(CourseError, match=r"could not install mmdebstrap .E: Unable to fetch some archives"):
        need_packages(["curl", "mmdebstrap"], "make images", said.append, machine=machine)
    assert said == ["Installing mmdebstrap with apt-get: the course needs it to make images."]
    assert [line.removeprefix(apt).split()[0] for line in pretend.ran[2:]] == ["install", "update", "install"]
    next((tmp_path / "var/lib/apt/lists").iterdir()).unlink()
    pretend.ran.clear()
    pretend.answers[apt + "install"] = Outcome(0)
    need_packages(["mmdebstrap"], "make images", said.append, machine=machine)
    assert [line.removeprefix(apt).split()[0] for line in pretend.ran[1:]] == ["update", "install"]


def test_need_packages_refuses_in_one_sentence(tmp_path: Path) -> None:
    machine = make_machine(tmp_path, Pretend())
    with pytest.raises(CourseError, match="run `apt-get install mmdebstrap`, or leave out --no-install"):
        need_packages(["mmdebstrap"], "make images", print, install=False, machine=machine)
    (tmp_path / "etc/os-release").write_text("ID=fedora\n")
    with pytest.raises(CourseError, match="this system's package manager"):
        need_packages(["mmdebstrap"], "make images", print, machine=machine)


def test_a_command_that_is_not_there_is_an_outcome() -> None:
    assert run_command(["no-such-command-here"]) == Outcome(127, "no-such-command-here: not found")
    assert run_command(["sh", "-c", "echo a; echo b >&2; exit 3"]) == Outcome(3, "a\nb\n")


def test_the_pid_of_a_dead_daemon_that_nobody_reaped_does_not_count(tmp_path: Path) -> None:
    dockerd = tmp_path / "dockerd"
    shutil.copy(shutil.which("true") or "true", dockerd)
    dead = subprocess.Popen([dockerd])
    os.waitid(os.P_PID, dead.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and stays a zombie
    assert process_name(dead.pid) == "dockerd"
    pid_file = tmp_path / "docker.pid"
    pid_file.write_text(str(dead.pid))
    places = [str(pid_file), str(tmp_path / "none.pid"), str(tmp_path / "none.sock"), str(tmp_path / "log")]
    started = run_command(["sh", "-c", START_SCRIPT, "sh", *places, str(dockerd)])
    assert started.last_line != str(dead.pid)
    assert not pid_file.exists()
    dead.wait()


# A real second dockerd, with everything of its own, beside the one that the machine may be using.
OURS = "course-"  # begins the names of such a daemon's folder and, with the same name, of its bridge


def second_daemon(folder: Path) -> Daemon:
    return Daemon(
        pid_file=folder / "docker.pid",
        containerd_pid_file=folder / "exec/containerd/containerd.pid",
        containerd_socket=folder / "no-containerd.sock",
        log=folder / "dockerd.log",
        options=(
            f"--data-root={folder}/data",
            f"--exec-root={folder}/exec",
            f"--pidfile={folder}/docker.pid",
            f"--host=unix://{folder}/docker.sock",
            f"--bridge={folder.name}",  # with "none" a dockerd removes docker0, whosever it is
            "--iptables=false",
        ),
    )


def ping(folder: Path) -> str:
    """Ask the second engine whether it lives, without the docker package (one module alone imports that)."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        try:
            client.connect(str(folder / "docker.sock"))
            client.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            answer = client.recv(4096)
        except OSError as error:
            raise EngineMissingError(str(error)) from None
    if b" 200 OK" not in answer:
        raise EngineSilentError("no ping")
    return "engine"


def process_name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def end(pid_file: Path, name: str, how: signal.Signals) -> None:
    """End the process of a pid file if it has that name, and wait until it is gone."""
    pid = int(pid_file.read_text()) if pid_file.exists() else 0
    if pid and process_name(pid) == name:
        os.kill(pid, how)
        for _ in range(600):
            if "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2:3] if process_name(pid) else True:
                return
            time.sleep(0.1)


@contextlib.contextmanager
def own_folder() -> Iterator[Path]:
    """Give a folder with a short path: a unix socket's name has 108 bytes at most (unix(7))."""
    if os.geteuid() != 0 or shutil.which("dockerd") is None:
        pytest.skip("a second dockerd needs root and an installed dockerd")
    where = Path(tempfile.mkdtemp(prefix=OURS, dir="/tmp"))  # 15 bytes: an interface may be called so
    daemon = second_daemon(where)
    docker0 = Path("/sys/class/net/docker0")
    was_there = docker0.exists()
    subprocess.run(["ip", "link", "add", where.name, "type", "bridge"], check=True)
    subprocess.run(["ip", "addr", "add", "198.18.57.1/24", "dev", where.name], check=True)  # RFC 2544: nobody's
    yield where
    end(daemon.pid_file, "dockerd", signal.SIGTERM)
    end(daemon.containerd_pid_file, "containerd", signal.SIGTERM)
    for line in reversed(Path("/proc/mounts").read_text().splitlines()):  # a killed dockerd leaves some
        if line.split()[1].startswith(f"{where}/"):
            subprocess.run(["umount", "--lazy", line.split()[1]], check=True)
    shutil.rmtree(where)
    subprocess.run(["ip", "link", "delete", where.name], check=True)
    assert docker0.exists() == was_there, "the second dockerd harms the first one's network"


@pytest.fixture
def folder() -> Iterator[Path]:
    """Give a folder for a dockerd of a test's own."""
    with own_folder() as where:
        yield where


@pytest.mark.live
@pytest.mark.slow
def test_a_daemon_outlives_the_command_and_a_stale_pid_file(folder: Path) -> None:
    daemon = second_daemon(folder)
    code = f"""
        from pathlib import Path
        from course_lib.setup.docker_install import ensure_engine
        from tests.setup.test_docker_install import ping, second_daemon
        folder = Path({str(folder)!r})
        print(ensure_engine(lambda: ping(folder), print, daemon=second_daemon(folder)))
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)

    first = run()
    assert first.stdout.splitlines()[-1:] == ["engine"], first.stdout + first.stderr
    assert ping(folder) == "engine"  # the command is over
    pid = int(daemon.pid_file.read_text())
    assert os.getsid(pid) == pid
    assert Path(f"/proc/{pid}/fd/0").readlink() == Path("/dev/null")
    assert run().stdout == "engine\n", "it answers, so nothing is started"

    # After a crash both pid files name a process that lives but is somebody else (here: this test).
    end(daemon.pid_file, "dockerd", signal.SIGKILL)
    end(daemon.containerd_pid_file, "containerd", signal.SIGKILL)
    daemon.pid_file.write_text(str(os.getpid()))
    daemon.containerd_pid_file.write_text(str(os.getpid()))
    assert (folder / "docker.sock").exists()
    said: list[str] = []
    assert ensure_engine(lambda: ping(folder), said.append, daemon=daemon) == "engine"
    assert said[0].startswith("Starting Docker's daemon")
    assert int(daemon.pid_file.read_text()) != os.getpid()


@pytest.mark.live
def test_a_daemon_that_dies_at_its_start_is_quoted(folder: Path) -> None:
    (folder / "data").write_text("a file where a folder should be")
    begun = time.monotonic()
    with pytest.raises(EngineMissingError, match=r"ended right after its start.*points to a file"):
        ensure_engine(lambda: ping(folder), print, daemon=second_daemon(folder))
    assert time.monotonic() - begun < 30
