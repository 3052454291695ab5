"""When the live picture looks again: after what is heard, and after a while when nothing is."""

from __future__ import annotations

import json
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from course_lib.errors import CourseError, LabGoneError
from course_lib.lab import execute, facts
from course_lib.lab import watcher as watcher_module
from course_lib.lab.lifecycle import Lab
from course_lib.lab.watcher import Watcher
from course_lib.network import parse_facts
from course_lib.network.model import Snapshot
from course_lib.notebook import chapter, current, panel
from course_lib.picture.timeline import Film, Frame
from tests.worker import lab


class Says:
    """A stream that says something after so many seconds, and then nothing more; "" is its end."""

    def __init__(self, *words: tuple[float, str]) -> None:
        self._words = list(words)

    def output(self, deadline: float) -> Iterator[tuple[int, bytes]]:
        """Yield what is said, as `stream.Exec.output` does."""
        while self._words:
            after, word = self._words.pop(0)
            time.sleep(max(0, min(after, deadline - time.monotonic())))
            if time.monotonic() >= deadline:
                self._words.insert(0, (0, word))
                raise TimeoutError
            if not word:
                return
            yield 1, word.encode()
        time.sleep(max(0, deadline - time.monotonic()))
        raise TimeoutError


def hears(stream: Says, rest: float = 0.0) -> tuple[bool, float]:
    """Return whether the stream goes on, and after how many seconds there is a reason to look."""
    began = time.monotonic()
    return Watcher.__new__(Watcher)._wait(stream, began + rest), time.monotonic() - began  # type: ignore[arg-type]


def test_it_looks_at_once_when_the_engine_has_acted() -> None:
    alive, took = hears(Says((0, "container start\n")), rest=5)
    assert alive
    assert took < 2


@pytest.mark.parametrize(
    "words", ["5: veth1@if4: <BROADCAST> mtu 1500\n", "network connect\n", "container exec_start: sh\n"]
)
def test_it_gives_the_engine_a_moment_when_something_else_is_said(words: str) -> None:
    alive, took = hears(Says((0, words), (0.01, words)))
    assert alive
    assert watcher_module.QUIET <= took < 2
    assert hears(Says((0, words), (0.01, "container start\n")), rest=5)[1] < 2
    assert 0.3 <= hears(Says((0, words)), rest=0.3)[1] < 3


def test_it_looks_again_when_nothing_is_said_and_not_when_the_stream_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher_module, "PERIOD", 0.5)
    alive, took = hears(Says())
    assert alive
    assert took >= 0.5
    assert not hears(Says((0, "")))[0]


