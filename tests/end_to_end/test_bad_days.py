"""Test failures of the whole: an interrupt, a full disk, an engine that dies or cannot run the lab."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from course_lib.engine import client
from course_lib.engine.labels import ENGINE_LABEL, IDS_LABEL, LABEL, NAME_LABEL, PLAIN
from course_lib.errors import CourseError, EngineMissingError, EngineUnfitError
from course_lib.lab import base_image, execute, images, lifecycle
from course_lib.lab.lifecycle import Lab
from course_lib.notebook import current
from course_lib.setup.docker_install import ensure_engine
from tests.conftest import ROOT, refuse
from tests.faults import until
from tests.lab.test_images import make, own_names
from tests.setup.test_docker_install import end, folder, ping, second_daemon
from tests.worker import lab

__all__ = ["folder", "own_names"]  # fixtures of others
pytestmark = pytest.mark.live
RELEASE = images.INNER_RELEASE

# The real `./course up` with images of other names, and without a JupyterLab at its end.
UP = """
import os, sys
from course_lib.engine import labels
labels.LABEL = {prefix!r}  # before anybody else imports it
import course_lib.commands.cli as course
from course_lib.lab import images
images.PREFIX = {prefix!r}
images.INNER = ("busybox",)
os.execv = lambda *_: None
sys.argv[1:] = ["up", "--no-browser"]
course.entry()
"""


def interrupted_up(prefix: str, line: str, and_then: Callable[[], object]) -> str:
    """Run `up` until it says a line and something is so, send the signal of Ctrl-C, and return what it said."""
    env = {**os.environ, "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-c", UP.format(prefix=prefix)]
    with subprocess.Popen(
        command, cwd=ROOT, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert any(said.startswith(line) for said in process.stdout), process.communicate()
        deadline = time.monotonic() + 30
        while not and_then():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        assert process.returncode == 130, errors
        return errors


@pytest.mark.slow
def test_ctrl_c_at_three_moments_and_the_next_up_goes_on(
    own_names: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    api = client.outer()
    lab = Lab("interrupted")
    monkeypatch.setenv("COURSE_LAB", lab.name)  # for the commands that are started
    make(f"FROM container-course/lab:{RELEASE}\nLABEL {own_names}=image\n", f"{own_names}/lab:{RELEASE}")

    def builds() -> bool:
        return any(c["Labels"].get(own_names) == "image" for c in api.containers())

    def runs() -> bool:
        found = lab.inspect()
        return bool(found and found["State"]["Running"])

    try:
        for line, moment in (
            (f"Building the image {own_names}/lab-busybox", builds),
            ("Starting the lab", runs),
            ("Loading busybox", lambda: True),
        ):
            said = interrupted_up(own_names, line, moment)
            assert said.strip() == "Interrupted: repeat the command to continue."
            deadline = time.monotonic() + 10
            while builds():  # the engine ends the build as soon as it sees that nobody waits for it
                assert time.monotonic() < deadline
                time.sleep(0.1)
        subprocess.run([sys.executable, "-c", UP.format(prefix=own_names)], cwd=ROOT, check=True)
        assert execute.run(lab, "docker images --format '{{.Repository}}'") == "busybox\n"
        assert execute.run(lab, "docker run --rm busybox echo it works") == "it works\n"
        lab.down(remove_images=False)
        said = capsys.readouterr().out
        assert "Unchanged since the first `up`: the machine's firewall rules" in said
        # By its other label this lab takes the gate's other labs, which come and go, for somebody else's.
        assert [
            line for line in said.splitlines() if "not by the course" in line and "container-course-" not in line
        ] == []
    finally:
        lab.down(remove_images=False)


@pytest.mark.slow
def test_an_up_right_behind_an_interrupted_one_waits_for_the_lab(
    running_lab: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = Lab("interrupted")

    def interrupted(lab: Lab, before: int) -> None:
        raise KeyboardInterrupt

    try:
        with monkeypatch.context() as patch:
            patch.setattr(Lab, "wait_until_ready", interrupted)
            with pytest.raises(KeyboardInterrupt):
                lab.up("26.1", refuse)
        lab.up("26.1", refuse)
        assert "busybox" in execute.run(lab, "docker images --format '{{.Repository}}'")
    finally:
        lab.down(remove_images=False)


@pytest.fixture
def second_engine(running_lab: None, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Start a dockerd of this test's own, on a disk of 400 MB, as the learner's engine; give what starts it again."""
    first = client.outer()
    (folder / "data").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", folder / "data"], check=True)

    def start() -> None:
        with monkeypatch.context() as patch:
            patch.delenv("DOCKER_HOST", raising=False)  # with it, nothing would be started
            ensure_engine(lambda: ping(folder), print, daemon=second_daemon(folder))

    start()
    monkeypatch.setenv("DOCKER_HOST", f"unix://{folder}/docker.sock")
    client.outer.cache_clear()
    base = f"{images.PREFIX}/debian:{RELEASE}"
    list(client.progress(client.outer().load_image(first.get_image(base))))
    yield start
    client.outer.cache_clear()


