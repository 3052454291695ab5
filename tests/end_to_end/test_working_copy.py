"""Test that `./course up` opens JupyterLab on the learner's copies, whose links lead on, and that git sees none."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from course_lib.paths import MANIFEST
from tests.conftest import ROOT
from tests.end_to_end.test_jupyter import Learner, learning

pytestmark = [pytest.mark.live, pytest.mark.slow]
PANEL = ".jp-NotebookPanel:visible"


def git(clone: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
    return subprocess.run(command, cwd=clone, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def learner(running_lab: None, browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Learner]:
    with learning(browser, tmp_path_factory.mktemp("copy")) as one:
        shutil.copy(ROOT / ".gitignore", one.clone)
        git(one.clone, "init", "-q")
        git(one.clone, "add", "-A")
        git(one.clone, "commit", "-qm", "all")
        yield one


def shown(page: Any, name: str) -> None:
    """Wait until a notebook is the one that is shown."""
    page.locator(f".lm-TabBar-tab.lm-mod-current .lm-TabBar-tabLabel:text-is('{name}')").wait_for(timeout=60_000)
    page.locator(f"{PANEL} .jp-Cell").first.wait_for(timeout=60_000)


def run(page: Any, code: str) -> Any:
    """Run the first cell with this code, in the notebook that is shown; return the cell."""
    cell = page.locator(f"{PANEL} .jp-CodeCell", has_text=code).first
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    return cell


def follow(page: Any, words: str) -> None:
    page.locator(f"{PANEL} .jp-MarkdownCell").first.get_by_role("link", name=words).click()


def test_it_opens_on_the_first_notebook_with_its_contents_and_without_outputs(learner: Learner) -> None:
    page = learner.page
    page.goto(learner.address, wait_until="domcontentloaded")
    shown(page, "00_start_here.ipynb")
    page.locator(".jp-TableOfContents:visible .jp-tocItem", has_text="The path of one request").last.wait_for(
        timeout=60_000
    )
    assert page.locator(f"{PANEL} .jp-OutputArea-output:visible").count() == 0
    page.locator(f"{PANEL} .jp-MarkdownOutput code", has_text="Shift+Enter").wait_for(timeout=10_000)
    learner.look("copy-1-start")
    assert json.loads((learner.clone / "my-course" / MANIFEST).read_text())


def test_the_links_lead_to_a_chapter_to_its_exercise_and_back(learner: Learner) -> None:
    page = learner.page
    follow(page, "01 docker0")
    shown(page, "01_docker0.ipynb")
    follow(page, "02 publishing ports")
    shown(page, "02_publishing_ports.ipynb")
    follow(page, "02 publish three ways")
    shown(page, "02_publish_three_ways.ipynb")
    learner.look("copy-2-exercise")
    follow(page, "Start here")
    shown(page, "00_start_here.ipynb")


def test_the_exercise_asks_for_a_name_once(learner: Learner) -> None:
    learner.open("exercises/02_publish_three_ways/02_publish_three_ways.ipynb")
    page = learner.page
    cell = run(page, "exercise()")
    page.locator(f"{PANEL} .jp-Stdin-input").wait_for(timeout=30_000)
    learner.look("copy-3-name")
    page.keyboard.type("kim")
    page.keyboard.press("Enter")
    cell.get_by_text("Values for kim:").wait_for(timeout=60_000)
    assert (learner.clone / "my-course" / "learner.txt").read_text() == "kim\n"


def test_the_other_notebook_is_told_by_name(learner: Learner) -> None:
    page = learner.page
    page.goto(learner.address + "&reset", wait_until="domcontentloaded")
    shown(page, "00_start_here.ipynb")
    page.get_by_text("| Idle").wait_for(timeout=30_000)
    run(page, "begin()").get_by_text("The lab has been reset.").wait_for(timeout=60_000)
    follow(page, "01 docker0")
    shown(page, "01_docker0.ipynb")
    page.get_by_text("| Idle").wait_for(timeout=30_000)
    run(page, "begin()").get_by_text("The lab has been reset.").wait_for(timeout=60_000)
    follow(page, "Start here")
    shown(page, "00_start_here.ipynb")
    told = run(page, "docker run -d --name web").get_by_text("The lab was reset by 01_docker0 at ")
    told.wait_for(timeout=60_000)
    learner.look("copy-4-reset")


def test_git_sees_nothing_of_it(learner: Learner) -> None:
    page = learner.page
    page.keyboard.press("Control+s")
    path = learner.clone / "my-course" / "00_start_here.ipynb"
    deadline = time.monotonic() + 10
    while "The lab was reset by 01_docker0" not in path.read_text():
        assert time.monotonic() < deadline, "it was not saved"
        time.sleep(0.1)
    # Python writes its own files next to the sources, which the clone ignores too.
    assert git(learner.clone, "status", "--porcelain") == ""
