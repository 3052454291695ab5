"""`./course test --soak`: every notebook on every engine and in random order, and what is too long for the gate.

What it saw is written to docs/soak-DATE-PART.md; what a soak saw that was stopped, to docs/soak-DATE-PART-stopped.md.
"""

from __future__ import annotations

import contextlib
import datetime
import itertools
import os
import platform
import random
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan
from pathlib import Path

from course_lib.console import say
from course_lib.engine import client
from course_lib.exercises import catalog
from course_lib.lab import images
from course_lib.lab.lifecycle import DEFAULT_ENGINE, Lab
from course_lib.paths import ROOT
from tools import gate

LAX = (*gate.NBVAL, "--nbval-lax")  # every cell runs, and what it asserts must be so; outputs may be others
ALL = "all of them"
STOPPED = ["stopped before its end"]
AT_ONCE = 2  # chains: each waits for its lab a good part of its time
# The files of tests that are parts of their own; the part "tests" is all others.
FILES = {
    "answers": [gate.EXERCISES],
    "grading": ["tests/grading/test_grader.py", "tests/exercises/test_07_rescue.py", "tests/notebook/test_practice.py"],
    "faults": ["tests/end_to_end/test_faults.py"],
}
TESTS = {
    **{part: [*gate.PYTEST, *files, "-m", "soak"] for part, files in FILES.items()},
    "tests": [*gate.PYTEST, "tests", *(f"--ignore={file}" for files in FILES.values() for file in files), "-m", "soak"],
}
TESTS["answers"] += [*gate.BESIDE, "load"]  # as in the gate
TESTS["faults"] += ["-rP"]  # what happened at each moment
PARTS = ("orders", "engines", *TESTS)
Taken = Mapping[str, float]  # by file: the seconds that it took in one run; NaN if something in it failed


@dataclass(frozen=True, eq=False)
class Column:
    """What goes on in one lab, command after command: a column of the report of its part."""

    part: str
    title: str
    lab: str  # the end of its name
    engine: str
    commands: list[list[str]]


def plan(parts: Sequence[str], notebooks: Sequence[str], *, seed: int, runs: int) -> list[Column]:
    """Return what the soak does; what takes longest is first.

    On the default engine all chapters run in so many random orders, after each other, in two labs side by side.
    """
    found = []
    chapters = [name for name in notebooks if "appendix" not in name]  # it has its own labs of all engines
    if "orders" in parts:
        orders = [[*gate.STRICT, *order] for order in shuffled(chapters, seed=seed, runs=runs)]
        for number in range(min(AT_ONCE, runs)):
            these = orders[number::AT_ONCE]
            found.append(Column("orders", "outputs compared", f"own{number}", DEFAULT_ENGINE, these))
    for part, command in TESTS.items():
        if part in parts:
            found.append(Column(part, "marked soak", part, DEFAULT_ENGINE, [command]))
    if "engines" in parts:
        others = [version for version in images.RELEASES if version != DEFAULT_ENGINE]
        every = [*LAX, *notebooks]
        found += [Column("engines", "every cell run", v.replace(".", "-"), v, [every]) for v in others]
    return found


