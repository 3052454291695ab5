"""TLS to an engine, spoken in threads of ours, so that whoever talks to a program there has a plain socket.

Python's SSLSocket cannot do what an exec stream needs: two threads may not use one at the same time, it is never half
closed (its `shutdown` drops TLS and closes TCP, and what follows would be read as ciphertext), and with nothing to read
it raises errors of its own. TLS itself can do all that: the alert close_notify ends one direction (RFC 8446, 6.1), and
Go's crypto/tls, with which dockerd is made, takes it as the end of the input and goes on sending.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading

CHUNK = 65536  # bytes asked of a socket at a time


class _Plain(socket.socket):
    """A socket that can have attributes: docker-py keeps the HTTP response alive with one (APIClient, exec_start)."""


def plain(raw: socket.socket, context: ssl.SSLContext, name: str) -> socket.socket:
    """Return a socket that reads and writes what goes encrypted over `raw`, a TCP connection to the server `name`.

    Raises ssl.SSLError or OSError if the two ends do not agree within the timeout that `raw` has; later there is none.
    """
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(incoming, outgoing, server_hostname=name)
    agreed = False
    while not agreed:
        with contextlib.suppress(ssl.SSLWantReadError):
            session.do_handshake()
            agreed = True
        raw.sendall(outgoing.read())
        if not agreed:
            data = raw.recv(CHUNK)
            incoming.write(data) if data else incoming.write_eof()
    raw.settimeout(None)  # before a thread waits in it
    ours, theirs = socket.socketpair()
    threading.Thread(
        target=_carry, args=(raw, theirs, session, incoming, outgoing), daemon=True, name="course-tls"
    ).start()
    return _Plain(fileno=ours.detach())


def _carry(
    raw: socket.socket, end: socket.socket, session: ssl.SSLObject, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO
) -> None:
    """Encrypt what is written to the plain socket, decrypt what comes in another thread, and close both at the end."""
    lock = threading.Lock()  # of the session; whoever holds it waits for nothing
    # What came in one piece with the end of the handshake: unwrap refuses to send close_notify while it is unread.
    early, early_end = _decrypted(session)

    def decrypt() -> None:
        text, ended = early, early_end
        with contextlib.suppress(OSError):
            while not ended:
                end.sendall(text)
                data = raw.recv(CHUNK)
                with lock:
                    incoming.write(data) if data else incoming.write_eof()
                    text, ended = _decrypted(session)
            end.sendall(text)
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)

    other = threading.Thread(target=decrypt, daemon=True, name="course-tls-decrypt")
    other.start()
    with contextlib.suppress(OSError):
        data = b"more"
        while data:
            data = end.recv(CHUNK)
            with lock, contextlib.suppress(ssl.SSLWantReadError):  # unwrap sends close_notify, and asks for the other's
                session.write(data) if data else session.unwrap()
            raw.sendall(outgoing.read())
        if hasattr(select, "poll"):
            closed = select.poll()
            closed.register(end, 0)
            closed.poll()  # until it is closed for reading, too (POLLHUP): then nobody wants to know the rest
        else:
            other.join()
    with contextlib.suppress(OSError):
        raw.shutdown(socket.SHUT_RDWR)
    other.join()
    end.close()
    raw.close()


def _decrypted(session: ssl.SSLObject) -> tuple[bytes, bool]:
    """Return what can be read of a session now, and whether the other end has ended it."""
    pieces = []
    try:
        while piece := session.read(CHUNK):
            pieces.append(piece)
    except ssl.SSLWantReadError:
        return b"".join(pieces), False
    except ssl.SSLError:  # the end after our own (SSLZeroReturnError), or nonsense
        pass
    return b"".join(pieces), True
