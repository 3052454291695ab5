"""Make a path that plays, as HTML: `player`. One SVG with all its steps, and controls that need no kernel. Pure.

Each step is a radio button, and player.css shows the path up to the chosen one: Tab moves there, the arrow keys step
(HTML Standard, "Radio Button state"). `Play` chooses one step after the other, by player.js in the form's own
attribute: a script element does not run where ipywidgets puts HTML. Nothing moves, so nothing has to stop for people
who ask for less motion (prefers-reduced-motion, Media Queries Level 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from string import Template
from xml.sax.saxutils import escape, quoteattr

from course_lib.packet_path.model import PacketPath
from course_lib.packet_path.overlay import Trip, legend, mark, numbered, path_picture, sockets, trips, under
from course_lib.packet_path.waypoints import Stop, lanes, line
from course_lib.packet_path.wording import Names, said, sentences
from course_lib.picture import palette
from course_lib.picture.render_svg import document, element
from course_lib.picture.shapes import Picture, Shape


def player(picture: Picture, path: PacketPath) -> str:
    """Return HTML that plays the steps of a path over a picture; at first it shows all of them."""
    style, script = (
        "\n" + (files("course_lib.packet_path") / name).read_text(encoding="utf-8")
        for name in ("player.css", "player.js")
    )
    found = trips(picture, path)
    stops = [stop for trip in found for stop in numbered(trip)]
    rules = "".join(_rule(number) for number in range(1, len(stops) + 1))
    return "\n".join(
        [
            # A form, so that two players are two groups of buttons.
            f'<form class="course-way" method="dialog" onclick={quoteattr(script)}>',
            f"<style>{Template(style).substitute(vars(palette))}{rules}</style>",
            *(_controls(stops, Names(path)) if stops else ()),  # a packet may pass nothing that is drawn
            f'<div class="course-way-picture" tabindex="0">{_drawn(picture, path, found)}</div>',
            "</form>",
        ]
    )


def _controls(stops: Sequence[Stop], names: Names) -> list[str]:
    """Return the buttons above the picture."""
    steps = []
    for number, stop in enumerate(stops, 1):
        words = f"Step {stop.number}{', the answer' if stop.step.back else ''}: {said(stop.step, names)}"
        label = f'class="course-pick-{number}" aria-label={quoteattr(words)}{" checked" * (number == len(stops))}'
        steps.append(f'<label><input type="radio" name="step" {label}><span>{escape(words)}</span></label>')
    return [
        '<div class="course-way-row">',
        '<button type="button" class="course-way-button course-way-play">Play</button>',
        f'<div class="course-way-steps">{"".join(steps)}</div>',
        '<button type="button" class="course-way-button course-way-all">Show all</button>',
        '<label class="course-way-large"><input type="checkbox"> Large</label></div>',
    ]


def _rule(number: int) -> str:
    """Return the CSS that hides the steps after the chosen one, and marks the chosen one."""
    chosen = f".course-way:has(.course-pick-{number}:checked)"
    later = ", ".join(f"{chosen} .course-{kind}-{number} ~ .course-{kind}" for kind in ("line", "mark"))
    now = f"{chosen} .course-mark-{number} rect {{ stroke: {palette.ACTIVE}; stroke-width: 4 }}"
    return f"{later} {{ visibility: hidden }}\n{now}\n"


def _drawn(picture: Picture, path: PacketPath, found: Sequence[Trip]) -> str:
    """Return the SVG document: first the line that leads to each numbered step, then the steps' circles."""
    lines: list[str] = []
    marks: list[str] = []
    for trip in found:
        free, begin = lanes(picture, trip.back), 0
        for position, stop in enumerate(trip.stops):
            if stop.number:
                segment = replace(trip.line, points=line(trip.stops[begin : position + 1], free))
                lines.append(_group("line", len(lines) + 1, [segment]))
                marks.append(_group("mark", len(lines), mark(trip, stop)))
                begin = position
    below, above = under(picture)
    body = [*map(element, below), *lines, *map(element, above), *marks]
    body += map(element, (*sockets(found), *legend(picture, path, found)))
    title = f"{path.request.origin} → {path.request.target}"
    return document(path_picture(picture, path, found), title, sentences(path), body)


def _group(kind: str, number: int, shapes: Sequence[Shape]) -> str:
    """Return the SVG group of shapes that appear with a step."""
    return f'<g class="course-{kind} course-{kind}-{number}">{"".join(map(element, shapes))}</g>'
