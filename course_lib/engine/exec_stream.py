"""Run a program in a lab over the Docker API and stream its stdin, stdout and stderr: `Exec`.

`POST /exec/ID/start` hijacks the HTTP connection. The client sends the program's standard input; the engine sends
frames with a header of eight bytes (stream number, three zero bytes, length as a big-endian uint32) and that many bytes
of output (Docker Engine API reference, "Attach to a container", stream format).
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

# The program in a lab's container that runs another one in the lab. What the engine starts is root of the machine, with
# the container's capabilities; this enters the user namespace, where nothing of the lab can reach what is outside.
ENTER = ("lab-namespace", "enter")
CHUNK = 65536  # bytes to read from a socket at a time


def opened(holder: Any) -> tuple[Any, bytes]:
    """Return the socket of a hijacked connection, and the bytes that have been read from it already.

    The output of a quick program can arrive in one packet with the head of the HTTP response. It is then in the buffer
    of http.client, while docker-py returns the bare socket below that (docker-py 7.2, APIClient).
    """
    connection = getattr(holder, "_sock", holder)
    early = b""
    if isinstance(connection, socket.socket) and hasattr(holder, "_response"):
        connection.setblocking(False)  # otherwise peek() would block on an empty buffer
        early = holder._response.raw._fp.fp.peek()
    connection.settimeout(None)
    return connection, early


def hang_up(holder: Any) -> None:
    """Close a hijacked connection, beginning with the HTTP response.

    A response that is garbage-collected after its socket was closed still flushes its reader, and Python prints the
    error of that as "Exception ignored in" (Python 3.13.5, `http.client.HTTPResponse.flush`).
    """
    with contextlib.suppress(OSError):
        if response := getattr(holder, "_response", None):
            response.close()
        holder.close()


class Exec:
    """A running program in a lab, with its standard input and its output."""

    def __init__(self, api: Any, container: str, argv: Sequence[str], *, stdin: bool = True) -> None:
        """Start `argv` in the lab that has a container, by its name or id; raises docker.errors.APIError if refused."""
        self._api = api
        self._id = api.exec_create(container, [*ENTER, *argv], stdin=stdin)["Id"]
        self._holder = api.exec_start(self._id, socket=True)  # keeps the HTTP response, and so the socket, alive
        self._socket, self._buffer = opened(self._holder)

    def send(self, data: bytes) -> None:
        """Write to the program's standard input."""
        self._socket.sendall(data)

    def end_input(self) -> None:
        """Close the program's standard input."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def output(self, deadline: float | None = None) -> Iterator[tuple[int, bytes]]:
        """Yield output until the program ends: the stream's number (1 standard output, 2 standard error), bytes.

        `deadline` is a value of time.monotonic(); raises TimeoutError once it has passed. Output that the caller did
        not read is left for the next call.
        """
        while True:
            while len(self._buffer) >= 8:
                number, length = struct.unpack(">B3xL", self._buffer[:8])
                if len(self._buffer) < 8 + length:
                    break
                data, self._buffer = self._buffer[8 : 8 + length], self._buffer[8 + length :]
                yield number, data
            if deadline is not None:
                left = deadline - time.monotonic()
                if left <= 0:  # even while output keeps coming
                    raise TimeoutError
                self._socket.settimeout(left)
            try:
                data = self._socket.recv(CHUNK)
            except ConnectionError:
                return
            if not data:
                return
            self._buffer += data

    def exit_code(self) -> int | None:
        """Return the exit code; None while the program runs, or if its container was removed."""
        code = self._api.exec_inspect(self._id)["ExitCode"]
        return None if code is None else int(code)

    def close(self) -> None:
        """Close the connection; the program gets an end of file on its input, and its output is discarded."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        hang_up(self._holder)
        with contextlib.suppress(OSError):
            self._socket.close()  # closing the holder does not close it: the holder is only a reader


def join(program: Exec, end: socket.socket) -> None:
    """Copy bytes between a program and a socket, in two threads, until both directions have ended; return at once."""

    def outward() -> None:
        with contextlib.suppress(OSError):
            for number, data in program.output():
                if number == 1:
                    end.sendall(data)
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_WR)

    def inward() -> None:
        with contextlib.suppress(OSError):
            while data := end.recv(CHUNK):
                program.send(data)
        program.end_input()

    def both() -> None:
        other = threading.Thread(target=inward, daemon=True, name="course-inward")
        other.start()
        outward()
        program.close()  # the program has ended: a thread that still sends to it would block forever
        other.join()
        end.close()

    threading.Thread(target=both, daemon=True, name="course-outward").start()


def dial(api: Any, container: str, argv: Sequence[str]) -> socket.socket:
    """Return a connected socket whose other end is the standard input and output of a program in a container.

    It is a real socket, so that poll, makefile, half-close and hijacking work in docker-py and urllib3 without code of
    ours. Raises docker.errors.APIError if the engine refuses.
    """
    ours, theirs = socket.socketpair()
    join(Exec(api, container, argv), theirs)
    return ours
