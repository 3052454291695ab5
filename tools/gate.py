"""`./course test`: style, types, tests and notebooks, in labs of their own."""

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
from course_lib.lab.host_platform import need_packages
from course_lib.lab.lifecycle import DEFAULT_ENGINE, Lab
from course_lib.paths import ROOT
from course_lib.setup import docker_install

PYTEST = ("pytest", "-p", "no:cacheprovider", "--durations=30")
# What notebooks are run with. A cell may take as long as the longest command of a lesson, and no longer.
NBVAL = (
    *PYTEST,
    "--nbval-current-env",
    "--nbval-cell-timeout=120",
    "--nbval-sanitize-with=tests/nbval_sanitize.cfg",
)
STRICT = (*NBVAL, "--nbval")  # every output is compared
OPTIONS = "COURSE_APT_OPTIONS"
# How Python begins what it prints of an error that nobody caught. No part of the course lets one get that far.
TRACES = ("Traceback (most recent call last)", "Exception ignored in")

Step = tuple[str, list[str]]  # a title, and what stands behind `python -m`


def run(lab: Lab, paths: Sequence[str], level: str) -> int:
    """Run the gate to a level (QUICK or WHOLE), or only the tests and notebooks in PATHS; return 0 if all is well.

    The tests and the notebooks have labs of their own, relatives of `lab`, so that the learner's stays as it is.
    """
    # Each chain goes one step after the other, beside the others, and has its lab.
    steps = {"test": _chosen(paths)} if paths else plan(level)
    chains = {lab.relative(end): chain for end, chain in steps.items()}
    of_workers = [lab.relative(f"book-{worker}") for worker in WORKERS if not paths]
    os.environ["COURSE_LEARNER"] = catalog.NOBODY  # whose values stand in the committed outputs
    began = time.monotonic()
    docker_install.ensure_engine(client.outer, say, install=True)
    try:
        make_images(images.RELEASES if level == WHOLE and not paths else [DEFAULT_ENGINE])
        if paths:  # else the labs are started by those who use them, side by side (tests/worker.py)
            lab.relative("test").up(DEFAULT_ENGINE, _need)
        _need_tools()
        failed = side_by_side(chains)
    finally:
        take_away([*chains, *of_workers])
    took = f"in {time.monotonic() - began:.0f} s"
    say(f"\nFailed {took}: {', '.join(failed)}" if failed else f"\nAll is well {took}.")
    return 1 if failed else 0


def make_images(versions: Iterable[str]) -> None:
    """Make the images of these engines: no test and no cell has time for that.

    Debian's testing index, where the newest engine is from, is past its Valid-Until on some mirrors. The tests take
    it as it is (apt-secure(8)); a learner has to say so.
    """
    before = os.environ.get(OPTIONS)
    os.environ[OPTIONS] = f"{before or ''} Acquire::Check-Valid-Until=false".strip()
    try:
        for version in versions:
            images.build_all(images.RELEASES[version], _need)
    finally:
        os.environ.pop(OPTIONS)
        if before is not None:
            os.environ[OPTIONS] = before


def _need(package: str) -> None:
    """Install a Debian package that making the images takes."""
    need_packages([package], "make the lab's images", say)


