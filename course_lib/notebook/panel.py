"""Show the live picture of the lab's network in a notebook: `live`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from IPython.display import HTML, display

from course_lib.commands.jupyter import STEPS, STEPS_SCRIPT
from course_lib.errors import CourseError
from course_lib.lab.lifecycle import Lab
from course_lib.lab.watcher import Watcher
from course_lib.network.model import Container, Snapshot, without_prefix
from course_lib.network.topology import external_interface
from course_lib.notebook import current, frame, journeys
from course_lib.notebook.frame import Frame, content
from course_lib.picture.layout.page import PAGE
from course_lib.picture.render_png import save
from course_lib.picture.timeline import Film, View

WEB = (80, 8000, 8080)  # the ports of a container that are asked for a page; to others a connection is made
CHOICES = {
    "rules": bool,
    "veths": bool,
    "stopped": bool,
    "folded": bool,
    "network": str,
    "paused": bool,
    "back": int,
    "room": int,
}  # of a View


class Panel:
    """A picture of a lab's network with controls; it follows the lab until it is closed.

    A thread of its own updates the picture, also while a cell runs. What a control asks for is done when no cell runs.
    """

    def __init__(self, lab: Lab, first: Snapshot) -> None:
        self._lock = threading.RLock()  # clicks arrive in the kernel's thread, snapshots in the watcher's
        self._lab = lab
        self._film = Film((first,), View(room=frame.room[-1] if frame.room else PAGE))
        self._frame = self._film.frame()
        self._journey: journeys.Journey | None = None  # the last one
        self._plays = False  # whether it is shown in place of the network
        self._closed = False
        self._widget = Frame()
        self._widget.on_msg(self._asked)
        self._show(self._film)
        self._watcher = Watcher(lab, self._see, self._miss)

    def close(self) -> None:
        """Stop following the lab; the last picture stays."""
        self._watcher.close()
        with self._lock:
            self._closed = True
            self._show(replace(self._film, note="Closed: this picture no longer follows the lab.", moving=False))

    def offer(self, journey: journeys.Journey) -> None:
        """Enable the Journey button; it plays this journey."""
        with self._lock:
            self._journey = journey
            self._show(self._film, redraw=self._plays)

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        with self._lock:
            page = replace(self._film, view=replace(self._film.view, room=PAGE)).frame()
            return self._widget.bundle(page.picture, page.words, page.alt)

    def __repr__(self) -> str:
        return self._frame.words

    def _see(self, now: Snapshot) -> None:
        """Show a new snapshot; called by the watcher."""
        with self._lock:
            if now != self._film.states[-1] or self._film.note:
                self._show(self._film.seen(now), redraw=False)  # a journey that is shown stays as it is

    def _miss(self, why: str) -> None:
        self._apply(lambda film: film.missed(why))

    def _apply(self, change: Callable[[Film], Film]) -> None:
        with self._lock:
            self._show(change(self._film))

    def _show(self, film: Film, said: str = "", *, redraw: bool = True) -> None:
        """Show the current frame of a film, and say what changed, or `said`.

        If it cannot be drawn, raise before anything has changed.
        """
        if film.view.network not in ("", *film.networks):
            film = replace(film, view=replace(film.view, network=""))
        drawn = film.frame()
        self._film, self._frame = film, drawn
        with self._widget.hold_sync():
            if not self._plays:
                self._widget.shown = content(drawn.svg, drawn.parts, alt=drawn.alt, words=drawn.words)
            elif self._journey and redraw:
                self._widget.shown = self._journey.shown(film.view.room)
            played = self._journey.sentence if self._plays and self._journey and not film.note else ""
            self._widget.controls = self._controls(said or played or drawn.said or "Nothing has changed yet.")

    def _controls(self, said: str) -> dict[str, Any]:
        """Return what the controls offer and show."""
        film, now = self._film, self._film.states[-1]
        return {
            **{name: getattr(film.view, name) for name in CHOICES},
            "said": said,
            "last": len(film.states) - 1,
            "networks": list(film.networks),
            "journey": self._journey is not None,
            "plays": self._plays,
            "closed": self._closed,
            "places": ["client", "host", *(c.name for c in now.containers if c.state == "running")],
            "ports": {name: _ports(now, name) for name in ("host", *(c.name for c in now.containers))},
        }

    def _asked(self, _: object, message: dict[str, Any], __: object) -> None:
        """Do what a control asks for."""
        what = message.get("do")
        if what == "view":
            asked = {name: message[name] for name, kind in CHOICES.items() if isinstance(message.get(name), kind)}
            self._apply(lambda film: film.viewed(replace(film.view, **asked)))
        elif what == "journey":
            self._play(bool(message.get("on")))
        elif what == "save":
            self._save("svg" if message.get("kind") == "svg" else "png")
        elif what == "close":
            self.close()
        elif what == "send":
            self._send(*(str(message.get(name, "")) for name in ("origin", "target", "port")))

    def _play(self, on: bool) -> None:
        """Show the last journey, or the network again."""
        with self._lock:
            self._plays = on and self._journey is not None
            self._show(replace(self._film, moving=False))

    def _send(self, origin: str, target: str, port: str) -> None:
        """Send one real request and play its path, or say why there is none."""
        try:
            with current.using(self._lab):
                made = journeys.journey(origin, address(self._film.states[-1], origin, target, port))
        except CourseError as error:
            with self._lock:
                self._show(self._film, str(error))
            return
        with self._lock:
            self._journey = made
        self._play(True)

    def _save(self, kind: str) -> None:
        """Save the current picture as `network-N.KIND`, with the first N that is free, and show the name."""
        path = next(p for n in count(1) if not (p := Path(f"network-{n}.{kind}")).exists())
        with self._lock:
            said = f"Saved as {path} in the working directory of this notebook."
            try:
                save(self._frame.picture, path, self._frame.title, self._frame.words)
            except OSError as error:
                said = f"{path} could not be written: {error.strerror}."
            self._show(self._film, said, redraw=False)


def _ports(now: Snapshot, name: str) -> list[str]:
    """Return the ports of a place that are known: published ones of the host, exposed ones of a container."""
    found = {
        (port.host_port if name == "host" else port.container_port, port.protocol)
        for container in now.containers
        for port in container.ports
        if name in (container.name, "host")
    }
    return [f"{number}/{protocol}" for number, protocol in sorted(pair for pair in found if pair[0])]


def address(now: Snapshot, origin: str, target: str, port: str) -> str:
    """Return the target of a journey to a port ("80", "53/udp") of a place; without a port, it is a ping.

    Raises CourseError if the place has no address or the port is no port.
    """
    number, _, protocol = port.strip().partition("/")
    if number and not (number.isascii() and number.isdigit() and 0 < int(number) < 65536):
        raise CourseError(f"{port!r} is no port: type a number from 1 to 65535, or leave it empty for a ping.")
    container = now.container(target)
    if target == "client":
        found = [a for i in now.client if i.kind != "loopback" for a in i.addresses]
    elif target == "host":
        external = external_interface(now)
        found = ["127.0.0.1"] if origin == "host" else list(external.addresses if external else ())
    else:
        found = _reachable(now.container(origin), container) if container else []
    host = next((without_prefix(a) for a in sorted(found, key=lambda a: ":" in a)), "")
    if not host:
        raise CourseError(f"{target} has no address.")
    behind = {p.container_port for c in now.containers for p in c.ports if str(p.host_port) == number}
    page = bool(set(WEB) & (behind if target == "host" else {int(number or 0)}))
    kind = "ping" if not number else protocol if protocol == "udp" else "http" if page else "tcp"
    host = f"[{host}]" if ":" in host else host
    return f"{kind}://{host}" + (f":{number}" if number else "") + ("/" if kind == "http" else "")


def _reachable(origin: Container | None, target: Container) -> list[str]:
    """Return the addresses of a container, first those in a network that the origin is in, too."""
    own = {e.network for e in origin.endpoints} if origin else set()
    return [a for e in sorted(target.endpoints, key=lambda e: e.network not in own) for a in e.addresses]


opened: list[Panel] = []  # at most one per kernel: the last that `live` made


def live() -> Panel:
    """Return a picture of the current lab's network that follows it until `close()` or the next `live()`.

    Changes of interfaces, addresses, routes, the host's rules and the engine's objects appear at once; counters and
    changes inside containers within a few seconds. Raises LabGoneError if the lab does not run.
    """
    while opened:
        opened.pop().close()
    opened.append(Panel(replace(current.lab(), box=""), current.snapshot()))  # without box: it goes on after a reset
    journeys.offers[:] = [opened[0].offer]
    return opened[0]


def show_projector() -> None:
    """Display the live picture with the style sheet and script that show one cell of the notebook at a time."""
    style, script = (path.read_text(encoding="utf-8") for path in (STEPS, STEPS_SCRIPT))
    html = HTML(f"<style>{style}</style><script>{script}</script>")  # type: ignore[no-untyped-call]
    display(html, live())  # type: ignore[no-untyped-call]
