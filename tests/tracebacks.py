"""A test fails if a traceback was printed while it ran, by itself or by a program that it started.

Of a test that passes pytest shows no output, and a test that reads the output of `./course` may not look at all of it.
`tests/conftest.py` has these hooks; another run of pytest gets them by `-p tests.tracebacks`.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from typing import Any

import pytest

from tools.gate import has_traceback

_communicate = subprocess.Popen.communicate


def _watched(process: subprocess.Popen[Any], *args: Any, **options: Any) -> tuple[Any, Any]:
    """Pass a traceback that a test reads from a program (also by `subprocess.run`) on to the test's standard error."""
    streams = _communicate(process, *args, **options)
    for stream in streams:
        text = stream.decode(errors="replace") if isinstance(stream, bytes) else stream or ""
        if has_traceback(text):
            print(f"{process.args} printed:\n{text}", file=sys.stderr)
    return streams


def pytest_configure() -> None:
    subprocess.Popen.communicate = _watched  # type: ignore[method-assign]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "teardown" and report.passed and has_traceback(report.capstderr):
        report.outcome, report.longrepr = "failed", "a traceback was printed: see the captured standard error"
    return report
