"""Test the live panel in JupyterLab, in a real browser, next to a terminal that starts and stops containers."""

from __future__ import annotations

import contextlib
import re
import statistics
import time
from typing import Any

import nbformat
import pytest

from course_lib.notebook import current
from tests.conftest import ROOT
from tests.end_to_end.test_jupyter import Learner, learner  # noqa: F401 - a fixture
from tests.worker import lab

pytestmark = pytest.mark.live

CELLS = (
    "%load_ext course_lib\nfrom course_lib import begin, live, predict\nbegin()",
    "panel = live()\npanel",
    "%%host --changes\ndocker run -d -it --name c1 busybox >/dev/null",
    "%%host\nsleep 6",
    "predict('name-on-docker0')",
    "panel.close()\nimport threading\n"
    "names = [t.name for t in threading.enumerate()]\nprint('threads:', [n for n in names if 'course-watch' in n])",
)
# The first moment when the words under a live picture fit a pattern, in milliseconds since 1970.
SEEN = """([pattern, timeout]) => new Promise((resolve, reject) => {
  const words = () => [...document.querySelectorAll('.course-live .course-twin')].map(d => d.textContent);
  const fits = () => words().some(text => new RegExp(pattern).test(text));
  const now = () => performance.timeOrigin + performance.now();
  const done = () => requestAnimationFrame(() => { watch.disconnect(); resolve(now()) });
  const watch = new MutationObserver(() => { if (fits()) done(); });
  watch.observe(document.body, {childList: true, subtree: true, characterData: true});
  if (fits()) done();
  setTimeout(() => { watch.disconnect(); reject(new Error(pattern + ' was not seen')); }, timeout);
})"""


def write(learner: Learner, name: str, cells: tuple[str, ...]) -> None:  # noqa: F811
    scratch = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    scratch.metadata.kernelspec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nbformat.write(scratch, learner.clone / "my-course" / name)


def seen(page: Any, pattern: str, seconds: float = 3) -> float:
    """Wait until the panel's words fit a pattern; return when they did, in seconds since 1970."""
    return float(page.evaluate(SEEN, [pattern, seconds * 1000])) / 1000


# How large the smallest text of each picture is, in pixels of the screen.
SMALLEST = """() => [...document.querySelectorAll('.course-picture svg')].filter(svg => svg.clientWidth)
  .map(svg => Math.min(...[...svg.querySelectorAll('text')].map(text => parseFloat(text.getAttribute('font-size'))))
    * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width)"""
READABLE = 8.95  # pixels of the screen
PARTS = (".course-picture", ".course-button", ".course-frame select", ".course-frame input", "[role=status]")
# The controls that are smaller than WCAG 2.2 allows (2.5.8), each with its size.
SMALL = """() => [...document.querySelectorAll('.course-frame :is(button, select, input, summary)')]
  .filter(each => each.checkVisibility()).map(each => each.matches('[type=checkbox]') ? each.parentElement : each)
  .filter(each => Math.min(each.getBoundingClientRect().width, each.getBoundingClientRect().height) < 24)
  .map(each => each.outerHTML)"""


def look(learner: Learner, name: str, width: int = 1366, what: str = ".course-live") -> None:  # noqa: F811
    """Take a picture of it; hold that no control is cut off or too small, and that texts can be read as they are."""
    page = learner.page
    page.set_viewport_size({"width": width, "height": 1400 if width < 1000 else 1500})
    shown = page.locator(f"{what}:visible").last
    side = page.get_by_role("tab", name="File Browser").first
    if width < 1000 and side.get_attribute("aria-selected") == "true":
        side.click()  # who has little room closes it
    page.wait_for_timeout(1500)  # what appears has appeared
    shown.scroll_into_view_if_needed()
    learner.look(name)
    frame = page.locator(".jp-NotebookPanel:visible .jp-OutputArea-output:has(svg)").first.bounding_box()
    for part in PARTS:
        for each in page.locator(f".jp-NotebookPanel:visible {part}").all():
            if box := each.bounding_box():
                assert box["x"] + box["width"] <= frame["x"] + frame["width"] + 1, f"{part} is cut off at {width}"
    smallest = page.evaluate(SMALLEST)
    assert smallest
    assert min(smallest) >= READABLE, f"a text cannot be read at {width}: {smallest}"
    assert page.evaluate(SMALL) == []


