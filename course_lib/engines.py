"""The same in three labs at once, one for each engine: what the appendix on engines uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from course_lib import images, lab, packages
from course_lib.progress import say

T = TypeVar("T")


@contextmanager
def on(version: str) -> Iterator[None]:
    """Let everything happen in a lab with that engine ("20.10", "26.1", "newest"): a second one beside the learner's.

    It is made if it is not there; the learner's own lab serves for the engine that it has.
    """
    if lab.inspect() and lab.version() == version:
        yield
        return
    with lab.named(_beside(version)):
        found = lab.inspect()
        if not (found and found["State"]["Running"]):
            lab.up(version, lambda package: packages.need_packages([package], "make the lab's images", say))
        yield


def everywhere(do: Callable[[], T]) -> dict[str, T]:
    """Do the same in a lab of each engine, the oldest first; return what came of it by the engine."""
    found = {}
    for version in images.RELEASES:
        with on(version):
            found[version] = do()
    return found


def leave() -> None:
    """Take the labs beside the learner's own away, and prove it."""
    remove()
    print(f"Left beside your own lab: {len(_there())} labs")


def remove() -> list[str]:
    """Remove the labs beside the learner's own; return what was removed, in words."""
    gone = []
    for name in _there():
        with lab.named(name):
            gone += lab.remove()
    return gone


def _there() -> list[str]:
    """Return the names of the labs beside the learner's own that are there."""
    found = []
    for name in map(_beside, images.RELEASES):
        with lab.named(name):
            found += [name] if lab.inspect() else []
    return found


def _beside(version: str) -> str:
    """Return the name of the lab with an engine beside this lab: as long as a name may be, with its end."""
    return f"{lab.name()[-23:].lstrip('-')}-{version.replace('.', '-')}"
