"""Record the evidence of requests for the pure tests: `python -m tests.record_evidence [FLOW ...]`.

Resets the lab that COURSE_LAB names, creates the containers of SCENE, and sends the request of each flow. Writes what
`capture.gather` and `capture.ask_after` return to tests/evidence/VERSION/FLOW.json, and the facts to
VERSION/facts/scene.json. A flow of OTHER_NETWORK, or one that is recorded alone, has its own facts:
VERSION/facts/FLOW.json. Ids, MACs, ports and times differ from run to run.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from course_lib.lab import facts
from course_lib.lab.lifecycle import from_environment
from course_lib.network import parse_facts
from course_lib.notebook import current
from course_lib.packet_path import capture
from course_lib.packet_path.counters import WORDS
from course_lib.packet_path.evidence import Evidence, Namespace
from course_lib.packet_path.reconstruct import path_of
from course_lib.packet_path.request import Request, request

lab = from_environment()

FOLDER = Path(__file__).parent / "evidence"
SCENE = """
docker network create --subnet 10.61.1.0/24 front
docker network create --subnet 10.61.2.0/24 back
docker network create --internal --subnet 10.61.3.0/24 inner
docker network create --subnet 10.61.4.0/24 --ipv6 --subnet fd00:61::/64 dual
docker run -d --name web -p 80:80 nginx
docker run -d -it --name c1 busybox
docker run -d --name a1 --network front -p 8081:80 nginx
docker run -d -it --name a2 --network front busybox
docker run -d -it --name b1 --network back busybox
docker run -d -it --name i1 --network inner busybox
docker run -d --name d1 --network dual -p 8086:80 nginx
docker run -d -it --name d2 --network dual busybox
docker run -d --name u1 --network front -p 9001:9001/udp nginx perl -MIO::Socket::INET -e '
    $s = IO::Socket::INET->new(LocalPort => 9001, Proto => "udp"); $s->send($m) while defined $s->recv($m, 99)'
docker run -d -it --name a3 --network front -p 8099:99 busybox
docker run -d --name u2 --network front -p 9002:9002/udp busybox sleep 9999
for address in $(docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}' web a1 d1); do
    until curl -sf -o /dev/null "http://$address/"; do sleep 0.1; done
done
"""
BY_IPV6 = "ip addr {0} 2001:db8:0:1::10/64 dev eth0 nodad; ip -n client addr {0} 2001:db8:0:1::20/64 dev eth0 nodad"
# nginx of the scene listens by IPv4 alone.
LISTENS_BY_IPV6 = """
case {0} in
add)
    docker run -d --name d3 --network dual -p 8087:80 busybox sh -c 'echo hello >index.html; httpd -f -p [::]:80'
    until docker exec d3 wget -qO- http://[::1]/; do sleep 0.1; done ;;
