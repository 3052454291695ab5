"""`./course test`: style, types, tests and notebooks, in a lab of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from course_lib import lab
from course_lib.errors import CourseError
from course_lib.packages import need_packages
from course_lib.progress import say

ROOT = Path(__file__).resolve().parent.parent
# Strict: every output is compared. A cell may take as long as the longest command of a lesson, and no longer.
NBVAL = (
    "pytest",
    "--nbval",
    "--nbval-current-env",
    "--nbval-cell-timeout=120",
    "--nbval-sanitize-with=tests/nbval_sanitize.cfg",
    "-p",
    "no:cacheprovider",
)


def run(paths: Sequence[str], start: Callable[..., None]) -> int:
    """Run the gate, or only the tests and notebooks in PATHS; return 0 if all of it is well.

    `start(version, install=...)` makes the lab run. The tests have a lab of their own, so that the learner's
    stays as it is; it is taken away again.
    """
    os.environ["COURSE_LAB"] = "test"
    start(lab.DEFAULT_ENGINE, install=True)
    _browser()
    steps = _chosen(paths) if paths else _all()
    failed = []
    began = time.monotonic()
    try:
        for title, command in steps:
            say(f"\n== {title}")
            if title == "notebooks":
                lab.reset()  # a notebook says what it removes at its beginning: nothing
            if subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=False).returncode:
                failed.append(title)
    finally:
        lab.down(remove_images=False)
    took = f"in {time.monotonic() - began:.0f} s"
    say(f"\nFailed {took}: {', '.join(failed)}" if failed else f"\nAll is well: {len(steps)} steps {took}.")
    return 1 if failed else 0


def _all() -> list[tuple[str, list[str]]]:
    """Return the steps of the whole gate."""
    return [
        ("style", ["ruff", "check", "."]),
        ("form", ["ruff", "format", "--check", "."]),
        ("types", ["mypy"]),
        ("tests", ["pytest", "tests"]),
        ("notebooks", [*NBVAL, "notebooks"]),
    ]


def _chosen(paths: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Return the steps for chosen paths: notebooks by nbval, everything else by pytest alone."""
    whole = [str(Path(path).resolve()) for path in paths]
    notebooks = [path for path in whole if path.endswith((".ipynb", "notebooks"))]
    tests = [path for path in whole if path not in notebooks]
    steps = [("tests", ["pytest", *tests])] if tests else []
    return steps + ([("notebooks", [*NBVAL, *notebooks])] if notebooks else [])


def _browser() -> None:
    """See to the browser of the end-to-end tests; where it cannot be had they say why they are skipped."""
    try:
        need_packages(["chromium"], "test with a real browser", say)
    except CourseError as error:
        say(str(error))
