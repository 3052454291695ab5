"""Test that the checks and the oracle of an exercise agree about each answer: neither a false pass nor a false refusal.

The soak tries them all (`--part fairness`), the whole gate a twentieth, at most GATE of them. One takes 7 to 10 s.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from course_lib.notebook import current
from tests.fairness.mutations import mutants
from tests.fairness.trial import HERE, PARTS, Try, every, sections, tried

GATE = 6


def marked() -> Iterator[Any]:
    """Yield every answer to every exercise that has an oracle, in an order of chance; all but a few are for the soak.

    So a soak that is stopped has tried a sample of all.
    """
    found = sorted((answer for number in PARTS for answer in every(number)), key=lambda answer: answer.lot)
    few = [answer.lot for answer in found][: min(GATE, len(found) // 20)]
    for answer in found:
        mark = pytest.mark.slow if answer.lot in few else pytest.mark.soak
        yield pytest.param(answer, id=f"{answer.exercise[:2]}: {answer.name}", marks=[mark])


@pytest.mark.live
@pytest.mark.usefixtures("running_lab")
@pytest.mark.parametrize("answer", list(marked()))
def test_the_checks_and_the_oracle_agree(answer: Try) -> None:
    outcome = tried(current.lab(), answer)
    print(outcome.printed, outcome.oracle, *outcome.verdicts, sep="\n")
    assert outcome.disagreements(PARTS[answer.exercise[:2]]) == []
    assert answer.right in (None, outcome.right), "it is meant to be the other"


@pytest.mark.parametrize("number", PARTS)
def test_there_are_enough_answers_and_no_two_are_the_same(number: str) -> None:
    answers = list(every(number))
    assert len({answer.lot for answer in answers}) == len(answers)
    assert len({tuple(sorted(answer.files.items())) for answer in answers}) >= 0.95 * len(answers)
    assert len(sections((HERE / "ways" / f"{number}-right.sh").read_text())) >= 12
    right = [answer for answer in answers if answer.right and not answer.name.startswith("right: ")]
    assert len(answers) >= 40 * len(right)


def test_a_mutant_differs_by_what_its_name_says() -> None:
    text = "docker run -d --name @shop@ -p @port@:80 nginx\n"
    found = mutants(text, {"shop": "heron", "port": 8100}, {"shop": "pear", "port": 8200})
    assert found["line 1 without -p @port@:80"] == "docker run -d --name @shop@ nginx\n"
    assert found["line 1 with -p 127.0.0.1:@port@:80 for @port@:80"].split()[5:7] == ["-p", "127.0.0.1:@port@:80"]
    assert found["line 1 with a neighbour's port at 31"] == text.replace("@port@", "8200")
    assert found["line 1 with busybox for nginx"] == text.replace("nginx", "busybox")
    assert text not in found.values()
    assert len(set(found.values())) == len(found) > 40
