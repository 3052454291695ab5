"""Test `reach` without a lab: what it asks, what it makes of recorded answers of three engines, and how it shows it."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import pytest

from course_lib.errors import CourseError
from course_lib.network import parse_facts
from course_lib.network.model import Snapshot
from course_lib.network.sections import sections
from course_lib.packet_path import reach_view
from course_lib.packet_path.reach import (
    Answer,
    Field,
    Heard,
    Place,
    Question,
    Reach,
    Service,
    heard_of,
    namespaces,
    questions,
)
from course_lib.packet_path.reach_verdict import Findings, Line, Traced, answers, findings, reach_of
from course_lib.picture.shapes import Box, Text
from tests.record_reach import FOLDER, NAMES

ENGINES = ("20.10", "26.1", "28.5")
ISOLATED = {
    "20.10": "isolated networks: dropped in filter DOCKER-ISOLATION-STAGE-2; rule ",
    "26.1": "isolated networks: dropped in filter DOCKER-ISOLATION-STAGE-2; rule ",
    "28.5": "network front lets in only its own bridge: dropped in raw PREROUTING; rule ",
}
OUT_OF_INTERNAL = {"20.10": "internal network inner: dropped in filter DOCKER-ISOLATION-STAGE-1; rule 2"}


def recorded(engine: str) -> tuple[Snapshot, dict[str, Heard], str]:
    file = json.loads((FOLDER / f"{engine}.json").read_text(encoding="utf-8"))
    return parse_facts.snapshot(file["facts"]), heard_of(file["heard"]), file["said"]


@cache
def reached(engine: str) -> Reach:
    network, heard, said = recorded(engine)
    places = namespaces(network, NAMES)
    return reach_of(network, places, heard, questions(network, places, heard), said)


def why(found: Reach, source: str, target: str, service: str | int) -> str:
    return " ".join(reach_view.why(found.field(source, target, service)).split())


@pytest.mark.parametrize("engine", ENGINES)
def test_what_decided_on_each_engine(engine: str) -> None:
    found = reached(engine)
    for asked, words in {
        ("client", "web", 8080): "yes: DNAT; 203.0.113.10:8080 becomes 10.61.1.2:80",
        ("far", "web", "8080→80"): "yes: docker-proxy",
        ("web", "client", "53/udp"): "yes: routed by the host; MASQUERADE: 10.61.1.2 becomes 203.0.113.10",
        ("web", "client", 80): "rejected in filter DOCKER-USER; rule 1: -A DOCKER-USER -s 10.61.1.0/24",
        ("client", "web", "ping"): "the sender has no route; No route to host",
        ("client", "web", "name"): "name not known: the name server 203.0.113.20 says NXDOMAIN",
        ("far", "web", 80): ISOLATED[engine],
        ("far", "inn", 80): "internal network inner: dropped in filter DOCKER-ISOLATION-STAGE-1; rule 1",
        ("inn", "far", 80): OUT_OF_INTERNAL.get(engine, "the sender has no route; Network is unreachable"),
        ("inn", "inn", 80): "yes: loopback",
    }.items():
        assert words in why(found, *asked), asked
    isolated = {f.target for f in found.fields for a in f.answers if "isolated" in a.how}
    assert "inn" not in isolated, "an internal network is not called isolated"


@pytest.mark.parametrize("engine", ENGINES)
def test_every_no_names_what_decided(engine: str) -> None:
    """A dropped packet always has the rule's chain and number."""
    given = [a for f in reached(engine).fields for a in f.answers]
    assert {a.state for a in given} <= {"yes", "no", "unknown"}
    for answer in given:
        assert answer.how
        if "dropped" in answer.how or "rejected" in answer.how:
            assert re.match(r"rule \d+: -A ", answer.detail)


def test_it_asks_what_is_listened_on_or_published_and_no_other_port() -> None:
    network, heard, _ = recorded("26.1")
    asked = questions(network, namespaces(network, ["web", "far"]), heard)
    shown = {(q.source, q.target, q.service.label) for q in asked if q.source != "host"}
    assert ("far", "web", "8080→80") in shown
    assert ("far", "far", "80") in shown
    assert {label for _, _, label in shown} == {"ping", "name", "80", "8080→80"}
    assert {q.service for q in asked if q.source == "host"} == {Service("tcp", 80)}, "only what a docker-proxy needs"


