"""The live panel, the question and the way that plays in a notebook: the only module that imports ipywidgets."""

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

from course_lib.lab.lifecycle import Lab
from course_lib.lab.watcher import Watcher
from course_lib.network.model import Snapshot
from course_lib.notebook import chapter, current
from course_lib.notebook.prediction import Choices, Question, put
from course_lib.picture.render_png import png, save
from course_lib.picture.timeline import Film

ALL = "all networks"
WIDE = widgets.Layout(width="100%", margin="2px 0")  # else ipywidgets adds two pixels on each side: too wide
NARROW = widgets.Layout(width="auto")
ROW = widgets.Layout(flex_flow="row wrap", align_items="center")
OURS = "course-widget"
# Without its kernel ipywidgets marks each part of a widget with a red broken link. Said once, in words, it is enough;
# a way that plays needs no kernel.
SAVED = f"""<style>
.{OURS} .jupyter-widgets-disconnected::before, .{OURS}.jupyter-widgets-disconnected::before {{ content: none }}
.{OURS}.widget-vbox.jupyter-widgets-disconnected::before {{
  content: "Saved, as it was. Run the cell again to use it."; font: inherit; font-style: italic; color: inherit }}
</style>"""


class Panel:
    """The network of a lab, drawn, that follows what happens there until it is closed.

    The picture is renewed from a thread of its own, also while a cell runs; a click is answered when no cell runs.
    """

    def __init__(self, lab: Lab, first: Snapshot) -> None:
        self._lock = threading.RLock()  # clicks come in the kernel's thread, looks in the watcher's
        self._film = Film((first,))
        self._frame = self._film.frame()
        self._player = ""
        self._setting = False  # whether the controls are being set by us
        self._closed = False
        self._build()
        self._show(self._film)
        self._watcher = Watcher(lab, self._see, self._miss)

    def close(self) -> None:
        """Follow the lab no longer; the last picture stays."""
        self._watcher.close()
        with self._lock:
            self._closed = True
            self._show(replace(self._film, note="Closed: this picture follows the lab no longer.", moving=False))

    def offer(self, player: str) -> None:
        """Have HTML that plays a journey ready, for whoever presses Journey."""
        with self._lock:
            self._player = player
            self._journey.disabled = False
            self._show(self._film)

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        """Return the live panel and, for a page that cannot have one, the picture and its words."""
        with self._lock:
            fallback = {"image/png": png(self._frame.picture), "text/plain": self._frame.words}
        return {**self._box._repr_mimebundle_(**options), **fallback}

    def __repr__(self) -> str:
        return self._frame.words

    def _see(self, now: Snapshot) -> None:
        """Take a look at the lab; called by the watcher."""
        with self._lock:
            if now != self._film.states[-1] or self._film.note:
                self._show(self._film.seen(now))

    def _miss(self, why: str) -> None:
        """Say that there is no lab; called by the watcher."""
        with self._lock:
            self._show(self._film.missed(why))

    def _build(self) -> None:
        """Make the widgets."""
        self._said, self._evidence = widgets.HTML(layout=WIDE), widgets.HTML(layout=WIDE)
        self._picture = widgets.HTML(layout=widgets.Layout(width="100%", margin="2px 0", overflow="auto"))
        self._pause = widgets.ToggleButton(description="Pause", layout=NARROW)
        self._network = widgets.Dropdown(options=[ALL], description="Show")
        self._ticks = {
            name: widgets.Checkbox(True, description=words, indent=False, layout=NARROW)
            for name, words in (("rules", "Rules"), ("veths", "Veth pairs"), ("stopped", "Stopped containers"))
        }
        self._journey = widgets.ToggleButton(description="Journey", layout=NARROW, disabled=True)
        self._journey.tooltip = "The last journey in the place of the network: it plays here"
        # Else the picture is as wide as there is room for it, whole but perhaps too small to be read.
        self._large = widgets.Checkbox(False, description="Large", indent=False, layout=NARROW)
        for control in (self._journey, self._large):
            control.observe(lambda _: self._show_again(), "value")
        buttons = [self._pause, self._journey]
        for words, act in (
            ("Back", lambda _: self._step(1)),
            ("Forward", lambda _: self._step(-1)),
            ("Save PNG", lambda _: self._save("png")),
            ("Save SVG", lambda _: self._save("svg")),
            ("Close", lambda _: self.close()),
        ):
            buttons.append(widgets.Button(description=words, layout=NARROW))
            buttons[-1].on_click(act)
        for control in (self._pause, self._network, *self._ticks.values()):
            control.observe(lambda _: self._look_otherwise(), "value")
        self._part = widgets.Select(options=[], rows=6, layout=WIDE)
        self._part.observe(lambda _: self._explain(), "value")
        why = widgets.HTML(f"{SAVED}<b>Why are you here?</b> Choose a part of the picture; its evidence stands below.")
        self._box = widgets.VBox(
            [
                widgets.Box([*buttons, self._network, *self._ticks.values(), self._large], layout=ROW),
                self._said,
                self._picture,
                why,
                self._part,
                self._evidence,
            ]
        )
        self._box.add_class(OURS)

    def _show(self, film: Film) -> None:
        """Show a film where it stands; what cannot be drawn leaves everything as it was."""
        if film.view.network not in ("", *film.networks):
            film = replace(film, view=replace(film.view, network=""))
        frame = film.frame()
        self._film, self._frame = film, frame
        drawn = self._player if self._journey.value else frame.svg  # what plays is not disturbed by what happens
        state = (" course-large" if self._large.value else "") + (" course-closed" if self._closed else "")
        _set(self._picture, value=f'<div class="course-live{state}">{drawn}</div>')
        _set(self._said, value=_status(frame.said or "Nothing has changed yet."))
        if self._network.options != (networks := (ALL, *film.networks)):
            self._setting = True  # to set the options chooses the first of them, and that is nobody's click
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
        """Show the evidence for the part that is chosen."""
        lines = next((r.evidence for r in self._frame.reasons if r.key == self._part.value), ())
        text = "\n".join(lines)
        _set(self._evidence, value=f'<pre style="white-space: pre-wrap; margin: 0">{escape(text)}</pre>')

    def _look_otherwise(self) -> None:
        """Look as the controls say."""
        if self._setting:
            return
        network = "" if self._network.value == ALL else self._network.value
        ticks = {name: tick.value for name, tick in self._ticks.items()}
        with self._lock:
            view = replace(self._film.view, paused=self._pause.value, network=network, **ticks)
            if view != self._film.view:
                self._show(self._film.viewed(view))

    def _show_again(self) -> None:
        with self._lock:
            self._show(self._film)

    def _step(self, back: int) -> None:
        with self._lock:
            self._show(self._film.stepped(back))

    def _save(self, kind: str) -> None:
        """Save the picture that is shown under a name that is free, and say the name."""
        path = next(p for n in count(1) if not (p := Path(f"network-{n}.{kind}")).exists())
        with self._lock:
            save(self._frame.picture, path, self._frame.title, self._frame.words)
            _set(self._said, value=_status(f"Saved as {path} in the working directory of this notebook."))


