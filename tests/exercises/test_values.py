"""Test that every learner's values can be solved: the values of 2,000 names, and one lab run per kind of values."""

from __future__ import annotations

import html
import re
import sys
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import pytest

from course_lib.exercises import answers, catalog
from course_lib.exercises.checks import Result, Seen, Value, Values
from course_lib.exercises.rendered_text import Browser
from course_lib.lab import images
from course_lib.network.model import Chain, Rule, Snapshot
from tests.bench.grading import hand_in
from tests.exercises.test_07_rescue import WAYS, bodies
from tests.exercises.test_answers import RIGHT, filled, place
from tests.grading.test_grader import rows, run_grader

NAMES = catalog.every()
LEARNERS = ("nobody", "somebody", "kim", "alice", "maria", "park", *(f"student{n}" for n in range(1994)))
# The kind of each value.
SORTS: dict[str, dict[str, str]] = {
    "01_read_the_map": {"port": "port guarded", "text": "map containers"},  # names and networks: those of `plan_of`
    "02_publish_three_ways": {"name": "shop blog desk", "port": "shop_port desk_port", "text": "shop_page"},
    "03_own_bridge": {"name": "net server alias caller", "subnet": "subnet", "address": "gateway address"},
    "04_two_tiers": {"name": "front back lodger stranger", "port": "port back_port", "text": "record"},
    "05_blog": {"name": "net db blog", "port": "port", "text": "database user password title"},
    "06_genid": {"port": "port", "text": "figure motto folder interval"},
    "07_rescue": {
        "name": "front ledger net",
        "subnet": "subnet",
        "port": "port",
        "text": "ticket complaint shop number item",
    },
    "08_capstone": {
        "name": "edge lane vault gate shop store clerk alias volume",
        "subnet": "edge_subnet lane_subnet vault_subnet",
        "address": "edge_gateway address",
        "port": "port store_port",
        "text": "text",
    },
    "09_diagnose": {
        "name": "front ledger net",
        "subnet": "subnet",
        "address": "address",
        "port": "port",
        "text": "slip complaint broken shop number item",
    },
    "10_by_hand": {
        "name": "bridge server reader lodger",
        "subnet": "subnet",
        "address": "gateway address",
        "port": "port",
        "text": "text",
    },
}
# Networks that Docker makes or that mean something behind --network, its drivers, interfaces and machines of the lab
# (`host` and `client` are also places where probes run), and what the exercises themselves call a container or a page.
TAKEN_WORDS = (
    "bridge host none default nat container ingress docker_gwbridge null overlay macvlan ipvlan "
    "client localhost gateway docker0 eth0 lo genid page"
)
TAKEN = frozenset((*TAKEN_WORDS.split(), *images.INNER))
# docker0, what Docker gives to networks without a subnet while an exercise is solved, the client's, the machine's.
USED = tuple(map(IPv4Network, ("172.17.0.0/16", "172.18.0.0/15", "172.20.0.0/16", "203.0.113.0/24", "192.0.2.0/24")))
EPHEMERAL = range(32768, 61000)  # net.ipv4.ip_local_port_range of the lab; Docker's own choices are in it
DOCKER_GIVES = 10  # so many addresses of a subnet may be given away by Docker, from the first
NAME = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")  # one label of DNS (RFC 1123), and a name for Docker
TEXT = re.compile(r"[\w .,:/<>&'-]+")  # no character with a meaning inside a script's quotes
CREATED = re.compile(r"(?:--name|--alias|--net(?:work)?-alias|network create(?: -\S+(?: [\d.][^\s]*)?)*) ([a-z][\w-]*)")

EXERCISES = {name: catalog.named(name) for name in NAMES}
VALUES = {name: {learner: what.values(learner) for learner in LEARNERS} for name, what in EXERCISES.items()}
MAP: Any = sys.modules["course_exercise_01_read_the_map"]
GENID: Any = sys.modules["course_exercise_06_genid"]
RESCUE: Any = sys.modules["course_exercise_07_rescue"]


def of_sort(name: str, values: Values, sort: str) -> list[Value]:
    """Return the values of a kind; raises KeyError if an exercise lacks a value named in SORTS."""
    return [values[key] for key in SORTS[name].get(sort, "").split()]


def names_of(name: str, values: Values) -> list[str]:
    """Return the names of containers, networks, aliases and volumes."""
    if name == "01_read_the_map":
        plan = MAP.plan_of(values)
        return [*plan.parts.values(), *plan.nets.values(), *plan.cables.values()]
    return [str(value) for value in of_sort(name, values, "name")]


