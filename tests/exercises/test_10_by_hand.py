"""Test exercise 10: its judges survive anything, say no more than they saw, and a reset leaves nothing of an answer."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from course_lib.exercises import answers, catalog
from course_lib.exercises.checks import Result, Seen
from course_lib.network.model import Container, Interface, Snapshot
from course_lib.notebook import current
from course_lib.paths import EXERCISES
from tests.exercises.test_answers import LEARNER, filled

NAME = "10_by_hand"
WHAT = catalog.named(NAME)
CHECKS: Any = sys.modules[f"course_exercise_{NAME}"]
VALUES = WHAT.values(LEARNER)
BRIDGE = Interface(str(VALUES["bridge"]), 5, "bridge", "UP", "", 1500, (f"{VALUES['gateway']}/24",))
LODGER = Container(str(VALUES["lodger"]), "1" * 64, "busybox", "sh", "running")
# Interfaces, rules, namespaces and processes that an answer may leave; the client's own are there from the start.
STATE = """ip -br link | awk '{print $1}' | sed 's/@.*//'; iptables-save | grep '^-'; nft list tables 2>/dev/null
ip rule; ip netns list | sed 's/ .*//'; ls /etc/netns 2>/dev/null
ps -eo comm= | grep -xE 'socat|nginx|dnsmasq' | sort"""


def seen(network: Snapshot, code: int = 0, output: str = "", **results: tuple[int, str]) -> Seen:
    """Return evidence in which every probe that is not named had the same result."""
    said = {name: Result("host", "", code, output) for name in WHAT.probes(VALUES, network)}
    said |= {name.replace("_", " "): Result("host", "", *result) for name, result in results.items()}
    inside = {"lodger inside": Result("host", "", code, output)}
    return Seen(VALUES, network, said, Seen(VALUES, Snapshot("26.1", containers=(LODGER,)), inside))


@pytest.mark.parametrize("code", [0, 1, 6, 7, 22, 28, 124, 255])
@pytest.mark.parametrize("output", ["", "from", "from \n", "inet 1.2.3\n2: x@if", "a b\nc d e", "\x00{[" * 9, "asked"])
@pytest.mark.parametrize("network", [Snapshot("26.1"), Snapshot("26.1", (BRIDGE,), containers=(LODGER,))])
def test_a_judge_survives_whatever_the_probes_print(network: Snapshot, output: str, code: int) -> None:
    for check in WHAT.checks:
        finding = check.judge(seen(network, code, output))
        assert finding.hint in {"", *check.hints}


@pytest.mark.parametrize(
    ("port", "ports", "links", "mistake"),
    [
        ("UP", str(VALUES["bridge"]), "7: eth0@if9: <UP>", "gateway-silent"),
        ("LOWERLAYERDOWN", str(VALUES["bridge"]), "7: eth0@if9: <>", "down"),
        ("UP", "docker0", "7: eth0@if9: <UP>", "not-plugged"),
        ("UP", str(VALUES["bridge"]), "8: eth0@if9: <UP>", "no-cable"),  # the peer of another interface
    ],
)
def test_a_silent_gateway_gets_the_hint_of_what_is_seen(port: str, ports: str, links: str, mistake: str) -> None:
    end = Interface("to-it", 9, "veth", port, "", 1500, (), ports, 7)
    evidence = seen(
        Snapshot("26.1", (BRIDGE, end), containers=(LODGER,)),
        1,
        namespaces=(0, f"/run/netns/{VALUES['server']} 1\n/run/netns/{VALUES['reader']} 2\n/proc/self/ns/net 3"),
        server_links=(0, f"7: eth0    inet {VALUES['address']}/24 scope global eth0\n{links}"),
    )
    assert CHECKS.boxes(evidence).hint == mistake


def test_a_namespace_that_is_somebody_elses_is_no_box() -> None:
    for other in ("/run/netns/client", "/run/docker/netns/0123", "/proc/self/ns/net", f"/run/netns/{VALUES['reader']}"):
        known = (0, f"/run/netns/{VALUES['server']} 7\n{other} 7")
        assert CHECKS.boxes(seen(Snapshot("26.1"), namespaces=known)).hint == "borrowed"


@pytest.mark.parametrize(
    ("output", "mistake"),
    [
        ("curl: (28)", "way-out-kept"),
        ("from 203.0.113.10", "answer-kept"),
        (f"noise\nfrom {VALUES['address']}", "other-sender"),
    ],
)
def test_a_lost_request_gets_the_hint_of_where_it_was_seen(output: str, mistake: str) -> None:
    assert CHECKS.out(seen(Snapshot("26.1"), server_out=(1, output))).hint == mistake


@pytest.mark.live
@pytest.mark.slow
@pytest.mark.usefixtures("running_lab")
def test_a_reset_leaves_nothing_of_an_answer() -> None:
    current.lab().reset()
    fresh = current.host(STATE)
    current.host(WHAT.start(VALUES))
    answers.send(current.lab(), filled(answers.files_of(EXERCISES / NAME / "other-solutions" / "other-tools"), VALUES))
    current.host(answers.COMMAND)
    assert str(VALUES["server"]) in current.host(STATE)
    current.lab().reset()
    assert current.host(STATE) == fresh
