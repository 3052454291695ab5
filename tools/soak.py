"""Run the soak, `./course test --soak`: every notebook on every engine and in random order, and long tests: `run`.

The report is docs/soak-DATE-PART.md; that of an interrupted soak is docs/soak-DATE-PART-stopped.md.
"""

from __future__ import annotations

import contextlib
import datetime
import itertools
import os
import platform
import random
import re
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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

LAX = (*gate.NBVAL, "--nbval-lax")  # runs every cell, with its assertions; does not compare outputs
ALL = "all of them"
STOPPED = ["stopped before its end"]
AT_ONCE = 2  # chains: each spends much of its time waiting for its lab
# Test files that are parts of their own; the part "tests" has all others.
FILES = {
    "answers": [gate.EXERCISES],
    "grading": ["tests/grading/test_grader.py", "tests/exercises/test_07_rescue.py", "tests/notebook/test_practice.py"],
    "faults": ["tests/end_to_end/test_faults.py"],
    "cases": ["tests/exercises/test_09_diagnose.py"],
    "fairness": ["tests/fairness", "tests/exercises/test_fairness.py"],
}
TESTS = {
    **{part: [*gate.PYTEST, *files, "-m", "soak"] for part, files in FILES.items()},
    "tests": [*gate.PYTEST, "tests", *(f"--ignore={file}" for files in FILES.values() for file in files), "-m", "soak"],
}
for _part in ("answers", "fairness"):
    TESTS[_part] += [*gate.PARALLEL, "load"]  # as in the gate
TESTS["faults"] += ["-rP"]  # prints what happened at each moment
PARTS = ("orders", "engines", *TESTS)
Taken = Mapping[str, float]  # file -> seconds in one run; NaN if a test in it failed


@dataclass(frozen=True, eq=False)
class Column:
    """The commands that run one after another in one lab: a column in the report of its part."""

    part: str
    title: str
    lab: str  # the last part of its name
    engine: str
    commands: list[list[str]]


def plan(parts: Sequence[str], notebooks: Sequence[str], *, seed: int, runs: int) -> list[Column]:
    """Return the columns of the soak, those that take longest first.

    On the default engine all chapters run in `runs` random orders, divided between two labs.
    """
    columns = []
    chapters = [name for name in notebooks if "appendix" not in name]  # the appendix has labs of all engines itself
    if "orders" in parts:
        orders = [[*gate.STRICT, *order] for order in shuffled(chapters, seed=seed, runs=runs)]
        for number in range(min(AT_ONCE, runs)):
            share = orders[number::AT_ONCE]
            columns.append(Column("orders", "outputs compared", f"own{number}", DEFAULT_ENGINE, share))
    for part, command in TESTS.items():
        if part in parts:
            columns.append(Column(part, "marked soak", part, DEFAULT_ENGINE, [command]))
    if "engines" in parts:
        others = [version for version in images.RELEASES if version != DEFAULT_ENGINE]
        every = [*LAX, *notebooks]
        columns += [Column("engines", "every cell run", v.replace(".", "-"), v, [every]) for v in others]
    return columns


def run(lab: Lab, start: Callable[..., None], parts: Sequence[str], runs: int) -> int:
    """Run parts of the soak in labs of their own, write a report of each, and return 1 if anything failed.

    `start(lab, version, install=...)` starts a lab with that engine. The labs are relatives of `lab`.
    """
    began, today = time.monotonic(), datetime.datetime.now(datetime.UTC).date()
    notebooks = sorted(f"notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb"))
    columns = plan(parts, notebooks, seed=today.toordinal(), runs=runs)
    os.environ["COURSE_LEARNER"] = catalog.NOBODY  # the committed outputs have this learner's values
    chains: dict[Lab, list[gate.Step]] = {}
    logs: dict[Column, list[Path]] = {}
    engines: dict[Column, str] = {}
    with contextlib.ExitStack() as at_the_end:
        folder = Path(at_the_end.enter_context(tempfile.TemporaryDirectory(prefix="course-")))
        gate.make_images(images.RELEASES)
        for column in columns:
            role = f"soak-{column.lab}"
            own = lab.relative(role)
            worker_labs = [lab.relative(f"{role}-{worker}") for worker in gate.WORKERS]
            at_the_end.callback(gate.remove_labs, [own, *worker_labs])
            start(own, column.engine, install=True)
            engines[column] = own.real_version()
            logs[column] = [folder / f"{column.lab}-{number}.xml" for number in range(len(column.commands))]
            chains[own] = [gate.FRESH] + [
                (
                    f"{column.part}, engine {engines[column]}, lab {column.lab}, run {number} of {len(logs[column])}",
                    [*command, "-q", f"--junitxml={log}"],
                )
                for number, (command, log) in enumerate(zip(column.commands, logs[column], strict=True), 1)
            ]
        failed = STOPPED  # unless all steps run
        try:
            failed = gate.side_by_side(chains, at_once=AT_ONCE)
        finally:  # write the report after Ctrl-C, too
            about = f"{_machine()}; {time.monotonic() - began:.0f} s in all, with {', '.join(parts)} at the same time"
            about += f"; seed {today.toordinal()}."
            for part in parts:
                these = {column: [_text(log) for log in logs[column]] for column in columns if column.part == part}
                wrong = [title for title in failed if title in STOPPED or title.startswith(f"{part}, ")]
                name = f"{today}-{part}{'-stopped' if failed == STOPPED else ''}"
                if failed != STOPPED or any(map(taken, itertools.chain(*these.values()))):
                    _write(name, about, these, engines, wrong)
    say(f"Failed: {', '.join(failed)}" if failed else "All passed.")
    return 1 if failed else 0


