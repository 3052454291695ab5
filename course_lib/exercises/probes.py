"""Runs an exercise's probes in the lab and returns the evidence: plain data, nothing judged."""

from __future__ import annotations

import shlex
import time
from typing import Any

from course_lib.engine import client
from course_lib.errors import CourseError, LabGoneError
from course_lib.exercises.catalog import Exercise
from course_lib.exercises.checks import Probe, Result, Values, network_of
from course_lib.lab import execute, facts
from course_lib.lab.lifecycle import Lab
from course_lib.network import parse_facts
from course_lib.plain_text import clean_json, reason

MOST = 4000  # characters of a probe's output
NETWORK_OF = network_of("")
# Names are looked up with the two files that say whom a program asks (getaddrinfo(3)): those of the container.
INSIDE = """pid=$(docker container inspect -f '{{.State.Pid}}' "$0" 2>/dev/null) && [ "$pid" != 0 ] ||
  { echo "no container $0 runs"; exit 125; }
nsenter -t $pid -n unshare -m bash -c 'mount -t tmpfs -o size=1m tmpfs /mnt && for file in hosts resolv.conf; do
  cp /proc/$0/root/etc/$file /mnt/ && mount --bind /mnt/$file /etc/$file || exit 125; done; eval "$1"' $pid "$1"
"""


def beginning(lab: Lab, exercise: Exercise, values: Values) -> dict[str, Any] | None:
    """Return what the lab shows of an exercise's start state, to be asked before an answer runs; None if it is empty.

    It is kept by who looks, outside of the lab: an answer is root in there. Raises LabGoneError.
    """
    if not exercise.start(values):
        return None
    now = facts.read(lab)
    asked = exercise.start_probes(values, parse_facts.snapshot(now))
    return {"facts": now, "probes": {name: vars(look(lab, probe)) for name, probe in asked.items()}}


def evidence(lab: Lab, exercise: Exercise, values: Values, start: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return what the lab shows now: the raw facts of its network, what each probe saw, and what was there at `start`.

    Where the lab cannot be asked, `facts` is None and `broken` says why. Raises what `course_lib.engine.client.connect`
    raises if it is the learner's own engine that does not answer.
    """
    probes: dict[str, Any] = {}
    try:
        before = parse_facts.snapshot(facts.read(lab))
        for name, probe in exercise.probes(values, before).items():
            probes[name] = vars(look(lab, probe))
        now = clean_json(facts.read(lab))  # again: probes show in counters, and what they waited for is there
        parse_facts.snapshot(now)  # raises if there is no sense in what is kept
        probes = clean_json(probes)
    except Exception as error:  # a host in strange hands may answer anything, and it may not answer at all
        client.connect()  # if it is not the lab but the engine around it, this raises: nobody pays for that
        words = reason(error) if isinstance(error, CourseError) else f"what it answers has no sense ({reason(error)})"
        return unseen(f"The lab's host could not be looked at: {words}")
    if not now["version"]:
        return unseen("The lab's dockerd does not answer any more.")
    return {"broken": "", "facts": now, "probes": probes, "start": start}


def unseen(broken: str) -> dict[str, Any]:
    """Return the evidence of a lab that says nothing, or nothing to be believed, and why."""
    return {"broken": broken, "facts": None, "probes": {}, "start": None}


def look(lab: Lab, probe: Probe) -> Result:
    """Run one probe, again and again while it fails and its patience lasts."""
    deadline = time.monotonic() + probe.patience
    while True:
        code, output = _once(lab, probe)
        if code == 0 or time.monotonic() > deadline:
            return Result(probe.place, probe.command, code, output)
        time.sleep(0.1)


def _once(lab: Lab, probe: Probe) -> tuple[int, str]:
    """Run a probe once; return its exit code and the beginning of its output."""
    if probe.place == "host":
        argv = ["bash", "-c", probe.command]
    elif probe.place == "client":
        argv = [*execute.CLIENT, "bash", "-c", probe.command]
    elif probe.place.startswith(NETWORK_OF):
        argv = ["bash", "-c", INSIDE, probe.place.removeprefix(NETWORK_OF), probe.command]
    else:
        argv = ["docker", "exec", probe.place, "sh", "-c", probe.command]
    limited = shlex.join(["timeout", "-k", "1", f"{probe.timeout:g}", *argv])
    script = f"{limited} 2>&1 | head -c {MOST}; exit ${{PIPESTATUS[0]}}"
    try:
        said = execute.ask(lab, f"bash -c {shlex.quote(script)}; code=$?; echo; echo $code", timeout=probe.timeout + 10)
    except LabGoneError:
        return 255, ""
    text, _, code = said.rstrip("\n").rpartition("\n")
    # The newline before the code is ours.
    return (int(code) if code.isdigit() else 255), text.removesuffix("\n")
