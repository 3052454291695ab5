"""Raw facts about the lab's network, read in one go, and the Snapshot that is made of them.

Reading costs one question to a program that is kept in the lab (`reader.pl`), however many containers run: it asks
the kernel, and the engine for its two lists. What these leave out of a container is asked once, and again when they
say that it changed.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from course_lib.engine import client
from course_lib.errors import CourseError, LabGoneError
from course_lib.lab import execute, netlink
from course_lib.lab.lifecycle import Lab
from course_lib.network.sections import sections
from course_lib.plain_text import clean

READER = (Path(__file__).parent / "reader.pl").read_text()
HOST, CLIENT = ("host", "/proc/self/ns/net"), ("client", "/run/netns/client")
# By the title of the section in the answer (`course_lib.network.sections`).
COMMANDS = ("route!ip -j route", "rules ip!iptables-save -c", "rules ip6!ip6tables-save -c")
LISTS = ("containers@/containers/json?all=1", "networks@/networks")


@dataclass
class _Known:
    """What is known of a lab: its engine's version, and what the engine last said of each container."""

    box: str = ""
    version: str = ""
    items: dict[str, Any] = field(default_factory=dict)  # of the list of containers, by id
    details: dict[str, Any] = field(default_factory=dict)  # of their inspects
    inside: dict[str, Any] = field(default_factory=dict)  # of the namespaces: their interfaces


_known = [_Known()]  # of the lab that was read last
_reading = threading.Lock()  # a live panel reads in a thread of its own


@client.plain_words()
def read(lab: Lab) -> dict[str, Any]:
    """Return the raw facts: JSON values as the engine and `ip` print them, rules as iptables-save prints them.

    Keys: containers, networks (lists of the Docker API), version, inspect, addr, client, route, rules (a mapping
    of family to text), inside (a mapping of container id to `ip -j addr`) and unread (a mapping of what could not be
    read to why; see `snapshot.Unread`). Raises LabGoneError, and CourseError if an answer makes no sense.
    """
    with _reading:
        known = _known[0] = _known_of(lab)
        found = _ask(known, [HOST, CLIENT, *_namespaces(known.details.values())], [*LISTS, *COMMANDS])
        if not {"containers", "networks"} <= set(found):
            raise LabGoneError("The lab's dockerd does not answer: `./course reset` makes a fresh lab.")
        for key, _ in _namespaces(known.details.values()):
            if key not in known.inside:  # its process has ended: there may be another one now
                known.items.pop(key, None)
        fresh = _learn(known, found["containers"])
        if missing := _namespaces(fresh):
            more = _ask(known, missing, ())
            known.inside |= more["inside"]
            found["unread"] |= more["unread"]
    return {
        **found,
        "version": known.version,
        "inspect": list(known.details.values()),
        "addr": known.inside.get("host", []),
        "client": known.inside.get("client", []),
        "inside": {key: known.inside[key] for key in known.items if key in known.inside},
    }


def _known_of(lab: Lab) -> _Known:
    """Return what is known of a lab."""
    box = lab.require()
    if _known[0].box == box and _known[0].version:
        return _known[0]
    return _Known(box, execute.ask(lab, "docker version -f '{{.Server.Version}}'").strip())


def _learn(known: _Known, containers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Inspect the containers of which the list says something new, and return that; forget those that are gone.

    A container that was started again has a new endpoint in each of its networks, and the list says so.
    """
    now = {item["Id"]: {**item, "Status": ""} for item in containers}  # "Up 5 minutes" is nothing new
    asked = [key for key, item in now.items() if known.items.get(key) != item]
    fresh = _inspect(known.box, asked)
    details = known.details | {item["Id"]: item for item in fresh}
    known.details = {key: details[key] for key in now if key in details}
    known.items = now
    return fresh


def _inspect(box: str, ids: Iterable[str]) -> list[dict[str, Any]]:
    """Return the inspects of containers; of one that is gone there is none."""
    asked = [f"inspect@/containers/{key}/json" for key in ids]
    return list(parse(execute.consult(box, READER, asked)).get("inspect", [])) if asked else []


def _namespaces(details: Iterable[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return where the network namespaces of the running containers are, each with the container's id."""
    return [(item["Id"], f"/proc/{item['State']['Pid']}/ns/net") for item in details if item["State"]["Pid"]]


def _ask(known: _Known, namespaces: Iterable[tuple[str, str]], commands: Iterable[str]) -> dict[str, Any]:
    """Ask about namespaces, and what else there is to ask; a namespace that is known is told only if it has changed."""
    fields = [f"{key}{'~' if key in known.inside else '='}{file}" for key, file in namespaces]
    found = parse(execute.consult(known.box, READER, [*commands, *fields]))
    same = {key: known.inside[key] for key, said in found["inside"].items() if said is None}
    found["inside"] |= same
    if commands:  # a whole answer: who is not in it has gone
        known.inside = found["inside"]
    return found


def parse(text: str) -> dict[str, Any]:
    """Return what was answered, by section; None is said of a namespace that is as it was.

    Raises CourseError if something in it is not what `ip` or the engine prints.
    """
    facts: dict[str, Any] = {"rules": {}, "inside": {}, "route": [], "unread": {}}
    for title, body in sections(text):
        kind, _, key = title.partition(" ")
        if kind == "rules":
            facts["rules"][key] = body
        elif kind == "inside":  # as `ip -j addr` says it
            facts["inside"][key] = _json(kind, body or "[]")
        elif kind == "inspect":
            facts.setdefault("inspect", []).append(_json(kind, body))
        elif kind == "namespaces":
            _namespace_lines(body, facts)
        else:
            facts[kind] = _json(kind, body or "[]")
    return facts


def _json(kind: str, body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        raise CourseError(f"What was read of the {kind} makes no sense: {clean(body)[:60]}") from None


def _namespace_lines(body: str, facts: dict[str, Any]) -> None:
    """Add what `reader.pl` says of namespaces: a line each of its key and two dumps, "=", or "!" and why not."""
    for line in body.splitlines():
        key, _, said = line.partition(" ")
        if said.startswith("! "):
            what = "interfaces" if key in (HOST[0], CLIENT[0]) else "namespaces"
            facts["unread"][what] = said.removeprefix("! ")
        else:
            facts["inside"][key] = None if said == "=" else netlink.interfaces(*said.split(" "))