def take_away(labs: Iterable[Lab]) -> None:
    """Remove labs, side by side, with their relatives that tests made.

    Raises CourseError if one of them printed a traceback.
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
    # Not the proof, which is for a learner's `down`: beside other labs that go it would tell of these.
    for line in "".join(output).splitlines():
        if line.startswith("Removed the"):
            say(line)
    for text in filter(has_traceback, output):
        raise CourseError(f"`./course down` printed a traceback:\n{text}")


def has_traceback(output: str) -> bool:
    """Whether there is a traceback in what a program printed."""
    return any(trace in output for trace in TRACES)


def side_by_side(chains: Mapping[Lab, Sequence[Step]], *, at_once: int = 4) -> list[str]:
    """Run chains of steps beside each other, each with the lab that it is under; return the titles that failed.

    No more than so many go on at once; the others wait for their turn.
    On Ctrl-C the steps that run end (the terminal tells them, too), and none begins any more.
    """
    stop = threading.Event()

    def run_chain(chain: tuple[Lab, Sequence[Step]]) -> list[str]:
        lab, steps = chain
        return [title for title, command in steps if not stop.is_set() and not _is_well(lab, title, command)]

    with ThreadPoolExecutor(at_once) as pool:
        try:
            return [title for titles in pool.map(run_chain, chains.items()) for title in titles]
        except BaseException:
            stop.set()
            raise


def _is_well(lab: Lab, title: str, command: Sequence[str]) -> bool:
    """Run one step, print what it says when it has ended, and return whether it went well, without any traceback.

    Of tests that pass pytest shows no output; `tests/tracebacks.py` looks at that.
    """
    say(f"== {title}: begun")
    began = time.monotonic()
    # Some machines forbid Python its compiled files: then each of hundreds of Pythons would compile all of the course.
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
    word = "FAILED" if done.returncode else "FAILED: a traceback was printed" if has_traceback(output) else "well"
    say(f"{output.rstrip()}\n== {title}: {word}, {time.monotonic() - began:.0f} s\n")
    return word == "well"


FRESH: Step = ("a fresh lab", ["course_lib", "reset"])  # a notebook says at its beginning what it removes: nothing
EXERCISES, FAULTS = "tests/exercises/test_answers.py", "tests/end_to_end/test_faults.py"
APPENDIX = "notebooks/appendix_three_engines.ipynb"  # three labs more
SMALL = ("02_publish_three_ways", "03_own_bridge")  # the exercises of the quick gate
PANEL = ("tests/end_to_end/test_live_panel.py", "tests/end_to_end/test_projector.py")
# Notebooks and answers mostly wait: workers of pytest-xdist, each with a lab of its own, wait side by side.
WORKERS = ("gw0", "gw1")  # as pytest-xdist names them
BESIDE = ("-p", "tests.worker", "-n", str(len(WORKERS)), "--dist")  # and how they share what there is
# Which tests: some of each kind and every chapter in some minutes, for each commit; or all but the soak, as in CI.
QUICK, WHOLE = "not soak and not slow", "not soak"


def plan(level: str) -> dict[str, list[Step]]:
    """Return the gate's chains, which take about as long, by the roles of their labs."""
    here = ("-m", f"live and {level}")
    apart = (EXERCISES, FAULTS, *PANEL)
    notebooks = ["notebooks", "exercises"]
    if level == QUICK:
        notebooks = [f"--ignore={APPENDIX}", "notebooks", *(f"exercises/{name}" for name in SMALL)]
    moments: list[Step] = [("bad moments", [*PYTEST, FAULTS, *here])] if level == WHOLE else []  # all are slow
    return {
        # Most live tests look at the whole machine: they go one at a time.
        "test": [("live tests", [*PYTEST, "tests", *(f"--ignore={file}" for file in apart), *here])],
        "book": [
            ("notebooks", [*STRICT, *BESIDE, "loadfile", *notebooks]),
            ("answers to exercises", [*PYTEST, *BESIDE, "load", EXERCISES, *here]),
        ],
        "page": [
            ("style", ["ruff", "check", "."]),
            ("form", ["ruff", "format", "--check", "."]),
            ("types", ["mypy"]),
            ("pure tests", [*PYTEST, "tests", "-m", f"not live and {level}"]),
            ("the live picture in a browser", [*PYTEST, *PANEL, *here]),
            *moments,
        ],
    }


def _chosen(paths: Sequence[str]) -> list[Step]:
    """Return the steps for chosen paths: notebooks by nbval, everything else by pytest alone."""
    whole = [str(Path(path).resolve()) for path in paths]
    notebooks = [path for path in whole if path.endswith((".ipynb", "notebooks"))]
    tests = [path for path in whole if path not in notebooks]
    steps: list[Step] = [("tests", ["pytest", *tests])] if tests else []
    return steps + ([FRESH, ("notebooks", [*STRICT, *notebooks])] if notebooks else [])


def _need_tools() -> None:
    """Install the Debian packages that tests use; without them those tests are skipped, which fails in CI."""
    for package, why in (("chromium", "test with a real browser"), ("shellcheck", "check its shell files")):
        try:
            need_packages([package], why, say)
        except CourseError as error:
            say(str(error))
