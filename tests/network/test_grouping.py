"""Group similar containers, and name the groups."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from course_lib.network.describe import describe
from course_lib.network.model import Container, Endpoint, Link, Port, Snapshot
from course_lib.network.placement import SINGLES, SINGLES_ASIDE, Group, address_words, common_names, name_runs
from course_lib.packet_path.model import Outcome, Packet, PacketPath, Step
from course_lib.packet_path.overlay import ground
from course_lib.packet_path.request import Request
from course_lib.picture.layout.page import layout
from course_lib.picture.shapes import Text
from tests.pictures import HTTP, alike, container, endpoint, many, mynet, two_bridges, used


def plain(count: int) -> tuple[Container, ...]:
    return tuple(container(f"c{n}", n + 1, created=n) for n in range(1, count + 1))


def scene(*containers: Container) -> Snapshot:
    return used(containers=tuple(sorted(containers)))


def test_a_few_containers_are_drawn_individually() -> None:
    assert alike(scene(*plain(SINGLES + 1))) == []
    assert alike(scene(*plain(SINGLES + 2))) == [{"c6", "c7"}]


def different() -> Iterator[Container]:
    last = plain(9)[-1]
    yield replace(last, image="nginx")
    yield replace(last, command="sleep 9")
    yield replace(last, state="paused")
    yield replace(last, ports=HTTP)
    yield replace(last, ports=(Port(80, "tcp"),))
    yield replace(last, links=(Link("c1", "db"),))
    yield replace(last, endpoints=(*last.endpoints, mynet(9, "eth1")))
    yield replace(last, endpoints=(replace(last.endpoints[0], aliases=("db",)),))
    yield replace(last, endpoints=(replace(last.endpoints[0], veth=None),))
    yield replace(last, endpoints=(replace(last.endpoints[0], interface=None),))


@pytest.mark.parametrize("other", list(different()))
def test_a_container_that_differs_in_anything_visible_is_drawn_individually(other: Container) -> None:
    now = scene(*plain(8), other)
    assert alike(now) == [{"c6", "c7", "c8"}]
    assert ("container", "c9") in layout(now).places


def test_a_container_with_a_warning_is_drawn_individually() -> None:
    now = scene(*plain(9))
    assert alike(replace(now, warnings=("c8: the engine says this, the kernel that",))) == [{"c6", "c7", "c9"}]


def test_a_container_with_a_shared_namespace_is_drawn_individually() -> None:
    guest = container("guest", 0, mode="container:c8", endpoints=())
    assert alike(scene(*plain(9), guest)) == [{"c6", "c7", "c9"}]


def test_similar_containers_of_two_networks_form_two_groups() -> None:
    others = [container(f"d{n}", 0, mode="mynet", endpoints=(mynet(n + 100),)) for n in range(8)]
    assert sorted(map(sorted, alike(two_bridges(*plain(7), *others)))) == [["c6", "c7"], ["d5", "d6", "d7"]]


def test_similar_containers_without_a_network_form_a_group() -> None:
    lonely = [container(f"n{n}", 0, mode="none", endpoints=(Endpoint("none"),)) for n in range(SINGLES_ASIDE + 2)]
    assert alike(scene(*lonely)) == [{"n2", "n3"}]
    assert "each has its own network namespace" in " ".join(describe(scene(*lonely)).split())


def test_containers_can_be_requested_individually() -> None:
    places = layout(many(60), apart=["c30"]).places
    assert ("container", "c30") in places
    assert ("endpoint", "c30", "bridge") in places
    assert ("group", "c7") in places
    assert "53 alike" in describe(many(60), apart=["c30"])


def test_the_containers_of_a_journey_are_drawn_individually() -> None:
    step = Step(1, False, "c30", "sends", Packet("icmp", "172.17.0.31", 0, "172.17.0.1", 0))
    path = PacketPath(Request("c30", "ping://host", "ping", "host"), many(60), (step,), (), Outcome("silent", ""))
    assert ("container", "c30") in ground(path).places
    assert ("container", "c31") not in ground(path).places


def test_consecutive_names_and_addresses_form_ranges() -> None:
    def named(*names: str) -> list[str]:
        return name_runs(Group(tuple(container(name, 2) for name in names)))

    assert named("c9", "c10", "c11") == ["c9 to c11"]
    assert named("c1", "c2", "c4") == ["c1, c2", "c4"]
    assert named("web", "p-1", "p-2", "p-3", "q1") == ["p-1 to p-3", "q1", "web"]
    assert named("n01", "n02", "n03") == ["n01 to n03"], "a zero before the number is part of the name"
    assert sorted(named("n09", "n10")) == ["n09", "n10"]

    def at(*numbers: int) -> list[str]:
        return address_words(Group(tuple(container(f"c{n}", n) for n in numbers)))

    assert at(9, 8, 10) == ["172.17.0.8/16 to 172.17.0.10/16"]
    assert at(2, 3, 5) == ["172.17.0.2/16, 172.17.0.3/16", "172.17.0.5/16"]


def test_a_gap_in_the_addresses_is_visible() -> None:
    def ends(now: Snapshot) -> list[str]:
        shown = [shape.text for shape in layout(now).shapes if isinstance(shape, Text)]
        return [text for text in shown if re.match(r"(to|…) 172", text)]

    full = plain(9)
    assert ends(scene(*full)) == ["to 172.17.0.10/16"]
    assert ends(scene(*full[:6], *full[7:])) == ["… 172.17.0.10/16"]


def test_the_names_in_dns_are_the_common_ones() -> None:
    def member(number: int) -> Container:
        at = replace(endpoint(number), network="mynet", aliases=(f"c{number}", "web"))
        return container(f"c{number}", 0, endpoints=(at,), mode="mynet")

    both = Group((member(2), member(3)))
    assert common_names(both) == ["each answers to its own name, and all to web"]
    assert common_names(Group(plain(2))) == []
