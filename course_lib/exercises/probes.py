"""Run an exercise's probes in the lab and return the evidence: `beginning` and `evidence`. Nothing is judged here."""

from __future__ import annotations

import dataclasses
import shlex
import time
from collections.abc import Mapping
from typing import Any

from course_lib.engine import client
from course_lib.errors import CourseError, LabGoneError
from course_lib.exercises.catalog import Exercise
from course_lib.exercises.checks import Evidence, Probe, Result, StartEvidence, Values, network_of
from course_lib.lab import execute, facts
from course_lib.lab.lifecycle import Lab
from course_lib.network import parse_facts
from course_lib.plain_text import clean_json, reason

MOST = 4000  # bytes of a probe's output
NETWORK_OF = network_of("")
# The container's own hosts and resolv.conf decide how a name is resolved (getaddrinfo(3)).
INSIDE = """pid=$(docker container inspect -f '{{.State.Pid}}' "$0" 2>/dev/null) && [ "$pid" != 0 ] ||
  { echo "no container $0 runs"; exit 125; }
nsenter -t $pid -n unshare -m bash -c 'mount -t tmpfs -o size=1m tmpfs /mnt && for file in hosts resolv.conf; do
  cp /proc/$0/root/etc/$file /mnt/ && mount --bind /mnt/$file /etc/$file || exit 125; done; eval "$1"' $pid "$1"
"""


def beginning(lab: Lab, exercise: Exercise, values: Values) -> StartEvidence | None:
    """Create an exercise's start state in an empty lab; return its evidence, None if the exercise has no start state.

    Keep the result outside the lab, where the answer is root. Raises what `execute.run` raises.
    """
    script = exercise.start(values)
    if not script:
        return None
    execute.run(lab, script, timeout=60)
    now = facts.read(lab)
    return {"facts": now, "probes": _results(lab, exercise.start_probes(values, parse_facts.snapshot(now)))}


def evidence(lab: Lab, exercise: Exercise, values: Values, start: StartEvidence | None = None) -> Evidence:
    """Return the raw facts of the lab's network, the results of the exercise's probes, and `start` (from `beginning`).

    If the lab cannot be probed, `facts` is None and `broken` is the reason. Raises what
    `course_lib.engine.client.connect` raises if the learner's own engine does not answer.
    """
    try:
        results = clean_json(_results(lab, exercise.probes(values, parse_facts.snapshot(facts.read(lab)))))
        now = clean_json(facts.read(lab))  # again: probes raise counters, and may have waited for something to appear
        parse_facts.snapshot(now)  # raises if the facts make no sense
    except Exception as error:  # an answer may have made the host answer anything, or nothing
        client.connect()  # raises if the engine does not answer either: then the answer is not to blame
        words = reason(error) if isinstance(error, CourseError) else f"its answer makes no sense ({reason(error)})"
        return unseen(f"The lab's host could not be inspected: {words}")
    if not now["version"]:
        return unseen("The lab's dockerd no longer answers.")
    return {"broken": "", "facts": now, "probes": results, "start": start}


def _results(lab: Lab, probes: Mapping[str, Probe]) -> dict[str, dict[str, Any]]:
    return {name: dataclasses.asdict(look(lab, probe)) for name, probe in probes.items()}


def unseen(broken: str) -> Evidence:
    """Return the evidence of a lab that could not be probed, or whose answers cannot be trusted; `broken` is why."""
    return {"broken": broken, "facts": None, "probes": {}, "start": None}


def look(lab: Lab, probe: Probe) -> Result:
    """Run a probe and return its result; repeat it while it fails and its patience lasts."""
    deadline = time.monotonic() + probe.patience
    while True:
        code, output = _once(lab, probe)
        if code == 0 or time.monotonic() > deadline:
            return Result(probe.place, probe.command, code, output)
        time.sleep(0.1)


def _once(lab: Lab, probe: Probe) -> tuple[int, str]:
    """Run a probe once; return its exit code and the first MOST bytes of its output."""
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
        answer = execute.ask(
            lab, f"bash -c {shlex.quote(script)}; code=$?; echo; echo $code", timeout=probe.timeout + 10
        )
    except LabGoneError:
        return 255, ""
    text, _, code = answer.rstrip("\n").rpartition("\n")
    # The script prints a newline before the code.
    return (int(code) if code.isdigit() else 255), text.removesuffix("\n")
