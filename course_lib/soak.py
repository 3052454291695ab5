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

from course_lib import engine, exercises, gate, images, lab
from course_lib.progress import say

LAX = (*gate.NBVAL, "--nbval-lax")  # every cell runs, and what it asserts must be so; outputs may be others
ALL = "all of them"
AT_ONCE = 3  # chains: each waits for its lab a good part of its time
# The parts of the tests that are too long for the gate. As in the gate, answers are replayed side by side.
TESTS = {
    "answers": [*gate.PYTEST, *gate.BESIDE, gate.EXERCISES, "-m", "soak"],
    "tests": [*gate.PYTEST, "tests", f"--ignore={gate.EXERCISES}", "-m", "soak"],
}
Taken = Mapping[str, float]  # by file: the seconds that it took in one run; NaN if something in it failed


def run(start: Callable[..., None], runs: int) -> int:
    """Run the soak in labs of its own, write its report, and return 0 if all of it is well.

    On the default engine all notebooks run in `runs` random orders, after each other in one lab.
    Beside that run the notebooks on the other engines, and the tests that are marked `soak`.
    `start(version, install=...)` makes the lab run with that engine.
    """
    began, today = time.monotonic(), datetime.datetime.now(datetime.UTC).date()
    notebooks = sorted(f"notebooks/{path.name}" for path in (gate.ROOT / "notebooks").glob("*.ipynb"))
    orders = shuffled(notebooks, seed=today.toordinal(), runs=runs)
    own = lab.name()[:20]
    os.environ["COURSE_LEARNER"] = exercises.NOBODY  # whose values stand in the committed outputs
    chains: dict[str, list[gate.Step]] = {}
    logs: dict[str, list[Path]] = {}
    with contextlib.ExitStack() as at_the_end:
        folder = Path(at_the_end.enter_context(tempfile.TemporaryDirectory(prefix="course-")))

        def chain(end: str, title: str, commands: Sequence[Sequence[str]]) -> None:
            """Have commands run after each other in a lab of their own; the report has a column for them."""
            logs[title] = [folder / f"{end}-{number}.xml" for number in range(len(commands))]
            chains[f"{own}-{end}"] = [gate.FRESH] + [
                (f"{title}, run {number} of {len(commands)}", [*command, "-q", f"--junitxml={log}"])
                for number, (command, log) in enumerate(zip(commands, logs[title], strict=True), 1)
            ]

        gate.every_engine()
        for version in sorted(images.RELEASES, key=lambda v: v != lab.DEFAULT_ENGINE):  # what takes longest first
            end = version.replace(".", "-")
            os.environ["COURSE_LAB"] = f"{own}-{end}"
            at_the_end.callback(gate.take_away, f"{own}-{end}")
            start(version, install=True)
            if version == lab.DEFAULT_ENGINE:
                chain(end, f"{lab.real_version()}, outputs compared", [[*gate.STRICT, *order] for order in orders])
                for part, command in TESTS.items():
                    chain(part, f"tests of the soak: {part}", [command])
            else:
                chain(end, f"{lab.real_version()}, every cell run", [[*LAX, *notebooks]])
        for part in TESTS:
            os.environ["COURSE_LAB"] = f"{own}-{part}"
            start(lab.DEFAULT_ENGINE, install=True)
        for name in (f"{own}-{end}" for part in TESTS for end in (part, *(f"{part}-{w}" for w in gate.WORKERS))):
            at_the_end.callback(gate.take_away, name)
        failed = gate.side_by_side(chains, at_once=AT_ONCE)
        columns = {
            title: [taken(log.read_text() if log.exists() else "<no-log/>") for log in of] for title, of in logs.items()
        }
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
