"""A path has no gap, and one with a step less, or with another interface or address, has one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from course_lib.packet_path.continuity import gaps
from course_lib.packet_path.model import PacketPath, Step
from tests.packet_path.test_reconstruct import ALL, recorded_path

JOINTS = ("sends", "arrives", "enters", "exits", "crosses")  # without these nothing else says where the packet was


def clauses(path: PacketPath, steps: list[Step]) -> list[str]:
    return list(gaps(steps, path.network))


@pytest.mark.parametrize(("engine", "flow"), ALL)
def test_each_exit_is_the_next_entry(engine: str, flow: str) -> None:
    found = recorded_path(engine, flow)
    assert clauses(found, list(found.steps)) == []
    assert found.doubts == ()


def damaged(path: PacketPath) -> Iterator[tuple[Step, list[Step]]]:
    """Yield the steps of a path without one that joins two others, and with one on another interface or address."""
    steps = list(path.steps)
    for at, step in enumerate(steps):
        last = at + 1 == len(steps) or (steps[at + 1].connection, steps[at + 1].back) != (step.connection, step.back)
        if step.kind in JOINTS and step.device != "lo" and not last:
            yield step, steps[:at] + steps[at + 1 :]
            yield step, [*steps[:at], replace(step, device="other0"), *steps[at + 1 :]]
        if not last:
            there = replace(step.packet, source_port=1)
            yield step, [*steps[:at], replace(step, packet=there), *steps[at + 1 :]]


@pytest.mark.parametrize(("engine", "flow"), ALL)
def test_a_step_less_is_a_gap(engine: str, flow: str) -> None:
    found = recorded_path(engine, flow)
    for step, steps in damaged(found):
        assert clauses(found, steps), (step.place, step.kind, step.device)


def test_the_gap_is_named() -> None:
    found = recorded_path("26.1", "published")
    without = [s for s in found.steps if (s.place, s.kind, s.back) != ("web", "arrives", False)]
    assert clauses(found, without) == ["the packet is in web after host, and no step shows how it got there"]
    veth = next(s.device for s in found.steps if s.kind == "exits")
    other = [replace(s, device="eth9") if s.place == "web" and s.kind == "arrives" else s for s in found.steps]
    assert clauses(found, other)[0] == (
        f"the packet was to leave host by {veth}, but came to web by eth9: no cable joins them"
    )
