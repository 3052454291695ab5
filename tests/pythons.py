"""Find the Pythons on this machine that the course supports: of each minor version the oldest and newest release."""

from __future__ import annotations

import functools
import json
import os
import subprocess
from collections import defaultdict
from pathlib import Path

MINORS = ("3.11", "3.12", "3.13")
WHICH = "import json, sys; print(json.dumps([sys.version_info[:3], sys.executable]))"


@functools.cache
def supported() -> dict[str, str]:
    """Return the programs by their versions ("3.11.2"): those on PATH, the system's and pyenv's."""
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    folders = [Path(place) for place in (*os.environ.get("PATH", "").split(os.pathsep), "/usr/bin") if place]
    by_minor: dict[str, dict[tuple[int, ...], str]] = defaultdict(dict)
    for folder in (*folders, *sorted(versions.glob("*/bin"))):
        for minor in MINORS:
            program = folder / f"python{minor}"
            if program.exists():
                by_minor[minor] |= _which(program)
    ends = [(version, found[version]) for found in by_minor.values() if found for version in (min(found), max(found))]
    return {".".join(map(str, version)): program for version, program in sorted(ends)}


def _which(program: Path) -> dict[tuple[int, ...], str]:
    """Return a Python's release and its program; nothing if it does not run (a shim of pyenv for another one)."""
    done = subprocess.run([program, "-I", "-S", "-c", WHICH], capture_output=True, check=False)
    if done.returncode:
        return {}
    version, executable = json.loads(done.stdout)
    return {tuple(version): executable}
