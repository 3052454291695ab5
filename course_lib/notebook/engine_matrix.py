"""The same in three labs at once, one for each engine: what the appendix on engines uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from course_lib.lab import images
from course_lib.lab.lifecycle import Lab
from course_lib.notebook import current

T = TypeVar("T")


@contextmanager
def on(version: str) -> Iterator[None]:
    """Let everything happen in a lab with that engine ("20.10", "26.1", "newest"): a relative of the learner's.

    It is made if it is not there; the learner's own lab serves for the engine that it has.
    """
    own = current.lab()
    if own.inspect() and own.version() == version:
        yield
        return
    other = own.relative(version)
    found = other.inspect()
    if not (found and found["State"]["Running"]):
        other.up(version, images.need_package)
    with current.using(other):
        yield


def everywhere(do: Callable[[], T]) -> dict[str, T]:
    """Do the same in a lab of each engine, the oldest first; return what came of it by the engine."""
    found = {}
    for version in images.RELEASES:
        with on(version):
            found[version] = do()
    return found


def leave() -> None:
    """Remove the labs beside the learner's own, and prove it."""
    for other in _there():
        other.remove()
    print(f"Left beside your own lab: {len(_there())} labs")


def _there() -> list[Lab]:
    """Return the labs beside the learner's own that are there."""
    own = current.lab()
    ours = [own.relative(version) for version in images.RELEASES]
    return [lab for lab in own.relatives() if lab in ours]
