"""What an exercise's checks.py is written with: values from a seed, probes, checks, verdicts. All of it is pure.

A *probe* looks at the lab and leaves plain data. A *check* judges what the probes saw; it never looks itself. So the
marks are a function of the evidence, and can be worked out again without a lab.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from course_lib.errors import CourseError
from course_lib.network.model import Snapshot

Value = int | str
Values = Mapping[str, Value]


@dataclass(frozen=True)
class Seed:
    """Where a learner's values come from: the same for the same two names, on every machine and Python."""

    exercise: str
    learner: str

    def number(self, name: str, low: int, high: int) -> int:
        """Return a number from `low` to `high`, both included. Each name has its own: a new one moves no other."""
        digest = hashlib.sha256(f"{self.exercise}\n{self.learner}\n{name}".encode()).digest()
        return low + int.from_bytes(digest[:8], "big") % (high - low + 1)

    def choice(self, name: str, among: Sequence[str]) -> str:
        """Return one of several texts."""
        return among[self.number(name, 0, len(among) - 1)]


def network_of(container: Value) -> str:
    """Return the place of a probe that has a container's network and its names, and the host's programs.

    So it does not matter what programs an image has, nor what somebody made of them.
    """
    return f"network of {container}"


@dataclass(frozen=True)
class Probe:
    """A command that looks at the lab, and where it is run."""

    place: str  # "host", "client", the name of a container, or `network_of` one
    command: str  # bash; in a container its own sh
    patience: float = 0  # seconds during which it is run again while it fails: a service needs a moment to begin
    timeout: float = 5  # seconds for one run


@dataclass(frozen=True)
class Result:
    """What a probe saw."""

    place: str
    command: str
    code: int  # the exit code; 124 if it did not end in its time (timeout(1)), 255 if it could not be run
    output: str  # both streams, at most 4000 characters

    @property
    def ok(self) -> bool:
        """Whether the command succeeded."""
        return self.code == 0

    @property
    def words(self) -> str:
        """Return what an exit code of curl means (curl(1), EXIT CODES), or the code."""
        known = {
            6: "the name does not resolve",
            7: "connection refused, or no way to the address",
            22: "the server answers with an error",
            28: "no answer in time",
            52: "the connection is closed without an answer",
            56: "the connection is reset",
            124: "it did not end in its time",
        }
        return "success" if self.ok else known.get(self.code, f"exit code {self.code}")


@dataclass(frozen=True)
class Seen:
    """All that a check may judge by."""

    values: Values
    network: Snapshot
    results: Mapping[str, Result]  # by the names that the exercise's probes have
    start: Seen | None = None  # the same of the start state, before the answer ran: no answer can change it

    @property
    def began(self) -> Seen:
        """Return what was seen of the start state; raises CourseError where nobody looked at it."""
        if self.start is None:
            raise CourseError("What was seen does not tell how the lab began: remove that report, and grade again.")
        return self.start

    def running(self, name: str) -> bool:
        """Whether a container of that name runs."""
        container = self.network.container(name)
        return container is not None and container.state == "running"

    def address(self, name: str, network: str = "bridge") -> str | None:
        """Return the IPv4 address of a container on a network, without its prefix length; None if it has none."""
        container = self.network.container(name)
        for endpoint in container.endpoints if container else ():
            if endpoint.network == network:
                return next((a.partition("/")[0] for a in endpoint.addresses if ":" not in a), None)
        return None


@dataclass(frozen=True)
class Finding:
    """What a check found; `hint` is a name among the check's hints, empty where all is well."""

    found: str
    hint: str = ""


@dataclass(frozen=True)
class Check:
    """One thing that must be so. `wanted`, hints and steps are templates: `{name}` is the value of that name."""

    name: str
    points: int
    wanted: str
    judge: Callable[[Seen], Finding]
    evidence: tuple[str, ...] = ()  # the names of the probes that are shown
    rests_on: tuple[str, ...] = ()  # checks that must be right before this one is worth a look
    hints: Mapping[str, str] = field(default_factory=dict)  # by the name of what was seen
    steps: tuple[str, ...] = ()  # what hint() says, one after the other: where to look, with what, for what


@dataclass(frozen=True)
class Verdict:
    """What became of a check."""

    check: str
    points: int  # that were got
    of: int  # that could be got
    found: str
    wanted: str
    evidence: tuple[Result, ...] = ()
    hint: str = ""  # in words
    mistake: str = ""  # the hint's name

    @property
    def ok(self) -> bool:
        """Whether all is well."""
        return not self.mistake


UNSEEN = "unseen"  # the mistake of a lab that nothing can be asked of any more
WAITING = "waiting"  # the mistake of a check that rests on another


def verdicts(checks: Sequence[Check], seen: Seen | None, *, broken: str = "") -> tuple[Verdict, ...]:
    """Judge what was seen, in the order of the checks; without anything seen all is wrong, for the reason `broken`."""
    done: dict[str, Verdict] = {}
    for check in checks:
        done[check.name] = _verdict(check, seen, broken, done)
    return tuple(done.values())


def _verdict(check: Check, seen: Seen | None, broken: str, done: Mapping[str, Verdict]) -> Verdict:
    if seen is None:
        return Verdict(check.name, 0, check.points, broken, check.wanted, hint=broken, mistake=UNSEEN)
    values = dict(seen.values)
    wanted = check.wanted.format_map(values)
    if missing := [name for name in check.rests_on if not done[name].ok]:
        words = f"This rests on: {', '.join(missing)}."
        return Verdict(check.name, 0, check.points, "not looked at yet", wanted, hint=words, mistake=WAITING)
    finding = check.judge(seen)
    shown = tuple(seen.results[name] for name in check.evidence if name in seen.results)
    if not finding.hint:
        return Verdict(check.name, check.points, check.points, finding.found, wanted, shown)
    hint = check.hints[finding.hint].format_map(values)
    return Verdict(check.name, 0, check.points, finding.found, wanted, shown, hint, finding.hint)


def seen_from(evidence: Mapping[str, Any], values: Values, network: Snapshot, start: Seen | None) -> Seen:
    """Return what the probes of an evidence file saw."""
    results = {
        str(name): Result(str(r["place"]), str(r["command"]), int(r["code"]), str(r["output"]))
        for name, r in evidence["probes"].items()
    }
    return Seen(values, network, results, start)
