"""The one parser of iptables rules: real rules of all three engines, and rules that were written to mislead it."""

# ruff: noqa: E501 - rules as they are

from __future__ import annotations

import json
from pathlib import Path

import pytest

from course_lib.network.iptables_save import Option, parse_chains, parse_rule
from course_lib.network.model import Rule
from course_lib.network.wording import rule_words

FACTS = Path(__file__).parents[1] / "facts"
EVIDENCE = Path(__file__).parents[1] / "evidence"


def said(options: tuple[Option, ...]) -> str:
    """Return options in a short form that shows where each value ends: "!-s[10.0.0.0/8]"."""
    return " ".join(f"{'!' * o.negated}{o.name}{''.join(f'[{v}]' for v in o.values)}" for o in options)


# The rule, and what is read: its matches, its target ("goto" before it for -g), and the target's options.
REAL = [
    # 20.10, 26.1 and 28.5, from tests/facts and tests/evidence
    ("-j DOCKER-USER", "", "DOCKER-USER", ""),
    ("-j RETURN", "", "RETURN", ""),
    ("-i docker0 -j RETURN", "-i[docker0]", "RETURN", ""),
    ("-i docker0 ! -o docker0 -j ACCEPT", "-i[docker0] !-o[docker0]", "ACCEPT", ""),
    ("-i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2", "-i[docker0] !-o[docker0]", "DOCKER-ISOLATION-STAGE-2", ""),
    ("-o docker0 -j DOCKER", "-o[docker0]", "DOCKER", ""),
    (
        "-o br-0123456789ab -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        "-o[br-0123456789ab] -m[conntrack] --ctstate[RELATED,ESTABLISHED]",
        "ACCEPT",
        "",
    ),
    ("-m addrtype --dst-type LOCAL -j DOCKER", "-m[addrtype] --dst-type[LOCAL]", "DOCKER", ""),
    (
        "! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER",
        "!-d[127.0.0.0/8] -m[addrtype] --dst-type[LOCAL]",
        "DOCKER",
        "",
    ),
    (
        "! -d ::1/128 -m addrtype --dst-type LOCAL -j DOCKER",
        "!-d[::1/128] -m[addrtype] --dst-type[LOCAL]",
        "DOCKER",
        "",
    ),
    ("! -d 10.61.3.0/24 -i br-0123456789ab -j DROP", "!-d[10.61.3.0/24] -i[br-0123456789ab]", "DROP", ""),
    ("! -s 10.9.0.0/24 -o br-0123456789ab -j DROP", "!-s[10.9.0.0/24] -o[br-0123456789ab]", "DROP", ""),
    (
        "! -i docker0 -p tcp -m tcp --dport 7000 -j DNAT --to-destination 172.17.0.3:80",
        "!-i[docker0] -p[tcp] -m[tcp] --dport[7000]",
        "DNAT",
        "--to-destination[172.17.0.3:80]",
    ),
    (
        "! -i docker0 -p udp -m udp --dport 5353 -j DNAT --to-destination 172.17.0.2:53",
        "!-i[docker0] -p[udp] -m[udp] --dport[5353]",
        "DNAT",
        "--to-destination[172.17.0.2:53]",
    ),
    (
        "! -s fe80::/10 ! -i br-0123456789ab -p tcp -m tcp --dport 80 -j DNAT --to-destination [fd00:cafe::2]:80",
        "!-s[fe80::/10] !-i[br-0123456789ab] -p[tcp] -m[tcp] --dport[80]",
        "DNAT",
        "--to-destination[[fd00:cafe::2]:80]",
    ),
    ("-d 172.17.0.2/32 ! -i docker0 -j DROP", "-d[172.17.0.2/32] !-i[docker0]", "DROP", ""),
    (
        "-d 127.0.0.1/32 ! -i lo -p tcp -m tcp --dport 9000 -j DROP",
        "-d[127.0.0.1/32] !-i[lo] -p[tcp] -m[tcp] --dport[9000]",
        "DROP",
        "",
    ),
    (
        "-d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT",
        "-d[172.17.0.2/32] !-i[docker0] -o[docker0] -p[tcp] -m[tcp] --dport[80]",
        "ACCEPT",
        "",
    ),
    ("-s 172.17.0.0/16 ! -o docker0 -j MASQUERADE", "-s[172.17.0.0/16] !-o[docker0]", "MASQUERADE", ""),
    (
        "-s 172.17.0.2/32 -d 172.17.0.2/32 -p udp -m udp --dport 53 -j MASQUERADE",
        "-s[172.17.0.2/32] -d[172.17.0.2/32] -p[udp] -m[udp] --dport[53]",
        "MASQUERADE",
        "",
    ),
    (
        "-d 127.0.0.11/32 -p tcp -m tcp --dport 53 -j DNAT --to-destination 127.0.0.11:40001",
        "-d[127.0.0.11/32] -p[tcp] -m[tcp] --dport[53]",
        "DNAT",
        "--to-destination[127.0.0.11:40001]",
    ),
    (
        "-s 127.0.0.11/32 -p udp -m udp --sport 45678 -j SNAT --to-source :53",
        "-s[127.0.0.11/32] -p[udp] -m[udp] --sport[45678]",
        "SNAT",
        "--to-source[:53]",
    ),
    # printed by iptables-save 1.8.9 of rules made in a network namespace of their own
    ("", "", "", ""),
    ("-f -j DROP", "-f", "DROP", ""),
    ("-i e+ -j DROP", "-i[e+]", "DROP", ""),
    ("-p tcp -g GO", "-p[tcp]", "goto GO", ""),
    (
        "-p tcp -m multiport ! --dports 80,443 -j REJECT --reject-with icmp-port-unreachable",
        "-p[tcp] -m[multiport] !--dports[80,443]",
        "REJECT",
        "--reject-with[icmp-port-unreachable]",
    ),
    ("-m conntrack ! --ctstate NEW,RELATED -j ACCEPT", "-m[conntrack] !--ctstate[NEW,RELATED]", "ACCEPT", ""),
    (
        "! -s 10.0.0.0/8 ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DROP",
        "!-s[10.0.0.0/8] !-d[127.0.0.0/8] -m[addrtype] --dst-type[LOCAL]",
        "DROP",
        "",
    ),
    (
        "-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j DROP",
        "-p[tcp] -m[tcp] !--tcp-flags[FIN,SYN,RST,ACK][SYN]",
        "DROP",
        "",
    ),
    ("-m mac --mac-source 02:42:ab:11:00:02 -j DROP", "-m[mac] --mac-source[02:42:ab:11:00:02]", "DROP", ""),
    (
        "-m owner --uid-owner 0 -m statistic --mode random --probability 0.50000000000 -j DROP",
        "-m[owner] --uid-owner[0] -m[statistic] --mode[random] --probability[0.50000000000]",
        "DROP",
        "",
    ),
    (
        "-p tcp -m hashlimit --hashlimit-upto 5/sec --hashlimit-burst 5 --hashlimit-mode srcip --hashlimit-name foo -j DROP",
        "-p[tcp] -m[hashlimit] --hashlimit-upto[5/sec] --hashlimit-burst[5] --hashlimit-mode[srcip] --hashlimit-name[foo]",
        "DROP",
        "",
    ),
    ("-m set --match-set bad src,dst -j DROP", "-m[set] --match-set[bad][src,dst]", "DROP", ""),
    (
        "-m set ! --match-set bad src -j SET --add-set seen src --exist",
        "-m[set] !--match-set[bad][src]",
        "SET",
        "--add-set[seen][src] --exist",
    ),
    (
        "-m mark --mark 0x1 -m connmark --mark 0x2 -j DROP",
        "-m[mark] --mark[0x1] -m[connmark] --mark[0x2]",
        "DROP",
        "",
    ),
    (
        "-p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu",
        "-p[tcp] -m[tcp] --tcp-flags[SYN,RST][SYN]",
        "TCPMSS",
        "--clamp-mss-to-pmtu",
    ),
    (
        "-p tcp -m tcp ! --dport 22 -j DNAT --to-destination 10.0.0.2:80 --random",
        "-p[tcp] -m[tcp] !--dport[22]",
        "DNAT",
        "--to-destination[10.0.0.2:80] --random",
    ),
    (
        "-p tcp -m tcp --dport 81 -j REDIRECT --to-ports 8081",
        "-p[tcp] -m[tcp] --dport[81]",
        "REDIRECT",
        "--to-ports[8081]",
    ),
    ("-j NETMAP --to 10.9.0.0/24", "", "NETMAP", "--to[10.9.0.0/24]"),
    ("-j MARK --set-xmark 0x1/0xff", "", "MARK", "--set-xmark[0x1/0xff]"),
]
HOSTILE = [
    (
        '-m comment --comment "was -j DROP until May" -j ACCEPT',
        "-m[comment] --comment[was -j DROP until May]",
        "ACCEPT",
        "",
    ),
    ('-m comment --comment "see -g X" -j ACCEPT', "-m[comment] --comment[see -g X]", "ACCEPT", ""),
    ('-m comment --comment "REJECT it" -j DROP', "-m[comment] --comment[REJECT it]", "DROP", ""),
    (
        '-p tcp -m comment --comment "- web" -m tcp --dport 80 -j ACCEPT',
        "-p[tcp] -m[comment] --comment[- web] -m[tcp] --dport[80]",
        "ACCEPT",
        "",
    ),
    ("-m comment --comment -j -j DROP", "-m[comment] --comment[-j]", "DROP", ""),
    ('-m comment --comment "!" -j DROP', "-m[comment] --comment[!]", "DROP", ""),
    ('-m comment --comment "" -j DROP', "-m[comment] --comment[]", "DROP", ""),
    (
        '-m comment --comment "!" -m comment --comment "second -g WEB" -j WEB',
        "-m[comment] --comment[!] -m[comment] --comment[second -g WEB]",
        "WEB",
        "",
    ),
    (
        r'-m comment --comment "it\'s \"q\" -j A \\ back\\" -j DROP',
        '-m[comment] --comment[it\'s "q" -j A \\ back\\]',
        "DROP",
        "",
    ),
    (
        '-m comment --comment "a\n[0:0] -A INPUT -j DROP\nCOMMIT\n*nat\nb" -j ACCEPT',
        "-m[comment] --comment[a\n[0:0] -A INPUT -j DROP\nCOMMIT\n*nat\nb]",
        "ACCEPT",
        "",
    ),
    ('-m string --string "x -j LOG y" --algo bm -j ACCEPT', "-m[string] --string[x -j LOG y] --algo[bm]", "ACCEPT", ""),
    (
        '-m string --hex-string "|00220a|" --algo kmp -j ACCEPT',
        "-m[string] --hex-string[|00220a|] --algo[kmp]",
        "ACCEPT",
        "",
    ),
    ('-j LOG --log-prefix "- -g X "', "", "LOG", "--log-prefix[- -g X ]"),
    ("-j LOG --log-prefix -j", "", "LOG", "--log-prefix[-j]"),
    (
        r'-m limit --limit 5/min -j LOG --log-prefix "a\\b\"c"',
        "-m[limit] --limit[5/min]",
        "LOG",
        '--log-prefix[a\\b"c]',
    ),
    ('-j NFLOG --nflog-prefix "-j DROP" --nflog-group 3', "", "NFLOG", "--nflog-prefix[-j DROP] --nflog-group[3]"),
    ("-i -j -j DROP", "-i[-j]", "DROP", ""),
    ('-i "x -o y" -j DROP', '-i["x] -o[y"]', "DROP", ""),
    (
        "-m recent --set --name a -j b --mask 255.255.255.255 --rsource",
        "-m[recent] --set --name[a -j b] --mask[255.255.255.255] --rsource",
        "",
        "",
    ),
    (
        "-m recent --update --name x\n[0:0] -A INPUT -j DROP --mask 255.255.255.255 --rsource -j ACCEPT",
        "-m[recent] --update --name[x\n[0:0] -A INPUT -j DROP] --mask[255.255.255.255] --rsource",
        "ACCEPT",
        "",
    ),
    ('-m u32 --u32 "0x6&0xff=0x1" -j DROP', "-m[u32] --u32[0x6&0xff=0x1]", "DROP", ""),
    (
        '-m bpf --bytecode "4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0" -j DROP',
        "-m[bpf] --bytecode[4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0]",
        "DROP",
        "",
    ),
]


