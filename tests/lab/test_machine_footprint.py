"""Test the comparison of the machine, when a lab is ready, and a lab that was killed; without Docker."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from docker.types.daemon import CancellableStream

from course_lib.engine import client, exec_stream
from course_lib.engine.labels import ENGINE_LABEL, LABEL
from course_lib.errors import CourseError, EngineUnfitError
from course_lib.lab import machine_footprint
from course_lib.lab.lifecycle import Lab
from tests.worker import lab

BEFORE: dict[str, Any] = {
    "containers": {"aa": "own"},
    "networks": {"11": "bridge", "22": "host", "33": "none", "44": "theirs"},
    "volumes": ["data"],
    "rules": "digest",
    "image": "lab",
}


@pytest.mark.parametrize(
    ("networks", "same"),
    [
        ({"51": "bridge", "52": "host", "53": "none", "44": "theirs"}, True),  # the engine was started again
        ({"11": "bridge", "22": "host", "33": "none", "55": "theirs"}, False),  # another network of the same name
        ({"11": "bridge", "22": "host", "33": "none"}, False),
    ],
)
def test_an_engine_that_was_started_again_is_no_change(
    networks: dict[str, str], same: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(machine_footprint, "fingerprint", lambda image: {**BEFORE, "networks": networks})
    assert machine_footprint.compare(BEFORE) is same
    assert ("not by the course: network theirs" in capsys.readouterr().out) is not same


class Logs:
    """An engine that knows only the log of a lab."""

    def __init__(self, *lines: str) -> None:
        self.lines, self.removed = lines, False

    def logs(self, *_: object, **__: object) -> CancellableStream:
        """Yield the lines of the log."""
        return CancellableStream(iter([f"{line}\n".encode() for line in self.lines]), io.BytesIO())

    def remove_container(self, *_: object, **__: object) -> None:
        """Note that it was removed."""
        self.removed = True


def test_what_a_lab_said_before_it_was_stopped_does_not_count(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    api = Logs("lacking: old", "ready", "lacking: new", "ready", "missing: what is said later")
    monkeypatch.setattr(client, "outer", lambda: api)
    lab.wait_until_ready(2)
    assert capsys.readouterr().out == "Note: new.\n"
    assert not api.removed
    ended = Logs("ready", "missing: veth pairs")
    monkeypatch.setattr(client, "outer", lambda: ended)
    with pytest.raises(EngineUnfitError, match="cannot run the lab: veth pairs"):
        lab.wait_until_ready(1)
    assert ended.removed


class Ended:
    """A program that has ended and does not read its input, as in a lab that was killed while it loaded images."""

    def __init__(self) -> None:
        self.closed = threading.Event()

    def output(self) -> Iterator[tuple[int, bytes]]:
        """Yield nothing."""
        yield from ()

    def send(self, data: bytes) -> None:
        """Block until the connection is closed, as the engine lets it."""
        self.closed.wait(20)
        raise BrokenPipeError

    def end_input(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Close the connection."""
        self.closed.set()


def test_who_sends_to_a_program_that_has_ended_does_not_wait_for_ever() -> None:
    ours, theirs = socket.socketpair()
    exec_stream.join(Ended(), theirs)  # type: ignore[arg-type]
    ours.settimeout(5)
    with ours, pytest.raises(ConnectionError):  # a TimeoutError is none
        ours.sendall(b"x" * 50_000_000)


def test_a_lab_with_an_engine_of_another_version_of_the_course_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = {LABEL: "lab", ENGINE_LABEL: "24.0"}
    monkeypatch.setattr(Lab, "inspect", lambda lab: {"Id": "x", "Config": {"Labels": labels}})
    monkeypatch.setattr(Lab, "_volumes", lambda lab: {})
    with pytest.raises(CourseError, match=r"engine 24\.0: run `./course down`, then `./course up`"):
        lab.reset()
