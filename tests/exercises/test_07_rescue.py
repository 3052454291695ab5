"""Test exercise 07: each fault has a symptom and its own hint, and can be repaired in two ways."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from course_lib.errors import CourseError
from course_lib.exercises import answers, broken_shop, catalog
from course_lib.exercises.checks import Value, Verdict, judge
from course_lib.exercises.probes import beginning, evidence
from course_lib.grading import hand_in as hand_in_module
from course_lib.notebook import current, practice
from tests.exercises.test_answers import filled
from tests.grading.test_grader import hand_in, rows, run_grader
from tests.worker import lab, refuse

EXERCISE = catalog.named("07_rescue")
RESCUE: Any = sys.modules["course_exercise_07_rescue"]
WAYS = (EXERCISE.folder / "solution", EXERCISE.folder / "other-solutions" / "second-way")
# The hint of the first check for each fault, before any repair.
SAYS = {
    "accept": "not-through",
    "alias": "ledger-name",
    "cable": "ledger-silent",
    "conflict": "host-cannot",
    "drop": "not-through",
    "forwarding": "not-through",
    "gateway": "not-through",
    "listener": "own-address",
    "loopback": "door-inside",
    "masquerade": "no-way-out",
    "mtu": "big-hangs",
    "neighbour": "host-cannot",
    "networks": "ledger-name",
    "password": "login",
    "resolver": "no-names",
    "unplugged": "host-cannot",
}


def values_of(fault: str) -> dict[str, Value]:
    """Return the values of a learner whose ticket describes a fault."""
    count = len(RESCUE.FAULTS)
    return {**EXERCISE.values("somebody"), "ticket": 100 * count + RESCUE.FAULTS.index(fault)}


def bodies(script: str) -> dict[str, str]:
    """Return what an answer does for each fault."""
    return {name: body.strip() for name, body in re.findall(r"^    (\w+)\)\n(.*?)^        ;;$", script, re.M | re.S)}


def begin(values: Mapping[str, Value]) -> Any:
    """Create the start state, which raises unless the shop worked and then has the symptom; return its evidence."""
    lab.reset()
    return beginning(lab, EXERCISE, values)


def seen(values: Mapping[str, Value], start: Any) -> tuple[Verdict, ...]:
    """Return the verdicts on the lab as it is now."""
    return judge(EXERCISE.checks, values, evidence(lab, EXERCISE, values, start))


def test_there_are_enough_faults_and_each_has_a_complaint_and_a_hint() -> None:
    assert len(RESCUE.FAULTS) >= 12
    assert set(RESCUE.FAULTS) == set(SAYS)
    for fault in RESCUE.FAULTS:
        assert RESCUE.symptom_of([fault]) in RESCUE.COMPLAINTS
        assert RESCUE.fault_of(values_of(fault)) == fault
        assert broken_shop.text_of(fault) in EXERCISE.start(values_of(fault))


def test_every_fault_comes_to_somebody() -> None:
    assert {RESCUE.fault_of(EXERCISE.values(f"learner-{n}")) for n in range(200)} == set(RESCUE.FAULTS)


def test_the_values_do_not_name_the_fault() -> None:
    values = {key: value for key, value in EXERCISE.values("somebody").items() if key != "complaint"}
    assert not set(map(str, values.values())) & set(RESCUE.FAULTS)


def test_both_ways_know_every_fault_and_differ() -> None:
    first, second = (bodies((way / answers.ANSWER).read_text()) for way in WAYS)
    assert set(first) == set(second) == set(RESCUE.FAULTS)
    assert [fault for fault in first if first[fault] == second[fault]] == []


@pytest.mark.live
@pytest.mark.soak
@pytest.mark.usefixtures("running_lab")
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
@pytest.mark.parametrize("fault", SAYS)
def test_a_fault_is_told_and_mended(fault: str, way: Path) -> None:
    values = values_of(fault)
    start = begin(values)
    before = seen(values, start)
    assert [v.check for v in before if v.ok] == []
    assert before[0].mistake == SAYS[fault], before[0].found
    answers.send(lab, filled(answers.files_of(way), values))
    current.host(answers.COMMAND)
    assert [(v.check, v.found) for v in seen(values, start) if not v.ok] == []


def whose_fault_is(fault: str) -> list[str]:
    """Return learners whose ticket describes a fault."""
    return [name for n in range(100) if RESCUE.fault_of(EXERCISE.values(name := f"learner-{n}")) == fault]


@pytest.mark.live
@pytest.mark.slow
def test_a_right_and_a_wrong_answer_are_graded(tmp_path: Path) -> None:
    right, wrong = whose_fault_is("cable")[:2]
    hand_in(tmp_path / "class", right, "solution", exercise=EXERCISE.name)
    hand_in(tmp_path / "class", wrong, "mistakes/rebuilt-ledger", exercise=EXERCISE.name)
    assert run_grader(tmp_path / "class", tmp_path / "out", jobs=2) == []
    found = rows(tmp_path / "out")
    assert [found[name]["points"] for name in (right, wrong)] == ["9", "8"]
    assert found[wrong][f"{EXERCISE.name}/same"] == "0"


@pytest.mark.live
@pytest.mark.soak
def test_it_is_submitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    learner = whose_fault_is("cable")[0]
    monkeypatch.setenv("COURSE_LEARNER", learner)
    answer = filled(answers.files_of(EXERCISE.folder / "solution"), EXERCISE.values(learner))
    (tmp_path / EXERCISE.name).mkdir()
    (tmp_path / EXERCISE.name / answers.ANSWER).write_bytes(answer[answers.ANSWER])
    assert hand_in_module.submit(lab, EXERCISE.name, refuse, tmp_path)
    assert (tmp_path / f"{learner}.{EXERCISE.name}.tar.gz").exists()


@pytest.mark.live
@pytest.mark.usefixtures("fresh_lab")
@pytest.mark.slow
def test_a_lab_whose_start_state_was_not_recorded_is_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(EXERCISE.folder)
    with pytest.raises(CourseError, match="did not record"):
        practice.check()
