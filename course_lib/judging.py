"""From an evidence file to verdicts: pure. The same evidence gives the same marks, with or without Docker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from course_lib import collect
from course_lib.checks import Seen, Values, Verdict, seen_from, verdicts

if TYPE_CHECKING:
    from course_lib.exercises import Exercise


def judge(exercise: Exercise, values: Values, evidence: Mapping[str, Any]) -> tuple[Verdict, ...]:
    """Return the verdicts of an exercise's checks on what `course_lib.probing.evidence` returned."""
    seen: Seen | None = None
    if evidence["facts"] is not None:
        seen = seen_from(evidence, values, collect.snapshot(evidence["facts"]))
    return verdicts(exercise.checks, seen, broken=evidence["broken"])
