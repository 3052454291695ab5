"""Test pictures whose parts can be chosen in a real browser, on a page of their own, in each theme."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any

import nbformat
import pytest
from nbconvert import HTMLExporter

from course_lib.lab.lifecycle import Lab
from course_lib.notebook import frame, panel
from course_lib.notebook.frame import Frame, still
from course_lib.notebook.pictures import Picture
from course_lib.packet_path import overlay
from tests.notebook.page import shown, widget_of
from tests.packet_path.test_reconstruct import recorded_path
from tests.pictures import SCENES

# By the contrast of each text and each edge of the picture, the least one with what it is; see CONTRAST below.
MEASURE = """() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgb = colour => {
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const light = colour => [...rgb(colour)].slice(0, 3).map(c => c / 255)
    .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const contrast = (one, other) => {
    const [more, less] = [light(one), light(other)].sort((x, y) => y - x);
    return (more + 0.05) / (less + 0.05);
  };
  const all = [...document.querySelectorAll('.course-picture :is(rect, text)')]
    .filter(e => getComputedStyle(e).visibility === 'visible' && getComputedStyle(e).fill !== 'rgba(0, 0, 0, 0)');
  const rects = all.map((e, i) => [e, i]).filter(([e]) => e.tagName === 'rect');
  const behind = (x, y, before) => rects.filter(([e, i]) => {
    const b = e.getBoundingClientRect();
    return i < before && b.left <= x && x <= b.right && b.top <= y && y <= b.bottom;
  }).map(([e]) => getComputedStyle(e).fill).at(-1);
  const found = {text: [99, ''], edge: [99, '']};
  const note = (kind, value, what) => { if (value < found[kind][0]) found[kind] = [value, what]; };
  all.forEach((e, i) => {
    const style = getComputedStyle(e), b = e.getBoundingClientRect();
    if (e.tagName === 'text')
      note('text', contrast(style.fill, behind(b.x + b.width / 2, b.y + b.height / 2, i)), e.textContent);
    else if (i && !e.closest('[data-part^="ground/"]')) {  // which has no edge
      const around = behind(b.x - 3, b.y + b.height / 2, i) ?? style.fill;
      note('edge', Math.max(contrast(style.stroke, style.fill), contrast(style.stroke, around)), e.outerHTML);
    }
  });
  const frame = getComputedStyle(document.querySelector('.course-frame'));
  note('text', contrast(frame.color, frame.backgroundColor), 'the words of the controls');
  return found;
}"""
# The width of a picture and of its place, and the size of its smallest words, in pixels of the screen.
SIZE = """() => {
  const place = document.querySelector('.course-picture'), svg = place.querySelector('svg');
  const drawn = svg.getBoundingClientRect().width, scale = drawn / svg.viewBox.baseVal.width;
  const sizes = [...svg.querySelectorAll('text')].map(text => scale * parseFloat(text.getAttribute('font-size')));
  return {drawn, room: place.clientWidth, scrolls: place.scrollWidth, smallest: Math.min(...sizes)};
}"""
THEMES = {
    "light": {"theme": "light"},
    "dark": {"theme": "dark"},
    "dark without JupyterLab": {"color_scheme": "dark"},
    "forced": {"forced_colors": "active"},
    "forced dark": {"forced_colors": "active", "color_scheme": "dark"},
    "print": {"media": "print", "theme": "dark"},
}
SHOWN = ("example", "warned", "modes", "many_24", "crowd", "stopped")


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """Give an empty page."""
    made = browser.new_page(viewport={"width": 1366, "height": 900})
    failed: list[str] = []
    made.on("pageerror", lambda error: failed.append(str(error)))
    yield made
    made.close()
    assert failed == []


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Frame]:
    """Return a function that gives the widget of a live panel which shows a scene and follows nothing."""
    monkeypatch.setattr(panel, "Watcher", lambda *_: None)
    return lambda name: widget_of(panel.Panel(Lab("course"), SCENES[name]()))


def journey() -> Frame:
    """Return the widget of a recorded journey."""
    path = recorded_path("26.1", "published")

    def draw(room: float) -> dict[str, Any]:
        ground = overlay.ground(path, room)
        steps = overlay.steps(ground, path)
        return still(overlay.over(ground, path), path.network, alt="A journey.", words="", steps=steps)

    return Frame(draw)


@pytest.mark.parametrize("theme", THEMES)
def test_words_and_lines_can_be_seen_in_each_theme(page: Any, live: Callable[[str], Frame], theme: str) -> None:
    wanted = dict(THEMES[theme])
    name = wanted.pop("theme", "")
    page.emulate_media(**wanted)
    for widget in (*map(live, SHOWN), journey()):
        found = shown(page, widget, name).evaluate(MEASURE)
        assert found["text"][0] >= 4.5, found["text"]
        assert found["edge"][0] >= 3, found["edge"]


def test_choosing_marks_what_belongs_and_escape_clears(page: Any, live: Callable[[str], Frame]) -> None:
    shown(page, live("example"))
    page.locator("[data-part='port/web/80/tcp'][role=button]").click()
    assert page.locator(".course-why").inner_text().startswith("published port 80/tcp of web")
    belongs = page.locator(".course-belongs").evaluate_all("all => all.map(each => each.dataset.part)")
    assert sorted(belongs) == [
        "container/web",
        "rule/ip/filter/DOCKER/1",
        "rule/ip/nat/DOCKER/3",
        "rule/ip/nat/POSTROUTING/3",
    ]
    page.keyboard.press("Escape")
    assert page.locator(".course-belongs, .course-hit, .course-why:visible").count() == 0


def test_no_key_reaches_the_page_but_those_that_are_meant_for_it(page: Any, live: Callable[[str], Frame]) -> None:
    shown(page, live("example"))
    page.evaluate("window.keys = []; document.addEventListener('keydown', e => window.keys.push(e.key)); 0")
    for selector in (".course-picture", "[data-part='container/web']", ".course-button", "input[type=text]"):
        page.locator(f"{selector}:visible").first.focus()
        for key in ("b", "d", "d", "ArrowDown", "x", "0", "+"):
            page.keyboard.press(key)
    assert page.evaluate("window.keys") == []
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Control+s")
    page.keyboard.press("Escape")
    assert page.evaluate("window.keys") == ["Enter", "Control", "s", "Escape"]


def test_the_focus_stays_when_the_picture_changes(page: Any, live: Callable[[str], Frame]) -> None:
    shown(page, live("example"))
    page.locator("[data-part='container/c1'][role=button]").focus()
    page.evaluate("state => model.set('shown', state)", live("stopped").shown)
    assert page.evaluate("document.activeElement.dataset.part") == "container/c1"
    page.evaluate("state => model.set('shown', state)", live("first_day").shown)  # c1 is gone
    assert page.evaluate("document.activeElement.className") == "course-picture"


def test_two_fingers_zoom(page: Any, live: Callable[[str], Frame]) -> None:
    shown(page, live("example"))
    width = "document.querySelector('.course-picture svg').getBoundingClientRect().width"
    before = page.evaluate(width)
    page.evaluate("""() => {
      const picture = document.querySelector('.course-picture');
      const at = (type, id, x) => picture.dispatchEvent(
        new PointerEvent(type, {pointerId: id, pointerType: 'touch', clientX: x, clientY: 300, bubbles: true}));
      at('pointerdown', 1, 400); at('pointerdown', 2, 500);
      at('pointermove', 2, 520); at('pointermove', 2, 720);
      at('pointerup', 1, 400); at('pointerup', 2, 720);
    }""")
    assert page.evaluate(width) > 2 * before


def test_a_picture_is_asked_for_the_room_that_there_is(page: Any, live: Callable[[str], Frame]) -> None:
    for width, room in ((700, 680), (1000, 980), (2000, 1160)):
        page.set_viewport_size({"width": width, "height": 900})
        shown(page, live("example"))
        page.wait_for_function("window.asked.length === 1")
        assert page.evaluate("window.asked") == [{"do": "view", "room": room}]


def test_a_picture_shows_its_whole_width_and_words_of_9_pixels(page: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until somebody zooms: `look()` and journeys at three widths of a cell, drawn for each as Python is asked."""
    monkeypatch.setattr(frame, "room", [])
    picture = Picture(SCENES["two_networks"]())
    for width in (608, 700, 1100):
        page.set_viewport_size({"width": width, "height": 900})
        for widget in (Frame(picture.shown), journey()):
            shown(page, widget)
            page.wait_for_function("window.asked.length === 1")
            widget._asked(None, page.evaluate("window.asked[0]"), None)
            page.evaluate("state => model.set('shown', state)", widget.shown)
            size = page.evaluate(SIZE)
            assert size["scrolls"] <= size["room"]
            assert size["drawn"] > size["room"] - 20
            assert size["smallest"] >= 9


