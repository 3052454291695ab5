"""Hold the lab that a notebook's cells work on, and run commands in it: `host`, `client`, `url`, `snapshot`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from course_lib.lab import execute, facts
from course_lib.lab.lifecycle import Lab, from_environment
from course_lib.network.model import Snapshot

_labs: list[Lab] = []  # the notebook's own lab; after it those that `using` has switched to


def lab() -> Lab:
    """Return the current lab: the one that COURSE_LAB named at the first call, unless `using` has switched.

    The whole process has one current lab. A thread keeps the lab that it was started with.
    """
    if not _labs:
        _labs.append(from_environment())
    return _labs[-1]


@contextlib.contextmanager
def using(other: Lab) -> Iterator[None]:
    """Temporarily make `other` the current lab."""
    lab()
    _labs.append(other)
    try:
        yield
    finally:
        _labs.pop()


def snapshot() -> Snapshot:
    """Return the network of the current lab as it is now; raises LabGoneError if the lab does not run."""
    return facts.snapshot(lab())


def host(command: str, *, fails: bool = False, timeout: float = execute.TIMEOUT) -> str:
    """Run bash on the current lab's host and return its output; arguments and errors are those of `execute.run`."""
    return execute.run(lab(), command, execute.HOST, fails=fails, timeout=timeout)


def client(command: str, *, fails: bool = False, timeout: float = execute.TIMEOUT) -> str:
    """Run bash on the client, a machine outside the host, and return its output; see `execute.run`."""
    return execute.run(lab(), command, execute.CLIENT, fails=fails, timeout=timeout)


def url(port: int) -> str:
    """Return the URL on 127.0.0.1 that opens a TCP port of the current lab's host in the learner's browser."""
    return lab().url(port)
