"""Run the same code in one lab per engine version: `everywhere`, used by the appendix on engines."""

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
    """Temporarily make a lab with the engine `version` ("20.10", "26.1", "newest") the current one.

    It is the learner's own lab if that has this engine, else a relative of it, which is created and started if need be.
    Raises CourseError if it cannot be started.
    """
    own = current.lab()
    if own.inspect() and own.version() == version:
        yield
        return
    other = own.relative(version)
    state = other.inspect()
    if not (state and state["State"]["Running"]):
        other.up(version, images.need_package)
    with current.using(other):
        yield


def everywhere(do: Callable[[], T]) -> dict[str, T]:
    """Call `do` once in a lab of each engine, the oldest first; return the results by engine version."""
    results = {}
    for version in images.RELEASES:
        with on(version):
            results[version] = do()
    return results


def leave() -> None:
    """Remove the labs that `on` created, and print how many are left."""
    for other in _others():
        other.remove()
    print(f"Labs left besides your own: {len(_others())}")


def _others() -> list[Lab]:
    """Return the existing labs of other engines that belong to the learner's own lab."""
    own = current.lab()
    ours = [own.relative(version) for version in images.RELEASES]
    return [lab for lab in own.relatives() if lab in ours]
