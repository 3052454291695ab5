"""What a class costs one machine: `python -m tests.bench.hub [10]`.

So many learners of the hub in deploy/jupyterhub start, for the first time and again; the memory and the disk of
each, idle with one kernel, and with the containers of a lesson. Everything is removed at the end.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from course_lib.engine import client
from tests.hub import Person, a_hub, prefix

COUNT = int(os.environ.get("COURSE_BENCH", "10"))
MIB = 1 << 20
LESSON = """
from course_lib import host
host("for i in 1 2 3; do docker run -d --name c$i -p 80 nginx; done")
"""


def in_use(container: str) -> float:
    """Return a container's memory in MiB, without the files that the kernel could forget (cgroup v1 or v2)."""
    found = client.outer().stats(container, stream=False)["memory_stats"]
    cache = found["stats"].get("total_inactive_file", found["stats"].get("inactive_file", 0))
    return float(found["usage"] - cache) / MIB


def available() -> float:
    """Return the machine's memory that could be given to programs (proc_meminfo(5), MemAvailable), in MiB."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) / 1024


def spread(values: list[float]) -> str:
    return f"median {statistics.median(values):.0f}, from {min(values):.0f} to {max(values):.0f}"


def memory(learners: list[Person]) -> None:
    for kind, suffix in (("server", ""), ("engine and lab", "-engine")):
        print(f"  {kind}, MiB: {spread([in_use(f'{prefix()}-{one.name}{suffix}') for one in learners])}")


def disk(learners: list[Person]) -> list[float]:
    """Return what the volumes of each learner take, in MiB."""
    used = {volume["Name"]: volume["UsageData"]["Size"] / MIB for volume in client.outer().df()["Volumes"]}
    return [sum(size for name, size in used.items() if name.startswith(f"{prefix()}-{one.name}-")) for one in learners]


def start(learners: list[Person], at_once: int) -> str:
    """Start all servers, so many at a time, and say how long that took."""
    began = time.monotonic()
    with ThreadPoolExecutor(at_once) as pool:
        each = list(pool.map(lambda one: one.start(within=900), learners))
    return f"{spread(each)}; all of them within {time.monotonic() - began:.0f}; load {os.getloadavg()[0]:.1f}"


def test_a_class(tmp_path: Path) -> None:
    with a_hub(tmp_path, [f"learner{number}" for number in range(10, 10 + COUNT)]) as people:
        learners = people[1:]
        before = available()
        print(f"\n{COUNT} learners, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        print("first start, two at a time, s:", start(learners, 2))
        for one in learners:
            one.ask("POST", f"/user/{one.name}/api/kernels", json={"name": "python3"})
        time.sleep(10)
        print(f"idle with a kernel: {(before - available()) / COUNT:.0f} MiB of the machine for each")
        memory(learners)
        for one in learners:
            one.run(LESSON)
        print("with three nginx in each lab:")
        memory(learners)
        print("disk, MiB:", spread(disk(learners)))
        for count in (1, COUNT):
            for one in learners:
                one.stop()
            print(f"later start, {count} at a time, s:", start(learners, count))


if __name__ == "__main__":
    os.environ["COURSE_BENCH"] = " ".join(sys.argv[1:]) or "10"
    sys.exit(pytest.main([__file__, "-s", "-q", "-p", "no:cacheprovider", "--timeout=1800"]))