@pytest.mark.parametrize("shape", ["text", "table", "picture", "parts"])
def test_all_ways_to_show_it_have_all_of_it(shape: str) -> None:
    found = reached("26.1")
    reasons = {a.how for f in found.fields for a in f.answers}
    if shape == "text":
        shown = reach_view.text(found)
        assert all(len(line) <= 110 for line in shown.splitlines())
        shown = " ".join(shown.split())
    elif shape == "picture":
        picture = reach_view.picture(found)
        shown = " ".join(s.text for s in picture.shapes if isinstance(s, Text))
        keys = [s.key for s in picture.shapes if isinstance(s, Box) and s.key[0] == "reach"]
        assert sorted(keys) == sorted(found.by_key)
        assert reach_view.names(found).keys() == found.by_key.keys()
    elif shape == "parts":
        shown = " ".join(evidence for _, evidence, _ in reach_view.parts(found).values())
    else:
        page = reach_view.table(found)
        ET.fromstring(page.replace("<br>", "<br/>"))  # noqa: S314 - our own
        assert len(re.findall(r"(?:yes|no|unknown) \(", page)) >= len(found.fields) / 2
        shown = page
    assert all(how in shown for how in reasons)


def test_texts_stay_inside_their_boxes_and_the_picture() -> None:
    picture = reach_view.picture(reached("26.1"))
    for shape in picture.shapes:
        if isinstance(shape, Text) and shape.anchor == "start":
            assert shape.x + shape.width <= picture.width, shape.text
    fields = [s for s in picture.shapes if isinstance(s, Box) and s.key[0] == "reach"]
    for one in fields:
        others = (o for o in fields if o is not one and o.x < one.x + one.width and one.x < o.x + o.width)
        assert not any(o.y < one.y + one.height and one.y < o.y + o.height for o in others)


def test_alike_containers_share_a_row() -> None:
    found = reached("26.1")
    twin = replace(next(c for c in found.network.containers if c.name == "far"), name="far2")
    doubled = [replace(f, source="far2") for f in found.fields if f.source == "far" != f.target]
    doubled += [replace(f, target="far2") for f in found.fields if f.target == "far" != f.source]
    own = [f for f in found.fields if f.source == f.target == "far"]
    doubled += [
        replace(f, source=a, target=b) for f in own for a, b in (("far", "far2"), ("far2", "far"), ("far2", "far2"))
    ]
    more = Reach(
        replace(found.network, containers=(*found.network.containers, twin)),
        (*found.places, Place("far2")),
        (*found.fields, *doubled),
    )
    assert "far2, far → each other" in " ".join(reach_view.text(more).split())


def test_a_row_of_several_names_the_rules_of_all() -> None:
    def field(a: str, b: str, rule: int) -> Field:
        dropped = Answer("192.0.2.1", "no", "isolated networks", f"rule {rule}: -A STAGE -j DROP")
        return Field(a, b, Service("ping"), (dropped,))

    network = reached("26.1").network
    far = next(c for c in network.containers if c.name == "far")
    found = Reach(
        replace(network, containers=(far, replace(far, name="far2"))),
        (Place("far"), Place("far2")),
        (field("far", "far2", 1), field("far2", "far", 2)),
    )
    assert "no: isolated networks (rules 1, 2) far2, far → each other" in " ".join(reach_view.text(found).split())


def test_a_field_that_is_not_there() -> None:
    with pytest.raises(
        CourseError, match=r"99 of web was not asked from far: asked of web were ping, name, 80, 8080→80\."
    ):
        reached("26.1").field("far", "web", 99)
    network, *_ = recorded("26.1")
    with pytest.raises(CourseError, match=r"There is no 'x': there are client, host, far, inn, web\."):
        namespaces(network, ["x"])


SOCKETS = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0B00007F:A3C5 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0100007F:1388 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1 0 100 0 0 10 0
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when
   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000
   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  10: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 3 2 0000000000000000 0
