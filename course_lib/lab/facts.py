"""Read the raw facts about a lab's network: `read` returns them, and `snapshot` the Snapshot made of them.

However many containers run, reading sends one question to `reader.pl`, a Perl program that is kept running in the
lab: it asks the kernel about all network namespaces and the engine for its two lists. Only what these do not hold, the
inspect of a container, is requested separately, once and again when the lists show a change.

The reader speaks netlink because `ip` for each namespace costs too much. Medians of one run with 100 containers on a
busy machine, in multiples of the two list calls: a snapshot 4; a shell that runs `nsenter -n ip -j -d addr` for each
container 27, through `xargs -P2` 47, `ip -n` 59; a shell that only compares files of /proc and /sys 9.
"""

from __future__ import annotations

import functools
import json
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from course_lib.engine import client
from course_lib.errors import CourseError, LabGoneError
from course_lib.lab import execute
from course_lib.lab.lifecycle import Lab
from course_lib.network import parse_facts
from course_lib.network.model import Snapshot
from course_lib.network.parse_facts import RawFacts
from course_lib.network.sections import sections
from course_lib.plain_text import clean

READER = (Path(__file__).parent / "reader.pl").read_text()
# Fields of a question to reader.pl. The titles and keys before "!", "@" and "=" name what `parse` makes of the answer.
NO_RULES = "cannot list rules\n"  # after what a program that failed has printed; a rule's comment is never at the end
# iptables-save omits a table in which one rule has no form as an iptables rule (iptables 1.8, iptables/xtables-save.c).
UNTOLD = re.compile(r"^# Table `(\w+)' is incompatible", re.MULTILINE)
COMMANDS = (
    "route!ip -j route",
    *(f"rules {family}!{family}tables-save -c || echo {NO_RULES.strip()}" for family in ("ip", "ip6")),
)
IPTABLES = ("filter", "nat", "mangle", "raw", "security")  # the tables that iptables keeps in nftables
# The other tables that may drop packets: those of nft, and of iptables-legacy, which would create its own if asked.
# (`[ -s` does not help: the size of a file of /proc is 0.)
OTHER_TABLES = "tables!nft list tables; for f in ip ip6; do grep -q . /proc/net/${f}_tables_names && "
OTHER_TABLES += "${f}tables-legacy-save | grep -qE '^-A|^:.* DROP' && echo rules of ${f}tables-legacy; done"
LISTS = ("containers@/containers/json?all=1", "networks@/networks")
HOST, CLIENT = "addr=", "client=/run/netns/client"
BY_HAND = "netns=/run/netns/*"  # where `ip netns add` keeps namespaces (ip-netns(8)); Docker keeps its own elsewhere


@dataclass
class _Known:
    """What is kept of a lab between two reads: its engine's version and what the engine answered last."""

    box: str = ""  # the id of the lab's container
    version: str = ""
    items: dict[str, Any] = field(default_factory=dict)  # elements of the list of containers, by container id
    details: dict[str, Any] = field(default_factory=dict)  # inspects, by container id


_known = [_Known()]  # of the lab that was read last
_reading = threading.Lock()  # a live panel reads in a thread of its own


def snapshot(lab: Lab) -> Snapshot:
    """Return the network of a lab at this moment. Raises what `read` raises."""
    return parse_facts.snapshot(read(lab))


@client.plain_words()
def read(lab: Lab) -> RawFacts:
    """Return the raw facts about a lab's network at this moment.

    Raises LabGoneError if the lab or its dockerd does not answer, and CourseError if an answer cannot be parsed.
    """
    with _reading:
        known = _known[0] = _known_of(lab)
        asked = namespaces(known.details.values())
        found = _ask(known.box, [*LISTS, *COMMANDS, OTHER_TABLES, HOST, CLIENT, BY_HAND, *asked.values()])
        if not {"containers", "networks"} <= set(found):
            raise LabGoneError("The lab's dockerd does not answer: `./course reset` makes a fresh lab.")
        for key in set(asked) - set(found["inside"]):  # its process has ended: inspect it again for the new one
            known.items.pop(key, None)
        fresh = _inspect_changed(known, found["containers"])
        if missing := namespaces(fresh):
            more = _ask(known.box, missing.values())
            found["inside"] |= more["inside"]
            found["unread"] |= more["unread"]
        return RawFacts(
            version=known.version,
            containers=found["containers"],
            networks=found["networks"],
            inspect=list(known.details.values()),
            addr=found["addr"],
            client=found["client"],
            netns=found["netns"],
            route=found["route"],
            rules=found["rules"],
            inside={key: found["inside"][key] for key in known.items if key in found["inside"]},
            unread=found["unread"],
        )


