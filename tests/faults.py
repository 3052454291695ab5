"""Set up a learner's machine with an engine of its own, run the course on it, and kill its parts: `Second`, `Running`.

`python -m tests.faults course ARGUMENT ...` is `./course` on that machine, `... notebook PATH` runs a notebook there as
JupyterLab does: a process with a kernel below it. COURSE_SECOND names the machine's folder.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from course_lib.engine import client as engine_client
from course_lib.engine.labels import LABEL, RECIPE_LABEL
from course_lib.lab import images, machine
from course_lib.lab.lifecycle import DEFAULT_ENGINE, Lab
from course_lib.lab.machine import Machine
from course_lib.setup import docker_install
from tests.conftest import ROOT
from tests.setup.test_docker_install import end, second_daemon

PATIENCE = float(os.environ.get("COURSE_PATIENCE", "1"))  # a factor for time limits on a busy machine
STAND_INS = ("debian", "mariadb", "wordpress")  # images that these tests do not start
OWN = "learners-own"
lab = Lab("faults")


# --- on the machine -----------------------------------------------------------------------------------------------


def course(folder: Path, arguments: list[str]) -> None:
    """Run `./course` on the machine in `folder`, with its engine."""
    from course_lib.commands import cli, jupyter

    docker_install.Machine = machine.Machine = functools.partial(computer, folder)  # type: ignore[misc,assignment]
    docker_install.Daemon = functools.partial(second_daemon, folder)  # type: ignore[misc,assignment]
    docker_install.configured_engine = lambda: ""
    jupyter.jupyter_lab = lambda *_, **__: None  # type: ignore[assignment]
    sys.argv[1:] = arguments
    cli.entry()


def computer(folder: Path) -> Machine:
    """Return the machine without systemd, which would start another engine; with the newer dockerd if there is one."""

    def find(name: str) -> str | None:
        newer = folder / "newer/dockerd"
        return str(newer) if name == "dockerd" and newer.exists() else shutil.which(name)

    return Machine(root=folder / "root", find=find)


def notebook(path: Path) -> None:
    """Run a notebook as JupyterLab does; after an error wait for a line of input, then start again at the first cell.

    Prints a line for each event.
    """
    import nbformat
    from jupyter_client.manager import KernelManager

    cells = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]

    def start() -> tuple[Any, Any]:
        manager = KernelManager(kernel_name="python3")
        manager.start_kernel(cwd=str(path.parent))
        said("kernel", manager.provisioner.pid)  # type: ignore[union-attr]
        client = manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=60)
        return manager, client

    manager, client = start()
    threads = "import threading; print('threads', sorted(t.name for t in threading.enumerate()))"
    try:
        for number, source in enumerate(cells):
            said("cell", number)
            if error := _executed(manager, client, source):
                said("error", error)
                break
        said("over")
        sys.stdin.readline()  # the machine works again
        if not manager.is_alive():
            client.stop_channels()
            manager, client = start()
        said("begun", _executed(manager, client, cells[0]))
        # Threads of the ended lab need a moment to notice it.
        said("after", _executed(manager, client, f"import time; time.sleep(1)\n{threads}", tell=True))
    finally:
        manager.shutdown_kernel(now=True)


def said(*words: object) -> None:
    """Print one event in a line."""
    print(" ".join(str(word).replace("\n", " ") for word in words), flush=True)


def _executed(manager: Any, client: Any, source: str, *, tell: bool = False) -> str:
    """Execute a cell; return its error or, with `tell`, its output."""
    asked, output = client.execute(source), ""
    while True:
        try:
            message = client.get_iopub_msg(timeout=0.2)
        except queue.Empty:
            if not manager.is_alive():
                return "the kernel died"
            continue
        if message["parent_header"].get("msg_id") != asked:
            continue
        kind, content = message["msg_type"], message["content"]
        if kind == "error":
            return "\n".join(content["traceback"])
        if kind == "stream":
            output += content["text"]
        if kind == "status" and content["execution_state"] == "idle":
            return output if tell else ""


# --- beside it ----------------------------------------------------------------------------------------------------


class Running:
    """A program on the machine, and the lines that it prints with their times (monotonic, in seconds)."""

    def __init__(self, *arguments: str) -> None:
        self.lines: list[tuple[float, str]] = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults", *arguments],
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self.lines.append((time.monotonic(), line.rstrip("\n")))

    @property
    def pid(self) -> int:
        """Return its process id."""
        return self._process.pid

    @property
    def text(self) -> str:
        """Return all its output."""
        return "\n".join(line for _, line in self.lines)

    def is_over(self) -> bool:
        """Whether the program has ended or printed that it is over."""
        return self._process.poll() is not None or any(line == "over" for _, line in self.lines)

    def wait(self, seconds: float) -> bool:
        """Wait until the program is over; return whether that was in time."""
        return until(self.is_over, seconds)

    def go_on(self, seconds: float) -> int | None:
        """Let a notebook start again, and wait for the program to end; return its exit code."""
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
            self._reader.join(10)
        return self._process.poll()

    def close(self) -> None:
        """Kill the program and its kernel."""
        for pid in (self.pid, *map(int, self.last("kernel").split())):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join(10)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()

    def last(self, word: str) -> str:
        """Return the text of the last event of a kind."""
        found = [line for _, line in self.lines if line.split(" ")[0] == word]
        return found[-1].removeprefix(word).strip() if found else ""


def until(what: Callable[[], object], seconds: float) -> bool:
    """Wait until `what()` is true; return whether that was in time."""
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


# runc needs a root that is a mount of its own (pivot_root(2)). Nothing else sees these mounts.
NEWER = """#!/bin/sh
exec unshare --mount --propagation private sh -ec '
    mount --bind {root} {root}; mkdir -p {root}{folder} {root}/old
    for d in /proc /sys /dev {folder}; do mount --rbind $d {root}$d; done
    cd {root}; pivot_root . old; umount -l /old; exec dockerd "$@"' sh "$@"
