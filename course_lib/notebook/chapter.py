"""What a chapter's own cells use: begin, look, say what changed, wait, clean up."""

from __future__ import annotations

import io
import os
import textwrap
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PIL import Image

from course_lib.commands import jupyter
from course_lib.errors import CourseError, LabGoneError
from course_lib.lab import facts, images
from course_lib.lab.lifecycle import Lab
from course_lib.network.describe import describe
from course_lib.network.diff import difference, is_settled
from course_lib.network.model import PREDEFINED_NETWORKS, Snapshot
from course_lib.notebook import current
from course_lib.picture.layout.page import layout
from course_lib.picture.render_png import png
from course_lib.plain_text import clean

if TYPE_CHECKING:
    import networkx


def snapshot() -> Snapshot:
    """Return the network of the notebook's lab at this moment."""
    return facts.snapshot(current.lab())


_seen: dict[Lab, Snapshot] = {}  # the last look that this kernel took at each lab: there `changes()` begins


def observe() -> Snapshot:
    """Return what the network is now and remember it; a bridge gets a moment to notice what is plugged into it.

    The kernel tells a bridge of its ports' carriers up to a second late (net/core/link_watch.c).
    """
    deadline = time.monotonic() + 1.5
    now = snapshot()
    while not is_settled(now) and time.monotonic() < deadline:
        time.sleep(0.05)
        now = snapshot()
    _seen[current.lab()] = now
    return now


def changes() -> None:
    """Say what happened in the lab since `begin`, `look`, `words`, `changes` or a `--changes` cell last looked at it.

    Raises CourseError if nobody has looked yet.
    """
    before = _seen.get(current.lab())
    if before is None:
        raise CourseError("There is nothing to compare with yet: begin() or look() comes first.")
    print_changes(before, observe())


def print_changes(before: Snapshot, after: Snapshot) -> None:
    """Print what is different between two snapshots."""
    for sentence in difference(before, after) or ["Nothing changed."]:
        print(textwrap.fill(sentence, 110, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False))


def begin() -> None:
    """Take the lab back to its first day, and say what that removes; show a room the live picture (`serve`)."""
    try:
        _say_removed(snapshot())
    except LabGoneError:
        print("The lab had ended.")
    except Exception as error:  # whatever was in the lab, or was done to it, it is reset
        print(f"What was in the lab could not be read: {clean(str(error))}")
    current.lab().reset()
    observe()
    print("The lab is as on its first day.")
    if jupyter.PROJECTOR in os.environ:
        from course_lib.notebook import panel  # which stands on this module

        panel.show_to_a_room(*(path.read_text(encoding="utf-8") for path in (jupyter.STEPS, jupyter.STEPS_SCRIPT)))


def _say_removed(now: Snapshot) -> None:
    """Say which containers and networks go."""
    things = [f"container {c.name}" for c in now.containers]
    things += [f"network {n.name}" for n in now.networks if n.name not in PREDEFINED_NETWORKS]
    things += [f"bridge {name}" for name in _handmade(now)]
    for thing in things:
        print(f"Removed: {clean(thing)}")


def _handmade(now: Snapshot) -> list[str]:
    """Return the host's bridges that are no Docker network."""
    return [i.name for i in now.interfaces if i.kind == "bridge" and i.name not in {n.bridge for n in now.networks}]


NAMES = "{{.Repository}}:{{.Tag}}"
OURS = "|".join(f"{name}:latest" for name in images.INNER)
ALT = "The network of the lab, drawn. The next cell says the same in words."


class Picture:
    """A drawing of a Snapshot: an image in a notebook, its text twin wherever there are no images."""

    def __init__(self, now: Snapshot) -> None:
        self._now = now

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the image and the words, and what a page without images puts in the image's place."""
        data = {"image/png": png(layout(self._now)), "text/plain": describe(self._now)}
        return data, {"image/png": {"alt": ALT}}

    def __repr__(self) -> str:
        return describe(self._now)


GAP = 40  # pixels between two pictures


