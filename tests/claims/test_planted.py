"""Plant false sentences about Docker's networks, and test that the claims' machinery refutes them."""

from __future__ import annotations

import random
import re
import tomllib
from pathlib import Path

import pytest

from course_lib.lab import execute
from course_lib.notebook import current
from tests.conftest import refuse
from tests.course.test_claims import NO_EVIDENCE
from tools import claims

FILE = Path(__file__).with_name("planted.toml")
PLANTED = claims.read(FILE)
PRINTED: dict[str, str] = tomllib.loads(FILE.read_text())["printed"]
SEED = 30


def test_there_are_enough_and_each_says_what_it_prints_in_truth() -> None:
    assert len(PLANTED.claims) >= 40
    assert [claim.id for claim in PLANTED.claims] == list(PRINTED)
    for claim in PLANTED.claims:
        (attempt,) = claim.attempts
        for output in NO_EVIDENCE:
            assert not attempt.held(output), claim.id
            assert not re.search(PRINTED[claim.id], output, re.MULTILINE), claim.id


@pytest.mark.live
@pytest.mark.slow
def test_thirty_planted_sentences_are_refuted() -> None:
    lab = current.lab()
    lab.up("26.1", refuse)
    chosen = random.Random(SEED).sample(PLANTED.claims, 30)  # noqa: S311 - no secret
    ready, wrong = False, []
    for claim in sorted(chosen, key=lambda each: each.attempts[0].spoils):
        (attempt,) = claim.attempts
        if not ready:  # as in `claims.try_scene`, but a refuted sentence does not spoil the scene
            lab.reset()
            execute.run(lab, f"{claims.FUNCTIONS}\nset -e\n{PLANTED.scenes['all']}")
        held, output = claims.try_attempt(lab, attempt)
        if held or not re.search(PRINTED[claim.id], output, re.MULTILINE):
            wrong.append(f"{claim.id}: {output}")
        ready = not attempt.spoils
    assert wrong == []
