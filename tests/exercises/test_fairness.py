"""Test answers that are right in unusual ways, and wrong in ways that earlier checks missed: tests/fairness/*.toml.

Each is the solution of an exercise with some text replaced or appended. A wrong one has the name of the hint that it
must get first.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from course_lib.exercises import answers, broken_shop, catalog
from course_lib.exercises.answers import ANSWER
from course_lib.exercises.checks import WAITING
from course_lib.paths import EXERCISES
from tests.exercises.test_answers import LEARNER, replayed

FILES = sorted((Path(__file__).parent.parent / "fairness").glob("*.toml"))


def every() -> Iterator[Any]:
    """Yield each answer with the folder of its exercise; all but the first of each file are for the soak."""
    for file in sorted(FILES):
        [folder] = EXERCISES.glob(f"{file.stem}_*")
        for number, answer in enumerate(tomllib.loads(file.read_text())["answers"]):
            mark = pytest.mark.soak if number else pytest.mark.slow
            yield pytest.param(folder, answer, id=f"{file.stem}: {answer['name']}", marks=[mark])


def replaced(text: str, pairs: list[list[str]]) -> str:
    """Replace text that must be there."""
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return text


def files_of(folder: Path, answer: dict[str, Any]) -> dict[str, bytes]:
    """Return the files of an answer."""
    files = {name: content.decode() for name, content in answers.files_of(folder / "solution").items()}
    whole = answer.get("whole", files[ANSWER])
    files[ANSWER] = f"{replaced(whole, answer.get('replace', []))}\n{answer.get('append', '')}"
    if "script" in answer:
        files["genid.sh"] = replaced(files["genid.sh"], answer["script"])
    return {name: content.encode() for name, content in files.items()}


def learner_of(folder: Path, answer: dict[str, Any]) -> str:
    """Return a learner whose values fit an answer: exercise 07 has one for each fault."""
    if "fault" not in answer:
        return LEARNER
    exercise = catalog.named(folder.name)
    learners = (f"learner-{number}" for number in range(1000))
    faults = broken_shop.FAULTS
    return next(n for n in learners if faults[int(exercise.values(n)["ticket"]) % len(faults)] == answer["fault"])


@pytest.mark.live
@pytest.mark.usefixtures("running_lab")
@pytest.mark.parametrize(("folder", "answer"), list(every()))
def test_an_answer_gets_the_mark_that_it_deserves(folder: Path, answer: dict[str, Any]) -> None:
    learner = learner_of(folder, answer)
    done = replayed(folder.name, files_of(folder, answer), learner, learner=learner)
    wrong = [verdict.mistake for verdict in done if not verdict.ok and verdict.mistake != WAITING]
    assert wrong[:1] == ([answer["wrong"]] if "wrong" in answer else [])


def test_every_wrong_answer_names_a_hint_and_every_replaced_text_is_there() -> None:
    for folder, answer in (param.values for param in every()):
        files_of(folder, answer)
        assert answer.get("wrong", "") in {
            "",
            *(hint for check in catalog.named(folder.name).checks for hint in check.hints),
        }
