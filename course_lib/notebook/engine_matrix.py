"""Run the same code in one lab per engine version: `everywhere`, used by the appendix on engines."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from course_lib.lab import images
from course_lib.lab.lifecycle import Lab
from course_lib.notebook import current

T = TypeVar("T")


def everywhere(do: Callable[[], T]) -> dict[str, T]:
    """Call `do` once in a lab of each engine, the oldest first; return the results by engine version.

    For its own engine that is the learner's lab. For the others it is a relative of it, which is started if need be.
    Raises CourseError if one cannot be started.
    """
    results = {}
    for version in images.RELEASES:
        own = current.lab()
        if own.inspect() and own.version() == version:
            results[version] = do()  # a reset of the own lab stays known
            continue
        lab = own.relative(version)
        found = lab.inspect()
        if not (found and found["State"]["Running"]):
            lab.up(version, images.need_package)
        with current.using(lab):
            results[version] = do()
    return results


def leave() -> None:
    """Remove the labs that `everywhere` created, and print how many are left."""
    for lab in _others():
        lab.remove()
    print(f"Labs left besides your own: {len(_others())}")


def _others() -> list[Lab]:
    own = current.lab()
    ours = [own.relative(version) for version in images.RELEASES]
    return [lab for lab in own.relatives() if lab in ours]
