"""Test what `./course shell` copies between a terminal and the lab, without either of them."""

from __future__ import annotations

import os
import socket
import threading

import pytest

from course_lib.commands.terminal import END_OF_INPUT, _pass_on


def test_a_terminal_that_has_gone_ends_the_shell_and_is_asked_nothing_more() -> None:
    """At the end of input each read returns at once with nothing: a loop that reads on uses a whole processor."""
    keys, typed = os.pipe()
    shown, screen = os.pipe()
    near, far = socket.socketpair()
    passing = threading.Thread(target=_pass_on, args=(keys, screen, near), daemon=True)
    passing.start()
    far.settimeout(5)
    os.write(typed, b"ls\r")
    assert far.recv(100) == b"ls\r"
    far.sendall(b"files")
    assert os.read(shown, 100) == b"files"
    os.close(typed)
    assert far.recv(100) == END_OF_INPUT
    far.settimeout(0.3)
    with pytest.raises(TimeoutError):  # nothing is sent twice
        far.recv(100)
    far.sendall(b"logout")
    assert os.read(shown, 100) == b"logout", "what still comes is shown"
    far.close()
    passing.join(5)
    assert not passing.is_alive()
    for file in (keys, shown, screen):
        os.close(file)
    near.close()
