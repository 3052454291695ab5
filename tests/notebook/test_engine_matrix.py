"""Test the lab's other engines: switched, reset, in parallel. In the soak, as their images take minutes to build."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from course_lib.engine import client
from course_lib.engine.labels import NAME_LABEL
from course_lib.lab import execute, images
from course_lib.lab.lifecycle import Lab
from tests.conftest import ROOT, refuse
from tests.end_to_end.test_bad_days import UP
from tests.lab.test_lifecycle import first_choices

pytestmark = pytest.mark.soak
FIRST = ("172.17.0.2", "172.18.0.0/16", "0.0.0.0:32768")


def up(lab: Lab, version: str) -> str:
    """Start a lab with an engine, and return the version that the engine reports."""
    lab.up(version, refuse)
    assert lab.version() == version
    said = lab.real_version()
    assert execute.run(lab, "docker version -f '{{.Server.Version}}'").strip() == said
    return said


def test_one_lab_changes_its_engine_and_down_takes_the_volumes_of_all(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lab = Lab("test-engines")
    try:
        seen = []
        for version in ("26.1", "20.10", "newest"):
            seen.append(up(lab, version))
            assert execute.run(lab, "docker ps -aq") == "", "the container of the engine before is not there"
            assert first_choices() == FIRST
            lab.reset()
            assert lab.real_version() == seen[-1], "a reset keeps the engine"
            assert first_choices() == FIRST, "and is a first day on every engine"
        assert "The lab's engine was 26.1: replacing it with a new lab." in capsys.readouterr().out
        assert [".".join(s.split(".")[:2]) for s in seen][:2] == ["20.10", "26.1"][::-1]
        assert int(seen[2].split(".")[0]) >= 28
        assert up(lab, "26.1") == seen[0], "and back"
        assert execute.run(lab, "docker images -q busybox") != "", "with the images that its volume has kept"
        assert lab.down(remove_images=False), "the machine is as before, read with the image that read it before"
        said = capsys.readouterr().out
        for version in images.RELEASES:
            assert f"Removed the volume {lab.volume(version)}" in said
    finally:
        lab.down(remove_images=False)
    left = client.outer().volumes(filters={"label": f"{NAME_LABEL}=test-engines"})["Volumes"]
    assert not left


def test_two_engines_side_by_side_under_two_names() -> None:
    labs = {Lab("test-old"): "20.10", Lab("test-new"): "newest"}
    try:
        said = {}
        for lab, version in labs.items():
            said[lab.name] = up(lab, version)
            execute.run(lab, "docker run -d --name web -p 80:80 nginx >/dev/null")
        for lab in labs:  # the first one is read while the second one runs
            assert lab.real_version() == said[lab.name]
            assert execute.run(lab, "docker ps --format '{{.Names}}'").strip() == "web"
            assert "DOCKER-FORWARD" in execute.run(lab, "iptables -S") or lab.name == "test-old"
        assert said["test-old"].startswith("20.10")
        assert said["test-old"] != said["test-new"]
    finally:
        for lab in labs:
            assert lab.down(remove_images=False)


def test_newest_says_its_real_version() -> None:
    code = UP.format(prefix=images.PREFIX).replace('["up", "--no-browser"]', '["up", "--engine", "newest"]')
    code = code.replace('images.INNER = ("busybox",)', "")
    env = {**os.environ, "COURSE_LAB": "test-newest"}
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, timeout=280, check=False
        )
    finally:
        subprocess.run([sys.executable, "-m", "course_lib", "down"], cwd=ROOT, env=env, check=True)
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if line.startswith("The lab runs"))
    assert int(line.removeprefix("The lab is running, with Docker engine ").split(".")[0]) >= 28


def processes(of_lab: str) -> list[str]:
    """Return the command lines of the processes that were started for a lab, in any session."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"COURSE_LAB={of_lab}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append((folder / "cmdline").read_text().replace("\0", " "))
    return found


def until(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_ctrl_c_in_the_soak_leaves_nothing() -> None:
    name = "test-ctrl-c.soak-20-10"
    env = {**os.environ, "COURSE_LAB": "test-ctrl-c", "PYTHONUNBUFFERED": "1"}
    before = sorted((ROOT / "docs").glob("soak-*"))
    reset_signals = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    arguments = ["test", "--soak", "--part", "engines"]
    code = f"{reset_signals}import sys; sys.argv[1:] = {arguments}; import course_lib.commands.cli as m; m.entry()"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout
        assert any("lab 20-10, run 1 of 1: begun" in line for line in process.stdout)
        until(lambda: any("ipykernel" in command for command in processes(name)))
        os.killpg(process.pid, signal.SIGINT)  # what a terminal does
        said, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert errors.strip() == "Interrupted: repeat the command to continue."
    assert f"Removed the container container-course-{name}" in said
    with pytest.raises(client.NotFound):
        client.outer().inspect_container(f"container-course-{name}")
    assert not client.outer().volumes(filters={"label": f"{NAME_LABEL}={name}"})["Volumes"]
    until(lambda: processes(name) == [])  # a kernel checks once a second whether its parent still runs
    reports = set((ROOT / "docs").glob("soak-*")) - set(before)
    for path in reports:
        path.unlink()
    assert all(path.stem.endswith("-stopped") for path in reports), "half a soak takes no other's place"
