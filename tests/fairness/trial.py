"""Run answers to an exercise in a lab, and ask the checks and an independent oracle about each: `every`, `tried`."""

from __future__ import annotations

import hashlib
import re
import shlex
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from course_lib.errors import CommandFailedError, CommandHungError, LabGoneError
from course_lib.exercises import answers, catalog
from course_lib.exercises.answers import ANSWER
from course_lib.exercises.checks import WAITING, Values, Verdict, judge
from course_lib.exercises.probes import beginning, evidence
from course_lib.lab import execute
from course_lib.lab.lifecycle import Lab
from course_lib.paths import EXERCISES
from tests.exercises.test_answers import LEARNER, filled
from tests.fairness.mutations import mutants, sheets

HERE = Path(__file__).parent
MUTANTS = 40  # of each right way
# For each part that an oracle speaks of, the checks that must all be passed exactly if the part is right.
PARTS: dict[str, dict[str, tuple[str, ...]]] = {
    "01": {name: (name,) for name in ("cables", "reach", "guard", "wall", "door", "sender")},
    "02": {
        "shop-page": ("shop-answers",),
        "shop-container": ("shop-in-container",),
        "blog": ("blog-answers", "blog-chosen"),
        "desk": ("desk-answers",),
        "desk-closed": ("desk-closed",),
    },
    "03": {
        "net": ("subnet",),
        "gateway": ("gateway",),
        "caller": ("caller",),
        "server": ("address",),
        "name": ("name",),
        "alias": ("alias",),
        "outside": ("outside",),
    },
    "04": {
        "back": ("back",),
        "name": ("name",),
        "door": ("door",),
        "tiers": ("tiers",),
        "outside": ("closed-outside",),
        "inside": ("closed-inside",),
    },
    "08": {
        "networks": ("networks",),
        "store": ("store",),
        "volume": ("volume",),
        "shop": ("shop",),
        "gate": ("gate",),
        "door": ("door",),
        "chain": ("chain",),
        "clerk": ("clerk",),
        "way-out": ("way-out",),
        "apart": ("apart",),
    },
}


@dataclass(frozen=True)
class Try:
    """An answer to be tried."""

    exercise: str  # its folder's name
    name: str
    files: Mapping[str, bytes]  # templates, with `@name@` for the learner's values
    right: bool | None = None  # whether it is meant to be right; None if the oracle alone says so

    @property
    def lot(self) -> str:
        """A text that is as good as random, and always the same for this answer."""
        return hashlib.sha256(f"{self.exercise}: {self.name}".encode()).hexdigest()


@dataclass(frozen=True)
class Outcome:
    """What the checks and the oracle said of an answer."""

    verdicts: tuple[Verdict, ...]
    oracle: Mapping[str, str]  # why each part is wrong, "" if it is right
    seconds: float
    printed: str  # the output of the answer

    @property
    def passed(self) -> bool:
        """Whether the checks give all points."""
        return all(verdict.ok for verdict in self.verdicts)

    @property
    def right(self) -> bool:
        """Whether the oracle finds nothing wrong."""
        return not any(self.oracle.values())

    @property
    def hint(self) -> str:
        """The first mistake that the checks name, "" if there is none."""
        return next((v.mistake for v in self.verdicts if not v.ok and v.mistake != WAITING), "")

    def disagreements(self, parts: Mapping[str, tuple[str, ...]]) -> list[str]:
        """Return where the oracle and the checks differ; a check that was not looked at differs from nothing."""
        found = []
        by_name = {verdict.check: verdict for verdict in self.verdicts}
        for part, why in self.oracle.items():
            mine = [by_name[name] for name in parts[part]]
            wrong = [v for v in mine if not v.ok and v.mistake != WAITING]
            if not why and wrong:
                found.append(f"{part}: right, but refused: {wrong[0].mistake}, {wrong[0].found}")
            if why and all(v.ok for v in mine):
                found.append(f"{part}: {why}, but passed: {mine[0].found}")
        if not found and self.passed != self.right:
            found.append(f"as a whole: {'passed' if self.passed else 'refused'}, but {dict(self.oracle)}")
        return found


def every(number: str) -> Iterator[Try]:
    """Yield all answers to an exercise: what is written in `ways`, and mutants of each right way."""
    [folder] = EXERCISES.glob(f"{number}_*")
    exercise = catalog.named(folder.name)
    values, others = exercise.values(LEARNER), exercise.values("neighbour")
    files_of_solution = answers.files_of(folder / "solution")
    for kind, right in (("right", True), ("wrong", False)):
        written = HERE / "ways" / f"{number}-{kind}.sh"
        for name, text in sections(written.read_text()).items() if written.exists() else ():
            whole = based(text, files_of_solution[ANSWER].decode())
            yield Try(folder.name, f"{kind}: {name}", {**files_of_solution, ANSWER: whole.encode()}, right)
    for way in sorted([folder / "solution", *folder.glob("other-solutions/*")]):
        files = answers.files_of(way)
        yield Try(folder.name, way.name, files, True)
        made = sheets(files[ANSWER].decode()) if number == "01" else mutants(files[ANSWER].decode(), values, others)
        found = [
            Try(folder.name, f"{way.name}, {name}", {**files, ANSWER: mutant.encode()}) for name, mutant in made.items()
        ]
        yield from sorted(found, key=lambda answer: answer.lot)[:MUTANTS]


