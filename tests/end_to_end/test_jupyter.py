"""Test a learner's JupyterLab, started by `./course up` from a clone, in a real browser."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest

from course_lib.notebook import current
from tests.conftest import ROOT
from tests.worker import lab

pytestmark = [pytest.mark.live, pytest.mark.slow]  # test_live.py begins in the same way

ADDRESS = re.compile(r"http://(?:localhost|127\.0\.0\.1):\d+/(?:lab|doc)/tree/\S+\?token=\w+")
# Records every connection that a Python here makes to another machine.
WATCH = """
import os, sys
def watch(event, arguments):
    if event in ("socket.getaddrinfo", "socket.connect"):
        asked = arguments[0] if event == "socket.getaddrinfo" else arguments[1]
        name = str(asked[0] if isinstance(asked, tuple) else asked)
        if name not in ("localhost", "127.0.0.1", "::1", "", "None", "0.0.0.0") and not name.startswith("/"):
            with open(os.environ["COURSE_WATCH"], "a") as log:
                log.write(f"{event} {name} {sys.argv[:3]}\\n")
sys.addaudithook(watch)
open(os.environ["COURSE_WATCH"] + "-is-on", "w").close()
"""
SCRATCH = (
    "%load_ext course_lib",
    "%%host\necho one; sleep 3; echo two",
    "%%host\nls /nosuch",
    "%%host\nsleep 3210",
    "%%host --quickly\ntrue",
    "from course_lib import host\nhost('exit 3')",
)


@dataclass
class Learner:
    """A learner with a clone, a browser, and a JupyterLab that runs."""

    clone: Path
    home: Path
    address: str
    server: subprocess.Popen[str]
    said: list[str]
    page: Any
    asked: list[str]  # what the browser asked for
    pictures: Path

    def open(self, name: str) -> None:
        """Open a notebook and wait for its kernel."""
        # "reset" closes what was open before: one notebook at a time is simpler to talk about.
        self.page.goto(self.address.replace("00_start_here.ipynb", name) + "&reset", wait_until="domcontentloaded")
        self.page.locator(".jp-NotebookPanel:visible .jp-Cell").first.wait_for(timeout=60_000)
        self.page.get_by_text("| Idle").wait_for(timeout=30_000)

    def look(self, name: str) -> None:
        """Take a picture of what the learner sees."""
        self.page.wait_for_timeout(500)  # JupyterLab draws a cell some time after it came into view
        self.page.screenshot(path=self.pictures / f"{name}.png")

    def cell(self, number: int) -> Any:
        """Return a cell of the notebook that is open."""
        return self.page.locator(f".jp-NotebookPanel:visible .jp-Cell[data-windowed-list-index='{number}']")

    def run_cell(self, number: int) -> Any:
        """Run one cell, and return what will hold its outputs."""
        cell = self.cell(number)
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")
        return cell.locator(".jp-Cell-outputArea")


def lines(area: Any) -> list[str]:
    return [line for line in area.inner_text().splitlines() if line.strip()]


@pytest.fixture(scope="module")
def learner(running_lab: None, browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Learner]:
    with learning(browser, tmp_path_factory.mktemp("learner")) as one:
        yield one


def free_port() -> int:
    """Return a TCP port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def learning(browser: Any, base: Path, *options: str) -> Iterator[Learner]:
    """Serve JupyterLab from a clone of its own, by `./course up` with more options, to a browser."""
    install(base)
    with serving(browser, base, *options) as one:
        yield one


def install(base: Path) -> Path:
    """Make a clone of the course in a folder, with a notebook in its working copy; return the clone's path."""
    clone = base / "내 강의 (copy)"
    clone.mkdir()
    for name in ("course_lib", "notebooks", "exercises"):
        shutil.copytree(ROOT / name, clone / name, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"))
    scratch = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in SCRATCH])
    scratch.metadata.kernelspec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    (clone / "my-course").mkdir()
    nbformat.write(scratch, clone / "my-course" / "scratch.ipynb")
    (base / "watch").mkdir()
    (base / "watch" / "sitecustomize.py").write_text(WATCH)
    (base / "home").mkdir()
    return clone


