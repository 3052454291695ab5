"""Run the gate, `./course test`: style, types, tests and notebooks, in labs of their own: `run`."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from course_lib.console import say
from course_lib.engine import client
from course_lib.errors import CourseError
from course_lib.exercises import catalog
from course_lib.lab import images
from course_lib.lab.lifecycle import DEFAULT_ENGINE, Lab
from course_lib.lab.machine import need_packages
from course_lib.paths import ROOT
from course_lib.setup import docker_install

PYTEST = ("pytest", "-p", "no:cacheprovider", "--durations=30")
# The options for notebooks. A cell may take as long as the longest command of a lesson.
NBVAL = (*PYTEST, "--nbval-current-env", "--nbval-cell-timeout=120", "--nbval-sanitize-with=tests/nbval_sanitize.cfg")
STRICT = (*NBVAL, "--nbval")  # compares every output
OPTIONS = "COURSE_APT_OPTIONS"
# The first words of Python's report of an uncaught error. The course must not cause one.
TRACES = ("Traceback (most recent call last)", "Exception ignored in")

Step = tuple[str, list[str]]  # title, arguments of `python -m`


def run(lab: Lab, paths: Sequence[str], level: str) -> int:
    """Run the gate to a level (QUICK or WHOLE), or only the tests and notebooks in `paths`; return 1 if any fails.

    The tests and notebooks use labs of their own, relatives of `lab`, so that `lab` is not changed. Raises CourseError.
    """
    # The steps of a chain run one after another, in the chain's own lab; the chains run at the same time.
    steps = {"test": _chosen(paths)} if paths else plan(level)
    chains = {lab.relative(end): chain for end, chain in steps.items()}
    worker_labs = [lab.relative(f"book-{worker}") for worker in WORKERS if not paths]
    os.environ["COURSE_LEARNER"] = catalog.NOBODY  # the committed outputs have this learner's values
    began = time.monotonic()
    docker_install.ensure_engine(client.outer, say, install=True)
    try:
        make_images(images.RELEASES if level == WHOLE and not paths else [DEFAULT_ENGINE])
        if paths:  # otherwise the tests start their labs themselves, at the same time (tests/worker.py)
            lab.relative("test").up(DEFAULT_ENGINE, images.need_package)
        _need_tools()
        failed = side_by_side(chains)
    finally:
        remove_labs([*chains, *worker_labs])
    took = f"in {time.monotonic() - began:.0f} s"
    say(f"\nFailed {took}: {', '.join(failed)}" if failed else f"\nAll passed {took}.")
    return 1 if failed else 0


def make_images(versions: Iterable[str]) -> None:
    """Build the images of these engines first, because tests and cells have time limits.

    The newest engine is from Debian testing, whose index is past its Valid-Until on some mirrors (apt-secure(8)). The
    tests accept that; a learner has to set COURSE_APT_OPTIONS.
    """
    before = os.environ.get(OPTIONS)
    os.environ[OPTIONS] = f"{before or ''} Acquire::Check-Valid-Until=false".strip()
    try:
        for version in versions:
            images.build_all(version, images.need_package)
    finally:
        os.environ.pop(OPTIONS)
        if before is not None:
            os.environ[OPTIONS] = before


def remove_labs(labs: Iterable[Lab]) -> None:
    """Remove labs and their relatives, all at the same time, with `./course down`.

    Raises CourseError if one of the commands printed a traceback.
    """
    command = [sys.executable, "-m", "course_lib", "down"]
    downs = [
        subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "COURSE_LAB": lab.name},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for lab in labs
    ]
    output = [down.communicate()[0].decode(errors="replace") for down in downs]
    # Only these lines: the comparison of the machine would list the other labs that are being removed.
    for line in "".join(output).splitlines():
        if line.startswith("Removed the"):
            say(line)
    for text in filter(has_traceback, output):
        raise CourseError(f"`./course down` printed a traceback:\n{text}")


def has_traceback(output: str) -> bool:
    """Return whether the output of a program has a traceback."""
    return any(trace in output for trace in TRACES)


def side_by_side(chains: Mapping[Lab, Sequence[Step]], *, at_once: int = 3) -> list[str]:
    """Run chains of steps at the same time, each with COURSE_LAB set to its lab; return the titles of failed steps.

    At most `at_once` chains run at the same time. On Ctrl-C the running steps end (the terminal sends SIGINT to them
    too), and no further step begins.
    """
    stop = threading.Event()

    def run_chain(chain: tuple[Lab, Sequence[Step]]) -> list[str]:
        lab, steps = chain
        return [title for title, command in steps if not stop.is_set() and not _passes(lab, title, command)]

    with ThreadPoolExecutor(at_once) as pool:
        try:
            return [title for titles in pool.map(run_chain, chains.items()) for title in titles]
        except BaseException:
            stop.set()
            raise


def _passes(lab: Lab, title: str, command: Sequence[str]) -> bool:
    """Run one step, print its output when it has ended, and return whether it succeeded without a traceback.

    pytest does not print the output of tests that pass; `tests/tracebacks.py` checks that.
    """
    say(f"== {title}: started")
    began = time.monotonic()
    # With PYTHONDONTWRITEBYTECODE, each of hundreds of Python processes would compile the whole course.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env={**environment, "COURSE_LAB": lab.name},
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    output = done.stdout.decode(errors="replace")
    result = "FAILED" if done.returncode else "FAILED: a traceback was printed" if has_traceback(output) else "passed"
    say(f"{output.rstrip()}\n== {title}: {result}, {time.monotonic() - began:.0f} s\n")
    return result == "passed"


FRESH: Step = ("a new lab", ["course_lib", "reset"])  # so that `begin()` has nothing to remove and to list
EXERCISES = "tests/exercises/test_answers.py"
# Files of which every live test is slow.
ALL_SLOW = {"bad moments": "tests/end_to_end/test_faults.py", "values of exercises": "tests/exercises/test_values.py"}
GRADER = "tests/grading/test_grader.py"  # the same, and long: a chain of its own
APPENDIX = "notebooks/appendix_three_engines.ipynb"  # uses three more labs
SMALL = ("02_publish_three_ways", "03_own_bridge")  # the exercises of the quick gate
PANEL = ("tests/end_to_end/test_live_panel.py", "tests/end_to_end/test_projector.py")
# Notebooks and answers mostly wait, so several workers of pytest-xdist run at once, each with a lab of its own.
WORKERS = ("gw0", "gw1")  # as pytest-xdist names them
PARALLEL = ("-p", "tests.worker", "-n", str(len(WORKERS)), "--dist")  # the next word says how they share the tests
# Markers: QUICK is for each commit and takes minutes; WHOLE is everything but the soak, as in CI.
QUICK, WHOLE = "not soak and not slow", "not soak"


def plan(level: str) -> dict[str, list[Step]]:
    """Return the gate's chains, by the role of their lab; they take about the same time."""
    here = ("-m", f"live and {level}")
    apart = (EXERCISES, *ALL_SLOW.values(), GRADER, *PANEL)
    notebooks = ["notebooks", "exercises"]
    if level == QUICK:
        notebooks = [f"--ignore={APPENDIX}", "notebooks", *(f"exercises/{name}" for name in SMALL)]
    slow: list[Step] = [(title, [*PYTEST, file, *here]) for title, file in ALL_SLOW.items() if level == WHOLE]
    grader: dict[str, list[Step]] = {"class": [("grading a class", [*PYTEST, GRADER, *here])]} if level == WHOLE else {}
    return {
        # Most live tests look at the whole machine, so they run one at a time.
        "test": [("live tests", [*PYTEST, "tests", *(f"--ignore={file}" for file in apart), *here])],
        "claim": [("claims", ["tools.claims", "--jobs", "3", "--engine", "all" if level == WHOLE else DEFAULT_ENGINE])],
        "book": [
            ("notebooks", [*STRICT, *PARALLEL, "loadfile", *notebooks]),
            ("answers to exercises", [*PYTEST, *PARALLEL, "load", EXERCISES, *here]),
        ],
        "page": [
            ("style", ["ruff", "check", "."]),
            ("form", ["ruff", "format", "--check", "."]),
            ("types", ["mypy"]),
            ("pure tests", [*PYTEST, "tests", "-m", f"not live and {level}"]),
            ("the live picture in a browser", [*PYTEST, *PANEL, *here]),
            *slow,
        ],
        **grader,
    }


def _chosen(paths: Sequence[str]) -> list[Step]:
    """Return the steps for the given paths: nbval for notebooks, pytest for everything else."""
    whole = [str(Path(path).resolve()) for path in paths]
    notebooks = [path for path in whole if path.endswith((".ipynb", "notebooks"))]
    tests = [path for path in whole if path not in notebooks]
    steps: list[Step] = [("tests", ["pytest", *tests])] if tests else []
    return steps + ([FRESH, ("notebooks", [*STRICT, *notebooks])] if notebooks else [])


def _need_tools() -> None:
    """Install the Debian packages that tests use; without them those tests are skipped, which fails in CI."""
    needed = (
        ("chromium", "test with a real browser"),
        ("shellcheck", "check its shell files"),
        ("tshark", "read captures"),
    )
    for package, why in needed:
        try:
            need_packages([package], why, say)
        except CourseError as error:
            say(str(error))
