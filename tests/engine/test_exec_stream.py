"""Test that a connection to a program is closed in order, without leaving anything to the garbage collector."""

from __future__ import annotations

import gc
import io
import socket
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from docker.types.daemon import CancellableStream

from course_lib.engine import client, exec_stream
from course_lib.lab import execute


class Response:
    """An HTTP response as of Python 3.13.5: collected before it was closed, it flushes its reader."""

    def __init__(self, reader: io.BufferedReader) -> None:
        self._reader = reader
        self.raw = SimpleNamespace(_fp=SimpleNamespace(fp=reader))
        self.closed = False

    def close(self) -> None:
        """Close the reader."""
        self._reader.close()
        self.closed = True

    def __del__(self) -> None:
        if not self.closed:
            self._reader.flush()


class Api:
    """A Docker API whose programs say nothing; `far` is the other end of the last one's connection."""

    def exec_create(self, *_: Any, **__: Any) -> dict[str, str]:
        """Return the program's id."""
        return {"Id": "1"}

    def exec_start(self, *_: Any, **__: Any) -> Any:
        """Return what docker-py hands out of a connection."""
        near, self.far = socket.socketpair()
        holder: Any = near.makefile("rb", buffering=0)
        holder._response = Response(io.BufferedReader(holder))
        self.far.sendall(b"x")  # an empty connection has nothing to peek at
        return holder


@pytest.fixture
def ignored(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give what Python would print as "Exception ignored in"."""
    found: list[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda what: found.append(repr(what.exc_value)))
    return found


def test_a_closed_program_leaves_nothing_to_the_collector(ignored: list[str]) -> None:
    api = Api()
    program = exec_stream.Exec(api, "lab", ["true"])
    program.close()
    del program
    gc.collect()
    assert ignored == []
    assert api.far.recv(1) == b"", "the program's input has ended"


def test_a_program_that_is_kept_is_closed_when_python_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []
    kept: Any = SimpleNamespace(close=lambda: closed.append("sh"))
    monkeypatch.setitem(execute._kept, ("sh",), kept)
    execute._forget_all()
    assert (closed, execute._kept) == (["sh"], {})


def test_whoever_has_enough_of_a_log_closes_it() -> None:
    response = io.BytesIO()
    api = SimpleNamespace(logs=lambda *_, **__: CancellableStream(iter([b"one\n", b"ready\n"]), response))
    for line in client.log_lines(api, "lab"):
        assert line == b"one\n"
        break
    gc.collect()
    assert response.closed
