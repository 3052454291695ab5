"""Go through the course as a learner does on two days, by mouse and by keyboard alone.

On the first day two chapters, on the second one more and its exercise. What was done on the first day is still there.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest

from course_lib.exercises import questions
from course_lib.exercises.catalog import load
from tests.conftest import ROOT
from tests.end_to_end.test_jupyter import Learner, install, serving
from tests.end_to_end.test_working_copy import PANEL, git, shown

pytestmark = [pytest.mark.live, pytest.mark.soak, pytest.mark.timeout(900)]

WRONG = {"port-at-web": "8080", "docker-interfaces": "Four: lo, eth0, docker0 and a cable to docker0"}
DECIDES = re.compile(r'(?:--decides |decides="|\bdecide\(")([\w-]+)')
ANSWER = """docker run -d --name {shop} -p {shop_port}:80 nginx
docker exec {shop} sh -c 'echo "{shop_page}" >/usr/share/nginx/html/index.html'
docker run -d --name {blog} -P nginx
docker run -d --name {desk} -p 127.0.0.1:{desk_port}:80 nginx
"""


def right(chapter: str) -> dict[str, str]:
    """Return by question the choice that the lab shows, as the chapter's committed outputs say."""
    [path] = (ROOT / "notebooks").glob(f"{chapter}_*.ipynb")
    found = {}
    for cell in nbformat.read(path, as_version=4).cells:
        for name in DECIDES.findall(cell.source) if cell.cell_type == "code" else ():
            happened = questions.named(name).outcome("".join(output.get("text", "") for output in cell.outputs))
            assert happened
            found[name] = happened.text
    return found


