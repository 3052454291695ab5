"""What a snapshot costs beside what others pay to read less: `python -m tests.bench.snapshot`.

All in one run, in turns, in the same lab: seconds differ from machine to machine, ratios do not, much.

    two lists   GET /containers/json and GET /networks by docker-py: the floor, nothing of the kernel
    N+2 calls   docker-py's `containers.list()` and `networks.list()`, as docker-network-graph reads
    anew        a snapshot that inspects every container again, as the first one of a process does

The lab is reset before and after.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import docker

from course_lib.engine import client
from course_lib.lab import facts, images
from course_lib.lab.lifecycle import DEFAULT_ENGINE, from_environment
from course_lib.notebook import current

lab = from_environment()

TIMES = 15


def in_turns(*what: Callable[[], object], times: int = TIMES) -> list[float]:
    """Return the median time of each, in seconds, with all of them called in turns."""
    taken: list[list[float]] = [[] for _ in what]
    for _ in range(times):
        for times_of, each in zip(taken, what, strict=True):
            began = time.perf_counter()
            each()
            times_of.append(time.perf_counter() - began)
    return [statistics.median(each) for each in taken]


def snapshot() -> None:
    """Read everything and understand it."""
    facts.snapshot(lab)


def anew() -> None:
    """Read everything with nothing known before."""
    facts._known[0] = facts._Known()
    snapshot()


def start(count: int, there: int) -> None:
    """Start containers until there are so many."""
    current.host(
        f"for i in $(seq {there + 1} {count}); do docker run -d -it --name c$i busybox >/dev/null; done", timeout=900
    )


def main() -> None:
    lab.up(DEFAULT_ENGINE, images.need_package)
    lab.reset()
    facts.read(lab)  # what is kept open is opened once
    api = client.inner(lab.container)
    high = docker.DockerClient.__new__(docker.DockerClient)
    high.api = api
    print("containers  snapshot  two lists  ratio  N+2 calls  ratio     anew")
    there = 0
    for count in map(int, sys.argv[1:] or ("10", "50", "100")):
        start(count, there)
        there = count
        taken = in_turns(
            snapshot,
            lambda: (api.containers(all=True), api.networks()),
            lambda: (high.containers.list(all=True), high.networks.list()),
        )
        ours, lists, calls = (1000 * each for each in taken)
        first = 1000 * in_turns(anew, times=5)[0]
        print(
            f"{count:10}  {ours:5.0f} ms  {lists:6.0f} ms  {ours / lists:5.1f}  {calls:6.0f} ms  {calls / ours:5.1f}"
            f"  {first:4.0f} ms"
        )
    lab.reset()


if __name__ == "__main__":
    main()
