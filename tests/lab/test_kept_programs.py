"""Test the programs that stay open in a lab: each answers one question at a time, and none waits for another."""

from __future__ import annotations

import threading

import pytest

from course_lib.engine import client
from course_lib.lab import execute
from course_lib.lab.lifecycle import Lab


def test_a_slow_script_does_not_hold_up_the_live_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """The picture reads facts by `consult`, while a probe or a journey runs its script by `ask` for many seconds."""
    asked, answered = threading.Event(), threading.Event()

    class Kept:
        def __init__(self, _: object, box: str, argv: tuple[str, ...]) -> None:
            self.box, self._argv = box, argv

        def ask(self, *_: object) -> str:
            if self._argv == ("sh",):
                asked.set()
                assert answered.wait(5), "the question of the picture waits for the end of the script"
            return self._argv[0]

        def close(self) -> None:
            """Nothing is open."""

    monkeypatch.setattr(execute, "_Kept", Kept)
    monkeypatch.setattr(execute, "_kept", {})
    monkeypatch.setattr(client, "outer", object)
    monkeypatch.setattr(Lab, "require", lambda self: "box")
    slow = threading.Thread(target=execute.ask, args=(Lab("one"), "sleep 20"), daemon=True)
    slow.start()
    assert asked.wait(5)
    quick = threading.Thread(target=lambda: (execute.consult("box", "program", []), answered.set()), daemon=True)
    quick.start()
    assert answered.wait(2)
    slow.join(5)
    assert not slow.is_alive()
