"""When the live picture looks again: after what is heard, and after a while when nothing is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from course_lib import chapter, panel, run, watch
from course_lib.snapshot import Snapshot
from course_lib.watch import Watcher


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
    return Watcher.__new__(Watcher)._hear(stream, began + rest), time.monotonic() - began  # type: ignore[arg-type]


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
    assert watch.QUIET <= took < 2
    assert hears(Says((0, words), (0.01, "container start\n")), rest=5)[1] < 2
    assert 0.3 <= hears(Says((0, words)), rest=0.3)[1] < 3


def test_it_looks_again_when_nothing_is_said_and_not_when_the_stream_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "PERIOD", 0.5)
    alive, took = hears(Says())
    assert alive
    assert took >= 0.5
    assert not hears(Says((0, "")))[0]


def until(fact: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.live
def test_what_nobody_tells_is_seen_all_the_same(fresh_lab: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "SCRIPT", "sleep 1000")
    monkeypatch.setattr(watch, "PERIOD", 0.3)
    looks: list[Snapshot] = []
    watcher = Watcher(looks.append, pytest.fail)
    try:
        until(lambda: looks)
        run.host("docker run -d -it --name missed busybox")
        until(lambda: looks[-1].container("missed"))
    finally:
        watcher.close()


@pytest.mark.live
@pytest.mark.slow
def test_its_button_closes_it(fresh_lab: None) -> None:
    """Also of a panel that nobody shows: neither a thread nor a stream is left."""
    shown = panel.Panel(chapter.snapshot())
    listening = "pgrep -f '[m]onitor ruleset|docker [e]vents' || true"
    until(lambda: run.host(listening))
    assert "course-watch" in [thread.name for thread in threading.enumerate()]
    buttons = {button.description: button for button in shown._box.children[0].children}
    buttons["Close"].click()
    assert "course-watch" not in [thread.name for thread in threading.enumerate()]
    until(lambda: not run.host(listening))
    assert "Closed: this picture follows the lab no longer." in shown._said.value
