"""What a snapshot costs, beside a bare `docker ps` in the same run: `python -m tests.bench.snapshot`.

Seconds differ from machine to machine; how much more a snapshot costs than one command of the learner's does not,
much. The lab is reset before and after.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from course_lib import collect, facts, lab, run

TIMES = 10


def median(what: Callable[[], object]) -> float:
    """Return the median time of a few calls, in seconds."""
    taken = []
    for _ in range(TIMES):
        began = time.perf_counter()
        what()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def main() -> None:
    lab.reset()
    facts.read()  # what is kept open is opened once
    print("containers  snapshot  docker ps  ratio")
    there = 0
    for count in (1, 10, 30):
        run.host(f"for i in $(seq {there + 1} {count}); do docker run -d -it --name c$i busybox >/dev/null; done")
        there = count
        snapshot = median(lambda: collect.snapshot(facts.read()))
        bare = median(lambda: run.host("docker ps"))
        print(f"{count:10}  {snapshot * 1000:5.0f} ms  {bare * 1000:6.0f} ms  {snapshot / bare:5.1f}")
    lab.reset()


if __name__ == "__main__":
    main()
