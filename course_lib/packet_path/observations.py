"""Parse the output of conntrack (`entries`), tcpdump (`frames`), ss (`relay`) and of the sender, line by line. Pure."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from ipaddress import ip_address

from course_lib.packet_path.model import Entry, Packet

CAPTURED = re.compile(r"(\d+\.\d+) (\S+)\s+(\S+)\s+ifindex \d+ \S+ ethertype (\w+) .*?: (.*)")


@dataclass(frozen=True)
class Frame:
    """A packet on an interface of the host, as tcpdump captured it."""

    device: str
    direction: str  # "In", "Out", "P" (to another MAC than the interface's), "B", "M"
    addresses: tuple[str, int, str, int]


@dataclass(frozen=True)
class Relay:
    """One process that holds a socket of each of two connections: it reads from one and writes to the other."""

    process: str  # "docker-proxy"
    pid: int
    near: tuple[str, int, str, int]  # local address and port, the other's address and port: of the first connection
    far: tuple[str, int, str, int]  # of the second one


def entries(place: str, text: str) -> list[Entry]:
    """Return the new entries that `conntrack -E -o xml` printed in the namespace `place` (conntrack(8)).

    Each event is one line, an element <flow>. The document around them has no end: the text is read while conntrack
    still runs.
    """
    found = []
    for line in text.splitlines():
        if not (line.startswith("<flow") and line.endswith("</flow>")):
            continue
        flow = ET.fromstring(line)  # noqa: S314 - printed by conntrack, which has no entities
        original, answer = (_packet(flow, direction) for direction in ("original", "reply"))
        if flow.get("type") == "new" and original.protocol in ("tcp", "udp", "icmp", "icmpv6"):
            found.append(Entry(place, original, answer))
    return found


def _packet(flow: ET.Element, direction: str) -> Packet:
    """Return the addresses of one direction of an entry; an echo request has no ports."""
    meta = f"meta[@direction='{direction}']"
    layer4 = flow.find(f"{meta}/layer4")
    return Packet(
        layer4.get("protoname", "") if layer4 is not None else "",
        _short(flow.findtext(f"{meta}/layer3/src", "")),
        int(flow.findtext(f"{meta}/layer4/sport", "0")),
        _short(flow.findtext(f"{meta}/layer3/dst", "")),
        int(flow.findtext(f"{meta}/layer4/dport", "0")),
    )


def _short(address: str) -> str:
    """Return an IPv6 address in its short form (RFC 5952); conntrack may print the zeros."""
    return str(ip_address(address))


def frames(text: str) -> list[Frame]:
    """Return the IP packets that `tcpdump -e` printed; ARP and other lines are left out."""
    found = []
    for line in text.splitlines():
        match = CAPTURED.match(line)
        if not match or not match[4].startswith("IPv"):
            continue
        ends = re.match(r"(\S+) > (\S+?):? ", match[5])
        if ends:
            addresses = (*_socket(ends[1]), *_socket(ends[2]))
            found.append(Frame(match[2], match[3], addresses))
    return found


def _socket(text: str) -> tuple[str, int]:
    """Return address and port from "172.17.0.2.80" or "2001:db8::2.80", and from an address without a port.

    "::ffff:10.0.0.1" has none (RFC 4291, 2.5.5.2).
    """
    if text.count(".") in ((1, 4) if ":" in text else (4,)):
        address, _, port = text.rpartition(".")
        return address, int(port)
    return text, 0


def unanswered(text: str) -> list[str]:
    """Return the addresses that ARP asked for and that nobody answered (RFC 826)."""
    asked = re.findall(r"Request who-has (\S+?)(?: \(\S+\))? tell", text)
    there = set(re.findall(r"Reply (\S+) is-at", text))
    return [address for address in dict.fromkeys(asked) if address not in there]


def relay(text: str, sender: int, goal: int, second: int) -> Relay | None:
    """Return the process that holds the near end of the first connection and begins the second one (ss(8)).

    `sender` and `goal` are the ports of the first connection, `second` is its own port in the second one. With UDP
    the near socket is not connected: it listens on the port.
    """
    held: dict[tuple[str, int], list[tuple[str, int, str, int]]] = {}
    for line in text.splitlines():
        parts = line.split()
        users = re.findall(r'\("([^"]+)",pid=(\d+)', line)
        if len(parts) >= 6 and users:
            ends = (*_colon(parts[4]), *_colon(parts[5]))
            held.setdefault((users[0][0], int(users[0][1])), []).append(ends)
    for (process, pid), sockets in held.items():
        near = next((s for s in sockets if s[3] == sender or (s[1], s[3]) == (goal, 0)), None)
        far = next((s for s in sockets if s[1] == second and s is not near), None)
        if near and far:
            return Relay(process, pid, near, far)
    return None


def _colon(text: str) -> tuple[str, int]:
    address, _, port = text.rpartition(":")
    return address.strip("[]").partition("%")[0].removeprefix("::ffff:"), int(port) if port.isdigit() else 0


def sender_error(log: str, said: str) -> str:
    """Return why the sender's request failed, as errno(3) or ping words it; "" if it did not fail."""
    found = re.findall(r" [EW] .*: ([A-Z][A-Za-z ]+)$", log, re.M)
    wanted = ("Connection refused", "Network is unreachable", "No route to host", "timed out", "Host is unreachable")
    for text in (*found, *log.splitlines(), *said.splitlines()):
        hit = next((w for w in wanted if w in text), "")
        if hit:
            return hit
    quoted = re.search(r"^From \S+ icmp_seq=1 (.+)$", said, re.M)
    return quoted[1] if quoted else ""
