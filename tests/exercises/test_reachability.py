"""Test the probes for reachability: the pure functions, and probes in a container's network namespace."""

from __future__ import annotations

import dataclasses

import pytest

from course_lib.exercises import reachability
from course_lib.exercises.checks import Probe, Seen, network_of
from course_lib.exercises.probes import look
from course_lib.network.model import Chain, Container, Endpoint, Interface, Port, Rule, Snapshot
from course_lib.notebook import current
from tests.worker import lab

WEB = Container(
    "web", "1" * 64, "nginx", "nginx", "running", endpoints=(Endpoint("bridge", addresses=("10.0.0.2/24",)),)
)
HOST = Interface("eth0", 2, "veth", "UP", "", 1500, ("203.0.113.10/24", "fe80::1/64"))
BRIDGE = Interface("docker0", 3, "bridge", "UP", "", 1500, ("172.17.0.1/16",))
LO = Interface("lo", 1, "loopback", "UP", "", 65536, ("127.0.0.1/8",))


def nat(spec: str, target: str) -> Chain:
    return Chain("ip", "nat", "DOCKER", None, 0, 0, (Rule(1, spec, target, 0, 0),))


def test_a_container_that_shares_a_network_has_the_addresses_of_the_other() -> None:
    guests = [
        Container(name, name, "", "", "running", mode=f"container:{who}")
        for name, who in (("a", "1" * 64), ("b", "web"))
    ]
    network = Snapshot("26.1", containers=(WEB, *guests, Container("alone", "2", "", "", "running", mode="none")))
    assert [reachability.addresses(network, name) for name in ("web", "a", "b")] == [("10.0.0.2",)] * 3
    assert reachability.addresses(network, "alone") == reachability.addresses(network, "nobody") == ()


def test_the_doors_are_all_addresses_of_the_host_with_all_ports_that_lead_on() -> None:
    web = dataclasses.replace(WEB, ports=(Port(80, "tcp", "127.0.0.1", 8080), Port(443, "tcp")))
    network = Snapshot(
        "26.1",
        interfaces=(LO, HOST, BRIDGE),
        containers=(web,),
        chains=(
            nat("-p tcp -m tcp --dport 9999 -j DNAT --to-destination 10.0.0.2:80", "DNAT"),
            nat("-s 10.0.0.2/32 -d 10.0.0.2/32 -p tcp -m tcp --dport 80 -j MASQUERADE", "MASQUERADE"),
        ),
    )
    several = nat(
        '-p tcp -m comment --comment "no --dport 7 x" -m multiport --dports 81,444 -j DNAT --to 10.0.0.2', "DNAT"
    )
    assert reachability.doors(dataclasses.replace(network, chains=(several,))).endswith(":{81,444,8080}/")
    assert reachability.published(network, "web") == web.ports[:1]
    assert reachability.doors(network) == "http://{172.17.0.1,203.0.113.10}:{8080,9999}/"
    assert reachability.doors(network, 3000) == "http://{172.17.0.1,203.0.113.10}:{3000,8080,9999}/"
    assert reachability.doors(Snapshot("26.1", interfaces=(HOST,)), 80) == "http://203.0.113.10:80/", (
        "bash leaves {a} as it is"
    )


def test_nothing_comes_from_nowhere_only_where_all_was_tried() -> None:
    assert reachability.came_from("asked") == ()
    assert reachability.came_from("web\nasked\n", "web") == ()
    said = "web\nit comes from http://10.0.0.2/\nping: bad\nan answer from 10.0.0.2\nasked"
    assert reachability.came_from(said, "web") == ("10.0.0.2", "http://10.0.0.2/")
    for output, paused in (("", ""), ("no container web runs", ""), ("asked", "web"), ("web\nit comes fr", "web")):
        assert reachability.came_from(output, paused) != (), output


@pytest.mark.live
@pytest.mark.usefixtures("fresh_lab")
@pytest.mark.slow
def test_a_probe_tries_all_from_a_containers_network_with_the_hosts_programs() -> None:
    """`web` answers `caller` by name, but not while it is paused; afterwards it answers again."""
    current.host("""
docker network create --subnet 10.20.0.0/24 net
docker run -d --name web --net net --ip 10.20.0.20 --add-host far:203.0.113.20 busybox httpd -f -h /tmp
docker exec web sh -c 'echo hello >/tmp/index.html'
docker run -d -it --name caller --net net busybox""")
    before = current.host("cat /proc/self/mountinfo /etc/hosts /etc/resolv.conf")
    caller = network_of("caller")
    assert look(lab, Probe(caller, "curl -fs http://web/", patience=5)).output == "hello"
    assert look(lab, Probe(network_of("web"), "getent hosts far")).output.split() == ["203.0.113.20", "far"]
    assert look(lab, Probe(caller, "getent hosts far")).code == 2
    assert look(lab, Probe(network_of("nobody"), "true")).output == "no container nobody runs"
    assert look(lab, Probe(network_of("nobody"), "true")).code == 125
    urls, to = ["http://web/", "http://10.20.0.20/", "http://10.20.0.21/"], ["10.20.0.20", "10.20.0.21"]
    tried = look(lab, Probe(caller, reachability.try_all("hello", urls, to))).output
    assert reachability.came_from(tried) == ("10.20.0.20", "http://10.20.0.20/", "http://web/")
    paused = reachability.while_paused("web", reachability.try_all("hello", urls))
    assert reachability.came_from(look(lab, Probe(caller, paused)).output, "web") == ()
    assert look(lab, Probe(caller, "curl -fs http://web/")).output == "hello"
    current.host("iptables -I DOCKER-USER -d 10.20.0.0/24 -j ACCEPT")
    neighbour = reachability.as_neighbour(["10.20.0.20"], reachability.try_all("hello", urls[1:]))
    assert reachability.came_from(look(lab, Probe("client", neighbour)).output) == ("http://10.20.0.20/",)
    assert "10.20.0" not in current.client("ip route")
    assert current.host("cat /proc/self/mountinfo /etc/hosts /etc/resolv.conf") == before


def test_the_address_of_a_container_is_of_ipv4_or_none() -> None:
    ends = (Endpoint("six", "eth0", ("fd00::2/64",)), Endpoint("both", "eth1", ("fd01::2/64", "10.0.0.2/24")))
    seen = Seen({}, Snapshot("28", containers=(Container("web", "0", "", "", "running", endpoints=ends),)), {})
    assert (seen.address("web", "six"), seen.address("web", "both")) == (None, "10.0.0.2")
    assert seen.address("nobody") is None
