"""Define what the checks.py of an exercise is written with, and turn evidence into verdicts: `judge` (pure).

A *probe* runs a command in the lab and records plain data, the evidence. A *check* judges the evidence and never runs
anything. So marks are a function of the evidence, and can be computed again without a lab.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict

from course_lib.errors import CourseError
from course_lib.network import parse_facts
from course_lib.network.model import Snapshot, without_prefix

Value = int | str
Values = Mapping[str, Value]


@dataclass(frozen=True)
class Seed:
    """The source of a learner's values; the same names and case give the same values on every machine and Python."""

    exercise: str
    learner: str
    case: int = 0  # 0 is the case that is handed in; every other number is one for practice

    def number(self, name: str, low: int, high: int) -> int:
        """Return a number from `low` to `high`, both included; it depends on no other name than `name`."""
        text = f"{self.exercise}\n{self.learner}\n{name}" + (f"\n{self.case}" if self.case else "")
        digest = hashlib.sha256(text.encode()).digest()
        return low + int.from_bytes(digest[:8], "big") % (high - low + 1)

    def choice(self, name: str, among: Sequence[str]) -> str:
        """Return one of several texts."""
        return among[self.number(name, 0, len(among) - 1)]


def network_of(container: Value) -> str:
    """Return the place of a probe in a container's network namespace, with its DNS settings but the host's programs.

    Such a probe depends neither on which programs the image has nor on what the answer did to them.
    """
    return f"network of {container}"


@dataclass(frozen=True)
class Probe:
    """A command that inspects the lab, and where to run it."""

    place: str  # "host", "client", the name of a container, or `network_of` one
    command: str  # for bash; in a container for its sh
    patience: float = 0  # seconds during which a failing command is repeated: a service needs time to start
    timeout: float = 5  # seconds for one run


@dataclass(frozen=True)
class Result:
    """The result of a probe."""

    place: str
    command: str
    code: int  # the exit code; 124 if the timeout ended it (timeout(1)), 255 if it could not be run
    output: str  # stdout and stderr, at most 4000 bytes

    @property
    def ok(self) -> bool:
        """Whether the command succeeded."""
        return self.code == 0

    @property
    def opening(self) -> str:
        """Return the first line of the output, at most 40 characters of it."""
        return self.output.strip().partition("\n")[0][:40]

    @property
    def words(self) -> str:
        """Return the exit code in words: what it means for curl (curl(1), EXIT CODES) and timeout(1)."""
        known = {
            6: "the name does not resolve",
            7: "connection refused, or no route to the address",
            22: "the server answered with an error",
            28: "no answer in time",
            52: "the connection was closed without an answer",
            56: "the connection was reset",
            124: "it did not end in time",
        }
        return "success" if self.ok else known.get(self.code, f"exit code {self.code}")


class StartEvidence(TypedDict):
    """What the lab showed before the answer ran."""

    facts: parse_facts.RawFacts | None  # None if they cannot be used
    probes: dict[str, dict[str, Any]]  # the fields of a Result, by the names of the exercise's probes


class Evidence(StartEvidence):
    """What the lab showed after the answer ran. The grader keeps it as JSON, which `--from-evidence` reads."""

    broken: str  # why the lab could not be probed; "" if it could
    start: StartEvidence | None  # None if the exercise begins with an empty lab


@dataclass(frozen=True)
class Seen:
    """The evidence in the form that checks judge."""

    values: Values
    network: Snapshot
    results: Mapping[str, Result]  # by the names of the exercise's probes
    start: Seen | None = None  # the same for the start state; recorded before the answer ran, which cannot change it

    @property
    def began(self) -> Seen:
        """Return the evidence of the start state; raises CourseError if there is none."""
        if self.start is None:
            raise CourseError(
                "The evidence does not include the lab's start state: delete that report and grade again."
            )
        return self.start

    def address(self, name: str, network: str = "bridge") -> str | None:
        """Return a container's IPv4 address on a network, without prefix length; None if it has none."""
        container = self.network.container(name)
        for endpoint in container.endpoints if container else ():
            if endpoint.network == network:
                return next((without_prefix(a) for a in endpoint.addresses if ":" not in a), None)
        return None


