"""Show a `Reach`: `text` for a terminal, `table` as HTML, `picture` as shapes, and `why` for one field. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from xml.sax.saxutils import escape

from course_lib.network.model import Key
from course_lib.network.placement import Group, name_runs
from course_lib.network.text_table import WIDTH, align, wrap_line
from course_lib.packet_path.reach import SAID, Answer, Field, Place, Reach
from course_lib.picture import palette
from course_lib.picture.render_svg import part_id
from course_lib.picture.shapes import Box, Picture, Shape, Text, wrap
from course_lib.picture.timeline import Parts
from course_lib.plain_text import clean

MARKS = {"yes": "✓", "no": "✗", "some": "◐", "unknown": "?"}
LEGEND = "✓ yes  ·  ✗ no  ·  ◐ by some of its addresses  ·  ? unknown"
COLOURS = {  # fill, edge, text
    "yes": (palette.YES, palette.YES_EDGE, palette.YES_INK),
    "no": (palette.ALARM_FILL, palette.ALARM, palette.ALARM),
    "some": (palette.RULES, palette.RULES_EDGE, palette.RULES_INK),
    "unknown": (palette.HOST, palette.GREY, palette.GREY),
}
SIZE, CHIP, GAP, EDGE = 10.0, 17.0, 3.0, 12.0  # of text, of a field's box, between boxes, around all: pixels


@dataclass(frozen=True)
class _Row:
    """One place, or several that reach, and are reached by, the same."""

    places: tuple[Place, ...]
    label: str

    @property
    def name(self) -> str:
        return self.places[0].name


def _rows(reach: Reach) -> list[_Row]:
    """Return the places in rows: containers that differ in nothing but their names and addresses share one."""

    def alike(a: str, b: str) -> bool:
        pairs = [((a, z.name), (b, z.name)) for z in reach.places if z.name not in (a, b)]
        pairs += [(p[::-1], q[::-1]) for p, q in pairs] + [((a, b), (b, a)), ((a, a), (b, b))]
        return all(outcomes.get(p) == outcomes.get(q) for p, q in pairs)

    outcomes: dict[tuple[str, str], list[tuple[str, ...]]] = {}
    for f in reach.fields:
        outcome = (f.service.label, *(f"{a.state} {a.how}" for a in f.answers))
        outcomes.setdefault((f.source, f.target), []).append(outcome)
    for some in outcomes.values():
        some.sort()
    groups: list[list[Place]] = []
    for place in reach.places:
        single = place.name in ("client", "host") or place.others
        group = next((g for g in groups if not single and all(alike(place.name, p.name) for p in g)), None)
        group.append(place) if group else groups.append([place])
    return [_Row(tuple(group), _label(reach, group)) for group in groups]


def _label(reach: Reach, group: list[Place]) -> str:
    containers = [c for p in group if (c := reach.network.container(p.name))]
    paused = " (paused)" if group[0].state == "paused" else ""
    if len(group) == 1:
        return group[0].label + paused
    return ", ".join(name_runs(Group(tuple(containers)))) + paused


def _fields(reach: Reach, source: _Row, target: _Row) -> list[Field]:
    """Return the fields from one row to another; within a row of several, from the first to the second."""
    return _between(reach, *_pairs_of_places(source, target)[0])


def _pairs_of_places(source: _Row, target: _Row) -> list[tuple[Place, Place]]:
    """Return who asks whom between two rows; within a row of several, each asks the others."""
    pairs = [(a, b) for a in source.places for b in target.places]
    return [(a, b) for a, b in pairs if a is not b] if source is target and len(target.places) > 1 else pairs


def _between(reach: Reach, source: Place, target: Place) -> list[Field]:
    keys = [("reach", source.name, target.name, s.label) for s in reach.services.get(target.name, ())]
    return [reach.by_key[key] for key in keys if key in reach.by_key]


@dataclass(frozen=True)
class _Reason:
    """One way that answers went: its letter, and what it decided."""

    letter: str
    state: str
    how: str
    details: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]

    @property
    def words(self) -> str:
        """Return the state, what decided, and the numbers of the rules."""
        numbers = sorted({int(m[1]) for d in self.details if (m := re.match(r"rule (\d+):", d))})
        rules = f" (rule{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))})" if numbers else ""
        return f"{self.state}: {self.how}{rules}"


def _reasons(reach: Reach, rows: list[_Row]) -> dict[tuple[str, str], _Reason]:
    """Return what decided, by state and words, in the order "yes", "no", "unknown".

    Places that share a row may owe the same answer to different rules, so each of them counts.
    """
    found: dict[tuple[str, str], tuple[dict[str, None], dict[tuple[str, str], None]]] = {}
    for source in rows:
        for target in rows:
            alone = "itself" if len(target.places) == 1 else "each other"
            label = alone if source is target else target.label
            fields = [f for pair in _pairs_of_places(source, target) for f in _between(reach, *pair)]
            for a in (answer for f in fields for answer in f.answers):
                details, pairs = found.setdefault((a.state, a.how), ({}, {}))
                details[a.detail], pairs[source.label, label] = None, None
    order = sorted(found, key=lambda key: ["yes", "no", "unknown"].index(key[0]))
    return {key: _Reason(_letter(n), *key, tuple(found[key][0]), tuple(found[key][1])) for n, key in enumerate(order)}


def _letter(number: int) -> str:
    """Return "a" to "z", then "aa" ..."""
    return (_letter(number // 26 - 1) if number >= 26 else "") + chr(ord("a") + number % 26)


def _letters(f: Field, reasons: dict[tuple[str, str], _Reason]) -> str:
    return "".join(dict.fromkeys(reasons[a.state, a.how].letter for a in f.answers))


def text(reach: Reach) -> str:
    """Return the matrix as lines of at most 110 characters where names allow it, and below it what decided."""
    rows = _rows(reach)
    reasons = _reasons(reach, rows)
    targets = [row for row in rows if any(_fields(reach, source, row) for source in rows)]
    lines = ["Who reaches whom: ping, name, and each port that is listened on or published."]
    head = ("from \\ to", *(t.label for t in targets))
    body = [(s.label, *(_cell(_fields(reach, s, t)) for t in targets)) for s in rows]
    widths = [max(len(row[i]) for row in (head, *body)) + 2 for i in range(len(head))]
    begin = 1
    while begin < len(head):  # as many columns as fit, then the next
        end = begin + 1
        while end < len(head) and widths[0] + sum(widths[begin : end + 1]) <= WIDTH:
            end += 1
        lines += ["", *align([(row[0], *row[begin:end]) for row in (head, *body)])]
        begin = end
    lines += ["", "~ by some of its addresses, ? unknown. What decided:" if reasons else "Nothing was asked."]
    for reason in reasons.values():
        lines += wrap_line(f"  {reason.words}")
        lines += wrap_line(f"      {_pairs(reason.pairs)}")
    lines += [f"Not asked: {', '.join(reach.left_out)}."] if reach.left_out else []
    return "\n".join([*lines, *wrap_line(SAID)]) + "\n"


def _cell(fields: list[Field]) -> str:
    """Return "yes", "no", or which services of a target can, or cannot, be reached."""
    tails = {"yes": "", "some": "~", "no": "", "unknown": "?"}
    yes = [f.service.label + tails[f.state] for f in fields if f.state in ("yes", "some")]
    no = [f.service.label + tails[f.state] for f in fields if f.state in ("no", "unknown")]
    if not fields:
        return "-"
    if len({f.state for f in fields}) == 1:
        return {"some": "yes~", "unknown": "?"}.get(fields[0].state, fields[0].state)
    if not yes:
        return "no, " + " ".join(n for n in no if n.endswith("?"))
    if not no:
        return f"yes, {' '.join(y for y in yes if y.endswith('~'))}"
    return f"only {' '.join(yes)}" if 0 < len(yes) <= len(no) else f"all but {' '.join(no)}"


def _pairs(pairs: Iterable[tuple[str, str]]) -> str:
    """Return "a, b → c; c → itself": senders with the same targets together, and at most four such groups."""
    targets: dict[str, list[str]] = {}
    for source, target in pairs:
        targets.setdefault(source, []).append(target)
    senders: dict[tuple[str, ...], list[str]] = {}
    for source, some in targets.items():
        senders.setdefault(tuple(some), []).append(source)
    words = [f"{', '.join(sources)} → {', '.join(some)}" for some, sources in senders.items()]
    return "; ".join(words[:4]) + (f"; and more from {len(words) - 4} others" if len(words) > 4 else "")


def why(f: Field) -> str:
    """Return one field in words: each address, what came of it, and the evidence."""
    lines = [f"{f.source} → {f.target}, {f.service.label}: {f.state}"]
    return "\n".join([*lines, *(part for a in f.answers for part in wrap_line(f"  {_said(a)}"))]) + "\n"


def _said(answer: Answer) -> str:
    by = f"by {answer.address}: " if answer.address else ""
    return clean(f"{by}{answer.state}: {answer.how}" + (f"; {answer.detail}" if answer.detail else ""))


def picture(reach: Reach) -> Picture:
    """Return the matrix as shapes: a box for each field, with the key `Field.key`, and below them what decided."""
    rows = _rows(reach)
    reasons = _reasons(reach, rows)
    targets = [row for row in rows if any(_fields(reach, source, row) for source in rows)]
    cells = {(s.name, t.name): _fields(reach, s, t) for s in rows for t in targets}
    chips = {f.key: Text(f"{MARKS[f.state]} {f.service.label}", size=SIZE) for some in cells.values() for f in some}
    letters = {f.key: Text(_letters(f, reasons), size=SIZE, font="mono") for some in cells.values() for f in some}

    def width(target: _Row) -> float:
        some = [f.key for s in rows for f in cells[s.name, target.name]]
        return max([chips[key].width + letters[key].width + 16 for key in some] + [44])

    names = {row.name: wrap(Text(row.label, size=11, bold=True), 110, 4) for row in rows}
    left = EDGE + max((t.width for texts in names.values() for t in texts), default=0) + 14
    heads = {t.name: wrap(Text(t.label, size=11, bold=True), width(t), 4) for t in targets}
    top = EDGE + 34 + 15 * max((len(texts) for texts in heads.values()), default=0)
    shapes: list[Shape] = [
        Text("Who reaches whom: from the row to the column", EDGE, EDGE + 12, size=13, bold=True),
    ]
    x = left
    for target in targets:
        y = top - 8 - 15 * (len(heads[target.name]) - 1)
        shapes += [Text(t.text, x, y + 15 * n, size=11, bold=True) for n, t in enumerate(heads[target.name])]
        x += width(target) + 2 * GAP + 6
    right, y = x, top
    for row in rows:
        tall = max([len(cells[row.name, t.name]) for t in targets] + [1]) * (CHIP + GAP) + 8
        tall = max(tall, 15 * len(names[row.name]) + 8)
        shapes.append(Box(EDGE - 4, y, right - EDGE + 4, 0.5, ("row", row.name), palette.EDGE, palette.EDGE, radius=0))
        shapes += [Text(t.text, EDGE, y + 18 + 15 * n, size=11, bold=True) for n, t in enumerate(names[row.name])]
        x = left
        for target in targets:
            for n, f in enumerate(cells[row.name, target.name]):
                fill, edge, ink = COLOURS[f.state]
                at = y + 5 + n * (CHIP + GAP)
                shapes += [
                    Box(
                        x, at, width(target), CHIP, f.key, fill, edge, stroke_width=1, radius=4, dashed=f.state != "yes"
                    ),
                    Text(chips[f.key].text, x + 5, at + 12.5, size=SIZE, colour=ink),
                    Text(letters[f.key].text, x + width(target) - 5, at + 12.5, SIZE, ink, "mono", anchor="end"),
                ]
            x += width(target) + 2 * GAP + 6
        y += tall
    whole = max(right, 620.0)
    y += 18
    shapes.append(Text(LEGEND, EDGE, y, size=SIZE, colour=palette.GREY))
    for reason in reasons.values():
        lines = wrap(Text(reason.words, size=SIZE), whole - EDGE - 60, 3)
        y += 3
        shapes.append(Text(reason.letter, EDGE + 14, y + 12, SIZE, COLOURS[reason.state][2], "mono", True, "end"))
        shapes += [Text(t.text, EDGE + 24, y + 12 + 14 * n, size=SIZE) for n, t in enumerate(lines)]
        y += 14 * len(lines)
    return Picture(whole + EDGE, y + 16, tuple(shapes))


def parts(reach: Reach) -> Parts:
    """Return what can be chosen in the picture: for each field its name, and what decided."""
    return {part_id(f.key): (_name(f), why(f), []) for f in reach.fields}


def names(reach: Reach) -> dict[Key, str]:
    """Return the name of each field of the picture."""
    return {f.key: _name(f) for f in reach.fields}


def _name(f: Field) -> str:
    return clean(f"{f.source} to {f.target}, {f.service.label}: {f.state}")


def table(reach: Reach) -> str:
    """Return an HTML table: a row for each sender, a column for each target, all fields in words."""
    rows = _rows(reach)
    targets = [row for row in rows if any(_fields(reach, source, row) for source in rows)]
    head = "".join(f'<th scope="col">{escape(t.label)}</th>' for t in targets)
    lines = [f"<tr><td></td>{head}</tr>"]
    for source in rows:
        cells = "".join(f"<td>{'<br>'.join(_entry(f) for f in _fields(reach, source, t))}</td>" for t in targets)
        lines.append(f'<tr><th scope="row">{escape(source.label)}</th>{cells}</tr>')
    table = f"<table><caption>Who (row) reaches whom (column)</caption>{''.join(lines)}</table>"
    notes = [f"Not asked: {', '.join(reach.left_out)}."] if reach.left_out else []
    words = "".join(f"<p>{escape(note)}</p>" for note in (*notes, SAID))
    return f"<div>{table}{words}</div>"


def _entry(f: Field) -> str:
    """Return one field of the table."""
    how = "; ".join(dict.fromkeys(clean(a.how if f.state != "some" else f"{a.state}: {a.how}") for a in f.answers))
    return f"{escape(f.service.label)}: {f.state} ({escape(how)})"
