"""The networkx graph that learners get of the lab's network."""

from __future__ import annotations

import json
from dataclasses import replace

import networkx as nx
import pytest

from course_lib import network_graph
from course_lib.network import parse_facts
from tests.conftest import ROOT
from tests.pictures import container, example, mynet, netns, two_bridges


def test_the_shortest_path_between_two_containers_crosses_their_bridge() -> None:
    scene = example()
    web, c1 = scene.container("web"), scene.container("c1")
    assert web
    assert c1
    path = nx.shortest_path(network_graph(scene), ("container", "web"), ("container", "c1"))
    assert path == [
        ("container", "web"),
        ("endpoint", "web", "bridge"),
        ("veth", web.endpoints[0].veth),
        ("bridge", "docker0"),
        ("veth", c1.endpoints[0].veth),
        ("endpoint", "c1", "bridge"),
        ("container", "c1"),
    ]


@pytest.mark.parametrize("engine", ["20.10", "26.1", "28.5"])
def test_a_path_within_one_network_does_not_pass_the_host(engine: str) -> None:
    """In the recorded facts each veth is an interface of the host; that must not be a shortcut around the bridge."""
    scene = parse_facts.snapshot(json.loads((ROOT / f"tests/facts/{engine}/sixty.json").read_text()))
    graph = network_graph(scene)
    for other in ("c2", "c30"):
        paths = nx.all_shortest_paths(graph, ("container", "c1"), ("container", other))
        assert [path[3] for path in paths] == [("bridge", "docker0")]


def test_two_networks_are_connected_only_through_the_host() -> None:
    both = (container("c1", 2), container("c2", 0, mode="mynet", endpoints=(mynet(100),)))
    graph = network_graph(two_bridges(*both))
    assert ("host", "host") in nx.shortest_path(graph, ("container", "c1"), ("container", "c2"))
    graph.remove_node(("host", "host"))
    with pytest.raises(nx.NetworkXNoPath):
        nx.shortest_path(graph, ("container", "c1"), ("container", "c2"))
    assert ("host", "host") in network_graph(two_bridges(*both)), "the learner's graph is a copy"


def test_nodes_carry_what_they_represent() -> None:
    scene = replace(example(), client=())
    graph = network_graph(scene)
    assert graph.nodes["container", "web"] == {"kind": "container", "part": scene.container("web")}
    assert graph.nodes["endpoint", "c2", "mynet"]["network"] == ("bridge", "br-9f3c1a07be42")
    assert ("client", "client") not in graph


def test_a_namespace_of_ip_netns_is_connected_by_its_cables() -> None:
    graph = network_graph(netns())
    way = nx.shortest_path(graph, ("namespace", "reader"), ("namespace", "box"))
    assert way[1:-1] == [
        ("end", "reader", "eth0"),
        ("veth", "to-reader"),
        ("bridge", "hand0"),
        ("veth", "hand-box"),
        ("end", "box", "eth0"),
    ]
    assert ("end", "far", "eth0") in graph["end", "box", "eth1"]
    assert ("interface", "loose") in graph["end", "far", "eth1"]
    assert not graph["namespace", "lonely"]
