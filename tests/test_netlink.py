"""The kernel's binary words against `ip -j -d addr`, recorded at the same moment on the same lab (netlink.json)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from course_lib import netlink

RECORDED: dict[str, Any] = json.loads((Path(__file__).parent / "netlink.json").read_text())


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
