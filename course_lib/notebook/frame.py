"""Show a picture whose parts can be chosen: `Frame`, an anywidget (frame.js, frame.css). Python draws what it shows.

frame.js shows, selects and moves; it needs no kernel for that, so a saved notebook still answers. What it asks of
Python are messages with the key `do`; notebook/panel.py handles them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from course_lib.network.model import Snapshot
from course_lib.picture import palette
from course_lib.picture.layout.page import PAGE
from course_lib.picture.render_png import png
from course_lib.picture.render_svg import live_svg
from course_lib.picture.shapes import Picture
from course_lib.picture.timeline import Parts, parts

HERE = Path(__file__).parent
room: list[int] = []  # the width in pixels that the page last had for a picture; nothing before the first one


def _themed() -> str:
    """Return the CSS that gives each colour of a picture its counterpart in the theme; see `palette.SCREEN`."""
    light, forced, used = [], [], []
    for colour, (dark, system) in palette.SCREEN.items():
        name = f"--course-{colour[1:]}"
        light.append(f"{name}: light-dark({colour}, {dark});")
        forced.append(f"{name}: {system};")
        used += [f'.course-picture [{it}="{colour}"] {{ {it}: var({name}) }}' for it in ("fill", "stroke")]
    return "\n".join(
        [
            f".course-frame {{ {' '.join(light)} }}",
            f"@media (forced-colors: active) {{ .course-frame {{ {' '.join(forced)} }} }}",
            *used,
            "",
        ]
    )


class Frame(anywidget.AnyWidget):
    """A picture in a notebook, with the text twin below it.

    `shown` is what `content` returns; `controls` is None for a picture that does not follow a lab.

    `draw` returns `shown` for a width in pixels: the page asks for it again when it has another one for the picture.
    """

    _esm = (HERE / "frame.js").read_text(encoding="utf-8")
    _css = _themed() + (HERE / "frame.css").read_text(encoding="utf-8")
    shown = traitlets.Dict().tag(sync=True)
    controls = traitlets.Dict(None, allow_none=True).tag(sync=True)

    def __init__(self, draw: Callable[[float], dict[str, Any]] | None = None) -> None:
        super().__init__(**({"shown": draw(room[-1] if room else PAGE)} if draw else {}))
        self._draw = draw
        self.on_msg(self._asked)

    def _asked(self, _: object, message: dict[str, Any], __: object) -> None:
        """Draw the picture for the room that there is."""
        wanted = message.get("room")
        if message.get("do") == "view" and isinstance(wanted, int):
            room[:] = [wanted]
            if self._draw:
                self.shown = self._draw(wanted)

    def bundle(self, picture: Picture, words: str, alt: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what a cell outputs: the widget and, for a page without it, a PNG with its words."""
        data, metadata = self._repr_mimebundle_() or ({}, {})
        return {**data, "image/png": png(picture), "text/plain": words}, {
            **metadata,
            "image/png": about(picture.width, alt),
        }


def about(width: float, alt: str) -> dict[str, Any]:
    """Return the metadata of a PNG: the width that it takes on a page, in pixels, and what it shows.

    Only nbconvert's template "classic" takes both (classic/base.html.j2). JupyterLab (`renderImage` of its rendermime,
    up to 4.6) and nbconvert's template "lab" take the width alone: there a Frame has an alternative text, a PNG none.
    """
    return {"alt": alt, "width": round(width)}


def content(svg: str, found: Parts, *, alt: str, words: str, steps: Sequence[str] = ()) -> dict[str, Any]:
    """Return what a Frame shows: an SVG with its parts, and the sentences for the steps of a journey."""
    return {
        "svg": svg,
        "alt": alt,
        "words": words,
        "parts": {key: list(part) for key, part in found.items()},
        "steps": list(steps),
    }


def still(picture: Picture, snapshot: Snapshot, *, alt: str, words: str, steps: Sequence[str] = ()) -> dict[str, Any]:
    """Return what a Frame shows of a picture that does not change."""
    found, names = parts(snapshot, picture)
    return content(live_svg(picture, names), found, alt=alt, words=words, steps=steps)
