"""Run an exercise's probes in the lab and return the evidence: `beginning` and `evidence`. Nothing is judged here."""

from __future__ import annotations

import shlex
import time

from course_lib.engine import client
from course_lib.errors import CourseError, LabGoneError
from course_lib.exercises.catalog import Exercise
from course_lib.exercises.checks import Evidence, Probe, Result, ResultData, StartEvidence, Values, network_of
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
    """Return the evidence of an exercise's start state; None if the exercise begins with an empty lab.

    Call it before the answer runs and keep the result outside the lab, where the answer is root. Raises LabGoneError.
    """
    if not exercise.start(values):
        return None
    now = facts.read(lab)
    probes = exercise.start_probes(values, parse_facts.snapshot(now))
    return {"facts": now, "probes": {name: as_data(look(lab, probe)) for name, probe in probes.items()}}


def evidence(lab: Lab, exercise: Exercise, values: Values, start: StartEvidence | None = None) -> Evidence:
    """Return the raw facts of the lab's network, the results of the exercise's probes, and `start` (from `beginning`).

    If the lab cannot be probed, `facts` is None and `broken` is the reason. Raises what
    `course_lib.engine.client.connect` raises if the learner's own engine does not answer.
    """
    probes: dict[str, ResultData] = {}
    try:
        before = parse_facts.snapshot(facts.read(lab))
        for name, probe in exercise.probes(values, before).items():
            probes[name] = as_data(look(lab, probe))
        now = clean_json(facts.read(lab))  # again: probes raise counters, and may have waited for something to appear
        parse_facts.snapshot(now)  # raises if the facts make no sense
        probes = clean_json(probes)
    except Exception as error:  # an answer may have made the host answer anything, or nothing
        client.connect()  # raises if the engine does not answer either: then the answer is not to blame
        words = reason(error) if isinstance(error, CourseError) else f"its answer makes no sense ({reason(error)})"
        return unseen(f"The lab's host could not be inspected: {words}")
    if not now["version"]:
        return unseen("The lab's dockerd no longer answers.")
    return {"broken": "", "facts": now, "probes": probes, "start": start}


def as_data(result: Result) -> ResultData:
    """Return a result as it stands in an evidence file."""
    return {"place": result.place, "command": result.command, "code": result.code, "output": result.output}


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
