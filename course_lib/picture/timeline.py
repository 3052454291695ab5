"""Keep the history of snapshots for the live picture, and render one of them: `Film.frame`.

What changed since the state before is highlighted and described in sentences.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from course_lib.network.describe import describe
from course_lib.network.diff import difference
from course_lib.network.model import Key, Snapshot
from course_lib.network.provenance import reasons
from course_lib.network.relations import relations
from course_lib.network.summary import summary
from course_lib.picture import highlight
from course_lib.picture.layout.page import WIDTH, layout
from course_lib.picture.render_svg import live_svg, part_id
from course_lib.picture.shapes import Picture, Shape
from course_lib.picture.view_filters import only_network, without_rules, without_stopped, without_veths

KEPT = 30  # states
SAID = 4  # sentences about a change; further ones are only counted


@dataclass(frozen=True)
class View:
    """What the viewer chose to see."""

    paused: bool = False
    back: int = 0  # how many states before the newest
    rules: bool = True
    veths: bool = True
    stopped: bool = True
    folded: bool = True  # similar containers share a card
    network: str = ""  # only this one; "" shows all
    room: int = 0  # how wide the picture may be, in pixels; 0 for as wide as it likes


# What can be chosen in a picture: by id (`part_id`) the name, the evidence, and the ids of what belongs to it.
Parts = dict[str, tuple[str, str, list[str]]]


@dataclass(frozen=True)
class Frame:
    """One rendered state."""

    picture: Picture
    svg: str
    title: str
    alt: str  # what the picture shows, in a few sentences
    words: str  # the output of `describe`
    said: str  # the last changes, for a screen reader
    parts: Parts


def parts(snapshot: Snapshot, picture: Picture) -> tuple[Parts, dict[Key, str]]:
    """Return what can be chosen in the picture of a snapshot, and the names of these parts by key."""
    drawn, related = picture.keys, relations(snapshot)
    shown = [reason for reason in reasons(snapshot) if reason.key in drawn]
    found: Parts = {}
    for reason in shown:
        belonging = sorted(part_id(key) for key in related.get(reason.key, ()) if key in drawn)
        found[part_id(reason.key)] = (reason.name, "\n".join(reason.evidence), belonging)
    return found, {reason.key: reason.name for reason in shown}


@dataclass(frozen=True)
class Film:
    """The last KEPT states of the lab, and the view of one of them. Immutable: each method returns a new film."""

    states: tuple[Snapshot, ...]
    view: View = View()
    note: str = ""  # precedes the changes, for example "This picture is out of date."
    moving: bool = False  # animate: the viewed state is new

    def seen(self, now: Snapshot) -> Film:
        """Add a snapshot; if only counters changed, it replaces the last one. A paused view stays at its state."""
        same = _uncounted(now) == _uncounted(self.states[-1])
        states = (*self.states[:-1], now) if same else (*self.states, now)[-KEPT:]
        away = self.view.paused or self.view.back > 0
        back = min(len(states) - 1, self.view.back + (away and not same))
        moving = not (same or away)
        return Film(states, replace(self.view, back=back), moving=moving)

    def missed(self, why: str) -> Film:
        """Note that the lab could not be read, and why."""
        return replace(self, note=f"This picture is out of date. {why}", moving=False)

    def viewed(self, view: View) -> Film:
        """Change the view; the end of a pause shows the newest state."""
        ended = self.view.paused and not view.paused
        back = 0 if ended else min(max(0, view.back), len(self.states) - 1)
        return replace(self, view=replace(view, back=back), moving=False)

    @property
    def networks(self) -> tuple[str, ...]:
        """Return the names of the networks to which the view can be limited."""
        return tuple(n.name for n in self.states[-1].networks if n.connects_containers)

    def frame(self) -> Frame:
        """Render the viewed state, with highlights for what changed since the state before."""
        at = len(self.states) - 1 - self.view.back
        now, before = _filtered(self.states[at], self.view), _filtered(self.states[max(0, at - 1)], self.view)
        picture, earlier = _picture(now, self.view), _picture(before, self.view)
        shown, names = parts(now, picture)
        only = self.view.network
        title = "The network of the lab" + (f", only network {only}" if now.network(only) else "")
        classes = highlight.classes(before, now, picture, earlier)
        gone: list[Shape] = []
        if self.moving:
            for box, texts in highlight.ghosts(before, now, picture, earlier):
                ghost = replace(box, key=("gone", *box.key))
                classes[ghost.key] = highlight.GONE
                gone += [ghost, *texts]
        else:
            classes = dict.fromkeys(classes, highlight.CHANGED)
        drawn = live_svg(replace(picture, shapes=(*picture.shapes, *gone)), names, classes)
        words = describe(now, _apart(now, self.view))
        return Frame(picture, drawn, title, summary(now), words, self._said(difference(before, now)), shown)

    def _said(self, changes: list[str]) -> str:
        """Return the text for a screen reader."""
        place = f"{self.view.back} before the newest state." if self.view.back else "Paused." * self.view.paused
        left = len(changes) - SAID
        more = [f"And {left} more change{'s' if left > 1 else ''}."] if left > 0 else []
        said = [change if change.endswith(".") else f"{change}." for change in changes[:SAID]]
        return " ".join(filter(None, [self.note, place, *said, *more]))


def _filtered(snapshot: Snapshot, view: View) -> Snapshot:
    if not view.stopped:
        snapshot = without_stopped(snapshot)
    return only_network(snapshot, view.network) if view.network else snapshot


def _apart(snapshot: Snapshot, view: View) -> frozenset[str]:
    """Return the names of the containers that are drawn by themselves."""
    return frozenset() if view.folded else frozenset(container.name for container in snapshot.containers)


_layout = lru_cache(maxsize=4)(layout)  # the state before was laid out a moment ago


def _picture(snapshot: Snapshot, view: View) -> Picture:
    picture = _layout(snapshot, _apart(snapshot, view), room=view.room or WIDTH)
    picture = picture if view.veths else without_veths(picture)
    return picture if view.rules else without_rules(picture)


def _uncounted(snapshot: Snapshot) -> Snapshot:
    """Return the snapshot with all counters at 0."""
    chains = [
        replace(c, packets=0, bytes=0, rules=tuple(replace(r, packets=0, bytes=0) for r in c.rules))
        for c in snapshot.chains
    ]
    return replace(snapshot, chains=tuple(chains))
