"""What changed between two snapshots, in sentences."""

from __future__ import annotations

from dataclasses import replace

import pytest

from course_lib.network.diff import difference, is_settled
from course_lib.network.model import Endpoint, Interface, Network, Route, Snapshot, Unread
from tests.pictures import (
    CLIENT,
    ONE_NET,
    SCENES,
    bridge,
    chain,
    chains,
    container,
    endpoint,
    first_day,
    host,
    mynet,
    netns,
    one_container,
    published,
    two_bridges,
    used,
)


def port_of(name: str | None, master: str = "docker0", state: str = "UP") -> Interface:
    return Interface(str(name), 7, "veth", state, "02:00:00:00:00:07", 1500, (), master, 6)


@pytest.mark.parametrize("name", SCENES)
def test_nothing_happened_between_a_snapshot_and_itself(name: str) -> None:
    assert difference(SCENES[name](), SCENES[name]()) == []


@pytest.mark.parametrize("name", SCENES)
def test_each_addition_has_its_opposite(name: str) -> None:
    """Whatever is said on the way there has its opposite on the way back."""
    scene, empty = SCENES[name](), SCENES["nothing"]()
    there, back = difference(empty, scene), difference(scene, empty)
    added = sum(" was added" in line for line in there)
    assert added == sum(" is gone" in line for line in back)
    assert len(there) == len(set(there)) or name == "dual_stack"
    assert not any("\n" in line for line in there)


def test_after_a_reset_of_the_lab_there_is_one_sentence() -> None:
    """Each network used to be gone and added. After a restart of dockerd only docker0's network has a new id."""
    old, new = (
        used(containers=(container("c1", 2),), networks=(Network("host", letter * 64, "host"),)) for letter in "ab"
    )
    assert difference(old, new) == ["The lab was reset: this is a new host, without anything that was on the old one."]
    assert difference(old, replace(old, containers=())) != []
    assert "The lab was reset" not in "".join(difference(old, replace(old, containers=())))


def test_a_container_comes_with_its_veth_and_its_rules() -> None:
    c1 = container("c1", 2)
    veth = port_of(c1.endpoints[0].veth)
    before = used(interfaces=host(bridge("docker0", "172.17.0.1/16", "DOWN")))
    after = replace(used(containers=(c1,)), interfaces=host(bridge("docker0", "172.17.0.1/16"), veth))
    assert difference(before, after) == [
        "Container c1 was added: running, busybox, 172.17.0.2/16 on bridge.",
        "Host: interface docker0 changed from DOWN to UP.",
        "Host: interface veth-of-c1 was added, a port of docker0.",
    ]


def test_a_port_is_published_and_a_request_counted() -> None:
    quiet, plain = published(), one_container()
    said = difference(plain, quiet)
    assert (
        "Rule was added to nat DOCKER: ! -i docker0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.2:80"
        in (said)
    )
    before = used(containers=quiet.containers, chains=chains(ONE_NET, [("docker0", "172.17.0.2", 80, 80, 3)]))
    after = used(containers=quiet.containers, chains=chains(ONE_NET, [("docker0", "172.17.0.2", 80, 80, 5)]))
    assert difference(before, after) == [
        "Counted 2 first packets: nat DOCKER: DNAT tcp dpt:80 → 172.17.0.2:80",
        "Counted: filter DOCKER: ACCEPT tcp dpt:80 → 172.17.0.2",
    ]
    assert difference(after, before) == [
        "Counter reset: nat DOCKER: DNAT tcp dpt:80 → 172.17.0.2:80",
        "Counter reset: filter DOCKER: ACCEPT tcp dpt:80 → 172.17.0.2",
    ]


def test_random_names_are_replaced() -> None:
    c2 = container("c2", 0, mode="mynet", endpoints=(mynet(100),))
    scene = two_bridges(c2)
    veth = port_of(c2.endpoints[0].veth, "br-9f3c1a07be42")
    routes = (Route("192.168.100.0/24", "br-9f3c1a07be42"),)
    after = replace(scene, interfaces=(*scene.interfaces, veth), routes=routes)
    before = replace(used(), interfaces=host(bridge("docker0", "172.17.0.1/16")))
    said = "\n".join(difference(before, after))
    assert "br-9f3c1a07be42" not in said
    assert str(veth.name) not in said
    assert "Route was added: 192.168.100.0/24 dev bridge-of-mynet." in said
    assert "veth-of-c2 was added, a port of bridge-of-mynet" in said


