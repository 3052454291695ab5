"""Test exercise 09: every case shows itself, is healed by taking back exactly its causes, and by no restart alone."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from course_lib.errors import CourseError
from course_lib.exercises import answers, broken_shop, catalog
from course_lib.exercises.checks import Result, Seed, Seen, Value, Values, judge
from course_lib.exercises.probes import evidence
from course_lib.lab import execute
from course_lib.network.model import Snapshot
from course_lib.notebook import current, practice
from tests.exercises.test_07_rescue import SAYS, WAYS, bodies
from tests.exercises.test_answers import filled, replayed
from tests.worker import lab

EXERCISE = catalog.named("09_diagnose")
DIAGNOSE: Any = sys.modules["course_exercise_09_diagnose"]
GENERATED = 200
TAKEN_BACK = bodies((WAYS[0] / answers.ANSWER).read_text(encoding="utf-8"))  # the exact repairs of exercise 07
FUNCTIONS = (broken_shop.SHOP / "shop.sh").read_text(encoding="utf-8").partition("\ndocker network create")[0]
# bash: whether customers get nothing that they miss, for some seconds, once both servers have begun.
STILL_BROKEN = (
    'within 30 sql "SELECT 1" && within 20 inside "$front" curl -s -m 1 -o /dev/null http://127.0.0.1/ || exit 9;'
    " if within 2 well; then echo well; else echo broken; fi"
)
HEALED = "if within 20 well; then echo well; else echo broken; fi"
RESTART = 'docker restart -t 1 "$ledger" "$front" >/dev/null\n'
RESTART_DOCKERD = (
    'kill "$(pidof dockerd)"; while pidof dockerd >/dev/null; do sleep 0.1; done; lab-dockerd >/dev/null 2>&1'
    ' && docker start "$ledger" "$front" >/dev/null\n'
)


def generated() -> Iterator[tuple[str, int]]:
    """Yield learners and their cases: the one that counts and the first two for practice."""
    for number in range(GENERATED):
        yield f"learner-{number // 3}", number % 3


def read(values: Values, *lines: str) -> tuple[str, str]:
    """Return the mistakes of the two checks of a diagnosis: "" for one that is passed or waits."""
    result = Result("host", "", 0, "".join(f"{line}\n" for line in lines))
    seen = Seen(values, Snapshot("26.1"), {"diagnosis": result})
    first = DIAGNOSE.named(seen).hint
    return first, "" if first else DIAGNOSE.complete(seen).hint


def of_case(*faults: str) -> dict[str, Value]:
    """Return the values of a learner with these faults."""
    count, cases = len(faults), DIAGNOSE.CASES[len(faults)]
    return {**EXERCISE.values("somebody"), "broken": count, "slip": 10 * len(cases) + cases.index(faults)}


def decided(values: Values) -> list[str]:
    """Return for each fault of a case the first text that names what decides."""
    faults = DIAGNOSE.faults_of(values)
    return [broken_shop.decided_by(fault).split(", ")[0].format_map(dict(values)) for fault in faults]


def test_the_cases_have_every_fault_and_none_that_a_restart_repairs() -> None:
    assert sorted(DIAGNOSE.ORDER) == sorted(broken_shop.FAULTS)
    assert {fault for faults in DIAGNOSE.CASES[2] for fault in faults} == set(broken_shop.FAULTS)
    assert {fault for (fault,) in DIAGNOSE.CASES[1]} == set(broken_shop.FAULTS) - DIAGNOSE.RESTARTED
    assert len(DIAGNOSE.CASES[2]) > 80
    for faults in itertools.chain(*DIAGNOSE.CASES.values()):
        assert not DIAGNOSE.RESTARTED.issuperset(faults)
        assert frozenset(faults) not in DIAGNOSE.APART


def test_two_hundred_generated_cases_differ_and_have_what_was_promised() -> None:
    values = [EXERCISE.values(learner, case) for learner, case in generated()]
    assert len(values) == GENERATED
    assert len({str(v) for v in values}) == GENERATED
    assert [v["broken"] for v in values] == [1 if case % 2 else 2 for _, case in generated()]
    count = Counter(fault for v in values for fault in DIAGNOSE.faults_of(v))
    assert set(count) == set(broken_shop.FAULTS)
    assert {part for v in values for part in DIAGNOSE.harmless_of(v)} == set(DIAGNOSE.HARMLESS)
    for v in values:
        faults = DIAGNOSE.faults_of(v)
        assert v["complaint"] == broken_shop.COMPLAINTS[broken_shop.symptom_of(faults)]
        assert all(broken_shop.text_of(fault) in EXERCISE.start(v) for fault in faults)
        assert not {str(value) for key, value in v.items() if key != "complaint"} & set(broken_shop.FAULTS)


def test_the_case_that_counts_has_the_values_that_it_always_had() -> None:
    seed = Seed("07_rescue", "kim")
    assert [seed.number("port", 8100, 8899), Seed("07_rescue", "kim", 1).number("port", 8100, 8899)] == [8215, 8155]


def test_no_line_names_two_faults() -> None:
    for learner, case in generated():
        values = EXERCISE.values(learner, case)
        lines = Counter(
            DIAGNOSE.parsed(text, values)
            for fault in broken_shop.FAULTS
            for text in broken_shop.decided_by(fault).format_map(values).split(", ")
        )
        assert [line for line, count in lines.items() if count > 1 or line[0] not in DIAGNOSE.KINDS] == []


def test_every_diagnosis_of_every_case_is_right_in_any_order_and_no_other_is() -> None:
    everything = {fault: broken_shop.decided_by(fault).split(", ") for fault in broken_shop.FAULTS}
    for faults in itertools.chain(*DIAGNOSE.CASES.values()):
        values = of_case(*faults)
        for texts in itertools.product(*(everything[fault] for fault in faults)):
            lines = [text.format_map(values) for text in texts]
            assert read(values, *lines) == read(values, *lines[::-1]) == ("", "")
        for other in set(broken_shop.FAULTS) - set(faults):
            wrong = everything[other][0].format_map(values)
            assert read(values, *decided(values)[:-1], wrong) != ("", "")
            assert read(values, *decided(values), wrong) == ("too-many", "")


@pytest.mark.parametrize(
    ("lines", "mistakes"),
    [
        ([], ("no-diagnosis", "")),
        (["# rule DOCKER-USER", "  ", "---"], ("no-diagnosis", "")),
        (["the firewalls"], ("other-name", "")),
        (["it was the firewall"], ("no-kind", "")),
        (["rule DOCKER-USER", "name books", "route @front@"], ("too-many", "")),
        (["rule OUTPUT", "network @net@"], ("other-name", "")),
        (["rule OUTPUT DOCKER-USER"], ("other-name", "")),
        (["network @net@", "port @port@"], ("other-kind", "")),
        (["rule DOCKER-USER"], ("", "half-named")),
        (["rule docker-user", "Rule: DOCKER-USER"], ("", "half-named")),
        (["rule DOCKER-USER", "network @ledger@"], ("", "half-right")),
        (["rule DOCKER-USER", "name archives"], ("", "half-name")),
        (["rule DOCKER-USER", "name books"], ("", "")),
        (["1. iptables rule filter/DOCKER-USER -p tcp -j DROP", "2. name books of @ledger@"], ("", "")),
        (["rule DOCKER-USER  # it drops", "alias: books (gone)"], ("", "")),
        (["Aliases: `books`", "- a RULE in the chain DOCKER-USER of the table filter."], ("", "")),
    ],
)
def test_a_diagnosis_gets_the_hint_of_what_it_says(lines: list[str], mistakes: tuple[str, str]) -> None:
    values = of_case("alias", "drop")
    assert read(values, *(re.sub(r"@(\w+)@", lambda m: str(values[m[1]]), line) for line in lines)) == mistakes


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        ("conflict", "address @address@/32"),
        ("forwarding", "sysctl net.ipv4.ip_forward = 0"),
        ("forwarding", "settings: /proc/sys/net/ipv4/ip_forward"),
        ("forwarding", "setting net.ipv4.conf.all.forwarding = 0"),
        ("forwarding", "setting forwarding"),
        ("gateway", "the default route of front"),
        ("gateway", "ip route default via 172.31.1.253 in @front@"),
        ("listener", "process in the container @front@"),
        ("loopback", "ports @port@"),
        ("loopback", "port 127.0.0.1:@port@->80/tcp"),
        ("masquerade", "rule nat postrouting"),
        ("mtu", "interface eth0"),
        ("mtu", "network interface eth0 has mtu 1300"),
        ("mtu", "link eth0\nrule OUTPUT"),
        ("password", "password @front@\npassword @ledger@"),
        ("mtu", "iptables: OUTPUT"),
        ("neighbour", "ARP @address@"),
        ("neighbour", "ip neigh @address@ lladdr 02:00:00:00:00:99"),
        ("neighbour", "- a neighbor entry of the host: @address@/32"),
        ("accept", "rule DOCKER missing"),
        ("networks", "network of ledger"),
        ("networks", "network @ledger@ is on @net@-back"),
        ("resolver", "DNS server 203.0.113.99"),
        ("resolver", "name server of @front@"),
        ("unplugged", "veth of @front@"),
        ("unplugged", "the veth pair of @front@ has no bridge"),
    ],
)
def test_other_words_for_the_same_thing_are_right(fault: str, line: str) -> None:
    faults = next(faults for faults in DIAGNOSE.CASES[2] if fault in faults)
    values = of_case(*faults)
    others = [text for text, of in zip(decided(values), faults, strict=True) if of != fault]
    assert read(values, re.sub(r"@(\w+)@", lambda m: str(values[m[1]]), line), *others) == ("", "")


@pytest.mark.parametrize(
    ("comes", "code"),
    [
        ("seq 20000", 0),
        ("echo 20000", 1),
        ("return 7", 7),
        ("return 28", 28),
        ("seq 5; return 28", 28),
    ],
)
def test_a_catalogue_that_is_cut_off_is_not_taken_for_another_one(comes: str, code: int) -> None:
    command = broken_shop.probes(EXERCISE.values("somebody"), Snapshot("26.1"))["catalogue"].command
    done = subprocess.run(
        ["bash", "-c", f"curl() {{ {comes}; }} >/tmp/catalogue; {command}"], capture_output=True, check=False
    )
    assert done.returncode == code


@pytest.mark.parametrize("line", ["setting net.ipv6.conf.all.forwarding", "setting rp_filter", "link eth1"])
def test_what_only_resembles_a_cause_is_none(line: str) -> None:
    assert read(of_case("mtu", "forwarding"), line)[0] == "other-name"


def test_no_hint_names_what_decides() -> None:
    values = EXERCISE.values("somebody")
    checks = [check for check in EXERCISE.checks if check.name in {"named", "complete"}]
    text = " ".join(t for c in checks for t in (c.wanted, *c.hints.values(), *c.steps)).format_map(values)
    for fault in broken_shop.FAULTS:
        for answer in broken_shop.decided_by(fault).format_map(values).split(", "):
            assert answer.casefold() not in text.casefold()


def in_shop(values: Values, script: str) -> str:
    """Run bash on the host with the names and functions that build the shop; return its last word."""
    names = "".join(f"{name}='{value}'\n" for name, value in values.items() if name != "complaint")
    return current.host(f"{names}{FUNCTIONS}\n{script}", timeout=90).split()[-1]


def take_back(values: Values, fault: str) -> str:
    """Return bash that takes back exactly one cause, in a shell of its own."""
    script = (WAYS[0] / answers.ANSWER).read_text(encoding="utf-8")
    head = re.sub(r"^faults=.*\n", "", script.partition("\ncase ")[0], flags=re.M)
    body = re.sub(r"@(\w+)@", lambda match: str(values[match[1]]), f"{head}\n{TAKEN_BACK[fault]}")
    return f"( {body}\n) >/dev/null 2>&1\n"


def built(values: Values, faults: Sequence[str]) -> None:
    """Build and break the shop in an empty lab; raises unless it worked and then has the symptom."""
    lab.reset()
    execute.run(lab, broken_shop.start_of(values, faults, DIAGNOSE.harmless_of(values)), timeout=60)
    assert in_shop(values, STILL_BROKEN) == "broken"


def told(values: Values) -> str:
    """Return the hint that the shop as it is now gets."""
    return judge(EXERCISE.checks, values, evidence(lab, EXERCISE, values))[0].mistake


def is_proved(values: Values) -> None:
    """Fail unless each cause alone keeps the shop broken, a restart changes nothing, and without causes it works."""
    faults = DIAGNOSE.faults_of(values)
    lasting = next(fault for fault in faults if fault not in DIAGNOSE.RESTARTED)
    built(values, faults)
    assert told(values) in {SAYS[fault] for fault in faults}, "the hint is about no cause"
    for other in (fault for fault in faults if fault != lasting):
        assert in_shop(values, take_back(values, other) + STILL_BROKEN) == "broken", f"{lasting} alone does no harm"
    assert in_shop(values, RESTART + STILL_BROKEN) == "broken", f"{lasting} is repaired by a restart"
    assert in_shop(values, take_back(values, lasting) + HEALED) == "well"
    if len(faults) > 1:
        built(values, faults)
        [other] = [fault for fault in faults if fault != lasting]
        assert in_shop(values, take_back(values, lasting) + STILL_BROKEN) == "broken", f"{other} alone does no harm"
        assert in_shop(values, take_back(values, other) + HEALED) == "well"


@pytest.mark.live
@pytest.mark.soak
@pytest.mark.usefixtures("running_lab")
@pytest.mark.parametrize(("learner", "case"), tuple(generated()))
def test_a_case_is_broken_by_each_of_its_causes_and_by_nothing_else(learner: str, case: int) -> None:
    is_proved(EXERCISE.values(learner, case))


@pytest.mark.live
@pytest.mark.soak
@pytest.mark.usefixtures("running_lab")
@pytest.mark.parametrize("fault", broken_shop.FAULTS)
def test_what_a_restart_repairs_is_known(fault: str) -> None:
    """A restart of the containers, and then of dockerd, heals the faults that no case consists of alone."""
    values = EXERCISE.values("somebody")
    built(values, [fault])
    came = [in_shop(values, restart + STILL_BROKEN) for restart in (RESTART, RESTART_DOCKERD)]
    assert ("well" in came) == (fault in DIAGNOSE.RESTARTED), came
    assert in_shop(values, take_back(values, fault) + HEALED) == "well"


@pytest.mark.live
@pytest.mark.soak
@pytest.mark.usefixtures("running_lab")
@pytest.mark.parametrize("fault", broken_shop.FAULTS)
def test_the_solution_names_and_repairs_every_fault(fault: str) -> None:
    names = (f"learner-{number}" for number in range(1000))
    learner = next(name for name in names if fault in DIAGNOSE.faults_of(EXERCISE.values(name)))
    done = replayed(EXERCISE.name, answers.files_of(EXERCISE.folder / "solution"), learner, learner=learner)
    assert [(verdict.check, verdict.found) for verdict in done if not verdict.ok] == []


@pytest.mark.live
@pytest.mark.slow
@pytest.mark.usefixtures("fresh_lab")
def test_a_practice_case_is_made_repaired_and_judged_but_gives_no_points(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(shutil.copytree(EXERCISE.folder, tmp_path / EXERCISE.name))
    monkeypatch.setenv("COURSE_LEARNER", "kim")
    values = EXERCISE.values("kim", 1)
    assert values["broken"] == 1 != EXERCISE.values("kim")["broken"]
    practice.exercise(case=1)
    assert f"  slip         {values['slip']}\n" in capsys.readouterr().out
    for _ in range(2):
        practice.hint()
    assert f"1 of 3: {EXERCISE.checks[0].steps[0]}" in capsys.readouterr().out
    right = answers.files_of(EXERCISE.folder / "solution")
    current.host(filled(right, values)[answers.ANSWER].decode())
    assert practice.check() == 0
    said = capsys.readouterr().out
    assert f"Case 1: {EXERCISE.points} of {EXERCISE.points}. It was for practice and does not count:" in said
    assert catalog.hints_taken(Path.cwd()) == {}
    assert not Path(answers.ANSWER).exists()
    with pytest.raises(CourseError, match="numbered from 1"):
        practice.exercise(case=-1)
