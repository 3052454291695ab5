"""The table and the sentences: complete, within their width, and the same in every run."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from course_lib.network import parse_facts
from course_lib.packet_path.evidence import Namespace
from course_lib.packet_path.model import PacketPath
from course_lib.packet_path.overlay import ground, numbers
from course_lib.packet_path.reconstruct import path_of
from course_lib.packet_path.wording import WIDTH, Names, at, sentences, table
from tests.packet_path.test_reconstruct import ALL, ENGINES, recorded_path
from tests.record_evidence import recorded

RANDOM = r"\bveth[0-9a-f]{7}\b|\bbr-[0-9a-f]{12}\b|\b[0-9a-f]{12,}\b|:6[1-4]\d{3}\b|handle|\d\d:\d\d:\d\d"


def said(found: PacketPath) -> str:
    """Return the table of a path, as a journey prints it."""
    return table(found, numbers(ground(found), found))


@pytest.mark.parametrize(("engine", "flow"), ALL)
def test_nothing_random_is_in_what_is_said(engine: str, flow: str) -> None:
    for text in (said(recorded_path(engine, flow)), sentences(recorded_path(engine, flow))):
        assert re.search(RANDOM, text) is None


@pytest.mark.parametrize(("engine", "flow"), ALL)
def test_lines_fit_and_every_step_has_its_own(engine: str, flow: str) -> None:
    found = recorded_path(engine, flow)
    lines = said(found).splitlines()
    assert max(map(len, lines)) <= WIDTH
    rows = [row for line in lines if (row := re.match(r"([ \d]{4})  (\S.*)", line))]
    assert len(rows) == len(found.steps)
    drawn = numbers(ground(found), found)
    names = Names(found)
    for place, (row, step) in enumerate(zip(rows, found.steps, strict=True), 1):
        assert row[1].strip() == str(drawn.get(place, ""))
        assert row[2].startswith(at(step, names))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "flow", ["published", "outside", "lookup_outside", "own_port", "udp_localhost", "ping_outside"]
)
def test_another_run_with_other_ports_and_ids_says_the_same(engine: str, flow: str) -> None:
    request, evidence, facts = recorded(engine, flow)
    network = parse_facts.snapshot(facts)
    other_port = "64999" if request.source_port != 64999 else "64998"
    swaps = {str(request.source_port): other_port}
    for interface in network.interfaces:
        if re.fullmatch(r"veth[0-9a-f]{7}|br-[0-9a-f]{12}", interface.name):
            kind, number = re.match(r"(veth|br-)(.*)", interface.name).groups()  # type: ignore[union-attr]
            swaps[interface.name] = kind + number[::-1]
    for entry in recorded_path(engine, flow).entries:
        for port in (entry.original.source_port, entry.answer.source_port):
            if port > 32767:
                swaps.setdefault(str(port), str(port + 1))

    def swap(text: str) -> str:
        pattern = "|".join(map(re.escape, sorted(swaps, key=len, reverse=True)))
        return re.sub(rf"\b(?:{pattern})\b", lambda match: swaps[match[0]], text)

    networks = tuple(replace(n, bridge=swap(n.bridge) if n.bridge else None) for n in network.networks)
    interfaces = tuple(replace(i, name=swap(i.name), master=swap(i.master or "") or None) for i in network.interfaces)
    containers = tuple(
        replace(c, endpoints=tuple(replace(e, veth=swap(e.veth or "") or None) for e in c.endpoints))
        for c in network.containers
    )
    other = replace(network, networks=networks, interfaces=interfaces, containers=containers)
    sent = replace(request, source_port=int(other_port))
    namespaces = {
        name: Namespace(**{field: swap(text) for field, text in vars(there).items()})
        for name, there in evidence.namespaces.items()
    }
    own = {field: swap(text) for field, text in vars(evidence).items() if isinstance(text, str)}
    again = path_of(sent, replace(evidence, **own, namespaces=namespaces), other)
    assert again.steps != recorded_path(engine, flow).steps, "else nothing was swapped"
    assert said(again) == said(recorded_path(engine, flow))
    assert sentences(again) == sentences(recorded_path(engine, flow))


def test_a_table() -> None:
    """One table as a whole, as a person reads it."""
    assert said(recorded_path("26.1", "two_bridges")) == (
        """\
