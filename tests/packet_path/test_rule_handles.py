"""From the handle in a trace to the rule in iptables-save, by position and never by text."""

from __future__ import annotations

from course_lib.packet_path.rule_handles import Rules

LISTING = """\
table ip filter { # handle 2
\tchain FORWARD { # handle 6
\t\ttype filter hook forward priority filter; policy drop;
\t\tcounter jump DOCKER-USER # handle 18
\t\txt match "string" counter drop # handle 3
\t}

\tchain DOCKER-USER { # handle 7
\t\tcounter return # handle 8
\t\tip saddr 10.0.0.1 drop # handle 9
\t}
}
table inet course1 { # progname nft, flags owner
\tchain pre { # handle 1
\t\tcounter # handle 18
\t}
}
"""
SAVED = """\
*filter
:FORWARD DROP [0:0]
:DOCKER-USER - [0:0]
[4:240] -A FORWARD -j DOCKER-USER
[1:60] -A FORWARD -m string --string secret --algo bm -j DROP
[4:240] -A DOCKER-USER -j RETURN
COMMIT
"""


def test_a_handle_leads_to_the_rule_at_the_same_position() -> None:
    rules = Rules(LISTING, {"ip": SAVED})
    rule = rules.rule(("ip", "filter", "FORWARD"), 3)
    assert rule is not None
    assert (rule.number, rule.spec) == (2, "-m string --string secret --algo bm -j DROP")
    first = rules.rule(("ip", "filter", "FORWARD"), 18)
    assert first is not None
    assert first.number == 1
    assert rules.rule(("ip", "filter", "FORWARD"), 99) is None
    assert rules.rule(("ip", "nat", "FORWARD"), 3) is None


def test_where_somebody_wrote_rules_with_nft_positions_mean_nothing() -> None:
    """The chain has a rule more than iptables shows: then the words of nft are shown, without a number."""
    rule = Rules(LISTING, {"ip": SAVED}).rule(("ip", "filter", "DOCKER-USER"), 9)
    assert rule is not None
    assert (rule.number, rule.spec) == (0, "ip saddr 10.0.0.1 drop")


def test_the_words_of_a_rule_of_nft_are_not_told_by_what_is_quoted_in_it_nor_by_a_name() -> None:
    lines = [
        'counter comment "x\n\t\tdrop # handle 8\n\t\tmasquerade" accept # handle 9',
        "jump masquerade # handle 10",
        "ip saddr @redirect counter drop # handle 11",
        "counter dnat to 10.0.0.2:80 # handle 12",
    ]
    listing = "table ip nat {\n\tchain X {\n" + "".join(f"\t\t{line}\n" for line in lines) + "\t}\n}\n"
    rules = Rules(listing, {})
    found = [rules.rule(("ip", "nat", "X"), handle) for handle in (8, 9, 10, 11, 12)]
    assert [rule and rule.target for rule in found] == [None, "", "", "", "DNAT"]
