"""A packet that a bridge floods, one that passes a namespace twice, and one that a rule of a bridge drops."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest

from course_lib.network import parse_facts
from course_lib.network.model import Rule
from course_lib.packet_path.model import Outcome, Packet, PacketPath, Step
from course_lib.packet_path.nft_trace import Sighting, Verdict
from course_lib.packet_path.overlay import ground, numbered, trips
from course_lib.packet_path.path_builder import through_containers, walk
from course_lib.packet_path.reconstruct import path_of
from course_lib.packet_path.request import request
from course_lib.packet_path.wording import Names, said, sentences, what
from course_lib.picture.shapes import Line
from tests.conftest import ROOT
from tests.packet_path.test_reconstruct import ENGINES, on_host
from tests.record_evidence import recorded

A, B, C = ("172.18.0.2", 61000), ("203.0.113.10", 8080), ("172.18.0.2", 80)
VETHS = {"veth-a": "a", "veth-rt": "rt", "veth-far": "far"}


def at(chain: str, incoming: str, outgoing: str, packet: Packet, family: str = "inet") -> Sighting:
    """Return a sighting in a chain of capture.sh."""
    return Sighting(family, "course1", chain, packet, "", incoming, outgoing)


def syn(source: tuple[str, int], destination: tuple[str, int]) -> Packet:
    return Packet("tcp", *source, *destination, "SYN")


def walked(parts: dict[str, list[Sighting]]) -> list[Step]:
    return walk(parts, 1, False, {place: {} for place in parts}, (), veths=VETHS)


def path(engine: str, flow: str, before: str, copies: list[str]) -> PacketPath:
    """Return a recorded path in which the bridge sent a copy of the packet to each of these containers, too.

    `before` begins the line of the trace in front of which the copies are.
    """
    request, evidence, facts = recorded(engine, flow)
    network = parse_facts.snapshot(facts)
    lines = evidence.namespaces["host"].trace.splitlines(keepends=True)
    place = next(n for n, line in enumerate(lines) if before in line)
    goal = lines[place].partition('oif "')[2].partition('"')[0]
    others = [e.veth for c in network.containers if c.name in copies for e in c.endpoints if e.veth]
    copied = [line.replace(goal, veth) for veth in others for line in lines[place : place + 2]]
    trace = "".join([*lines[:place], *copied, *lines[place:]])
    return path_of(request, on_host(evidence, trace=trace), network)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("flow", "kind", "goal", "other"),
    [
        ("host_to_container", "exits", "web", "c1"),
        ("one_bridge", "crosses", "a1", "a3"),
    ],
)
def test_of_a_flooded_packet_the_copy_that_arrived_is_told(
    engine: str, flow: str, kind: str, goal: str, other: str
) -> None:
    before = {"exits": ' out packet: oif "veth', "crosses": " across packet:"}[kind]
    found = path(engine, flow, before, [other])
    (step,) = (s for s in found.steps if s.kind == kind and not s.back)
    owners = {e.veth: c.name for c in found.network.containers for e in c.endpoints}
    assert (owners[step.device], step.flooded) == (goal, True)
    told = sentences(found)
    assert "The bridge does not know the MAC, so it floods: a copy to each port, one of them to" in told
    assert f"the veth pair of {goal}" in told
    assert f"veth pair of {other}." not in told
    assert not any(s.flooded for s in path(engine, flow, before, []).steps)


def test_a_container_that_asks_its_own_published_port_sends_before_it_gets() -> None:
    """Without docker-proxy the host turns the packet round (hairpin NAT)."""
    turned = syn(("172.18.0.1", 61000), C)
    parts = {
        "a": [
            at("out", "", "eth0", syn(A, B)),
            at("post", "", "eth0", syn(A, B)),
            at("pre", "eth0", "", turned),
            at("in", "eth0", "", turned),
        ],
        "host": [
            at("pre", "veth-a", "", syn(A, B), "bridge"),
            at("pre", "br-1", "", syn(A, B)),
            at("post", "", "br-1", turned),
            at("out", "", "veth-a", turned, "bridge"),
        ],
    }
    steps = walked(parts)
    assert [(s.place, s.kind) for s in steps if s.kind in ("sends", "enters", "exits", "delivered")] == [
        ("a", "sends"),
        ("host", "enters"),
        ("host", "exits"),
        ("a", "delivered"),
    ]
    assert {s.place for s in steps if s.kind == "rewritten"} == {"host"}


@pytest.mark.parametrize(
    ("source", "by_the_rule"), [(("203.0.113.10", 8080), False), (("203.0.113.10", 80), True)], ids=["back", "rule"]
)
def test_conntrack_and_not_a_matching_rule_gives_an_answer_the_address_that_was_asked(
    source: tuple[str, int], by_the_rule: bool
) -> None:
    """REJECT's RST to a published port matches MASQUERADE, which would have kept its port (nf_nat_core.c)."""
    client, web = ("203.0.113.20", 61000), ("172.17.0.2", 80)
    answer, sent = Packet("tcp", *web, *client, "RST-ACK"), Packet("tcp", *source, *client, "RST-ACK")
    masquerade = Verdict("POSTROUTING", "accept", 7)
    passed = [
        at("out", "", "eth0", answer),
        Sighting("ip", "nat", "POSTROUTING", answer, "", "", "eth0", [masquerade]),
        at("post", "", "eth0", sent),
    ]
    rules = {"host": {("ip", "nat", "POSTROUTING", 7): Rule(2, "-j MASQUERADE", "MASQUERADE", 0, 0)}}
    wanted = ("203.0.113.10", 8080, *client)
    steps = walk({"host": passed}, 1, True, rules, (), veths={}, wanted=wanted)
    (changed,) = (s for s in steps if s.before)
    assert (changed.kind, changed.target) == (("rule", "MASQUERADE") if by_the_rule else ("rewritten", ""))
    assert changed.packet == sent
    assert [s.kind for s in steps] == ["sends", "rule", *([] if by_the_rule else ["rewritten"]), "leaves"]