@pytest.fixture(scope="module")
def page(learner: Learner) -> Any:  # noqa: F811
    write(learner, "live.ipynb", CELLS)
    learner.open("live.ipynb")
    learner.page.set_viewport_size({"width": 1366, "height": 1500})
    learner.run_cell(0).get_by_text("has been reset").wait_for(timeout=30_000)
    learner.run_cell(1).locator(".course-live svg").wait_for(timeout=20_000)
    return learner.page


def test_it_follows_a_cell_and_the_cell_says_what_it_changed(learner: Learner, page: Any) -> None:  # noqa: F811
    area = learner.run_cell(2)
    area.get_by_text("Container c1 was added: running, busybox, 172.17.0.2/16 on bridge.").wait_for(timeout=20_000)
    area.get_by_text("Host: interface veth-of-c1 was added, a port of docker0.").wait_for()
    seen(page, r"c1: busybox · sh; running")


@pytest.mark.slow
def test_all_of_it_is_seen_and_can_be_read(learner: Learner, page: Any) -> None:  # noqa: F811
    look(learner, "live-1600", 1600)
    look(learner, "live-800", 800)
    look(learner, "live-1366")


@pytest.mark.slow
def test_it_follows_a_terminal_also_while_a_cell_runs(learner: Learner, page: Any) -> None:  # noqa: F811
    learner.run_cell(3)
    page.get_by_text("| Busy").wait_for(timeout=5000)
    current.host("docker run -d --name web -p 80:80 nginx >/dev/null")
    seen(page, r"web: nginx .*; running; 80/tcp published as 0\.0\.0\.0:80")
    current.host("docker stop -t 0 c1 >/dev/null")
    seen(page, r"c1: busybox · sh; exited")
    assert page.get_by_text("| Busy").count(), "the cell ended before"
    status = page.locator("[role=status]").first.inner_text()
    assert "c1" in status
    current.host("iptables -I DOCKER-USER -s 203.0.113.99 -j DROP")  # what no engine tells; before RETURN
    seen(page, r"DROP 203\.0\.113\.99")
    current.host("ip link set $(veth-of web) down")
    seen(page, r"web +eth0 .*DOWN")
    current.host("ip link set $(veth-of web) up")
    page.get_by_text("| Idle").wait_for(timeout=20_000)
    look(learner, "live-web")
    # Who has scrolled a large picture sees the same part of it when it changes.
    panel = page.locator(".jp-NotebookPanel:visible")
    for _ in range(4):
        panel.get_by_role("button", name="Larger", exact=True).click()
    scroller = panel.locator(".course-picture")
    scroller.evaluate("box => { box.scrollLeft = 150 }")
    current.host("docker rename web site")
    seen(page, r"site: nginx")
    assert scroller.evaluate("box => box.scrollLeft") == 150
    panel.get_by_role("button", name="Fit", exact=True).click()
    current.host("docker rename site web")
    seen(page, r"web: nginx")


