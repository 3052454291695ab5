"""What the kernel counted during a request without an answer."""

from __future__ import annotations

import pytest

from course_lib.packet_path.counters import reasons
from course_lib.packet_path.wording import table
from tests.packet_path.test_reconstruct import ENGINES, recorded_path

BEFORE = """Ip: Forwarding DefaultTTL InAddrErrors
Ip: 1 64 3
Icmp: InMsgs OutDestUnreachs
Icmp: 4 4
Udp: InDatagrams NoPorts
Udp: 10 2
TcpExt: SyncookiesSent IPReversePathFilter
TcpExt: 0 0
Ip6InNoRoutes                   \t7
"""


def test_what_rose_has_the_name_that_nstat_gives_it() -> None:
    after = BEFORE.replace("1 64 3", "1 64 4").replace("Udp: 10 2", "Udp: 11 4").replace("\t7", "\t8")
    assert reasons(BEFORE, after) == {"IpInAddrErrors": 1, "UdpNoPorts": 2, "Ip6InNoRoutes": 1}
    assert reasons(BEFORE, BEFORE) == {}
    assert reasons("", BEFORE) == {}, "nothing is known of before"


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("flow", "counted"),
    [
        ("udp_closed_in_container", "u2: UdpNoPorts +1, a datagram came to a port where no socket listens"),
        ("udp_relay_refused", "u2: UdpNoPorts +1, a datagram came to a port where no socket listens"),
        ("closed_in_container", "a1: TcpOutRsts +1, TCP sent a RST"),
        (
            "reverse_path",
            "host: TcpExtIPReversePathFilter +1, the reverse path filter (rp_filter) dropped a packet",
        ),
    ],
)
def test_the_kernel_counted_the_end(engine: str, flow: str, counted: str) -> None:
    path = recorded_path(engine, flow)
    assert counted in path.end.counted
    assert f"Counted in {counted}" in table(path, {}, details=True)
    assert "Counted" not in table(path, {})


@pytest.mark.parametrize("engine", ENGINES)
def test_of_an_answer_nothing_is_counted(engine: str) -> None:
    assert recorded_path(engine, "published").end.counted == ()