@pytest.mark.parametrize(("spec", "matches", "target", "options"), REAL + HOSTILE)
def test_a_rule_is_read(spec: str, matches: str, target: str, options: str) -> None:
    rule = parse_rule(spec)
    assert said(rule.matches) == matches
    assert ("goto " if rule.is_goto else "") + rule.target == target
    assert said(rule.target_options) == options


@pytest.mark.parametrize(("spec", "matches", "target", "options"), REAL + HOSTILE)
def test_the_same_rule_is_one_of_a_whole_text(spec: str, matches: str, target: str, options: str) -> None:
    text = f"*filter\n:INPUT ACCEPT [7:8]\n[1:60] -A INPUT {spec}\n[2:120] -A INPUT -j LAST\nCOMMIT\n"
    (chain,) = parse_chains(text, "ip")
    assert [(r.number, r.spec, r.packets, r.bytes) for r in chain.rules] == [(1, spec, 1, 60), (2, "-j LAST", 2, 120)]
    assert chain.rules[0].target == target.removeprefix("goto ")


def test_the_extension_of_an_option_tells_apart_two_of_one_name() -> None:
    one, other = (o for o in parse_rule("-m mark --mark 0x1 -m connmark ! --mark 0x2").matches if o.name == "--mark")
    assert (one.extension, one.negated, other.extension, other.negated) == ("mark", False, "connmark", True)


