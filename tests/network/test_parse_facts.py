"""From recorded facts to a Snapshot; the facts are made by `python -m tests.record`."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from course_lib.network import parse_facts
from course_lib.network.describe import describe
from course_lib.network.hooks import hooks
from course_lib.network.model import Link, Peer, Port, Snapshot
from course_lib.network.placement import place_containers
from course_lib.network.topology import client_facing, outer_interfaces, owner_of
from course_lib.picture.layout.page import layout
from course_lib.picture.shapes import Text
from tests.record import SCENES

FOLDERS = sorted((Path(__file__).parents[1] / "facts").iterdir())
ALL = [folder / f"{scene}.json" for folder in FOLDERS for scene in SCENES]
each = pytest.mark.parametrize("path", ALL, ids=lambda path: f"{path.parent.name}-{path.stem}")
version = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def snapshot(folder: Path, scene: str) -> Snapshot:
    return parse_facts.snapshot(read(folder / f"{scene}.json"))


def names(made: Snapshot) -> list[str]:
    return [container.name for container in made.containers]


@each
def test_every_scene_is_read_without_a_contradiction_said_and_drawn(path: Path) -> None:
    made = parse_facts.snapshot(read(path))
    assert made.warnings == ()
    assert made.engine.startswith(path.parent.name)
    names = [container.name for container in made.containers]
    for name in names:
        assert name in describe(made, apart=names)
    assert layout(made).shapes


@each
def test_a_snapshot_is_a_value(path: Path) -> None:
    facts = read(path)
    assert parse_facts.snapshot(facts) == parse_facts.snapshot(copy.deepcopy(facts))
    assert facts == read(path), "reading changes nothing"
    shuffled = {key: value[::-1] if isinstance(value, list) else value for key, value in facts.items()}
    assert parse_facts.snapshot(shuffled) == parse_facts.snapshot(facts), "the order of a list is nobody's fact"


@each
def test_an_endpoint_and_its_cable_name_each_other(path: Path) -> None:
    """Every attached container has both ends, and every veth on a bridge leads to exactly one endpoint."""
    facts = read(path)
    made = parse_facts.snapshot(facts)
    veths = []
    for container in made.containers:
        for endpoint in container.endpoints:
            if not endpoint.addresses:
                continue
            veth = made.interface(endpoint.veth or "")
            inside = next(i for i in facts["inside"][container.id] if i["ifname"] == endpoint.interface)
            assert veth
            assert (veth.index, veth.peer_index) == (inside["link_index"], inside["ifindex"])
            assert veth.master == made.network(endpoint.network).bridge
            assert inside["address"] == endpoint.mac
            veths.append(veth.name)
    assert sorted(veths) == [i.name for i in made.interfaces if i.master]


def test_facts_of_three_engines_are_here() -> None:
    assert [folder.name for folder in FOLDERS] == ["20.10", "26.1", "28.5"]


def test_cables_are_told_apart_where_all_containers_ends_have_the_same_index() -> None:
    """From engine 28 on every container's eth0 can have index 2, so that every host end is called vethX@if2."""
    made = snapshot(Path(__file__).parents[1] / "facts/28.5", "published")
    cables = {c.name: made.interface(c.endpoints[0].veth) for c in made.containers}
    assert [cable.peer_index for cable in cables.values()] == [2, 2]
    assert cables["web"].name != cables["c1"].name


@version
def test_the_first_day(folder: Path) -> None:
    made = snapshot(folder, "first_day")
    assert [i.name for i in made.interfaces] == ["docker0", "eth0", "lo"]
    docker0, eth0 = made.interface("docker0"), made.interface("eth0")
    assert (docker0.kind, docker0.state, docker0.addresses[0]) == ("bridge", "DOWN", "172.17.0.1/16")
    assert "203.0.113.10/24" in eth0.addresses
    assert "203.0.113.20/24" in made.client[0].addresses
    assert [n.name for n in made.networks] == ["bridge", "host", "none"]
    bridge = made.network("bridge")
    assert (bridge.bridge, bridge.subnets, bridge.gateways) == ("docker0", ("172.17.0.0/16",), ("172.17.0.1",))
    assert {(r.destination, r.device) for r in made.routes} >= {("default", "eth0"), ("172.17.0.0/16", "docker0")}
    assert names(made) == []
    assert made.chain("filter", "FORWARD").policy == "DROP"
    assert [r.target for r in made.chain("nat", "POSTROUTING").rules] == ["MASQUERADE"]


