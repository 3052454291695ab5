"""Reconstruct the packet's path from recorded evidence of three engines: what decided, and the outcome."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest

from course_lib.network import parse_facts
from course_lib.packet_path.evidence import Evidence
from course_lib.packet_path.model import PacketPath, Step
from course_lib.packet_path.nft_trace import sightings
from course_lib.packet_path.reconstruct import path_of
from tests.record_evidence import FLOWS, recorded

OLD, NEW = ("20.10", "26.1"), ("28.5",)
ENGINES = OLD + NEW
ALL = [(engine, flow) for engine in ENGINES for flow in FLOWS]


@cache
def recorded_path(engine: str, flow: str) -> PacketPath:
    request, evidence, facts = recorded(engine, flow)
    return path_of(request, evidence, parse_facts.snapshot(facts))


def changed(engine: str, flow: str, section: str, old: str, new: str) -> PacketPath:
    """Return the path with a text replaced in a field of the evidence, or of the host's namespace."""
    request, evidence, facts = recorded(engine, flow)
    text = getattr(evidence, section, None) or getattr(evidence.namespaces["host"], section)
    assert old in text, "else nothing is changed"
    texts = {section: text.replace(old, new)}
    other = replace(evidence, **texts) if hasattr(evidence, section) else on_host(evidence, **texts)
    return path_of(request, other, parse_facts.snapshot(facts))


def on_host(evidence: Evidence, **texts: str) -> Evidence:
    """Return the evidence with other texts of the host's namespace."""
    host = replace(evidence.namespaces["host"], **texts)
    return replace(evidence, namespaces={**evidence.namespaces, "host": host})


def steps(engine: str, flow: str, *, back: bool = False, connection: int = 1) -> list[Step]:
    return [s for s in recorded_path(engine, flow).steps if (s.back, s.connection) == (back, connection)]


def decided(engine: str, flow: str, *, back: bool = False, connection: int = 1) -> list[str]:
    """Return what decided about a packet: the rules that end a chain, and the policies that drop."""
    found = []
    for step in steps(engine, flow, back=back, connection=connection):
        if step.kind == "rule" and step.verdict in ("accept", "drop"):
            found.append(f"{step.place} {step.table} {step.chain} {step.target}")
        elif step.kind == "policy" and step.verdict == "drop":
            found.append(f"{step.place} {step.table} {step.chain} policy")
        elif step.kind == "rewritten":
            found.append(f"{step.place} conntrack")
    return found


def places(engine: str, flow: str, *, back: bool = False, connection: int = 1) -> list[str]:
    return list(dict.fromkeys(s.place for s in steps(engine, flow, back=back, connection=connection)))


