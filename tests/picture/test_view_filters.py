"""Parts of a live picture can be hidden, and the picture does not deny what it hides."""

from __future__ import annotations

import pytest

from course_lib.network.describe import describe
from course_lib.picture import view_filters
from course_lib.picture.layout.page import layout
from course_lib.picture.shapes import Box, Line, Picture, Text
from tests.pictures import SCENES, example, modes, stopped, two_networks, unknown_driver


def texts(picture: Picture) -> list[str]:
    return [shape.text for shape in picture.shapes if isinstance(shape, Text)]


def test_only_stopped_containers_are_hidden() -> None:
    scene = stopped()
    left = view_filters.without_stopped(scene)
    assert {c.name for c in scene.containers} - {c.name for c in left.containers}
    assert all(c.state == "running" for c in left.containers)
    assert (left.networks, left.interfaces, left.chains) == (scene.networks, scene.interfaces, scene.chains)


def test_one_network_alone() -> None:
    scene = two_networks()
    left = view_filters.only_network(scene, "mynet")
    words = describe(left)
    assert [n.name for n in left.networks if n.driver == "bridge"] == ["mynet"]
    assert {e.network for c in left.containers for e in c.endpoints} == {"mynet"}
    assert "docker0" not in {i.name for i in left.interfaces}
    assert "not a Docker network" not in words
    assert "no such bridge" not in words
    assert view_filters.only_network(scene, "nosuch") == scene
    assert layout(left).shapes


def test_one_network_alone_keeps_containers_that_share_a_namespace() -> None:
    scene = modes()
    left = view_filters.only_network(scene, "bridge")
    hidden = {c.name: c.mode for c in scene.containers if c not in left.containers}
    assert scene.container("sidecar").mode.startswith("container:")  # type: ignore[union-attr]
    assert left.container("sidecar"), "it has the addresses of a container in that network"
    assert hidden["orphan"].startswith("container:"), "nobody's namespace is nowhere"
    assert "sidecar" in describe(left)


def test_hiding_a_network_without_a_bridge_hides_no_interface() -> None:
    """The interfaces that are a port of no bridge are not its ports."""
    left = view_filters.only_network(unknown_driver(), "bridge")
    assert "lan" not in {n.name for n in left.networks}
    assert left.interfaces == unknown_driver().interfaces


@pytest.mark.parametrize("name", SCENES)
def test_hiding_veths_moves_nothing(name: str) -> None:
    picture = layout(SCENES[name]())
    left = view_filters.without_veths(picture)
    assert {key: box for key, box in picture.places.items() if key[0] != "veth"} == dict(left.places)
    assert (left.width, left.height) == (picture.width, picture.height)


@pytest.mark.parametrize("name", SCENES)
def test_hiding_rules_moves_the_rest_up(name: str) -> None:
    picture = layout(SCENES[name]())
    left = view_filters.without_rules(picture)
    less = picture.height - left.height
    assert less > 80
    hidden = {"hook", "rule", "policy"}
    assert set(left.places) == {key for key in picture.places if key[0] not in hidden}
    below = max(b.y + b.height for b in picture.places.values() if b.key[0] == "hook")
    for key, box in left.places.items():
        was = picture.places[key]
        moved = less if was.y > below else 0
        assert (box.x, box.y, box.width) == pytest.approx((was.x, was.y - moved, was.width))
    cables = [
        [s for s in p.shapes if isinstance(s, Line) and s.points[0][1] > top]
        for p, top in ((picture, below), (left, below - less))
    ]
    one, other = ([point for line in lines for point in line.points] for lines in cables)
    assert [(x, round(y - less, 6)) for x, y in one] == [(x, round(y, 6)) for x, y in other]
    kept = [t for t in texts(picture) if t in texts(left)]
    assert not [t for t in texts(left) if "FORWARD" in t or "MASQUERADE" in t or "DNAT" in t]
    assert len(kept) >= len(texts(left))
    assert all(0 <= s.y <= left.height for s in left.shapes if isinstance(s, Box | Text))


def test_without_rules_no_rule_is_denied() -> None:
    said = texts(view_filters.without_rules(layout(example())))
    assert not [t for t in said if t.startswith("no ")]
