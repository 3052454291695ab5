"""Make a path that plays, as HTML: `player`. One SVG with all its steps, and controls that need no kernel. Pure.

Each step is a radio button, and CSS shows the path up to the chosen one: Tab moves there, the arrow keys step (HTML
Standard, "Radio Button state"). `Play` chooses one step after the other, by a script in its own attribute: a script
element does not run where ipywidgets puts HTML. Nothing moves, so nothing has to stop for people who ask for less
motion (prefers-reduced-motion, Media Queries Level 5).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from xml.sax.saxutils import escape, quoteattr

from course_lib.packet_path.model import PacketPath
from course_lib.packet_path.narrative import sentences
from course_lib.packet_path.overlay import Trip, legend, mark, numbered, path_picture, said, sockets, trips, under
from course_lib.packet_path.path_table import Names
from course_lib.packet_path.waypoints import Stop, lanes, line
from course_lib.picture import palette
from course_lib.picture.render_svg import document, element
from course_lib.picture.shapes import Line, Picture, Shape

SECONDS = 1.6  # from one step to the next
# Runs at each click in the form. It stops when a step is chosen by hand, and when the player is no longer shown.
SCRIPT = f"""
const form = this, steps = [...form.querySelectorAll('[name=step]')], play = form.querySelector('.course-way-play');
const stop = () => {{ clearInterval(form.timer); form.timer = 0; play.textContent = 'Play' }};
const playing = form.timer, pressed = event.target;
if (pressed === play || pressed.name === 'step' || pressed.matches('.course-way-all')) stop();
if (pressed.matches('.course-way-all')) steps.at(-1).checked = true;
if (pressed !== play || playing) return;
if (steps.at(-1).checked) steps[0].checked = true;
play.textContent = 'Pause';
form.timer = setInterval(() => {{
  const next = steps[steps.findIndex(step => step.checked) + 1];
  if (next && form.isConnected) next.checked = true;
  if (next === steps.at(-1) || !next || !form.isConnected) stop();
}}, {1000 * SECONDS:.0f});
"""
TEXT = f"var(--jp-ui-font-color1, {palette.INK})"  # JupyterLab's theme; a page without one is light
BUTTON = f"var(--jp-layout-color2, {palette.HOST})"
FOCUS = f"var(--jp-brand-color1, {palette.ACTIVE})"
# The label of the chosen step is its text; those of its two neighbours are the buttons Back and Forward.
STYLE = f"""
.course-way {{ color: {TEXT}; font: 13px/1.5 DejaVu Sans, Verdana, Helvetica, Arial, sans-serif }}
.course-way-row {{ display: flex; flex-wrap: wrap; gap: 6px; align-items: center; position: relative; padding: 4px }}
.course-way-steps {{ display: grid; grid-template-columns: auto auto 1fr; gap: 6px; flex: 1 1 320px; min-height: 54px }}
.course-way label {{ cursor: pointer; align-self: center }}
.course-way-button, .course-way-steps label::before {{
  display: inline-block; padding: 3px 12px; background: {BUTTON}; border: 1px solid {palette.GREY};
  color: inherit; font: inherit; cursor: pointer }}
.course-way-play {{ min-width: 72px }}  /* Pause is longer */
.course-way-row input[type=radio], .course-way-steps label {{ position: absolute; opacity: 0; pointer-events: none }}
.course-way-steps label span {{ display: none }}
.course-way-steps label:is(:has(:checked), :has(+ label > :checked), :has(:checked) + label) {{
  position: static; opacity: 1; pointer-events: auto }}
