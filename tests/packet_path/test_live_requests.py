"""Real requests in the lab: what a journey says, and that nothing stays behind."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import course_lib
from course_lib.errors import CommandInterruptedError, CourseError
from course_lib.lab import execute
from course_lib.notebook import current
from course_lib.notebook.journeys import Journey, journey
from course_lib.packet_path import capture
from course_lib.packet_path.pcapng import captured
from tests.worker import lab, refuse

pytestmark = pytest.mark.live
# What of us could be seen: our tables, processes, files, and the rules that people look at.
TRACES = """
for name in host client $(docker ps -q | xargs -r docker inspect -f '{{.State.Pid}}'); do
    enter="nsenter -t $name -n"
    case $name in host) enter= ;; client) enter='nsenter --net=/run/netns/client' ;; esac
    $enter nft list tables | grep course
    $enter iptables-save | grep -c -e TRACE -e 'table raw'
done
ls /run | grep '^course\\.'; pgrep -x 'nft|tcpdump|conntrack|socat'; iptables-save | grep -v '^[#:]'; ip -o link | wc -l
"""


@pytest.fixture(scope="module")
def scene() -> Iterator[None]:
    """Give a published web server and two networks."""
    lab.up(lab.version(), refuse)
    lab.reset()
    current.host(
        "docker network create front; docker network create back\n"
        "docker run -d --name web -p 80:80 nginx\n"
        "docker run -d -it --name f1 --network front busybox; docker run -d -it --name b1 --network back busybox\n"
        "until curl -sf -o /dev/null http://172.17.0.2/; do sleep 0.1; done"
    )
    return


def test_a_request_to_a_published_port(scene: None) -> None:
    """The chapter's claim, and the contract of a notebook: printed twice it is the same."""
    before = execute.ask(lab, TRACES)
    first = course_lib.journey("client", "http://host:80/")
    assert execute.ask(lab, TRACES) == before, "nothing stays"
    assert isinstance(first, Journey)
    assert first.end.words == "answered: HTTP/1.1 200 OK"
    dnat = next(s for s in first.steps if "DNAT" in s.rule)
    assert dnat.before is not None
    assert (dnat.before.destination, dnat.packet.destination) == ("203.0.113.10", "172.17.0.2")
    assert first.doubts == ()
    second = journey("client", "http://host:80/")
    assert (str(first), repr(first)) == (str(second), repr(second))
    data, metadata = second._repr_mimebundle_()
    assert data["image/png"].startswith(b"\x89PNG")
    assert data["text/plain"].rstrip("\n") == str(second)
    assert metadata["image/png"]["alt"]


def test_a_drop_between_two_networks_and_a_refusal(scene: None) -> None:
    dropped = journey("f1", "tcp://172.17.0.2:80")
    assert dropped.end.kind == "dropped"
    assert dropped.steps[-1].verdict == "drop"
    refused = journey("client", "tcp://203.0.113.10:4444")
    assert refused.end.words.startswith("refused by host with a RST")


def test_a_name_is_looked_up_as_the_sender_does_it(scene: None) -> None:
    assert journey("f1", "dns://f1").end.kind == "answered"
    with pytest.raises(CourseError, match="web does not know the name f1"):
        journey("web", "http://f1/")
    with pytest.raises(CourseError, match="There is no 'nobody'"):
        journey("nobody", "http://host/")


def wait_for(traces: str, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while (found := execute.ask(lab, TRACES)) != traces and time.monotonic() < deadline:
        time.sleep(0.05)
    return found == traces


def test_an_interrupt_leaves_nothing(scene: None) -> None:
    """Interrupted while its sender waits, and the next one goes on."""
    before = execute.ask(lab, TRACES)

    def interrupt() -> None:
        deadline = time.monotonic() + 20
        while not execute.quick(lab.container, "pgrep -x socat") and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(CommandInterruptedError):
        journey("f1", "tcp://172.17.0.2:80")  # it would wait for about a second
    assert wait_for(before, 0.6)
    assert journey("client", "ping://host").end.kind == "answered"


def test_what_cannot_be_watched_is_said(scene: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "_watch", lambda *_: "no filter")
    with pytest.raises(CourseError, match=r"could not be watched: .*syntax error"):
        journey("client", "ping://host")


def test_whoever_shares_a_namespace_is_watched_in_it(scene: None) -> None:
    current.host("docker run -d -it --name side --network container:web busybox")
    shared = journey("side", "http://172.17.0.2/")
    assert {s.place for s in shared.steps} == {"web"}
    assert shared.notes == ("side has no network namespace of its own, it is in that of web",)


def test_details_and_the_capture_of_a_real_request(scene: None, tmp_path: Path) -> None:
    found = journey("client", "http://host:80/")
    assert found.doubts == ()
    details = found.details()
    assert "nginx listens on 0.0.0.0:80" in details
    assert "does not match: state NEW, not RELATED,ESTABLISHED" in details
    found.save(tmp_path / "x.pcapng")
    assert len(list(captured(found.capture))) > 10
    assert (tmp_path / "x.pcapng").read_bytes().count(b"Step ") == len(found.steps)


def test_nobody_listens_behind_a_relay(scene: None) -> None:
    """Docker's own way to a port of UDP: docker-proxy gets the datagram, and then the ICMP error."""
    current.host("docker run -d --name deaf -p 9002:9002/udp busybox sleep 9999")
    found = journey("host", "udp://127.0.0.1:9002")
    assert found.end.words.endswith("refused by deaf with ICMP port unreachable: no socket listens there")
    assert [c for c in found.end.counted if c.startswith("deaf: UdpNoPorts +1")]
