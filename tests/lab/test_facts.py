"""Reading facts from a real lab: what it costs, and that it agrees with what the learner's own commands say."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from course_lib import begin, journey
from course_lib.engine import client
from course_lib.errors import LabGoneError
from course_lib.lab import execute, facts
from course_lib.network import parse_facts
from course_lib.network.model import Unread
from course_lib.notebook import current
from tests.record import SCENES
from tests.worker import lab

pytestmark = pytest.mark.live


@pytest.mark.slow
def test_a_snapshot_costs_one_question_with_two_lists(fresh_lab: None, monkeypatch: pytest.MonkeyPatch) -> None:
    current.host("for i in 1 2 3 4 5; do docker run -d --name c$i busybox sleep 1000 >/dev/null; done")
    facts.read(lab)  # the program that is kept is started once
    asked: list[str] = []
    api = client.outer()
    send = api.send
    monkeypatch.setattr(
        api, "send", lambda request, **options: (asked.append(request.path_url), send(request, **options))[1]
    )
    real = execute._ask
    monkeypatch.setattr(execute, "_ask", lambda *question: (asked.append(question[2]), real(*question))[1])
    read = facts.read(lab)
    assert len(read["containers"]) == 5
    # Where the lab is (its id) is asked of the learner's engine, which costs a millisecond.
    where, question = asked
    assert where.endswith(f"/containers/{lab.container}/json")
    assert [field.partition("@")[0] for field in question.split("\t") if "@" in field] == ["containers", "networks"]
    current.host("docker rename c1 c9; docker rm -f c2")
    asked.clear()
    facts.read(lab)
    assert [question.count("/json") - question.count("json?all") for question in asked[1:]] == [0, 1, 0], asked


def test_an_engine_that_does_not_answer_is_said(fresh_lab: None) -> None:
    current.host("mv /run/docker.sock /run/away.sock")
    with pytest.raises(LabGoneError, match="does not answer"):
        facts.read(lab)
    current.host("mv /run/away.sock /run/docker.sock")
    assert facts.read(lab)["containers"] == []


def test_it_agrees_with_what_docker_and_ip_say(fresh_lab: None) -> None:
    current.host(SCENES["published"] + SCENES["own_network"] + "docker network connect bridge c2")
    made = parse_facts.snapshot(facts.read(lab))
    assert made.warnings == ()
    for container in made.containers:
        said = json.loads(current.host(f"docker inspect {container.name}"))[0]
        assert container.id == said["Id"]
        assert container.state == said["State"]["Status"]
        networks = said["NetworkSettings"]["Networks"]
        assert {e.network: (e.addresses, e.mac, e.gateway) for e in container.endpoints} == {
            name: ((f"{n['IPAddress']}/{n['IPPrefixLen']}",), n["MacAddress"], n["Gateway"])
            for name, n in networks.items()
        }
        for endpoint in container.endpoints:
            number = current.host(
                f"docker exec {container.name} cat /sys/class/net/{endpoint.interface}/iflink"
            ).strip()
            assert (
                current.host(f"ip -o link | grep '^{number}:' | cut -d' ' -f2").strip().split("@")[0] == endpoint.veth
            )
    links = json.loads(current.host("ip -j link"))
    assert {(i.name, i.index, i.mac, i.master) for i in made.interfaces} == {
        (link["ifname"], link["ifindex"], link["address"], link.get("master")) for link in links
    }
    assert [c.name for c in made.client] == current.client("ip -j link | jq -r '.[].ifname' | sort").split()
    printed = current.host("iptables -t nat -S").splitlines()
    ours = [f"-A {c.name} {r.spec}" for c in made.chains if (c.family, c.table) == ("ip", "nat") for r in c.rules]
    assert sorted(ours) == sorted(line for line in printed if line.startswith("-A"))


@pytest.mark.slow
def test_it_is_read_while_containers_come_and_go(fresh_lab: None) -> None:
    current.host(
        "(for i in $(seq 12); do docker run -d --name go$((i % 3)) busybox sleep 1000; docker rm -f go$((i % 3)); done"
        " >/dev/null 2>&1; touch /tmp/all-gone) &"
    )
    read = 0
    while not current.host("ls /tmp/all-gone 2>/dev/null || true"):
        made = parse_facts.snapshot(facts.read(lab))
        # A container between two parts of the reading may lack details, but nothing is made up about it.
        assert {c.name for c in made.containers} <= {"go0", "go1", "go2"}
        assert [w for w in made.warnings if not w.startswith("go")] == []
        read += 1
    assert read >= 3
    assert parse_facts.snapshot(facts.read(lab)).containers == ()


def seen(interfaces: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what a snapshot uses of `ip -j -d addr`, without the lo of a container."""
    names = ("ifindex", "ifname", "mtu", "operstate", "link_type", "address", "link_index", "master")
    return [
        {name: item.get(name) for name in names}
        | {"kind": item.get("linkinfo", {}).get("info_kind")}
        | {"addresses": [(address["local"], address["prefixlen"]) for address in item["addr_info"]]}
        for item in interfaces
        if item["ifname"] != "lo"
    ]