@pytest.mark.slow
def test_its_controls(learner: Learner, page: Any) -> None:  # noqa: F811
    page.set_viewport_size({"width": 1366, "height": 1500})
    texts = page.locator(".course-live svg text")
    panel = page.locator(".jp-NotebookPanel:visible")

    def shown(text: str) -> bool:
        return any(text in each for each in texts.all_text_contents())

    def until(fact: Any) -> None:
        deadline = time.monotonic() + 15
        while not fact():
            assert time.monotonic() < deadline
            page.wait_for_timeout(50)

    assert shown("FORWARD")
    assert shown("c1")
    for label, text in (("Rules", "FORWARD"), ("Stopped containers", "busybox"), ("Veth pairs", "veth")):
        panel.get_by_label(label, exact=True).uncheck()
        until(lambda text=text: not shown(text))
        panel.get_by_label(label, exact=True).check()
        until(lambda text=text: shown(text))
    panel.get_by_role("button", name="Back", exact=True).click()
    page.get_by_text("1 before the newest state.").wait_for(timeout=5000)
    panel.get_by_role("button", name="Forward", exact=True).click()
    page.get_by_text("1 before the newest state.").wait_for(state="hidden", timeout=5000)
    slider = panel.get_by_role("slider", name="State of the network")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    page.get_by_text("1 before the newest state.").wait_for(timeout=5000)
    assert slider.get_attribute("aria-valuetext") == "1 before the newest"
    live = panel.get_by_role("button", name="Live", exact=True)
    assert live.get_attribute("aria-pressed") == "false"
    live.click()
    until(lambda: live.get_attribute("aria-pressed") == "true")
    live.click()
    page.get_by_text("Paused.").wait_for(timeout=5000)
    current.host("docker network create later >/dev/null")
    page.wait_for_timeout(700)
    assert not shown("later")
    live.click()
    until(lambda: shown("later"))
    panel.get_by_label("Show", exact=True).select_option("later")
    until(lambda: not shown("subnet 172.17.0.0"))
    panel.get_by_label("Show", exact=True).select_option("all networks")
    until(lambda: shown("subnet 172.17.0.0"))
    for kind in ("PNG", "SVG"):
        panel.get_by_role("button", name=f"Save {kind}").click()
        page.get_by_text(f"Saved as network-1.{kind.lower()}").wait_for(timeout=5000)
        assert (learner.clone / "my-course" / f"network-1.{kind.lower()}").stat().st_size > 5000


WIDTH = "picture => picture.querySelector('svg').getBoundingClientRect().width"


def active(page: Any) -> str:
    """Return which part of the picture has the focus."""
    return str(page.evaluate("document.activeElement.dataset.part ?? ''"))


def part(page: Any, key: str) -> Any:
    """Return a part of the picture that can be chosen."""
    return page.locator(f".jp-NotebookPanel:visible [data-part='{key}'][role=button]")


@pytest.mark.slow
def test_why_are_you_here_by_mouse(learner: Learner, page: Any) -> None:  # noqa: F811
    panel, why = page.locator(".jp-NotebookPanel:visible"), page.locator(".course-why:visible")
    part(page, "port/web/80/tcp").hover()
    page.locator(".course-hint", has_text="published port 80/tcp of web").wait_for(timeout=5000)
    part(page, "port/web/80/tcp").click()
    why.get_by_text('.NetworkSettings.Ports["80/tcp"] is published as 0.0.0.0:80').wait_for(timeout=5000)
    belongs = panel.locator(".course-belongs").evaluate_all("all => all.map(each => each.dataset.part)")
    assert "container/web" in belongs
    assert {each.split("/")[2:4][0] + " " + each.split("/")[3] for each in belongs if each.startswith("rule/ip/")} >= {
        "nat DOCKER",
        "filter DOCKER",
    }
    learner.look("live-chosen")
    page.keyboard.press("Escape")  # else the evidence may cover the cable
    # The cable of a container leads to both of its ends, and to the bridge.
    key = panel.locator("[data-part='cable/web/bridge']")
    box = key.locator("polyline").first.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] - 4)
    why.get_by_text("veth pair: ").wait_for(timeout=5000)
    belongs = panel.locator(".course-belongs").evaluate_all("all => all.map(each => each.dataset.part)")
    assert {"bridge/docker0", "container/web", "endpoint/web/bridge"} <= set(belongs)
    assert any(each.startswith("veth/") for each in belongs)
    page.keyboard.press("Escape")
    why.wait_for(state="hidden", timeout=5000)
    assert panel.locator(".course-belongs, .course-hit").count() == 0
    # What `ip netns add` made is no container, and can be asked as well.
    current.host("ip netns add box; ip link add to-box type veth peer name eth0 netns box")
    current.host("ip link set to-box master docker0 up; ip -n box link set eth0 up")
    seen(page, r"namespace box +eth0")
    part(page, "container//netns/box").click()
    why.get_by_text("ip netns list: box").wait_for(timeout=5000)
    belongs = panel.locator(".course-belongs").evaluate_all("all => all.map(each => each.dataset.part)")
    assert {"bridge/docker0", "veth/to-box", "endpoint//netns/box/eth0"} <= set(belongs)
    page.keyboard.press("Escape")
    current.host("ip netns del box")


