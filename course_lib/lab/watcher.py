"""Follows the lab's network in a thread: a Snapshot at the start, and another after everything that happens.

One stream brings what the kernel says of the host's interfaces, addresses and routes (`ip monitor`), what nftables
says of rules, and the engine's events. What they say is not relied upon: it only tells when to look again. What
nobody tells, such as counters and what happens inside of containers, is seen a few seconds later.
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
from course_lib.network import parse_facts
from course_lib.network.model import Snapshot

# The engine's events end when dockerd does.
SCRIPT = """
ip -o monitor link address route &
nft monitor ruleset &
while :; do docker events --format '{{.Type}} {{.Action}}'; sleep 0.3; done &
wait"""
PERIOD = 8.0  # seconds from one look to the next when nothing is heard
ACTED = re.compile(rb"^container (create|start|die|destroy|rename|pause|unpause)$", re.MULTILINE)
# The kernel speaks while the engine is still at work, which says when it is done: a start takes it under 0.2 s from
# the last that it does to an interface.
QUIET = 0.2  # seconds from what is heard otherwise to the look
MOST = 0.2  # seconds of rest between two looks: a hundred containers that start do not take all of a machine
AGAIN = 0.5  # seconds until a lab that went away is looked for again


class Watcher:
    """Calls `see(snapshot)` with every new look, or `miss(why)` while there is none to be had, from its thread.

    Whatever goes wrong, it says so and goes on.
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
        """End the thread and the stream."""
        self._ended.set()
        if stream := self._stream:
            stream.close()
        if threading.current_thread() is not self._thread:
            self._thread.join(10)

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self._stream = execute.listen(self._lab, SCRIPT)
                self._follow(self._stream)
            except CourseError as error:
                self._tell(str(error))
            except (OSError, *client.BROKEN_OFF):
                self._tell("The lab does not answer.")
            except Exception as error:  # such as half an answer of an engine that ends
                self._tell(f"What the lab answers cannot be read ({_kind(error)}).")
            finally:
                if self._stream:
                    self._stream.close()
                self._stream = None
            self._ended.wait(AGAIN)

    def _follow(self, stream: Exec) -> None:
        """Look, and look again after all that is heard; returns when the stream ends."""
        alive = True
        while alive and not self._ended.is_set():
            began = time.monotonic()
            now = parse_facts.snapshot(facts.read(self._lab))
            try:
                self._see(now)
            except Exception as error:
                self._tell(f"The network of the lab cannot be shown ({_kind(error)}): this is an error of the course.")
            took = time.monotonic() - began
            alive = self._hear(stream, began + took + min(took, MOST))

    def _tell(self, why: str) -> None:
        """Say why there is no look; whoever is told may fail at that, too."""
        if not self._ended.is_set():
            with contextlib.suppress(Exception):
                self._miss(why)

    def _hear(self, stream: Exec, rest: float) -> bool:
        """Wait until there is a reason to look again; return False if the stream has ended.

        That is at once if the engine has done something to a container; a moment after all else that is said, but
        not before the time of rest is over; and when nothing was heard for long.
        """
        deadline = time.monotonic() + PERIOD
        while True:
            try:
                _, said = next(stream.output(deadline), (0, b""))
            except TimeoutError:
                return True
            if not said:
                return False
            if ACTED.search(said):
                return True
            deadline = min(deadline, max(rest, time.monotonic() + QUIET))


def _kind(error: Exception) -> str:
    """Return an error as the last line of its traceback has it: "ValueError: ..."."""
    return "".join(traceback.format_exception_only(error)).strip()
