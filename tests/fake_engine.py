"""A Docker engine that is none: answers a few questions of the API on a unix socket, as a test wishes."""

from __future__ import annotations

import contextlib
import json
import socketserver
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

VERSION = {"Version": "20.10.24", "ApiVersion": "1.41", "MinAPIVersion": "1.12", "Components": [{"Name": "Engine"}]}
INFO = {"OSType": "linux", "SecurityOptions": ["name=seccomp,profile=default"], "CgroupVersion": "2"}


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


@contextlib.contextmanager
def fake_engine(folder: Path, answers: Mapping[str, Any]) -> Iterator[str]:
    """Run an engine that answers /version, /info and so on; everything else is a 404. Yields its address.

    An answer that is a number is the status of a refusal; None is silence.
    """
    never = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            name = path.rpartition("/")[2]
            answer = {"version": VERSION, "info": INFO, **answers}.get(name, 404)
            if answer is None:
                never.wait(60)
                return
            status = answer if isinstance(answer, int) else 200
            body = json.dumps({"message": f"refused {name}"} if status != 200 else answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def address_string(self) -> str:
            return "unix"

        def log_message(self, *_: object) -> None:
            pass

    socket = folder / "engine.sock"
    with _Server(str(socket), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"unix://{socket}"
        never.set()
        server.shutdown()
