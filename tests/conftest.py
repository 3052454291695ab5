"""Fixtures of all tests, and the rule that in CI nothing may be skipped."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from course_lib.notebook import current
from tests.tracebacks import pytest_configure, pytest_runtest_makereport
from tests.worker import lab, refuse

__all__ = ["pytest_configure", "pytest_runtest_makereport", "refuse"]

ROOT = Path(__file__).parent.parent
# A shell starts what runs in its background deaf to Ctrl-C, and whoever is started from there inherits it (POSIX,
# asynchronous lists): then no test of an interrupt could pass.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def running_lab() -> Iterator[None]:
    """Make sure that the tests' lab runs."""
    lab = current.lab()  # a module of tests may have another one, on an engine of its own
    lab.up(lab.version(), refuse)
    return


@pytest.fixture(autouse=True)
def lab_of_live_tests(request: pytest.FixtureRequest) -> None:
    """Give every live test the lab, also one that only looks at the machine, whatever reset it before."""
    if request.node.get_closest_marker("live"):
        request.getfixturevalue("running_lab")
        current.follow()


@pytest.fixture
def fresh_lab(running_lab: None) -> None:
    """Give a lab on its first day."""
    lab.reset()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Give a real browser: Debian's Chromium, driven by Playwright."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("no chromium on this machine, and no right to install it")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-background-networking", "--disable-sync"]
        )
        yield chromium
        chromium.close()


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail a run in CI in which anything was skipped."""
    reporter: Any = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter.stats.get("skipped") and not exitstatus:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