@pytest.mark.slow
def test_a_disk_that_becomes_full_and_then_has_room(second_engine: object, folder: Path) -> None:
    disk = folder / "data"
    used = shutil.disk_usage(disk).used

    def resize(size: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={size}", disk], check=True)

    def build() -> str:
        return images.build("busybox", RELEASE, base_image.supply(), refuse)

    resize(used + 20_000_000)
    with pytest.raises(CourseError, match=r"^The disk became full while .*busybox:.* then repeat the command\.$"):
        build()
    assert client.outer().containers(all=True) == []
    resize(used + 400_000_000)
    assert images.recipe_of(client.outer(), build())


STAND_IN = """cd /usr/local/bin
printf '#!/bin/sh\nshift\nexec "$@"\n' >new && chmod +x new && mv new lab-namespace
exec sleep 1000
"""


@pytest.mark.slow
def test_an_engine_that_dies_while_a_cell_runs(second_engine: Callable[[], None], folder: Path) -> None:
    api = client.outer()
    # What runs the cell needs no more of a lab than its labels, bash, and the program that enters it.
    made = api.create_container(
        f"{images.PREFIX}/debian:{RELEASE}",
        ["sh", "-c", STAND_IN],
        name=lab.container,
        labels={LABEL: "lab", ENGINE_LABEL: "26.1", IDS_LABEL: PLAIN},
        host_config=api.create_host_config(network_mode="none"),
    )
    api.start(made)
    pid = api.inspect_container(made)["State"]["Pid"]
    try:
        assert until(lambda: b"lab-n" in api.exec_start(api.exec_create(made, ["ls", "/usr/local/bin"])["Id"]), 10)
        assert current.host("echo works") == "works\n"
        threading.Timer(1, end, (second_daemon(folder).pid_file, "dockerd", signal.SIGKILL)).start()
        began = time.monotonic()
        with pytest.raises(EngineMissingError, match="No Docker engine answers at DOCKER_HOST"):
            current.host("sleep 60")
        assert time.monotonic() - began < 10
        for act in (lab.reset, lambda: current.host("true")):
            with pytest.raises(EngineMissingError, match="No Docker engine answers"):
                act()
    finally:
        os.kill(pid, signal.SIGKILL)  # its engine is dead
    second_engine()  # the same command that started it first
    assert client.outer().inspect_container(made)
    client.outer().remove_container(made, force=True)


@pytest.mark.slow
def test_an_engine_that_refuses_the_seccomp_profile(
    running_lab: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lab = Lab("unfit")
    recipes = shutil.copytree(images.RECIPES, tmp_path / "recipes")
    profile = json.loads((recipes / "seccomp.json").read_text())
    profile["defaultAction"] = "SCMP_ACT_NOBODY_KNOWS"
    (recipes / "seccomp.json").write_text(json.dumps(profile))
    monkeypatch.setattr(images, "RECIPES", recipes)
    try:
        with pytest.raises(EngineUnfitError, match=r"cannot run the lab: .*(seccomp|SCMP)"):
            lab.up("26.1", refuse)
        assert lab.inspect() is None, "nothing half-made stays"
    finally:
        lab.down(remove_images=False)


@pytest.mark.slow
def test_a_file_system_that_overlay_cannot_use(
    running_lab: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An overlay, as where the learner's engine runs in a container itself, carries no other overlay."""
    lab = Lab("unfit")
    api = client.outer()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", tmp_path], check=True)
    for name in ("lower", "upper", "work"):
        (tmp_path / name).mkdir()
    layers = f"lowerdir={tmp_path}/lower,upperdir={tmp_path}/upper,workdir={tmp_path}/work"
    api.create_volume(
        lab.volume("26.1"),
        driver_opts={"type": "overlay", "device": "overlay", "o": layers},
        labels={LABEL: "lab", NAME_LABEL: "unfit", IDS_LABEL: PLAIN},
    )
    monkeypatch.setattr(lifecycle, "FIRST_ID", PLAIN)  # or the volume would be replaced by one without this file system
    try:
        with pytest.raises(EngineUnfitError, match=r"cannot run the lab: overlay mounts on the engine's file system"):
            lab.up("26.1", refuse)
        assert lab.inspect() is None, "nothing half-made stays"
    finally:
        lab.down(remove_images=False)
        subprocess.run(["umount", tmp_path], check=True)