# Flow -> what decided on the old engines, and on 28.5; the same for all if it is one list. What stands here was
# measured by hand, with other commands, before this code was there (nft monitor, conntrack, tcpdump, one by one).
THERE: dict[str, list[str] | tuple[list[str], list[str]]] = {
    "published": ["host nat DOCKER DNAT", "host filter DOCKER ACCEPT"],
    "published_own_network": ["host nat DOCKER DNAT", "host filter DOCKER ACCEPT"],
    "own_address": ["host nat DOCKER DNAT"],
    "localhost": [],
    "host_to_container": [],
    "outside": (
        ["host filter FORWARD ACCEPT", "host nat POSTROUTING MASQUERADE"],
        ["host filter DOCKER-FORWARD ACCEPT", "host nat POSTROUTING MASQUERADE"],
    ),
    "one_bridge": (["host filter FORWARD ACCEPT"], ["host filter DOCKER-FORWARD ACCEPT"]),
    "bridged_without_iptables": [],
    "two_bridges": (["host filter DOCKER-ISOLATION-STAGE-2 DROP"], ["host raw PREROUTING DROP"]),
    "ping_two_bridges": (["host filter DOCKER-ISOLATION-STAGE-2 DROP"], ["host raw PREROUTING DROP"]),
    "lookup": ["a2 nat DOCKER_OUTPUT DNAT"],
    "lookup_outside": ["a2 nat DOCKER_OUTPUT DNAT"],
    "own_port": [],
    "port_of_other_bridge": [],
    "closed_on_host": [],
    "closed_in_container": (["host filter FORWARD ACCEPT"], ["host filter DOCKER-FORWARD ACCEPT"]),
    "internal_published": ["host nat DOCKER DNAT", "host filter DOCKER-ISOLATION-STAGE-1 DROP"],
    "internal_own_gateway": [],
    "nobody": [],
    "udp": ["host nat DOCKER DNAT", "host filter DOCKER ACCEPT"],
    "udp_closed_on_host": [],
    "rejected": ["host nat DOCKER DNAT", "host filter DOCKER-USER REJECT"],
    "dropped_by_user": ["host nat DOCKER DNAT", "host filter DOCKER-USER DROP"],
    "client_routes": (["host filter FORWARD policy"], ["host raw PREROUTING DROP"]),
    "client_routes_published": (["host filter DOCKER ACCEPT"], ["host raw PREROUTING DROP"]),
    "ipv6_one_bridge": ([], ["host filter DOCKER-FORWARD ACCEPT"]),
    "ipv6_published": ([], ["host nat DOCKER DNAT", "host filter DOCKER ACCEPT"]),
}
BACK: dict[str, list[str] | tuple[list[str], list[str]]] = {
    "published": (
        ["host filter FORWARD ACCEPT", "host conntrack"],
        ["host filter DOCKER-FORWARD ACCEPT", "host conntrack"],
    ),
    "own_address": ["host conntrack"],
    "outside": (["host conntrack", "host filter FORWARD ACCEPT"], ["host conntrack", "host filter DOCKER-CT ACCEPT"]),
    "one_bridge": (["host filter FORWARD ACCEPT"], ["host filter DOCKER-CT ACCEPT"]),
    "lookup": ["a2 conntrack"],
    "answer_dropped": ["host filter DOCKER-USER DROP"],
}
ENDS: dict[str, tuple[str, str]] = {
    "published": ("answered", "HTTP/1.1 200 OK"),
    "localhost": ("answered", "HTTP/1.1 200 OK"),
    "two_bridges": ("dropped", "rule"),
    "lookup": ("answered", "a1 is 10.61.1.2"),
    "lookup_default_bridge": ("answered", "NXDOMAIN"),
    "closed_on_host": ("refused", "refused by host with a RST"),
    "closed_in_container": ("refused", "refused by a1 with a RST"),
    "nobody": ("unreachable", "nobody answered ARP for 10.61.1.77"),
    "udp": ("answered", "journey"),
    "udp_closed_in_container": ("refused", "refused by u2 with ICMP port unreachable"),
    "udp_closed_on_host": ("refused", "refused by host with ICMP port unreachable"),
    "udp_relay_refused": ("refused", "delivered to a relay in host, whose own datagram was refused by u2 with ICMP"),
    "blackhole": ("silent", "last seen in host"),
    "reverse_path": ("silent", "the reverse path filter (rp_filter) dropped a packet"),
    "relay_refused": ("refused", "connected to a relay in host, whose own connection was refused by a3"),
    "ping_outside": ("answered", "echo reply"),
    "rejected": ("rejected", "which answered: port unreachable"),
    "dropped_by_user": ("dropped", "rule 1 of filter DOCKER-USER in host"),
    "answer_dropped": ("dropped", "the answer was dropped by rule 1 of filter DOCKER-USER"),
    "ipv6_ping": ("answered", "echo reply"),
}


def by_engine(expected: list[str] | tuple[list[str], list[str]], engine: str) -> list[str]:
    return expected if isinstance(expected, list) else expected[engine in NEW]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("flow", THERE)
def test_what_decided_on_the_way_there(engine: str, flow: str) -> None:
    assert decided(engine, flow) == by_engine(THERE[flow], engine)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("flow", BACK)
def test_what_decided_about_the_answer(engine: str, flow: str) -> None:
    assert decided(engine, flow, back=True) == by_engine(BACK[flow], engine)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("flow", ENDS)
def test_where_it_ended(engine: str, flow: str) -> None:
    end = recorded_path(engine, flow).end
    assert (end.kind, ENDS[flow][1] in end.words) == (ENDS[flow][0], True), end


