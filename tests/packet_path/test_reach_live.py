"""Compare what `reach` says of odd networks with a direct probe for each field, and see that it leaves nothing."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import pytest

from course_lib.errors import CourseError
from course_lib.lab import execute, images
from course_lib.lab.lifecycle import Lab
from course_lib.network.model import Snapshot
from course_lib.packet_path import reach_view
from course_lib.packet_path.reach import Answer, Field, Reach
from course_lib.packet_path.reach_ask import reach
from tests.worker import lab, refuse

pytestmark = pytest.mark.live
WAIT = "for c in {}; do until nsenter -t $(docker inspect -f '{{{{.State.Pid}}}}' $c) -n ss -Htln | grep -q :; "
WAIT += "do sleep 0.1; done; done"
RUN = "docker run -d --name"


def scene(*lines: str, listen: str) -> str:
    """Return bash that makes a scene and waits until these containers listen."""
    return "\n".join([*lines, WAIT.format(listen)])


SCENES = {
    "isolated": scene(
        "docker network create na; docker network create nb",
        f"{RUN} web --network na -p 8080:80 nginx; {RUN} local -p 127.0.0.1:8081:80 nginx",
        f"{RUN} both --network na busybox sleep 1d; docker network connect nb both; {RUN} far --network nb nginx",
        f"{RUN} closed --network nb -p 8082:80 busybox sleep 1d",
        listen="web local far",
    ),
    "internal": scene(
        "docker network create --internal ni; docker network create nb",
        f"{RUN} inn --network ni nginx; {RUN} next --network ni busybox sleep 1d; {RUN} far --network nb nginx",
        listen="inn far",
    ),
    "shared": scene(
        f"{RUN} web nginx; {RUN} side --network container:web busybox sleep 1d; {RUN} onhost --network host nginx",
        f"{RUN} lonely --network none busybox sleep 1d; {RUN} frozen nginx",
        listen="web onhost frozen",
    )
    + "; docker pause frozen",
    "by hand": scene(
        f"{RUN} web -p 8080:80 nginx; {RUN} db nginx",
        "iptables -I DOCKER-USER -s 203.0.113.20 -p tcp --dport 80 -j DROP",
        "iptables -I DOCKER-USER -d 203.0.113.20 -p icmp -j REJECT",
        "iptables -I INPUT -i docker0 -p icmp -j DROP",
        listen="web db",
    ),
    "loopback": scene(f"{RUN} own busybox httpd -f -p 127.0.0.1:5000; {RUN} web nginx", listen="own web"),
    "ipv6": scene(
        "docker network create --ipv6 --subnet fd00:1::/64 --subnet 10.61.0.0/24 six",
        "docker network create --ipv6 --subnet fd00:2::/64 --subnet 10.62.0.0/24 seven",
        f"{RUN} web --network six nginx; {RUN} db --network six busybox httpd -f; {RUN} far --network seven nginx",
        f"{RUN} old nginx",
        listen="web db far old",
    ),
}
# What `why` must contain, for the sender, the target and the service: by the scene's name.
DECIDED = {
    "isolated": {
        ("web", "far", "80"): "rule ",
        ("web", "both", "ping"): "yes: same bridge: network na",
        ("client", "web", "8080"): "becomes",
        ("client", "local", "8081"): "refused: nobody listens on this address of the host",
        ("host", "local", "8081"): "yes: docker-proxy",
        ("client", "closed", "8082"): "refused: DNAT leads to a port on which nobody listens",
        ("far", "web", "name"): "name not known",
    },
    "internal": {
        ("inn", "far", "80"): "no",
        ("far", "inn", "80"): "internal network ni",
        ("next", "inn", "80"): "same bridge: network ni",
    },
    "shared": {
        ("side", "host", "80"): "yes",
        ("lonely", "web", "80"): "the sender has no route",
        ("web", "lonely", "ping"): "it has no address",
        ("web", "frozen", "80"): "paused: its kernel answers",
        ("frozen", "web", "80"): "paused: no process of the sender runs",
    },
    "by hand": {
        ("client", "web", "8080"): "rule 2: -A DOCKER-USER -s 203.0.113.20/32 -p tcp -m tcp --dport 80 -j DROP",
        ("web", "client", "ping"): "rejected in filter DOCKER-USER",
        ("web", "host", "ping"): "dropped in filter INPUT; rule 1: -A INPUT",
    },
    "loopback": {
        ("web", "own", "5000"): "refused: it listens on another address only",
        ("own", "own", "5000"): "loopback",
    },
    "ipv6": {
        ("db", "web", "80"): "refused: it listens on IPv4 only",
        ("web", "db", "80"): "by fd00:1::3: yes: same bridge: network six",
        ("old", "web", "ping"): "the sender has no route",
        ("web", "db", "ping"): "yes: same bridge: network six by fd00",
    },
}
# What could be seen of us: tables, processes, files, rules, interfaces.
TRACES = """
nft list tables | grep course; ls /run | grep course; pgrep -x 'nft|timeout'; iptables-save | grep -v '^[#:]'
ip -o link | wc -l; docker ps -a --format '{{.Names}} {{.State}}'; ss -Htuan state all | grep -c :6[1-4]"""


def prepare(on: Lab, name: str) -> None:
    on.reset()
    execute.run(on, f"{{ {SCENES[name]}\n}} >/dev/null")


def probes(found: Reach) -> Iterator[tuple[Field, Answer, str]]:
    """Yield the fields that can be tried directly, each with an answer and a command that succeeds if it is a yes."""
    states = {place.name: place.state for place in found.places}
    for f in found.fields:
        for answer in f.answers:
            if states[f.source] == "paused" or answer.state == "unknown" or not answer.address:
                continue
            at = f"[{answer.address}]" if ":" in answer.address else answer.address
            port = f.service.published or f.service.port
            if f.service.kind == "ping":
                probe = f"ping -c 1 -W 1 {answer.address}"
            elif f.service.kind == "name":
                probe = f"dig +tries=1 +time=1 {f.target} @{answer.address} | grep -q 'status: NOERROR'"
            elif f.service.kind == "udp":
                probe = f"dig +tries=1 +time=1 . NS @{answer.address}"
            elif port in (53, 5000) or states[f.target] == "paused":
                probe = f"bash -c 'exec 3<>/dev/tcp/{answer.address}/{port}'"
            else:
                probe = f"curl -s -m 1 -o /dev/null http://{at}:{port}/"
            yield f, answer, f"timeout 2 sh -c {shlex.quote(probe)}"


def tried(on: Lab, found: Reach) -> list[tuple[Field, Answer, bool]]:
    """Try each field directly, twenty at a time; return whether it worked."""
    lines, asked = [], list(probes(found))
    for number, (f, _, probe) in enumerate(asked):
        pid = f"$(docker inspect -f '{{{{.State.Pid}}}}' {f.source})"
        enter = {"host": "", "client": "nsenter --net=/run/netns/client"}.get(f.source, f"nsenter -t {pid} -n")
        lines.append(f"{enter} {probe} && echo worked {number} &")
        if number % 20 == 19:
            lines.append("wait")
    said = execute.ask(on, "\n".join([*lines, "wait"]), timeout=120)
    worked = {int(line.split()[1]) for line in said.splitlines() if line.startswith("worked ")}
    return [(f, answer, number in worked) for number, (f, answer, _) in enumerate(asked)]


def judge(on: Lab, name: str) -> Reach:
    """Ask, and compare with direct probes; the reasons are those that the scene was made for."""
    before = execute.ask(on, TRACES)
    found = reach(on)
    assert execute.ask(on, TRACES) == before, "nothing stays"
    wrong = [
        f"{f.source} → {f.target} {f.service.label} by {answer.address}: said {answer.state} ({answer.how}), "
        f"a direct probe {'worked' if worked else 'failed'}"
        for f, answer, worked in tried(on, found)
        if (answer.state == "yes") != worked
    ]
    assert not wrong, "\n".join(wrong)
    # A name server in an internal network of 20.10 passes a question on to nobody, and says nothing.
    unknown = [(f, a) for f in found.fields for a in f.answers if a.state == "unknown" and f.service.kind != "name"]
    assert not unknown
    for (source, target, service), words in DECIDED[name].items():
        assert words in " ".join(reach_view.why(found.field(source, target, service)).split()), (
            source,
            target,
            service,
        )
    return found


@pytest.mark.parametrize(
    "name", [name if name == "isolated" else pytest.param(name, marks=pytest.mark.slow) for name in SCENES]
)
def test_each_field_is_what_a_direct_probe_says(running_lab: None, name: str) -> None:
    prepare(lab, name)
    judge(lab, name)


@pytest.mark.slow
@pytest.mark.parametrize("version", [v for v in images.RELEASES if v != lab.version()])
def test_on_the_other_engines(version: str) -> None:
    other = lab.relative(f"reach-{version}")
    try:
        other.up(version, refuse)
        for name in ("isolated", "internal", "by hand"):
            prepare(other, name)
            judge(other, name)
    finally:
        other.remove()


def test_a_name_that_is_not_there(running_lab: None) -> None:
    with pytest.raises(CourseError, match="There is no 'nobody': there are client, host"):
        reach(lab, ["nobody"])


def test_the_words_fit_the_facts(running_lab: None) -> None:
    """A limited question asks only what it was limited to."""
    prepare(lab, "loopback")
    found = reach(lab, ["web", "own"])
    assert isinstance(found.network, Snapshot)
    assert {(f.source, f.target) for f in found.fields} == {(a, b) for a in ("web", "own") for b in ("web", "own")}
