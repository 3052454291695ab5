"""A picture is stable: adding a container moves nothing that was there before.

That holds where all networks have room next to each other. If not, a new row of containers moves the tiers below it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from course_lib.network.model import Container, Endpoint, Interface, Key, Network, Port, Snapshot
from course_lib.picture.layout.page import layout
from course_lib.picture.shapes import Box, Text
from tests.layout_faults import collisions, outside
from tests.pictures import (
    HTTP,
    MAC,
    Published,
    alike,
    bridge,
    chains,
    container,
    endpoint,
    example,
    host,
    many,
    mynet,
    network,
    two_bridges,
    used,
)

ROW = 6000  # pixels: room for all networks, and all hooks, next to each other
KINDS = ("plain", "plain", "plain", "other", "web", "two", "three", "exited", "created", "host", "none", "six", "long")


def moved(before: Snapshot, after: Snapshot) -> list[Key]:
    """Return what stood in the first picture and stands elsewhere in the second, or is gone and not in a group."""
    old, new = layout(before, room=ROW).places, layout(after, room=ROW).places
    joined = {name for group in alike(after) for name in group}
    ends = {e.veth for c in after.containers if c.name in joined for e in c.endpoints}

    def is_elsewhere(key: Key, box: Box) -> bool:
        if key in new:
            return (box.x, box.y) != (new[key].x, new[key].y)
        return key[1] not in (ends if key[0] == "veth" else joined)

    kinds = ("container", "endpoint", "veth", "bridge", "network", "group", "interface", "client", "host")
    return [key for key, box in old.items() if key[0] in kinds and is_elsewhere(key, box)]


def town(count: int) -> Snapshot:
    """Return a lab with docker0 and so many networks beside it, and without containers."""
    nets = [network(f"net{n}", f"br-{n:012x}", f"172.{18 + n}.0.0/16", f"172.{18 + n}.0.1") for n in range(count)]
    bridges: list[Interface] = [bridge(str(net.bridge), f"{net.gateways[0]}/16") for net in nets]
    first = used()
    return replace(
        first,
        interfaces=host(bridge("docker0", "172.17.0.1/16"), *bridges),
        networks=tuple(sorted((*first.networks, *nets))),
    )


def newcomer(chance: random.Random, number: int, nets: list[Network]) -> Container:
    """Return a container of a random kind, with a name as Docker or a person might choose it."""
    kind = chance.choice(KINDS)
    name = chance.choice((f"c{number}", f"proj-web-{number}", f"eager_ptolemy{chance.random():.9f}"))

    def end(net: Network, nic: str) -> Endpoint:
        base = net.subnets[0].removesuffix(".0.0/16")
        # Addresses come back: the new one's is not the highest.
        low, high = chance.randrange(1, 250), number
        six = f"fd00::{number:x}/64" if kind == "six" else f"fd12:3456:789a:bcde:f012:3456:789a:{number:x}/64"
        more = (six,) if kind in ("six", "long") else ()
        veth = f"veth{chance.randrange(1 << 28):07x}"
        return Endpoint(net.name, nic, (f"{base}.{high}.{low}/16", *more), MAC % low, f"{base}.0.1", veth, (name,))

    count = {"two": 2, "three": 3}.get(kind, 1)
    ends = tuple(end(net, f"eth{n}") for n, net in enumerate(chance.sample(nets, min(count, len(nets)))))
    made = container(name, 0, endpoints=ends, mode=ends[0].network, created=number)
    if kind in ("exited", "created"):
        return replace(made, state=kind, endpoints=(Endpoint(ends[0].network),))
    if kind in ("host", "none"):
        return replace(made, mode=kind, endpoints=(Endpoint(kind),), command=chance.choice(("sh", "sleep " * 20)))
    if kind == "other":
        return replace(made, image=f"debian:{chance.randrange(3)}", ports=(Port(3306, "tcp"),))
    return replace(made, ports=(Port(80, "tcp", "0.0.0.0", 8000 + number),)) if kind == "web" else made


def growth(seed: int, steps: int) -> Iterator[Snapshot]:
    """Yield a lab again and again, each time with one container more."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    scene = town(seed % 5)
    yield scene
    nets = [net for net in scene.networks if net.bridge]
    for number in range(1, steps + 1):
        new = newcomer(chance, number, nets)
        scene = replace(scene, containers=tuple(sorted((*scene.containers, new))))
        yield scene


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 15))])
def test_a_new_container_moves_no_other(seed: int) -> None:
    before = None
    for scene in growth(seed, 40):
        if before:
            assert moved(before, scene) == []
        before = scene
    picture = layout(scene)
    assert collisions(picture) == []
    assert outside(picture) == []


