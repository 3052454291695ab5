"""`./course doctor`: what works here, what does not, and what to do about it."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from course_lib import engine, facts, images, lab
from course_lib.base import supply
from course_lib.errors import CourseError
from course_lib.progress import say

ROOT = Path(__file__).resolve().parent.parent
FREE = 3 * 10**9  # bytes that the environment, the images and the lab take


def report() -> int:
    """Print one line for each thing that the course needs; return 1 if one of them is not well."""
    ill = 0
    for well, line in _checks():
        say(f"{'ok ' if well else 'NO '} {line}")
        ill += not well
    say("All is well." if not ill else f"{ill} of these are not well; each line says what to do.")
    return 1 if ill else 0


def _checks() -> Iterator[tuple[bool, str]]:
    """Yield each check, in the order in which one rests on the other; stop where the next has no ground."""
    yield (
        True,
        f"Python {platform.python_version()} on {platform.system()} {platform.release()} {platform.machine()}",
    )
    free = shutil.disk_usage(ROOT).free
    yield (
        free > FREE,
        f"{free / 1e9:.1f} GB free here" + ("" if free > FREE else f": free {FREE / 1e9:.0f} GB"),
    )
    well, line = _try(_engine)
    yield well, line
    if not well:
        return
    source = supply()
    yield (
        True,
        f"Debian's packages come from {source.mirror or 'the place that the image knows'}"
        + "".join(f", {option}" for option in source.options),
    )
    for tag in (images.lab_image(images.RELEASES[lab.DEFAULT_ENGINE]), *map(images.inner_image, images.INNER)):
        there = images.recipe_of(engine.outer(), tag) is not None
        yield there, f"image {tag}" + ("" if there else ": not there yet, `./course up` makes it")
    well, line = _try(_lab)
    yield well, line


def _try(check: Callable[[], str]) -> tuple[bool, str]:
    """Return whether a check went well, and its line or the sentence of its error."""
    try:
        return True, check()
    except CourseError as error:
        return False, str(error)


def _engine() -> str:
    """Return a line about the learner's engine."""
    api = engine.connect()
    info = api.info()
    return (
        f"Docker engine {info['ServerVersion']} ({info['OperatingSystem']}, kernel {info['KernelVersion']}, "
        f"cgroup v{info.get('CgroupVersion', '1')}, {info['NCPU']} CPUs, {info['MemTotal'] / 1e9:.0f} GB)"
    )


def _lab() -> str:
    """Return a line about the lab."""
    lab.require()
    return f"The lab {lab.name()!r} runs, with Docker engine {facts.read()['version']}"