def until(fact: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline
        time.sleep(0.02)


RAW = json.loads((Path(__file__).parents[1] / "facts/26.1/first_day.json").read_text())


class Silent(Says):
    """A stream that says nothing, for as long as anybody listens."""

    def close(self) -> None:
        """End it."""


def test_whatever_goes_wrong_is_told_as_it_is_and_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """One look fails in reading, one in drawing, one in saying so; the next is a look as any other."""
    answers = [
        LabGoneError("The lab is not running any more."),
        OSError("broken pipe"),
        struct.error("unpack requires a buffer of 16 bytes"),
    ]
    told: list[str] = []
    seen: list[Snapshot] = []

    def read(lab: Lab) -> object:
        if answers:
            raise answers.pop(0)
        return RAW

    def see(now: Snapshot) -> None:
        seen.append(now)
        if len(seen) == 1:
            raise ValueError("no room on the picture")

    def miss(why: str) -> None:
        told.append(why)
        raise RuntimeError("and this cannot be shown either")

    monkeypatch.setattr(watcher_module, "AGAIN", 0.01)
    monkeypatch.setattr(watcher_module, "PERIOD", 0.01)
    monkeypatch.setattr(execute, "listen", lambda lab, script: Silent())
    monkeypatch.setattr(facts, "read", read)
    watcher = Watcher(lab, see, miss)
    try:
        until(lambda: len(seen) > 1)
    finally:
        watcher.close()
    assert told == [
        "The lab is not running any more.",
        "The lab does not answer.",
        "What the lab answers cannot be read (struct.error: unpack requires a buffer of 16 bytes).",
        "The network of the lab cannot be shown (ValueError: no room on the picture): this is an error of the course.",
    ]


def test_it_follows_the_lab_in_which_it_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also while somebody looks at other labs, in which nobody has looked before."""
    asked: list[tuple[str, str]] = []

    def read(lab: Lab) -> object:
        asked.append((threading.current_thread().name, lab.name))
        return RAW

    monkeypatch.setattr(watcher_module, "PERIOD", 0.01)
    monkeypatch.setattr(execute, "listen", lambda lab, script: Silent())
    monkeypatch.setattr(facts, "read", read)
    with current.using(Lab("first")):
        shown = panel.live()
        chapter.observe()
    try:
        with current.using(Lab("second")):
            before = len(asked)
            until(lambda: len(asked) > before + 5)
            with pytest.raises(CourseError, match="nothing to compare with yet"):
                chapter.changes()
    finally:
        shown.close()
    assert {name for thread, name in asked if thread == "course-watch"} == {"first"}


def scene(name: str) -> Snapshot:
    """Return a recorded network."""
    return parse_facts.snapshot(json.loads((Path(__file__).parents[1] / f"facts/26.1/{name}.json").read_text()))


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> tuple[panel.Panel, list[tuple[str, bool]]]:
    """Give a panel that watches nothing, and what it draws: the network it is limited to, and whether it moves."""
    drawn: list[tuple[str, bool]] = []
    frame = Film.frame

    def counted(film: Film) -> Frame:
        drawn.append((film.view.network, film.moving))
        return frame(film)

    monkeypatch.setattr(panel, "Watcher", lambda *_: None)
    monkeypatch.setattr(Film, "frame", counted)
    return panel.Panel(lab, scene("own_network")), drawn


def ask(live: panel.Panel, **message: object) -> None:
    """Ask the panel what a control in the browser asks for."""
    live._widget._handle_custom_msg(message, [])


def test_a_look_is_drawn_once(shown: tuple[panel.Panel, list[tuple[str, bool]]]) -> None:
    """Also if a network appears, or the one that is looked at alone goes."""
    live, drawn = shown
    ask(live, do="view", network="mybridge")
    now = scene("own_network")
    more = replace(now, networks=tuple(sorted((*now.networks, *scene("three_networks").networks))))
    drawn.clear()
    live._see(more)
    assert drawn == [("mybridge", True)]
    assert live._widget.controls["network"] == "mybridge"
    live._see(scene("first_day"))
    assert drawn[1:] == [("", True)]
    assert live._widget.controls["network"] == ""
    assert live._film.view.network == ""


def test_a_network_that_cannot_be_drawn_leaves_the_last_picture(
    shown: tuple[panel.Panel, list[tuple[str, bool]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    live, _ = shown
    picture, frame = live._widget.shown, Film.frame

    def fails(film: Film) -> Frame:
        if film.states[-1] == scene("first_day"):
            raise ValueError("no room")
        return frame(film)

    monkeypatch.setattr(Film, "frame", fails)
    with pytest.raises(ValueError, match="no room"):
        live._see(scene("first_day"))
    live._miss("It cannot be shown.")
    assert live._widget.shown == picture
    assert "This picture is out of date. It cannot be shown." in live._widget.controls["said"]


@pytest.mark.live
def test_what_nobody_tells_is_seen_all_the_same(fresh_lab: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher_module, "SCRIPT", "sleep 1000")
    monkeypatch.setattr(watcher_module, "PERIOD", 0.3)
    looks: list[Snapshot] = []
    watcher = Watcher(lab, looks.append, pytest.fail)
    try:
        until(lambda: looks)
        current.host("docker run -d -it --name missed busybox")
        until(lambda: looks[-1].container("missed"))
    finally:
        watcher.close()


@pytest.mark.live
@pytest.mark.slow
def test_its_button_closes_it(fresh_lab: None) -> None:
    """Also of a panel that nobody shows: neither a thread nor a stream is left."""
    shown = panel.Panel(lab, current.snapshot())
    listening = "pgrep -f '[m]onitor ruleset|docker [e]vents' || true"
    until(lambda: current.host(listening))
    assert "course-watch" in [thread.name for thread in threading.enumerate()]
    ask(shown, do="close")
    assert "course-watch" not in [thread.name for thread in threading.enumerate()]
    until(lambda: not current.host(listening))
    assert "Closed: this picture no longer follows the lab." in shown._widget.controls["said"]
