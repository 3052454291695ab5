"""Targets as they are typed, and what is none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from course_lib.errors import CourseError
from course_lib.packet_path.request import relays, request
from tests.pictures import published


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("http://host:80/", ("http", "host", 80, "/", "tcp")),
        ("http://host", ("http", "host", 80, "/", "tcp")),
        ("http://172.17.0.2:8080/a/b", ("http", "172.17.0.2", 8080, "/a/b", "tcp")),
        ("http://[::1]:8086/", ("http", "::1", 8086, "/", "tcp")),
        ("tcp://172.17.0.2:80", ("tcp", "172.17.0.2", 80, "", "tcp")),
        ("udp://host:53", ("udp", "host", 53, "", "udp")),
        ("ping://203.0.113.20", ("ping", "203.0.113.20", 0, "", "icmp")),
        ("dns://web", ("dns", "web", 53, "", "udp")),
        ("http://DB/", ("http", "DB", 80, "/", "tcp")),
        ("tcp://me:secret@Web:3306", ("tcp", "Web", 3306, "", "tcp")),
        ("http://[FD00::A]:8086/", ("http", "FD00::A", 8086, "/", "tcp")),
    ],
)
def test_a_target(target: str, expected: tuple[str, str, int, str, str]) -> None:
    found = request("client", target)
    assert (found.kind, found.host, found.port, found.path, found.protocol) == expected


def test_ipv6_has_an_icmp_of_its_own() -> None:
    assert replace(request("c1", "ping://[fd00::2]"), address="fd00::2").protocol == "icmpv6"


@pytest.mark.parametrize(
    "target",
    ["", "host:80", "https://host/", "http://", "tcp://host", "udp://host", "tcp://host:99999", "http://[::1", "dns://",
     "http://$(reboot)/", "ping://a b", "dns://a;b", "http://host/a b", "http://host/%0d%0aX: y", "http://host/a\\\\nb"],
)  # fmt: skip
def test_no_target(target: str) -> None:
    with pytest.raises(CourseError, match=r"use (http|tcp|udp)://"):
        request("client", target)


def test_a_request_to_0_0_0_0_goes_to_the_host_itself_and_may_reach_docker_proxy() -> None:
    sent = replace(request("host", "http://0.0.0.0:80/"), address="0.0.0.0")
    assert relays(sent, published()) == [("web", "172.17.0.2", 80)]
    assert relays(replace(sent, origin="client"), published()) == []
