"""Test the alternative text of a picture."""

from __future__ import annotations

import pytest

from course_lib.network.summary import summary
from tests.pictures import SCENES, example, first_day, many, stopped, unplugged


def test_it_names_networks_containers_and_ports() -> None:
    assert summary(example()) == (
        "The lab's network: docker0 (network bridge) with c1, web; br-9f3c1a07be42 (network mynet) with c2; "
        "80/tcp of web published as 0.0.0.0:80 and [::]:80."
    )
    assert summary(first_day()) == (
        "The lab's network: docker0 (network bridge) with no container; nothing is published."
    )


def test_it_says_what_is_odd() -> None:
    assert "To note: " in summary(unplugged())
    assert "in no bridge" in summary(unplugged())
    assert "not running: " in summary(stopped())


def test_many_names_are_counted() -> None:
    assert "18 more" in summary(many(24))


@pytest.mark.parametrize("name", SCENES)
def test_it_is_short(name: str) -> None:
    assert len(summary(SCENES[name]())) < 1200


def test_it_names_namespaces_of_ip_netns() -> None:
    said = summary(SCENES["netns"]())
    assert "hand0 with the namespace box, the namespace reader;" in said
    assert "network namespaces at no bridge: far, lonely" in said
