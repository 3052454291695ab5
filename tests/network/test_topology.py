from dataclasses import replace

import networkx as nx
import pytest

from course_lib.network.graph import to_graph
from course_lib.network.model import Interface, Link
from course_lib.network.placement import place_containers
from course_lib.network.topology import client_facing, connections, network_nodes
from tests.pictures import CLIENT, SCENES, container, example, first_day, identity, modes, two_networks, used


def test_a_veth_pair_leads_from_the_bridge_to_the_container() -> None:
    graph = to_graph(example())
    way = nx.shortest_path(graph, ("bridge", "docker0"), ("container", "c1"))
    veth = example().container("c1").endpoints[0].veth
    assert way == [
        ("bridge", "docker0"),
        ("veth", veth),
        ("endpoint", "c1", "bridge"),
        ("container", "c1"),
    ]
    kinds = [graph.edges[pair]["kind"] for pair in nx.utils.pairwise(way)]
    assert kinds == ["port", "cable", "inside"]


def test_every_node_says_what_kind_it_is() -> None:
    kinds = {kind for _, kind in to_graph(example()).nodes(data="kind")}
    assert kinds == {"host", "client", "interface", "bridge", "veth", "endpoint", "container", "port"}


@pytest.mark.parametrize("name", SCENES)
def test_same_snapshot_same_graph_in_the_same_order(name: str) -> None:
    one = to_graph(SCENES[name]())
    other = to_graph(SCENES[name]())
    assert list(one.nodes(data=True)) == list(other.nodes(data=True))
    assert list(one.edges(data=True)) == list(other.edges(data=True))
    assert all(attributes["kind"] for _, attributes in one.nodes(data=True))


def test_the_client_faces_the_other_end_of_its_cable_whatever_else_is_called_or_addressed_alike() -> None:
    cable = Interface("cable", 9, "veth", "UP", "02:00:00:00:00:09", 1500, ("fe80::9/64",), peer_index=10)
    shim = Interface("d-shim", 11, "macvlan", "UP", "02:00:00:00:00:0b", 1500, ("203.0.113.98/24",), peer_index=2)
    client = (replace(CLIENT[0], addresses=("203.0.113.20/24", "fe80::3/64")), CLIENT[1])
    scene = replace(first_day(), client=client, interfaces=tuple(sorted((*first_day().interfaces, cable, shim))))
    assert client_facing(scene).name == "eth0"
    assert client_facing(first_day()).name == "eth0"
    assert to_graph(first_day()).edges[("client", "client"), ("interface", "eth0")]["kind"] == "cable"
    assert client_facing(replace(first_day(), client=())) is None


def test_published_ports_and_links_are_edges() -> None:
    linked = replace(container("wp", 3), links=(Link("web", "mysql"),))
    scene = replace(example(), containers=(*example().containers, linked))
    graph = to_graph(scene)
    assert graph.edges[("port", "0.0.0.0", "80", "tcp"), ("container", "web")]["kind"] == "publishes"
    assert graph.edges[("container", "wp"), ("container", "web")]["kind"] == "link"


def test_shared_namespaces() -> None:
    graph = to_graph(modes())
    assert graph.edges[("container", "in-host"), ("host", "host")]["kind"] == "shares"
    assert graph.edges[("container", "sidecar"), ("container", "web")]["kind"] == "shares"
    assert list(graph[("container", "orphan")]) == []


def test_each_container_has_one_place() -> None:
    placement = place_containers(modes())
    assert [c.name for c in placement.on_host] == ["in-host", "sniffer"]
    assert [c.name for c in placement.unconnected] == ["lonely", "orphan"]
    assert {name: [c.name for c in sharers] for name, sharers in placement.sharing.items()} == {"web": ["sidecar"]}
    assert [c.name for c in placement.networks["bridge", "docker0"]] == ["web"]


def test_containers_that_share_namespaces_in_a_circle_are_placed() -> None:
    a = container("a", 0, mode="container:b", endpoints=())
    b = container("b", 0, mode="container:" + identity("a"), endpoints=())
    placement = place_containers(used(containers=(a, b)))
    assert [c.name for c in placement.unconnected] == ["a", "b"]


def test_a_container_is_drawn_below_the_network_in_which_it_was_started() -> None:
    placement = place_containers(two_networks())
    network_of = {c.name: node for node, members in placement.networks.items() for c in members}
    assert network_of["both"] == ("bridge", "docker0")
    assert network_of["back"] == ("bridge", "br-9f3c1a07be42")


def test_docker0_comes_first_then_networks_by_name_and_containers_by_address() -> None:
    assert list(network_nodes(two_networks())) == [
        ("bridge", "docker0"),
        ("bridge", "br-000000000001"),  # network alone
        ("bridge", "br-9f3c1a07be42"),  # network mynet
    ]
    scene = used(containers=(container("a", 10), container("b", 9), container("z", 2)))
    placement = place_containers(scene)
    assert [c.name for c in placement.networks["bridge", "docker0"]] == ["z", "b", "a"]


def test_the_kernel_decides_of_which_bridge_a_veth_is_a_port() -> None:
    scene = example()
    moved = Interface(str(scene.container("c1").endpoints[0].veth), 9, "veth", "UP", "", 1500, (), "br-9f3c1a07be42")
    scene = replace(scene, interfaces=(*scene.interfaces, moved))
    graph = to_graph(scene)
    assert ("bridge", "docker0") not in graph[("veth", moved.name)]
    assert [node for _, node in connections(scene, scene.container("c1"))] == [("bridge", "br-9f3c1a07be42")]
