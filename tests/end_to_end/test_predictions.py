"""Test predictions in chapter 01 of a working copy, in JupyterLab in a real browser."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.accessibility import faults
from tests.end_to_end.test_jupyter import Learner, learner  # noqa: F401 - a fixture
from tests.end_to_end.test_live_panel import write
from tests.end_to_end.test_widgets import THEMES, server

pytestmark = [pytest.mark.live, pytest.mark.slow]

BEGIN, ASKED, DECIDING = 4, 6, 7  # cells of the copy, which begins with one of links
WRONG = "Four: lo, eth0, docker0 and a cable to docker0"
RIGHT = "Three: lo, eth0 and docker0"
VERDICT = f"You predicted: {WRONG}. The lab shows: {RIGHT}."
# The least contrast (WCAG 2.2, 1.4.3) of a prediction's words, and the least height of a choice in pixels.
MEASURED = """() => {
  const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const seen = each => {
    const style = getComputedStyle(each);
    let behind = style.backgroundColor;
    for (let e = each; numbers(behind)[3] === 0; e = e.parentElement) behind = getComputedStyle(e).backgroundColor;
    const [more, less] = [light(numbers(style.color)), light(numbers(behind))].sort((a, b) => b - a);
    return (more + 0.05) / (less + 0.05);
  };
  const choices = [...document.querySelectorAll('.course-choice')];
  const words = [...document.querySelectorAll('.course-verdict p, .course-verdict pre, .course-said')];
  return [Math.min(...[...choices, ...words].map(seen)), Math.min(...choices.map(c => c.clientHeight))];
}"""


@pytest.fixture(scope="module")
def page(learner: Learner) -> Any:  # noqa: F811
    """Give chapter 01 with its first question asked."""
    learner.open("01_docker0.ipynb")
    learner.page.set_viewport_size({"width": 1366, "height": 1400})
    learner.run_cell(BEGIN).get_by_text("The lab has been reset.").wait_for(timeout=60_000)
    learner.run_cell(ASKED).get_by_text("How many network interfaces").wait_for(timeout=30_000)
    return learner.page


def kept(learner: Learner) -> Any:  # noqa: F811
    return json.loads((learner.clone / "my-course" / "predictions.json").read_text())["predictions"]


def tab_to(page: Any, text: str) -> None:
    """Press Tab until the control with this text has the focus."""
    for _ in range(5):
        if page.evaluate("document.activeElement.textContent") == text:
            return
        page.keyboard.press("Tab")
    pytest.fail(f"Tab does not lead to {text!r}")


def test_a_question_does_not_give_its_answer_away(learner: Learner, page: Any) -> None:  # noqa: F811
    area = learner.cell(ASKED)
    assert "The lab shows" not in area.inner_text()
    assert area.locator(".cm-content").inner_text() == 'predict("docker-interfaces")'
    learner.look("prediction-asked")


def test_a_choice_is_made_by_keyboard_and_can_be_changed(learner: Learner, page: Any) -> None:  # noqa: F811
    area = learner.cell(ASKED)
    status = area.get_by_role("status").element_handle()
    for text, key in ((RIGHT, "Space"), (WRONG, "Enter")):
        area.locator(".course-choice").first.focus()
        tab_to(page, text)
        page.keyboard.press(key)
        area.get_by_text(f"You predict: {text}.").wait_for(timeout=10_000)
        assert page.evaluate("document.activeElement.textContent") == text
        assert area.get_by_role("button", pressed=True).all_text_contents() == [text]
    assert area.get_by_role("group", name="Predict. No container").get_by_role("button").count() == 3
    # A screen reader says what changes in a live region that was there before.
    assert status.evaluate("each => each.isConnected && each.textContent").startswith("You predict: ")
    assert kept(learner)["docker-interfaces"]["happened"] == ""


def test_the_deciding_cell_shows_the_outcome_in_both_places(learner: Learner, page: Any) -> None:  # noqa: F811
    area = learner.run_cell(DECIDING)
    area.get_by_text(VERDICT).wait_for(timeout=20_000)
    question = learner.cell(ASKED)
    question.get_by_text(VERDICT).wait_for(timeout=10_000)
    assert "3: docker0:" in question.locator(".course-verdict pre").inner_text()
    assert question.get_by_role("button", name=RIGHT).is_disabled()
    assert kept(learner)["docker-interfaces"]["happened"] == RIGHT
    learner.look("prediction-decided")
    # It cannot be changed any more, nor by running the cell again.
    question.get_by_role("button", name=RIGHT).click(force=True)
    learner.run_cell(ASKED).get_by_text(VERDICT).wait_for(timeout=10_000)
    assert question.get_by_role("button", name=RIGHT).is_disabled()
    assert kept(learner)["docker-interfaces"]["chosen"] == WRONG


@pytest.mark.parametrize("theme", THEMES)
def test_all_of_it_can_be_read(learner: Learner, page: Any, theme: str) -> None:  # noqa: F811
    page.keyboard.press("Control+s")
    page.wait_for_timeout(1500)
    settings = "/lab/api/settings/@jupyterlab/apputils-extension:themes"
    server(learner, "PUT", settings, data=json.dumps({"raw": json.dumps({"theme": theme})}))
    page.goto(learner.address.replace("00_start_here.ipynb", "01_docker0.ipynb"), wait_until="domcontentloaded")
    page.wait_for_function(f"document.body.dataset.jpThemeName === '{theme}'", timeout=30_000)
    learner.cell(ASKED).locator(".course-choice").first.wait_for(timeout=60_000)
    for width in (800, 1600):
        page.set_viewport_size({"width": width, "height": 1400})
        learner.cell(ASKED).scroll_into_view_if_needed()
        learner.look(f"prediction-{theme.replace(' ', '-')}-{width}")
        contrast, height = page.evaluate(MEASURED)
        assert contrast >= 4.5
        assert height >= 24
    assert faults(page) == []


def test_begin_opens_the_questions_again_and_progress_remembers(learner: Learner, page: Any) -> None:  # noqa: F811
    learner.run_cell(BEGIN).get_by_text("The lab has been reset.").wait_for(timeout=60_000)
    area = learner.run_cell(ASKED)
    area.get_by_text("Choose. A cell below shows what happens.").wait_for(timeout=10_000)
    assert area.get_by_role("button", name=RIGHT).is_enabled()
    write(learner, "progress.ipynb", ("from course_lib import progress\nprogress()",))
    learner.open("progress.ipynb")
    area = learner.run_cell(0)
    area.get_by_text("1 of 11 predicted: 0 right, 1 wrong").wait_for(timeout=20_000)
    assert faults(page, ".course-progress") == []
    learner.look("prediction-progress")
    area.get_by_role("link", name="01 docker0, A Docker host without a container").click()
    page.get_by_role("tab", name="01_docker0.ipynb").wait_for(timeout=10_000)
    page.locator(".jp-NotebookPanel:visible h2", has_text="A Docker host without a container").wait_for(timeout=10_000)
    learner.look("prediction-link")