def sections(text: str) -> dict[str, str]:
    """Return the scripts of a file by the lines `## NAME` above them."""
    pieces = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)[1:]
    return dict(zip(pieces[::2], pieces[1::2], strict=True))


def based(text: str, solution: str) -> str:
    """Return an answer that is written as changes of the solution: lines `#- OLD` and `#+ NEW`, or `#=` for none.

    The other lines are appended. Text without such lines is an answer by itself.
    """
    pairs = re.findall(r"^#- (.*)\n#\+ ?(.*)\n", text, flags=re.MULTILINE)
    if not pairs and "#=\n" not in text:
        return text
    for old, new in pairs:
        assert old in solution, old
        solution = solution.replace(old, new.replace("\\n", "\n"))
    return solution + re.sub(r"^#[-+=].*\n", "", text, flags=re.MULTILINE)


# What can remain of an answer after all of Docker's containers, networks and volumes are removed.
TRACES = """
{ iptables-save; ip6tables-save; } | sed '/^#/d; s/\\[[0-9:]*\\]//'
for ns in "" "ip netns exec client"; do $ns ip -o addr | sed '/ fe80:/d; s/valid_lft.*//'; $ns ip rule; done
for ns in "" "ip netns exec client"; do $ns ip route; done | sed 's/ linkdown//'
ip -o link | sed '/ docker0:/s/<.*//; s/^[0-9]*//' | cut -c 1-60
sysctl net.ipv4.ip_forward net.ipv4.conf.all.route_localnet 2>&1
ps -eo comm= --sort comm | grep -Evx 'ps|bash|sh|sed|grep|sort|cut|tini|cat|sleep|perl|tee'
find /etc /srv /root /usr /opt /home /var/www /tmp -xdev -newer /run/course-fair ! -type d 2>/dev/null
ip netns; docker info -f '{{.Swarm.LocalNodeState}}'
"""
CLEAN = """
rm -rf /root/answer
docker ps -aq | xargs -r docker unpause >/dev/null 2>&1
docker ps -aq | xargs -r -P 4 -n 1 docker rm -fv >/dev/null
docker network ls -q --filter type=custom | xargs -r docker network rm >/dev/null
docker volume ls -q | xargs -r docker volume rm >/dev/null
conntrack -F >/dev/null 2>&1; ip netns exec client conntrack -F >/dev/null 2>&1
"""
IMAGES = "docker images --no-trunc --format '{{.Repository}}:{{.Tag}} {{.ID}}' | sort"
_truth: dict[str, str] = {}  # the right sheets of exercise 01, by the learner
_known: dict[str, str] = {}  # the traces of an empty lab, by the id of its container


def empty(lab: Lab) -> None:
    """Empty a lab: by hand if its last answer left nothing but what Docker removes, and otherwise by a reset."""
    box = lab.require()
    if box in _known:
        try:
            if execute.ask(lab, f"{{ {CLEAN} }} 2>&1; {{ {TRACES} {IMAGES}; }} 2>&1", timeout=20) == _known[box]:
                return
        except (TimeoutError, LabGoneError):
            pass
    lab.reset()
    _known.clear()
    execute.ask(lab, "sleep 0.1; touch /run/course-fair", timeout=20)
    _known[lab.require()] = execute.ask(lab, f"{{ {TRACES} {IMAGES}; }} 2>&1", timeout=20)


def tried(lab: Lab, answer: Try, learner: str = LEARNER) -> Outcome:
    """Run an answer in an empty lab, probe and judge it as `check()` does, and then ask the oracle."""
    began = time.monotonic()
    exercise = catalog.named(answer.exercise)
    values = exercise.values(learner)
    empty(lab)
    start = beginning(lab, exercise, values)
    before = execute.ask(lab, "docker ps -aq --no-trunc") if start else ""
    if answer.exercise.startswith("01"):  # what is right is found out before the answer changes anything
        if learner not in _truth:
            _truth[learner] = whole(lab, "01", {**values, "before": ""})
            assert re.fullmatch("(?:.+ = .+\n)+", _truth[learner]), _truth[learner]
            empty(lab)  # what was tried has raised counters
            start = beginning(lab, exercise, values)
        before = _truth[learner]
    answers.send(lab, filled(answer.files, values))
    printed: list[str] = []
    try:
        execute.run(lab, answers.COMMAND, show=printed.append)
    except (CommandFailedError, CommandHungError) as error:
        printed.append(str(error))
    verdicts = judge(exercise.checks, values, evidence(lab, exercise, values, start))
    said = ask(lab, answer.exercise[:2], {**values, "before": before})
    return Outcome(verdicts, said, time.monotonic() - began, "".join(printed))


def ask(lab: Lab, number: str, values: Values) -> dict[str, str]:
    """Return what an oracle says of the lab: why each part is wrong, "" if it is right."""
    said = whole(lab, number, values)
    found = re.findall(r"^([a-z-]+): (?:right|wrong: (.*))$", said, flags=re.MULTILINE)
    assert found, said
    return dict(found)


def whole(lab: Lab, number: str, values: Values) -> str:
    """Return all that an oracle prints."""
    script = "\n".join(
        [
            *(f"{name}={shlex.quote(str(value))}" for name, value in values.items()),
            *((HERE / "oracles" / f"{file}.sh").read_text() for file in ("common", number)),
        ]
    )
    return execute.ask(lab, f"bash -c {shlex.quote(script)} 2>&1", timeout=120)
