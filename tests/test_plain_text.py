"""No text that a learner chose reaches a terminal as an escape, begins a line of its own, or becomes something else."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

from course_lib import console
from course_lib.commands.cli import main
from course_lib.engine import client
from course_lib.exercises.checks import Result, Verdict
from course_lib.lab import facts, machine_footprint
from course_lib.lab.lifecycle import Lab
from course_lib.network import parse_facts
from course_lib.network import text_table as text_table_module
from course_lib.network.describe import describe
from course_lib.network.diff import difference
from course_lib.network.model import Snapshot
from course_lib.network.text_table import align
from course_lib.notebook import chapter, compare, practice
from course_lib.packet_path import wording
from course_lib.packet_path.wording import sentences, table
from course_lib.plain_text import clean, columns, one_line, quoted_lines
from tests.conftest import ROOT
from tests.packet_path.test_reconstruct import recorded_path

BAD = "a  \x1b[2J\x9b2Jb\r\nFORGED\x07\u2028FORGED\u202e"
COMMENT = f'-m comment --comment "{BAD}" -j DROP'
RAW = json.loads((ROOT / "tests/facts/26.1/own_network.json").read_text())
ADDRESSES = "MAC 02:42:ab:11:00:02 de:ad:be:cd:bed:100, 2001:db8:a:b::1, fd00:100::2, [::1]:80, [/a] [red] :cat:"


def hostile() -> Snapshot:
    """Return what the lab would be if all names, commands, images and comments were chosen to deceive."""
    raw = copy.deepcopy(RAW)
    text = json.dumps(raw).replace('"mybridge"', json.dumps(BAD)).replace('"db"', json.dumps(BAD))
    raw = json.loads(text)
    raw["containers"][0] |= {"Command": BAD, "Image": BAD}
    raw["rules"]["ip"] = raw["rules"]["ip"].replace("-A FORWARD", f"-A FORWARD {COMMENT}\n[0:0] -A FORWARD", 1)
    return parse_facts.snapshot(raw)


def hostile_path() -> Any:
    """Return a path through that lab, with a rule of that kind that matched."""
    plain = recorded_path("26.1", "published")
    names = tuple(replace(n, name=BAD) if n.name == "front" else n for n in plain.network.networks)
    steps = tuple(replace(s, rule=COMMENT, before=None) if s.kind == "rule" else s for s in plain.steps)
    end = replace(plain.end, words=BAD)
    return replace(
        plain, network=replace(plain.network, networks=names), steps=steps, end=end, notes=(BAD,), doubts=(BAD,)
    )


VIEWS: dict[str, Callable[[], str]] = {
    "describe": lambda: describe(hostile()),
    "difference": lambda: "\n".join(difference(parse_facts.snapshot(RAW), hostile())),
    "difference back": lambda: "\n".join(difference(hostile(), parse_facts.snapshot(RAW))),
    "plan": lambda: compare.contrast({"one": compare.plan(hostile()), "other": {}}),
    "rules": lambda: compare.contrast({"one": compare.rules(hostile()), "other": {}}),
    "passage": lambda: compare.contrast({"one": compare.passage(hostile_path()), "other": {}}),
    "table of a path": lambda: table(hostile_path(), {}),
    "sentences of a path": lambda: sentences(hostile_path()),
    "a check": lambda: practice.explained(
        Verdict("c", 0, 1, BAD, "w", (Result("host", "ls", 1, "x\x1b[2J\n"),), BAD, "mistake")
    ),
}


@pytest.mark.parametrize("view", VIEWS)
def test_what_a_learner_chose_is_text_on_the_line_of_its_field(view: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (compare, text_table_module, wording):  # so that only a forged line begins with FORGED
        monkeypatch.setattr(module, "WIDTH", 10**6)
    said = VIEWS[view]()
    assert [c for c in said if not c.isprintable() and c != "\n"] == []
    assert not [line for line in said.splitlines() if line.strip().startswith("FORGED")]
    assert "FORGED" in said, "else nothing was tried"


def test_what_begin_prints_as_removed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    chapter._print_removed(hostile())
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "\nFORGED" not in said


@pytest.mark.parametrize("error", [ValueError("Expecting value\x1b"), KeyError("addr"), IndexError()])
def test_begin_resets_a_lab_that_cannot_be_read(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done = []

    def read(lab: Lab) -> None:
        raise error

    monkeypatch.setattr(facts, "read", read)
    monkeypatch.setattr(chapter, "observe", lambda: None)
    monkeypatch.setattr(Lab, "reset", lambda lab, by: done.append("reset") or lab)
    chapter.begin()
    assert done == ["reset"]
    said = capsys.readouterr().out
    assert "Could not read" in said
    assert "\x1b" not in said


def test_a_line_keeps_its_columns_and_a_field_does_not() -> None:
    assert one_line("a   b\tc\x1b") == "a   b c\N{REPLACEMENT CHARACTER}"
    assert clean(" a \n\n b\x1b ") == "a b\N{REPLACEMENT CHARACTER}"
    assert list(quoted_lines('a "b\nc" d\ne')) == ['a "b c" d', "e"]


def test_columns_stand_under_each_other_whatever_they_are_written_in() -> None:
    rows = align([("이름", "b"), ("ab", "c"), ("é", "d")])  # the last one is two characters, of which one joins
    assert len({columns(row[: row.index(mark)]) for row, mark in zip(rows, "bcd", strict=True)} - {0}) <= 2
    assert columns(rows[0].partition("b")[0]) == columns(rows[2].partition("d")[0])


# --- what rich would make of it


def test_nothing_that_is_said_is_interpreted(capsys: pytest.CaptureFixture[str]) -> None:
    console.say(ADDRESSES)
    assert capsys.readouterr().out == f"{ADDRESSES}\n"


def test_what_is_being_done_is_text_on_a_terminal_too(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {name: getattr(console.console, name) for name in ("soft_wrap",)}
    ours = Console(force_terminal=True, record=True, width=200, markup=False, emoji=False, highlight=False, **settings)
    monkeypatch.setattr(console, "console", ours)
    with console.step("Writing /tmp/[/a]/:cat:.tar") as detail:
        detail("[/b] :100: 02:42:ab:11:00:02\x1b[2J")
    said = ours.export_text()
    assert "Writing /tmp/[/a]/:cat:.tar: 0." in said
    assert "\x1b[2J" not in said


def test_graph_prints_each_address_as_it_is_and_json_that_is_some(monkeypatch: pytest.MonkeyPatch) -> None:
    text = json.dumps(RAW).replace("02:42:c0:a8:64:64", "02:42:ab:cd:64:64")
    assert text != json.dumps(RAW), "else nothing is changed"
    now = parse_facts.snapshot(json.loads(text))
    monkeypatch.setattr(facts, "read", lambda lab: json.loads(text))
    said = CliRunner().invoke(main, ["graph"]).stdout
    assert said.strip() == describe(now).strip()
    assert "02:42:ab:cd:64:64" in said
    printed = json.loads(CliRunner().invoke(main, ["graph", "--json"]).stdout)
    assert printed == json.loads(json.dumps(asdict(now)))


def test_what_came_to_the_machine_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {"containers": {}, "networks": {}, "volumes": [], "rules": "x", "image": ""}
    monkeypatch.setattr(machine_footprint, "fingerprint", lambda _: {**before, "networks": {"1": BAD}})
    assert not machine_footprint.compare(before)
    assert [c for c in capsys.readouterr().out if not c.isprintable() and c != "\n"] == []


def test_a_container_that_is_being_removed_has_no_name_and_no_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    class Api:
        def containers(self, **_: Any) -> list[dict[str, Any]]:
            return [{"Id": "0" * 64, "Names": [], "Labels": None}, {"Id": "1" * 64, "Names": None, "Labels": {}}]

        def networks(self) -> list[dict[str, Any]]:
            return []

        def volumes(self) -> dict[str, Any]:
            return {"Volumes": None}

    monkeypatch.setattr(client, "outer", Api)
    monkeypatch.setattr(machine_footprint.helper_container, "look", lambda *_, **__: "")
    assert machine_footprint.fingerprint("image")["containers"] == {"0" * 12: "0" * 12, "1" * 12: "1" * 12}


def test_the_rules_of_both_families_are_compared() -> None:
    assert "for family in ip ip6" in machine_footprint.READ_RULES
