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
    assert said(example())["PREROUTING"] == [
        "RETURN in br-9f3c1a07be42",  # for its containers, the port is not translated
        "DNAT tcp dpt:80 → 172.17.0.2:80",
    ]
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


def test_what_raw_sees_is_said_where_it_has_rules() -> None:
    """Its DROP names the address to which DNAT leads, above the DNAT: it would stop the very request."""
    note = "raw comes before DNAT: it sees the address to which the packet was sent"
    assert note in hooks(published_28())[0].notes
    assert note not in hooks(example())[0].notes


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
    assert [d.heading for d in hooks(dual_stack())[0].decisions] == ["DOCKER", "DOCKER", "DOCKER (IPv6)"]
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


def ruled(table: str, hook: str, specs: dict[str, list[str]]) -> list[str]:
    """Return what is shown of a hook whose chains, the built-in one first, have these rules."""
    found = replace(first_day(), chains=tuple(chain(table, name, rules, None) for name, rules in specs.items()))
    return [d.full for h in hooks(found) if h.name == hook for d in h.decisions]


def test_a_rule_is_shown_with_the_conditions_of_the_jumps_that_lead_to_it() -> None:
    one = ruled(
        "filter",
        "FORWARD",
        {
            "FORWARD": ["-j STAGE-1", "-o docker0 -j DOCKER", "-p tcp -m multiport --dports 80,443 -j f2b"],
            "STAGE-1": ["-i docker0 ! -o docker0 -j STAGE-2", "-j RETURN"],
            "STAGE-2": ["-o docker0 -j DROP"],
            "DOCKER": ["-d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT"],
            "f2b": ["-s 198.51.100.7/32 -j REJECT --reject-with icmp-port-unreachable", "-j RETURN"],
        },
    )
    assert one == [
        "DROP out docker0 if in docker0, not out docker0",
        "ACCEPT tcp dpt:80 → 172.17.0.2",
        "REJECT 198.51.100.7 if tcp, dports 80,443",
    ]


def test_of_several_ways_to_a_chain_those_count_that_its_rule_allows() -> None:
    nets = ["a", "b", "c", "d"]
    stages = {
        "FORWARD": ["-j STAGE-1"],
        "STAGE-1": [f"-i {net} ! -o {net} -j STAGE-2" for net in nets],
        "STAGE-2": ["-o b -j DROP", "-j DROP"],
    }
    assert ruled("filter", "FORWARD", stages) == [
        "DROP out b if in a or in c or 1 more",
        "DROP if in a, not out a or in b, not out b or 2 more",
    ]


def test_a_dnat_rule_needs_an_address_of_the_host() -> None:
    dnat = "! -i docker0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.2:80"
    jump = {"PREROUTING": ["-m addrtype --dst-type LOCAL -j DOCKER"], "DOCKER": ["-i docker0 -j RETURN", dnat]}
    assert ruled("nat", "PREROUTING", jump) == ["DNAT tcp dpt:80 → 172.17.0.2:80 if dst-type LOCAL"]


def test_a_rule_behind_one_that_ends_its_chain_is_not_shown() -> None:
    assert ruled("filter", "FORWARD", {"FORWARD": ["-j USER"], "USER": ["-j RETURN", "-s 10.0.0.1/32 -j DROP"]}) == []
    closed = {"FORWARD": ["-j USER", "-j DROP"], "USER": ["-i eth0 -j DROP", "-j ACCEPT", "-j DROP"]}
    assert ruled("filter", "FORWARD", closed) == ["DROP in eth0", "ACCEPT"]
    gone = {"FORWARD": ["-g USER", "-j DROP"], "USER": ["-i eth0 -j DROP"]}
    assert ruled("filter", "FORWARD", gone) == ["DROP in eth0"]
    socket = {"FORWARD": ["-m socket -j ACCEPT", "-j DROP"]}  # a condition without an option
    assert ruled("filter", "FORWARD", socket) == ["ACCEPT", "DROP"]


def test_what_exempts_packets_from_a_rule_is_shown_with_it() -> None:
    user = {"FORWARD": ["-j USER"], "USER": ["-s 203.0.113.0/24 -j RETURN", "-i eth0 -j DROP", "-i docker0 -j RETURN"]}
    assert ruled("filter", "FORWARD", user) == ["RETURN 203.0.113.0/24", "DROP in eth0"]
    nested = {"FORWARD": ["-j USER"], "USER": ["-s 10.0.0.0/8 -j RETURN", "-j DENY"], "DENY": ["-j DROP"]}
    assert ruled("filter", "FORWARD", nested) == ["RETURN 10.0.0.0/8", "DROP"]
    post = {
        "POSTROUTING": ["-s 172.17.0.0/16 -d 203.0.113.0/24 -j ACCEPT", "-s 172.17.0.0/16 ! -o docker0 -j MASQUERADE"]
    }
    assert ruled("nat", "POSTROUTING", post) == [
        "ACCEPT 172.17.0.0/16 → 203.0.113.0/24",
        "MASQUERADE 172.17.0.0/16 out !docker0",
    ]


def test_a_negated_interface_is_left_out_only_if_it_is_the_bridge_of_the_rule() -> None:
    spoken = {
        "! -i eth0 -d 172.17.0.2/32 -j ACCEPT": "ACCEPT in !eth0 → 172.17.0.2",
        "-d 172.17.0.2/32 ! -i eth0 -o docker0 -j ACCEPT": "ACCEPT in !eth0 out docker0 → 172.17.0.2",
        "! -i eth0 -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.2:80": (
            "DNAT tcp in !eth0 dpt:80 → 172.17.0.2:80"
        ),
    }
    assert {spec: rule_words(rule(1, spec)) for spec in spoken} == spoken


def test_what_other_tables_drop_is_shown() -> None:
    mangle = {"PREROUTING": ["-s 10.0.0.1/32 -j ACCEPT", "-p tcp -m tcp --dport 8080 -j DROP"]}
    assert ruled("mangle", "PREROUTING", mangle) == ["ACCEPT 10.0.0.1", "DROP tcp dpt:8080"]
    for table, hook in (("mangle", "FORWARD"), ("security", "FORWARD"), ("mangle", "POSTROUTING")):
        assert ruled(table, hook, {hook: ["-p tcp -m tcp --dport 80 -j DROP"]}) == ["DROP tcp dpt:80"]
    nothing_said = replace(first_day(), chains=(chain("mangle", "POSTROUTING", ["-j DROP"], None),))
    assert hooks(nothing_said)[2].notes == ("no MASQUERADE rule: source addresses stay unchanged",)


def test_the_words_of_a_comment_are_no_rule() -> None:
    said_of = {
        '-m comment --comment "was -j DROP until 2024" -j ACCEPT': "ACCEPT",
        '-s 198.51.100.7/32 -m comment --comment "-d 10.0.0.1" -j DROP': "DROP 198.51.100.7",
        "-p tcp -m string --string aaa --algo bm -m string --string bbb --algo bm -j DROP": (
            "DROP tcp string aaa algo bm string bbb algo bm"
        ),
    }
    assert {spec: rule_words(rule(1, spec)) for spec in said_of} == said_of
