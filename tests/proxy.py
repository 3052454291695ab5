"""A small HTTP proxy on 127.0.0.1 that writes down what it was asked for."""

from __future__ import annotations

import contextlib
import shutil
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# Straight to where a request says: not through the proxy that a test sets in the environment (that is this one).
STRAIGHT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass
class Proxy:
    """A running proxy: its address, and the addresses that were asked for through it."""

    address: str
    asked: list[str] = field(default_factory=list)


@contextlib.contextmanager
def proxy(*, stands_for: str = "", has_nothing: bool = False) -> Iterator[Proxy]:
    """Run a forward proxy; with `stands_for`, a mirror whose /debian is what is found at that address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            running.asked.append(self.path)
            if has_nothing:
                self.send_error(404)
                return
            place = stands_for + self.path.removeprefix("/debian") if stands_for else self.path
            passed_on = {k: v for k, v in self.headers.items() if k in ("Range", "If-Modified-Since", "User-Agent")}
            try:
                answer = STRAIGHT.open(urllib.request.Request(place, headers=passed_on), timeout=60)
            except urllib.error.HTTPError as error:
                answer = error
            self.send_response(answer.status)
            for name in ("Content-Length", "Content-Type", "Last-Modified", "Content-Range"):
                if name in answer.headers:
                    self.send_header(name, answer.headers[name])
            self.end_headers()
            with answer, contextlib.suppress(ConnectionError):
                shutil.copyfileobj(answer, self.wfile)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running = Proxy(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield running
    server.shutdown()
    server.server_close()
