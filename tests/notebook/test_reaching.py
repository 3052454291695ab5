"""Test `reach` as a notebook and `./course reach` call it, on recorded answers."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

import course_lib
from course_lib.commands import cli
from course_lib.lab.lifecycle import Lab
from course_lib.network import parse_facts
from course_lib.notebook import current, journeys
from course_lib.packet_path import reach_ask, reach_view
from course_lib.packet_path.reach import Reach
from tests.packet_path.test_reach import reached


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """Answer with what was recorded on 26.1; return the names that the questions were limited to."""
    limits: list[Sequence[str]] = []

    def ask(lab: Lab, only: Sequence[str] = ()) -> Reach:
        limits.append(only)
        return reached("26.1")

    monkeypatch.setattr(reach_ask, "reach", ask)
    monkeypatch.setattr(current, "lab", lambda: Lab("nobody"))
    return limits


def test_a_notebook_shows_a_picture_a_table_and_text(asked: list[Sequence[str]]) -> None:
    found = course_lib.reach("web", "far")
    assert asked == [("web", "far")]
    shown, metadata = found._repr_mimebundle_()
    assert set(shown) == {"text/html", "image/png", "text/plain"}
    assert shown["image/png"].startswith(b"\x89PNG")
    assert metadata["image/png"]["alt"]
    assert shown["text/plain"] == repr(found) == reach_view.text(reached("26.1")).rstrip("\n")
    assert found.why("client", "web", 8080).startswith("client → web, 8080→80: yes\n")


def test_the_journey_of_a_field_sends_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, str]] = []
    monkeypatch.setattr(journeys, "journey", lambda *request: sent.append(request))
    found = course_lib.reach()
    for field in (("client", "web", 8080), ("far", "web", "ping"), ("far", "web", "name"), ("web", "client", "53/udp")):
        found.journey(*field)
    assert sent == [
        ("client", "tcp://203.0.113.10:8080"),
        ("far", "ping://10.61.1.2"),
        ("far", "dns://web"),
        ("web", "udp://203.0.113.20:53"),
    ]


def test_the_command_prints_the_matrix_or_one_answer(
    asked: list[Sequence[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    cli.main(["reach", "web", "far"], standalone_mode=False)
    assert capsys.readouterr().out == reach_view.text(reached("26.1"))
    cli.main(["reach", "--why", "far", "web", "80"], standalone_mode=False)
    assert "DOCKER-ISOLATION-STAGE-2" in capsys.readouterr().out
    assert asked == [("web", "far"), ("far", "web")]


@pytest.mark.live
def test_it_asks_the_lab(running_lab: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    found = course_lib.reach("client", "host")
    assert found.field("host", "client", 80).state == "yes"
    assert isinstance(found.network, parse_facts.Snapshot)
