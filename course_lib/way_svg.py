"""A Way that plays by itself: one SVG in which CSS lets one step after the other appear, without a script.

It plays once and then stands still, with everything in view. Whoever asks for less motion (prefers-reduced-motion,
Media Queries Level 5) sees everything at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from course_lib.overlay import Trip, legend, mark, numbered, sockets, trips, under, way_picture
from course_lib.shapes import Line, Picture, Shape
from course_lib.stops import lanes, line
from course_lib.svg import element, svg
from course_lib.way import Way
from course_lib.way_story import sentences

SECONDS = 1.6  # from one step to the next
STYLE = (
    "<style>@keyframes course-appear{from{opacity:0}to{opacity:1}}"
    ".course-step{animation:course-appear .4s both}"
    "@media (prefers-reduced-motion:reduce){.course-step{animation:none}}</style>"
)


def frames(picture: Picture, way: Way, until: int | None = None) -> str:
    """Return an SVG document that plays the steps of a way over a picture.

    With `until` it stands still and shows the steps up to that number, which is the one in the table: a panel that
    steps forward and back asks for one after the other (`step_numbers` has them).
    """
    found = trips(picture, way)
    whole = way_picture(picture, way, found)
    lines, marks = [], []
    for position, (number, segment, shapes) in enumerate(_steps(picture, found)):
        if until is not None and number > until:
            break
        begin = f' style="animation-delay:{SECONDS * position:.1f}s"' if until is None else ""
        group = f'<g class="course-step step-{number}"{begin}>' if until is None else f'<g class="step-{number}">'
        lines.append(f"{group}{element(segment)}</g>")
        marks.append(f"{group}{''.join(map(element, shapes))}</g>")
    below, above = under(picture)
    body = [*map(element, below), *lines, *map(element, above), *marks]
    body += map(element, (*sockets(found), *legend(picture, way, found)))
    title = f"{way.request.origin} → {way.request.target}"
    document = svg(replace(whole, shapes=()), title, sentences(way))
    return document.replace("</svg>", "\n".join([STYLE, *body, "</svg>"]))


def step_numbers(picture: Picture, way: Way) -> list[int]:
    """Return the numbers of the steps that `frames` shows, in order."""
    return [stop.number for trip in trips(picture, way) for stop in numbered(trip)]


def _steps(picture: Picture, found: Sequence[Trip]) -> Iterator[tuple[int, Line, list[Shape]]]:
    """Yield each numbered step with the line that leads to it and its mark."""
    for trip in found:
        free, begin = lanes(picture, trip.back), 0
        for position, stop in enumerate(trip.stops):
            if stop.number:
                points = line(trip.stops[begin : position + 1], free)
                yield stop.number, replace(trip.line, points=points), mark(trip, stop)
                begin = position
