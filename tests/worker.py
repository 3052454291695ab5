"""Which lab a run of pytest uses; as a plugin (`-p tests.worker`) it also starts it: the workers do so side by side."""

from __future__ import annotations

import os

import pytest

from course_lib.lab.lifecycle import from_environment

os.environ.setdefault("COURSE_LAB", "default.test")
WORKER = os.environ.get("PYTEST_XDIST_WORKER")  # each has a lab of its own, beside the others (gate.py)
if WORKER:
    os.environ["COURSE_LAB"] += f"-{WORKER}"  # also for the commands and the kernels that tests start
lab = from_environment()


def refuse(package: str) -> None:
    """Stand for whoever installs what making images takes: the gate has made them."""
    raise AssertionError(f"{package} should be there: run ./course test")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Start the lab of a worker; who only shares the work out needs none."""
    if WORKER:
        lab.up(lab.version(), refuse)
