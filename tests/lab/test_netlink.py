"""The kernel's binary words against `ip -j -d addr`, recorded at the same moment on the same lab (netlink.json)."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from course_lib.lab import netlink

RECORDED: dict[str, Any] = json.loads((Path(__file__).parents[1] / "netlink.json").read_text())


@pytest.mark.parametrize("place", RECORDED)
def test_it_says_what_ip_says(place: str) -> None:
    said = RECORDED[place]
    found = netlink.interfaces(said["links"], said["addresses"])
    assert [{key: value for key, value in item.items() if value != ""} for item in found] == said["ip"]


def test_it_was_recorded_with_all_that_matters() -> None:
    everything = [item for said in RECORDED.values() for item in said["ip"]]
    assert {item.get("linkinfo", {}).get("info_kind") for item in everything} >= {"bridge", "veth", None}
    assert any("master" in item for item in everything)
    assert any(":" in address["local"] for item in everything for address in item["addr_info"])
    assert {"UP", "UNKNOWN"} <= {item["operstate"] for item in everything}


def test_a_dump_that_was_cut_off_does_not_hang() -> None:
    said = RECORDED["c1"]
    for end in range(0, len(said["links"]) - 60, 2):
        netlink._messages(bytes.fromhex(said["links"][:end]))
    assert netlink.interfaces("", "") == []
    assert len(list(netlink._messages(b"\0" * 64))) == 4
    assert netlink._attributes(b"\0" * 64, 0) == {0: b""}


def test_the_other_end_is_a_number_of_another_namespace_or_not_told() -> None:
    """Like `ip -j`: IFLA_LINK is `link_index` only beside IFLA_LINK_NETNSID; else both ends are in one namespace."""

    def link(*attributes: tuple[int, bytes]) -> str:
        body = struct.pack("<BBHiII", 0, 0, 1, 7, 0, 0)
        for number, value in attributes:
            body += struct.pack("<HH", 4 + len(value), number) + value + b"\0" * (-len(value) % 4)
        return (struct.pack("<IHHII", 16 + len(body), netlink.NEW_LINK, 0, 0, 0) + body).hex()

    named, peer, away = (3, b"veth1\0"), (5, struct.pack("<I", 9)), (37, struct.pack("<I", 0))
    assert "link_index" not in netlink.interfaces(link(named, peer), "")[0]
    assert netlink.interfaces(link(named, peer, away), "")[0]["link_index"] == 9