@pytest.mark.slow
def test_why_are_you_here_by_keyboard(learner: Learner, page: Any) -> None:  # noqa: F811
    panel, why = page.locator(".jp-NotebookPanel:visible"), page.locator(".course-why:visible")
    picture = panel.locator(".course-picture")
    picture.focus()
    seen_parts = []
    for _ in range(60):
        page.keyboard.press("Tab")
        seen_parts.append(active(page))
        if seen_parts[-1].startswith("veth/"):  # drawn last: it lies on the cables
            break
    kinds = {each.partition("/")[0] for each in seen_parts}
    assert {"client", "interface", "address", "rule", "policy", "bridge", "veth", "cable", "container"} <= kinds
    part(page, "container/web").focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    width = "e => parseFloat(getComputedStyle(e.querySelector('rect')).strokeWidth)"
    assert part(page, "container/web").evaluate(width) >= 3, "the focus is not visible"
    page.keyboard.press("Enter")
    why.get_by_text("docker inspect web: .HostConfig.NetworkMode is bridge").wait_for(timeout=5000)
    assert part(page, "container/web").get_attribute("aria-pressed") == "true"
    current.host("docker network create while-looking >/dev/null")  # the picture changes
    seen(page, "while-looking")
    assert active(page) == "container/web", "the focus is lost"
    assert why.is_visible()
    current.host("docker network rm while-looking >/dev/null")
    seen(page, r"Containers\n")
    page.keyboard.press("Escape")
    why.wait_for(state="hidden", timeout=5000)
    assert active(page) == "container/web"
    page.wait_for_timeout(1000)  # the picture without that network is drawn
    before = picture.evaluate(WIDTH)
    page.keyboard.press("+")
    page.keyboard.press("+")
    assert picture.evaluate(WIDTH) > 1.5 * before
    left = picture.evaluate("box => box.scrollLeft")
    page.keyboard.press("ArrowRight")
    assert picture.evaluate("box => box.scrollLeft") > left
    page.keyboard.press("-")
    page.keyboard.press("0")
    assert abs(picture.evaluate(WIDTH) - picture.bounding_box()["width"]) < 20
    panel.get_by_label("Part", exact=True).select_option("the client")
    why.get_by_text("ip -n client addr").wait_for(timeout=5000)
    page.keyboard.press("Escape")


@pytest.mark.slow
def test_the_picture_is_moved_by_mouse(learner: Learner, page: Any) -> None:  # noqa: F811
    page.set_viewport_size({"width": 1366, "height": 1500})
    panel = page.locator(".jp-NotebookPanel:visible")
    picture = panel.locator(".course-picture")
    part(page, "bridge/docker0").click()  # who works with the picture turns the wheel for it
    frame = picture.bounding_box()
    x, y = frame["x"] + frame["width"] / 2, frame["y"] + 60
    page.mouse.move(x, y)
    before = picture.evaluate(WIDTH)
    page.mouse.wheel(0, -400)
    page.wait_for_timeout(300)
    assert picture.evaluate(WIDTH) > 1.3 * before
    left = picture.evaluate("box => box.scrollLeft")
    page.mouse.down()
    page.mouse.move(x - 80, y, steps=4)
    page.mouse.up()
    assert picture.evaluate("box => box.scrollLeft") == pytest.approx(left + 80, abs=3)
    learner.look("live-zoomed")
    panel.get_by_role("button", name="Move the picture: left").click()
    assert picture.evaluate("box => box.scrollLeft") < left + 60
    panel.get_by_role("button", name="Fit", exact=True).click()
    page.keyboard.press("Escape")


