"""Hold the lab that a notebook's cells work on, and run commands in it: `host`, `client`, `url`, `snapshot`."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from course_lib.lab import execute, facts
from course_lib.lab.lifecycle import Lab, from_environment
from course_lib.network.model import Snapshot

_labs: list[Lab] = []  # the notebook's own lab; after it those that `using` has switched to
_run: list[str] = []  # the id of what began with this kernel's last `begin()`: a chapter, run once


def lab() -> Lab:
    """Return the current lab: the one that COURSE_LAB named at the first call, unless `using` has switched.

    The whole process has one current lab. A thread keeps the lab that it was started with.
    """
    if not _labs:
        _labs.append(from_environment())
    return _labs[-1]


def follow() -> Lab:
    """Accept the current lab whatever has reset it, until this notebook resets it itself; return it."""
    _labs[-1] = replace(lab(), box="")
    return _labs[-1]


def reset() -> None:
    """Reset the current lab; from then on refuse a lab that something else has reset. Raises as `Lab.reset` does."""
    _labs[-1] = lab().reset(by=notebook())


def other_notebook() -> str:
    """Return which other notebook reset the current lab last, and when, as "01_docker0, at 14:02"; "" if none did.

    A notebook that does not know its own name cannot tell.
    """
    if not (own := notebook()):
        return ""
    by, at = lab().last_reset()
    return f"{by}, at {at}" if by not in ("", own) else ""


def notebook() -> str:
    """Return this notebook's name ("01_docker0"), from its path that jupyter_server passes on; "" without a server."""
    return Path(os.environ.get("JPY_SESSION_NAME", "")).stem


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
    return replace(lab(), box="").url(port)  # a page may be opened again after a reset


def begin_run() -> None:
    """Note that a chapter begins, with a new id: predictions of an earlier run are made again."""
    _run[:] = [secrets.token_hex(4)]


def run() -> str:
    """Return the id of what began with this kernel's last `begin()`; "" if it has run none."""
    return _run[0] if _run else ""
