"""Test that the claims of one engine notice what the next one does differently."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest

from course_lib.notebook import current
from tools import claims

FILE = Path(__file__).with_name("differences.toml")
CHAPTERS = [claims.read(file) for file in claims.files_of(())]


@dataclass(frozen=True)
class Difference:
    """What engine `new` does differently from `old`, where that was verified, and patterns of claims that notice it."""

    old: str
    new: str
    what: str
    facts: str
    noticed_by: list[str]

    def covers(self, claim_id: str) -> bool:
        """Return whether a claim with this id is about the difference."""
        return any(fnmatch(claim_id, pattern) for pattern in self.noticed_by)


DIFFERENCES = [Difference(**item) for item in tomllib.loads(FILE.read_text())["differences"]]


@pytest.mark.parametrize("difference", DIFFERENCES, ids=[each.what[:50] for each in DIFFERENCES])
def test_a_claim_for_the_old_engine_is_about_each_difference(difference: Difference) -> None:
    able = {
        claim.id
        for chapter in CHAPTERS
        for claim in chapter.claims
        if difference.covers(claim.id) and any(difference.old in attempt.engines for attempt in claim.attempts)
    }
    assert able, f"no claim for {difference.old} among {difference.noticed_by}"


@pytest.mark.live
@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("old", "new"), [("20.10", "26.1"), ("26.1", "newest")])
def test_the_claims_of_an_engine_notice_the_differences_of_the_next(old: str, new: str) -> None:
    results = claims.try_all(current.lab(), CHAPTERS, new, old, jobs=1, keep=False)
    refuted = {result.claim.id for result in results if not result.held}
    mine = [each for each in DIFFERENCES if (each.old, each.new) == (old, new)]
    missed = [each.what for each in mine if not any(each.covers(claim_id) for claim_id in refuted)]
    alarms = sorted(claim_id for claim_id in refuted if not any(each.covers(claim_id) for each in mine))
    assert len(missed) <= 0.05 * len(mine), f"missed: {missed}; refuted without a listed difference: {alarms}"
    assert len(alarms) <= 2, f"refuted without a listed difference: {alarms}"
