"""Parse the output of conntrack (`entries`), tcpdump (`frames`), ss (`relay`) and of the sender, line by line. Pure."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from ipaddress import ip_address
from typing import NamedTuple

from course_lib.packet_path.model import Entry, Packet

CAPTURED = re.compile(r"^\d+\.\d+ (\S+) +(\S+) +ifindex \d+ \S+ ethertype IPv[^:]*: (\S+) > (\S+?):? ", re.M)
ERRORS = (
    "Connection refused",
    "Network is unreachable",
    "No route to host",
    "timed out",
    "Host is unreachable",
    "Invalid argument",  # a blackhole route
    "Permission denied",
    "Operation not permitted",  # a rule of OUTPUT drops it
)


class Frame(NamedTuple):
    """A packet on an interface of the host, as tcpdump captured it."""

    device: str
    direction: str  # "In", "Out", "P" (to another MAC than the interface's), "B", "M"
    addresses: tuple[str, int, str, int]


def entries(place: str, text: str) -> list[Entry]:
    """Return the new entries that `conntrack -E -o xml` printed in the namespace `place` (conntrack(8)).

    Each event is one line, an element <flow>. The document around them has no end: the text is read while conntrack
    still runs.
    """
    found = []
    for line in text.splitlines():
        if line.startswith("<flow") and line.endswith("</flow>"):
            flow = ET.fromstring(line)  # noqa: S314 - printed by conntrack, which has no entities
            original, answer = (_packet(flow, direction) for direction in ("original", "reply"))
            if flow.get("type") == "new" and original.protocol in ("tcp", "udp", "icmp", "icmpv6"):
                found.append(Entry(place, original, answer))
    return found


def _packet(flow: ET.Element, direction: str) -> Packet:
    """Return the addresses of one direction of an entry; an echo request has no ports."""
    meta = f"meta[@direction='{direction}']"
    layer4 = flow.find(f"{meta}/layer4")
    # conntrack may print the zeros of an IPv6 address; str(ip_address()) is its short form (RFC 5952).
    source, destination = (str(ip_address(flow.findtext(f"{meta}/layer3/{end}", ""))) for end in ("src", "dst"))
    sport, dport = (int(flow.findtext(f"{meta}/layer4/{end}", "0")) for end in ("sport", "dport"))
    return Packet(layer4.get("protoname", "") if layer4 is not None else "", source, sport, destination, dport)


def frames(text: str) -> set[Frame]:
    """Return the IP packets that `tcpdump -e` printed; ARP and other lines are left out."""
    return {
        Frame(device, direction, (*_socket(source), *_socket(destination)))
        for device, direction, source, destination in CAPTURED.findall(text)
    }


def _socket(text: str) -> tuple[str, int]:
    """Return address and port from "172.17.0.2.80" or "2001:db8::2.80", and from an address without a port.

    "::ffff:10.0.0.1" has none (RFC 4291, 2.5.5.2).
    """
    if text.count(".") in ((1, 4) if ":" in text else (4,)):
        address, _, port = text.rpartition(".")
        return address, int(port)
    return text, 0


def unanswered(text: str) -> set[str]:
    """Return the addresses that ARP asked for and that nobody answered (RFC 826)."""
    asked = re.findall(r"Request who-has (\S+?)(?: \(\S+\))? tell", text)
    return set(asked) - set(re.findall(r"Reply (\S+) is-at", text))


def relay(text: str, sender: int, goal: int, second: int) -> str:
    """Return the name of the process that reads from one connection and writes to another; "" if ss(8) shows none.

    It holds the near end of the first connection and begins the second one. `sender` and `goal` are the ports of the
    first connection, `second` is its own port in the second one. With UDP the near socket is not connected: it listens
    on the port.
    """
    held: dict[tuple[str, str], list[tuple[int, int]]] = {}  # by process: local port and the other's port
    for line in text.splitlines():
        parts = line.split()
        if len(parts) >= 6 and (user := re.search(r'\("([^"]+)",pid=(\d+)', line)):
            held.setdefault((user[1], user[2]), []).append((_port(parts[4]), _port(parts[5])))
    for (process, _), ports in held.items():
        near = next((pair for pair in ports if pair[1] == sender or pair == (goal, 0)), None)
        if near and any(pair[0] == second and pair is not near for pair in ports):
            return process
    return ""


def _port(text: str) -> int:
    port = text.rpartition(":")[2]
    return int(port) if port.isdigit() else 0


def sender_error(log: str, said: str) -> str:
    """Return why the sender's request failed, as errno(3) or ping words it; "" if it did not fail."""
    found = re.findall(r" [EW] .*: ([A-Z][A-Za-z ]+)$", log, re.M)
    for text in (*found, *log.splitlines(), *said.splitlines()):
        if error := next((error for error in ERRORS if error in text), ""):
            return error
    quoted = re.search(r"^From \S+ icmp_seq=1 (.+)$", said, re.M)
    return quoted[1] if quoted else ""
