"""What the kernel says of its interfaces and addresses in its own binary words, as `ip -j -d addr` prints it.

A dump is a row of messages, each with a header, a body of fixed length and attributes: rtnetlink(7), netlink(7),
linux/if_link.h, linux/if_addr.h. Numbers begin with their low byte, as on all machines that the lab runs on.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

NEW_LINK, NEW_ADDRESS = 16, 20  # RTM_NEWLINK, RTM_NEWADDR
FAMILIES = (2, 10)  # AF_INET, AF_INET6
STATES = ("UNKNOWN", "NOTPRESENT", "DOWN", "LOWERLAYERDOWN", "TESTING", "DORMANT", "UP")  # IF_OPER_UNKNOWN, ...
TYPES = {1: "ether", 772: "loopback"}  # ARPHRD_ETHER, ARPHRD_LOOPBACK


def interfaces(links: str, addresses: str) -> list[dict[str, Any]]:
    """Return the interfaces of a network namespace in the form of `ip -j -d addr`, in the kernel's order.

    The dumps come as hexadecimal digits.
    """
    found = {}
    for kind, body in _messages(bytes.fromhex(links)):
        if kind == NEW_LINK:
            item = _link(body)
            found[item["ifindex"]] = item
    for kind, body in _messages(bytes.fromhex(addresses)):
        family, length, _, _, index = struct.unpack_from("<BBBBI", body)
        if kind == NEW_ADDRESS and family in FAMILIES and index in found:
            values = _attributes(body, 8)
            # IFA_LOCAL, or IFA_ADDRESS where there is none: the other end of a point-to-point link is not ours.
            local = ip_address(values.get(2) or values[1])
            found[index]["addr_info"].append({"local": str(local), "prefixlen": length})
    for item in found.values():
        if item.get("master") in found:
            item["master"] = found[item["master"]]["ifname"]
    return list(found.values())


def _link(body: bytes) -> dict[str, Any]:
    hardware, index = struct.unpack_from("<xxHi", body)
    values = _attributes(body, 16)
    item: dict[str, Any] = {
        "ifindex": index,
        "ifname": _text(values[3]),
        "mtu": _number(values.get(4, b"")),
        "operstate": STATES[_number(values.get(16, b"\0"))],
        "link_type": TYPES.get(hardware, str(hardware)),
        "address": values.get(1, b"").hex(":"),
        "addr_info": [],
    }
    if 5 in values and 37 in values:  # IFLA_LINK in another namespace (IFLA_LINK_NETNSID): a number of that namespace
        item["link_index"] = _number(values[5])
    if 10 in values:  # IFLA_MASTER
        item["master"] = _number(values[10])
    if kind := _attributes(values.get(18, b""), 0).get(1):  # IFLA_LINKINFO, IFLA_INFO_KIND
        item["linkinfo"] = {"info_kind": _text(kind)}
    return item


def _messages(dump: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the kind and the body of each message."""
    at = 0
    while at + 16 <= len(dump):
        length, kind = struct.unpack_from("<IH", dump, at)
        yield kind, dump[at + 16 : at + length]
        at += max(16, (length + 3) & ~3)


def _attributes(data: bytes, at: int) -> dict[int, bytes]:
    """Return the attributes that begin at a place, by their numbers."""
    found = {}
    while at + 4 <= len(data):
        length, number = struct.unpack_from("<HH", data, at)
        found[number & 0x3FFF] = data[at + 4 : at + length]
        at += max(4, (length + 3) & ~3)
    return found


def _number(data: bytes) -> int:
    return int.from_bytes(data[:4], "little")


def _text(data: bytes) -> str:
    return data.rstrip(b"\0").decode(errors="replace")