@pytest.mark.parametrize("watched", [True, False])
def test_a_container_that_routes_sends_the_packet_through_the_host_again(watched: bool) -> None:
    packet = syn(("172.18.0.2", 61000), ("172.19.0.3", 80))
    parts = {
        "a": [at("out", "", "eth0", packet), at("post", "", "eth0", packet)],
        "host": [
            at("pre", "veth-a", "", packet, "bridge"),
            at("across", "veth-a", "veth-rt", packet, "bridge"),
            at("pre", "veth-rt2", "", packet, "bridge"),
            at("across", "veth-rt2", "veth-far", packet, "bridge"),
        ],
        "far": [at("pre", "eth0", "", packet), at("in", "eth0", "", packet)],
    }
    parts["host"].insert(2, at("out", "", "veth-rt", packet, "bridge"))
    parts["host"].append(at("out", "", "veth-far", packet, "bridge"))
    if watched:
        parts["rt"] = [at("pre", "eth0", "", packet), at("post", "", "eth1", packet)]
    order = [s.place + (f" {s.device}" if s.kind in ("enters", "exits") else "") for s in walked(parts)]
    assert list(dict.fromkeys(order)) == [
        "a",
        "host veth-a",
        "host",
        "host veth-rt",
        *(["rt"] if watched else []),
        "host veth-rt2",
        "host veth-far",
        "far",
    ]