def test_what_happens_to_one_container() -> None:
    c1 = container("c1", 2)
    base = used(containers=(c1,))

    def said(**changes: object) -> list[str]:
        return difference(base, used(containers=(replace(c1, **changes),)))  # type: ignore[arg-type]

    assert said(state="paused") == ["Container c1 changed from running to paused."]
    assert said(name="web") == ["Container c1 is now called web."]
    assert said(id="0" * 64) == ["Container c1 was recreated: running, busybox, 172.17.0.2/16 on bridge."]
    assert said(endpoints=()) == ["Container c1 left the network bridge."]
    assert said(endpoints=(c1.endpoints[0], mynet(3, "eth1")))[0].startswith(
        "Container c1 joined the network mynet: 192"
    )
    assert said(endpoints=(endpoint(9),))[0] == "Container c1 now has 172.17.0.9/16 on bridge, before 172.17.0.2/16."
    assert (
        said(endpoints=(Endpoint("bridge"),))[0] == "Container c1 now has no address on bridge, before 172.17.0.2/16."
    )


def test_rules_and_interfaces_changed_by_hand() -> None:
    base = used()
    other = [
        chain("filter", "DOCKER-USER", ["-s 1.2.3.4/32 -j DROP"]) if c.name == "DOCKER-USER" else c for c in base.chains
    ]
    assert difference(base, replace(base, chains=tuple(other))) == [
        "Rule is gone from filter DOCKER-USER: -j RETURN",
        "Rule was added to filter DOCKER-USER: -s 1.2.3.4/32 -j DROP",
    ]
    two = chain("filter", "X", ["-j ACCEPT", "-j DROP"])
    turned = chain("filter", "X", ["-j DROP", "-j ACCEPT"])
    assert difference(Snapshot("1", chains=(two,)), Snapshot("1", chains=(turned,))) == [
        "The rules of filter X are in a different order."
    ]
    open_, shut = (Snapshot("1", chains=(chain("filter", "FORWARD", [], policy),)) for policy in ("ACCEPT", "DROP"))
    assert difference(open_, shut) == ["Policy of filter FORWARD changed from ACCEPT to DROP."]
    eth0 = base.interface("eth0")
    assert eth0
    new = replace(eth0, addresses=("203.0.113.11/24",), mtu=1400, mac="02:00:00:00:00:99")
    rest = tuple(i for i in base.interfaces if i != eth0)
    assert difference(base, replace(base, interfaces=(*rest, new))) == [
        "Host: interface eth0 changed its MTU from 1500 to 1400.",
        "Host: interface eth0 got 203.0.113.11/24.",
        "Host: interface eth0 has a new MAC address.",
        "Host: interface eth0 lost 203.0.113.10/24.",
    ]
    assert difference(base, replace(base, client=CLIENT[:1])) == ["Client: interface lo is gone."]


def test_a_bridge_is_settled_once_it_has_noticed_its_ports() -> None:
    up, down = bridge("docker0", "172.17.0.1/16"), bridge("docker0", "172.17.0.1/16", "DOWN")
    port = port_of("veth1")
    assert [is_settled(Snapshot("1", interfaces=i)) for i in ((up, port), (down,), (down, port), (up,))] == [
        True,
        True,
        False,
        False,
    ]


def test_what_cannot_be_shown_and_a_contradiction_that_is_over_are_changes() -> None:
    before, odd = first_day(), replace(first_day(), unread=(Unread("more rules", "table inet fw"),))
    assert difference(before, odd) == ["Not all firewall rules of the machine are shown: table inet fw."]
    assert difference(replace(before, warnings=("c1: x",)), before) == ["No contradiction any more: c1: x"]


def test_namespaces_of_ip_netns_are_told() -> None:
    scene = netns()
    *others, reader = scene.namespaces
    assert difference(replace(scene, namespaces=tuple(others)), scene) == [
        "Network namespace reader was added: eth0 10.10.0.10/24."
    ]
    up = replace(reader, interfaces=tuple(replace(i, state="UP") for i in reader.interfaces))
    assert difference(scene, replace(scene, namespaces=(*others, up))) == [
        "Namespace reader: interface lo changed from DOWN to UP."
    ]