@version
def test_a_published_port_and_the_counters(folder: Path) -> None:
    made = snapshot(folder, "published")
    web, c1 = made.container("web"), made.container("c1")
    assert web.endpoints[0].addresses == ("172.17.0.2/16",)
    assert c1.endpoints[0].addresses == ("172.17.0.3/16",)
    assert Port(80, "tcp", "0.0.0.0", 80) in web.ports
    assert c1.ports == ()
    dnat = next(r for r in made.chain("nat", "DOCKER").rules if r.target == "DNAT")
    assert dnat.spec.endswith("--dport 80 -j DNAT --to-destination 172.17.0.2:80")
    assert (dnat.packets, dnat.bytes) == (1, 60), "the client asked once, with one connection"
    assert made.chain("filter", "FORWARD").rules[0].number == 1
    assert (made.chain("raw", "PREROUTING") is not None) == (folder.name == "28.5")


# Of a published port: which chain lets it pass, what drops packets for a container's address, and who else is met.
FORWARD = {
    "20.10": ("DOCKER-ISOLATION-STAGE-2", "FORWARD", "DOCKER", "FORWARD", "FORWARD"),
    "26.1": ("DOCKER-ISOLATION-STAGE-2", "FORWARD", "DOCKER", "FORWARD", "FORWARD"),
    "28.5": ("DOCKER-CT", "DOCKER-ISOLATION-STAGE-2", "DOCKER", "DOCKER", "DOCKER-FORWARD"),
}


@version
def test_the_rules_of_a_published_port_are_found_in_whatever_chains_they_stand(folder: Path) -> None:
    prerouting, forward, postrouting = hooks(snapshot(folder, "published"))
    raw = [d.words for d in prerouting.decisions if d.table == "raw"]
    assert raw == (["DROP in !docker0 → 172.17.0.2", "DROP in !docker0 → 172.17.0.3"] if folder.name == "28.5" else [])
    assert [d.words for d in prerouting.decisions if d.table == "nat"] == ["DNAT tcp dpt:80 → 172.17.0.2:80"]
    assert prerouting.title == ("PREROUTING · raw, nat" if raw else "PREROUTING · nat → DOCKER")
    assert tuple(d.chain for d in forward.decisions) == FORWARD[folder.name]
    passed = next(d for d in forward.decisions if d.words == "ACCEPT tcp dpt:80 → 172.17.0.2")
    assert (passed.packets, forward.policies[0].policy) == (1, "DROP")
    # Until engine 27 there is a rule for a container that calls its own published port; no packet ever met it.
    hairpin = [d.packets for d in postrouting.decisions if "dpt:80" in d.words]
    assert hairpin == ([] if folder.name == "28.5" else [0])


@version
def test_a_hook_where_only_the_raw_table_decides_is_called_so(folder: Path) -> None:
    prerouting = hooks(snapshot(folder, "own_network"))[0]
    assert prerouting.title == ("PREROUTING · raw" if folder.name == "28.5" else "PREROUTING · nat")
    assert prerouting.notes[0] == "no DNAT rule: nothing is published"


@version
def test_a_network_of_ones_own(folder: Path) -> None:
    made = snapshot(folder, "own_network")
    network = made.network("mybridge")
    assert network.bridge == f"br-{network.id[:12]}"
    assert (network.subnets, network.gateways) == (("192.168.100.0/24",), ("192.168.100.254",))
    c2 = made.container("c2").endpoints[0]
    assert (c2.addresses, c2.gateway) == (("192.168.100.100/24",), "192.168.100.254")
    short_id = made.container("c2").id[:12]
    assert c2.aliases == tuple(sorted(["c2", "db", short_id])), "the names that the embedded DNS answers"


@version
def test_a_legacy_link(folder: Path) -> None:
    made = snapshot(folder, "link")
    assert names(made) == ["app", "web"], "not the name that app has for web"
    assert made.container("app").links == (Link("web", "backend"),)
    assert made.container("web").links == ()


@version
def test_containers_that_do_not_run(folder: Path) -> None:
    made = snapshot(folder, "not_running")
    assert [(c.name, c.state) for c in made.containers] == [("created", "created"), ("stopped", "exited")]
    assert [e.interface for c in made.containers for e in c.endpoints] == [None, None]


@version
def test_a_container_on_two_networks(folder: Path) -> None:
    endpoints = {e.network: e for e in snapshot(folder, "two_networks").container("both").endpoints}
    assert {n: e.interface for n, e in endpoints.items()} == {"front": "eth0", "back": "eth1"}
    assert {n: e.addresses for n, e in endpoints.items()} == {"front": ("172.18.0.2/16",), "back": ("172.19.0.2/16",)}
    assert "inner" in endpoints["back"].aliases
    assert "inner" not in endpoints["front"].aliases


