"""What the live panel costs: `python -m tests.bench.panel [10 50 100]`.

From the engine's own time of a `start` event to the frame of a real browser that shows the container running; then
memory over a thousand changes, and the CPU time of a panel that has nothing to do. The lab is reset.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from course_lib.lab import execute
from course_lib.notebook import current
from tests.bench.snapshot import start
from tests.end_to_end.test_jupyter import Learner, learner  # noqa: F401 - a fixture
from tests.end_to_end.test_live_panel import SEEN, started, write
from tests.worker import lab

COUNTS = [int(each) for each in os.environ.get("COURSE_BENCH", "10 50 100").split()]


def resident() -> int:
    """Return the memory of this process that is in use, in KiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def test_from_the_event_to_the_picture(learner: Learner) -> None:  # noqa: F811
    lab.reset()
    write(learner, "bench.ipynb", ("%load_ext course_lib\nfrom course_lib import live\nlive()",))
    learner.open("bench.ipynb")
    learner.run_cell(0).locator(".course-live svg").wait_for(timeout=20_000)
    page: Any = learner.page
    print("\ncontainers  median     each, ms")
    there = 0
    for count in COUNTS:
        start(count, there)
        there = count
        time.sleep(2)
        taken = []
        for number in range(8):
            began, name = time.time(), f"new{count}x{number}"
            # Another command than the others have: else it is drawn and told together with them.
            current.host(f"docker create -it --name {name} busybox ash >/dev/null")
            time.sleep(0.5)
            page.evaluate(f"window.courseSeen = ({SEEN})(['{name}: busybox · ash; running', 20000]); 0")
            current.host(f"docker start {name} >/dev/null")
            taken.append(1000 * (page.evaluate("window.courseSeen") / 1000 - started(name, began)))
            current.host(f"docker rm -f {name} >/dev/null")
            time.sleep(0.5)
        print(f"{count:10}  {statistics.median(taken):6.0f}     {[round(each) for each in taken]}")


def test_memory_and_cpu() -> None:
    from course_lib.notebook.panel import Panel, live

    lab.reset()
    current.host("for i in $(seq 10); do docker run -d -it --name c$i busybox >/dev/null; done")
    panel: Panel = live()
    seen = 0
    last: object = None
    for change in range(1, 1001):
        execute.ask(lab, f"ip link set docker0 mtu {1400 + change % 2}")
        deadline = time.monotonic() + 5
        while panel._film.states[-1] is last and time.monotonic() < deadline:
            time.sleep(0.005)
        seen += panel._film.states[-1] is not last
        last = panel._film.states[-1]
        if change in (100, 250, 500, 750, 1000):
            print(f"after {change:4} changes, {seen:4} pictures: {resident() / 1024:.1f} MiB")
    time.sleep(2)
    began, cpu = time.monotonic(), time.process_time()
    time.sleep(60)
    print(f"idle: {100 * (time.process_time() - cpu) / (time.monotonic() - began):.2f} % of a core, in this process")
    panel.close()
    lab.reset()


if __name__ == "__main__":
    os.environ["COURSE_BENCH"] = " ".join(sys.argv[1:]) or "10 50 100"
    sys.exit(pytest.main([__file__, "-s", "-q", "-p", "no:cacheprovider", "--timeout=1500"]))
