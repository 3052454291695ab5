"""Encrypt a connection to an engine in threads of ours, so that an exec stream has a plain socket: `plain`.

Python's SSLSocket cannot do what an exec stream needs: two threads must not use one at the same time, it cannot be
half-closed (`shutdown` drops TLS, and the data that follows would be read as ciphertext), and it raises errors of its
own when there is nothing to read. TLS itself has all that: the alert close_notify ends one direction (RFC 8446, 6.1),
and Go's crypto/tls, which dockerd uses, treats it as the end of the input and goes on sending.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading

CHUNK = 65536  # bytes to read from a socket at a time


class _Plain(socket.socket):
    """A socket that can have attributes: docker-py stores the HTTP response in one to keep it alive (exec_start)."""


def plain(raw: socket.socket, context: ssl.SSLContext, name: str) -> socket.socket:
    """Return a plain socket whose data travels encrypted over `raw`, a TCP connection to the server `name`.

    Raises ssl.SSLError or OSError if the handshake fails or takes longer than the timeout of `raw`. After the handshake
    there is no timeout.
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
    """Encrypt what is written to the plain socket, decrypt the rest in a second thread, and close both in the end."""
    lock = threading.Lock()  # protects the session; its holder never blocks
    # Data that arrived together with the end of the handshake: while it is unread, unwrap cannot send close_notify.
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
            with lock, contextlib.suppress(ssl.SSLWantReadError):  # unwrap sends close_notify
                session.write(data) if data else session.unwrap()
            raw.sendall(outgoing.read())
        if hasattr(select, "poll"):
            closed = select.poll()
            closed.register(end, 0)
            closed.poll()  # until it is closed for reading, too (POLLHUP): then nobody reads the rest
        else:
            other.join()
    with contextlib.suppress(OSError):
        raw.shutdown(socket.SHUT_RDWR)
    other.join()
    end.close()
    raw.close()


def _decrypted(session: ssl.SSLObject) -> tuple[bytes, bool]:
    """Return the plain text that a session has now, and whether the other end has ended it."""
    pieces = []
    try:
        while piece := session.read(CHUNK):
            pieces.append(piece)
    except ssl.SSLWantReadError:
        return b"".join(pieces), False
    except ssl.SSLError:  # the other end's close_notify (SSLZeroReturnError), or data that is not TLS
        pass
    return b"".join(pieces), True
