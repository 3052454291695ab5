"""Test an engine with TLS: commands with input, output and exit codes, over one connection that is half-closed."""

from __future__ import annotations

import contextlib
import hashlib
import io
import select
import socket
import ssl
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from course_lib.engine import client as engine_client
from course_lib.engine import tls
from course_lib.engine.exec_stream import Exec
from course_lib.errors import CommandFailedError, CommandHungError, EngineSettingsError
from course_lib.lab import execute
from course_lib.notebook import current
from tests.worker import lab

ROOT = Path(__file__).parents[2]
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with the three files that DOCKER_CERT_PATH wants; one certificate serves everybody."""
    folder = tmp_path_factory.mktemp("certificates")
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=course -addext subjectAltName=IP:127.0.0.1"
    command = ["openssl", *words.split(), "-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    subprocess.run(command, check=True, capture_output=True)
    (folder / "ca.pem").write_bytes((folder / "cert.pem").read_bytes())
    return folder


def server_context(folder: Path, newest: ssl.TLSVersion) -> ssl.SSLContext:
    """Return what an engine with --tlsverify asks for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    context.load_verify_locations(folder / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = newest
    return context


def relay(client: ssl.SSLSocket, address: str) -> None:
    """Carry a connection to the engine's socket, each direction to its own end, as dockerd with TLS serves one."""
    api = socket.socket(socket.AF_UNIX)
    api.connect(address)
    client.setblocking(False)
    lock = threading.Lock()  # an SSLSocket is not for two threads

    def answers() -> None:
        with contextlib.suppress(OSError):
            while data := api.recv(65536):
                while data:
                    with lock, contextlib.suppress(ssl.SSLWantWriteError):
                        data = data[client.send(data) :]
                    select.select([], [client], [])
            with lock, contextlib.suppress(ssl.SSLWantReadError):
                client.unwrap()

    thread = threading.Thread(target=answers, daemon=True)
    thread.start()
    with contextlib.suppress(OSError):
        while True:
            select.select([client], [], [])
            with lock:
                try:
                    data = client.recv(65536)
                except ssl.SSLWantReadError:
                    continue
            if not data:
                break
            api.sendall(data)
    with contextlib.suppress(OSError):
        api.shutdown(socket.SHUT_WR)
    thread.join()
    api.close()
    client.close()


@contextlib.contextmanager
def engine_with_tls(context: ssl.SSLContext, address: str) -> Iterator[str]:
    """Serve the engine at a unix socket with TLS; yield the address for DOCKER_HOST."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve(connection: socket.socket) -> None:
            with contextlib.suppress(OSError):
                relay(context.wrap_socket(connection, server_side=True), address)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture(params=VERSIONS, ids=["1.2", "1.3"])
def lab_over_tls(
    request: pytest.FixtureRequest, running_lab: None, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Give the lab on an engine with TLS of one version."""
    address = engine_client.outer().base_url.removeprefix("http+docker://")
    if address == "localhost":  # docker-py forgets the path of a unix socket
        address = engine_client.outer().get_adapter("http+docker://").socket_path
    with engine_with_tls(server_context(certificates, request.param), address) as place:
        monkeypatch.setenv("DOCKER_HOST", place)
        monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
        monkeypatch.setenv("DOCKER_CERT_PATH", str(certificates))
        engine_client.outer.cache_clear()
        yield place
        engine_client.outer.cache_clear()
        execute._forget(("sh",))


@pytest.mark.live
def test_commands_have_output_and_exit_codes(lab_over_tls: str) -> None:
    assert current.host("echo hello; sleep 0.3; echo again") == "hello\nagain\n"
    assert current.client("hostname") == "client\n"
    with pytest.raises(CommandFailedError, match="exit code 3"):
        current.host("exit 3")
    with pytest.raises(CommandHungError, match="sleep 60"):
        current.host("sleep 60", timeout=1)
    assert execute.ask(lab, "hostname") == "host\n"
    assert lab.real_version()  # the lab's own API, in a stream


@pytest.mark.live
def test_input_ends_and_output_goes_on(lab_over_tls: str) -> None:
    """Also if much goes both ways at once, and if the answer begins after the input has ended."""
    sent = bytes(range(256)) * 20_000  # 5 MB
    program = Exec(engine_client.outer(), lab.require(), ["sh", "-c", "cat; sleep 0.3; echo end; exit 7"])

    def feed() -> None:
        program.send(sent)
        program.end_input()

    threading.Thread(target=feed, daemon=True).start()
    got = b"".join(data for _, data in program.output(time.monotonic() + 30))
    assert hashlib.sha256(got).digest() == hashlib.sha256(sent + b"end\n").digest()
    assert program.exit_code() == 7
    program.close()
    box = io.BytesIO()
    with tarfile.open(fileobj=box, mode="w:gz") as archive:
        archive.addfile(entry := tarfile.TarInfo("file"), io.BytesIO(b"x" * entry.size))
    execute.unpack(lab, box.getvalue(), "/tmp/course-tls")
    assert current.host("ls /tmp/course-tls; rm -r /tmp/course-tls") == "file\n"


@pytest.mark.live
def test_the_shell_passes_its_input_on(lab_over_tls: str) -> None:
    command = [sys.executable, "-m", "course_lib", "shell", "wc -c; exit 5"]
    done = subprocess.run(command, cwd=ROOT, input=b"x" * 300_000, capture_output=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == (b"300000\n", 5), done.stderr


@pytest.mark.live
def test_a_stream_that_is_closed_ends_its_program_and_its_threads(lab_over_tls: str) -> None:
    def threads() -> int:
        return sum(thread.name.startswith("course-tls") for thread in threading.enumerate())

    def soon(fact: Any) -> None:
        deadline = time.monotonic() + 10
        while not fact():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    before = threads()
    stream = execute.listen(lab, "while :; do echo tick; sleep 0.1; done")
    assert next(stream.output(time.monotonic() + 10))[1] == b"tick\n"
    assert threads() > before
    stream.close()
    soon(lambda: threads() <= before)
    soon(lambda: current.host("pgrep -f '[e]cho tick' || true") == "")


def test_a_client_without_a_certificate_is_told_so(
    certificates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with engine_with_tls(server_context(certificates, VERSIONS[1]), str(tmp_path / "none.sock")) as place:
        monkeypatch.setenv("DOCKER_HOST", place)
        monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
        monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path))
        with pytest.raises(EngineSettingsError, match="No certificate here fits"):
            engine_client.connect()


@pytest.mark.parametrize("newest", VERSIONS)
def test_each_direction_ends_by_itself(certificates: Path, newest: ssl.TLSVersion) -> None:
    """What comes after our own close_notify arrives, to its last byte, whatever was on its way, and however late."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        raw = socket.create_connection(listener.getsockname(), timeout=2)  # for the handshake, and no longer
        connection, _ = listener.accept()
    sent = b"y" * 3_000_000

    def serve() -> None:
        server = server_context(certificates, newest).wrap_socket(connection, server_side=True)
        server.sendall(sent)
        while server.recv(1000):
            pass
        time.sleep(3)
        server.sendall(b"end")
        server.unwrap()
        server.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    context = ssl.create_default_context(cafile=str(certificates / "ca.pem"))
    context.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    with tls.plain(raw, context, "127.0.0.1") as end:
        end.sendall(b"question")
        end.shutdown(socket.SHUT_WR)
        got = b""
        while data := end.recv(65536):
            got += data
    assert got == sent + b"end"
    thread.join(10)
    assert not thread.is_alive()


def test_what_comes_with_the_handshake_is_read_before_our_end_is_sent(certificates: Path) -> None:
    """The server speaks first, and what it says lies behind its Finished in the same read."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        raw = socket.create_connection(listener.getsockname(), timeout=20)
        connection, _ = listener.accept()
    context = server_context(certificates, VERSIONS[0])
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(incoming, outgoing, server_side=True)

    def serve() -> None:
        agreed = False
        while not agreed:
            incoming.write(connection.recv(65536))
            with contextlib.suppress(ssl.SSLWantReadError):
                server.do_handshake()
                agreed = True
                server.write(b"hello")
            connection.sendall(outgoing.read())
        with contextlib.suppress(OSError):  # reset, once our side has all that it wants
            while connection.recv(65536):
                pass

    threading.Thread(target=serve, daemon=True).start()
    client = ssl.create_default_context(cafile=str(certificates / "ca.pem"))
    client.load_cert_chain(certificates / "cert.pem", certificates / "key.pem")
    with tls.plain(raw, client, "127.0.0.1") as end:
        end.sendall(b"question")
        end.shutdown(socket.SHUT_WR)
        end.settimeout(20)
        assert end.recv(65536) == b"hello"
    connection.close()
