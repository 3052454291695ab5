"""Lay down the notebooks that a learner works on: `lay` creates or updates a working copy, `restore` renews a notebook.

The copies have no outputs, and links along the path through the course. Notebooks of the repository keep their outputs
and have no such links, because an exercise has another name and place here. A manifest in the working copy has a digest
of each file as it was laid down, so that a file that the learner changed is recognised and never overwritten.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import os
import re
import shlex
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from course_lib.console import say
from course_lib.errors import CourseError
from course_lib.exercises.catalog import every, write
from course_lib.paths import MANIFEST, ROOT, WORK

# The path through the course: an exercise comes after the chapters that it needs.
STEPS = (
    "00_start_here",
    "01_docker0",
    "02_publishing_ports",
    "exercises/02_publish_three_ways",
    "03_your_own_bridge",
    "exercises/01_read_the_map",
    "exercises/03_own_bridge",
    "04_looking_closer",
    "exercises/04_two_tiers",
    "exercises/10_by_hand",
    "05_containers_that_talk",
    "exercises/05_blog",
    "06_genid",
    "exercises/06_genid",
    "exercises/07_rescue",
    "exercises/08_capstone",
    "exercises/09_diagnose",
    "appendix_three_engines",
)
FIRST = f"{STEPS[0]}.ipynb"
LINK = re.compile(r"\]\(([^):#]+)\)")  # a link to a file, in Markdown
LAUNCHER = "course"


def lay(folder: Path) -> Path:
    """Create a working copy in a folder, or update the one that is there; return the folder's absolute path.

    A file that the learner did not change is replaced by the newer one of the course. Next to one that was changed, the
    newer one gets a name with the date, which is printed. Raises CourseError; then no file of the learner is changed.
    """
    folder = folder.resolve()
    if folder != WORK and folder.is_relative_to(ROOT):
        raise CourseError(
            f"{folder} is in the course's own folder, where only {WORK.name} is for your work: leave out --work, "
            "or choose a folder somewhere else."
        )
    with _disk_errors(folder):
        laid = _manifest(folder)
        for place, content in _contents().items():
            path, new = folder / place, _digest(place, content)
            found = _digest(place, path.read_bytes()) if path.exists() else ""
            if found in ("", laid.get(place)):
                if found != new:
                    _put(path, content)
            elif new not in (found, laid.get(place)):
                beside = _free(path, "new", content)
                _put(beside, content)
                say(f"You changed {place}, and the course has a newer one: it is next to yours, as {beside.name}.")
            laid[place] = new
        write(folder / MANIFEST, json.dumps(laid, indent=1))
    return folder


def restore(folder: Path, name: str) -> None:
    """Replace a chapter or an exercise of a working copy by a fresh one, and keep the old one under another name.

    `name` is that of its file, or a part from the beginning: "02" is chapter 02, "exercises/02" the exercise. Raises
    CourseError; then the notebook is as it was.
    """
    if not (folder / MANIFEST).exists():
        raise CourseError(f"There is no working copy in {folder}: `./course up` creates one.")
    wanted = name.removesuffix(".ipynb")
    found = [step for step in STEPS if step.startswith(wanted)] or [s for s in STEPS if Path(s).name.startswith(wanted)]
    if len(found) != 1:
        raise CourseError(f"{name} is not the name of one notebook; the notebooks are {', '.join(STEPS)}.")
    place = _place(found[0])
    path = folder / place
    with _disk_errors(folder):
        if path.exists():
            old = path.read_bytes()
            kept = _free(path, "old", old)
            _put(kept, old)
            say(f"Kept your {place} as {kept.name}.")
            # From now on it counts as unchanged, so that `lay` replaces it.
            write(folder / MANIFEST, json.dumps(_manifest(folder) | {place: _digest(place, old)}, indent=1))
    lay(folder)
    say(f"{path} is fresh.")


def _contents() -> dict[str, bytes]:
    """Return the files of a working copy by their paths in it."""
    import nbformat  # both take half a second
    from nbconvert.preprocessors import ClearOutputPreprocessor

    found: dict[str, bytes] = {}
    for step in STEPS:
        source = ROOT / (f"{step}/exercise.ipynb" if "/" in step else f"notebooks/{step}.ipynb")
        book, _ = ClearOutputPreprocessor().preprocess(nbformat.read(source, as_version=4), {})
        for target in (target for cell in book.cells for target in LINK.findall(cell.source)):
            if not target.endswith(".ipynb") and (source.parent / target).is_file():
                found[target] = (source.parent / target).read_bytes()  # a picture
        for exercise in every():  # an exercise has another place in the copy
            here = f"../exercises/{exercise}/exercise.ipynb"
            for cell in book.cells:
                cell.source = cell.source.replace(here, _place(f"exercises/{exercise}"))
        links = [nbformat.v4.new_markdown_cell(_links(step), id=f"links-{where}") for where in ("top", "end")]
        book.cells = [links[0], *book.cells, links[1]]
        found[_place(step)] = nbformat.writes(book).encode()
    if os.name != "nt":  # so that `./course` works in a terminal of JupyterLab, which begins in this folder
        found[LAUNCHER] = f'#!/bin/sh\nexec {shlex.quote(str(ROOT / "course"))} "$@"\n'.encode()
    return found


def _place(step: str) -> str:
    """Return the path of a step's notebook. An exercise has a folder of its own, for the files of its answer."""
    return f"{step}/{Path(step).name}.ipynb" if "/" in step else f"{step}.ipynb"


