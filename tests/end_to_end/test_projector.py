"""Test the projector mode: one step at a time, in large type, the live picture in view, by keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from course_lib.notebook import current
from tests.accessibility import faults
from tests.end_to_end.test_jupyter import Learner, learning
from tests.end_to_end.test_live_panel import write

pytestmark = [pytest.mark.live, pytest.mark.slow]
SHOWN = ".jp-Notebook .jp-Cell:visible"
STEP = ".jp-Notebook .jp-Cell.jp-mod-active"
JUST_RUN = ".jp-Notebook .jp-CodeCell:has(+ .jp-mod-active):not(:has(.course-live))"
LIVE = ".jp-Notebook .jp-Cell-outputWrapper:has(.course-live)"


@pytest.fixture(scope="module")
def room(running_lab: None, browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Learner]:
    """Give the first chapter on a projector, after its first cell."""
    with learning(browser, tmp_path_factory.mktemp("room"), "--projector") as one:
        one.page.set_viewport_size({"width": 1600, "height": 900})
        begun = "%load_ext course_lib\nfrom course_lib import begin, live\nbegin()"
        write(one, "live-twice.ipynb", (begun, "live()", "print('after')"))
        one.open("01_docker0.ipynb")
        for _ in range(20):  # down to the first code cell, and run it
            if "begin()" in one.page.locator(STEP).inner_text():
                break
            one.page.keyboard.press("ArrowDown")
        one.page.keyboard.press("Shift+Enter")
        one.page.locator(".course-live svg").wait_for(timeout=30_000)
        yield one


def size(page: Any, selector: str) -> float:
    """Return the size of the type of the first thing that is shown, in pixels."""
    return float(page.locator(selector).first.evaluate("e => parseFloat(getComputedStyle(e).fontSize)"))


def apart(page: Any) -> bool:
    """Tell whether the step and the live picture cover nothing of each other."""
    one, other = (page.locator(selector).first.bounding_box() for selector in (STEP, LIVE))
    return bool(
        one["x"] + one["width"] <= other["x"] + 1
        or one["y"] + one["height"] <= other["y"] + 1
        or other["y"] + other["height"] <= one["y"]
    )


def test_one_step_and_the_live_picture_are_in_view(room: Learner) -> None:
    room.look("1-step")
    assert room.page.locator(SHOWN).count() == 2
    assert room.page.locator(f"{LIVE} svg").first.is_visible()
    assert apart(room.page)
    assert size(room.page, f"{STEP} p") >= 24
    assert faults(room.page) == []


def test_the_keys_lead_from_step_to_step_and_the_picture_follows(room: Learner) -> None:
    page = room.page
    for _ in range(60):
        step = page.locator(STEP).inner_text()
        assert page.locator(SHOWN).count() == 2 + page.locator(JUST_RUN).count()
        if "docker run -d -it --name c1" in step:
            break
        page.keyboard.press("ArrowDown")
    assert size(page, f"{STEP} .cm-content") >= 22
    page.keyboard.press("Shift+Enter")
    page.locator(".course-live svg text", has_text="c1").first.wait_for(timeout=20_000)
    result = page.locator(f"{JUST_RUN} .jp-Cell-outputArea", has_text="master docker0")
    result.wait_for(timeout=20_000)  # the next cell is the step now, and the room sees what came out
    page.wait_for_timeout(1000)
    assert result.bounding_box()["y"] >= page.locator(".jp-Notebook").first.bounding_box()["y"]
    assert apart(page)
    room.look("2-run")
    assert current.host("docker ps --format '{{.Names}}'").split() == ["c1"]


def test_a_click_on_the_live_picture_keeps_the_place(room: Learner) -> None:
    page = room.page
    place = page.locator(STEP).get_attribute("data-windowed-list-index")
    page.locator(LIVE).get_by_role("button", name="Back", exact=True).click()
    page.locator(LIVE).get_by_text("1 before the newest state.").wait_for(timeout=5000)
    assert page.locator(STEP).get_attribute("data-windowed-list-index") == place
    page.keyboard.press("Escape")
    page.wait_for_timeout(300)
    page.keyboard.press("ArrowDown")
    page.locator(f"{STEP}[data-windowed-list-index='{int(place) + 1}']").wait_for(timeout=5000)
    assert apart(page)
    room.look("2-clicked")
    page.locator(LIVE).get_by_role("button", name="Forward", exact=True).click()
    page.keyboard.press("Escape")


def test_of_two_live_pictures_the_one_that_follows_is_beside_the_steps(room: Learner) -> None:
    page = room.page
    room.open("live-twice.ipynb")
    page.locator(STEP).wait_for(timeout=10_000)
    page.keyboard.press("Shift+Enter")
    page.locator(LIVE).wait_for(timeout=30_000)
    page.get_by_text("| Idle").wait_for(timeout=30_000)
    page.keyboard.press("Shift+Enter")
    page.locator(".course-closed").first.wait_for(state="attached", timeout=20_000)
    page.get_by_text("| Idle").wait_for(timeout=30_000)
    fixed = "e => getComputedStyle(e).position === 'fixed'"
    assert [each.evaluate(fixed) for each in page.locator(LIVE).all()] == [False, True]
    assert page.locator(f"{LIVE}:visible").count() == 1
    room.look("2-twice")
    page.keyboard.press("ArrowUp")  # the step is the cell with the picture: it shows what it ran
    assert page.locator(f"{STEP} .cm-content", has_text="live()").is_visible()


def test_on_a_narrow_screen_the_picture_is_below(room: Learner) -> None:
    room.page.set_viewport_size({"width": 800, "height": 900})
    room.page.wait_for_timeout(500)
    assert apart(room.page)
    assert room.page.evaluate("document.documentElement.scrollWidth") <= 800
    room.look("3-narrow")
