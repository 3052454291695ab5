"""Show the live picture of the lab's network in a notebook: `live`. Also the widget that plays a journey."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from html import escape
from itertools import count
from pathlib import Path
from typing import Any

import ipywidgets as widgets
from IPython.display import HTML, display

from course_lib.commands.jupyter import STEPS, STEPS_SCRIPT
from course_lib.lab.lifecycle import Lab
from course_lib.lab.watcher import Watcher
from course_lib.network.model import Snapshot
from course_lib.notebook import current
from course_lib.notebook.widget_style import NARROW, OURS, SAVED, WIDE
from course_lib.picture.render_png import png, save
from course_lib.picture.timeline import Film

ALL = "all networks"
ROW = {"flex_flow": "row wrap", "align_items": "center"}


class Panel:
    """A picture of a lab's network with controls; it follows the lab until it is closed.

    A thread of its own updates the picture, also while a cell runs. A click is handled when no cell runs.
    """

    def __init__(self, lab: Lab, first: Snapshot) -> None:
        self._lock = threading.RLock()  # clicks arrive in the kernel's thread, snapshots in the watcher's
        self._film = Film((first,))
        self._frame = self._film.frame()
        self._player = ""
        self._setting = False  # whether the code, not the learner, is setting a control
        self._closed = False
        self._build()
        self._show(self._film)
        self._watcher = Watcher(lab, self._see, self._miss)

    def close(self) -> None:
        """Stop following the lab; the last picture stays."""
        self._watcher.close()
        with self._lock:
            self._closed = True
            self._show(replace(self._film, note="Closed: this picture no longer follows the lab.", moving=False))

    def offer(self, player: str) -> None:
        """Enable the Journey button; it plays `player`, a journey as HTML."""
        self._player = player
        self._journey.disabled = False
        self._apply(lambda film: film)

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        with self._lock:
            fallback = {"image/png": png(self._frame.picture), "text/plain": self._frame.words}
        return {**self._box._repr_mimebundle_(**options), **fallback}

    def __repr__(self) -> str:
        return self._frame.words

    def _see(self, now: Snapshot) -> None:
        """Show a new snapshot; called by the watcher."""
        with self._lock:
            if now != self._film.states[-1] or self._film.note:
                self._show(self._film.seen(now))

    def _miss(self, why: str) -> None:
        self._apply(lambda film: film.missed(why))

    def _apply(self, change: Callable[[Film], Film]) -> None:
        with self._lock:
            self._show(change(self._film))

    def _build(self) -> None:
        self._status, self._evidence = widgets.HTML(layout=WIDE), widgets.HTML(layout=WIDE)
        self._picture = widgets.HTML(layout={**WIDE, "overflow": "auto"})
        self._pause = widgets.ToggleButton(description="Pause", layout=NARROW)
        self._network = widgets.Dropdown(options=[ALL], description="Show")
        self._ticks = {
            name: widgets.Checkbox(True, description=words, indent=False, layout=NARROW)
            for name, words in (("rules", "Rules"), ("veths", "Veth pairs"), ("stopped", "Stopped containers"))
        }
        self._journey = widgets.ToggleButton(description="Journey", layout=NARROW, disabled=True)
        self._journey.tooltip = "Play the last journey here, in place of the network"
        # If it is not ticked, the picture is as wide as the page: nothing is cut off, but it may be too small to read.
        self._large = widgets.Checkbox(False, description="Large", indent=False, layout=NARROW)
        for control in (self._journey, self._large):
            control.observe(lambda _: self._apply(lambda film: film), "value")
        buttons = [self._pause, self._journey]
        for words, act in (
            ("Back", lambda _: self._apply(lambda film: film.stepped(1))),
            ("Forward", lambda _: self._apply(lambda film: film.stepped(-1))),
            ("Save PNG", lambda _: self._save("png")),
            ("Save SVG", lambda _: self._save("svg")),
            ("Close", lambda _: self.close()),
        ):
            buttons.append(widgets.Button(description=words, layout=NARROW))
            buttons[-1].on_click(act)
        for control in (self._pause, self._network, *self._ticks.values()):
            control.observe(lambda _: self._change_view(), "value")
        self._part = widgets.Select(options=[], rows=6, layout=WIDE)
        self._part.observe(lambda _: self._explain(), "value")
        why = widgets.HTML(f"{SAVED}<b>Why are you here?</b> Choose a part of the picture to see its evidence below.")
        controls = widgets.Box([*buttons, self._network, *self._ticks.values(), self._large], layout=ROW)
        self._box = widgets.VBox([controls, self._status, self._picture, why, self._part, self._evidence])
        self._box.add_class(OURS)

    def _show(self, film: Film) -> None:
        """Show the current frame of a film; if it cannot be drawn, raise before anything has changed."""
        if film.view.network not in ("", *film.networks):
            film = replace(film, view=replace(film.view, network=""))
        frame = film.frame()
        self._film, self._frame = film, frame
        drawn = self._player if self._journey.value else frame.svg  # a change in the lab does not restart an animation
        state = (" course-large" if self._large.value else "") + (" course-closed" if self._closed else "")
        _set(self._picture, f'<div class="course-live{state}">{drawn}</div>')
        _set(self._status, _status(frame.said or "Nothing has changed yet."))
        if self._network.options != (networks := (ALL, *film.networks)):
            self._setting = True  # setting the options selects the first of them: not a click
            self._network.options = networks
            self._network.value = film.view.network or ALL
            self._setting = False
        parts = tuple((reason.name, reason.key) for reason in frame.reasons)
        if self._part.options != parts:
            chosen = self._part.value
            self._part.options = parts
            if chosen in [key for _, key in parts]:
                self._part.value = chosen
        self._explain()

    def _explain(self) -> None:
        text = "\n".join(next((r.evidence for r in self._frame.reasons if r.key == self._part.value), ()))
        _set(self._evidence, f'<pre style="white-space: pre-wrap; margin: 0">{escape(text)}</pre>')

    def _change_view(self) -> None:
        """Apply the settings of the controls to the film."""
        if self._setting:
            return
        network = "" if self._network.value == ALL else self._network.value
        ticks = {name: tick.value for name, tick in self._ticks.items()}
        with self._lock:
            view = replace(self._film.view, paused=self._pause.value, network=network, **ticks)
            if view != self._film.view:
                self._show(self._film.viewed(view))

    def _save(self, kind: str) -> None:
        """Save the current picture as `network-N.KIND`, with the first N that is free, and show the name."""
        path = next(p for n in count(1) if not (p := Path(f"network-{n}.{kind}")).exists())
        with self._lock:
            save(self._frame.picture, path, self._frame.title, self._frame.words)
            _set(self._status, _status(f"Saved as {path} in the working directory of this notebook."))


def _status(words: str) -> str:
    """Return text as HTML that a screen reader reads aloud when it changes."""
    style = "line-height: 1.4; min-height: 4.2em"  # room for three lines: the picture below does not jump
    return f'<div role="status" aria-live="polite" style="{style}">{escape(words)}</div>'


def _set(widget: widgets.HTML, html: str) -> None:
    """Set what a widget shows, if it differs: setting the same value would draw it again."""
    if widget.value != html:
        widget.value = html


opened: list[Panel] = []  # at most one per kernel: the last that `live` made


def live() -> Panel:
    """Return a picture of the current lab's network that follows it until `close()` or the next `live()`.

    Changes of interfaces, addresses, routes, the host's rules and the engine's objects appear at once; counters and
    changes inside containers within a few seconds. Raises LabGoneError if the lab does not run.
    """
    while opened:
        opened.pop().close()
    opened.append(Panel(replace(current.lab(), box=""), current.snapshot()))  # without box: it goes on after a reset
    return opened[0]


def show_projector() -> None:
    """Display the live picture with the style sheet and script that show one cell of the notebook at a time."""
    style, script = (path.read_text(encoding="utf-8") for path in (STEPS, STEPS_SCRIPT))
    html = HTML(f"<style>{style}</style><script>{script}</script>")  # type: ignore[no-untyped-call]
    display(html, live())  # type: ignore[no-untyped-call]


def animation(html: str) -> dict[str, Any]:
    """Return a MIME bundle that shows HTML while a kernel runs; a saved page shows nothing of it."""
    return dict(widgets.HTML(SAVED + html, layout=WIDE).add_class(OURS)._repr_mimebundle_())
