# ruff: noqa: E501 - rules as they are

from dataclasses import replace

from course_lib.network.hooks import hooks, walk
from course_lib.network.iptables_save import parse_rule
from course_lib.network.model import Snapshot
from course_lib.network.wording import rule_words
from tests.pictures import chain, dual_stack, example, first_day, mistaken, nothing, published_28, rule


def said(snapshot: Snapshot) -> dict[str, list[str]]:
    return {hook.name: [d.words for d in hook.decisions] for hook in hooks(snapshot)}


def test_rules_in_the_words_of_iptables() -> None:
    spoken = {
        "! -i docker0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.2:80": "DNAT tcp dpt:80 → 172.17.0.2:80",
        "-d 127.0.0.1/32 ! -i docker0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.2:80": (
            "DNAT tcp dpt:80 to 127.0.0.1 → 172.17.0.2:80"
        ),
        "-d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT": "ACCEPT tcp dpt:80 → 172.17.0.2",
        "-d 172.17.0.2/32 ! -i docker0 -j DROP": "DROP in !docker0 → 172.17.0.2",
        "-o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT": (
            "ACCEPT out docker0 ctstate RELATED,ESTABLISHED"
        ),
        "-s 172.17.0.0/16 ! -o docker0 -j MASQUERADE": "MASQUERADE 172.17.0.0/16 out !docker0",
        "! -s 203.0.113.20/32 -i eth0 -j DROP": "DROP !203.0.113.20 in eth0",
        '-m comment --comment "it\'s mine" -m statistic --mode random -j DROP': "DROP mode random",
    }
    assert {spec: rule_words(rule(1, spec)) for spec in spoken} == spoken


def test_a_spec_with_an_open_quote_is_still_read() -> None:
    assert parse_rule('-m comment --comment "open -j DROP').target == "DROP"


def test_the_rules_of_26_1_by_hook_in_the_order_of_the_kernel() -> None:
    assert said(example())["PREROUTING"] == ["DNAT tcp dpt:80 → 172.17.0.2:80"]
    assert said(example())["FORWARD"][:4] == [
        "DROP out docker0",
        "DROP out br-9f3c1a07be42",
        "ACCEPT out docker0 ctstate RELATED,ESTABLISHED",
        "ACCEPT tcp dpt:80 → 172.17.0.2",
    ]
    assert hooks(example())[0].title == "PREROUTING · nat → DOCKER"


def test_the_rules_of_28_5_are_found_although_its_chains_differ() -> None:
    found = hooks(published_28())
    assert [(d.table, d.chain, d.words) for d in found[0].decisions] == [
        ("raw", "PREROUTING", "DROP in !docker0 → 172.17.0.2"),
        ("nat", "DOCKER", "DNAT tcp dpt:80 → 172.17.0.2:80"),
    ]
    assert [d.chain for d in found[1].decisions] == [
        "DOCKER-CT",
        "DOCKER-ISOLATION-STAGE-2",
        "DOCKER",
        "DOCKER",
        "DOCKER-FORWARD",
    ]


def test_a_rule_that_no_packet_gets_to_is_only_a_note() -> None:
    prerouting, forward, postrouting = hooks(mistaken())
    assert prerouting.decisions == ()
    assert prerouting.notes[0] == "1 DNAT rule in DOCKER not reached from here"
    assert postrouting.notes == ("no MASQUERADE rule: source addresses stay unchanged",)
    assert forward.decisions[0].words == "REJECT tcp dpt:80 203.0.113.20 → 172.17.0.2"


def test_the_notes_of_an_unused_lab() -> None:
    notes = hooks(first_day())[0].notes
    assert notes == (
        "no DNAT rule: nothing is published",
        "OUTPUT → DOCKER too (from the host itself, not to 127.0.0.0/8)",
    )
    forgotten = replace(published_28(), chains=())
    assert hooks(forgotten)[0].notes == ("no DNAT rule, although a port is published",)


def test_missing_tables_are_no_error() -> None:
    assert [hook.decisions for hook in hooks(nothing())] == [(), (), ()]
    assert hooks(nothing())[1].notes == ("no FORWARD chain found",)


def test_ipv6_rules_stand_apart() -> None:
    assert [d.heading for d in hooks(dual_stack())[0].decisions] == ["DOCKER", "DOCKER (IPv6)"]
    assert [p.family for p in hooks(dual_stack())[1].policies] == ["ip", "ip6"]


def test_chains_that_jump_in_a_circle_end() -> None:
    circle = replace(
        first_day(),
        chains=(
            chain("filter", "FORWARD", ["-j A"], "DROP"),
            chain("filter", "A", ["-j FORWARD", "-j DROP"]),
        ),
    )
    assert [r.target for _, r in walk(circle, "ip", "filter", "FORWARD")] == ["A", "FORWARD", "DROP"]
