"""Test the files of claims: each sentence is in its notebook, and each claim is tried beyond what its chapter does."""

from __future__ import annotations

import json
import re

import pytest

from course_lib.paths import ROOT
from tools import claims

CHAPTERS = [claims.read(file) for file in claims.files_of(())]
CLAIMS = [(chapter, claim) for chapter in CHAPTERS for claim in chapter.claims]
# What the attempts must not take for a true claim: nothing, and the messages of a script that does not work.
NO_EVIDENCE = ("", "bash: line 1: nginx: command not found", "Error: No such container: web")

each_claim = pytest.mark.parametrize(("chapter", "claim"), CLAIMS, ids=[claim.id for _, claim in CLAIMS])


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("chapter", CHAPTERS, ids=[chapter.name for chapter in CHAPTERS])
def test_each_sentence_is_in_its_notebook(chapter: claims.Chapter) -> None:
    cells = json.loads((ROOT / chapter.notebook).read_text())["cells"]
    text = flat(" ".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"))
    assert [claim.id for claim in chapter.claims if flat(claim.sentence) not in text] == []


def test_every_notebook_has_claims() -> None:
    notebooks = {str(path.relative_to(ROOT)) for path in ROOT.glob("notebooks/*.ipynb")}
    assert notebooks <= {chapter.notebook for chapter in CHAPTERS}


def test_ids_are_unique_and_begin_with_the_name_of_their_file() -> None:
    ids = [claim.id for _, claim in CLAIMS]
    assert len(ids) == len(set(ids))
    assert [claim.id for chapter, claim in CLAIMS if not claim.id.startswith(f"{chapter.name}-")] == []


@each_claim
def test_a_claim_has_a_source_and_an_attempt_that_goes_further(chapter: claims.Chapter, claim: claims.Claim) -> None:
    assert len(claim.source) > 5
    assert any(attempt.further for attempt in claim.attempts)
    assert {engine for attempt in claim.attempts for engine in attempt.engines} <= set(claims.ENGINES)


@each_claim
def test_an_attempt_needs_evidence(chapter: claims.Chapter, claim: claims.Claim) -> None:
    for attempt in claim.attempts:
        assert not any(attempt.held(output) for output in NO_EVIDENCE), attempt.expect
        assert not re.search(r"\.\*\?*\|", attempt.expect), "one of its choices is found in everything"
