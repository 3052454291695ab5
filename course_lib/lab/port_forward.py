"""Forward ports of this machine into a lab, for the learner's browser: `url` starts a listener on 127.0.0.1.

Each connection is continued from the lab's client to the lab's host, over an exec stream. The bytes are not changed, so
a site that builds an absolute URL from the Host header works.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from course_lib.engine import client
from course_lib.engine.exec_stream import Exec, join

HOST = "203.0.113.10"
CONNECT = ("ip", "netns", "exec", "client", "socat", "-")

# Lab and port of its host -> port of this machine. The listeners live as long as this process.
_listeners: dict[tuple[str, int], int] = {}


def url(port: int, lab: str, box: Callable[[], str]) -> str:
    """Return the URL on 127.0.0.1 that leads to a port of a lab's host; `box()` returns the lab's id.

    The same port is used if it is free here, else another one. In a session on a remote machine (SSH_CONNECTION is
    set), the `ssh -L` command for the browser's machine is printed; on a JupyterHub the path of the page. Raises
    OSError if no port is free.
    """
    if (lab, port) not in _listeners:
        listener = _listen(port)
        _listeners[lab, port] = listener.getsockname()[1]
        threading.Thread(target=_serve, args=(listener, port, box), daemon=True, name=f"course-forward-{port}").start()
    here = _listeners[lab, port]
    if remote := os.environ.get("SSH_CONNECTION"):
        print(
            f"On your own machine: ssh -L {here}:127.0.0.1:{here} {os.environ.get('USER', 'you')}@{remote.split()[2]}"
        )
    if server := os.environ.get("JUPYTERHUB_SERVICE_PREFIX"):  # its proxy is an extension, jupyter-server-proxy
        print(f"In your browser, after the address of the hub: {server}proxy/{here}/")
    return f"http://127.0.0.1:{here}/"


def _listen(port: int) -> socket.socket:
    """Return a socket that listens on 127.0.0.1, on the same port if it is free; raises OSError if none is."""
    for candidate in (port, port + 8000, 0):
        with contextlib.suppress(OSError, OverflowError):
            return socket.create_server(("127.0.0.1", candidate))
    raise OSError("no free port on 127.0.0.1")


def _serve(listener: socket.socket, port: int, box: Callable[[], str]) -> None:
    """Accept connections indefinitely, each with its own stream into the lab."""
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_carry, args=(connection, port, box), daemon=True).start()


def _carry(connection: socket.socket, port: int, box: Callable[[], str]) -> None:
    """Forward one connection, or reset it if it comes from another user of this machine."""
    if _owner(connection) in (None, os.getuid() if hasattr(os, "getuid") else None):
        with contextlib.suppress(Exception):  # no lab, no engine: the browser sees a closed connection
            join(Exec(client.outer(), box(), [*CONNECT, f"TCP:{HOST}:{port}"]), connection)
            return
    # Closing with a linger of zero resets the connection, which a browser reports immediately.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def _owner(connection: socket.socket) -> int | None:
    """Return the user id of the other end of a connection over 127.0.0.0/8; None if this system is not Linux.

    proc_net_tcp(5) lists that end's socket with both addresses; an IPv6 socket is in the table of IPv6, with the
    addresses ::ffff:127.0.0.1. The result is -1 if no process holds the socket any more: the kernel then reports the
    user 0 and the inode 0.
    """
    ends = [_hexadecimal(*end) for end in (connection.getpeername(), connection.getsockname())]
    mapped = [_word(bytes(4)) * 2 + _word(b"\0\0\xff\xff") + end for end in ends]
    tables = [(Path("/proc/net/tcp"), ends), (Path("/proc/net/tcp6"), mapped)]
    if not tables[0][0].exists():
        return None
    for table, wanted in tables:
        for line in table.read_text().splitlines()[1:] if table.exists() else ():
            fields = line.split()
            if fields[1:3] == wanted and fields[9] != "0":
                return int(fields[7])
    return -1


def _hexadecimal(address: str, port: int) -> str:
    """Return an IPv4 address and a port as proc_net_tcp(5) prints them."""
    return f"{_word(socket.inet_aton(address))}:{port:04X}"


def _word(four: bytes) -> str:
    """Return four bytes as the kernel prints them: as one hexadecimal number in this machine's byte order."""
    return f"{int.from_bytes(four, sys.byteorder):08X}"