def run(lab: Lab, start: Callable[..., None], parts: Sequence[str], runs: int) -> int:
    """Run parts of the soak in labs of their own, write a report of each, and return 0 if all of it is well.

    `start(lab, version, install=...)` makes a lab run with that engine. The labs are relatives of `lab`.
    """
    began, today = time.monotonic(), datetime.datetime.now(datetime.UTC).date()
    notebooks = sorted(f"notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb"))
    columns = plan(parts, notebooks, seed=today.toordinal(), runs=runs)
    os.environ["COURSE_LEARNER"] = catalog.NOBODY  # whose values stand in the committed outputs
    chains: dict[Lab, list[gate.Step]] = {}
    logs: dict[Column, list[Path]] = {}
    engines: dict[Column, str] = {}
    with contextlib.ExitStack() as at_the_end:
        folder = Path(at_the_end.enter_context(tempfile.TemporaryDirectory(prefix="course-")))
        gate.make_images(images.RELEASES)
        for column in columns:
            role = f"soak-{column.lab}"
            its = lab.relative(role)
            of_workers = [lab.relative(f"{role}-{worker}") for worker in gate.WORKERS]
            at_the_end.callback(gate.take_away, [its, *of_workers])
            start(its, column.engine, install=True)
            engines[column] = its.real_version()
            logs[column] = [folder / f"{column.lab}-{number}.xml" for number in range(len(column.commands))]
            chains[its] = [gate.FRESH] + [
                (
                    f"{column.part}, engine {engines[column]}, lab {column.lab}, run {number} of {len(logs[column])}",
                    [*command, "-q", f"--junitxml={log}"],
                )
                for number, (command, log) in enumerate(zip(column.commands, logs[column], strict=True), 1)
            ]
        failed = STOPPED  # unless it comes to its end
        try:
            failed = gate.side_by_side(chains, at_once=AT_ONCE)
        finally:  # what was seen until Ctrl-C is kept, too
            about = f"{_machine()}; {time.monotonic() - began:.0f} s in all, with {', '.join(parts)} side by side"
            about += f"; seed {today.toordinal()}."
            for part in parts:
                these = {column: [_text(log) for log in logs[column]] for column in columns if column.part == part}
                wrong = [title for title in failed if title in STOPPED or title.startswith(f"{part}, ")]
                name = f"{today}-{part}{'-stopped' if failed == STOPPED else ''}"
                if failed != STOPPED or any(map(taken, itertools.chain(*these.values()))):
                    _write(name, about, these, engines, wrong)
    say(f"Failed: {', '.join(failed)}" if failed else "All is well.")
    return 1 if failed else 0


def _write(
    name: str,
    about: str,
    texts: Mapping[Column, Sequence[str]],
    engines: Mapping[Column, str],
    wrong: Sequence[str],
) -> None:
    """Write the report of one part from the logs of its columns."""
    table: dict[str, list[Taken]] = {}
    cases = []
    for column, these in texts.items():
        table.setdefault(f"{engines[column]}, {column.title}", []).extend(map(taken, these))
        cases += [f"{case} (engine {engines[column]})" for text in these for case in broken(text)]
    path = ROOT / f"docs/soak-{name}.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text(report(f"Soak of {name}", about, table, [*wrong, *cases]))
    say(f"The report: {path.relative_to(ROOT)}")


def _text(log: Path) -> str:
    """Return a log of pytest; an empty one if the run was not begun, or did not come to its end."""
    return log.read_text() if log.exists() else "<no-log/>"


def shuffled(things: Sequence[str], *, seed: int, runs: int) -> list[list[str]]:
    """Return the things in so many random orders, the same ones for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - an order is no secret
    return [chance.sample(things, len(things)) for _ in range(runs)]


def _cases(log: str) -> Iterator[tuple[str, ET.Element, bool]]:
    """Yield the file, the case and whether it was well, of each case in a log of pytest in the form of JUnit."""
    for case in ET.fromstring(log).iter("testcase"):  # noqa: S314 - our own tests have just written it
        well = case.find("failure") is None and case.find("error") is None
        yield case.attrib["classname"].partition(".")[2], case, well


def taken(log: str) -> Taken:
    """Return how long each file took, and all of them, by a log of pytest."""
    found: dict[str, float] = {}
    for file, case, well in _cases(log):
        for key in (file, ALL):
            found[key] = found.get(key, 0.0) + (float(case.attrib["time"]) if well else nan)
    return found


def broken(log: str) -> list[str]:
    """Return the file and the name of each case that was not well, by a log of pytest."""
    return list(dict.fromkeys(f"{file}: {case.attrib['name']}" for file, case, well in _cases(log) if not well))


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
    info = client.outer().info()
    return (
        f"{info['NCPU']} cores, {platform.system()} {platform.release()} {platform.machine()}, "
        f"cgroup v{info.get('CgroupVersion', '1')}, the machine's Docker engine {info['ServerVersion']}"
    )
