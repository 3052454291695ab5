"""What a chapter costs over a bare shell, in the same run: `python -m tests.bench.chapters [NOTEBOOK ...]`.

The notebook: its kernel's start and all its cells, with nbclient. The bare way: `./course reset`, as its first cell
does, and then one script with the commands of its %%host and %%client cells, each in a bash of its own. Seconds differ
from machine to machine; their ratio does not, much. More than 1.5 is to be explained or mended.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from course_lib.lab import execute
from course_lib.notebook import current
from tests.conftest import ROOT
from tests.worker import lab

TOO_MUCH = 1.5


def commands(notebook: Any) -> Iterator[str]:
    """Yield the shell cells of a notebook as commands of one script; one that fails unexpectedly says so."""
    for cell in notebook.cells:
        match = re.match(r"%%(host|client)(.*)\n", cell.source)
        if cell.cell_type == "code" and match:
            place = execute.CLIENT if match[1] == "client" else execute.HOST
            body = cell.source[match.end() :]
            expected = "" if "--fails" in match[2] else f" || echo 'FAILED: cell {cell.execution_count}'"
            yield f"{shlex.join([*place, 'bash', '-ec', body])} </dev/null >/dev/null 2>&1{expected or ' || true'}"


@dataclass
class Taken:
    """Seconds that a chapter took: its notebook, what of it went into which cells, and the bare shell."""

    notebook: float = 0.0
    shell_cells: float = 0.0
    python_cells: float = 0.0  # begin() and clean_up(), pictures, words
    bare: float = 0.0

    def __add__(self, other: Taken) -> Taken:
        return Taken(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def __str__(self) -> str:
        ratio = self.notebook / self.bare
        kernel = self.notebook - self.shell_cells - self.python_cells
        parts = (self.notebook, kernel, self.python_cells, self.shell_cells, self.bare)
        flag = "  more than 1.5: explain or mend" if ratio > TOO_MUCH else ""
        return "".join(f"{seconds:12.1f}" for seconds in parts) + f"{ratio:8.2f}{flag}"


def taken(notebook: Any) -> Taken:
    """Run a notebook, and its commands in a bare shell."""
    found = Taken()
    since = [0.0]

    def begins(**_: Any) -> None:
        since[0] = time.perf_counter()

    def ends(cell: Any, **_: Any) -> None:
        kind = "shell_cells" if cell.source.startswith("%%") else "python_cells"
        setattr(found, kind, getattr(found, kind) + time.perf_counter() - since[0])

    resources = {"metadata": {"path": str(ROOT / "notebooks")}}
    client = NotebookClient(notebook, timeout=120, resources=resources, on_cell_execute=begins, on_cell_executed=ends)
    began = time.perf_counter()
    client.execute(stderr=subprocess.DEVNULL)  # the kernel's own warnings
    found.notebook = time.perf_counter() - began
    began = time.perf_counter()
    lab.reset()
    said = current.host("\n".join(commands(notebook)), timeout=600)
    found.bare = time.perf_counter() - began
    if said:
        print(f"(in the bare shell, without the Python cells between: {' '.join(said.split())})")
    return found


def main(paths: list[Path]) -> None:
    heads = ("notebook", "kernel", "Python", "%% cells", "bare shell")
    print(f"{'seconds of':28}{''.join(f'{head:>12}' for head in heads)}   ratio")
    total = Taken()
    for path in paths:
        it = taken(nbformat.read(path, as_version=4))
        total += it
        print(f"{path.stem:28}{it}", flush=True)
    print(f"{'all':28}{total}")
    lab.reset()


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]] or sorted((ROOT / "notebooks").glob("*.ipynb")))
