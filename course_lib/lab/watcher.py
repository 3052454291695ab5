"""Follow a lab's network in a thread: `Watcher` takes a Snapshot at the start, and another one after each change.

One stream brings what `ip monitor` reports about the host's interfaces, addresses and routes, what nftables reports
about rules, and the engine's events. They serve only as a signal to read again. What none of them reports, such as
counters and changes inside containers, appears a few seconds later.
"""

from __future__ import annotations

import contextlib
import re
import threading
import time
import traceback
from collections.abc import Callable

from course_lib.engine import client
from course_lib.engine.exec_stream import Exec
from course_lib.errors import CourseError
from course_lib.lab import execute, facts
from course_lib.lab.lifecycle import Lab
from course_lib.network.model import Snapshot

# `docker events` ends when dockerd does.
SCRIPT = """
ip -o monitor link address route &
nft monitor ruleset &
while :; do docker events --format '{{.Type}} {{.Action}}'; sleep 0.3; done &
wait"""
PERIOD = 8.0  # seconds from one reading to the next when nothing is reported
ACTED = re.compile(rb"^container (create|start|die|destroy|rename|pause|unpause)$", re.MULTILINE)
# The kernel reports while the engine is still at work, and the engine's event follows when it is done: on a start,
# less than 0.2 s after its last change to an interface.
QUIET = 0.2  # seconds from any other report to the reading
MOST = 0.2  # seconds of rest between two readings: a hundred containers that start do not occupy the whole machine
AGAIN = 0.5  # seconds until a lab that does not answer is tried again


class Watcher:
    """Calls `see(snapshot)` with each new Snapshot, or `miss(why)` while the lab cannot be read.

    Both are called from the watcher's own thread, which starts at once and continues after any error until `close`.
    """

    def __init__(self, lab: Lab, see: Callable[[Snapshot], None], miss: Callable[[str], None]) -> None:
        self._see = see
        self._miss = miss
        self._lab = lab
        self._ended = threading.Event()
        self._stream: Exec | None = None
        self._thread = threading.Thread(target=self._run, daemon=True, name="course-watch")
        self._thread.start()

    def close(self) -> None:
        """Close the stream and wait at most 10 seconds for the thread to end."""
        self._ended.set()
        if stream := self._stream:
            stream.close()
        if threading.current_thread() is not self._thread:
            self._thread.join(10)

    def _run(self) -> None:
        """Open the stream and follow it, again and again until `close`; report each error to `miss`."""
        while not self._ended.is_set():
            try:
                self._stream = execute.listen(self._lab, SCRIPT)
                self._follow(self._stream)
            except CourseError as error:
                self._report(str(error))
            except (OSError, *client.BROKEN_OFF):
                self._report("The lab does not answer.")
            except Exception as error:  # such as half an answer from an engine that ends
                self._report(f"What the lab answers cannot be read ({_kind(error)}).")
            finally:
                if self._stream:
                    self._stream.close()
                self._stream = None
            self._ended.wait(AGAIN)

    def _follow(self, stream: Exec) -> None:
        """Read the network, and read it again after each report; return when the stream ends."""
        alive = True
        while alive and not self._ended.is_set():
            began = time.monotonic()
            now = facts.snapshot(self._lab)
            try:
                self._see(now)
            except Exception as error:
                self._report(
                    f"The network of the lab cannot be shown ({_kind(error)}): this is an error of the course."
                )
            took = time.monotonic() - began
            alive = self._wait(stream, began + took + min(took, MOST))

    def _report(self, why: str) -> None:
        """Call `miss`, which may fail too: that must not end the thread."""
        if not self._ended.is_set():
            with contextlib.suppress(Exception):
                self._miss(why)

    def _wait(self, stream: Exec, rest: float) -> bool:
        """Wait until the network should be read again; return False if the stream has ended.

        That is at once after an event of a container; QUIET seconds after any other report, but not before the time
        `rest` (of `time.monotonic`); and PERIOD seconds after the last reading if nothing is reported.
        """
        deadline = time.monotonic() + PERIOD
        while True:
            try:
                _, data = next(stream.output(deadline), (0, b""))
            except TimeoutError:
                return True
            if not data:
                return False
            if ACTED.search(data):
                return True
            deadline = min(deadline, max(rest, time.monotonic() + QUIET))


def _kind(error: Exception) -> str:
    """Return an error as the last line of its traceback prints it: "ValueError: ..."."""
    return "".join(traceback.format_exception_only(error)).strip()