@pytest.mark.slow
def test_many_similar_containers_move_no_other_either() -> None:
    for count in range(1, 70):
        assert moved(many(count), many(count + 1)) == []


def test_a_new_container_moves_nothing_in_another_network() -> None:
    before = example()
    also = container("third", 4, ports=HTTP, created=1)
    third = container("fourth", 0, mode="mynet", endpoints=(mynet(101),), created=2)
    assert moved(before, replace(before, containers=(*before.containers, also, third))) == []


def test_a_container_that_is_stopped_and_started_moves_no_other() -> None:
    before = many(12)
    stopped = replace(before.containers[3], state="exited", endpoints=(Endpoint("bridge"),))
    after = replace(before, containers=tuple(sorted((*before.containers[:3], stopped, *before.containers[4:]))))
    kept = [key for key in moved(before, after) if key[1] not in (stopped.name, before.containers[3].endpoints[0].veth)]
    assert kept == []
    back = replace(before.containers[3], endpoints=(endpoint(200),))
    again = replace(before, containers=tuple(sorted((*before.containers[:3], back, *before.containers[4:]))))
    assert ("container", back.name) not in moved(after, again)


def test_only_these_changes_move_others() -> None:
    """The limits: a new network, and a container that shares the namespace of one in a row above others."""
    assert moved(many(3), replace(two_bridges(), containers=many(3).containers)) != []
    sidecar = container("sidecar", 0, mode="container:c1", endpoints=())
    tall = replace(many(7), containers=(*many(7).containers, sidecar))
    below = {key[1] for key in moved(many(7), tall) if key[0] == "container"}
    assert below
    assert below <= {"c5", "c6", "c7"}
    assert moved(many(4), replace(many(4), containers=(*many(4).containers, sidecar))) == []


def test_a_move_is_detected() -> None:
    before = example()
    first = container("aa", 1, created=-1)  # as if it had come before all others
    assert ("container", "web") in moved(before, replace(before, containers=(first, *before.containers)))
    gone = replace(before, containers=before.containers[1:])
    assert ("container", before.containers[0].name) in moved(before, gone)


def test_published_ports_move_what_is_below_the_rules_only_as_far_as_they_need_room() -> None:
    ports: list[Published] = [("docker0", "172.17.0.3", p, p, 1) for p in range(8000, 8030)]
    nets = [("docker0", "172.17.0.0/16"), ("br-9f3c1a07be42", "192.168.100.0/24")]
    after = replace(example(), chains=chains(nets, ports))
    old, new = layout(example(), room=ROW).places, layout(after, room=ROW).places
    below = [key for key in old if key[0] in ("container", "endpoint", "veth", "bridge")]
    assert {new[key].x - old[key].x for key in below} == {0}
    assert len({round(new[key].y - old[key].y, 3) for key in below}) == 1
    assert new["bridge", "docker0"].y - old["bridge", "docker0"].y < 100
    shown = [shape.text for shape in layout(after).shapes if isinstance(shape, Text)]
    assert "ACCEPT tcp dpt:8000 → 172.17.0.3" in shown
    assert any(re.fullmatch(r"\+\d+ more, listed in the text", text) for text in shown)