a2 → tcp://10.61.2.2:80
End: the packet was dropped by rule 2 of filter DOCKER-ISOLATION-STAGE-2 in host

The packet (SYN)
  a2
   1  output                                  trace            sends 10.61.1.3:PORT → 10.61.2.2:80
      nat OUTPUT                              trace            no rule decided: policy ACCEPT
      nat POSTROUTING                         trace            no rule decided: policy ACCEPT
  host
   2  bridge br-<front>                       trace+capture    comes in by the veth pair of a2
      nat PREROUTING                          trace            no rule decided: policy ACCEPT
      bridge br-<front>                       trace
            hands it up to the host's own interface on the bridge
      routing                                 trace            out by br-<back>
      filter FORWARD rule 1                   trace            -j DOCKER-USER
      filter DOCKER-USER rule 1               trace            -j RETURN
      filter FORWARD rule 2                   trace            -j DOCKER-ISOLATION-STAGE-1
      filter DOCKER-ISOLATION-STAGE-1 rule 5  trace
            -i br-<front> ! -o br-<front> -j DOCKER-ISOLATION-STAGE-2
   3  filter DOCKER-ISOLATION-STAGE-2 rule 2  trace            -o br-<back> -j DROP

conntrack in a2: tcp 10.61.1.3:PORT → 10.61.2.2:80, its answer: 10.61.2.2:80 → 10.61.1.3:PORT
"""
    )


def test_the_sentences() -> None:
    assert sentences(recorded_path("26.1", "published")) == (
        """\
client sends an HTTP request to http://host:80/.
In host, nat DOCKER rule 5 rewrites it: 203.0.113.20:PORT → 172.17.0.2:80.
In host, routing chooses docker0.
In host, filter DOCKER rule 1 says ACCEPT.
The bridge passes it on to the veth pair of web.
It is delivered to web: 203.0.113.20:PORT → 172.17.0.2:80.
The answer begins in web.
In host, routing chooses eth0.
In host, filter FORWARD rule 18 says ACCEPT.
In host, conntrack turns the addresses back: 203.0.113.10:80 → 203.0.113.20:PORT.
It is delivered to client: 203.0.113.10:80 → 203.0.113.20:PORT.
The end: answered: HTTP/1.1 200 OK.
Note: client had looked up the name host before: 203.0.113.10.
"""
    )


def test_only_what_a_rule_does_gets_the_name_of_the_resolver() -> None:
    names = Names(recorded_path("26.1", "published"))
    text = '-p udp -m udp --sport 45678 -m comment --comment "a\n--sport 9 -j SNAT \x1b[2J" -j SNAT --to-source :53'
    assert names.rule(text) == (
        '-p udp -m udp --sport RESOLVER -m comment --comment "a --sport 9 -j SNAT \N{REPLACEMENT CHARACTER}[2J" '
        "-j SNAT --to-source :53"
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_a_reject_is_not_called_a_drop(engine: str) -> None:
    told = sentences(recorded_path(engine, "rejected"))
    assert "In host, filter DOCKER-USER rule 1 says REJECT." in told
    assert "DROP" not in told


def test_an_answer_whose_sender_is_not_watched_begins_nowhere() -> None:
    found = recorded_path("26.1", "rejected")
    assert "The answer is first seen in host." in sentences(
        replace(found, steps=tuple(s for s in found.steps if not (s.back and s.kind == "sends")))
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_a_rule_of_ipv6_is_named_as_one(engine: str) -> None:
    steps = [s for s in recorded_path(engine, "ipv6_answered").steps if s.kind == "rule" and s.family == "ip6"]
    names = Names(recorded_path(engine, "ipv6_answered"))
    assert all("(IPv6)" in at(step, names) for step in steps)


def test_a_dnat_whose_effect_was_not_seen_is_not_called_an_accept() -> None:
    """The kernel stops a packet after PREROUTING if its ip_forward is 0."""
    found = recorded_path("26.1", "published")
    at_dnat = next(n for n, s in enumerate(found.steps) if s.target == "DNAT")
    steps = (*found.steps[:at_dnat], replace(found.steps[at_dnat], before=None))
    assert "In host, nat DOCKER rule 5 says DNAT." in sentences(replace(found, steps=steps))
