"""The rules that the kernel passed over: which, in what order, and which condition failed."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from course_lib.network.iptables_save import parse_chains
from course_lib.network.model import Rule
from course_lib.packet_path.model import Packet
from course_lib.packet_path.tried import NOTHING_EXCLUDES, Known, why_not
from course_lib.packet_path.wording import table
from tests.packet_path.test_reconstruct import ALL, recorded_path
from tests.record_evidence import recorded

SYN = Packet("tcp", "203.0.113.20", 61000, "203.0.113.10", 81, "SYN")
KNOWN = Known(SYN, "eth0", "docker0", "NEW", SYN, frozenset({"203.0.113.10"}))


@pytest.mark.parametrize(("engine", "flow"), ALL)
def test_each_rule_that_was_passed_over_has_a_condition_that_failed(engine: str, flow: str) -> None:
    """The kernel has decided: a rule in whose text nothing excludes the packet would be our mistake."""
    for step in recorded_path(engine, flow).steps:
        for tried in step.tried:
            assert NOTHING_EXCLUDES not in tried.why, (step, tried)
            assert "not known" not in tried.why, (step, tried)


@pytest.mark.parametrize(("engine", "flow"), ALL)
def test_no_condition_of_a_rule_that_matched_fails(engine: str, flow: str) -> None:
    found = recorded_path(engine, flow)
    for step in (s for s in found.steps if s.kind == "rule" and s.number):
        packet = step.before or step.packet
        state = "" if step.table == "raw" else "ESTABLISHED" if step.back else "NEW"
        state = "RELATED" if step.back and packet.said in ("port unreachable", "host unreachable") else state
        local = {i.split("/")[0] for own in found.network.interfaces for i in own.addresses}
        if step.place != "host":
            local = {packet.source} if ip_address(packet.source).is_private else set()
        known = Known(packet, step.incoming, step.outgoing, state, packet, frozenset(local))
        assert why_not(Rule(1, step.rule, "", 0, 0), known) == NOTHING_EXCLUDES, step


@pytest.mark.parametrize(("engine", "flow"), ALL)
def test_every_rule_of_a_chain_stands_before_its_end(engine: str, flow: str) -> None:
    """Up to what ended a chain, each of its rules either matched or was passed over, in order and once."""
    _, evidence, _ = recorded(engine, flow)
    rules = {
        (place, c.family, c.table, c.name): len(c.rules)
        for place, texts in evidence.namespaces.items()
        for c in (*parse_chains(texts.rules_ip, "ip"), *parse_chains(texts.rules_ip6, "ip6"))
    }
    met: dict[tuple[object, ...], list[int]] = {}
    whole = set()
    for step in recorded_path(engine, flow).steps:
        if step.kind in ("rule", "policy", "nothing"):
            at = (step.connection, step.back, step.place, step.family, step.table, step.hook)
            for tried in step.tried:
                met.setdefault((*at, tried.chain), []).append(tried.number)
            if step.kind == "rule":
                met.setdefault((*at, step.chain), []).append(step.number)
            elif (step.place, step.family, step.table, step.chain) in rules:
                whole.add((*at, step.chain))
                met.setdefault((*at, step.chain), [])
    for (*at, chain), numbers in met.items():
        assert numbers == list(range(1, len(numbers) + 1)), (at, chain)
        if (*at, chain) in whole:
            assert len(numbers) == rules[at[2], at[3], at[4], chain], (at, chain)


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ("-i docker0 -j RETURN", "not from docker0"),
        ("! -i eth0 -j RETURN", "from eth0"),
        ("-o br+ -j RETURN", "not out by br+"),
        ("-o docker+ -j RETURN", NOTHING_EXCLUDES),
        ("-p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.2:80", "port 81, not 80"),
        ("-p tcp -m tcp ! --dport 81 -j DROP", "port 81"),
        ("-p tcp -m multiport --dports 22,80:81 -j DROP", NOTHING_EXCLUDES),
        ("-p tcp -m multiport --dports 22,80 -j DROP", "port 81, not 22,80"),
        ("-p udp -m udp --dport 81 -j DROP", "tcp, not udp"),
        ("-s 10.0.0.0/8 -j DROP", "from 203.0.113.20, not 10.0.0.0/8"),
        ("! -d 203.0.113.0/24 -j DROP", "to 203.0.113.10"),
        ("-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "state NEW, not RELATED,ESTABLISHED"),
        ("-m conntrack --ctstate DNAT -j ACCEPT", "not known here: --ctstate DNAT"),
        ("-m conntrack --ctorigdstport 80 -j DROP", "port 81, not 80"),
        ("-m addrtype --dst-type LOCAL -j DOCKER", NOTHING_EXCLUDES),
        ("-m addrtype ! --dst-type LOCAL -j DOCKER", "203.0.113.10 is LOCAL"),
        ("-m addrtype --src-type LOCAL -j DOCKER", "203.0.113.20 is not LOCAL"),
        ("-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j DROP", NOTHING_EXCLUDES),
        ("-p tcp -m tcp --tcp-flags SYN,ACK SYN,ACK -j DROP", "flags SYN, not SYN,ACK SYN,ACK"),
        ('-m comment --comment "-i docker0" -j DROP', NOTHING_EXCLUDES),
        ("-m mark --mark 0x1 -m limit --limit 5/min -j DROP", "not known here: --mark 0x1, --limit 5/min"),
        ("-m mark --mark 0x1 -p udp -j DROP", "tcp, not udp"),
        ("-s 10.0.0.1/255.0.0.255 -j DROP", "not known here: -s 10.0.0.1/255.0.0.255"),
    ],
)
def test_the_condition_that_failed_is_named(spec: str, why: str) -> None:
    assert why_not(Rule(1, spec, "", 0, 0), KNOWN) == why


def test_details_have_them_before_what_decided_and_the_table_does_not() -> None:
    found = recorded_path("26.1", "published")
    lines = [line.strip() for line in table(found, {}, details=True).splitlines()]
    at = next(i for i, line in enumerate(lines) if line.startswith("nat DOCKER rule 5"))
    over = [line for line in lines[:at] if "does not match" in line and line.startswith("nat DOCKER")]
    assert over == [
        "nat DOCKER rule 1                       inferred         does not match: not from br-<dual>",
        "nat DOCKER rule 2                       inferred         does not match: not from br-<back>",
        "nat DOCKER rule 3                       inferred         does not match: not from br-<front>",
        "nat DOCKER rule 4                       inferred         does not match: not from docker0",
    ]
    assert "hook INPUT                              trace            no rule of iptables matched" in lines
    assert "does not match" not in table(found, {})


def test_a_hook_where_no_rule_matched_is_named() -> None:
    """With `dockerd --iptables=false` a forwarded packet meets no rule."""
    found = recorded_path("26.1", "published")
    bare = replace(found, steps=tuple(s for s in found.steps if s.hook != "FORWARD"))
    hook = "hook FORWARD                            trace            no rule of iptables matched"
    assert hook in table(bare, {}, details=True)
    assert hook not in table(found, {}, details=True)