class Pictures:
    """The pictures of the same network in several labs, and the words of it where there are no images.

    They stand one under the other: beside each other three of them cannot be read on a page.
    """

    def __init__(self, networks: Mapping[str, Snapshot]) -> None:
        # A picture says which engine it is of: here by the name that was asked for, which does not change with time.
        self._networks = {name: replace(now, engine=name) for name, now in networks.items()}

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the picture and its text twin, and what a page without images puts in its place."""
        alt = f"The network of the lab on the engines {', '.join(self._networks)}, one under the other."
        return {"image/png": self.png(), "text/plain": repr(self)}, {"image/png": {"alt": alt}}

    def __repr__(self) -> str:
        return "\n\n".join(describe(now) for now in self._networks.values())

    def png(self) -> bytes:
        """Return the picture as the bytes of a PNG."""
        pictures = [Image.open(io.BytesIO(png(layout(now)))).convert("RGB") for now in self._networks.values()]
        size = max(p.width for p in pictures), sum(p.height for p in pictures) + GAP * (len(pictures) - 1)
        whole, y = Image.new("RGB", size, "white"), 0
        for picture in pictures:
            whole.paste(picture, (0, y))
            y += picture.height + GAP
        file = io.BytesIO()
        whole.quantize(128, dither=Image.Dither.NONE).save(file, "PNG")
        return file.getvalue()


def look() -> Picture:
    """Draw the network of the lab as it is now, with its text twin."""
    return Picture(observe())


def words(now: Snapshot | None = None) -> None:
    """Say the network of the lab in words: the text twin of the picture."""
    print(describe(now or observe()))


def network_graph(now: Snapshot | None = None) -> networkx.Graph[tuple[str, ...]]:
    """Return the network of the lab as a networkx graph, for questions about what is connected to what.

    A node is a tuple that begins with its kind: ("client", "client"), ("interface", "eth0"), ("bridge", "docker0"),
    ("veth", "veth1a2b3c4"), ("endpoint", container, network), ("container", "web"). Its attribute `kind` repeats the
    kind; `part` is what it represents, with addresses and state (a dataclass of `course_lib.network.model`, or None).
    The attribute `kind` of an edge is "cable", "port", "inside", "publishes", "shares" or "link";
    `course_lib.network.topology` explains each. The path between two containers:

        networkx.shortest_path(network_graph(), ("container", "web"), ("container", "db"))

    An edge is a connection, not a permission: firewall rules may drop packets on a path that exists here. Without a
    path networkx raises NetworkXNoPath; without the node, NodeNotFound. The graph is a copy: change it as you like.
    """
    from course_lib.network.topology import to_graph  # networkx takes 0.3 s to import

    return to_graph(now or observe()).copy()


def wait_until(what: Callable[[], object], seconds: float = 20) -> None:
    """Wait until `what()` is true; raises CourseError if it is not within so many seconds."""
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            raise CourseError(f"Waited {seconds:g} s for something that did not happen.")
        time.sleep(0.1)


def clean_up() -> None:
    """Remove every container, network and volume of the lab and the images that were made in it; prove it.

    Raises CourseError if something is left.
    """
    current.host(
        "docker ps -aq | xargs -r docker rm -fv; docker network prune -f\n"
        "docker volume ls -q | xargs -r docker volume rm -f\n"
        # An image that lost its name to a later build has none to be removed by: prune takes it.
        f"docker images -f dangling=false --format '{NAMES}' | grep -vxE '{OURS}' | xargs -r docker rmi -f\n"
        "docker image prune -f",
        timeout=60,
    )
    now = snapshot()
    made = current.host(f"docker images --format '{NAMES}' | grep -vxE '{OURS}' || true")
    left = {
        "containers": len(now.containers),
        "networks of your own": sum(n.name not in PREDEFINED_NETWORKS for n in now.networks),
        "images of your own": len(made.split()),
        "veth pairs to containers": sum(i.master is not None for i in now.interfaces),
        "rules for published ports": sum(r.target == "DNAT" for c in now.chains for r in c.rules),
    }
    if handmade := _handmade(now):  # what `ip` made is not Docker's, nor ours: we say so, and touch it not
        left["bridges made by hand"] = len(handmade)
    print("Left: " + ", ".join(f"{count} {what}" for what, count in left.items()))
    if any(left.values()):
        raise CourseError("Something is left: `./course reset` makes a fresh lab.")