@pytest.mark.slow
def test_a_request_is_sent_from_the_picture(learner: Learner, page: Any) -> None:  # noqa: F811
    panel, why = page.locator(".jp-NotebookPanel:visible"), page.locator(".course-why:visible")
    part(page, "client/client").click()
    why.get_by_role("button", name="Send from here").click()
    part(page, "container/web").click()
    why.get_by_role("button", name="Send to here").click()
    panel.get_by_label("to", exact=True).select_option("host")
    assert panel.get_by_label("port", exact=True).input_value() == "80/tcp"
    panel.get_by_role("button", name="Send", exact=True).click()
    page.get_by_text("From client to http://203.0.113.10:80/: answered: HTTP/1.1 200 OK").wait_for(timeout=60_000)
    assert panel.locator("[data-part^='step/']").count() > 5
    learner.look("live-sent")
    panel.get_by_role("button", name="Journey", exact=True).click()
    panel.locator("[data-part^='step/']").first.wait_for(state="detached", timeout=5000)
    panel.get_by_label("to", exact=True).select_option("web")
    panel.get_by_label("port", exact=True).fill("nonsense")
    panel.get_by_role("button", name="Send", exact=True).click()
    page.get_by_text("'nonsense' is no port").wait_for(timeout=10_000)


@pytest.mark.slow
def test_a_prediction_is_kept_after_the_click(learner: Learner, page: Any) -> None:  # noqa: F811
    area = learner.run_cell(4)
    area.get_by_text("Can c1 reach c2 by its name?").wait_for(timeout=10_000)
    area.get_by_role("button", name="Yes").click()
    area.get_by_text("You predict: Yes.").wait_for(timeout=10_000)
    area.scroll_into_view_if_needed()
    learner.look("live-predict")


@pytest.mark.slow
def test_it_survives_a_restart_of_dockerd_and_a_fresh_lab(learner: Learner, page: Any) -> None:  # noqa: F811
    current.host(
        "pid=$(pgrep -x dockerd); command=$(tr '\\0' ' ' </proc/$pid/cmdline); kill $pid\n"
        "while [ -e /proc/$pid ]; do sleep 0.1; done\n"
        "setsid $command </dev/null >/tmp/dockerd.log 2>&1 &\n"
        "until docker version >/dev/null 2>&1; do sleep 0.1; done"
    )
    current.host("docker run -d -it --name after busybox >/dev/null")
    seen(page, r"after: busybox · sh; running", 5)
    lab.reset()
    seen(page, r"There is no container\.", 5)
    current.host("docker run -d -it --name fresh busybox >/dev/null")
    seen(page, r"fresh: busybox · sh; running", 5)