def test_a_container_of_an_internal_network_gets_out_of_nothing() -> None:
    """Up to 24 it has a default route, and a rule drops the packet; later it has none, and there is no packet."""
    assert recorded_path("20.10", "internal_outside").end.words.startswith("the packet was dropped by rule")
    for engine in ("26.1", "28.5"):
        assert recorded_path(engine, "internal_outside").steps == ()
        assert "Network is unreachable" in recorded_path(engine, "internal_outside").end.words


@pytest.mark.parametrize(("engine", "flow"), ALL)
def test_a_packet_is_the_same_from_step_to_step_unless_a_step_rewrites_it(engine: str, flow: str) -> None:
    for connection in (1, 2):
        for back in (False, True):
            found = steps(engine, flow, back=back, connection=connection)
            for one, other in pairwise(found):
                before = other.before or other.packet
                assert before.addresses == one.packet.addresses, other


@pytest.mark.parametrize(("engine", "flow"), ALL)
def test_every_rule_is_known_by_its_number_and_text(engine: str, flow: str) -> None:
    _, evidence, _ = recorded(engine, flow)
    for step in recorded_path(engine, flow).steps:
        if step.kind == "rule":
            there = evidence.namespaces[step.place]
            saved = (there.rules_ip if step.family == "ip" else there.rules_ip6).partition(f"*{step.table}\n")[2]
            lines = [x for x in saved.partition("COMMIT")[0].splitlines() if f"] -A {step.chain} " in x]
            assert lines[step.number - 1].endswith(f" -A {step.chain} {step.rule}")


@pytest.mark.parametrize(("engine", "flow"), ALL)
def test_nothing_is_doubtful_in_the_evidence(engine: str, flow: str) -> None:
    assert recorded_path(engine, flow).doubts == ()


@pytest.mark.parametrize(("engine", "flow"), ALL)
def test_only_a_chain_without_a_match_is_inferred(engine: str, flow: str) -> None:
    assert {s.kind for s in recorded_path(engine, flow).steps if not s.seen} <= {"nothing"}


@pytest.mark.parametrize("engine", ENGINES)
def test_the_capture_sees_the_same_frames(engine: str) -> None:
    kinds = ("arrives", "leaves", "enters", "exits", "crosses")
    for flow in ("published", "outside", "one_bridge", "own_port"):
        for step in recorded_path(engine, flow).steps:
            if step.place == "host" and step.kind in kinds:
                assert step.seen == ("trace", "capture"), step


@pytest.mark.parametrize("engine", ENGINES)
def test_conntrack_confirms_what_rewrites(engine: str) -> None:
    for flow in ("published", "own_address", "outside", "lookup", "udp", "ping_outside"):
        rewriting = [s for s in recorded_path(engine, flow).steps if s.before]
        assert rewriting
        assert all("conntrack" in s.seen for s in rewriting)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_dropped_packet_has_no_entry_in_the_hosts_conntrack(engine: str) -> None:
    for flow in ("two_bridges", "dropped_by_user", "client_routes", "internal_published"):
        assert [e for e in recorded_path(engine, flow).entries if e.place == "host"] == []


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("flow", ["localhost", "own_port", "port_of_other_bridge", "udp_localhost"])
def test_docker_proxy_opens_a_second_connection(engine: str, flow: str) -> None:
    found = recorded_path(engine, flow)
    second = steps(engine, flow, connection=2)
    assert second[0].place == "host"
    assert second[0].packet.source in ("172.17.0.1", "10.61.1.1"), "the gateway of the container's bridge"
    assert second[-1].kind == "delivered"
    assert any(note.startswith("docker-proxy holds both") for note in found.notes)
    assert len([e for e in found.entries if e.place == "host"]) == 2


@pytest.mark.parametrize("engine", ENGINES)
def test_ipv6_to_a_published_port_goes_by_a_rule_where_the_engine_writes_one_and_else_by_docker_proxy(
    engine: str,
) -> None:
    """Nothing in d1 listens by IPv6, so it refuses; by whom it was asked is what differs."""
    rules = recorded(engine, "ipv6_published")[1].namespaces["host"].rules_ip6
    by_rule = "--dport 8086 -j DNAT" in rules
    assert by_rule == (engine in NEW)
    assert bool(steps(engine, "ipv6_published", connection=2)) is not by_rule
    asked = steps(engine, "ipv6_published", connection=1 if by_rule else 2)
    assert (asked[-1].place, asked[-1].packet.destination) == ("d1", "fd00:61::2")
    assert asked[-1].packet.source == ("2001:db8:0:1::20" if by_rule else "fd00:61::1")
    assert recorded_path(engine, "ipv6_published").end.kind == "refused"