@version
def test_other_modes_have_no_cable(folder: Path) -> None:
    made = snapshot(folder, "modes")
    assert made.container("in-host").mode == "host"
    assert made.container("alone").mode == "none"
    assert made.container("sidecar").mode == f"container:{made.container('main').id}"
    assert [e.veth for c in made.containers for e in c.endpoints if c.name != "main"] == [None, None]


@version
def test_an_internal_network(folder: Path) -> None:
    made = snapshot(folder, "internal")
    assert made.network("closed").internal
    assert not made.network("bridge").internal
    # The engine does not tell a gateway that it chose itself: it is the address of the bridge.
    assert made.network("closed").gateways == ("10.9.0.1",)
    # Until engine 24 a container there still had a default route, which leads nowhere.
    assert made.container("inmate").endpoints[0].gateway == ("10.9.0.1" if folder.name == "20.10" else "")


@version
def test_udp_a_range_and_an_address_of_its_own(folder: Path) -> None:
    made = snapshot(folder, "ports")
    ports = [p for p in made.container("dns").ports if ":" not in (p.host_ip or "")]
    assert ports == [Port(53, "udp", "0.0.0.0", 5353), Port(9000, "tcp", "127.0.0.1", 9000)]
    ranged = [(p.host_port, p.container_port) for p in made.container("range").ports if p.host_ip == "0.0.0.0"]
    assert ranged == [(7000, 80), (7001, 81), (7002, 82)]


@each
def test_unknown_fields_are_tolerated(path: Path) -> None:
    facts = read(path)
    known = ("containers", "networks", "addr", "client", "route")
    assert parse_facts.snapshot(
        {
            **facts,
            **{key: [{**item, "Newest": {"of": ["fields", 1, None]}} for item in facts[key]] for key in known},
            "inspect": [{**item, "Newest": {}} for item in facts["inspect"]],
            "newest": "section",
        }
    ) == parse_facts.snapshot(facts)


@version
def test_a_contradiction_is_shown(folder: Path) -> None:
    facts = read(folder / "published.json")
    made = parse_facts.snapshot(facts)
    eth0 = next(i for i in facts["inside"][made.container("web").id] if i["ifname"] == "eth0")
    eth0["addr_info"] = [{"family": "inet", "local": "172.17.0.99", "prefixlen": 16}]
    broken = parse_facts.snapshot(facts)
    assert broken.warnings == (
        "web: the engine says 172.17.0.2/16, the kernel does not have it",
        "web: the kernel has 172.17.0.99/16, the engine does not say so",
    )
    said = describe(broken)
    assert "Do not trust this picture" in said
    assert all(warning in said for warning in broken.warnings)
    assert broken.container("web").endpoints[0].interface is None, "no cable is made up"


@version
def test_another_mac_than_the_engine_says_is_shown(folder: Path) -> None:
    facts = read(folder / "own_network.json")
    mac = parse_facts.snapshot(facts).container("c2").endpoints[0].mac
    # Until engine 27 a container's MAC is made from its address, from 28 it is random.
    assert (mac == "02:42:c0:a8:64:64") == (folder.name in ("20.10", "26.1"))
    next(i for i in next(iter(facts["inside"].values())) if i["ifname"] == "eth0")["address"] = "02:00:00:00:00:01"
    said = f"c2: the engine says eth0 has the MAC {mac}, the kernel says 02:00:00:00:00:01"
    assert parse_facts.snapshot(facts).warnings == (said,)


@version
def test_a_container_that_went_while_it_was_read(folder: Path) -> None:
    """The parts are read one after the other: a container can be in one of them and not in the next."""
    for part in ("inspect", "inside", "containers"):
        facts = read(folder / "published.json")
        facts[part] = type(facts[part])()
        made = parse_facts.snapshot(facts)
        assert made.warnings == ()
        assert describe(made)
        assert layout(made).shapes


def test_a_gateway_that_the_engine_told_of_one_family_alone_is_that_of_the_bridge_for_the_other() -> None:
    raw = json.loads((Path(__file__).parents[1] / "facts/26.1/dual_stack.json").read_text())
    (settings,) = (n["IPAM"]["Config"] for n in raw["networks"] if n["Name"] == "six")
    for each in settings:
        each.pop("Gateway", None)
        if ":" in each["Subnet"]:
            each["Gateway"] = "fd00:cafe::1"
    six = parse_facts.snapshot(raw).network("six")
    assert six is not None
    assert six.gateways == ("fd00:cafe::1", "172.30.0.1")


