"""Test that a journey offers itself to the live panel when it is made, not when it is displayed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from course_lib.lab import facts
from course_lib.lab.lifecycle import Lab
from course_lib.notebook import current, journeys
from course_lib.packet_path import capture
from tests.record_evidence import recorded, recorded_answers


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Replace the lab by recorded evidence; return the list of what an open panel is offered."""
    request, evidence, raw = recorded("26.1", "published")
    monkeypatch.setattr(current, "_labs", [Lab("course")])
    monkeypatch.setattr(facts, "read", lambda lab: raw)
    monkeypatch.setattr(capture, "gather", lambda *_: (request, evidence))
    monkeypatch.setattr(capture, "ask_after", lambda *_: recorded_answers("26.1", "published"))
    made: list[Any] = []
    monkeypatch.setattr(journeys, "offers", [made.append])
    return made


def test_a_journey_offers_itself_when_it_is_made(offered: list[Any]) -> None:
    made = journeys.journey("client", "http://203.0.113.10/")
    assert offered == [made]
    data, metadata = made._repr_mimebundle_()
    assert {"image/png", "text/plain", "application/vnd.jupyter.widget-view+json"} == data.keys()
    assert metadata["image/png"]["alt"].startswith(
        "The path of a request. From client to http://host:80/: answered: HTTP/1.1 200 OK. The lab"
    )
    repr(made)
    assert len(offered) == 1, "displaying a journey has no side effect"


def test_what_a_frame_shows_of_a_journey_has_its_steps_and_parts(offered: list[Any]) -> None:
    shown = journeys.journey("client", "http://203.0.113.10/").shown(700)
    assert shown["svg"].count('data-part="step/') == len(shown["steps"]) > 5
    assert "container/web" in shown["parts"]
    assert shown["words"].startswith("client → http://host:80/\nEnd: answered")


def test_details_and_the_capture_are_made_on_demand(offered: list[Any], tmp_path: Path) -> None:
    made = journeys.journey("client", "http://203.0.113.10/")
    assert "nginx listens on 0.0.0.0:80" in made.details()
    assert "does not match" not in repr(made)
    made.save(tmp_path / "x.pcapng")
    assert (tmp_path / "x.pcapng").read_bytes().count(b"Step ") == len(made.steps)
