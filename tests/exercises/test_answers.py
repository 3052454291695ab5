"""Test every exercise: solutions pass, the start state and each mistake fail, each with its own check and hint."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from course_lib.errors import CommandFailedError, CommandHungError
from course_lib.exercises import answers, catalog
from course_lib.exercises.answers import ANSWER
from course_lib.exercises.checks import WAITING, Verdict, judge
from course_lib.exercises.probes import beginning, evidence
from course_lib.lab.lifecycle import DEFAULT_ENGINE
from course_lib.notebook import current
from course_lib.paths import EXERCISES
from tests.worker import lab, refuse
from tools import gate

NAMES = catalog.every()
RIGHT = sorted([*EXERCISES.glob("*/solution"), *EXERCISES.glob("*/other-solutions/*")])
WRONG = sorted(EXERCISES.glob("*/mistakes/*"))
LEARNER = "somebody"


def place(folder: Path) -> str:
    return folder.relative_to(EXERCISES).as_posix()


def right_ways() -> Iterator[Any]:
    """Yield all right answers; all but the solutions of small exercises are slow."""
    for folder in RIGHT:
        quick = place(folder) in {f"{name}/solution" for name in gate.SMALL}
        yield pytest.param(folder, id=place(folder), marks=[] if quick else [pytest.mark.slow])


def one_for_each_check() -> Iterator[Any]:
    """Yield all mistakes, which are slow; all but the first of each check are for the soak."""
    seen = set()
    for folder in WRONG:
        name = folder.relative_to(EXERCISES).parts[0]
        own = next((c.name for c in catalog.named(name).checks if folder.name in c.hints), "")
        mark = pytest.mark.soak if (name, own) in seen else pytest.mark.slow
        yield pytest.param(folder, id=place(folder), marks=[mark])
        seen.add((name, own))


def filled(files: Mapping[str, bytes], values: Mapping[str, int | str]) -> dict[str, bytes]:
    """Replace `@name@` in a solution by the learner's value."""
    return {
        name: re.sub(rb"@(\w+)@", lambda match: str(values[match[1].decode()]).encode(), content)
        for name, content in files.items()
    }


def replayed(
    name: str, files: Mapping[str, bytes], author: str = LEARNER, *, learner: str = LEARNER
) -> tuple[Verdict, ...]:
    """Run an answer with its author's values in a fresh lab of the learner, and return the verdicts."""
    what, lab = catalog.named(name), current.lab()
    values = what.values(learner)
    lab.reset()
    start = beginning(lab, what, values)
    if files:
        answers.send(lab, filled(files, what.values(author)))
        try:
            current.host(answers.COMMAND)
        except (CommandFailedError, CommandHungError) as error:
            print(f"the answer: {error}")
    done = judge(what.checks, values, evidence(lab, what, values, start))
    for verdict in done:
        print(repr(verdict))
    return done


@pytest.mark.parametrize("name", NAMES)
def test_there_is_what_an_exercise_needs(name: str) -> None:
    folder = EXERCISES / name
    what = catalog.named(name)
    assert (folder / "exercise.ipynb").exists()
    assert (folder / "solution" / ANSWER).exists()
    assert list(folder.glob(f"other-solutions/*/{ANSWER}")), "another right way"
    assert len(list(folder.glob(f"mistakes/*/{ANSWER}"))) >= 5
    hints = {hint for check in what.checks for hint in check.hints}
    assert {path.name for path in folder.glob("mistakes/*")} <= hints, "a mistake has the name of its hint"
    assert len({check.name for check in what.checks}) == len(what.checks)
    for check in what.checks:
        assert check.points > 0
        assert len(check.steps) == 3
        assert check.steps_for.keys() <= check.hints.keys(), "steps are for a mistake that has a hint"
        assert all(len(steps) == 3 for steps in check.steps_for.values())


@pytest.mark.parametrize("name", NAMES)
def test_a_neighbour_has_other_values_and_every_text_can_be_filled(name: str) -> None:
    what = catalog.named(name)
    seen = {str(what.values(f"learner-{n}")) for n in range(20)}
    assert len(seen) == 20
    for learner in ("a", "b", "c"):
        values = what.values(learner)
        assert values == what.values(learner)
        for check in what.checks:
            for text in (
                check.wanted,
                *check.hints.values(),
                *check.steps,
                *itertools.chain(*check.steps_for.values()),
            ):
                text.format_map(values)


def is_right(folder: Path) -> None:
    """Fail unless an answer passes every check."""
    name = folder.relative_to(EXERCISES).parts[0]
    assert [v.check for v in replayed(name, answers.files_of(folder)) if not v.ok] == []


def is_wrong(folder: Path) -> None:
    """Fail unless an answer fails one check, by the hint that its folder is named after."""
    name = folder.relative_to(EXERCISES).parts[0]
    done = replayed(name, answers.files_of(folder))
    wrong = [v for v in done if not v.ok]
    assert [v.mistake for v in wrong][:1] == [folder.name]
    own = wrong[0]
    assert [v.check for v in wrong if v.mistake != WAITING] == [own.check], "and nothing else is wrong"


@pytest.mark.live
@pytest.mark.usefixtures("running_lab")
@pytest.mark.parametrize("folder", tuple(right_ways()))
def test_a_right_way_passes(folder: Path) -> None:
    is_right(folder)


@pytest.mark.live
@pytest.mark.usefixtures("running_lab")
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_start_passes_nothing_and_neither_does_an_empty_answer(name: str) -> None:
    for files in ({}, {ANSWER: b"# nothing yet\n"}):
        assert [v.check for v in replayed(name, files) if v.ok] == []


@pytest.mark.live
@pytest.mark.usefixtures("running_lab")
@pytest.mark.parametrize("folder", tuple(one_for_each_check()))
def test_a_mistake_fails_by_its_own_check_and_hint(folder: Path) -> None:
    is_wrong(folder)


@pytest.mark.live
@pytest.mark.usefixtures("running_lab")
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_neighbours_answer_does_not_fit(name: str) -> None:
    files = answers.files_of(EXERCISES / name / "solution")
    if not any(re.search(rb"@\w+@", content) for content in files.values()):  # it computes its values: copy those
        replayed(name, files, learner="neighbour")
        files = {"sheet": current.host("cat /root/answer/answers.txt").encode(), ANSWER: b"cp sheet answers.txt\n"}
    done = replayed(name, files, "neighbour")
    assert sum(v.points for v in done) <= sum(v.of for v in done) / 2


@pytest.fixture(scope="class")
def lab_of_today() -> Iterator[None]:
    """Return a new lab with a volume of its own."""
    again = lab.relative("again")
    again.down(remove_images=False)  # left by a run that was killed
    again.up(DEFAULT_ENGINE, refuse)
    with current.using(again):
        yield
    again.down(remove_images=False)


@pytest.mark.live
@pytest.mark.soak
@pytest.mark.usefixtures("lab_of_today")
class TestAgain:
    """Run every answer a second time, in a new lab."""

    @pytest.mark.parametrize("folder", RIGHT, ids=place)
    def test_a_right_way_passes(self, folder: Path) -> None:
        """Run each right answer again."""
        is_right(folder)

    @pytest.mark.parametrize("folder", WRONG, ids=place)
    def test_a_mistake_fails_by_its_own_check_and_hint(self, folder: Path) -> None:
        """Run each mistake again."""
        is_wrong(folder)
