"""Name the folders of the course on this machine; `work` and `working_copy` find the learner's copy."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent  # the clone: notebooks, exercises, locks
EXERCISES = ROOT / "exercises"
WORK = ROOT / "my-course"  # the working copy, unless `--work` names another folder; git ignores it
MANIFEST = ".course-copy.json"  # a folder with this file is a working copy


def work() -> Path:
    """Return the working copy that the current folder is in; outside of one, the usual place, `WORK`."""
    return working_copy() or WORK


def working_copy() -> Path | None:
    """Return the working copy that the current folder is in; None outside of one, as in the clone and in tests."""
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / MANIFEST).is_file()), None)
