"""The outcome of a request that was never sent: the sender's error, and the route that the kernel chose."""

from __future__ import annotations

from dataclasses import replace

import pytest

from course_lib.packet_path.evidence import Evidence
from course_lib.packet_path.model import Outcome, Packet, Step
from course_lib.packet_path.outcome import outcome_of
from course_lib.packet_path.request import request

ROUTE = (
    '[{"dst":"203.0.113.77","gateway":"172.17.0.1","dev":"eth0","prefsrc":"172.17.0.2","flags":[],"uid":0,"cache":[]}]'
)


@pytest.mark.parametrize(
    ("route", "words"),
    [
        (ROUTE, "203.0.113.77 via 172.17.0.1 dev eth0 src 172.17.0.2"),
        ('[{"dst":"10.0.0.7","dev":"eth0","flags":[],"cache":[]}]', "10.0.0.7 dev eth0"),
        ("RTNETLINK answers: Network is unreachable\n", "RTNETLINK answers: Network is unreachable"),
        ('Error: any valid prefix is expected rather than "x".\n', ""),
        ("", ""),
    ],
)
def test_a_request_that_was_not_sent_ends_with_its_route(route: str, words: str) -> None:
    sent = replace(request("web", "tcp://203.0.113.77:80"), address="203.0.113.77", source_port=61000)
    log = "2026/11/30 socat[1] E connect(5, AF=2 203.0.113.77:80, 16): No route to host"
    evidence = Evidence("", log, "", route, "", "", "", "", "", 0, {})
    end = outcome_of(sent, evidence, [])
    told = f"; `ip route get 203.0.113.77`: {words}" if words else ""
    assert (end.kind, end.words) == ("unreachable", f"no packet was sent: No route to host{told}")


def step(place: str, kind: str, source: str, destination: str, *, back: bool = False, hook: str = "") -> Step:
    packet = Packet("udp", source, 61000, destination, 5000)
    return Step(1, back, place, kind, packet, hook=hook, seen=("trace",))


def outcome(
    steps: list[Step], settings: str = "", capture: str = "", target: str = "udp://203.0.113.10:5000"
) -> Outcome:
    sent = replace(request("u1", target), address="203.0.113.10", source_port=61000)
    return outcome_of(sent, Evidence("", "", "", "", settings, "", "", capture, "", 0, {}), steps)


def test_an_answer_from_another_address_than_was_asked_is_no_answer() -> None:
    """docker-proxy answers UDP from the bridge's address: the sender's connected socket takes nothing from there."""
    there = step("u1", "sends", "172.17.0.2", "203.0.113.10")
    end = outcome([there, step("u1", "delivered", "172.17.0.1", "172.17.0.2", back=True)])
    assert end.kind == "silent"
    assert end.words == "an answer came from 172.17.0.1: a socket that asked 203.0.113.10 takes none from there"


def test_a_host_that_forwards_nothing_is_named() -> None:
    came = step("host", "rule", "203.0.113.20", "203.0.113.10", hook="PREROUTING")
    assert (
        outcome([came], "ip_forward 0\n").words == "last seen in host: its ip_forward is 0, so it forwards no packets"
    )
    assert outcome([came], "ip_forward 1\n").words == "last seen in host; no answer within a second"


def test_arp_is_not_blamed_where_the_packet_came_in() -> None:
    asked = "1.0 eth0 B ifindex 2 00:00 ethertype ARP (0x0806): Request who-has 203.0.113.10 tell 203.0.113.20"
    came = step("host", "rule", "203.0.113.20", "203.0.113.10", hook="PREROUTING")
    assert outcome([came], capture=asked).words == "last seen in host; no answer within a second"
    sent = step("client", "sends", "203.0.113.20", "203.0.113.10")
    assert outcome([sent], capture=asked).words.startswith("nobody answered ARP for 203.0.113.10")


@pytest.mark.parametrize("kind", ["exits", "crosses"])
def test_a_frame_that_left_by_a_port_of_a_bridge_was_sent(kind: str) -> None:
    """The sender had an ARP entry for a machine whose cable is down, and asked again after that."""
    asked = "1.0 docker0 Out ifindex 3 00:00 ethertype ARP (0x0806): Request who-has 172.17.0.2 tell 172.17.0.1"
    left = step("host", kind, "203.0.113.20", "172.17.0.2")
    assert outcome([left], capture=asked).words == "its frame was sent, but nobody answered ARP for 172.17.0.2"


@pytest.mark.parametrize("error", ["Invalid argument", "Permission denied", "Operation not permitted"])
def test_every_reason_for_which_the_kernel_sends_nothing_is_told(error: str) -> None:
    log = f"2026/11/30 socat[1] E connect(5, AF=2 172.17.0.2:80, 16): {error}"
    sent = replace(request("host", "http://172.17.0.2/"), address="172.17.0.2", source_port=61000)
    end = outcome_of(sent, Evidence("", log, "", "", "", "", "", "", "", 0, {}), [])
    assert (end.kind, end.words) == ("unreachable", f"no packet was sent: {error}")
