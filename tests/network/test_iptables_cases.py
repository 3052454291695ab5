"""Test `tests.iptables_cases`: that the comparison with what is expected of an engine notices every kind of change."""

from __future__ import annotations

import random
import re

import pytest

from tests import iptables_cases
from tests.conftest import ROOT

FOLDER = ROOT / "tests/iptables_cases"
CASES = {case.name: case for case in iptables_cases.read(FOLDER / "28.5.toml")}
# What engine 28.5.2 in a lab wrote in the case usernet-portmap: the output of iptables-save, without comments.
RECORDED = (FOLDER / "28.5-usernet-portmap.rules").read_text()
# Kinds of changes: what is replaced in one rule, by what.
IN_A_RULE = {
    "another chain": (r"^-A (FORWARD|POSTROUTING|DOCKER\S*)", "-A INPUT"),
    "another target": (r"-j (ACCEPT|DROP|RETURN|MASQUERADE)", "-j LOG"),
    "another interface": (r"bridge1", "bridge2"),
    "the negation lost": (r"! (?=-[io])", ""),
    "another address": (r"192\.168\.200\.(0/24|2\b)", "192.168.200.3"),
    "another port": (r"port (80)\b|port 8080", "port 81"),
    "another protocol": (r"-p tcp -m tcp", "-p udp -m udp"),
}
KINDS = (*IN_A_RULE, "swapped", "missing", "one more")


def changed(text: str, kind: str, choose: random.Random) -> str:
    """Return an output of iptables-save with one change of a kind."""
    lines = text.splitlines()
    rules = [number for number, line in enumerate(lines) if line.startswith("-A")]
    if kind in IN_A_RULE:
        old, new = IN_A_RULE[kind]
        at = choose.choice([number for number in rules if re.search(old, lines[number])])
        lines[at] = re.sub(old, new, lines[at], count=1)
    elif kind == "swapped":
        at = choose.choice([n for n in rules if n + 1 in rules and lines[n].split()[1] == lines[n + 1].split()[1]])
        lines[at : at + 2] = lines[at + 1], lines[at]
    elif kind == "missing":
        del lines[choose.choice(rules)]
    else:
        lines.insert(choose.choice(rules), "-A DOCKER -j RETURN")
    return "\n".join(lines)


def test_the_recorded_rules_are_the_expected_ones() -> None:
    assert iptables_cases.differences(CASES["usernet-portmap"].rules, iptables_cases.found(RECORDED)) == []


@pytest.mark.parametrize("seed", range(2 * len(KINDS)))
def test_a_changed_rule_is_noticed(seed: int) -> None:
    choose = random.Random(seed)  # noqa: S311 - no secret
    text = changed(RECORDED, KINDS[seed % len(KINDS)], choose)
    assert iptables_cases.differences(CASES["usernet-portmap"].rules, iptables_cases.found(text)) != [], text


def test_the_order_of_conditions_does_not_count() -> None:
    other = RECORDED.replace("! -i bridge1 -o bridge1 -j", "-o bridge1 ! -i bridge1 -j")
    assert other != RECORDED
    assert iptables_cases.found(other) == iptables_cases.found(RECORDED)


def test_there_are_nine_cases_and_each_has_other_rules() -> None:
    assert len(CASES) == 9
    assert len({str(sorted(case.rules.items())) for case in CASES.values()}) == 9
    assert [name for name, case in CASES.items() if case.rules != case.without_ipvs] == ["swarm-portmap"]