@pytest.mark.slow
def test_closed_it_leaves_nothing_but_the_picture_and_its_words(learner: Learner, page: Any) -> None:  # noqa: F811
    assert current.host("pgrep -f '[m]onitor ruleset' || true")
    learner.run_cell(5).get_by_text("threads: []").wait_for(timeout=10_000)
    deadline = time.monotonic() + 5
    while current.host("pgrep -f '[m]onitor ruleset|docker [e]vents' || true"):
        assert time.monotonic() < deadline
    page.keyboard.press("Control+s")
    path = learner.clone / "my-course" / "live.ipynb"
    while "threads: []" not in path.read_text():
        assert time.monotonic() < deadline + 5
        time.sleep(0.1)
    notebook = nbformat.read(path, as_version=4)
    saved = notebook.cells[1].outputs[0].data
    assert saved["text/plain"].startswith("The host is the network namespace")
    assert len(saved["image/png"]) > 10_000
    assert "  ( ) The name is not found" in notebook.cells[4].outputs[0].data["text/plain"]
    # As somebody else opens it, who has not run it: without its widgets, and without trust.
    notebook.metadata.pop("widgets", None)
    notebook.cells[0].source += "\n# touched"
    for cell in notebook.cells:
        cell.metadata.pop("trusted", None)
    nbformat.write(notebook, learner.clone / "my-course" / "stranger.ipynb")
    learner.open("stranger.ipynb")
    learner.page.locator(".jp-NotebookPanel:visible .jp-RenderedImage img").first.wait_for(timeout=10_000)
    learner.look("live-stranger")


JOURNEY = (
    "%load_ext course_lib\nfrom course_lib import begin, journey\nbegin()",
    "%%host\ndocker start web 2>/dev/null || docker run -d --name web -p 80:80 nginx >/dev/null\n"
    "until curl -sf -o /dev/null http://172.17.0.2/; do sleep 0.1; done",
    "way = journey('client', 'http://203.0.113.10/')\nway",
)
SHOWN = """() => [...document.querySelectorAll('[data-part^="step/"]')].filter(mark =>
  mark.checkVisibility({visibilityProperty: true})).length"""


def until_shown(page: Any, steps: int, seconds: float = 5) -> None:
    """Wait until so many steps of the way are to be seen."""
    deadline = time.monotonic() + seconds
    while (shown := page.evaluate(SHOWN)) != steps:
        assert time.monotonic() < deadline, f"{shown} steps are shown, not {steps}"
        page.wait_for_timeout(50)


@pytest.fixture(scope="module")
def way(learner: Learner) -> Any:  # noqa: F811
    """Show a journey, and give the element that plays it."""
    write(learner, "journey.ipynb", JOURNEY)
    learner.open("journey.ipynb")
    learner.page.set_viewport_size({"width": 1366, "height": 1500})
    learner.run_cell(0).get_by_text("has been reset").wait_for(timeout=30_000)
    learner.run_cell(1)
    area = learner.run_cell(2)
    area.locator(".course-picture svg").wait_for(timeout=30_000)
    learner.page.get_by_text("| Idle").wait_for(timeout=10_000)
    assert area.locator("img").count() == 0, "the same picture twice"
    return area.locator(".course-frame")