def own(name: str, index: int, *addresses: str, kind: str = "veth", link: int = 0) -> dict[str, Any]:
    """Return an interface as `ip -j -d addr` prints it, up."""
    found = [{"local": a.partition("/")[0], "prefixlen": int(a.partition("/")[2])} for a in addresses]
    made = {"ifname": name, "ifindex": index, "operstate": "UP", "address": "02:00:00:00:00:01", "addr_info": found}
    return {**made, "linkinfo": {"info_kind": kind}, "link_type": "ether", "link_index": link, "mtu": 1500}


def joined(folder: Path) -> tuple[Any, str, str]:
    """Return facts with a container in the namespace of another one, and both ids."""
    facts = copy.deepcopy(read(folder / "modes.json"))
    modes = {item["Id"]: item["HostConfig"]["NetworkMode"] for item in facts["containers"]}
    joining = next(key for key, mode in modes.items() if mode.partition(":")[2] in modes)
    return facts, joining, modes[joining].partition(":")[2]


@version
def test_a_container_keeps_the_namespace_that_another_one_left(folder: Path) -> None:
    """After a restart the other one has a new namespace, and what joined it has lo only."""
    facts, joining, other = joined(folder)
    together = parse_facts.snapshot(facts)
    (container,) = (c for c in together.containers if c.id == joining)
    assert owner_of(together, container).id == other
    facts["inside"][joining] = [i for i in facts["inside"][joining] if i["ifname"] == "lo"]
    stopped = copy.deepcopy(facts)
    del stopped["inside"][other]
    next(item for item in stopped["containers"] if item["Id"] == other)["State"] = "exited"
    for changed in (facts, stopped):
        made = parse_facts.snapshot(changed)
        (container,) = (c for c in made.containers if c.id == joining)
        assert owner_of(made, container) is container
        words = "uses the network namespace that a container had before it was stopped or restarted"
        assert words in " ".join(describe(made).split())
        assert [c.id for c in place_containers(made).unconnected if c.id == joining]


def test_an_interface_that_was_given_by_hand_is_told() -> None:
    facts = copy.deepcopy(read(Path(__file__).parents[1] / "facts/26.1/modes.json"))
    (lonely,) = (item["Id"] for item in facts["containers"] if item["HostConfig"]["NetworkMode"] == "none")
    facts["inside"][lonely].append(own("eth1", 21, "192.168.1.2/24", "fe80::1/64", link=20))
    facts["addr"] += [own("br1", 19, "192.168.1.254/24", kind="bridge"), own("vh", 20, link=21) | {"master": "br1"}]
    made = parse_facts.snapshot(facts)
    told = describe(made)
    assert "network none, but it has eth1 192.168.1.2/24, which this engine did not make" in " ".join(told.split())
    name = next(c.name for c in made.containers if c.id == lonely)
    assert f"connected by hand: {name} by its eth1 192.168.1.2/24" in told
    assert "only lo" not in told
    drawn = " ".join(shape.text for shape in layout(made).shapes if isinstance(shape, Text))
    assert "which this engine did not make" in drawn
    assert f"connected by hand: {name}" in drawn


def test_a_macvlan_has_no_cable() -> None:
    """Its interface names the index of its parent, which is a veth in the lab."""
    facts = copy.deepcopy(read(Path(__file__).parents[1] / "facts/26.1/published.json"))
    eth0 = next(item["ifindex"] for item in facts["addr"] if item["ifname"] == "eth0")
    c1 = next(item for item in facts["containers"] if item["Names"] == ["/c1"])
    settings = c1["NetworkSettings"]["Networks"].pop("bridge") | {"IPAddress": "203.0.113.64", "IPPrefixLen": 24}
    c1["NetworkSettings"]["Networks"]["mac"] = settings
    facts["networks"].append({"Name": "mac", "Id": "a" * 64, "Driver": "macvlan", "IPAM": {"Config": []}})
    facts["inside"][c1["Id"]] = [own("eth0", 9, "203.0.113.64/24", kind="macvlan", link=eth0)]
    made = parse_facts.snapshot(facts)
    assert (made.container("c1").endpoints[0].interface, made.container("c1").endpoints[0].veth) == ("eth0", None)
    assert client_facing(made).name == "eth0"
    assert [i.name for group in outer_interfaces(made) for i in group][:1] == ["eth0"]
    facts["inside"][c1["Id"]] = [own("eth0", 9, "203.0.113.64/24", link=eth0)]  # nor a veth into another namespace
    assert parse_facts.snapshot(facts).container("c1").endpoints[0].veth is None


