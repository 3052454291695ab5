"""Test which user a connection to `url()` belongs to."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from course_lib.engine import client as engine_client
from course_lib.errors import CourseError
from course_lib.lab import port_forward
from course_lib.lab.lifecycle import Lab
from course_lib.notebook import current

NOBODY = 65534
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the owner of a connection")


@contextlib.contextmanager
def met(client: socket.socket, listener: socket.socket, host: str = "127.0.0.1") -> Iterator[socket.socket]:
    """Connect a client, and give the listener's end of the connection."""
    client.connect((host, listener.getsockname()[1]))
    connection, _ = listener.accept()
    with connection:
        yield connection


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def client(family: socket.AddressFamily = socket.AF_INET) -> socket.socket:
    """Return a socket that may share its port with other connections of the same address."""
    made = socket.socket(family)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return made


@contextlib.contextmanager
def not_root() -> Iterator[int]:
    """Create sockets as a user who is not root, and return that user's id."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    try:
        yield os.geteuid()
    finally:
        os.seteuid(before)


@LINUX
def test_the_owner_is_known_also_of_a_socket_made_for_ipv6(listener: socket.socket) -> None:
    with client() as one, met(one, listener) as connection:
        assert port_forward._owner(connection) == os.getuid()
    with client(socket.AF_INET6) as one, met(one, listener, "::ffff:127.0.0.1") as connection:
        assert port_forward._owner(connection) == os.getuid()


@LINUX
def test_who_has_said_all_and_waits_for_the_answer_is_still_the_owner(listener: socket.socket) -> None:
    with client() as one, met(one, listener) as connection:
        one.shutdown(socket.SHUT_WR)
        assert port_forward._owner(connection) == os.getuid()


@LINUX
def test_an_old_connection_from_the_same_port_is_not_looked_at(listener: socket.socket) -> None:
    """The kernel keeps it for a minute (TIME_WAIT), as user 0's."""
    for _ in range(20):
        with socket.create_server(("127.0.0.1", 0)) as other, client() as old:
            old.bind(("127.0.0.1", 0))
            port = old.getsockname()[1]
            with met(old, other) as connection:
                old.close()
                connection.recv(1)
        with not_root() as user, client() as new:
            new.bind(("127.0.0.1", port))
            with met(new, listener) as connection:
                assert port_forward._owner(connection) == user


@LINUX
def test_a_connection_that_was_left_is_nobodys(listener: socket.socket) -> None:
    """What is known of it looks like root's, who may be who runs the course."""
    with client() as one, met(one, listener) as connection:
        one.close()
        assert port_forward._owner(connection) == -1


CONNECT = f"""import os, socket, sys
os.setgroups([]), os.setgid({NOBODY}), os.setuid({NOBODY})
own, goal = map(int, sys.argv[1:])
with socket.socket() as one:
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind(("127.0.0.1", own))
    one.connect(("127.0.0.1", goal))
    sys.stdin.read()
"""


@LINUX
@pytest.mark.skipif(os.geteuid() != 0, reason="to be another user takes root")
def test_another_user_is_not_taken_for_the_one_with_the_same_port(listener: socket.socket) -> None:
    """A user who connects from the port that a connection of ours to somewhere else has."""
    for _ in range(10):
        with socket.create_server(("127.0.0.1", 0)) as other, client() as ours:
            ours.bind(("127.0.0.1", 0))
            port = ours.getsockname()[1]
            with met(ours, other):
                words = [sys.executable, "-I", "-c", CONNECT, str(port), str(listener.getsockname()[1])]
                theirs = subprocess.Popen(words, stdin=subprocess.PIPE)
                listener.settimeout(20)
                connection, _ = listener.accept()
                with connection:
                    assert port_forward._owner(connection) == NOBODY
                theirs.communicate(timeout=20)


def test_an_address_leads_to_the_lab_that_it_was_asked_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two labs with the same port have an address each, whichever lab is the current one later."""
    asked: list[str] = []

    def program(api: object, box: str, argv: list[str]) -> None:
        asked.append(box)
        raise CourseError("there is no such lab")

    monkeypatch.setattr(Lab, "require", lambda lab: lab.name)
    monkeypatch.setattr(engine_client, "outer", lambda: None)
    monkeypatch.setattr(port_forward, "Exec", program)
    ports = []
    for name in ("first", "second"):
        with current.using(Lab(name)):
            ports.append(int(current.url(8080).rstrip("/").rpartition(":")[2]))
    for port in ports:
        with socket.create_connection(("127.0.0.1", port)) as one, contextlib.suppress(ConnectionError):
            assert one.recv(1) == b""
    assert asked == ["first", "second"]
