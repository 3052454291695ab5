"""Decide where each container is drawn (`place_containers`), and which containers share a card (`drawn_groups`).

Similar containers are drawn in the same place and have the same image, command, state, mode and DNS names besides their
own name; at most one interface; no published port, no link, no container in their namespace, no fault, no warning.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_interface
from typing import TypeVar

from course_lib.network.model import Container, Snapshot
from course_lib.network.topology import Node, connections, joined_container, network_nodes, owner_of
from course_lib.network.wording import dns_names, veth_faults

Item = TypeVar("Item")
SINGLES = 5  # similar containers below a network that are still drawn individually
SINGLES_ASIDE = 2  # the same for those that are not below a network
HOW = "./course graph --all shows each"
_parsed = lru_cache(maxsize=4096)(ip_interface)  # a picture is drawn again with nearly the same addresses


@dataclass(frozen=True)
class Placement:
    """The containers by where they are drawn, each container once, and in each place the oldest first.

    Sorted by age, so that a new container comes after all others, and one that is stopped and started keeps its place.
    """

    networks: dict[Node, list[Container]]  # by the network's node, from left to right
    on_host: list[Container] = field(default_factory=list)  # they use the host's network namespace
    unconnected: list[Container] = field(default_factory=list)  # in no network
    sharing: dict[str, list[Container]] = field(default_factory=dict)  # by the container whose namespace they use


@lru_cache(maxsize=4)  # one state of the live picture asks six times, for itself and for the state before
def place_containers(snapshot: Snapshot) -> Placement:
    """Return where each container of the snapshot is drawn: usually below the network in which it was started."""
    placement = Placement({node: [] for node in network_nodes(snapshot)})
    for container in sorted(snapshot.containers, key=lambda c: (c.created, _address(c), c.name)):
        owner = owner_of(snapshot, container)
        started = "bridge" if container.mode == "default" else container.mode
        connected = sorted(connections(snapshot, container), key=lambda pair: pair[0].network != started)
        if owner.mode == "host":
            placement.on_host.append(container)
        elif owner is not container and joined_container(snapshot, owner) is None:  # else a circle: nobody owns it
            placement.sharing.setdefault(owner.name, []).append(container)
        elif connected:
            placement.networks[connected[0][1]].append(container)
        else:
            placement.unconnected.append(container)
    return placement


def _address(container: Container) -> int:
    """Return the first IPv4 address as a number, so that .10 comes after .9."""
    addresses = (_parsed(a) for e in container.endpoints for a in e.addresses)
    return next((int(a) for a in addresses if a.version == 4), 1 << 32)


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
    snapshot: Snapshot, members: Sequence[Container], apart: Collection[str], singles: int = SINGLES
) -> list[Group]:
    """Return the containers of one place in the groups in which they are drawn, oldest first.

    The first `singles` similar containers, and those with a name in `apart`, each form a group of their own. A new
    container that is similar to others joins the last group, so that nothing else moves.
    """
    alone = {*apart, *place_containers(snapshot).sharing}
    similar: dict[Hashable, list[Container]] = {}
    for member in members:
        similar.setdefault(_traits(snapshot, member, alone), []).append(member)
    found: dict[str, Group] = {}
    for alike in similar.values():
        found |= {member.name: Group((member,)) for member in alike[:singles]}
        if len(alike) > singles:
            found[alike[singles].name] = Group(tuple(alike[singles:]), open=True)
    return [found[member.name] for member in members if member.name in found]


def groups_by_container(snapshot: Snapshot, apart: Collection[str] = ()) -> dict[str, Group]:
    """Return the group of each container that shares a card with others, by the container's name."""
    placement = place_containers(snapshot)
    found = [group for members in placement.networks.values() for group in drawn_groups(snapshot, members, apart)]
    for members in (placement.on_host, placement.unconnected):
        found += drawn_groups(snapshot, members, apart, SINGLES_ASIDE)
    return {container.name: group for group in found if group.several for container in group.members}


def _traits(snapshot: Snapshot, container: Container, alone: Collection[str]) -> Hashable:
    """Return what is equal for similar containers; the name for a container that must be drawn on its own."""
    if (
        container.name in alone
        or container.links
        or len(container.endpoints) > 1
        or any(port.host_port for port in container.ports)
        or any(warning.startswith(f"{container.name}:") for warning in snapshot.warnings)
        or any(veth_faults(snapshot, endpoint) for endpoint in container.endpoints)
    ):
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
    names = [name for endpoint in group.first.endpoints for name in dns_names(group.first, endpoint)]
    shared = ", ".join(_others(group.first, names))
    return ["each answers to its own name" + (f", and all to {shared}" if shared else "")] if names else []


def name_runs(group: Group) -> list[str]:
    """Return the names of a group's containers, with ranges for consecutive numbers: "c6 to c60"."""
    names = [container.name for container in group.members]
    split = {name: re.fullmatch(r"(.*?)(0|[1-9]\d{0,8})", name) for name in names}
    numbered = sorted((match[1], int(match[2])) for match in split.values() if match)
    runs = _runs(numbered, lambda one, other: other == (one[0], one[1] + 1))
    ranges = [_range([f"{stem}{number}" for stem, number in run]) for run in runs]
    return ranges + sorted(name for name in names if not split[name])


def address_runs(group: Group) -> list[list[str]]:
    """Return the addresses of a group, IPv4 first, in lists of consecutive addresses."""
    addresses = [_parsed(a) for c in group.members for e in c.endpoints for a in e.addresses]
    addresses.sort(key=lambda a: (a.version, int(a.ip)))
    runs = _runs(addresses, lambda one, other: (other.network, int(other.ip)) == (one.network, int(one.ip) + 1))
    return [[str(address) for address in run] for run in runs]


def address_words(group: Group) -> list[str]:
    """Return the addresses of a group, with ranges for consecutive ones: "172.17.0.7/16 to 172.17.0.61/16"."""
    return [_range(run) for run in address_runs(group)]


def _runs(items: Iterable[Item], follows: Callable[[Item, Item], bool]) -> list[list[Item]]:
    """Return the items in lists, in each of which every item follows the one before it."""
    found: list[list[Item]] = []
    for item in items:
        if found and follows(found[-1][-1], item):
            found[-1].append(item)
        else:
            found.append([item])
    return found


def _range(members: Sequence[str]) -> str:
    return f"{members[0]} to {members[-1]}" if len(members) > 2 else ", ".join(members)
