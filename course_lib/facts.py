"""Raw facts about the lab's network, read in one go, and the Snapshot that is made of them.

Reading costs two list calls of the Docker API and one script over a kept stream, however many containers run.
"""

from __future__ import annotations

import functools
import json
from typing import Any

from course_lib import engine, lab, run

# Each section begins with a line of its name. `docker inspect` is needed for what the list calls leave out: the
# process of a container, through which its network namespace is reached, and its names in the embedded DNS.
BATCH = """
echo '== version'; docker version -f '{{.Server.Version}}'
echo '== inspect'; ids=$(docker ps -aq); [ -z "$ids" ] || docker inspect $ids >/run/course-inspect; \
  [ -z "$ids" ] || cat /run/course-inspect
echo '== addr'; ip -j -d addr
echo '== client'; ip -n client -j -d addr
echo '== route'; ip -j route
echo '== rules ip'; iptables-save -c
echo '== rules ip6'; ip6tables-save -c
[ -z "$ids" ] || jq -r '.[] | select(.State.Pid > 0) | "\\(.Id) \\(.State.Pid)"' /run/course-inspect \
  | while read -r id pid; do echo "== inside $id"; nsenter -t "$pid" -n ip -j addr; done
"""


@functools.cache
def _api(container: str) -> Any:
    """Return the kept client of a lab's engine."""
    return engine.inner(container)


@engine.plain_words()
def read() -> dict[str, Any]:
    """Return the raw facts: JSON values as the engine and `ip` print them, rules as iptables-save prints them.

    Keys: containers, networks (lists of the Docker API), version, inspect, addr, client, route, rules (a mapping
    of family to text) and inside (a mapping of container id to `ip -j addr`). Raises LabGoneError.
    """
    text = run.ask(BATCH)
    api = _api(lab.container())
    return {"containers": api.containers(all=True), "networks": api.networks(), **sections(text)}


def sections(text: str) -> dict[str, Any]:
    """Return what the batch of commands printed, by section; an empty JSON section is an empty list."""
    facts: dict[str, Any] = {"version": "", "rules": {}, "inside": {}}
    for part in ("\n" + text).split("\n== ")[1:]:
        title, _, body = part.partition("\n")
        kind, _, key = title.partition(" ")
        if kind == "version":
            facts["version"] = body.strip()
        elif kind == "rules":
            facts["rules"][key] = body
        elif kind == "inside":
            facts["inside"][key] = json.loads(body or "[]")
        else:
            facts[kind] = json.loads(body or "[]")
    return facts
