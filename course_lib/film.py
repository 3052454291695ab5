"""A live picture as a row of states, and how one of them looks: pure, whoever shows it.

What changed since the state before is marked by classes, and said in words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from course_lib import palette
from course_lib.difference import difference
from course_lib.filters import only_network, without_rules, without_stopped, without_veths
from course_lib.graph import NO_NETWORK, to_graph
from course_lib.layout import layout
from course_lib.phrases import is_live
from course_lib.reasons import Reason, reasons
from course_lib.shapes import Box, Key, Picture, Shape, groups
from course_lib.snapshot import Chain, Snapshot
from course_lib.svg import svg
from course_lib.text import describe

KEPT = 30  # states that can be stepped back to
SAID = 6  # sentences about a change, before the rest is counted
# A class is a word of ours, so that no other picture on the page is meant. What moves does so for a second, and
# not at all for whoever asked their system for less motion.
STYLE = f"""
.course-live text, .course-live polyline {{ pointer-events: none }}
.course-live .course-new {{ animation: course-in 0.8s ease-out }}
.course-live .course-idle {{ opacity: 0.62; transition: opacity 0.8s }}
.course-live .course-gone {{ opacity: 0; animation: course-out 0.8s ease-in }}
.course-live .course-new > rect, .course-live .course-changed > rect {{ stroke: {palette.ACTIVE}; stroke-width: 3.5 }}
@keyframes course-in {{ from {{ opacity: 0 }} to {{ opacity: 1 }} }}
@keyframes course-out {{ from {{ opacity: 1 }} to {{ opacity: 0 }} }}
@media (prefers-reduced-motion: reduce) {{
  .course-live .course-new {{ animation: none }}
  .course-live .course-idle {{ transition: none }}
  .course-live .course-gone {{ display: none }}
}}
"""


@dataclass(frozen=True)
class View:
    """What somebody wants to see."""

    paused: bool = False
    back: int = 0  # states before the newest
    rules: bool = True
    veths: bool = True
    stopped: bool = True
    network: str = ""  # "" shows all


@dataclass(frozen=True)
class Frame:
    """One state, drawn."""

    picture: Picture
    svg: str
    title: str
    words: str  # the text twin
    said: str  # what changed last
    reasons: tuple[Reason, ...]  # for the parts that are on the picture


@dataclass(frozen=True)
class Film:
    """The last states of the lab, and how somebody looks at one of them; what is done to it gives another film."""

    states: tuple[Snapshot, ...]
    view: View = View()
    note: str = ""  # what else there is to say, as that the picture is old
    moving: bool = False  # the state that is looked at has just come

    def seen(self, now: Snapshot) -> Film:
        """Add a look at the lab; where only counters moved it takes the place of the last one."""
        same = _uncounted(now) == _uncounted(self.states[-1])
        states = (*self.states[:-1], now) if same else (*self.states, now)[-KEPT:]
        away = self.view.paused or self.view.back > 0
        back = min(len(states) - 1, self.view.back + (away and not same))
        moving = not (same or away)
        return Film(states, replace(self.view, back=back), moving=moving)

    def missed(self, why: str) -> Film:
        """Say that there is nothing to look at."""
        return replace(self, note=f"This picture is old. {why}", moving=False)

    def stepped(self, back: int) -> Film:
        """Go back so many states, or forward if it is less than nothing."""
        at = min(max(0, self.view.back + back), len(self.states) - 1)
        return replace(self, view=replace(self.view, back=at), moving=False)

    def viewed(self, view: View) -> Film:
        """Look in another way; who does not pause any more sees the newest state."""
        ended = self.view.paused and not view.paused
        return replace(self, view=replace(view, back=0) if ended else view, moving=False)

    @property
    def networks(self) -> tuple[str, ...]:
        """Return the names of the networks that can be looked at alone."""
        return tuple(n.name for n in self.states[-1].networks if n.driver not in NO_NETWORK)

    def frame(self) -> Frame:
        """Return how the state that is looked at looks."""
        at = len(self.states) - 1 - self.view.back
        now, before = _filtered(self.states[at], self.view), _filtered(self.states[max(0, at - 1)], self.view)
        picture, earlier = _picture(now, self.view), _picture(before, self.view)
        found = tuple(reason for reason in reasons(now) if reason.key in picture.places)
        title = "The network of the lab" + (f", only network {self.view.network}" if self.view.network else "")
        classes = _classes(before, now, picture, earlier)
        gone = [shape for group in _gone(picture, earlier) for shape in group] if self.moving else []
        if not self.moving:
            classes = {key: name.replace("course-new", "course-changed") for key, name in classes.items()}
        drawn = svg(
            replace(picture, shapes=(*picture.shapes, *gone)),
            title,
            words := describe(now),
            style=STYLE,
            whys={reason.key: reason.text for reason in found},
            classes=classes,
        )
        return Frame(picture, drawn, title, words, self._said(difference(before, now)), found)

    def _said(self, changes: list[str]) -> str:
        """Return what is to be read aloud."""
        place = f"{self.view.back} before the newest state." if self.view.back else ""
        more = [f"And {len(changes) - SAID} more changes."] if len(changes) > SAID else []
        return " ".join(filter(None, [self.note, place, *changes[:SAID], *more]))


def _filtered(snapshot: Snapshot, view: View) -> Snapshot:
    if not view.stopped:
        snapshot = without_stopped(snapshot)
    return only_network(snapshot, view.network) if view.network else snapshot


@lru_cache(maxsize=4)  # the state before was drawn a moment ago
def _layout(snapshot: Snapshot) -> Picture:
    return layout(snapshot)


def _picture(snapshot: Snapshot, view: View) -> Picture:
    picture = _layout(snapshot)
    picture = picture if view.veths else without_veths(picture)
    return picture if view.rules else without_rules(picture)


def _uncounted(snapshot: Snapshot) -> Snapshot:
    """Return the snapshot with all counters at zero."""
    chains = [
        replace(c, packets=0, bytes=0, rules=tuple(replace(r, packets=0, bytes=0) for r in c.rules))
        for c in snapshot.chains
    ]
    return replace(snapshot, chains=tuple(chains))


def _classes(before: Snapshot, now: Snapshot, picture: Picture, earlier: Picture) -> dict[Key, str]:
    """Return what is to be marked: new, changed, idle (stopped), gone."""
    found: dict[Key, str] = {("container", c.name): "course-idle" for c in now.containers if not is_live(c)}
    if before != now:
        old, new = dict(_things(before)), dict(_things(now))
        here, there = picture.places, earlier.places
        for key in here:
            if key in new and key not in old and key not in there:
                found[key] = "course-new"
            elif key in new and key in old and new[key] != old[key]:
                found[key] = f"{found.get(key, '')} course-changed".strip()
        found |= dict.fromkeys((group[0].key for group in _gone(picture, earlier) if isinstance(group[0], Box)), GONE)
    return found


GONE = "course-gone"


def _things(snapshot: Snapshot) -> Iterator[tuple[Key, object]]:
    """Yield what the boxes of a picture stand for, without what moves all the time."""
    graph = to_graph(snapshot)
    for key in graph:
        yield key, graph.nodes[key]["it"]
    for chain in snapshot.chains:
        yield from _rules(chain)


def _rules(chain: Chain) -> Iterator[tuple[Key, object]]:
    yield ("policy", chain.family), (chain.policy, chain.packets) if chain.name == "FORWARD" else None
    for rule in chain.rules:
        yield ("rule", chain.family, chain.table, chain.name, rule.number), rule


def _gone(picture: Picture, earlier: Picture) -> Iterator[list[Shape]]:
    """Yield the boxes of containers and their cables that are not there any more, with their texts."""
    here = picture.places
    for group in groups(earlier.shapes):
        box = group[0]
        if isinstance(box, Box) and box.key[0] in ("container", "endpoint", "veth") and box.key not in here:
            yield group
