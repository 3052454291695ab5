"""Compare how long a chapter's first imports take here and in an older checkout: `python -m tests.bench.startup DIR`.

DIR is a git worktree of an older commit (`git worktree add DIR d12cfa7`). Both are started in turns with this Python,
so that ratios hold on a busy machine. Printed are medians of whole processes, which include starting Python itself:
the CPU time (user and system) and the elapsed time, in seconds, and the ratios of this checkout to DIR.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from tests.conftest import ROOT

CODE = "from course_lib import begin, load_ipython_extension"
TIMES = 11


def seconds(checkout: Path) -> tuple[float, float]:
    """Return the CPU time and the elapsed time of one Python that imports CODE's names from `checkout`."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", CODE], cwd=checkout)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{checkout}: exit code {process.returncode}"
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - began


def main() -> None:
    checkouts = (ROOT, Path(sys.argv[1]).resolve())
    for checkout in checkouts:
        seconds(checkout)  # writes the bytecode and fills the disk cache
    taken = [[seconds(checkout) for checkout in checkouts] for _ in range(TIMES)]
    print("          here    DIR  ratio")
    for number, name in enumerate(("CPU", "elapsed")):
        here, there = (statistics.median(turn[place][number] for turn in taken) for place in (0, 1))
        print(f"{name:8}{here:6.2f} {there:6.2f}  {here / there:5.2f}")


if __name__ == "__main__":
    main()
