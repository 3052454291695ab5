"""From the handle in a trace to the rule in iptables-save, by position and never by text."""

from __future__ import annotations

import json
from typing import Any

from course_lib.network.iptables_save import parse_chains
from course_lib.packet_path.rule_handles import rules_by_handle


def ruleset(*rules: tuple[str, str, str, int, list[dict[str, Any]]]) -> str:
    """Return what `nft -j list ruleset` prints of rules: family, table, chain, handle and statements."""
    names = ("family", "table", "chain", "handle", "expr")
    items = [{"rule": dict(zip(names, rule, strict=True))} for rule in rules]
    return json.dumps({"nftables": [{"metainfo": {"json_schema_version": 1}}, *items]})


COUNTER: dict[str, Any] = {"counter": None}
LISTING = ruleset(
    ("ip", "filter", "FORWARD", 18, [COUNTER, {"jump": {"target": "DOCKER-USER"}}]),
    ("ip", "filter", "FORWARD", 3, [{"xt": {"type": "match", "name": "string"}}, COUNTER, {"drop": None}]),
    ("ip", "filter", "DOCKER-USER", 8, [COUNTER, {"return": None}]),
    ("ip", "filter", "DOCKER-USER", 9, [COUNTER, {"drop": None}]),
    ("inet", "course1", "pre", 18, [COUNTER]),
)
SAVED = """\
*filter
:FORWARD DROP [0:0]
:DOCKER-USER - [0:0]
[4:240] -A FORWARD -j DOCKER-USER
[1:60] -A FORWARD -m string --string secret --algo bm -j DROP
[4:240] -A DOCKER-USER -j RETURN
COMMIT
"""


CHAINS = parse_chains(SAVED, "ip")


def test_a_handle_leads_to_the_rule_at_the_same_position() -> None:
    rules = rules_by_handle(LISTING, CHAINS)
    rule = rules["ip", "filter", "FORWARD", 3]
    assert (rule.number, rule.spec) == (2, "-m string --string secret --algo bm -j DROP")
    assert rules["ip", "filter", "FORWARD", 18].number == 1
    assert ("ip", "filter", "FORWARD", 99) not in rules
    assert ("ip", "nat", "FORWARD", 3) not in rules
    assert rules_by_handle("", CHAINS) == {}


def test_where_somebody_wrote_rules_with_nft_positions_mean_nothing() -> None:
    """The chain has a rule more than iptables shows: then no text of iptables, and no number."""
    rule = rules_by_handle(LISTING, CHAINS)["ip", "filter", "DOCKER-USER", 9]
    assert (rule.number, rule.spec) == (0, "")


def test_the_target_of_a_rule_of_nft_is_that_of_its_statement() -> None:
    """A match of another extension is no target, nor is the name of a chain or of a set."""
    statements: list[dict[str, Any]] = [
        {"accept": None},
        {"jump": {"target": "masquerade"}},
        {"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": "@redirect"}},
        {"dnat": {"addr": "10.0.0.2", "port": 80}},
        {"masquerade": None},
        {"xt": {"type": "match", "name": "DNAT"}},
        {"xt": {"type": "target", "name": "SNAT"}},
    ]
    listing = ruleset(*(("ip", "nat", "X", number, [COUNTER, s]) for number, s in enumerate(statements)))
    found = rules_by_handle(listing, [])
    assert [rule.target for rule in found.values()] == ["", "", "", "DNAT", "MASQUERADE", "", "SNAT"]
