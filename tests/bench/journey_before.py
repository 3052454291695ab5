"""What a journey costs beside that of another commit, in turns: `python -m tests.bench.journey_before COMMIT`.

Each commit's `journey` runs in a process of its own, which keeps its streams open, as a notebook's kernel does.
"""

from __future__ import annotations

import io
import statistics
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from course_lib.lab.lifecycle import from_environment
from course_lib.notebook import current
from tests.bench.snapshot import start

lab = from_environment()

ROOT = Path(__file__).resolve().parents[2]
BOUND = 1.5  # times the other commit's
WORKER = """
import sys, time
from course_lib import journey
for line in sys.stdin:
    began = time.perf_counter()
    journey("client", "http://203.0.113.10/")
    print(time.perf_counter() - began, flush=True)
"""


def worker(folder: str | Path) -> subprocess.Popen[str]:
    """Start a process that sends a journey with the code in a folder for each line that it reads."""
    command = [sys.executable, "-c", WORKER]
    return subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def timed(process: subprocess.Popen[str]) -> float:
    """Return how many seconds one journey takes."""
    assert process.stdin
    assert process.stdout
    process.stdin.write("\n")
    process.stdin.flush()
    return float(process.stdout.readline())


def main(commit: str, turns: int = 15) -> None:
    """Measure at 3, 10 and 50 containers, and say where the bound is not kept."""
    lab.reset()
    current.host(
        "docker run -d --name web -p 80:80 nginx; until curl -sf -o /dev/null http://172.17.0.2/; do sleep 0.1; done"
    )
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True).stdout
        with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
            packed.extractall(folder, filter="data")
        workers = worker(folder), worker(ROOT)
        print("containers  before     now   ratio   (medians, in ms)")
        there = 1
        for count in (3, 10, 50):
            start(count, there)
            there = count
            for process in workers:
                timed(process)  # it opens its streams
            taken = [[timed(process) for process in workers] for _ in range(turns)]
            before, now = (1000 * statistics.median(column) for column in zip(*taken, strict=True))
            kept = "" if now <= BOUND * before else f"  more than {BOUND} times"
            print(f"{count:10}  {before:6.0f}  {now:6.0f}  {now / before:6.2f}{kept}", flush=True)
        for process in workers:
            process.terminate()
    lab.reset()


if __name__ == "__main__":
    main(*sys.argv[1:])