@dataclass
class Hand:
    """How a learner works: by mouse, or by keyboard alone."""

    learner: Learner
    keys: bool

    @property
    def page(self) -> Any:
        """Return what the browser shows."""
        return self.learner.page

    def up(self) -> None:
        """Open the address that `./course up` printed."""
        self.page.goto(self.learner.address, wait_until="domcontentloaded")
        self.ready("00_start_here.ipynb")

    def ready(self, name: str) -> None:
        """Wait until a notebook is shown and its kernel is idle."""
        shown(self.page, name)
        self.page.get_by_text("| Idle").wait_for(timeout=60_000)

    def tab_to(self, words: str, key: str = "Tab") -> None:
        """Press a key until the control with these words has the focus."""
        for _ in range(15):
            if self.page.evaluate("document.activeElement.textContent") == words:
                return
            self.page.keyboard.press(key)
        pytest.fail(f"{key} does not lead to {words!r}")

    def run(self) -> Any:
        """Run the active cell, wait for it, and return it; the next one is active then."""
        at = int(self.page.locator(f"{PANEL} .jp-Cell.jp-mod-active").get_attribute("data-windowed-list-index"))
        cell = self.learner.cell(at)
        if self.keys:
            self.page.keyboard.press("Shift+Enter")
        else:
            self.page.locator(f"{PANEL} [data-jp-item-name=run]").click()
        other = f"{PANEL} .jp-Cell.jp-mod-active:not([data-windowed-list-index='{at}'])"
        self.page.locator(other).wait_for(state="attached", timeout=10_000)
        if "jp-CodeCell" in cell.get_attribute("class"):
            if cell.locator(".cm-content").inner_text().endswith("exercise()"):
                self.give_name()
            cell.locator(".jp-InputPrompt", has_text=re.compile(r"\[\d+\]")).wait_for(timeout=90_000)
        return cell

    def give_name(self) -> None:
        """Type a name where the exercise asks for it; then JupyterLab makes its cell the active one again."""
        asks = self.page.locator(f"{PANEL} .jp-Stdin-input")
        asks.wait_for(timeout=30_000)
        if not self.keys:
            asks.click()
        self.page.keyboard.type("kim")
        self.page.keyboard.press("Enter")

    def choose(self, cell: Any, text: str) -> None:
        """Choose an answer of a question, whose cell has just run."""
        if cell.get_by_text(f"You predict: {text}.").count():
            return  # a click made the question the active cell, so it has run again
        button = cell.get_by_role("button", name=text, exact=True)
        button.wait_for(timeout=20_000)
        if self.keys:
            self.tab_to(text, "Shift+Tab")
            self.page.keyboard.press("Enter")
        else:
            button.click()
        cell.get_by_text(f"You predict: {text}.").wait_for(timeout=10_000)
        if self.keys:
            self.page.keyboard.press("Escape")  # to the notebook, whose active cell is still the next one

    def work(self, chapter: str, until: str = "clean_up()") -> Any:
        """Go through the notebook that is open, to the cell whose code ends so; return it."""
        answers = {**right(chapter), **WRONG}
        while True:
            cell = self.run()
            editor = cell.locator(".cm-content")
            code = editor.inner_text().strip() if editor.count() else ""
            if asked := re.fullmatch(r'predict\("([\w-]+)"\)', code):
                self.choose(cell, answers[asked[1]])
            assert cell.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']").count() == 0
            if code.endswith(until):
                return cell

    def follow(self, words: str, name: str) -> None:
        """Follow a link of the active cell to another notebook."""
        self.save()
        if self.keys:
            self.tab_to(words)
            self.page.keyboard.press("Enter")
        else:
            self.page.locator(f"{PANEL} .jp-Cell.jp-mod-active").get_by_role("link", name=words).last.click()
        self.ready(name)

    def go_to(self, code: str) -> None:
        """Make the cell with this code active; with the keys, it is at most ten cells away."""
        cell = self.page.locator(f"{PANEL} .jp-CodeCell:has-text('{code}')").first
        if not self.keys:
            cell.locator(".jp-InputPrompt").click()
            return
        for key in ("ArrowUp", "ArrowDown"):
            for _ in range(10):
                if "jp-mod-active" in cell.get_attribute("class"):
                    return
                self.page.keyboard.press(key)
                self.page.wait_for_timeout(100)
        pytest.fail(f"{code!r} is not reached by arrows")

    def insert(self, code: str) -> Any:
        """Insert a cell with this code above the active one, run it, and return it."""
        if self.keys:
            self.page.keyboard.press("ArrowUp")
            self.page.keyboard.press("b")
            self.page.keyboard.press("Enter")
        else:
            at = int(self.page.locator(f"{PANEL} .jp-Cell.jp-mod-active").get_attribute("data-windowed-list-index"))
            self.learner.cell(at - 1).locator(".jp-InputPrompt").click()
            self.page.locator(f"{PANEL} [data-jp-item-name=insert]").click()
            self.page.locator(f"{PANEL} .jp-Cell.jp-mod-active .cm-content").click()
        self.page.keyboard.insert_text(code)
        return self.run()

    def rewrite(self, code: str) -> None:
        """Replace the code of the active cell."""
        if self.keys:
            self.page.keyboard.press("Enter")
        else:
            self.page.locator(f"{PANEL} .jp-Cell.jp-mod-active .cm-content").click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.insert_text(code)

    def save(self) -> None:
        """Save the notebook."""
        if self.keys:
            self.page.keyboard.press("Control+s")
        else:
            self.page.locator(f"{PANEL} [data-jp-item-name=save]").click()
        self.page.locator(".lm-TabBar-tab.lm-mod-current.jp-mod-dirty").wait_for(state="detached", timeout=20_000)

    def restart_kernel(self) -> None:
        """Restart the notebook's kernel."""
        if self.keys:
            self.page.keyboard.press("0")
            self.page.keyboard.press("0")
        else:
            self.page.locator(f"{PANEL} [data-jp-item-name=restart]").click()
        dialog = self.page.locator(".jp-Dialog")
        dialog.wait_for(timeout=10_000)
        if self.keys:
            self.page.keyboard.press("Enter")
        else:
            dialog.locator(".jp-mod-accept").click()
        dialog.wait_for(state="detached", timeout=20_000)
        self.page.get_by_text("| Idle").wait_for(timeout=60_000)