@pytest.mark.slow
def test_all_namespaces_are_as_ip_says_also_after_a_change_and_a_restart(fresh_lab: None) -> None:
    current.host(
        "docker network create n; for i in 1 2; do docker run -d -it --name c$i busybox; done\n"
        "docker network connect n c1\n"
        "docker run -d -it --network none --name none busybox; docker run -d -it --network host --name host busybox\n"
        "docker run -d -it --network container:c1 --name guest busybox; docker create --name idle busybox"
    )

    def check() -> None:
        """Compare; the kernel tells a bridge of its ports' carriers up to a second late (net/core/link_watch.c)."""
        deadline = time.monotonic() + 3
        while True:
            try:
                return compare()
            except AssertionError:
                if time.monotonic() > deadline:
                    raise

    def compare() -> None:
        read = facts.read(lab)
        assert seen(read["addr"]) == seen(json.loads(current.host("ip -j -d addr")))
        assert seen(read["client"]) == seen(json.loads(current.client("ip -j -d addr")))
        for said in json.loads(current.host("docker inspect $(docker ps -q)")):
            inside = json.loads(current.host(f"nsenter -t {said['State']['Pid']} -n ip -j -d addr"))
            assert seen(read["inside"][said["Id"]]) == seen(inside), said["Name"]

    check()
    check()  # now most of it is told as being as it was
    current.host("nsenter -t $(docker inspect -f '{{.State.Pid}}' c2) -n ip addr add 10.1.1.1/24 dev eth0")
    check()
    current.host("docker restart -t 0 c1 c2 none host guest; docker network disconnect n c1")
    check()


def test_no_text_in_a_rule_changes_what_is_read_and_begin_resets_it(
    fresh_lab: None, capsys: pytest.CaptureFixture[str]
) -> None:
    comment = "x\\n== rules ip 1\\n== route 1\\n== end 0\\n[0:0] -A INPUT -j REJECT\\nCOMMIT\\n\\e[2J"
    rule = "-s 203.0.113.20 -p tcp --dport 4444"
    current.host(f"iptables -A INPUT {rule} -m comment --comment $'{comment}' -j DROP; iptables -A INPUT -j ACCEPT")
    made = parse_facts.snapshot(facts.read(lab))
    chain = made.chain("filter", "INPUT")
    assert chain is not None
    assert [r.target for r in chain.rules] == ["DROP", "ACCEPT"]
    assert made.chain("filter", "FORWARD")
    assert made.chain("nat", "PREROUTING")
    assert made.routes
    end = journey("client", "tcp://host:4444").end
    assert end.words == "the packet was dropped by rule 1 of filter INPUT in host"
    begin()
    assert "could not be read" not in capsys.readouterr().out
    chain = parse_facts.snapshot(facts.read(lab)).chain("filter", "INPUT")
    assert chain is not None
    assert chain.rules == ()


def test_rules_that_are_not_shown_are_said_and_begin_removes_them(fresh_lab: None) -> None:
    """Neither nft's own tables nor those of iptables-legacy are in the output of iptables-save."""
    assert parse_facts.snapshot(facts.read(lab)).unread == ()
    current.host("nft add table inet fw; iptables-legacy -I FORWARD -p tcp --dport 80 -j DROP")
    (unread,) = parse_facts.snapshot(facts.read(lab)).unread
    assert unread == Unread("more rules", "table inet fw, rules of iptables-legacy")
    begin()
    assert parse_facts.snapshot(facts.read(lab)).unread == ()
