"""Single lines of conntrack, tcpdump, ss and the sender, as versions print them."""

from __future__ import annotations

import pytest

from course_lib.packet_path.model import Packet
from course_lib.packet_path.nft_trace import sightings
from course_lib.packet_path.observations import entries, frames, relay, sender_error, unanswered

FLOW = """<flow type="{0}"><meta direction="original"><layer3 protonum="2" protoname="ipv4"><src>{1}</src>\
<dst>{2}</dst></layer3><layer4 protonum="6" protoname="{3}">{4}</layer4></meta><meta direction="reply">\
<layer3 protonum="2" protoname="ipv4"><src>{5}</src><dst>{1}</dst></layer3><layer4 protonum="6" protoname="{3}">{6}\
</layer4></meta><meta direction="independent"><timeout>120</timeout><id>2527112474</id><unreplied/></meta></flow>
"""
PORTS = "<sport>61578</sport><dport>80</dport>", "<sport>80</sport><dport>61578</dport>"
CLIENT, HOST, WEB = "203.0.113.20", "203.0.113.10", "172.17.0.2"
BEGIN = '<?xml version="1.0" encoding="utf-8"?>\n<conntrack>\n'


def test_a_new_entry_has_two_tuples() -> None:
    new, update = (FLOW.format(kind, CLIENT, HOST, "tcp", PORTS[0], WEB, PORTS[1]) for kind in ("new", "update"))
    (entry,) = entries("host", BEGIN + new + update + new[:-30])
    assert entry.original == Packet("tcp", "203.0.113.20", 61578, "203.0.113.10", 80)
    assert entry.answer == Packet("tcp", "172.17.0.2", 80, "203.0.113.20", 61578)
    assert entries("host", "") == []


def test_an_entry_of_ipv6_one_of_icmp_and_another_protocol() -> None:
    text = (
        BEGIN
        + FLOW.format("new", "fd00:61:0:0:0:0:0:3", "fd00:61::2", "tcp", PORTS[0], "fd00:61::2", PORTS[1])
        + FLOW.format("new", "10.0.0.1", "10.0.0.2", "icmp", "", "10.0.0.2", "")
        + FLOW.format("new", "10.0.0.1", "10.0.0.2", "sctp", PORTS[0], "10.0.0.2", PORTS[1])
    )
    found = entries("host", text)
    assert [entry.original.protocol for entry in found] == ["tcp", "icmp"]
    assert found[0].original.source == "fd00:61::3"
    assert found[1].original.addresses == ("10.0.0.1", 0, "10.0.0.2", 0)


@pytest.mark.parametrize(
    ("said", "addresses"),
    [
        ("203.0.113.20.61578 > 203.0.113.10.80: Flags [S], seq 1", ("203.0.113.20", 61578, "203.0.113.10", 80)),
        ("203.0.113.10 > 172.17.0.3: ICMP 203.0.113.10 udp port 9 unreachable", ("203.0.113.10", 0, "172.17.0.3", 0)),
        ("::ffff:10.0.0.1 > ::ffff:10.0.0.2.80: x", ("::ffff:10.0.0.1", 0, "::ffff:10.0.0.2", 80)),
        ("fd00:61::3.61578 > fd00:61::2.80: Flags [S], seq 1", ("fd00:61::3", 61578, "fd00:61::2", 80)),
        ("fd00:61::3 > fd00:61::2: ICMP6, echo request, id 1", ("fd00:61::3", 0, "fd00:61::2", 0)),
        ("10.61.1.3.35000 > 203.0.113.20.53: 18743+ [1au] A? a. (55)", ("10.61.1.3", 35000, "203.0.113.20", 53)),
    ],
)
def test_a_captured_frame(said: str, addresses: tuple[str, int, str, int]) -> None:
    family = "IPv6 (0x86dd)" if "::" in said else "IPv4 (0x0800)"
    line = f"1795616132.902704 veth201e8b0 P   ifindex 2 00:00:5e:00:53:20 ethertype {family}, length 80: {said}\n"
    (frame,) = frames(line)
    assert (frame.device, frame.direction, frame.addresses) == ("veth201e8b0", "P", addresses)