@pytest.fixture(params=["mouse", "keys"])
def hand(request: Any, running_lab: None, browser: Any, tmp_path: Path) -> Iterator[str]:
    """Give how the learner works."""
    clone = install(tmp_path)
    shutil.copy(ROOT / ".gitignore", clone)
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
        git(clone, *command)
    return request.param


def test_two_days_of_a_learner(hand: str, browser: Any, tmp_path: Path) -> None:
    with serving(browser, tmp_path) as learner:
        first_day(Hand(learner, hand == "keys"))
        # Without a terminal Ctrl-C is a KeyboardInterrupt, which is lost if a callback swallows it.
        learner.server.terminate()
        learner.server.wait(timeout=60)
    with serving(browser, tmp_path) as learner:
        second_day(Hand(learner, hand == "keys"))
        assert git(learner.clone, "status", "--porcelain") == ""


def first_day(hand: Hand) -> None:
    """Work through chapters 00 and 01, be wrong in each once, and restart a kernel."""
    page = hand.page
    hand.up()
    hand.work("00")
    assert page.locator(f"{PANEL}").get_by_text("You predicted: 8080. The lab shows: 80.").count() == 2
    hand.follow("01 docker0", "01_docker0.ipynb")
    hand.work("01")
    hand.learner.look("day-1")
    hand.save()
    hand.restart_kernel()
    hand.save()  # what is saved without its kernel must not lose what was saved before


def second_day(hand: Hand) -> None:
    """Find what was done, work through chapter 02, and solve its exercise."""
    page = hand.page
    hand.up()
    tabs = page.locator(".lm-DockPanel-tabBar .lm-TabBar-tabLabel")
    assert tabs.all_inner_texts() == ["00_start_here.ipynb", "01_docker0.ipynb"]
    panel = page.locator(f"{PANEL} .course-frame.course-live")
    panel.scroll_into_view_if_needed()
    assert "There is no container." in panel.locator(".course-twin").text_content(), "so chapter 01 left it"
    assert panel.get_by_text("Saved, as it was. Run the cell again to use it.").is_visible()
    hand.learner.look("day-2-panel")
    assert page.locator(PANEL).get_by_text("You predicted: 8080. The lab shows: 80.").count() == 2
    hand.follow("01 docker0", "01_docker0.ipynb")
    assert page.locator(PANEL).get_by_text(f"You predicted: {WRONG['docker-interfaces']}.").count() == 2
    hand.follow("02 publishing ports", "02_publishing_ports.ipynb")
    hand.work("02")
    hand.learner.look("day-2-chapter")
    hand.follow("02 publish three ways", "02_publish_three_ways.ipynb")
    solve(hand)
    hand.follow("Start here", "00_start_here.ipynb")
    done = hand.work("00", "progress()")
    hand.learner.look("day-2-progress")
    for line in (
        "00 start here (done) · 1 of 1 predicted: 0 right, 1 wrong",
        "01 docker0 (done) · 11 of 11 predicted: 10 ",
    ):
        assert line in done.inner_text()
    assert "02 publishing ports (done)" in done.inner_text()
    assert "The host needs a virtual cable to its own bridge." in done.inner_text()
    hand.save()


def solve(hand: Hand) -> None:
    """Look at exercise 02 without an answer, ask for a hint, and solve it."""
    values = dict(re.findall(r"^ *(\w+) +(.+)$", hand.work("02", "exercise()").inner_text(), re.MULTILINE))
    hand.go_to("%%answer")
    hand.rewrite("%%answer\n" + ANSWER.format_map(values).splitlines()[0])
    hand.run()
    assert "0/" in hand.work("02", "check()").inner_text()
    assert "hint: " in hand.insert("hint()").inner_text()
    hand.learner.look("day-2-hint")
    hand.go_to("%%answer")
    hand.rewrite("%%answer\n" + ANSWER.format_map(values))
    hand.run()
    points = hand.work("02", "check()").locator(".jp-OutputArea-executeResult").inner_text()
    assert points.endswith(str(load(ROOT / "exercises" / "02_publish_three_ways").points))
    hand.learner.look("day-2-exercise")
    hand.work("02")
