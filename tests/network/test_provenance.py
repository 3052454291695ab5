"""Every part of a picture has its evidence."""

from __future__ import annotations

import pytest

from course_lib.network.provenance import reasons
from course_lib.picture.layout.page import layout
from tests.pictures import SCENES, example, modes, two_networks

WITHOUT = ("host", "hook", "shelf", "note")  # frames around parts, and what was not seen


@pytest.mark.parametrize("name", SCENES)
def test_every_part_of_every_scene_has_its_evidence(name: str) -> None:
    scene = SCENES[name]()
    known = {reason.key for reason in reasons(scene)}
    seen = {i.name for i in scene.interfaces}
    parts = {key for key in layout(scene).keys if key[0] not in WITHOUT}
    unseen = {key for key in parts if key[0] in ("veth", "bridge", "network") and key[1] not in seen}
    unseen |= {key for key in parts if key[0] == "veth" and scene.interface(str(key[1])) is None}
    assert parts - unseen <= known, parts - known
    assert all(reason.evidence and all(reason.evidence) for reason in reasons(scene))


def test_the_evidence_names_field_line_and_rule() -> None:
    said = {reason.name: reason.evidence for reason in reasons(example())}
    assert "docker inspect web: .HostConfig.NetworkMode is bridge" in said["container web"]
    assert any(".IPAddress is 172.17.0.2, .IPPrefixLen is 16" in line for line in said["eth0 of web on bridge"])
    rule = next(evidence for name, evidence in said.items() if name.endswith("nat DOCKER") and "DNAT" in str(evidence))
    assert rule[0].startswith("iptables-save -c, table nat: [")
    assert "-A DOCKER ! -i docker0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.2:80" in rule[0]
    assert any("ip -d addr: 4: docker0: mtu 1500 state UP" in line for line in said["network bridge"])


def test_names_of_reasons_are_unique() -> None:
    for scene in (example(), modes(), two_networks()):
        names = [reason.name for reason in reasons(scene)]
        assert len(names) == len(set(names))


def test_an_interface_is_shown_as_ip_prints_it() -> None:
    lines = [line for reason in reasons(example()) for line in reason.evidence if "link/" in line]
    assert any("eth0@if3: mtu 1500" in line for line in lines)
    assert {line.partition("link/")[2].split()[0] for line in lines} == {"ether"}