def test_arp_that_nobody_answers() -> None:
    text = "Request who-has 10.0.0.7 tell 10.0.0.1\nRequest who-has 10.0.0.8 tell 10.0.0.1\nReply 10.0.0.8 is-at x"
    assert unanswered(text) == {"10.0.0.7"}


SOCKETS = """\
tcp ESTAB 0      0      172.17.0.1:56592 172.17.0.2:80    users:(("docker-proxy",pid=237,fd=5))
tcp ESTAB 0      0       127.0.0.1:61093  127.0.0.1:80    users:(("socat",pid=1565,fd=5))
tcp ESTAB 0      0       127.0.0.1:80     127.0.0.1:61093 users:(("docker-proxy",pid=237,fd=3))
"""


def test_a_relay_holds_one_socket_of_each_connection() -> None:
    assert relay(SOCKETS, 61093, 80, 56592) == "docker-proxy"
    assert relay(SOCKETS.replace("pid=237,fd=5", "pid=238,fd=5"), 61093, 80, 56592) == "", "two processes"
    assert relay(SOCKETS, 61093, 80, 56593) == "", "another second connection"


@pytest.mark.parametrize(
    ("log", "said", "error"),
    [
        ("x socat[1] E connect(5, AF=2 203.0.113.10:4444, 16): Connection refused", "", "Connection refused"),
        ("x socat[1] W connecting to AF=2 10.0.0.2:80: Connection timed out\nx socat[1] E Operation now in progress",
         "", "timed out"),
        ("ping: connect: Network is unreachable", "", "Network is unreachable"),
        ("", "From 10.0.0.1 icmp_seq=1 Destination Host Prohibited\n", "Destination Host Prohibited"),
        ("", "64 bytes from 10.0.0.1: icmp_seq=1 ttl=64 time=0.3 ms", ""),
    ],
)  # fmt: skip
def test_why_the_sender_failed(log: str, said: str, error: str) -> None:
    assert sender_error(log, said) == error


HEADER = 'trace id 1 ip filter FORWARD packet: iif "eth0" oif "docker0" ip saddr 10.0.0.1 ip daddr 10.0.0.2 '


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("tcp sport 1 tcp dport 2 tcp flags == syn tcp window 3", "SYN"),
        ("tcp sport 1 tcp dport 2 tcp flags == 0x12 tcp window 3", "SYN-ACK"),
        ("tcp sport 1 tcp dport 2 tcp flags == 0x14 tcp window 3", "RST-ACK"),
        ("tcp sport 1 tcp dport 2 tcp flags == syn,ack tcp window 3", "SYN-ACK"),
        ("icmp type echo-request icmp code 0 icmp id 7 icmp sequence 1", "echo request"),
        ("icmp type echo-request icmp code net-unreachable icmp id 7", "echo request"),
        ("icmp type destination-unreachable icmp code 3 icmp id 0", "port unreachable"),
        ("icmp type destination-unreachable icmp code port-unreachable icmp id 0", "port unreachable"),
        ("udp sport 1 udp dport 2 udp length 8", ""),
    ],
)
def test_what_a_packet_says(words: str, said: str) -> None:
    (seen,) = sightings(HEADER + words)
    assert (seen.packet.said, seen.incoming, seen.outgoing) == (said, "eth0", "docker0")


def test_a_rule_without_text_is_known_by_its_handle_and_lines_of_unknown_packets_are_left_out() -> None:
    text = HEADER + "udp sport 1 udp dport 2\n"
    text += "trace id 1 ip filter FORWARD unknown rule handle 21 (verdict accept)\n"
    text += "trace id 9 ip filter FORWARD policy drop \n"
    (seen,) = sightings(text)
    assert [(v.handle, v.verdict, v.words) for v in seen.verdicts] == [(21, "accept", "")]


def test_a_rule_has_the_words_of_nft_without_its_handle() -> None:
    text = HEADER + "udp sport 1 udp dport 2\n"
    text += 'trace id 1 ip filter FORWARD rule counter accept comment "a # handle 9 (verdict drop)" # handle 2 '
    text += "(verdict accept)\n"
    (seen,) = sightings(text)
    assert [v.words for v in seen.verdicts] == ['counter accept comment "a # handle 9 (verdict drop)"']