@pytest.mark.slow
def test_a_journey_steps_and_plays_in_the_browser_alone(learner: Learner, way: Any) -> None:  # noqa: F811
    page, marks = learner.page, way.locator("[data-part^='step/']").count()
    chosen, slider = way.get_by_role("status"), way.get_by_role("slider", name="Step of the journey")
    assert marks > 5
    until_shown(page, marks)
    heard: list[str] = []
    wire = page.context.new_cdp_session(page)
    wire.send("Network.enable")
    for direction in ("Sent", "Received"):
        wire.on(f"Network.webSocketFrame{direction}", lambda event: heard.append(event["response"]["opcode"]))
    way.get_by_role("button", name="Back", exact=True).click()
    way.get_by_role("button", name="Back", exact=True).click()
    until_shown(page, marks - 2)
    assert ", the answer: " in chosen.inner_text()
    way.get_by_role("button", name="Forward", exact=True).click()
    until_shown(page, marks - 1)
    slider.focus()
    page.keyboard.press("ArrowLeft")
    until_shown(page, marks - 2)
    page.keyboard.press("Home")
    until_shown(page, 1)
    assert chosen.inner_text().startswith("Step 1: client: ")
    page.keyboard.press("ArrowRight")
    until_shown(page, 2)
    learner.look("journey-step")
    way.get_by_role("button", name="Play", exact=True).click()
    until_shown(page, 3, 10)
    way.get_by_role("button", name="Pause", exact=True).click()
    shown = page.evaluate(SHOWN)
    learner.look("journey-plays")
    page.wait_for_timeout(2000)  # longer than a step takes
    until_shown(page, shown)
    assert chosen.inner_text().startswith(f"Step {shown}: ")
    way.get_by_role("button", name="Forward", exact=True).click()  # it goes on from where it was stopped
    until_shown(page, shown + 1)
    way.get_by_label("Speed").select_option("4")
    way.get_by_role("button", name="Play", exact=True).click()
    until_shown(page, marks, 10)
    way.locator("[data-part='container/web'][role=button]").click()
    way.locator(".course-why", has_text="docker ps -a: IMAGE is nginx").wait_for(timeout=5000)
    page.keyboard.press("Escape")
    # The kernel's messages are binary (v1.kernel.websocket.jupyter.org), others of the server are text.
    assert 2 not in heard, "the kernel had a part in it"
    learner.run_cell(1)
    page.get_by_text("| Busy").wait_for(timeout=5000)
    page.get_by_text("| Idle").wait_for(timeout=20_000)
    assert 2 in heard, "its messages are not seen"
    wire.detach()


@pytest.mark.slow
def test_a_journey_plays_again_at_its_end_and_without_motion(learner: Learner, way: Any) -> None:  # noqa: F811
    page = learner.page
    way.get_by_label("Speed").select_option("1")
    page.emulate_media(reduced_motion="reduce")
    way.get_by_role("button", name="Play", exact=True).click()  # at the end it begins again
    until_shown(page, 1)
    until_shown(page, 2)
    page.emulate_media(reduced_motion="no-preference")
    way.get_by_role("button", name="Back", exact=True).click()  # who chooses a step stops it
    page.wait_for_timeout(2000)
    until_shown(page, 1)
    way.get_by_role("slider").focus()
    page.keyboard.press("End")


@pytest.mark.slow
def test_a_journey_fits_and_is_saved_as_a_picture_and_a_table(learner: Learner, way: Any) -> None:  # noqa: F811
    for width in (1600, 800):
        look(learner, f"journey-{width}", width, ".course-frame")
    way.get_by_role("button", name="Fit", exact=True).click()
    learner.page.keyboard.press("Control+s")
    path = learner.clone / "my-course" / "journey.ipynb"
    deadline = time.monotonic() + 10
    outputs: list[Any] = []
    while not outputs:
        assert time.monotonic() < deadline
        time.sleep(0.1)
        with contextlib.suppress(nbformat.reader.NotJSONError):  # it is empty or half for a moment, while it is written
            outputs = nbformat.read(path, as_version=4).cells[2].outputs
    assert "answered: HTTP/1.1 200 OK" in outputs[0].data["text/plain"]
    assert len(outputs[0].data["image/png"]) > 10_000
    current.host("docker rm -f web")


@pytest.mark.slow
def test_the_panel_plays_the_last_journey_and_goes_back_to_the_network(learner: Learner) -> None:  # noqa: F811
    write(learner, "in-panel.ipynb", (*JOURNEY[:2], "from course_lib import live\nlive()", JOURNEY[2]))
    learner.open("in-panel.ipynb")
    page = learner.page
    page.set_viewport_size({"width": 1366, "height": 1500})
    learner.run_cell(0).get_by_text("has been reset").wait_for(timeout=30_000)
    learner.run_cell(1)
    panel = learner.run_cell(2)
    panel.locator(".course-live svg").wait_for(timeout=30_000)
    button = panel.get_by_role("button", name="Journey", exact=True)
    assert button.is_disabled(), "there is none yet"
    learner.run_cell(3).locator(".course-picture svg").wait_for(timeout=30_000)
    page.get_by_text("| Idle").wait_for(timeout=10_000)
    button.click()
    marks = panel.locator("[data-part^='step/']")
    marks.first.wait_for(timeout=10_000)
    total = marks.count()
    panel.get_by_role("button", name="Back", exact=True).click()
    panel.get_by_role("button", name="Back", exact=True).click()
    later = panel.locator("[data-part^='step/'].course-later")
    assert later.count() == 2
    current.host("docker run -d --name beside busybox sleep 1000")  # the panel follows; what plays goes on
    page.wait_for_timeout(1500)
    assert marks.count() == total
    assert later.count() == 2
    look(learner, "journey-in-panel", 1366, ".course-frame")
    button.click()
    assert seen(page, "beside: busybox", 10)
    assert marks.count() == 0
    current.host("docker rm -f web beside")


