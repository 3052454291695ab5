"""Test begin() and clean_up(): bridges and images made by hand, and two notebooks that use one lab."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from course_lib import begin, changes, clean_up
from course_lib.errors import CourseError, LabGoneError
from course_lib.notebook import current, practice
from course_lib.paths import EXERCISES
from tests.conftest import ROOT
from tests.worker import lab

pytestmark = pytest.mark.live


@pytest.mark.slow
def test_a_bridge_made_by_hand_is_reported_by_begin_and_clean_up(
    fresh_lab: None, capsys: pytest.CaptureFixture[str]
) -> None:
    current.host("ip link add hand0 type bridge")
    with pytest.raises(CourseError, match="Not everything was removed"):
        clean_up()
    assert "1 bridges made by hand" in capsys.readouterr().out
    begin()
    assert "Removed: bridge hand0" in capsys.readouterr().out
    clean_up()
    assert "by hand" not in capsys.readouterr().out


@pytest.mark.slow
def test_an_image_that_lost_its_name_to_a_later_build_is_removed(fresh_lab: None) -> None:
    for number in (1, 2):
        current.host(f"printf 'FROM busybox\\nENV number={number}\\n' | docker build -q -t mine - 2>/dev/null")
    assert current.host("docker images -q -f dangling=true")
    clean_up()
    assert current.host("docker images -q -f dangling=true") == ""


# --- two notebooks and one lab ------------------------------------------------------------------------------------


def begin_elsewhere(name: str) -> str:
    """Run begin() in another kernel, the one of a notebook with this name; return what it printed."""
    command = [sys.executable, "-c", "from course_lib import begin; begin()"]
    env = {**os.environ, "COURSE_LAB": lab.name, "JPY_SESSION_NAME": f"/work/{name}.ipynb"}
    return subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def first(fresh_lab: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be the notebook 00, with a container."""
    monkeypatch.setenv("JPY_SESSION_NAME", "/work/00_start_here.ipynb")
    begin()
    current.host("docker run -d -it --name c1 busybox >/dev/null")


@pytest.mark.slow
@pytest.mark.usefixtures("first")
def test_begin_says_whose_containers_it_removes_and_the_other_notebook_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = begin_elsewhere("01_docker0")
    assert re.fullmatch(
        r"Another notebook began to use the lab \(00_start_here, at \d\d:\d\d\)\. What it created is removed:\n"
        r"Removed: container c1\nThe lab has been reset\.\n",
        said,
    )
    for command in (lambda: current.host("docker rm -f c1"), changes, clean_up):
        with pytest.raises(LabGoneError, match=r"^The lab was reset by 01_docker0 at \d\d:\d\d: run "):
            command()
    capsys.readouterr()
    begin()
    assert capsys.readouterr().out == "The lab has been reset.\n", "the other one created nothing"
    assert current.host("hostname") == "host\n"


@pytest.mark.slow
@pytest.mark.usefixtures("first")
def test_a_cell_that_waits_ends_when_another_notebook_resets_the_lab() -> None:
    other = threading.Timer(1, begin_elsewhere, ["01_docker0"])
    other.start()
    began = time.monotonic()
    with pytest.raises(LabGoneError, match="The lab was reset by 01_docker0 at"):
        current.host("until curl -s -o /dev/null http://172.17.0.77/; do sleep 0.1; done")
    assert time.monotonic() - began < 30
    other.join()
    began = time.monotonic()
    with pytest.raises(LabGoneError, match="The lab was reset by 01_docker0 at"):
        current.host("until curl -s -o /dev/null http://172.17.0.2/; do sleep 0.1; done")
    assert time.monotonic() - began < 2


@pytest.mark.slow
@pytest.mark.usefixtures("first")
def test_the_same_notebook_with_a_new_kernel_is_not_another(capsys: pytest.CaptureFixture[str]) -> None:
    assert begin_elsewhere("00_start_here") == "Removed: container c1\nThe lab has been reset.\n"


@pytest.mark.slow
@pytest.mark.usefixtures("first")
def test_a_reset_in_a_terminal_has_no_notebook() -> None:
    lab.reset()
    with pytest.raises(LabGoneError, match=r"^The lab was reset at \d\d:\d\d: run this notebook again"):
        current.host("true")


@pytest.mark.slow
@pytest.mark.usefixtures("first")
def test_an_answer_says_that_it_takes_the_lab_from_another_notebook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(shutil.copytree(EXERCISES / "02_publish_three_ways", tmp_path / "02_publish_three_ways"))
    monkeypatch.setenv("JPY_SESSION_NAME", "/work/02_publish_three_ways.ipynb")
    practice.answer("true\n", print, 10)
    assert "Another notebook began to use the lab (00_start_here, at " in capsys.readouterr().out
    practice.answer("true\n", print, 10)
    assert "Another notebook" not in capsys.readouterr().out