def test_swarms_own_network_is_no_contradiction() -> None:
    facts = copy.deepcopy(read(Path(__file__).parents[1] / "facts/26.1/published.json"))
    c1 = next(item["Id"] for item in facts["containers"] if item["Names"] == ["/c1"])
    options = {"com.docker.network.bridge.name": "docker_gwbridge"}
    gateway = {"Name": "docker_gwbridge", "Id": "b" * 64, "Driver": "bridge", "Options": options}
    facts["networks"].append(gateway | {"IPAM": {"Config": [{"Subnet": "172.18.0.0/16", "Gateway": "172.18.0.1"}]}})
    facts["addr"] += [own("docker_gwbridge", 30, "172.18.0.1/16", kind="bridge")]
    facts["addr"] += [own("vethgw", 31, link=32) | {"master": "docker_gwbridge"}]
    facts["inside"][c1].append(own("eth1", 32, "172.18.0.3/16", link=31))
    made = parse_facts.snapshot(facts)
    assert made.warnings == ()
    assert [(e.network, e.veth) for e in made.container("c1").endpoints][-1] == ("docker_gwbridge", "vethgw")


def test_an_uplink_that_is_a_port_of_a_bridge_has_the_addresses_of_the_bridge() -> None:
    facts = copy.deepcopy(read(Path(__file__).parents[1] / "facts/26.1/published.json"))
    eth0 = next(item for item in facts["addr"] if item["ifname"] == "eth0")
    addresses = [f"{a['local']}/{a['prefixlen']}" for a in eth0["addr_info"] if a["local"].startswith("203.")]
    eth0 |= {"addr_info": [], "master": "br0"}
    facts["addr"].append(own("br0", 40, *addresses, kind="bridge"))
    assert "client → 203.0.113.10:80/tcp → web 172.17.0.2:80" in describe(parse_facts.snapshot(facts))


def test_a_port_of_an_ipv6_address_leads_to_the_containers_ipv6_address() -> None:
    facts = copy.deepcopy(read(Path(__file__).parents[1] / "facts/26.1/published.json"))
    web = next(item for item in facts["containers"] if item["Names"] == ["/web"])
    web["NetworkSettings"]["Networks"]["bridge"] |= {"GlobalIPv6Address": "2001:db8:b::2", "GlobalIPv6PrefixLen": 64}
    eth0 = next(item for item in facts["addr"] if item["ifname"] == "eth0")
    eth0["addr_info"].append({"local": "2001:db8:a::10", "prefixlen": 64})
    told = describe(parse_facts.snapshot(facts))
    assert "client → [2001:db8:a::10]:80/tcp → web [2001:db8:b::2]:80" in told
    assert "client → 203.0.113.10:80/tcp → web 172.17.0.2:80" in told


def test_namespaces_of_ip_netns_are_read_with_the_other_ends_of_their_cables() -> None:
    facts = copy.deepcopy(read(Path(__file__).parents[1] / "facts/26.1/published.json"))
    web = next(iter(facts["inside"].values()))
    facts["addr"] += [own("hand0", 40, kind="bridge"), own("hand-box", 41, link=2) | {"master": "hand0"}]
    facts["addr"] += [own("odd", 42, link=7)]
    facts["netns"] = {
        "box": [own("eth0", 2, "10.10.0.2/24", link=41), own("eth1", 3, "10.11.0.1/30", link=5)],
        "far": [own("eth0", 5, "10.11.0.2/30", link=3), own("wrong", 6, link=42), own("eth2", 8, link=99)],
        "second-name-of-web": web,
        "second-name-of-host": facts["addr"],
    }
    facts["netns"]["box-again"] = facts["netns"]["box"]
    made = parse_facts.snapshot(facts)
    assert [(n.name, n.peers) for n in made.namespaces] == [
        ("box", (Peer("eth0", "", "hand-box"), Peer("eth1", "far", "eth0"))),
        ("far", (Peer("eth0", "box", "eth1"),)),
    ]
    assert "hand-box" in made.veth_ends
    assert outer_interfaces(made)[-1][0].name == "odd", "what has found its other end is drawn there"
    # Two interfaces with the same indices: either may be the other end.
    facts["netns"] = {"a": [own("x", 3, link=2)], "b": [own("y", 2, link=3)], "c": [own("z", 2, link=3)]}
    assert [n.peers for n in parse_facts.snapshot(facts).namespaces] == [(), (), ()]
