"""What the kernel answered about the steps of recorded flows: routes, neighbours, forwarding entries, sockets."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from functools import cache

import pytest

from course_lib.packet_path.lookups import questions, script, with_answers
from course_lib.packet_path.model import PacketPath, Step
from course_lib.packet_path.wording import table
from tests.packet_path.test_reconstruct import ALL, ENGINES, recorded_path
from tests.record_evidence import recorded_answers


@cache
def answered(engine: str, flow: str) -> PacketPath:
    return with_answers(recorded_path(engine, flow), recorded_answers(engine, flow))


def facts(engine: str, flow: str, place: str, kind: str, *, back: bool = False) -> tuple[str, ...]:
    return next(s for s in answered(engine, flow).steps if (s.place, s.kind, s.back) == (place, kind, back)).facts


def starting(step: Step, word: str) -> list[str]:
    return [fact for fact in step.facts if fact.startswith(word)]


@pytest.mark.parametrize(("engine", "flow"), ALL)
def test_every_routing_decision_has_its_route_and_it_leads_where_the_packet_went(engine: str, flow: str) -> None:
    for step in answered(engine, flow).steps:
        if step.kind == "routed":
            (routing,) = starting(step, "routing")
            assert "of `ip rule`, table " in routing
            assert f"dev {step.device}" in routing
        elif step.kind == "delivered" and step.incoming not in ("", "lo"):
            (routing,) = starting(step, "routing")
            assert "table local, route local" in routing
        elif step.kind == "crosses":
            assert starting(step, "forwarding entry")
            assert not starting(step, "routing"), "a bridge routes nothing"
        if step.kind == "delivered" and step.packet.protocol == "tcp" and not step.back:
            (socket,) = starting(step, "socket")
            answers = [s for s in answered(engine, flow).steps if s.back and s.connection == step.connection]
            assert ("none listens" in socket) == any(s.packet.said.startswith("RST") for s in answers), socket


@pytest.mark.parametrize("engine", ENGINES)
def test_the_evidence_of_a_published_port(engine: str) -> None:
    assert facts(engine, "published", "client", "sends") == (
        "routing: rule 32766 of `ip rule`, table main, route 203.0.113.0/24 dev eth0, source address 203.0.113.20",
        "neighbour entry: 203.0.113.10 is at 00:00:5e:00:53:10",
    )
    routing, neighbour = facts(engine, "published", "host", "routed")
    assert routing == "routing: rule 32766 of `ip rule`, table main, route 172.17.0.0/16 dev docker0"
    assert neighbour.startswith("neighbour entry: 172.17.0.2 is at ")
    assert facts(engine, "published", "web", "delivered") == (
        "routing: rule 0 of `ip rule`, table local, route local 172.17.0.2 dev lo",
        "socket: nginx listens on 0.0.0.0:80",
    )
    (entry,) = facts(engine, "published", "host", "exits")
    assert entry.endswith(" is behind the veth pair of web")
    (gateway, _) = facts(engine, "published", "web", "sends", back=True)
    assert gateway.endswith("table main, route default via 172.17.0.1 dev eth0")


@pytest.mark.parametrize("engine", ENGINES)
def test_the_socket_is_that_of_the_relay_and_of_nobody(engine: str) -> None:
    assert "socket: docker-proxy listens on 0.0.0.0:80" in facts(engine, "localhost", "host", "delivered")
    assert facts(engine, "closed_on_host", "host", "delivered")[-1] == "socket: none listens on tcp port 4444"
    assert facts(engine, "udp_closed_in_container", "u2", "delivered")[-1] == "socket: none listens on udp port 9002"


@pytest.mark.parametrize("engine", ENGINES)
def test_a_packet_that_routing_takes_is_explained_by_its_answer(engine: str) -> None:
    """The trace ends at the DNAT: the route is asked for with the address that the rule gives."""
    end = answered(engine, "blackhole").end
    assert end.words == (
        "last seen in host: routing: the kernel answers Invalid argument "
        "(`ip route get 10.61.1.2 from 203.0.113.20 iif eth0`)"
    )
    assert "Invalid argument" not in answered(engine, "reverse_path").end.words, "the counter says it better"


def test_nobody_there_is_the_state_of_the_neighbour_entry() -> None:
    found = [f for s in answered("26.1", "nobody").steps for f in s.facts if f.startswith("neighbour")]
    assert found == ["neighbour entry: 10.61.1.77 is FAILED, no MAC is known"]


@pytest.mark.parametrize(("engine", "flow"), ALL)
def test_the_table_is_as_before_and_the_details_have_all_of_it(engine: str, flow: str) -> None:
    plain, asked = recorded_path(engine, flow), answered(engine, flow)
    if plain.end == asked.end:
        assert table(plain, {}) == table(asked, {})
    details = table(asked, {}, details=True)
    asked_rows = [line for line in details.splitlines() if re.search(r"  asked( |$)", line)]
    assert len(asked_rows) == sum(len(step.facts) for step in asked.steps)
    assert max(map(len, details.splitlines())) <= 110


def test_without_answers_nothing_is_said() -> None:
    """The lab has gone, or a container was removed meanwhile."""
    found = recorded_path("26.1", "published")
    assert [f for s in with_answers(found, "").steps for f in s.facts if not f.startswith(("socket", "forw"))] == []


def test_a_rule_of_policy_routing_is_named() -> None:
    found = recorded_path("26.1", "published")
    text = recorded_answers("26.1", "published")
    old = '[{"priority":0,"src":"all","table":"local","protocol":"kernel"}'
    assert text.count(old) == 3
    changed = text.replace(old, old + ',{"priority":5,"src":"203.0.113.0","srclen":24,"table":"77"}')
    changed = changed.replace('"dev":"docker0","table":"main"', '"dev":"docker0","table":"77"')
    step = next(s for s in with_answers(found, changed).steps if s.kind == "routed" and not s.back)
    assert step.facts[0].startswith("routing: rule 5 of `ip rule`, table 77, route 172.17.0.0/16 dev docker0")


@pytest.mark.parametrize("engine", ENGINES)
def test_nothing_is_routed_after_a_frame_has_left_by_a_port_of_a_bridge(engine: str) -> None:
    """The cable behind the port is down: the route of a stranger's packet would be asked for without its interface."""
    found = recorded_path(engine, "published")
    last = next(n for n, s in enumerate(found.steps) if s.kind == "exits")
    cut = replace(found, steps=found.steps[: last + 1])
    assert cut.lost is found.steps[last]
    assert [q for q in questions(cut)["host"] if " iif " not in q] == []


def test_the_script_takes_any_name() -> None:
    """Names of containers and interfaces come from a learner."""
    found = recorded_path("26.1", "published")
    odd = replace(found, steps=tuple(replace(s, place="a'b", incoming="e'h") for s in found.steps))
    text = script({"a'b": "nsenter -t 1 -n"}, odd)
    assert shlex.split(text)[:7] == ["section", "asked a'b", "nsenter", "-t", "1", "-n", "sh"]
    assert "iif e'h" in " ".join(shlex.split(text))
    assert questions(found).keys() == {"client", "host", "web"}


def test_the_script_asks_only_what_is_needed() -> None:
    found = recorded_path("26.1", "ping_from_client")
    enter = dict.fromkeys(("client", "host"), "")
    assert [word in script(enter, found) for word in ("ss -Htulnp", "ip -6", "bridge")] == [False] * 3
