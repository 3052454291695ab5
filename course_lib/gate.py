"""`./course test`: style, types, tests and notebooks, in a lab of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from course_lib import exercises, lab
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


Step = tuple[str, list[str]]


def run(paths: Sequence[str], start: Callable[..., None]) -> int:
    """Run the gate, or only the tests and notebooks in PATHS; return 0 if all of it is well.

    `start(version, install=...)` makes the lab run. The tests have a lab of their own, beside the one that
    COURSE_LAB names and with a name made from it, so that the learner's stays as it is; it is taken away again.
    """
    os.environ["COURSE_LAB"] = f"{lab.name()[:26]}-test"
    os.environ["COURSE_LEARNER"] = exercises.NOBODY  # whose values stand in the committed outputs
    began = time.monotonic()
    start(lab.DEFAULT_ENGINE, install=True)
    _browser()
    chains = [_chosen(paths)] if paths else [_pure(), _live()]
    try:
        # What needs the lab goes one after the other; what does not need it runs beside.
        with ThreadPoolExecutor() as pool:
            failed = [title for titles in pool.map(_run, chains) for title in titles]
    finally:
        lab.down(remove_images=False)
    took = f"in {time.monotonic() - began:.0f} s"
    say(f"\nFailed {took}: {', '.join(failed)}" if failed else f"\nAll is well {took}.")
    return 1 if failed else 0


def _run(steps: Sequence[Step]) -> list[str]:
    """Run steps one after the other, print what each says when it has ended; return those that failed."""
    failed = []
    for title, command in steps:
        say(f"== {title}: begun")
        if title == "notebooks":
            lab.reset()  # a notebook says at its beginning what it removes: nothing
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=ROOT, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        word = "FAILED" if done.returncode else "well"
        say(f"{done.stdout.decode(errors='replace').rstrip()}\n== {title}: {word}, {time.monotonic() - began:.0f} s\n")
        if done.returncode:
            failed.append(title)
    return failed


def _pure() -> list[Step]:
    """Return the steps that need no lab."""
    return [
        ("style", ["ruff", "check", "."]),
        ("form", ["ruff", "format", "--check", "."]),
        ("types", ["mypy"]),
        ("pure tests", ["pytest", "tests", "-m", "not live", "-p", "no:cacheprovider"]),
    ]


def _live() -> list[Step]:
    """Return the steps that work with the lab."""
    return [
        ("notebooks", [*NBVAL, "notebooks", "exercises"]),
        ("live tests", ["pytest", "tests", "-m", "live", "-p", "no:cacheprovider"]),
    ]


def _chosen(paths: Sequence[str]) -> list[Step]:
    """Return the steps for chosen paths: notebooks by nbval, everything else by pytest alone."""
    whole = [str(Path(path).resolve()) for path in paths]
    notebooks = [path for path in whole if path.endswith((".ipynb", "notebooks"))]
    tests = [path for path in whole if path not in notebooks]
    steps: list[Step] = [("tests", ["pytest", *tests])] if tests else []
    return steps + ([("notebooks", [*NBVAL, *notebooks])] if notebooks else [])


def _browser() -> None:
    """See to the browser of the end-to-end tests; where it cannot be had they say why they are skipped."""
    try:
        need_packages(["chromium"], "test with a real browser", say)
    except CourseError as error:
        say(str(error))