@cache
def routed(engine: str, source: str) -> PacketPath:
    """Return the path of a packet that the host passes on to the container `both`, and gets back from its other veth.

    The host and the sender were watched. The packet comes back from the address `source`.
    """
    network = parse_facts.snapshot(json.loads((ROOT / f"tests/facts/{engine}/two_networks.json").read_text()))
    (both,) = network.containers
    to, back = (next(e.veth for e in both.endpoints if e.network == net) for net in ("front", "back"))
    before, after = syn(("172.18.0.9", 61000), ("172.19.0.9", 80)), syn((source, 61000), ("172.19.0.9", 80))
    passed = [
        at("pre", "veth-a", "", before, "bridge"),
        at("across", "veth-a", to, before, "bridge"),
        at("post", "", "br-front", before),
        at("pre", back, "", after, "bridge"),
        at("across", back, "veth-far", after, "bridge"),
    ]
    steps = through_containers(walked({"a": [at("out", "", "eth0", before)], "host": passed}), network)
    return PacketPath(
        request("client", "tcp://172.19.0.9:80"), network, tuple(steps), (), Outcome("silent", "no answer")
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_a_container_that_routes_is_put_in_between_the_passages_of_the_host(engine: str) -> None:
    steps = routed(engine, "172.18.0.9").steps
    assert [(s.place, s.kind, s.seen) for s in steps] == [
        ("a", "sends", ("trace",)),
        ("host", "enters", ("trace",)),
        ("host", "crosses", ("trace",)),
        ("both", "arrives", ()),
        ("both", "routed", ()),
        ("host", "enters", ("trace",)),
        ("host", "crosses", ("trace",)),
    ]
    assert [s.device for s in steps[3:5]] == ["eth0", "eth1"]
    assert all(s.before is None for s in steps)
    assert "both was not watched; it sent the packet on by eth1.\n" in sentences(routed(engine, "172.18.0.9"))


@pytest.mark.parametrize("engine", ENGINES)
def test_what_a_routing_container_rewrote_is_not_said_of_the_host(engine: str) -> None:
    path = routed(engine, "172.19.0.2")
    (changed,) = (s for s in path.steps if s.before)
    assert (changed.place, changed.kind, changed.packet.source) == ("both", "routed", "172.19.0.2")
    told = sentences(path)
    assert "it sent the packet on by eth1, with other addresses: 172.19.0.2:PORT → 172.19.0.9:80." in told
    assert "conntrack" not in told


@pytest.mark.parametrize("engine", ENGINES)
def test_the_line_to_a_container_in_two_networks_follows_its_cables(engine: str) -> None:
    path = routed(engine, "172.18.0.9")
    picture = ground(path, 1160)
    (trip,) = trips(picture, path)
    assert [said(stop.step, Names(path)) for stop in numbered(trip)][1] == "both, routing: out by eth1"
    bridges = {net: picture.places["bridge", path.network.network(net).bridge] for net in ("front", "back")}
    veth = {s.device: picture.places["veth", s.device] for s in path.steps if ("veth", s.device) in picture.places}
    for (device, box), net in zip(veth.items(), ("front", "back"), strict=True):
        x = box.x + box.width / 2
        begin = next(shape.points[0][0] for shape in picture.shapes if ends_at(shape, x))
        across = [points for points in pairwise(trip.line.points) if points[0][0] == points[1][0] == begin]
        bar = bridges[net]
        assert bar.x < begin < bar.x + bar.width, device
        assert any(min(a[1], b[1]) <= bar.y + bar.height / 2 <= max(a[1], b[1]) for a, b in across), device
        foreign = bridges["back" if net == "front" else "front"]
        down = [points for points in pairwise(trip.line.points) if points[0][0] == points[1][0] == x]
        high = [y for points in down for _, y in points]
        assert begin == x or min(high) > foreign.y + foreign.height, "it does not pass the bridge above it"


def ends_at(shape: object, x: float) -> bool:
    """Return whether a shape is the line of the cable that leads down at `x`."""
    return isinstance(shape, Line) and abs(shape.points[-1][0] - x) < 1 and len(shape.points) in (2, 4)


def test_a_rule_of_the_bridge_family_that_drops_is_the_end() -> None:
    request, evidence, facts = recorded("26.1", "one_bridge")
    own = next(line for line in evidence.namespaces["host"].trace.splitlines() if " across packet:" in line)
    head, _, packet = own.partition(" packet:")
    mark = head.split()[2]
    lines = (
        f"trace id {mark} bridge filt out packet:{packet}\n"  # a chain may have the name of one of capture.sh
        f"trace id {mark} bridge filt out rule ip daddr 10.61.1.2 drop # handle 2 (verdict drop)\n"
    )
    trace = evidence.namespaces["host"].trace.partition(own)[0] + lines
    there = {"a2": evidence.namespaces["a2"], "host": replace(evidence.namespaces["host"], trace=trace)}
    silent = replace(evidence, said="", log="", namespaces=there)
    found = path_of(request, silent, parse_facts.snapshot(facts))
    assert found.end.words == "the packet was dropped by a rule of filt out (family bridge) in host"
    assert not any(s.kind == "exits" for s in found.steps)


def test_an_interface_of_a_container_is_not_taken_for_one_of_the_host() -> None:
    """A macvlan journey said that the client's packet "arrives by the veth pair of m2": its eth0 was the host's."""
    request, evidence, facts = recorded("26.1", "published")
    network = parse_facts.snapshot(facts)
    c1 = network.container("c1")
    assert c1
    odd = replace(c1, endpoints=(replace(c1.endpoints[0], veth="eth0"),))
    network = replace(network, containers=tuple(odd if c.name == "c1" else c for c in network.containers))
    found = path_of(request, evidence, network)
    names = Names(found)
    outside = [what(step, names) for step in found.steps if step.place == "client" and step.device == "eth0"]
    assert outside
    assert not any("veth pair" in words for words in outside)