@pytest.mark.parametrize("engine", ENGINES)
def test_what_listens_by_ipv6_answers_by_a_rule_or_through_docker_proxy(engine: str) -> None:
    assert recorded_path(engine, "ipv6_answered").end.words == "answered: HTTP/1.1 200 OK"
    by_rule = engine in NEW
    assert ("host nat DOCKER DNAT" in decided(engine, "ipv6_answered")) == by_rule
    asked = steps(engine, "ipv6_answered", connection=1 if by_rule else 2)
    assert (asked[-1].place, asked[-1].packet.destination, asked[-1].packet.destination_port) == (
        "d3",
        "fd00:61::4",
        80,
    )
    assert recorded_path(engine, "ipv6_answered").notes[:1] == (
        ()
        if by_rule
        else ("docker-proxy holds both: it reads from one and writes to the other (ss, while they were open)",)
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_without_a_process_that_holds_both_the_second_connection_is_inferred(engine: str) -> None:
    found = changed(engine, "localhost", "sockets", "docker-proxy", "somebody")
    assert found.notes[0].startswith("somebody holds both")
    assert "inferred" in changed(engine, "localhost", "sockets", "pid=", "nobody=").notes[0]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_resolver_of_docker_asks_further_from_where_the_engine_does_it(engine: str) -> None:
    asker = "host" if engine in NEW else "a2"  # since 28.0 dockerd asks from the host's namespace
    assert steps(engine, "lookup_outside", connection=2)[0].place == asker
    assert steps(engine, "lookup", connection=2) == []


@pytest.mark.parametrize("engine", ENGINES)
def test_one_bridge_passes_forward_only_if_the_kernel_is_told_so(engine: str) -> None:
    shown, hidden = (recorded_path(engine, flow).notes[0] for flow in ("one_bridge", "bridged_without_iptables"))
    assert "is 1: what crosses the bridge passes FORWARD" in shown
    assert "is 0: what crosses the bridge is not shown to iptables" in hidden
    for flow in ("one_bridge", "bridged_without_iptables"):
        assert [s.kind for s in steps(engine, flow) if s.kind in ("crosses", "routed", "up")] == ["crosses"]


@pytest.mark.parametrize("engine", ENGINES)
def test_the_packet_passes_the_namespaces_in_order(engine: str) -> None:
    assert places(engine, "published") == ["client", "host", "web"]
    assert places(engine, "published", back=True) == ["web", "host", "client"]
    assert places(engine, "outside") == ["a2", "host", "client"]
    assert places(engine, "lookup") == ["a2"]
    assert places(engine, "own_port") == ["a1", "host"]
    assert places(engine, "own_port", connection=2) == ["host", "a1"]


def test_lost_lines_and_frames_are_said() -> None:
    request, evidence, facts = recorded("26.1", "published")
    found = path_of(request, replace(evidence, lost=7), parse_facts.snapshot(facts))
    assert "the kernel dropped lines" in found.doubts[0]
    missed = changed("26.1", "published", "drops", "0 packets dropped by kernel", "3 packets dropped by kernel")
    assert "tcpdump missed packets" in missed.doubts[0]


@pytest.mark.parametrize("engine", ["20.10", "26.1", "28.5"])
def test_who_refused_is_said_only_where_it_was_seen(engine: str) -> None:
    """As if the host's monitor had not told of the answer: the client, where it is seen first, did not refuse."""
    request, evidence, facts = recorded(engine, "closed_on_host")
    lines = evidence.namespaces["host"].trace.splitlines(keepends=True)
    there = [line for line in lines if f"dport {request.port} " in line]
    found = path_of(request, on_host(evidence, trace="".join(there)), parse_facts.snapshot(facts))
    assert next(s.place for s in found.steps if s.back) == request.origin
    assert found.end.kind == "refused"
    assert found.end.words.startswith("RST-ACK came back; where it began was not seen")


def test_a_counter_that_did_not_move_contradicts_the_trace() -> None:
    request, evidence, facts = recorded("26.1", "published")
    host = evidence.namespaces["host"]
    same = replace(evidence, before_ip=host.rules_ip, before_ip6=host.rules_ip6)
    found = path_of(request, same, parse_facts.snapshot(facts))
    assert "the trace shows nat DOCKER rule" in " ".join(found.doubts)


def test_without_a_capture_only_the_trace_is_named() -> None:
    request, evidence, facts = recorded("26.1", "published")
    found = path_of(request, replace(evidence, capture=""), parse_facts.snapshot(facts))
    assert {w for s in found.steps for w in s.seen} == {"trace", "conntrack"}


def test_a_trace_that_breaks_off_ends_where_it_was_last_seen() -> None:
    request, evidence, facts = recorded("26.1", "two_bridges")
    lines = evidence.namespaces["host"].trace.splitlines(keepends=True)
    end = next(i for i, line in enumerate(lines) if "verdict drop" in line)
    short = on_host(evidence, trace="".join(lines[:end]))
    found = path_of(request, short, parse_facts.snapshot(facts))
    assert (found.end.kind, found.end.words) == ("silent", "last seen in host; no answer within a second")


def test_a_strangers_packets_are_not_ours() -> None:
    """In a trace with the packets of two connections those of the other are left out."""
    request, evidence, facts = recorded("26.1", "published")
    own = str(request.source_port)
    other = evidence.namespaces["host"].trace.replace(own, "61111").replace("172.17.0.2", "172.17.0.9")
    both = on_host(evidence, trace=other + "\n" + evidence.namespaces["host"].trace)
    assert path_of(request, both, parse_facts.snapshot(facts)).steps == recorded_path("26.1", "published").steps
    nobodys = replace(request, source_port=1)
    assert path_of(nobodys, evidence, parse_facts.snapshot(facts)).steps == ()


@pytest.mark.parametrize("engine", ENGINES)
def test_what_a_rule_does_is_not_told_by_its_comment(engine: str) -> None:
    """The comment names other targets, and it breaks the line."""
    comment = '-m comment --comment "was -j REJECT\n[9:9] -A DOCKER-USER -j ACCEPT\nCOMMIT" -j DROP'
    plain = recorded_path(engine, "dropped_by_user")
    commented = changed(
        engine,
        "dropped_by_user",
        "rules_ip",
        "-s 203.0.113.20/32 -j DROP",
        f"-s 203.0.113.20/32 {comment}",
    )
    assert commented.end == plain.end
    assert commented.end.kind == "dropped"
    assert commented.doubts == ()
    (step,) = (s for s in commented.steps if s.verdict == "drop")
    assert (step.number, step.target) == (1, "DROP")


def test_a_table_whose_name_begins_as_ours_is_the_learners() -> None:
    """In it a rule decides, and is told; ours are named course and the number of a process."""
    head = 'trace id 1 inet {0} in packet: iif "eth0" ip saddr 10.0.0.1 ip daddr 10.0.0.2 tcp sport 61000 tcp dport 80'
    text = f"{head}\ntrace id 1 inet {{0}} in rule tcp dport 80 drop handle 5 (verdict drop)\n"
    assert [sightings(text.format(name))[0].ours for name in ("coursework", "course", "course12", "course12x")] == [
        False,
        False,
        True,
        False,
    ]


def test_a_text_in_a_rule_of_nft_is_no_line_of_the_trace() -> None:
    text = (
        'trace id 1 ip filter INPUT packet: iif "eth0" ip saddr 10.0.0.1 ip daddr 10.0.0.2 tcp sport 6100 tcp dport 8\n'
        'trace id 1 ip filter INPUT rule counter comment "handle 9 (verdict drop)\n'
        'trace id 1 ip filter INPUT policy drop" accept handle 5 (verdict accept)\n'
    )
    (seen,) = sightings(text)
    assert [(v.handle, v.verdict) for v in seen.verdicts] == [(5, "accept")]


def test_a_rule_of_nftables_has_no_number() -> None:
    """Its chain has a rule more than iptables shows."""
    found = changed(
        "26.1",
        "dropped_by_user",
        "rules_ip",
        "-A DOCKER-USER -j RETURN",
        "-A DOCKER-USER -j RETURN\n-A DOCKER-USER",
    )
    assert found.end.words == "the packet was dropped by a rule of filter DOCKER-USER in host"