def subnets_of(name: str, values: Values) -> list[IPv4Network]:
    """Return the subnets of an exercise's networks; raises ValueError if one has bits of a host."""
    if name == "01_read_the_map":
        return list(map(IPv4Network, MAP.plan_of(values).subnets.values()))
    return [IPv4Network(str(value)) for value in of_sort(name, values, "subnet")]


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    """Return each exercise."""
    return str(request.param)


@pytest.fixture
def all_values(name: str) -> list[dict[str, Value]]:
    """Return the values of all sample learners in an exercise."""
    return list(VALUES[name].values())


def test_the_sample_is_two_hundred_names() -> None:
    assert len(set(LEARNERS)) == 2000
    assert [catalog.checked(learner) for learner in LEARNERS] == list(LEARNERS)


def test_a_name_is_free_legal_and_given_once(name: str, all_values: list[dict[str, Value]]) -> None:
    for values in all_values:
        names = names_of(name, values)
        assert [n for n in names if n in TAKEN or not NAME.fullmatch(n)] == [], values
        assert len(set(names)) == len(names), values


def test_what_an_answer_makes_has_a_name_of_its_own(name: str, all_values: list[dict[str, Value]]) -> None:
    what = EXERCISES[name]
    ways = [answers.files_of(way) for way in RIGHT if place(way).startswith(name)]
    for values in all_values:
        for way in ways:
            script = filled(way, values)[answers.ANSWER].decode()
            made = CREATED.findall(what.start(values)) + CREATED.findall(script)
            if name in {"07_rescue", "09_diagnose"}:
                made = [m for m in made if m != "books"]  # one alias, given again
            assert len(set(made)) == len(made), made


def test_a_port_is_free_and_given_once(name: str, all_values: list[dict[str, Value]]) -> None:
    for values in all_values:
        ports = [int(port) for port in of_sort(name, values, "port")]
        assert all(1024 <= port < EPHEMERAL.start for port in ports), values
        assert len(set(ports)) == len(ports), values


def test_a_subnet_overlaps_no_other(name: str, all_values: list[dict[str, Value]]) -> None:
    for values in all_values:
        subnets = subnets_of(name, values)
        for n, subnet in enumerate(subnets):
            assert subnet.is_private, values
            assert [other for other in (*USED, *subnets[:n]) if subnet.overlaps(other)] == [], values


def test_an_address_is_in_one_subnet_and_docker_gives_it_to_nobody(
    name: str, all_values: list[dict[str, Value]]
) -> None:
    for values in all_values:
        addresses = [IPv4Address(str(value)) for value in of_sort(name, values, "address")]
        assert len(set(addresses)) == len(addresses), values
        for address in addresses:
            [subnet] = [s for s in subnets_of(name, values) if address in s]
            assert address in list(subnet.hosts())[DOCKER_GIVES:], values


def test_a_text_stands_in_a_script_as_it_is(name: str, all_values: list[dict[str, Value]]) -> None:
    for values in all_values:
        for text in of_sort(name, values, "text"):
            assert TEXT.fullmatch(str(text)), values
            assert "'" not in str(text) or text == values["complaint"], "no answer has the complaint in it"


def test_every_value_is_of_a_sort(name: str) -> None:
    assert sorted(" ".join(SORTS[name].values()).split()) == sorted(VALUES[name]["nobody"])


# --- particular exercises ----------------------------------------------------------------------------------


def came_in(values: Values) -> dict[str, tuple[str, str, range]]:
    """Return the packets that come in by eth0 and are forwarded, by exercise 01's requests: to whom, what, which port.

    A request of the client has its port rewritten already; the client's answers go to a port that the kernel chose.
    A name that nobody on the asker's networks has is asked for at the client, and its answer is such a packet, too.
    """
    plan, packets = MAP.plan_of(values), {}
    places = {part: {net for p, net in plan.cables if p == part} for part in plan.parts}
    part_of = {container: part for part, container in plan.parts.items()}
    doors = {str(values["port"]): "door", str(values["guarded"]): "guard"}
    for name, request in MAP.requests(values).items():
        who = request.target.partition(" ")[0]
        if request.origin == "client":
            packets[name] = (doors[request.target.split()[1]], "tcp", range(80, 81))
        elif who == "client":
            packets[name] = (part_of[request.origin], "tcp", EPHEMERAL)
        elif request.target.endswith("by name") and not (
            (places[part_of[request.origin]] & places[part_of[who]]) - {"bridge"}
        ):
            packets[name] = (part_of[request.origin], "udp", EPHEMERAL)
    return packets