*) docker rm -f d3 ;;
esac"""
# The answer would leave by another interface than the one by which the packet came (ip-sysctl, rp_filter).
REVERSE_PATH = """
ip route {0} 203.0.113.20/32 dev docker0
case {0} in add) on=1 ;; *) on=0 ;; esac
sysctl -qw net.ipv4.conf.all.rp_filter=$on net.ipv4.conf.eth0.rp_filter=$on
"""
# What is done before a flow, and undone after it.
AROUND = {
    "bridged_without_iptables": ("sysctl -qw net.bridge.bridge-nf-call-iptables={}", "0", "1"),
    "rejected": ("iptables -{} DOCKER-USER -p tcp --dport 80 -j REJECT", "I", "D"),
    "dropped_by_user": ("iptables -{} DOCKER-USER -s 203.0.113.20 -j DROP", "I", "D"),
    "answer_dropped": ("iptables -{} DOCKER-USER -p tcp --sport 80 -j DROP", "I", "D"),
    "blackhole": ("ip route {} blackhole 10.61.1.2", "add", "del"),
    "reverse_path": (REVERSE_PATH, "add", "del"),
    "client_routes": ("ip -n client route {} 10.61.0.0/16 via 203.0.113.10", "add", "del"),
    "client_routes_published": ("ip -n client route {} 10.61.0.0/16 via 203.0.113.10", "add", "del"),
    "ipv6_published": (BY_IPV6, "add", "del"),
    "ipv6_answered": (BY_IPV6 + LISTENS_BY_IPV6, "add", "del"),
}
# What is done before these changes the network: they have facts of their own.
OTHER_NETWORK = ("ipv6_published", "ipv6_answered")
# Flows whose frames are kept with their bytes, for the tests of pcapng.
WITH_BYTES = ("published", "localhost", "ipv6_answered", "nobody", "udp_relay_refused")
FLOWS = {
    "published": ("client", "http://host:80/"),
    "published_own_network": ("client", "http://host:8081/"),
    "own_address": ("host", "http://203.0.113.10:80/"),
    "localhost": ("host", "http://localhost:80/"),
    "host_to_container": ("host", "http://172.17.0.2/"),
    "outside": ("a2", "http://203.0.113.20/"),
    "one_bridge": ("a2", "http://10.61.1.2/"),
    "bridged_without_iptables": ("a2", "http://10.61.1.2/"),
    "two_bridges": ("a2", "tcp://10.61.2.2:80"),
    "lookup": ("a2", "dns://a1"),
    "lookup_outside": ("a2", "dns://client.example"),
    "lookup_default_bridge": ("c1", "dns://web"),
    "own_port": ("a1", "http://203.0.113.10:8081/"),
    "port_of_other_bridge": ("b1", "http://203.0.113.10:8081/"),
    "closed_on_host": ("client", "tcp://host:4444"),
    "closed_in_container": ("a2", "tcp://10.61.1.2:4444"),
    "internal_outside": ("i1", "tcp://203.0.113.20:80"),
    "internal_published": ("i1", "tcp://10.61.3.1:8081"),
    "internal_own_gateway": ("i1", "ping://10.61.3.1"),
    "nobody": ("a2", "tcp://10.61.1.77:80"),
    "udp": ("client", "udp://host:9001"),
    "udp_closed_in_container": ("client", "udp://host:9002"),
    "udp_closed_on_host": ("c1", "udp://203.0.113.10:9"),
    "relay_refused": ("host", "tcp://127.0.0.1:8099"),
    "udp_relay_refused": ("host", "udp://127.0.0.1:9002"),
    "udp_localhost": ("host", "udp://127.0.0.1:9001"),
    "ping_outside": ("a2", "ping://203.0.113.20"),
    "ping_two_bridges": ("a2", "ping://10.61.2.2"),
    "ping_from_client": ("client", "ping://host"),
    "rejected": ("client", "tcp://host:80"),
    "dropped_by_user": ("client", "tcp://host:80"),
    "answer_dropped": ("client", "tcp://host:80"),
    "blackhole": ("client", "tcp://host:8081"),
    "reverse_path": ("client", "tcp://host:80"),
    "client_routes": ("client", "tcp://10.61.2.2:80"),
    "client_routes_published": ("client", "tcp://10.61.1.2:80"),
    "ipv6_one_bridge": ("d2", "http://[fd00:61::2]/"),
    "ipv6_localhost": ("host", "http://[::1]:8086/"),
    "ipv6_host_to_container": ("host", "http://[fd00:61::2]/"),
    "ipv6_published": ("client", "http://[2001:db8:0:1::10]:8086/"),
    "ipv6_answered": ("client", "http://[2001:db8:0:1::10]:8087/"),
    "ipv6_ping": ("d2", "ping://[fd00:61::2]"),
    "ipv6_outside": ("d2", "tcp://[2001:db8::20]:80"),
}


def record(flow: str, beside: str = "scene") -> Path:
    """Send the request of a flow, write its evidence, and the facts under the name `beside`; return the file."""
    command, there, back = AROUND.get(flow, ("true {}", "", ""))
    current.host(command.format(there))
    try:
        raw = facts.read(lab)
        network = parse_facts.snapshot(raw)
        sent, found = capture.gather(lab, request(*FLOWS[flow]), raw, network)
        answers = capture.ask_after(lab, path_of(sent, found, network), raw)
    finally:
        current.host(command.format(back))
    line = ".".join(raw["version"].split(".")[:2])
    path = FOLDER / line / f"{flow}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    data = {"request": asdict(sent), "evidence": asdict(_small(found, flow)), "answers": _learned(answers)}
    path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n")
    (path.parent / "facts").mkdir(exist_ok=True)
    (path.parent / "facts" / f"{flow}.json").unlink(missing_ok=True)
    (path.parent / "facts" / f"{beside}.json").write_text(
        json.dumps(raw, sort_keys=True, indent=1, ensure_ascii=False) + "\n"
    )
    return path


def _small(found: Evidence, flow: str) -> Evidence:
    """Return the evidence without a page's text, the counters that no code reads, and most bytes of frames."""
    there = {
        name: replace(place, counters_before=_read(place.counters_before), counters=_read(place.counters))
        for name, place in found.namespaces.items()
    }
    capture = found.capture if flow in WITH_BYTES else re.sub(r"^\s+0x.*\n", "", found.capture, flags=re.M)
    return replace(found, said=found.said.partition("<!DOCTYPE")[0], capture=capture, namespaces=there)


def _read(text: str) -> str:
    """Return the counters that have a meaning in `counters.WORDS`, in lines of snmp6: "Name value"."""
    lines = [line.split() for line in text.splitlines()]
    found = [pair for pair in lines if len(pair) == 2 and pair[0] in WORDS]
    kept: list[str] = []
    for names, values in pairwise(lines):
        if names[0] == values[0] and not names[1].isdigit():
            columns = [i for i, name in enumerate(names) if names[0][:-1] + name in WORDS]
            kept += [" ".join([line[0], *(line[i] for i in columns)]) for line in (names, values) if columns]
    return "".join(f"{line}\n" for line in [*kept, *map(" ".join, found)])


def _learned(answers: str) -> str:
    """Return the answers with those forwarding entries only that a bridge has learned."""
    before, there, entries = answers.partition("== fdb 1\n")
    kept = [e for e in json.loads(entries or "[]") if not e["flags"] and e["state"] != "permanent"]
    return f"{before}{there}{json.dumps(kept)}\n" if there else answers


def recorded_answers(engine: str, flow: str) -> str:
    """Return what the kernel answered after a recorded flow, for `lookups.with_answers`."""
    return str(json.loads((FOLDER / engine / f"{flow}.json").read_text())["answers"])


def recorded(engine: str, flow: str) -> tuple[Request, Evidence, dict[str, Any]]:
    """Return a recorded flow: the request, its evidence, and the facts of the scene."""
    folder = FOLDER / engine
    data = json.loads((folder / f"{flow}.json").read_text())
    own = folder / "facts" / f"{flow}.json"
    text = (own if own.exists() else folder / "facts" / "scene.json").read_text()
    namespaces = {name: Namespace(**texts) for name, texts in data["evidence"].pop("namespaces").items()}
    evidence = Evidence(**data["evidence"], namespaces=namespaces)
    return Request(**data["request"]), evidence, json.loads(text)


if __name__ == "__main__":
    lab.reset()
    current.host(SCENE)
    for name in sys.argv[1:] or FLOWS:
        own = sys.argv[1:] or name in OTHER_NETWORK
        print(f"Recorded: {record(name, name if own else 'scene')}")
