"""A live picture as a row of states, and how one of them looks: pure, whoever shows it.

What changed since the state before is marked by classes, and said in words.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from course_lib.network.describe import describe
from course_lib.network.diff import difference
from course_lib.network.model import Snapshot
from course_lib.network.provenance import Reason, reasons
from course_lib.network.topology import NO_NETWORK
from course_lib.picture import highlight
from course_lib.picture.layout.page import layout
from course_lib.picture.render_svg import svg
from course_lib.picture.shapes import Picture, Shape
from course_lib.picture.view_filters import only_network, without_rules, without_stopped, without_veths

KEPT = 30  # states that can be stepped back to
SAID = 4  # sentences about a change, before the rest is counted


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
        places = picture.places
        found = tuple(reason for reason in reasons(now) if reason.key in places)
        only = self.view.network
        title = "The network of the lab" + (f", only network {only}" if only and now.network(only) else "")
        classes = highlight.classes(before, now, picture, earlier)
        gone: list[Shape] = []
        if self.moving:
            for box, texts in highlight.ghosts(before, now, picture, earlier):
                ghost = replace(box, key=("gone", *box.key))
                classes[ghost.key] = highlight.GONE
                gone += [ghost, *texts]
        else:
            classes = dict.fromkeys(classes, highlight.CHANGED)
        drawn = svg(
            replace(picture, shapes=(*picture.shapes, *gone)),
            title,
            words := describe(now),
            style=highlight.STYLE,
            whys={reason.key: reason.text for reason in found},
            classes=classes,
        )
        return Frame(picture, drawn, title, words, self._said(difference(before, now)), found)

    def _said(self, changes: list[str]) -> str:
        """Return what is to be read aloud."""
        place = f"{self.view.back} before the newest state." if self.view.back else ""
        left = len(changes) - SAID
        more = [f"And {left} more change{'s' if left > 1 else ''}."] if left > 0 else []
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
