"""Compare the kernel's counters from before and after a request: `reasons`. Pure.

They are those of /proc/net/snmp, netstat and snmp6, with the names that nstat(8) gives them; what they count stands in
the kernel's Documentation/networking/snmp_counter.rst. They count for a whole namespace, so other traffic of the same
moment counts, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

LOST = {  # a packet vanished, and nobody was told
    "TcpExtIPReversePathFilter": "the reverse path filter (rp_filter) dropped a packet",
    "IpInAddrErrors": "a packet came for another host, and is not forwarded",
    "Ip6InAddrErrors": "a packet came for another host, and is not forwarded",
    "IpExtInNoRoutes": "there was no route for a packet that came in",
    "Ip6InNoRoutes": "there was no route for a packet that came in",
    "IpInHdrErrors": "an IP header had an error, or its TTL ran out",
    "Ip6InHdrErrors": "an IP header had an error, or its hop limit ran out",
    "TcpExtListenDrops": "the queue of a listening socket was full",
}
WORDS = LOST | {
    "IpOutNoRoutes": "there was no route for a packet to send",
    "Ip6OutNoRoutes": "there was no route for a packet to send",
    "UdpNoPorts": "a datagram came to a port where no socket listens",
    "Udp6NoPorts": "a datagram came to a port where no socket listens",
    "TcpOutRsts": "TCP sent a RST",
    "IcmpOutDestUnreachs": "an ICMP error was sent: destination unreachable",
    "Icmp6OutDestUnreachs": "an ICMP error was sent: destination unreachable",
}


def reasons(before: str, after: str) -> dict[str, int]:
    """Return the counters with a meaning in WORDS that rose, by how much."""
    old, new = dict(_values(before)), dict(_values(after))
    rose = {name: new[name] - old[name] for name in WORDS if name in old and name in new}
    return {name: difference for name, difference in rose.items() if difference > 0}


def _values(text: str) -> Iterator[tuple[str, int]]:
    """Yield name and value: a line "Ip: Forwarding ..." has names, the next one the values; of IPv6 a line has both."""
    lines = [line.split() for line in text.splitlines()]
    for names, values in pairwise(lines):
        if names and values and names[0] == values[0] and names[0].endswith(":") and not names[1].isdigit():
            yield from ((names[0][:-1] + name, int(value)) for name, value in zip(names[1:], values[1:], strict=False))
    yield from (
        (line[0], int(line[1])) for line in lines if len(line) == 2 and line[0].startswith(("Ip6", "Udp6", "Icmp6"))
    )