@dataclass(frozen=True)
class Finding:
    """What a check found; `hint` is the name of one of the check's hints, "" if the check is passed."""

    found: str
    hint: str = ""


@dataclass(frozen=True)
class Check:
    """One requirement. `wanted`, hints and steps are templates: `{name}` is replaced by the value of that name."""

    name: str
    points: int
    wanted: str
    judge: Callable[[Seen], Finding]
    evidence: tuple[str, ...] = ()  # the names of the probes whose results are shown
    rests_on: tuple[str, ...] = ()  # checks that must be right before this one is judged
    hints: Mapping[str, str] = field(default_factory=dict)  # by the name of the mistake
    steps: tuple[str, ...] = ()  # what hint() prints, one more at each call: where to look, with what, for what
    steps_for: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # for one mistake, instead of `steps`


UNSEEN = "unseen"  # the mistake if the lab could not be probed
WAITING = "waiting"  # the mistake if a check that this one rests on is wrong


@dataclass(frozen=True)
class Verdict:
    """The result of a check."""

    check: str
    points: int  # awarded
    of: int  # possible
    found: str
    wanted: str
    evidence: tuple[Result, ...] = ()
    hint: str = ""  # its text
    mistake: str = ""  # its name

    @property
    def ok(self) -> bool:
        """Whether the check is passed."""
        return not self.mistake

    @property
    def word(self) -> str:
        """Whether the check is passed, in one or two words."""
        return "right" if self.ok else "not checked" if self.mistake == WAITING else "wrong"

    def __str__(self) -> str:
        """Return a line with the points and what is wanted."""
        return f"{self.word:11}  {self.points}/{self.of}  {self.wanted}"


def verdicts(checks: Sequence[Check], seen: Seen | None, *, broken: str = "") -> tuple[Verdict, ...]:
    """Return a verdict for each check, in order; if `seen` is None, all are wrong for the reason `broken`."""
    if seen is None:
        return tuple(Verdict(c.name, 0, c.points, broken, c.wanted, hint=broken, mistake=UNSEEN) for c in checks)
    done: dict[str, Verdict] = {}
    for check in checks:
        missing = [done[name] for name in check.rests_on if not done[name].ok]
        done[check.name] = _waiting(check, seen, missing) if missing else _verdict(check, seen)
    return tuple(done.values())


def _waiting(check: Check, seen: Seen, missing: list[Verdict]) -> Verdict:
    wanted = check.wanted.format_map(dict(seen.values))
    hint = f"It is checked when this is right: {' '.join(verdict.wanted for verdict in missing)}"
    return Verdict(check.name, 0, check.points, "not checked yet", wanted, hint=hint, mistake=WAITING)


def _verdict(check: Check, seen: Seen) -> Verdict:
    values, finding = dict(seen.values), check.judge(seen)
    return Verdict(
        check.name,
        points=0 if finding.hint else check.points,
        of=check.points,
        found=finding.found,
        wanted=check.wanted.format_map(values),
        evidence=tuple(seen.results[name] for name in check.evidence if name in seen.results),
        hint=check.hints[finding.hint].format_map(values) if finding.hint else "",
        mistake=finding.hint,
    )


def judge(checks: Sequence[Check], values: Values, evidence: Evidence) -> tuple[Verdict, ...]:
    """Return the verdicts of checks on evidence from `course_lib.exercises.probes.evidence`.

    Raises CourseError if a check needs the start state and the evidence has none, and what `parse_facts.snapshot`
    raises if the facts make no sense.
    """
    began = evidence.get("start")
    start = _seen(began, values) if began else None
    return verdicts(checks, _seen(evidence, values, start), broken=evidence["broken"])


def _seen(evidence: StartEvidence, values: Values, start: Seen | None = None) -> Seen | None:
    if evidence["facts"] is None:
        return None
    results = {name: Result(**fields) for name, fields in evidence["probes"].items()}
    return Seen(values, parse_facts.snapshot(evidence["facts"]), results, start)
