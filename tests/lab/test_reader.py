"""The Perl program that reads namespaces, without a lab: recorded messages, what the kernel may answer, and parsing."""

from __future__ import annotations

import json
import re
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest

from course_lib.errors import CourseError
from course_lib.lab import facts

# Messages of the kernel (hexadecimal) and what `ip -j -d addr` printed at the same moment on the same lab.
RECORDED: dict[str, Any] = json.loads((Path(__file__).parents[1] / "netlink.json").read_text())

PERL = r"""
use Socket;
sub kernel {    # a socket from which these datagrams of the kernel can be read
    socketpair(my $reader, my $kernel, AF_UNIX, SOCK_SEQPACKET, PF_UNSPEC) or die $!;
    send $kernel, $_, 0 for @_;
    return $reader;
}
sub answer {    # how many bytes the reader makes of an answer, or why none
    local $SIG{ALRM} = sub { print "it hangs\n"; exit };
    alarm 3;
    my @messages = eval { answers(kernel(@_)) };
    alarm 0;
    print $@ || length(join "", @messages) . "\n";
}
sub listed { print interfaces(map { [answers(kernel(pack "H*", $_))] } @_), "\n" }
my $link = pack("LSSLL", 32, 16, 2, 1, 0) . ("\0" x 16);
my $torn = pack("LSSLL", 32, 16, 0x12, 1, 0) . ("\0" x 16);
my ($done, $error) = (pack("LSSLLl", 20, 3, 2, 1, 0, 0), pack("LSSLLl", 20, 2, 0, 1, 0, -1));
"""
DONE = struct.pack("<IHHIIi", 20, 3, 2, 1, 0, 0).hex()


def reader(code: str) -> list[str]:
    """Run the functions of reader.pl, with other code behind them."""
    program = facts.READER + PERL + code
    return subprocess.run(
        ["perl", "-e", program], check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True
    ).stdout.split("\n")[:-1]  # a name may hold what splitlines() takes for a line break


def listed(links: str, addresses: str = "") -> list[dict[str, Any]]:
    """Return the interfaces that reader.pl makes of two answers."""
    (line,) = reader(f"listed('{links}{DONE}', '{addresses}{DONE}');")
    return list(json.loads(line))


def link(*attributes: tuple[int, bytes], index: int = 7) -> str:
    """Return an RTM_NEWLINK message with these attributes."""
    body = struct.pack("<BBHiII", 0, 0, 1, index, 0, 0)
    for number, value in attributes:
        body += struct.pack("<HH", 4 + len(value), number) + value + b"\0" * (-len(value) % 4)
    return (struct.pack("<IHHII", 16 + len(body), 16, 0, 0, 0) + body).hex()


@pytest.mark.parametrize("place", RECORDED)
def test_it_prints_what_ip_prints(place: str) -> None:
    recorded = RECORDED[place]
    found = listed(recorded["links"], recorded["addresses"])
    assert [{key: value for key, value in item.items() if value != ""} for item in found] == recorded["ip"]


def test_it_was_recorded_with_all_that_matters() -> None:
    everything = [item for recorded in RECORDED.values() for item in recorded["ip"]]
    assert {item.get("linkinfo", {}).get("info_kind") for item in everything} >= {"bridge", "veth", None}
    assert any("master" in item for item in everything)
    assert any(":" in address["local"] for item in everything for address in item["addr_info"])
    assert {"UP", "UNKNOWN"} <= {item["operstate"] for item in everything}


def test_the_peers_index_is_listed_only_if_it_is_in_another_namespace() -> None:
    """Like `ip -j`: IFLA_LINK is `link_index` only next to IFLA_LINK_NETNSID; else both ends are in one namespace."""
    named, peer, away = (3, b"veth1\0"), (5, struct.pack("<I", 9)), (37, struct.pack("<I", 0))
    assert "link_index" not in listed(link(named, peer))[0]
    assert listed(link(named, peer, away))[0]["link_index"] == 9


def test_an_interface_may_have_any_name_that_linux_takes() -> None:
    names = ['a"b\\', "x\x1b[2J", "\u2028==r", "end"]
    text = "".join(link((3, name.encode() + b"\0"), index=n + 1) for n, name in enumerate(names))
    assert [item["ifname"] for item in listed(text)] == names
    line = json.dumps(listed(text), ensure_ascii=False)
    inside = facts.parse(f"== namespaces 1\nabc {line}\n")["inside"]
    assert [item["ifname"] for item in inside["abc"]] == names


def test_the_end_of_a_list_may_come_in_one_datagram_with_messages() -> None:
    """Linux 6.9.0 to 6.9.5 sends it so (rtnetlink, fixed by 5b4b62a169e1)."""
    assert reader("answer($link . $link . $done); answer($link, $link, $done);") == ["32", "32"]