def _write(
    name: str, about: str, texts: Mapping[Column, Sequence[str]], engines: Mapping[Column, str], wrong: Sequence[str]
) -> None:
    """Write the report of one part from the logs of its columns."""
    table: dict[str, list[Taken]] = {}
    cases = []
    for column, these in texts.items():
        table.setdefault(f"{engines[column]}, {column.title}", []).extend(map(taken, these))
        cases += [f"{case} (engine {engines[column]})" for text in these for case in broken(text)]
    path = ROOT / f"docs/soak-{name}.md"
    path.parent.mkdir(exist_ok=True)
    about += agreements([text for these in texts.values() for text in these])
    path.write_text(report(f"Soak of {name}", about, table, [*wrong, *cases]))
    say(f"Wrote {path.relative_to(ROOT)}.")


def _text(log: Path) -> str:
    """Return a log of pytest; an empty one if the run was not started or did not finish."""
    return log.read_text() if log.exists() else "<no-log/>"


def shuffled(things: Sequence[str], *, seed: int, runs: int) -> list[list[str]]:
    """Return the things in `runs` random orders, the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - an order is no secret
    return [chance.sample(things, len(things)) for _ in range(runs)]


def _cases(log: str) -> Iterator[tuple[str, ET.Element, bool]]:
    """Yield the file, the case, and whether it passed, of each case in pytest's log (JUnit XML)."""
    # A case that was interrupted has no name. Our own tests have just written the log.
    for case in ET.fromstring(log).iterfind(".//testcase[@classname]"):  # noqa: S314
        passed = case.find("failure") is None and case.find("error") is None
        yield case.attrib["classname"].partition(".")[2], case, passed


def taken(log: str) -> Taken:
    """Return the seconds that each file took, and all of them (ALL), from a log of pytest."""
    found: dict[str, float] = {}
    for file, case, passed in _cases(log):
        for key in (file, ALL):
            found[key] = found.get(key, 0.0) + (float(case.attrib["time"]) if passed else nan)
    return found


def broken(log: str) -> list[str]:
    """Return the file and name of each case that did not pass, from a log of pytest."""
    return list(dict.fromkeys(f"{file}: {case.attrib['name']}" for file, case, passed in _cases(log) if not passed))


def agreements(logs: Iterable[str]) -> str:
    """Return a table in Markdown of the answers of tests/fairness in logs of pytest, by exercise; "" if there is none.

    The seconds are those of one answer, with emptying its lab before: the median and the longest.
    """
    found: dict[str, list[tuple[bool, float]]] = {}
    for file, case, passed in itertools.chain.from_iterable(map(_cases, logs)):
        if file.endswith("test_agreement") and (number := re.search(r"\[(\d\d): ", case.attrib["name"])):
            found.setdefault(number[1], []).append((passed, float(case.attrib["time"])))
    rows = ["| exercise | answers | checks and oracle agree | seconds an answer |", "| --- | --- | --- | --- |"]
    for exercise, tries in sorted(found.items()):
        times = sorted(seconds for _, seconds in tries)
        span = f"{times[len(times) // 2]:.0f}, at most {times[-1]:.0f}"
        rows.append(f"| {exercise} | {len(tries)} | {sum(passed for passed, _ in tries)} | {span} |")
    return "\n\n" + "\n".join(rows) if found else ""


def report(title: str, about: str, columns: Mapping[str, Sequence[Taken]], failed: Sequence[str]) -> str:
    """Return the report in Markdown: a table with a row for each file and a column for each engine."""
    files = sorted({file for runs in columns.values() for run in runs for file in run}, key=lambda f: (f == ALL, f))
    rows = [["", *columns], ["---"] * (len(columns) + 1)]
    rows += [[file, *(_cell(file, runs) for runs in columns.values())] for file in files]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    verdict = "\n".join(["Failed:", "", *(f"- {what}" for what in failed)]) if failed else "Nothing failed."
    return f"# {title}\n\n{about}\n\n{table}\n\n{verdict}\n"


def _cell(file: str, runs: Sequence[Taken]) -> str:
    """Return how often a file passed and how long that took, in words; "-" if no run had it."""
    if not any(file in run for run in runs):
        return "-"
    times = sorted(run[file] for run in runs if not isnan(run.get(file, nan)))
    span = f"{times[0]:.0f} s" if len(times) == 1 else f"{times[0]:.0f} to {times[-1]:.0f} s" if times else ""
    return ", ".join(filter(None, (f"{len(times)} of {len(runs)} passed", span)))


def _machine() -> str:
    """Return the machine and the engine that the soak ran on, in words."""
    info = client.outer().info()
    return (
        f"{info['NCPU']} cores, {platform.system()} {platform.release()} {platform.machine()}, "
        f"cgroup v{info.get('CgroupVersion', '1')}, the machine's Docker engine {info['ServerVersion']}"
    )
