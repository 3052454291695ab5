"""`./course test --soak`: every notebook on every engine and in random order, and what is too long for the gate.

What it saw is written to docs/soak-DATE.md.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import platform
import random
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping, Sequence
from math import isnan, nan
from pathlib import Path

from course_lib import engine, gate, images, lab
from course_lib.progress import say

LAX = (*gate.NBVAL, "--nbval-lax")  # every cell runs, and what it asserts must be so; outputs may be others
ALL = "all of them"
Taken = Mapping[str, float]  # by file: the seconds that it took in one run; NaN if something in it failed


def run(start: Callable[..., None], runs: int) -> int:
    """Run the soak in a lab of its own, write its report, and return 0 if all of it is well.

    On the default engine all notebooks run in `runs` random orders, after each other in one lab.
    `start(version, install=...)` makes the lab run with that engine.
    """
    began, today = time.monotonic(), datetime.datetime.now(datetime.UTC).date()
    notebooks = sorted(f"notebooks/{path.name}" for path in (gate.ROOT / "notebooks").glob("*.ipynb"))
    columns: dict[str, list[Taken]] = {}
    failed: list[str] = []
    name = f"{lab.name()[:26]}-soak"
    with contextlib.ExitStack() as at_the_end:
        at_the_end.callback(gate.take_away, name)
        folder = Path(at_the_end.enter_context(tempfile.TemporaryDirectory(prefix="course-")))
        os.environ["COURSE_LAB"] = name

        def column(title: str, commands: Sequence[Sequence[str]]) -> None:
            logs = [folder / f"{len(columns)}-{number}.xml" for number in range(len(commands))]
            steps = [
                (f"{title}, run {number} of {len(logs)}", [*command, "-q", f"--junitxml={log}"])
                for number, (command, log) in enumerate(zip(commands, logs, strict=True), 1)
            ]
            failed.extend(gate.side_by_side({name: [gate.FRESH, *steps]}))
            columns[title] = [taken(log.read_text() if log.exists() else "<no-log/>") for log in logs]

        for version in images.RELEASES:  # a chapter runs them all, and has no time to make their images
            start(version, install=True)
        for version in sorted(images.RELEASES, key=lambda v: v == lab.DEFAULT_ENGINE):  # the default one last
            start(version, install=True)
            real = lab.real_version()
            if version == lab.DEFAULT_ENGINE:
                orders = shuffled(notebooks, seed=today.toordinal(), runs=runs)
                column(f"{real}, outputs compared", [[*gate.STRICT, *order] for order in orders])
            else:
                column(f"{real}, every cell run", [[*LAX, *notebooks]])
        column("tests of the soak", [[*gate.PYTEST, "tests", "-m", "soak"]])
    about = f"{runs} random orders (seed {today.toordinal()}), {time.monotonic() - began:.0f} s in all"
    path = gate.ROOT / f"docs/soak-{today}.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text(report(f"Soak of {today}", f"{_machine()}; {about}.", columns, failed))
    say(f"Failed: {', '.join(failed)}" if failed else "All is well.")
    say(f"The report: {path.relative_to(gate.ROOT)}")
    return 1 if failed else 0


def shuffled(things: Sequence[str], *, seed: int, runs: int) -> list[list[str]]:
    """Return the things in so many random orders, the same ones for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - an order is no secret
    return [chance.sample(things, len(things)) for _ in range(runs)]


def taken(log: str) -> Taken:
    """Return how long each file took, and all of them, by a log of pytest in the form of JUnit."""
    found: dict[str, float] = {}
    for case in ET.fromstring(log).iter("testcase"):  # noqa: S314 - our own tests have just written it
        well = case.find("failure") is None and case.find("error") is None
        for key in (case.attrib["classname"].partition(".")[2], ALL):
            found[key] = found.get(key, 0.0) + (float(case.attrib["time"]) if well else nan)
    return found


def report(title: str, about: str, columns: Mapping[str, Sequence[Taken]], failed: Sequence[str]) -> str:
    """Return the report: a table of the files, with a column for each engine, in Markdown."""
    files = sorted({file for runs in columns.values() for run in runs for file in run}, key=lambda f: (f == ALL, f))
    rows = [["", *columns], ["---"] * (len(columns) + 1)]
    rows += [[file, *(_cell(file, runs) for runs in columns.values())] for file in files]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    verdict = "\n".join(["Failed:", "", *(f"- {what}" for what in failed)]) if failed else "Nothing failed."
    return f"# {title}\n\n{about}\n\n{table}\n\n{verdict}\n"


def _cell(file: str, runs: Sequence[Taken]) -> str:
    """Say how often a file was well, and how long that took; a dash if no run had it."""
    if not any(file in run for run in runs):
        return "-"
    well = sorted(run[file] for run in runs if not isnan(run.get(file, nan)))
    span = f"{well[0]:.0f} s" if len(well) == 1 else f"{well[0]:.0f} to {well[-1]:.0f} s" if well else ""
    return ", ".join(filter(None, (f"{len(well)} of {len(runs)} well", span)))


def _machine() -> str:
    """Say what the soak ran on."""
    info = engine.outer().info()
    return (
        f"{info['NCPU']} cores, {platform.system()} {platform.release()} {platform.machine()}, "
        f"cgroup v{info.get('CgroupVersion', '1')}, the machine's Docker engine {info['ServerVersion']}"
    )
