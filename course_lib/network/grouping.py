"""Group similar containers, so that a picture shows a few individually and the rest on one card: `drawn_groups`.

Similar containers are drawn in the same place and have the same image, command, state, mode and DNS names besides their
own name; at most one interface; no published port, no link, no container in their namespace, no fault, no warning.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_interface

from course_lib.network.model import Container, Snapshot
from course_lib.network.placement import Placement
from course_lib.network.wording import dns_names, veth_faults

SINGLES = 5  # similar containers below a network that are still drawn individually
SINGLES_ASIDE = 2  # the same for those that are not below a network
HOW = "./course graph --all shows each"
_parsed = lru_cache(maxsize=4096)(ip_interface)  # a picture is drawn again with nearly the same addresses


@dataclass(frozen=True)
class Group:
    """One container, or several that are drawn on one card."""

    members: tuple[Container, ...]
    open: bool = False  # similar containers that are added later join this group

    @property
    def first(self) -> Container:
        """Return the oldest container, which represents the others."""
        return self.members[0]

    @property
    def several(self) -> bool:
        """Return whether the group has more than one container."""
        return len(self.members) > 1


def drawn_groups(
    snapshot: Snapshot,
    placement: Placement,
    members: Sequence[Container],
    apart: Collection[str],
    singles: int = SINGLES,
) -> list[Group]:
    """Return the containers of one place in the groups in which they are drawn, oldest first.

    The first `singles` similar containers, and those with a name in `apart`, each form a group of their own. A new
    container that is similar to others joins the last group, so that nothing else moves.
    """
    similar: dict[Hashable, list[Container]] = {}
    for member in members:
        similar.setdefault(_traits(snapshot, placement, member, apart), []).append(member)
    found: dict[str, Group] = {}
    for alike in similar.values():
        found |= {member.name: Group((member,)) for member in alike[:singles]}
        if len(alike) > singles:
            found[alike[singles].name] = Group(tuple(alike[singles:]), open=True)
    return [found[member.name] for member in members if member.name in found]


def groups_by_container(snapshot: Snapshot, placement: Placement, apart: Collection[str]) -> dict[str, Group]:
    """Return the group of each container that shares a card with others, by the container's name."""
    found = [group for each in placement.networks.values() for group in drawn_groups(snapshot, placement, each, apart)]
    for members in (placement.on_host, placement.unconnected):
        found += drawn_groups(snapshot, placement, members, apart, SINGLES_ASIDE)
    return {container.name: group for group in found if group.several for container in group.members}


def _traits(snapshot: Snapshot, placement: Placement, container: Container, apart: Collection[str]) -> Hashable:
    """Return what is equal for similar containers; the name for a container that must be drawn on its own."""
    special = (
        container.name in apart
        or container.links
        or len(container.endpoints) > 1
        or placement.sharing.get(container.name)
        or any(port.host_port for port in container.ports)
        or any(warning.startswith(f"{container.name}:") for warning in snapshot.warnings)
        or any(veth_faults(snapshot, endpoint) for endpoint in container.endpoints)
    )
    if special:
        return container.name
    connected = tuple(
        (e.network, e.interface, e.veth is None, len(e.addresses), _others(container, dns_names(container, e)))
        for e in container.endpoints
    )
    return container.image, container.command, container.state, container.mode, container.ports, connected


def _others(container: Container, names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name != container.name)


def common_names(group: Group) -> list[str]:
    """Return a phrase for the names that the embedded DNS server resolves to the containers of a group, if any."""
    first = group.first
    names = [name for endpoint in first.endpoints for name in dns_names(first, endpoint)]
    if not names:
        return []
    shared = _others(first, names)
    return ["each answers to its own name" + (f", and all to {', '.join(shared)}" if shared else "")]


def name_runs(group: Group) -> list[str]:
    """Return the names of a group's containers, with ranges for consecutive numbers: "c6 to c60"."""
    split = [re.fullmatch(r"(.*?)(0|[1-9]\d{0,8})", container.name) for container in group.members]
    numbered = sorted((match[1], int(match[2])) for match in split if match)
    rest = sorted(container.name for container, match in zip(group.members, split, strict=True) if not match)
    return [_run(run) for run in _runs(numbered)] + rest


def _runs(numbered: Sequence[tuple[str, int]]) -> list[list[str]]:
    """Return the names in lists of consecutive numbers."""
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
    """Return the addresses of a group, IPv4 first, in lists of consecutive addresses."""
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
    """Return the addresses of a group, with ranges for consecutive ones: "172.17.0.7/16 to 172.17.0.61/16"."""
    return [_run(run) for run in address_runs(group)]
