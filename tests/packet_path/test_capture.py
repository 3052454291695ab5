"""Which namespaces are watched for a request, as far as it is known before it is sent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from course_lib.network import parse_facts
from course_lib.network.model import Chain, Rule, Snapshot
from course_lib.packet_path.capture import _concerned, _rules
from course_lib.packet_path.request import request
from tests.record_evidence import recorded


def concerned(address: str, port: int, *rules: str) -> list[str]:
    _, _, facts = recorded("26.1", "published")
    network: Snapshot = parse_facts.snapshot(facts)
    made = tuple(Rule(n, spec, "DNAT", 0, 0) for n, spec in enumerate(rules, 1))
    chain = Chain("ip", "nat", "BY-HAND", None, 0, 0, made)
    sent = replace(request("client", f"tcp://host:{port}"), address=address)
    return _concerned(sent, replace(network, chains=(*network.chains, chain)))


@pytest.mark.parametrize("goal", ["172.17.0.2:80", "172.17.0.2"])
def test_whoever_a_dnat_rule_made_by_hand_leads_to_is_watched(goal: str) -> None:
    assert concerned("203.0.113.10", 4444) == []
    assert concerned("203.0.113.10", 4444, f"-p tcp -m tcp --dport 4444 -j DNAT --to-destination {goal}") == ["web"]
    assert concerned("203.0.113.10", 4444, f"-p tcp -j DNAT --to-destination {goal}") == ["web"]
    assert concerned("203.0.113.10", 4445, f"-p tcp -m tcp --dport 4444 -j DNAT --to-destination {goal}") == []
    assert concerned("10.61.2.2", 4444, f"-p tcp -m tcp --dport 4444 -j DNAT --to-destination {goal}") == ["b1"]


def test_an_address_of_ipv6_is_read() -> None:
    assert concerned("203.0.113.10", 4444, "-p tcp -j DNAT --to-destination [fd00:61::2]:80") == ["d1"]


def test_a_published_port_has_its_container_once() -> None:
    assert set(concerned("203.0.113.10", 80)) == {"web"}


def test_an_error_about_a_relay_quotes_its_goal_and_not_the_port_alone() -> None:
    """A container's own request to port 80 elsewhere may fail at the same time."""
    _, _, facts = recorded("26.1", "published")
    network = parse_facts.snapshot(facts)
    rules = _rules(replace(request("client", "http://host/"), address="203.0.113.10"), network)
    quoting = [rule for rule in rules if "@th,240,16 80" in rule or "@th,400,16 80" in rule]
    assert quoting == ["icmp type destination-unreachable @th,240,16 80 @th,192,32 0xac110002"]
