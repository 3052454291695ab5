"""From an evidence file to verdicts: pure. The same evidence gives the same marks, with or without Docker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from course_lib.exercises.checks import Seen, Values, Verdict, seen_from, verdicts
from course_lib.network import parse_facts

if TYPE_CHECKING:
    from course_lib.exercises.catalog import Exercise

RAN = "it ran to its end"  # how an answer ended, in its evidence, if nothing is to be said about that


def judge(exercise: Exercise, values: Values, evidence: Mapping[str, Any]) -> tuple[Verdict, ...]:
    """Return the verdicts of an exercise's checks on what `course_lib.exercises.probes.evidence` returned."""
    return verdicts(exercise.checks, _seen(evidence, values), broken=evidence["broken"])


def _seen(evidence: Mapping[str, Any] | None, values: Values) -> Seen | None:
    """Return what was seen, with what was seen of the start; None where nobody looked, or nothing could be seen."""
    if evidence is None or evidence["facts"] is None:
        return None
    start = _seen(evidence.get("start"), values)
    return seen_from(evidence, values, parse_facts.snapshot(evidence["facts"]), start)
