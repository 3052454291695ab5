"""Which containers a picture draws as one, and what it says of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from course_lib.network.describe import describe
from course_lib.network.grouping import ASIDE, ONE_BY_ONE, Group, address_words, common_names, name_runs
from course_lib.network.model import Container, Endpoint, Link, Port, Snapshot
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


def test_a_few_are_drawn_one_by_one() -> None:
    assert alike(scene(*plain(ONE_BY_ONE + 1))) == []
    assert alike(scene(*plain(ONE_BY_ONE + 2))) == [{"c6", "c7"}]


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
def test_what_differs_in_anything_that_is_drawn_is_drawn_apart(other: Container) -> None:
    now = scene(*plain(8), other)
    assert alike(now) == [{"c6", "c7", "c8"}]
    assert ("container", "c9") in layout(now).places


def test_whoever_a_warning_is_about_is_drawn_apart() -> None:
    now = scene(*plain(9))
    assert alike(replace(now, warnings=("c8: the engine says this, the kernel that",))) == [{"c6", "c7", "c9"}]


def test_whose_namespace_is_shared_is_drawn_apart() -> None:
    guest = container("guest", 0, mode="container:c8", endpoints=())
    assert alike(scene(*plain(9), guest)) == [{"c6", "c7", "c9"}]


def test_those_of_two_networks_are_two_groups() -> None:
    others = [container(f"d{n}", 0, mode="mynet", endpoints=(mynet(n + 100),)) for n in range(8)]
    assert sorted(map(sorted, alike(two_bridges(*plain(7), *others)))) == [["c6", "c7"], ["d5", "d6", "d7"]]


def test_those_in_no_network_too() -> None:
    lonely = [container(f"n{n}", 0, mode="none", endpoints=(Endpoint("none"),)) for n in range(ASIDE + 2)]
    assert alike(scene(*lonely)) == [{"n2", "n3"}]
    assert "each has its own network namespace" in " ".join(describe(scene(*lonely)).split())


def test_whoever_is_wanted_apart_is_apart() -> None:
    places = layout(many(60), apart=["c30"]).places
    assert ("container", "c30") in places
    assert ("endpoint", "c30", "bridge") in places
    assert ("group", "c7") in places
    assert "53 alike" in describe(many(60), apart=["c30"])


def test_a_journey_finds_its_container_drawn_apart() -> None:
    step = Step(1, False, "c30", "sends", Packet("icmp", "172.17.0.31", 0, "172.17.0.1", 0))
    path = PacketPath(Request("c30", "ping://host", "ping", "host"), many(60), (step,), (), Outcome("silent", ""))
    assert ("container", "c30") in ground(path).places
    assert ("container", "c31") not in ground(path).places


def test_names_and_addresses_that_follow_each_other() -> None:
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


def test_a_gap_between_addresses_is_not_hidden() -> None:
    def ends(now: Snapshot) -> list[str]:
        shown = [shape.text for shape in layout(now).shapes if isinstance(shape, Text)]
        return [text for text in shown if re.match(r"(to|…) 172", text)]

    full = plain(9)
    assert ends(scene(*full)) == ["to 172.17.0.10/16"]
    assert ends(scene(*full[:6], *full[7:])) == ["… 172.17.0.10/16"]


def test_names_in_dns_are_those_that_all_share() -> None:
    def member(number: int) -> Container:
        at = replace(endpoint(number), network="mynet", aliases=(f"c{number}", "web"))
        return container(f"c{number}", 0, endpoints=(at,), mode="mynet")

    both = Group((member(2), member(3)))
    assert common_names(both) == ["each answers to its own name, and all to web"]
    assert common_names(Group(plain(2))) == []