def started(name: str, since: float) -> float:
    """Return when the engine said that a container has started, in seconds since 1970."""
    said = f"docker events --since {since:.3f} --until {time.time():.3f} --filter event=start --filter container={name}"
    return int(current.host(f"{said} --format '{{{{.TimeNano}}}}'").split()[0]) / 1e9


@pytest.mark.slow
def test_it_follows_a_chapter_cell_by_cell_and_a_terminal_beside_it(learner: Learner) -> None:  # noqa: F811
    chapter = nbformat.read(ROOT / "notebooks" / "01_docker0.ipynb", as_version=4)
    cells = [cell.source for cell in chapter.cells if cell.cell_type == "code"]
    write(learner, "chapter.ipynb", (cells[0], "from course_lib import live\nlive()", *cells[1:]))
    page = learner.page
    page.set_viewport_size({"width": 1600, "height": 1000})
    learner.open("chapter.ipynb")
    learner.run_cell(0).get_by_text("has been reset").wait_for(timeout=30_000)
    panel = learner.run_cell(1)
    panel.locator(".course-live svg").wait_for(timeout=20_000)
    # In a view of its own, as a learner puts it who wants to see it beside the cells.
    panel.locator(".course-live").click(button="right")
    page.get_by_role("menuitem", name="Create New View for Cell Output").click()
    page.locator(".jp-LinkedOutputView .course-live svg").wait_for(timeout=10_000)
    told = {
        "--name c1 busybox": r"c1: busybox · sh; running",
        "--name c2 busybox": r"c2: busybox · sh; running",
        "ip link set $(veth-of c1) down": r"c1 +eth0 .*\(DOWN",
        "ip link set $(veth-of c1) up": r"c1 +eth0 +172\.17\.0\.2/16 +\S+ +veth\w+\n",
        "docker stop -t 0 c2": r"c2: busybox · sh; exited",
        "clean_up()": r"There is no container\.",
    }
    late = []
    for number, source in enumerate(cells[1:], 2):
        learner.run_cell(number)
        cell = learner.cell(number)
        cell.locator(".jp-InputPrompt", has_text=re.compile(r"\[\d+\]")).wait_for(timeout=60_000)
        for words in [pattern for part, pattern in told.items() if part in source]:
            seen(page, words)
        if number in (6, 10, 14):
            began, name = time.time(), f"beside{number}"
            page.evaluate(f"window.courseSeen = ({SEEN})(['{name}: busybox · sh; running', 20000]); 0")
            current.host(f"docker run -d -it --name {name} busybox >/dev/null")
            late.append(page.evaluate("window.courseSeen") / 1000 - started(name, began))
            current.host(f"docker rm -f {name} >/dev/null")
            page.wait_for_function(
                f"!document.querySelector('.course-live .course-twin').textContent.includes('{name}')"
            )
            if number == 10:
                learner.look("live-chapter-1600")
    print("from the event to the picture, ms:", [round(1000 * each) for each in late])
    assert statistics.median(late) < 2, late  # tests/bench/panel.py measures; a busy machine is slower
