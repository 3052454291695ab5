"""Test `./course shell`: with a terminal of its own (pty), with pipes, with one command."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time

import pytest

from tests.conftest import ROOT

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("running_lab")]

SHELL = [sys.executable, "-m", "course_lib", "shell"]


def shell(*command: str, typed: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*SHELL, *command], input=typed, capture_output=True, cwd=ROOT, timeout=30, check=False)


class Terminal:
    """A terminal with `./course shell` in it."""

    def __init__(self) -> None:
        self.ours, self.theirs = pty.openpty()
        self.before = termios.tcgetattr(self.theirs)
        self.process = subprocess.Popen(
            SHELL, stdin=self.theirs, stdout=self.theirs, stderr=self.theirs, cwd=ROOT, start_new_session=True
        )
        self.heard = ""

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self.ours, text.encode())

    def hear(self, pattern: str) -> None:
        """Read until a pattern comes, and forget what was before it."""
        deadline = time.monotonic() + 20
        while not (found := re.search(pattern, self.heard)):
            assert time.monotonic() < deadline, self.heard
            if select.select([self.ours], [], [], 0.5)[0]:
                self.heard += os.read(self.ours, 65536).decode()
        self.heard = self.heard[found.end() :]

    def close(self) -> None:
        """Make sure that nothing stays."""
        self.process.kill()
        self.process.wait()
        os.close(self.ours)
        os.close(self.theirs)


def test_an_interactive_shell() -> None:
    terminal = Terminal()
    try:
        terminal.hear(r"root@host:~# ")
        assert termios.tcgetattr(terminal.theirs)[3] & termios.ECHO == 0, "the lab's side echoes, not ours"
        terminal.type("hostname\n")
        terminal.hear(r"[\r\n]host\r\n")
        terminal.type("sleep 4711\n")
        terminal.hear("4711")
        time.sleep(0.3)
        terminal.type("\x03")  # Ctrl-C is a key like any other: it ends the command there, not us
        terminal.hear(r"\^C[\s\S]*# ")
        terminal.type("printf '\\xed\\x95\\x9c\\n'; exit 3\n")
        terminal.hear("한")
        assert terminal.process.wait(timeout=20) == 3
        assert termios.tcgetattr(terminal.theirs) == terminal.before
    finally:
        terminal.close()


def test_a_terminal_knows_its_size() -> None:
    terminal = Terminal()
    try:
        terminal.hear("# ")
        termios.tcsetwinsize(terminal.theirs, (33, 77))
        terminal.process.send_signal(signal.SIGWINCH)
        terminal.type("stty size; exit\n")
        terminal.hear("33 77")
        assert terminal.process.wait(timeout=20) == 0
    finally:
        terminal.close()


def test_one_command_with_its_code_and_both_its_outputs() -> None:
    done = shell("echo said; echo complained >&2; exit 3")
    assert (done.stdout, done.stderr, done.returncode) == (b"said\n", b"complained\n", 3)


def test_words_of_a_command_become_one_line() -> None:
    assert shell("ip", "-br", "addr", "show", "docker0").stdout.split()[0] == b"docker0"


def test_a_command_reads_what_is_piped_in() -> None:
    data = bytes(range(256)) * 4000
    done = shell("cat", typed=data)
    assert (done.stdout == data, done.returncode) == (True, 0)


def test_a_script_is_piped_in() -> None:
    done = shell(typed=b"hostname\nexit 4\n")
    assert (done.stdout, done.returncode) == (b"host\n", 4)


@pytest.mark.slow
def test_a_quick_command_loses_nothing() -> None:
    assert {shell("echo quick").stdout for _ in range(5)} == {b"quick\n"}


def test_no_lab_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_LAB", "test-nowhere")
    done = shell("true")
    assert (done.stdout, done.returncode) == (b"", 1)
    assert done.stderr == b"There is no lab: run `./course up`.\n"