.course-way-steps label:has(+ label > :checked) {{ grid-area: 1 / 1 }}
.course-way-steps label:has(+ label > :checked)::before {{ content: "Back" }}
.course-way-steps label:has(:checked) + label {{ grid-area: 1 / 2 }}
.course-way-steps label:has(:checked) + label::before {{ content: "Forward" }}
.course-way-steps label:has(:checked) {{ grid-area: 1 / 3 }}
.course-way-steps label:has(:checked) span {{ display: inline }}
.course-way :is(label:has(:focus-visible), :focus-visible) {{ outline: 2px solid {FOCUS}; outline-offset: 2px }}
.course-way-picture {{ overflow-x: auto; width: 0; min-width: 100% }}  /* as wide as there is room, not as it is */
.course-way:not(:has(.course-way-large :checked)) svg {{ min-width: 0 !important }}
"""


def player(picture: Picture, path: PacketPath) -> str:
    """Return HTML that plays the steps of a path over a picture; at first it shows all of them."""
    found = trips(picture, path)
    stops = [stop for trip in found for stop in numbered(trip)]
    rules = [_rule(number) for number in range(1, len(stops) + 1)]
    return "\n".join(
        [
            # A form, so that two players are two groups of buttons.
            f'<form class="course-way" method="dialog" onclick={quoteattr(SCRIPT)}>',
            f"<style>{STYLE}{''.join(rules)}</style>",
            *(_controls(stops, Names(path)) if stops else ()),  # a packet may pass nothing that is drawn
            f'<div class="course-way-picture" tabindex="0">{_drawn(picture, path, found)}</div>',
            "</form>",
        ]
    )


def _controls(stops: Sequence[Stop], names: Names) -> list[str]:
    """Return the buttons above the picture."""
    steps = [_step(number, stop, names, last=number == len(stops)) for number, stop in enumerate(stops, 1)]
    return [
        '<div class="course-way-row">',
        '<button type="button" class="course-way-button course-way-play">Play</button>',
        f'<div class="course-way-steps">{"".join(steps)}</div>',
        '<button type="button" class="course-way-button course-way-all">Show all</button>',
        '<label class="course-way-large"><input type="checkbox"> Large</label></div>',
    ]


def _step(number: int, stop: Stop, names: Names, *, last: bool) -> str:
    """Return the button of a step."""
    words = f"Step {stop.number}{', the answer' if stop.step.back else ''}: {said(stop, names)}"
    checked = " checked" if last else ""
    name = f'class="course-pick-{number}" aria-label={quoteattr(words)}'
    button = f'<input type="radio" name="step" {name}{checked}>'
    return f"<label>{button}<span>{escape(words)}</span></label>"


def _rule(number: int) -> str:
    """Return the CSS that hides the steps after the chosen one, and marks the chosen one."""
    chosen = f".course-way:has(.course-pick-{number}:checked)"
    later = ", ".join(f"{chosen} .course-{kind}-{number} ~ .course-{kind}" for kind in ("line", "mark"))
    now = f"{chosen} .course-mark-{number} rect {{ stroke: {palette.ACTIVE}; stroke-width: 4 }}"
    return f"{later} {{ visibility: hidden }}\n{now}\n"


def _drawn(picture: Picture, path: PacketPath, found: Sequence[Trip]) -> str:
    """Return the SVG document: first the lines of all steps, then their circles."""
    whole = path_picture(picture, path, found)
    lines, marks = [], []
    for number, (segment, shapes) in enumerate(_steps(picture, found), 1):
        lines.append(_group("line", number, [segment]))
        marks.append(_group("mark", number, shapes))
    below, above = under(picture)
    body = [*map(element, below), *lines, *map(element, above), *marks]
    body += map(element, (*sockets(found), *legend(picture, path, found)))
    return document(whole, f"{path.request.origin} → {path.request.target}", sentences(path), body)


def _group(kind: str, number: int, shapes: Sequence[Shape]) -> str:
    """Return the SVG group of shapes that appear with a step."""
    classes = f"course-{kind} course-{kind}-{number}"
    return f'<g class="{classes}">{"".join(map(element, shapes))}</g>'


def _steps(picture: Picture, found: Sequence[Trip]) -> Iterator[tuple[Line, list[Shape]]]:
    """Yield for each numbered step the line that leads to it, and its mark."""
    for trip in found:
        free, begin = lanes(picture, trip.back), 0
        for position, stop in enumerate(trip.stops):
            if stop.number:
                points = line(trip.stops[begin : position + 1], free)
                yield replace(trip.line, points=points), mark(trip, stop)
                begin = position