@contextlib.contextmanager
def serving(browser: Any, base: Path, *options: str) -> Iterator[Learner]:
    """Serve JupyterLab from the clone that `install` made, by `./course up` with more options, to a browser."""
    clone, home = base / "내 강의 (copy)", base / "home"
    ours = ("JUPYTER", "IPYTHON", "XDG_", "COURSE_LEARNER")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(ours)},
        "HOME": str(home),
        "DOCKER_CONFIG": os.environ.get("DOCKER_CONFIG", str(Path.home() / ".docker")),
        "PYTHONPATH": f"{clone}{os.pathsep}{base / 'watch'}",
        "COURSE_WATCH": str(base / "asked"),
        "JUPYTER_PORT": str(free_port()),  # two that look for one at the same moment would find the same
    }
    server = subprocess.Popen(
        [sys.executable, "-m", "course_lib", "up", "--no-browser", *options],
        cwd=clone,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said: list[str] = []
    threading.Thread(target=lambda: said.extend(iter(server.stdout.readline, "")), daemon=True).start()
    try:
        deadline = time.monotonic() + 60
        while not (found := ADDRESS.search("".join(said))):
            assert server.poll() is None, "".join(said)
            assert time.monotonic() < deadline, "".join(said)
            time.sleep(0.1)
        context = browser.new_context(viewport={"width": 1366, "height": 768})
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        yield Learner(clone, home, found[0], server, said, page, asked, base)
        context.close()
    finally:
        server.kill()
        server.wait()


def test_the_printed_address_opens_the_first_notebook(learner: Learner) -> None:
    learner.open("00_start_here.ipynb")
    learner.page.get_by_role("heading", name="Start here").wait_for()
    learner.look("1-start")
    assert learner.page.locator(".jp-Dialog").count() == 0, "a question in the learner's face"
    assert learner.page.locator(".Toastify__toast").count() == 0


def test_chapter_01_runs_from_top_to_bottom(learner: Learner) -> None:
    learner.open("01_docker0.ipynb")
    page = learner.page
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    last = page.locator(".jp-NotebookPanel:visible .jp-CodeCell").last
    last.get_by_text("Left: 0 containers").wait_for(timeout=60_000)
    page.keyboard.press("Control+s")
    path = learner.clone / "my-course" / "01_docker0.ipynb"
    deadline = time.monotonic() + 10
    while "Left: 0 containers" not in path.read_text():
        assert time.monotonic() < deadline, "it was not saved"
        time.sleep(0.1)
    code = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    assert [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"] == []
    pictures = page.locator(".jp-NotebookPanel:visible .course-picture")
    drawn = [output for output in outputs if "image/png" in output.get("data", {})]
    assert pictures.count() == len(drawn), "the looks, and the ways of packets"
    look = page.locator(".jp-NotebookPanel:visible .course-picture:not(:has([data-part^='step/']))").last
    look.scroll_into_view_if_needed()
    learner.look("2-picture")
    # JupyterLab shows the alternative text of no PNG (nbconvert does); that of a Frame is its name.
    assert look.get_attribute("aria-label").startswith("The lab's network: docker0 (network bridge)")
    page.set_viewport_size({"width": 800, "height": 768})
    page.wait_for_function("box => box.scrollWidth <= box.clientWidth", arg=look.element_handle(), timeout=10_000)
    page.set_viewport_size({"width": 1366, "height": 768})


def test_output_streams_an_error_is_a_sentence_and_an_interrupt_ends_the_command(learner: Learner) -> None:
    learner.open("scratch.ipynb")
    learner.run_cell(0)
    streaming = learner.run_cell(1)
    streaming.get_by_text("one").wait_for(timeout=20_000)
    assert "two" not in streaming.inner_text(), "it came when the command had ended, not while it ran"
    streaming.get_by_text("two").wait_for(timeout=20_000)

    failing = learner.run_cell(2)
    failing.get_by_text("exit code").wait_for(timeout=20_000)
    learner.look("3-failing")
    assert "Traceback" not in failing.inner_text()
    assert lines(failing) == [
        "ls: cannot access '/nosuch': No such file or directory",
        "The command ended with exit code 2.",
    ]

    sleeping = learner.run_cell(3)
    deadline = time.monotonic() + 20
    while not current.host("pgrep -f 'sleep 321[0]' || true"):
        assert time.monotonic() < deadline
    learner.page.locator(".jp-NotebookPanel:visible [data-jp-item-name=interrupt]").click()
    sleeping.get_by_text("Interrupted").wait_for(timeout=10_000)
    assert current.host("pgrep -f 'sleep 321[0]' || true") == ""
    learner.look("4-interrupted")
    assert "Traceback" not in sleeping.inner_text()

    wrong = learner.run_cell(4)
    wrong.get_by_text("a cell begins with").wait_for(timeout=20_000)
    assert len(lines(wrong)) == 1
    python = learner.run_cell(5)
    python.get_by_text("exit code 3").wait_for(timeout=20_000)
    assert len(lines(python)) == 1


def test_nobody_asked_the_world_outside(learner: Learner) -> None:
    base = learner.address.partition("/lab/")[0]
    schemes = (base, base.replace("http", "ws", 1), "data:", "blob:")
    assert [url for url in learner.asked if not url.startswith(schemes)] == []
    asked = learner.home.parent / "asked"
    assert (learner.home.parent / "asked-is-on").exists(), "nobody was watching"
    assert not asked.exists() or asked.read_text() == ""


def test_nothing_noisy_was_said(learner: Learner) -> None:
    said = "".join(learner.said)
    print(said)
    assert "encryption" not in said
    assert "Traceback" not in said


def test_ctrl_c_ends_jupyterlab_and_the_lab_goes_on(learner: Learner) -> None:
    box = lab.require()
    learner.server.send_signal(signal.SIGINT)
    learner.server.wait(timeout=20)
    assert lab.require() == box
    assert current.host("hostname").strip() == "host"
    print(sorted(str(p.relative_to(learner.home)) for p in learner.home.rglob("*") if p.is_file()))
    print(json.dumps("".join(learner.said)[-500:]))