def test_a_list_that_is_incomplete_is_no_list() -> None:
    printed = reader("answer($error); answer($torn, $link, $done); answer(qq(\\0) x 64, $done);")
    assert printed == ["the kernel reports: Operation not permitted", "it changed while the kernel listed it", "0"]


def test_attributes_that_were_cut_off_do_not_hang() -> None:
    assert reader(r'alarm 3; print %{attributes("\0" x 64, 0)}, %{attributes("\5\0", 0)}, "none\n";') == ["none"]


def test_the_reader_reads_this_process_own_namespace() -> None:
    """The whole program, asked as the lab is asked, twice; without a file it needs no rights."""
    lines = "end\taddr=\tclient=/proc/self/ns/net\tgone=/proc/self/no-such-file\n" * 2
    answer = subprocess.run(["perl", "-e", facts.READER], check=True, input=lines, capture_output=True, text=True)
    first, second, rest = answer.stdout.split("end\n")
    assert rest == ""
    assert first == second
    read = facts.parse(first)
    assert "lo" in [item["ifname"] for item in read["addr"]]
    if read["unread"]:  # setns(2) is for root
        assert re.match("it cannot be entered: ", read["unread"]["interfaces"])
    else:
        assert read["client"] == read["addr"]
    assert read["inside"] == {}


@pytest.mark.parametrize("title", ["route", "containers", "inspect", "namespaces"])
def test_what_is_no_json_is_reported_in_a_sentence(title: str) -> None:
    with pytest.raises(CourseError, match=f"^The {title} could not be read, the lab printed: .*no JSON"):
        facts.parse(f"== {title} 1\nabc no JSON\n")


def test_a_namespace_that_could_not_be_read_is_a_note() -> None:
    read = facts.parse("== namespaces 3\naddr ! the kernel reports: No buffer space available\nabc ! gone\nd []\n")
    assert read["inside"] == {"d": []}
    assert read["unread"] == {"interfaces": "the kernel reports: No buffer space available", "namespaces": "gone"}


def test_rules_that_could_not_be_listed_are_unread_and_not_none() -> None:
    """A comment with the same words does not count: after a rule something always follows."""
    rule = '-A INPUT -m comment --comment "x\ncannot list rules\n" -j DROP'
    saved = f"*filter\n:INPUT ACCEPT [0:0]\n{rule}\nCOMMIT\n"
    texts = {"ip": saved, "ip6": "cannot list rules\n"}
    answer = "".join(f"== rules {family} {text.count(chr(10))}\n{text}" for family, text in texts.items())
    found = facts.parse(answer)
    assert found["rules"] == {"ip": saved, "ip6": ""}
    assert found["unread"] == {"rules": "ip6tables-save failed"}


@pytest.mark.parametrize(
    ("body", "unread"),
    [
        ("# Table `filter' is incompatible, use 'nft' tool.\n*nat\nCOMMIT\n", True),
        ("*nat\nCOMMIT\n# Table `filter' is incompatible, use 'nft' tool.\n", True),
        ('*filter\n-A FORWARD -m comment --comment "\n# Table `filter\' is incompatible" -j DROP\n', False),
    ],
)
def test_a_table_that_iptables_save_leaves_out_is_said_to_be_unread(body: str, unread: bool) -> None:
    found = facts.parse(f"== rules ip {body.count(chr(10))}\n{body}")
    words = "iptables-save leaves out filter, which has rules made with nft"
    assert found["unread"] == ({"rules": words} if unread else {})


def test_a_folder_stands_for_the_namespaces_in_it_that_have_no_field_of_their_own(tmp_path: Path) -> None:
    for name in ("box", "client", "a b%=\t", "안녕"):
        (tmp_path / name).touch()
    pairs = f"['client', '{tmp_path}/client'], ['addr', ''], ['netns', '{tmp_path}/*']"
    lines = reader(f'print "$_->[0] $_->[1]\\0\\n" for named({pairs});')
    keys = [line.partition(" ")[0] for line in lines if " " in line]
    assert keys == ["client", "addr", "netns/a%20b%25%3d%09", "netns/box", "netns/%ec%95%88%eb%85%95"]
    assert reader("print scalar named(['netns', '/no/such/folder/*']), qq(\\n);") == ["0"]
    text = "".join(f"{key} []\n" for key in keys[2:]) + "netns/stale ! it cannot be entered: Invalid argument\n"
    found = facts.parse(f"== namespaces 4\n{text}")
    assert found["netns"] == {"a b%=\t": [], "box": [], "안녕": []}
    assert found["unread"] == {}