def test_comments_and_places_of_values() -> None:
    spec = '-m comment --comment "one" -p udp -m udp --sport 45678 -m comment --comment two -j SNAT'
    rule = parse_rule(spec)
    assert [option.value for option in rule.matches if option.name == "--comment"] == ["one", "two"]
    option = rule.option("--sport")
    assert option is not None
    assert spec[slice(*option.span)] == "45678"


def test_a_whole_text_with_tables_policies_and_counters() -> None:
    text = (
        "# Generated by iptables-save\n*nat\n:PREROUTING ACCEPT [3:180]\n:DOCKER - [0:0]\n"
        "[1:60] -A PREROUTING -j DOCKER\n[0:0] -A PREROUTING -j GONE\nCOMMIT\n"
        "*filter\n:FORWARD DROP [5:300]\n-A FORWARD -j DROP\n[4:4] -A UNDECLARED\nCOMMIT"
    )
    made = parse_chains(text, "ip6")
    assert [(c.family, c.table, c.name, c.policy, c.packets, c.bytes) for c in made] == [
        ("ip6", "nat", "PREROUTING", "ACCEPT", 3, 180),
        ("ip6", "nat", "DOCKER", None, 0, 0),
        ("ip6", "filter", "FORWARD", "DROP", 5, 300),
        ("ip6", "filter", "UNDECLARED", None, 0, 0),
    ]
    assert [[r.target for r in c.rules] for c in made] == [["DOCKER", "GONE"], [], ["DROP"], [""]]
    assert parse_chains("", "ip") == []


