"""Which containers are alike, so that a picture draws the first few and one card for the rest; and how to name them.

Alike are containers in one place with the same image, command, state and names in DNS beside their own, with one
interface at most, no published port, no link, nobody who shares their namespace, and nothing wrong with them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_interface

from course_lib.network.model import Container, Snapshot
from course_lib.network.placement import Homes
from course_lib.network.wording import aliases, veth_faults

ONE_BY_ONE = 5  # containers that are alike and are still drawn each, below a network
ASIDE = 2  # the same, for those that are below no network
HOW = "./course graph --all shows each"
_parsed = lru_cache(maxsize=4096)(ip_interface)  # a picture that is drawn again has nearly the same addresses


@dataclass(frozen=True)
class Group:
    """One container, or several that are drawn as one."""

    members: tuple[Container, ...]
    open: bool = False  # those that are like these, and come later, join them

    @property
    def first(self) -> Container:
        """Return the container that stands for all: the one that came first."""
        return self.members[0]

    @property
    def several(self) -> bool:
        """Return whether there are others beside the first."""
        return len(self.members) > 1


def groups(
    snapshot: Snapshot, where: Homes, members: Sequence[Container], apart: Collection[str], first: int = ONE_BY_ONE
) -> list[Group]:
    """Return the containers of one place as they are drawn; those with a name in `apart` each for itself.

    A new container that is like others joins the last of them, and takes no place from anybody.
    """
    kinds: dict[Hashable, list[Container]] = {}
    kind_of: dict[str, Hashable] = {}
    for member in members:
        kind = None if member.name in apart else _kind(snapshot, where, member)
        kind_of[member.name] = kind or member.name
        kinds.setdefault(kind_of[member.name], []).append(member)
    found: list[Group] = []
    for member in members:
        alike = kinds[kind_of[member.name]]
        if member in alike[:first]:
            found.append(Group((member,)))
        elif member is alike[first]:
            found.append(Group(tuple(alike[first:]), open=True))
    return found


def piles(snapshot: Snapshot, where: Homes, apart: Collection[str]) -> dict[str, Group]:
    """Return for the name of each container that is drawn together with others all that are drawn with it."""
    found = [group for members in where.networks.values() for group in groups(snapshot, where, members, apart)]
    for members in (where.on_host, where.alone):
        found += groups(snapshot, where, members, apart, ASIDE)
    return {container.name: group for group in found if group.several for container in group.members}


def _kind(snapshot: Snapshot, where: Homes, container: Container) -> Hashable:
    """Return what a container has in common with those that are like it; None if it is like nobody."""
    special = container.links or where.guests.get(container.name) or any(p.host_port for p in container.ports)
    if special or len(container.endpoints) > 1 or any(w.startswith(f"{container.name}:") for w in snapshot.warnings):
        return None
    if any(veth_faults(snapshot, endpoint) for endpoint in container.endpoints):
        return None
    connected = tuple(
        (e.network, e.interface, e.veth is None, len(e.addresses), _others(container, aliases(container, e)))
        for e in container.endpoints
    )
    return container.image, container.command, container.state, container.mode, container.ports, connected


def _others(container: Container, names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name != container.name)


def common_names(group: Group) -> list[str]:
    """Say which names the embedded DNS answers with the containers of a group."""
    first = group.first
    names = [name for endpoint in first.endpoints for name in aliases(first, endpoint)]
    if not names:
        return []
    shared = _others(first, names)
    return ["each answers to its own name" + (f", and all to {', '.join(shared)}" if shared else "")]


def name_runs(group: Group) -> list[str]:
    """Return the names of a group, consecutive ones as "c6 to c60"."""
    split = [re.fullmatch(r"(.*?)(0|[1-9]\d{0,8})", container.name) for container in group.members]
    numbered = sorted((match[1], int(match[2])) for match in split if match)
    rest = sorted(container.name for container, match in zip(group.members, split, strict=True) if not match)
    return [_run(run) for run in _runs(numbered)] + rest


def _runs(numbered: Sequence[tuple[str, int]]) -> list[list[str]]:
    """Return names in lists, each of names whose numbers follow each other."""
    found: list[list[str]] = []
    before = None
    for stem, number in numbered:
        if before != (stem, number - 1):
            found.append([])
        found[-1].append(f"{stem}{number}")
        before = (stem, number)
    return found


def _run(members: Sequence[str]) -> str:
    return f"{members[0]} to {members[-1]}" if len(members) > 2 else ", ".join(members)


def address_runs(group: Group) -> list[list[str]]:
    """Return the addresses of a group, IPv4 first, in lists of addresses that follow each other."""
    found = sorted(
        (_parsed(address) for c in group.members for e in c.endpoints for address in e.addresses),
        key=lambda a: (a.version, int(a.ip)),
    )
    runs: list[list[str]] = []
    before = None
    for address in found:
        if not before or (before.network, int(before.ip) + 1) != (address.network, int(address.ip)):
            runs.append([])
        runs[-1].append(str(address))
        before = address
    return runs


def address_words(group: Group) -> list[str]:
    """Return all addresses of a group, consecutive ones as "172.17.0.7/16 to 172.17.0.61/16"."""
    return [_run(run) for run in address_runs(group)]
