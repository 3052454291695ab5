"""Begin and end a chapter, show its network and print what changed: `begin`, `look`, `words`, `changes`, `clean_up`.

Every chapter imports this module, so it loads no pictures, panel or graph: the functions that need one import it.
"""

from __future__ import annotations

import os
import textwrap
import time
from typing import TYPE_CHECKING

from course_lib import paths
from course_lib.errors import CourseError, LabGoneError
from course_lib.lab import images
from course_lib.lab.lifecycle import Lab
from course_lib.network.diff import difference, is_settled
from course_lib.network.model import PREDEFINED_NETWORKS, Snapshot
from course_lib.notebook import current
from course_lib.plain_text import clean

if TYPE_CHECKING:
    import networkx

    from course_lib.notebook.pictures import Picture

_seen: dict[Lab, Snapshot] = {}  # the last snapshot that this kernel took of each lab: `changes()` compares with it


def observe() -> Snapshot:
    """Return a snapshot of the lab's network and remember it for `changes`.

    Wait up to 1.5 s for bridges to settle: the kernel reports the carrier of a bridge's ports up to a second late
    (net/core/link_watch.c).
    """
    deadline = time.monotonic() + 1.5
    now = current.snapshot()
    while not is_settled(now) and time.monotonic() < deadline:
        time.sleep(0.05)
        now = current.snapshot()
    _seen[current.lab()] = now
    return now


def changes() -> None:
    """Print what changed in the lab since the last `begin`, `look`, `words`, `changes` or `--changes` cell.

    Raises CourseError if none of them has run yet.
    """
    before = _seen.get(current.lab())
    if before is None:
        raise CourseError("There is nothing to compare with yet: run begin() or look() first.")
    print_changes(before, observe())


def print_changes(before: Snapshot, after: Snapshot) -> None:
    """Print the differences between two snapshots, one sentence each, in lines of at most 110 characters."""
    for sentence in difference(before, after) or ["Nothing changed."]:
        print(textwrap.fill(sentence, 110, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False))


def begin() -> None:
    """Reset the lab and print what that removes. After `./course up --projector`, show the live picture.

    Predictions can be made anew. Raises CourseError if the lab cannot be reset.
    """
    current.begin_run()
    current.follow()
    try:
        _print_removed(current.snapshot())
    except LabGoneError:
        print("The lab was not running, or did not answer.")
    except Exception as error:  # reset the lab whatever state it is in
        print(f"Could not read what was in the lab: {clean(str(error))}")
    current.reset()
    observe()
    print("The lab has been reset.")
    if "COURSE_PROJECTOR" in os.environ:  # set by commands.jupyter
        from course_lib.notebook import panel

        panel.show_projector()


def _print_removed(now: Snapshot) -> None:
    """Print which containers, networks and bridges a reset removes."""
    things = [f"container {c.name}" for c in now.containers]
    things += [f"network {n.name}" for n in now.networks if n.name not in PREDEFINED_NETWORKS]
    things += [f"bridge {name}" for name in _bridges_by_hand(now)]
    if things and (other := current.other_notebook()):
        print(f"Another notebook began to use the lab ({other}). What it created is removed:")
    for thing in things:
        print(f"Removed: {clean(thing)}")


def _bridges_by_hand(now: Snapshot) -> list[str]:
    """Return the names of the host's bridges that belong to no Docker network."""
    return [i.name for i in now.interfaces if i.kind == "bridge" and i.name not in {n.bridge for n in now.networks}]


def look() -> Picture:
    """Return a drawing of the lab's network as it is now; where there are no images, it is described in words."""
    from course_lib.notebook.pictures import Picture

    return Picture(observe())


def words() -> None:
    """Print a description of the lab's network as it is now: the same facts as in the picture."""
    from course_lib.network.describe import describe

    print(describe(observe()))


def network_graph(now: Snapshot | None = None) -> networkx.Graph[tuple[str, ...]]:
    """Return the network of the lab as a networkx graph, for questions about what is connected to what.

    A node is a tuple that begins with its kind: ("client", "client"), ("interface", "eth0"), ("bridge", "docker0"),
    ("veth", "veth1a2b3c4"), ("endpoint", container, network), ("container", "web"). Its attribute `kind` repeats the
    kind; `part` is what it represents, with addresses and state (a dataclass of `course_lib.network.model`, or None).
    The attribute `kind` of an edge is "cable", "port", "inside", "publishes", "shares" or "link";
    `course_lib.network.graph` explains each. The path between two containers:

        networkx.shortest_path(network_graph(), ("container", "web"), ("container", "db"))

    An edge is a connection, not a permission: firewall rules may drop packets on a path that exists here. Without a
    path networkx raises NetworkXNoPath; without the node, NodeNotFound.
    """
    from course_lib.network.graph import to_graph  # networkx takes 0.3 s to import

    return to_graph(now or observe())


NAMES = "{{.Repository}}:{{.Tag}}"
OURS = "|".join(f"{name}:latest" for name in images.INNER)


def clean_up() -> None:
    """Remove the lab's containers, networks and volumes and the images built in it, then print what is left.

    In a working copy, keep that the chapter is done. Raises CourseError if something is left.
    """
    current.host(
        "docker ps -aq | xargs -r docker rm -fv; docker network prune -f\n"
        "docker volume ls -q | xargs -r docker volume rm -f\n"
        # An image whose name a later build took has no name to remove it by: `docker image prune` removes it.
        f"docker images -f dangling=false --format '{NAMES}' | grep -vxE '{OURS}' | xargs -r docker rmi -f\n"
        "docker image prune -f",
        timeout=60,
    )
    now = current.snapshot()
    made = current.host(f"docker images --format '{NAMES}' | grep -vxE '{OURS}' || true")
    left = {
        "containers": len(now.containers),
        "networks of your own": sum(n.name not in PREDEFINED_NETWORKS for n in now.networks),
        "images of your own": len(made.split()),
        "veth pairs to containers": sum(i.master is not None for i in now.interfaces),
        "rules for published ports": sum(r.target == "DNAT" for c in now.chains for r in c.rules),
    }
    if handmade := _bridges_by_hand(now):  # bridges made with `ip` are not ours to delete: report them only
        left["bridges made by hand"] = len(handmade)
    print("Left: " + ", ".join(f"{count} {what}" for what, count in left.items()))
    if any(left.values()):
        raise CourseError("Not everything was removed: run `./course reset` to get an empty lab.")
    if (folder := paths.working_copy()) and (name := current.notebook()):
        from course_lib.exercises import predictions  # the first cell does not need it

        record = predictions.read(folder)
        record.done = sorted({*record.done, name})
        predictions.save(folder, record)