"""


def test_who_listens() -> None:
    heard = Heard(SOCKETS, "127.0.0.1 localhost\n10.0.0.2 DB db.old # x\n", "search a\nnameserver 127.0.0.11\n")
    assert heard.listening == {("tcp", 5000): {"127.0.0.1"}, ("tcp", 80): {"::"}, ("udp", 53): {"0.0.0.0"}}
    assert (heard.named("db"), heard.named("x"), heard.server) == ("10.0.0.2", "", "127.0.0.11")


def judged(service: Service, line: Line, **more: object) -> tuple[str, str]:
    """Return what is made of one answer between web and far of the recorded scene."""
    network, heard, _ = recorded("26.1")
    places = {p.name: p for p in namespaces(network)}
    empty = Findings({0: line}, {}, {}, {}, frozenset(), {}, forwards=True, lost=False)
    asked = Question("web", "far", service, "10.61.2.2", service.published or service.port)
    (given,) = answers((asked,), replace(empty, **more), network, places, {**heard, "host": heard["web"]})  # type: ignore[arg-type]
    return given.state, given.how


TCP, PING, NAME = Service("tcp", 80), Service("ping"), Service("name")
SILENT = Line(61000, "10.61.1.2", "silent")


@pytest.mark.parametrize(
    ("service", "line", "more", "state", "how"),
    [
        (TCP, Line(1, "10.61.1.2", "answer", ("64", "")), {}, "yes", "direct: no router between"),
        (TCP, Line(1, "10.61.1.2", "answer", ("63", "")), {}, "yes", "routed by the host"),
        (TCP, Line(1, "10.61.1.2", "answer", ("61", "")), {}, "yes", "routed 3 times"),
        (TCP, Line(1, "10.61.1.2", "answer", ("0", "")), {}, "yes", "answered; the way was not seen"),
        (Service("tcp", 81), Line(1, "10.61.1.2", "reset", ("64",)), {}, "no", "refused: nobody listens on this port"),
        (TCP, Line(1, "10.61.1.2", "reset", ("64",)), {}, "unknown", "refused, although the port is listened on"),
        (PING, Line(1, "10.61.1.2", "icmp", ("13", "10.61.1.1")), {}, "no", "ICMP error: administratively prohibited"),
        (
            PING,
            Line(1, "10.61.1.2", "error", ("Operation not permitted",)),
            {},
            "no",
            "not sent: Operation not permitted",
        ),
        (PING, SILENT, {}, "unknown", "no answer, and the trace of the host shows no rule that dropped it"),
        (PING, SILENT, {"lost": True}, "unknown", "no answer, and the trace is incomplete"),
        (PING, SILENT, {"unanswered": {"web": frozenset(["10.61.2.2"])}}, "no", "nobody answered ARP"),
        (NAME, Line(1, "10.61.1.2", "answer", ("0", "0 10.61.2.2")), {}, "yes", "name server 10.61.2.2"),
        (
            NAME,
            Line(1, "10.61.1.2", "answer", ("0", "0 192.0.2.9")),
            {},
            "no",
            "the name leads elsewhere",
        ),
        (NAME, SILENT, {}, "unknown", "no answer from the name server 10.61.2.2 within a second"),
        (
            Service("tcp", 80, 8080),
            Line(1, "10.61.1.2", "answer", ("64", "")),
            {},
            "unknown",
            "answered, but neither DNAT nor a docker-proxy was seen",
        ),
    ],
)
def test_the_verdict_on_one_answer(
    service: Service, line: Line, more: Mapping[str, object], state: str, how: str
) -> None:
    assert judged(service, line, **more) == (state, how)


def test_a_packet_that_the_host_does_not_forward() -> None:
    _, _, said = recorded("26.1")
    traced = next(iter(findings(sections(said)).traced.values()))
    seen = [replace(s, outgoing="", verdicts=[]) for s in traced.seen[:1]]
    given = judged(PING, SILENT, traced={0: Traced(seen)}, forwards=False)
    assert given == ("no", "not forwarded: the host's ip_forward is 0")