"""


class Second:
    """The second engine, which these tests use for everything."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.daemon = second_daemon(folder)

    def disk(self, file: Path, megabytes: int) -> None:
        """Mount a disk of a given size for the engine; own_folder unmounts it."""
        with file.open("wb") as image:
            image.truncate(megabytes * 1_000_000)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", file], check=True)
        subprocess.run(["mount", "-o", "loop", file, self.folder / "data"], check=True)

    def start(self) -> None:
        """Start the engine as `./course up` does, in a process of its own."""
        code = (
            "from tests.faults import *\n"
            "from tests.setup.test_docker_install import ping\n"
            "docker_install.configured_engine = lambda: ''\n"
            "f = Path(os.environ['COURSE_SECOND'])\n"
            "docker_install.ensure_engine(lambda: ping(f), print, machine=computer(f), daemon=second_daemon(f))"
        )
        subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=100)
        engine_client.outer.cache_clear()

    def fill(self, first: Any) -> None:
        """Load the lab's images into the engine; images that no test starts are replaced by stand-ins."""
        api = engine_client.outer()
        names = [images.lab_image(images.RELEASES[DEFAULT_ENGINE])]
        names += [images.inner_image(name) for name in images.INNER if name not in STAND_INS]
        response = first._get(first._url("/images/get"), params={"names": names}, stream=True)
        for _ in engine_client.progress(api.load_image(response.iter_content(1 << 20))):
            pass
        for name in STAND_INS:
            label = f"{LABEL}=image {RECIPE_LABEL}={images.fingerprint(name)}"
            text = f"FROM {images.inner_image('busybox')}\nLABEL {label}\n"
            tag = images.inner_image(name)
            for _ in engine_client.progress(
                api.build(fileobj=io.BytesIO(text.encode()), tag=tag, rm=True, decode=True)
            ):
                pass
        config = api.create_host_config(network_mode="none", binds={OWN: {"bind": "/data", "mode": "rw"}})
        script = "echo precious >/data/file; exec sleep 100000"
        image = images.inner_image("busybox")
        # At its next start a killed engine sends this signal to containers that still run, and waits ten seconds.
        api.start(
            api.create_container(image, ["sh", "-c", script], name=OWN, host_config=config, stop_signal="SIGKILL")
        )

    def labs(self) -> list[dict[str, Any]]:
        """Return the running labs, newest first."""
        with contextlib.suppress(*engine_client.BROKEN_OFF):
            found = engine_client.outer().containers(filters={"label": f"{LABEL}=lab"})
            return sorted(found, key=lambda c: -int(c["Created"]))
        return []

    def kill(self, victim: str, running: Running) -> bool:
        """Kill a part of the machine; return whether it was running."""
        if victim == "course":
            return killed(running.pid)
        if victim == "kernel":
            return killed(*map(int, running.last("kernel").split()))
        if victim == "engine":
            return self.kill_engine()
        for found in self.labs():
            with contextlib.suppress(*engine_client.BROKEN_OFF):
                if victim == "lab":
                    return killed(engine_client.outer().inspect_container(found["Id"])["State"]["Pid"])
                top = (
                    engine_client.outer().top(found["Id"], "-eo pid,comm")["Processes"] or []
                )  # none of a lab just starting
                return killed(*(int(pid) for pid, name in top if name == "dockerd"))
        return False

    def upgrade(self, first: Any) -> None:
        """Stop the engine, and install a newer one: that of the lab's image, in a root directory of its own."""
        end(self.daemon.pid_file, "dockerd", signal.SIGTERM)
        end(self.daemon.containerd_pid_file, "containerd", signal.SIGTERM)
        root = self.folder / "newer/root"
        root.mkdir(parents=True)
        box = first.create_container(images.lab_image(images.RELEASES[DEFAULT_ENGINE]))
        try:
            unpack = subprocess.Popen(["tar", "-x", "-C", root], stdin=subprocess.PIPE)
            assert unpack.stdin
            for piece in first.export(box):
                unpack.stdin.write(piece)
            unpack.stdin.close()
            assert unpack.wait() == 0
        finally:
            first.remove_container(box)
        newer = self.folder / "newer/dockerd"
        newer.write_text(NEWER.format(root=root, folder=self.folder))
        newer.chmod(0o755)

    def kill_engine(self) -> bool:
        """Kill the engine, wait until it has ended, and return whether it was running."""
        pid = int(self.daemon.pid_file.read_text())
        return killed(pid) and until(lambda: is_zombie(pid), 10)

    def own(self) -> tuple[str, str, str]:
        """Return id, start time and state of the learner's own container."""
        state = engine_client.outer().inspect_container(OWN)
        return str(state["Id"]), str(state["State"]["StartedAt"]), str(state["State"]["Status"])

    def left(self) -> list[str]:
        """Return what remains of removed labs, one text each."""
        api = engine_client.outer()
        found = api.containers(all=True)
        seed = lab.relative("seed").container
        mine = {OWN, lab.container, *(c["Names"][0].lstrip("/") for c in found if seed_at_rest(c, seed))}
        names = {c["Names"][0].lstrip("/") for c in found}
        complaints = [f"container {name}" for name in sorted(names - mine)]
        known = {c["Id"] for c in found}
        volumes = {v["Name"] for v in api.volumes()["Volumes"] or []}
        version = DEFAULT_ENGINE
        complaints += [f"volume {name}" for name in sorted(volumes - {OWN, lab.volume(version), f"{seed}-{version}"})]
        complaints += [f"plugged in: {p.name}" for p in Path(f"/sys/class/net/{self.folder.name}/brif").glob("*")]
        for command in commands("containerd-shim"):
            if f"{self.folder}/" in command and not known & set(command.split()):
                complaints.append(f"process {command[:150]}")
        mounted = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        merged = [place for place in mounted if place.startswith(f"{self.folder}/data/overlay2/")]
        running = [c for c in found if c["State"] == "running"]
        if len(merged) > len(running):
            complaints.append(f"{len(merged)} layers are mounted for {len(running)} containers that run")
        return complaints


def seed_at_rest(found: dict[str, Any], seed: str) -> bool:
    """Whether a container is a grader's seed, complete and stopped."""
    return bool(found["Names"][0].startswith(f"/{seed}-") and found["State"] != "running")


def killed(*pids: int) -> bool:
    """Kill processes; return whether any was running."""
    there = False
    for pid in pids:
        if pid > 1:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                there = True
    return there


def is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def commands(name: str) -> Iterator[str]:
    """Yield the command lines of the processes whose name begins with `name`."""
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (place / "comm").read_text().startswith(name[:15]) and not is_zombie(int(place.name)):
                yield (place / "cmdline").read_text().replace("\0", " ")


if __name__ == "__main__":
    if sys.argv[1] == "course":
        course(Path(os.environ["COURSE_SECOND"]), sys.argv[2:])
    else:
        notebook(Path(sys.argv[2]))