@pytest.mark.parametrize("engine", ["20.10", "26.1", "28.5"])
def test_nothing_of_the_recorded_rules_is_lost(engine: str) -> None:
    """Put together again from what was read, each rule is what iptables printed."""
    seen = 0
    files = [*(FACTS / engine).glob("*.json"), *(EVIDENCE / engine / "facts").glob("*.json")]
    for file in files:
        for family, text in json.loads(file.read_text())["rules"].items():
            lines = [line for line in text.splitlines() if line.startswith("[")]
            made = [(c, r) for c in parse_chains(text, family) for r in c.rules]
            assert len(lines) == len(made)
            assert set(lines) == {f"[{r.packets}:{r.bytes}] -A {c.name} {r.spec}" for c, r in made}
            for _, rule in made:
                spec = parse_rule(rule.spec)
                again = [f"{'! ' * o.negated}{' '.join((o.name, *o.values))}" for o in spec.matches]
                again += [f"-{'g' if spec.is_goto else 'j'} {spec.target}"] if spec.target else []
                again += [" ".join((o.name, *o.values)) for o in spec.target_options]
                assert " ".join(again) == rule.spec
                seen += 1
    assert seen > 300


def test_words_say_each_repeated_option_and_no_comment_as_an_option() -> None:
    def of(spec: str) -> str:
        return rule_words(Rule(1, spec, parse_rule(spec).target, 0, 0))

    assert of('-s 10.9.9.9/32 -m comment --comment "was -j DROP until May" -j ACCEPT') == "ACCEPT 10.9.9.9"
    assert of('-p tcp -m comment --comment "- web" -m tcp --dport 80 -j ACCEPT') == "ACCEPT tcp dpt:80"
    assert of("-m mark --mark 0x1 -m connmark --mark 0x2 -j DROP") == "DROP mark 0x1 mark 0x2"
    assert of('-m string --string "x -j LOG y" --algo bm -j ACCEPT') == 'ACCEPT string "x -j LOG y" algo bm'
    assert of('-m string --string "a\n\x1b[2Jb" -j DROP') == 'DROP string "a \N{REPLACEMENT CHARACTER}[2Jb"'
