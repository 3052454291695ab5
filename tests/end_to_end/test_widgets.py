"""Test widgets in a real browser: with JupyterLab's keys and themes, and in a notebook that was saved and reopened."""

from __future__ import annotations

import json
import re
from typing import Any

import nbformat
import pytest

from tests.accessibility import faults
from tests.end_to_end.test_jupyter import Learner, learner  # noqa: F401 - a fixture
from tests.end_to_end.test_live_panel import write

pytestmark = [pytest.mark.live, pytest.mark.slow]

CELLS = (
    "%load_ext course_lib\nfrom course_lib import begin, journey, live, predict\nbegin()",
    "live()",
    "%%host\ndocker run -d --name web -p 80:80 nginx >/dev/null\n"
    "until curl -sf -o /dev/null http://172.17.0.2/; do sleep 0.1; done",
    "predict('answer-back')",
    "way = journey('client', 'http://203.0.113.10/')\nway",
    "print('run')",
)
PANEL, PREDICTION, JOURNEY = 1, 3, 4
PREDICTED = "You predict: Connection tracking, without a rule."
PLACE = """() => [document.querySelectorAll('.jp-Notebook .jp-Cell').length,
  Number(document.querySelector('.jp-Notebook .jp-Cell.jp-mod-active').dataset.windowedListIndex)]"""
IN_CELL = "document.activeElement.matches('.jp-Notebook .jp-Cell.jp-mod-active')"
# The least contrast (WCAG 2.2, 1.4.3) of the words of a picture's controls with what is behind them.
CONTRAST = """() => {
  const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const clear = colour => numbers(colour)[3] === 0;
  const contrasts = [];
  const words = '.course-frame :is(button:enabled, select, label, summary, [role=status])';
  for (const each of document.querySelectorAll(words))
    {
      const style = getComputedStyle(each);
      let behind = style.backgroundColor;
      for (let e = each; clear(behind); e = e.parentElement) behind = getComputedStyle(e).backgroundColor;
      const [more, less] = [light(numbers(style.color)), light(numbers(behind))].sort((a, b) => b - a);
      contrasts.push((more + 0.05) / (less + 0.05));
    }
  return Math.min(...contrasts);
}"""


@pytest.fixture(scope="module")
def page(learner: Learner) -> Any:  # noqa: F811
    """Give a notebook with a panel, a prediction and a journey, all run."""
    write(learner, "widgets.ipynb", CELLS)
    learner.open("widgets.ipynb")
    learner.page.set_viewport_size({"width": 1366, "height": 1500})
    for number in range(JOURNEY + 1):
        learner.run_cell(number)
        learner.cell(number).locator(".jp-InputPrompt", has_text=f"[{number + 1}]").wait_for(timeout=60_000)
    learner.cell(JOURNEY).locator(".course-picture svg").wait_for(timeout=30_000)
    return learner.page


def server(learner: Learner, method: str, path: str, **more: Any) -> Any:  # noqa: F811
    """Ask the Jupyter server; return the answer."""
    base, _, token = learner.address.partition("/lab/tree/")
    key = re.search(r"token=\w+", token)
    assert key
    answer = learner.page.request.fetch(f"{base}{path}?{key[0]}", method=method, **more)
    assert answer.ok, answer.text()
    return answer


def save(learner: Learner) -> Any:  # noqa: F811
    """Press Ctrl+S where the focus is; return the notebook when it is saved."""
    path = learner.clone / "my-course" / "widgets.ipynb"
    before = path.stat().st_mtime_ns
    learner.page.keyboard.press("Control+s")
    for _ in range(100):
        if path.stat().st_mtime_ns != before:
            break
        learner.page.wait_for_timeout(100)
    else:
        pytest.fail("it was not saved")
    learner.page.wait_for_timeout(500)  # written to its end
    return nbformat.read(path, as_version=4)


def open_again(learner: Learner) -> None:  # noqa: F811
    """Load the page anew, with what is saved."""
    learner.page.goto(learner.address.replace("00_start_here.ipynb", "widgets.ipynb"), wait_until="domcontentloaded")
    learner.page.locator(".course-picture svg").first.wait_for(timeout=60_000)
    learner.page.get_by_text("| Idle").wait_for(timeout=30_000)


def test_what_is_typed_into_a_control_is_no_command(learner: Learner, page: Any) -> None:  # noqa: F811
    panel = learner.cell(PANEL)
    parts, networks = panel.get_by_label("Part", exact=True), panel.get_by_label("Show", exact=True)
    parts.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert parts.evaluate("list => list.selectedIndex") == 2
    page.keyboard.press("Escape")
    picture = panel.locator(".course-picture")
    for control in (
        parts,
        networks,
        panel.get_by_label("Rules"),
        picture,
        panel.locator("[data-part^='bridge/']").first,
    ):
        control.focus()
        page.keyboard.type("abddxoz")
        page.wait_for_timeout(1200)  # JupyterLab waits for a second key for so long
        assert page.evaluate(PLACE) == [len(CELLS), PANEL]
    page.keyboard.press("Escape")
    way = learner.cell(JOURNEY).locator(".course-frame")
    way.get_by_role("button", name="Back", exact=True).click()
    page.keyboard.type("bdd")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    page.wait_for_timeout(1200)
    assert page.evaluate(PLACE) == [len(CELLS), JOURNEY]


