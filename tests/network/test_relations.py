"""Test what belongs to a part of a picture."""

from __future__ import annotations

import pytest

from course_lib.network.model import Key
from course_lib.network.relations import relations
from course_lib.picture.layout.page import layout
from tests.pictures import SCENES, dual_stack, example, many, modes, netns, published_28


def test_a_published_port_belongs_to_its_container_and_its_rules() -> None:
    assert relations(example())["port", "web", "80/tcp"] == {
        ("container", "web"),
        ("rule", "ip", "nat", "DOCKER", 3),
        ("rule", "ip", "filter", "DOCKER", 1),
        ("rule", "ip", "nat", "POSTROUTING", 3),
    }


def test_a_cable_belongs_to_both_of_its_ends() -> None:
    found = relations(example())["cable", "c2", "mynet"]
    assert {("container", "c2"), ("endpoint", "c2", "mynet"), ("bridge", "br-9f3c1a07be42")} <= found
    assert [key[0] for key in found].count("veth") == 1
    assert relations(example())["cable", "client", "client"] >= {("client", "client"), ("interface", "eth0")}


def test_a_rule_belongs_to_what_it_names_and_not_to_what_it_excludes() -> None:
    found = relations(example())
    dnat: Key = ("rule", "ip", "nat", "DOCKER", 3)  # ! -i docker0 ... --to-destination 172.17.0.2:80
    assert {("container", "web"), ("address", "web", "172.17.0.2/16"), ("port", "web", "80/tcp")} <= found[dnat]
    assert ("bridge", "docker0") not in found[dnat]
    masquerade: Key = ("rule", "ip", "nat", "POSTROUTING", 1)  # -s 172.17.0.0/16 ! -o docker0
    assert found[masquerade] == {("bridge", "docker0")}


def test_an_ipv6_rule_belongs_to_its_container() -> None:
    keys = {key for scene in (dual_stack(), published_28()) for key in relations(scene)}
    assert ("port", "web", "80/tcp") in keys


def test_a_container_belongs_to_the_one_whose_namespace_it_uses() -> None:
    assert ("container", "web") in relations(modes())["container", "sidecar"]


def test_a_card_of_several_containers_belongs_to_their_bridge() -> None:
    scene = many(24)
    card = next(key for key in layout(scene).places if key[0] == "group" and len(key) == 2)
    assert ("bridge", "docker0") in relations(scene)[card]
    assert card in relations(scene)["bridge", "docker0"]


@pytest.mark.parametrize("name", SCENES)
def test_what_belongs_together_says_so_from_both_sides(name: str) -> None:
    found = relations(SCENES[name]())
    cards = {key for key in found if key[0] == "group"}
    assert [(one, other) for one in found for other in found[one] - cards if one not in cards | found[other]] == []


def test_a_namespace_of_ip_netns_belongs_to_its_cable_and_its_bridge() -> None:
    found = relations(netns())["container", "/netns/box"]
    cable = {("veth", "hand-box"), ("cable", "/netns/box", "eth0"), ("endpoint", "/netns/box", "eth0")}
    assert cable | {("bridge", "hand0"), ("address", "/netns/box", "10.10.0.2/24")} == found