def test_in_exercise_01_a_rule_of_the_map_meets_the_request_that_it_ends_and_no_other() -> None:
    for learner, values in VALUES["01_read_the_map"].items():
        packets, met = came_in(values), []
        for rule in MAP.plan_of(values).rules:
            said = dict(re.findall(r"(-d|-p|--dport) (\S+)", rule.format_map(values)))
            for name, (part, protocol, ports) in packets.items():
                to = said.get("-d", f'"${part}"').strip('"$')
                port = int(said["--dport"]) if "--dport" in said else ports[0]
                if to == part and said["-p"] == protocol and port in ports:
                    met.append(name)
        assert met == ["guard"], (learner, MAP.requests(values))


def test_in_exercise_01_no_name_is_no_name_whatever_rule_counted_the_look_up() -> None:
    spec = "-d 192.168.51.3/32 -i eth0 -p udp -j DROP"
    rule = Rule(1, spec, "DROP", 4, 200)
    network = Snapshot("26.1", chains=(Chain("ip", "filter", "DOCKER-USER", None, 0, 0, (rule,)),))
    said = f"wget: bad address 'harp'\n> [4:200] -A DOCKER-USER {spec}\n"
    start = Seen({}, network, {"other name": Result("host", "", 0, said)})
    assert MAP.came_of(Seen({}, network, {}, start), "other name") == "no name"


def test_in_exercise_05_neither_the_database_nor_its_user_is_the_servers_own() -> None:
    for values in VALUES["05_blog"].values():
        own = {"mysql", "information_schema", "performance_schema", "sys", "test", "root", "mariadb", "public"}
        assert own.isdisjoint({values["database"], values["user"]})


def test_in_exercise_06_the_motto_shows_in_a_browser_only_if_it_is_escaped() -> None:
    for values in VALUES["06_genid"].values():
        motto = str(values["motto"])
        assert motto in Browser(html.escape(motto, quote=False)).lines
        assert motto not in Browser(motto).lines
        assert motto not in Browser(motto.replace("<", "&lt;").replace(">", "&gt;")).lines, "& must be escaped, too"
        assert values["figure"] in GENID.FIGURES.keys() - {"boy"}


def test_in_exercise_07_every_way_knows_the_fault() -> None:
    known = [bodies((way / answers.ANSWER).read_text(encoding="utf-8")) for way in WAYS]
    for values in VALUES["07_rescue"].values():
        assert all(RESCUE.fault_of(values) in faults for faults in known)
        assert str(values["subnet"]).endswith(".0/24"), "the fault `gateway` makes an address of it"


def test_in_exercise_08_the_network_without_a_way_out_comes_last() -> None:
    for values in VALUES["08_capstone"].values():
        assert str(values["vault"]) > max(str(values["edge"]), str(values["lane"])), values


# --- in a lab: one learner for each kind -------------------------------------------------------------------------


def kinds(name: str, values: Values) -> frozenset[str]:
    """Return what an exercise's values make different in its lab, besides names, numbers and texts."""
    if name == "01_read_the_map":
        plan, ways = MAP.plan_of(values), MAP.requests(values)
        part_of = {container: part for part, container in plan.parts.items()}
        found = {f"{way} from {part_of[ways[way].origin]}" for way in ("wall", "old name", "out")}
        return frozenset(found | {f"both leaves by {min(plan.nets, key=plan.nets.__getitem__)}"})
    if name == "06_genid":
        mark, word = (re.findall(pattern, str(values["motto"]))[0] for pattern in (r"&\w+", r"<\w+>"))
        return frozenset({str(values["figure"]), mark, word, f"every {values['interval']} s"})
    if name == "07_rescue":
        return frozenset({RESCUE.fault_of(values)})
    if name == "09_diagnose":
        return frozenset({str(values["complaint"])})  # the soak has every fault: test_09_diagnose.py
    if name == "08_capstone":
        return frozenset({str(values["edge"])})  # the order of the names decides which network has the default route
    return frozenset({"the only one"})


def cover(name: str) -> list[str]:
    """Return few learners whose values cover all kinds, chosen greedily."""
    of = {learner: kinds(name, values) for learner, values in VALUES[name].items()}
    missing, found = frozenset().union(*of.values()), []
    while missing:
        found.append(max(of, key=lambda learner: len(of[learner] & missing)))
        missing -= of[found[-1]]
    return found


@pytest.mark.live
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_each_kind_of_values_is_solved_in_a_lab(name: str, tmp_path: Path) -> None:
    learners = cover(name)
    for learner in learners:
        hand_in(tmp_path / "class", learner, "solution", exercise=name)
    assert run_grader(tmp_path / "class", tmp_path / "out", jobs=2) == []
    got = {learner: row["points"] for learner, row in rows(tmp_path / "out").items()}
    assert got == dict.fromkeys(learners, str(EXERCISES[name].points))