def _known_of(lab: Lab) -> _Known:
    """Return what is kept of a lab; nothing but the engine's version if another lab was read last."""
    box = lab.require()
    if _known[0].box == box and _known[0].version:
        return _known[0]
    # Of the API, like the rest: the docker command in the lab may have settings of its own.
    answer = _ask(box, ["version@/version"]).get("version") or {}
    return _Known(box, str(answer.get("Version", "")))


def _inspect_changed(known: _Known, containers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Inspect the containers whose element of the list has changed and return the inspects; drop removed containers.

    A restart changes the element too: it gives the container a new endpoint in each of its networks.
    """
    now = {item["Id"]: {**item, "Status": ""} for item in containers}  # "Up 5 minutes" changes by itself
    fields = [f"inspect@/containers/{key}/json" for key, item in now.items() if known.items.get(key) != item]
    fresh: list[dict[str, Any]] = _ask(known.box, fields)["inspect"] if fields else []
    details = known.details | {item["Id"]: item for item in fresh}
    known.details = {key: details[key] for key in now if key in details}
    known.items = now
    return fresh


def namespaces(details: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Return the fields that ask for the network namespaces of the running containers, by container id."""
    return {item["Id"]: f"{item['Id']}=/proc/{item['State']['Pid']}/ns/net" for item in details if item["State"]["Pid"]}


def _ask(box: str, fields: Iterable[str]) -> dict[str, Any]:
    """Ask the reader that is kept running in the lab `box`, and return the parsed answer."""
    return parse(execute.consult(box, READER, list(fields)))


def parse(text: str) -> dict[str, Any]:
    """Return the contents of the sections that `reader.pl`, or a script for a helper container, printed.

    The keys are those of RawFacts, as far as they were asked for; addr, client, netns, route, rules, inspect, inside
    and unread are always there. Raises CourseError if a section that should hold JSON does not.
    """
    facts: dict[str, Any] = {"addr": [], "client": [], "route": [], "inspect": []}
    facts |= {"rules": {}, "inside": {}, "netns": {}, "unread": {}}
    for title, body in sections(text):
        kind, _, key = title.partition(" ")
        if kind == "rules" and body.endswith(NO_RULES):
            facts["rules"][key] = ""
            facts["unread"]["rules"] = f"{key}tables-save failed"
        elif kind == "rules":
            facts["rules"][key] = body
            if tables := [t for t in UNTOLD.findall(body) if f"*{t}\n" not in body]:
                facts["unread"]["rules"] = (
                    f"{key}tables-save leaves out {', '.join(tables)}, which has rules made with nft"
                )
        elif kind == "tables":
            if others := other_tables(body):
                facts["unread"]["more rules"] = ", ".join(others)
        elif kind == "inspect":
            facts["inspect"].append(_json(kind, body))
        elif kind == "namespaces":
            for line in body.split("\n")[:-1]:  # not at what else Unicode calls a line break: a name may hold it
                key, _, answer = line.partition(" ")
                _add_namespace(facts, key, answer)
        else:
            facts[kind] = _json(kind, body or "[]")  # a command that failed printed nothing
    return facts


def other_tables(text: str) -> list[str]:
    """Return what `nft list tables` lists, except the tables that iptables keeps there and those of a journey."""
    found = []
    for line in text.splitlines():
        _, family, name, *_ = [*line.split(), "", ""]
        shown = (family in ("ip", "ip6") and name in IPTABLES) or re.fullmatch(r"course\d+", name)
        found += [] if shown else [line]
    return found


def _add_namespace(facts: dict[str, Any], key: str, answer: str) -> None:
    """Add a line of the section "namespaces": a list of interfaces, or "! REASON" if there is none."""
    of_machine = key in ("addr", "client")
    kind, _, name = key.partition("/")
    if kind == "netns" and not answer.startswith("! "):
        facts["netns"][unquote(name)] = _interfaces(answer)
    elif kind == "netns" and answer.endswith("Invalid argument"):
        return  # it is no namespace, or none yet: `ip netns add` creates the file before it mounts it (ip/ipnetns.c)
    elif answer.startswith("! "):
        facts["unread"]["interfaces" if of_machine else "namespaces"] = answer.removeprefix("! ")
    else:
        (facts if of_machine else facts["inside"])[key] = _interfaces(answer)


@functools.lru_cache(1024)  # most namespaces of a live picture are the same as a moment before
def _interfaces(answer: str) -> Any:
    return _json("namespaces", answer)


def _json(kind: str, body: str) -> Any:
    """Parse JSON; raise CourseError with the section's kind and the beginning of its body."""
    try:
        return json.loads(body)
    except ValueError:
        raise CourseError(f"The {kind} could not be read, the lab printed: {clean(body)[:60]}") from None
