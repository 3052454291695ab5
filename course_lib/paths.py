"""Name the folders of the course on this machine."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent  # the clone: notebooks, exercises, locks
EXERCISES = ROOT / "exercises"