def _links(step: str) -> str:
    """Return a line of Markdown with links to the first, the previous and the next notebook, and to exercises."""
    at = STEPS.index(step)
    later = STEPS[at + 1 :]
    chapters = [other for other in later if "/" not in other]
    words = [_link(step, STEPS[0], "Start here")] if at else ["Start here"]
    words += [f"Previous: {_link(step, STEPS[at - 1])}"] if at > 1 else []
    if "/" in step:
        return " · ".join([*words, f"Next: {_link(step, later[0])}"])
    exercises = later[: later.index(chapters[0])] if chapters else ()
    words += [f"Exercise: {_link(step, other)}" for other in exercises]
    return " · ".join([*words, *(f"Next: {_link(step, chapter)}" for chapter in chapters[:1])])


def _link(step: str, to: str, words: str = "") -> str:
    """Return a link from one step's notebook to that of another."""
    target = os.path.relpath(_place(to), Path(_place(step)).parent).replace(os.sep, "/")
    return f"[{words or Path(to).name.replace('_', ' ')}]({target})"


def _digest(place: str, content: bytes) -> str:
    """Return a digest of a file. Of a notebook it is about cells and outputs: saving it changes the metadata too."""
    if place.endswith(".ipynb"):
        try:
            cells = json.loads(content)["cells"]
            parts = [[cell["cell_type"], "".join(cell["source"]), cell.get("outputs", [])] for cell in cells]
            content = json.dumps(parts).encode()
        except (ValueError, KeyError, TypeError):  # not a notebook any more
            pass
    return hashlib.sha256(content).hexdigest()


def _manifest(folder: Path) -> dict[str, str]:
    """Return the digests in a working copy's manifest by path; empty if there is none or it is damaged."""
    try:
        return {str(place): str(digest) for place, digest in json.loads((folder / MANIFEST).read_bytes()).items()}
    except (FileNotFoundError, ValueError, AttributeError):
        return {}


def _free(path: Path, kind: str, content: bytes) -> Path:
    """Return a name next to a file for another version of it, as "02.new-2026-11-30.ipynb", that loses nothing."""
    stem = f"{path.stem}.{kind}-{datetime.date.today()}"
    names = (path.with_name(f"{stem}{f'-{number}' if number > 1 else ''}{path.suffix}") for number in count(1))
    return next(name for name in names if not name.exists() or name.read_bytes() == content)


def _put(path: Path, content: bytes) -> None:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write(path, content)
    if path.name == LAUNCHER:
        path.chmod(0o755)


@contextlib.contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    """Turn an OSError about a working copy into a CourseError."""
    try:
        yield
    except OSError as error:
        raise CourseError(
            f"The working copy {folder} cannot be written ({error.strerror}): choose another folder with --work."
        ) from error
