"""Test that a journey offers itself to the live panel when it is made, not when it is displayed."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from course_lib.lab import facts
from course_lib.lab.lifecycle import Lab
from course_lib.notebook import current, journeys, panel
from course_lib.packet_path import capture
from tests.record_evidence import recorded, recorded_answers


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace the lab by recorded evidence; return the list of what an open panel is offered."""
    request, evidence, raw = recorded("26.1", "published")
    monkeypatch.setattr(current, "_labs", [Lab("course")])
    monkeypatch.setattr(facts, "read", lambda lab: raw)
    monkeypatch.setattr(capture, "gather", lambda *_: (request, evidence))
    monkeypatch.setattr(capture, "ask_after", lambda *_: recorded_answers("26.1", "published"))
    players: list[str] = []
    monkeypatch.setattr(panel, "opened", [SimpleNamespace(offer=players.append)])
    return players


def test_a_journey_offers_itself_when_it_is_made(offered: list[str]) -> None:
    made = journeys.journey("client", "http://203.0.113.10/")
    assert len(offered) == 1
    assert "<svg" in offered[0]
    made._repr_mimebundle_()
    repr(made)
    assert len(offered) == 1, "displaying a journey has no side effect"


def test_without_a_panel_nothing_is_drawn_for_it(offered: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panel, "opened", [])
    monkeypatch.setattr(journeys, "player", lambda *_: pytest.fail("no panel is open"))
    journeys.journey("client", "http://203.0.113.10/")
    assert offered == []


def test_details_and_the_capture_are_made_on_demand(offered: list[str], tmp_path: Path) -> None:
    made = journeys.journey("client", "http://203.0.113.10/")
    assert "nginx listens on 0.0.0.0:80" in made.details()
    assert "does not match" not in repr(made)
    made.save(tmp_path / "x.pcapng")
    assert (tmp_path / "x.pcapng").read_bytes().count(b"Step ") == len(made.steps)
