"""What a script in the lab prints, in sections that no text in them can imitate."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from course_lib.errors import CourseError
from course_lib.lab import facts
from course_lib.network.sections import SHELL, sections

HOSTILE = '[0:0] -A INPUT -m comment --comment "x\n== rules ip6 0\n== route 1\nno\n\u2028== containers 1\n" -j DROP'


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_text_that_looks_like_a_section_is_none(shell: str, tmp_path: Path) -> None:
    file = tmp_path / "rules"
    file.write_text(HOSTILE)
    commands = f"section 'rules ip' cat {file}\nsection empty true\nsection 'rules ip6' printf '%s\\n\\n' last"
    script = f"{SHELL}\nset -eu\n{commands}"
    said = subprocess.run([shell, "-c", script], check=True, capture_output=True, text=True).stdout
    assert sections(said) == [("rules ip", f"{HOSTILE}\n"), ("empty", ""), ("rules ip6", "last\n")]
    assert facts.parse(said.replace("== empty 0", "== addr 0"))["rules"] == {"ip": f"{HOSTILE}\n", "ip6": "last\n"}


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_command_that_fails_ends_a_script_that_asks_for_that(shell: str) -> None:
    script = f"{SHELL}\nset -e\nsection a false\nsection b true"
    ended = subprocess.run([shell, "-c", script], check=False, capture_output=True)
    assert ended.returncode == 1
    assert b"== b" not in ended.stdout


@pytest.mark.parametrize("section", ["route", "addr", "containers", "inspect", "inside 0"])
def test_what_is_no_json_is_said_in_a_sentence(section: str) -> None:
    with pytest.raises(CourseError, match="makes no sense: no JSON"):
        facts.parse(f"== {section} 1\nno\x1b JSON\n".replace("\x1b", ""))


def test_a_namespace_that_the_kernel_did_not_tell_is_a_note() -> None:
    read = facts.parse("== namespaces 3\nhost ! the kernel said: No buffer space available\nabc ! gone\nclient =\n")
    assert read["inside"] == {"client": None}
    assert read["unread"] == {"interfaces": "the kernel said: No buffer space available", "namespaces": "gone"}


PERL = r"""
use Socket;
sub answer {    # what the reader gets if the kernel's datagrams are these
    socketpair(my $reader, my $kernel, AF_UNIX, SOCK_SEQPACKET, PF_UNSPEC) or die $!;
    send $kernel, $_, 0 for @_;
    local $SIG{ALRM} = sub { print "it hangs\n"; exit };
    alarm 3;
    my ($all, $why) = answers($reader, 18, "\0" x 16);
    alarm 0;
    print length($all), " ", $why, "\n";
}
my $link = pack("LSSLL", 32, 16, 2, 1, 0) . ("\0" x 16);
my $torn = pack("LSSLL", 32, 16, 0x12, 1, 0) . ("\0" x 16);
my ($done, $error) = (pack("LSSLLl", 20, 3, 2, 1, 0, 0), pack("LSSLLl", 20, 2, 0, 1, 0, -1));
"""


def reader(code: str) -> list[str]:
    """Run the functions of reader.pl with other code behind them."""
    program = facts.READER + PERL + code
    return subprocess.run(
        ["perl", "-e", program], check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True
    ).stdout.splitlines()


def test_the_end_of_a_list_may_come_in_one_datagram_with_data() -> None:
    """Linux 6.9.0 to 6.9.5 sends it so (rtnetlink, fixed by 5b4b62a169e1)."""
    assert reader("answer($link . $link . $done); answer($link, $link, $done);") == ["64 ", "64 "]


def test_what_the_kernel_could_not_list_is_no_empty_list() -> None:
    said = reader("answer($error); answer($torn, $link, $done);")
    assert said == ["0 the kernel said: Operation not permitted", "64 it changed while the kernel listed it"]


def test_the_reader_reads_this_process_own_namespace() -> None:
    """The whole program, asked as the lab is asked: no command, one namespace, then the same again."""
    lines = "".join(f"end\t{key}/proc/self/ns/net\n" for key in ("host=", "host~"))
    said = subprocess.run(["perl", "-e", facts.READER], check=True, input=lines, capture_output=True, text=True).stdout
    first, second, rest = said.split("end\n")
    assert rest == ""
    if "!" in first:  # setns(2) is for root
        assert re.fullmatch(r"== namespaces 1\nhost ! it cannot be entered: .*\n", first)
        return
    assert facts.parse(first)["inside"]["host"]
    assert second == "== namespaces 1\nhost =\n"