def test_what_is_asked_of_python(page: Any, live: Callable[[str], Frame]) -> None:
    shown(page, live("example"))
    page.evaluate("window.asked.length = 0")
    page.get_by_role("checkbox", name="Rules").uncheck()
    page.get_by_role("button", name="Live", exact=True).click()
    page.get_by_label("to", exact=True).select_option("web")
    assert page.get_by_label("port", exact=True).input_value() == "80/tcp"
    page.get_by_role("button", name="Send", exact=True).click()
    assert page.evaluate("window.asked") == [
        {"do": "view", "rules": False},
        {"do": "view", "paused": True, "back": 0},
        {"do": "send", "origin": "client", "target": "web", "port": "80/tcp"},
    ]


@pytest.mark.parametrize(
    ("origin", "target", "port", "expected"),
    [
        ("client", "host", "80/tcp", "http://203.0.113.10:80/"),
        ("host", "host", "80", "http://127.0.0.1:80/"),
        ("c1", "web", "80", "http://172.17.0.2:80/"),
        ("c1", "c2", "", "ping://192.168.100.100"),
        ("host", "c1", "3306", "tcp://172.17.0.3:3306"),
        ("c1", "client", "53/udp", "udp://203.0.113.20:53"),
    ],
)
def test_what_is_sent(origin: str, target: str, port: str, expected: str) -> None:
    assert panel.address(SCENES["example"](), origin, target, port) == expected


@pytest.mark.parametrize(("target", "port"), [("web", "0"), ("web", "x"), ("web", "65536"), ("nobody", "80")])
def test_what_cannot_be_sent_is_said(target: str, port: str) -> None:
    with pytest.raises(panel.CourseError, match=r"is no port|has no address"):
        panel.address(SCENES["example"](), "client", target, port)


def test_nbconvert_takes_alternative_text_and_width_of_a_picture_from_its_metadata() -> None:
    """Its template "lab" takes the width alone, see `frame.about`."""
    data, metadata = Picture(SCENES["example"]())._repr_mimebundle_()
    png = {"image/png": b64encode(data["image/png"]).decode()}
    output = nbformat.v4.new_output("display_data", png, metadata={"image/png": metadata["image/png"]})
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("look()", outputs=[output])])
    html, _ = HTMLExporter(template_name="classic").from_notebook_node(notebook)
    image = re.search(r"<img[^>]*>", html)
    assert image
    assert f'alt="{metadata["image/png"]["alt"]}"' in unescape(image[0])
    assert 'width="736"' in image[0]