def _status(words: str) -> str:
    """Return words as HTML that a screen reader says when they change."""
    style = "line-height: 1.4; min-height: 4.2em"  # room for three lines: the picture below does not jump
    return f'<div role="status" aria-live="polite" style="{style}">{escape(words)}</div>'


def _set(widget: Any, **values: Any) -> None:
    """Set what is new: what is the same would be drawn again."""
    for name, value in values.items():
        if getattr(widget, name) != value:
            setattr(widget, name, value)


_open: list[Panel] = []  # at most one for a kernel: whoever runs the cell again has one that follows


def live() -> Panel:
    """Show the network of the lab, and follow what happens in it until `close()` or the next `live()`.

    Interfaces, addresses, routes and rules of the host and the engine's events are followed at once; counters and
    what happens inside of containers appear within a few seconds.
    """
    while _open:
        _open.pop().close()
    _open.append(Panel(current.lab(), chapter.snapshot()))
    return _open[0]


def show_to_a_room(style: str, script: str) -> None:
    """Show the live picture with the style sheet and the script that make steps of the notebook's cells."""
    html = HTML(f"<style>{style}</style><script>{script}</script>")  # type: ignore[no-untyped-call]
    display(html, live())  # type: ignore[no-untyped-call]


def offer(player: str) -> None:
    """Have HTML that plays a journey ready in the panel that is open, if one is."""
    for panel in _open:
        panel.offer(player)


def still(html: str) -> dict[str, Any]:
    """Return what shows HTML in a notebook that runs; nothing of it is on a saved page."""
    return dict(widgets.HTML(SAVED + html, layout=WIDE).add_class(OURS)._repr_mimebundle_())


class Prediction:
    """A question that waits for a click, and then says what the lab says."""

    def __init__(self, question: Question) -> None:
        self._question = question
        text = widgets.HTML(f"{SAVED}<b>Predict.</b> {escape(question.text)}", layout=WIDE)
        # Not radio buttons: there an arrow key chooses at once, so that nobody gets to the third choice by keyboard.
        self._choices = [widgets.Button(description=choice, layout=NARROW) for choice in question.choices]
        for button in self._choices:
            button.on_click(self._show)
        self._answer = widgets.HTML(layout=WIDE)
        column = widgets.Layout(align_items="flex-start", width="100%")
        self._box = widgets.VBox([text, widgets.VBox(self._choices, layout=column), self._answer])
        self._box.add_class(OURS)

    def _show(self, chosen: widgets.Button) -> None:
        """Show the answer to the first choice: a prediction is not changed afterwards."""
        if self._answer.value:
            return
        chosen.icon = "check"  # it stays enabled: a button that is disabled loses the focus
        for button in self._choices:
            button.disabled = button is not chosen
        self._answer.value = self._question.html(chosen.description)

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        """Return the question to click and, for a page that cannot have one, the question with its answer folded."""
        fallback = {"text/html": self._question.html(), "text/plain": str(self._question)}
        return {**self._box._repr_mimebundle_(**options), **fallback}

    def __repr__(self) -> str:
        return str(self._question)


def predict(question: str, choices: Choices, *, answer: Callable[[], object]) -> Prediction:
    """Ask for a prediction, and show what the lab says once one was made.

    `choices` are texts, or a mapping from each to the misconception that is behind it. `answer` is called at once,
    so that a notebook runs the same with and without clicks; what it returns (see `question.put`) is shown after
    the click. Raises CourseError if the answer is none of the choices.
    """
    return Prediction(put(question, choices, answer))