def test_escape_leads_from_each_control_to_its_cell(learner: Learner, page: Any) -> None:  # noqa: F811
    panel, way = learner.cell(PANEL), learner.cell(JOURNEY).locator(".course-frame")
    for control in (
        panel.get_by_label("Part", exact=True),
        panel.get_by_label("Rules"),
        panel.locator(".course-picture"),
        panel.locator("[data-part='bridge/docker0']").first,
        panel.get_by_role("button", name="Live", exact=True),
        learner.cell(PREDICTION).get_by_role("button", name="A rule of"),
        way.get_by_role("button", name="Play", exact=True),
        way.get_by_role("slider"),
    ):
        control.focus()
        assert not page.evaluate(IN_CELL)
        page.keyboard.press("Escape")
        page.wait_for_function(IN_CELL, timeout=5000)
    page.keyboard.press("ArrowUp")  # there the notebook's keys work again
    page.wait_for_function("document.querySelector('.jp-Cell.jp-mod-active').dataset.windowedListIndex === '3'")


def test_a_prediction_is_made_by_keyboard_and_keeps_the_focus(learner: Learner, page: Any) -> None:  # noqa: F811
    area = learner.cell(PREDICTION)
    area.locator(".course-choice").first.focus()
    for _ in range(3):
        if page.evaluate("document.activeElement.textContent") == "Connection tracking, without a rule":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    area.get_by_text(PREDICTED).wait_for(timeout=5000)
    assert page.evaluate("document.activeElement.textContent") == "Connection tracking, without a rule"


def test_after_a_click_on_play_a_cell_runs_and_the_notebook_is_saved(learner: Learner, page: Any) -> None:  # noqa: F811
    way = learner.cell(JOURNEY).locator(".course-frame")
    way.get_by_role("button", name="Play", exact=True).click()
    saved = save(learner)
    assert "widgets" in saved.metadata
    page.keyboard.press("Shift+Enter")
    learner.cell(JOURNEY).locator(".jp-InputPrompt", has_text=f"[{JOURNEY + 2}]").wait_for(timeout=30_000)
    learner.cell(JOURNEY).locator(".course-picture svg").wait_for(timeout=30_000)
    save(learner)


THEMES = ("JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast")  # all that JupyterLab brings


@pytest.mark.parametrize("theme", THEMES)
def test_the_words_of_a_journey_can_be_read(learner: Learner, page: Any, theme: str) -> None:  # noqa: F811
    settings = "/lab/api/settings/@jupyterlab/apputils-extension:themes"
    server(learner, "PUT", settings, data=json.dumps({"raw": json.dumps({"theme": theme})}))
    open_again(learner)
    page.wait_for_function(f"document.body.dataset.jpThemeName === '{theme}'", timeout=20_000)
    learner.cell(JOURNEY).get_by_role("button", name="Back", exact=True).click()
    for width in (800, 1600):
        page.set_viewport_size({"width": width, "height": 1400})
        learner.cell(JOURNEY).locator(".course-frame").scroll_into_view_if_needed()
        learner.look(f"widgets-{theme.replace(' ', '-')}-{width}")
    assert page.evaluate(CONTRAST) >= 4.5
    assert faults(page) == []


def test_the_day_after_all_is_shown_as_it_was(learner: Learner, page: Any) -> None:  # noqa: F811
    page.set_viewport_size({"width": 1366, "height": 1500})
    for day in ("next", "third"):  # what is saved on a day without its kernel is there on the day after, too
        page.goto("about:blank")
        for session in server(learner, "GET", "/api/sessions").json():
            server(learner, "DELETE", f"/api/sessions/{session['id']}")
        open_again(learner)
        page.wait_for_timeout(1000)
        learner.look(f"widgets-{day}-day")
        assert page.get_by_text("model not found").count() == 0
        panel = learner.cell(PANEL)
        assert "web: nginx" in panel.locator(".course-live .course-twin").text_content()
        assert panel.get_by_text("Saved, as it was. Run the cell again to use it.").is_visible()
        assert panel.get_by_role("button", name="Send", exact=True).is_hidden(), "nobody would do it"
        panel.locator("[data-part='container/web'][role=button]").click()
        panel.locator(".course-why", has_text="docker inspect web: .HostConfig.NetworkMode").wait_for(timeout=5000)
        page.keyboard.press("Escape")
        learner.cell(PREDICTION).get_by_text(PREDICTED).wait_for(timeout=5000)
        way = learner.cell(JOURNEY).locator(".course-frame")
        way.get_by_role("button", name="Play", exact=True).click()
        way.get_by_text("Step 2: ").wait_for(timeout=10_000)
        learner.run_cell(len(CELLS) - 1).get_by_text("run").wait_for(timeout=10_000)
        save(learner)
