"""The lab that the cells of a notebook are about, and what they run in it: `host`, `client` and `url`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from course_lib.lab import execute
from course_lib.lab.lifecycle import Lab, from_environment

_labs: list[Lab] = []  # the notebook's own; behind it the one that it is about for a while


def lab() -> Lab:
    """Return the lab that the cells are about: the one that COURSE_LAB named when this was asked first.

    It is one for the whole process. What goes on in a thread keeps the lab with which it began.
    """
    if not _labs:
        _labs.append(from_environment())
    return _labs[-1]


@contextlib.contextmanager
def using(other: Lab) -> Iterator[None]:
    """Let the cells be about another lab for a while."""
    lab()
    _labs.append(other)
    try:
        yield
    finally:
        _labs.pop()


def host(command: str, *, fails: bool = False, timeout: float = execute.TIMEOUT) -> str:
    """Run bash on the lab's host and return its output; see `run.run`."""
    return execute.run(lab(), command, execute.HOST, fails=fails, timeout=timeout)


def client(command: str, *, fails: bool = False, timeout: float = execute.TIMEOUT) -> str:
    """Run bash on the client, the world outside of the host, and return its output; see `run.run`."""
    return execute.run(lab(), command, execute.CLIENT, fails=fails, timeout=timeout)


def url(port: int) -> str:
    """Return an address on 127.0.0.1 that opens a port of the lab's host in the learner's own browser."""
    return lab().url(port)
