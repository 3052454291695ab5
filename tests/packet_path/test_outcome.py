"""The outcome of a request that was never sent: the sender's error, and the route that the kernel chose."""

from __future__ import annotations

from dataclasses import replace

import pytest

from course_lib.packet_path.evidence import Evidence
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
