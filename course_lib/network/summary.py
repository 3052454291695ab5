"""Say in a few sentences what one picture shows, as its alternative text: `summary`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from course_lib.network.model import Snapshot
from course_lib.network.topology import connections, network_nodes, stand_in
from course_lib.network.wording import bridge_state, published_words, unread_words, veth_faults
from course_lib.plain_text import clean

LISTED = 6  # further names or ports are counted


def summary(snapshot: Snapshot) -> str:
    """Return which networks connect which containers, what is published, and what is odd; equal for equal snapshots."""
    networks = [_listed(list(_networks(snapshot)), "; ") or "no network"]
    ports = [words.replace(" ", f" of {c.name} ", 1) for c in snapshot.containers for words in published_words(c)]
    networks += [_listed(ports) or "nothing is published"]
    odd = _listed(list(_odd(snapshot)), "; ")
    sentences = [f"The lab's network: {'; '.join(networks)}.", f"To note: {odd}." if odd else ""]
    return clean(" ".join(filter(None, sentences)))


def _networks(snapshot: Snapshot) -> Iterator[str]:
    """Yield each network with its containers, and with the namespaces of `ip netns add` that are connected to it."""
    members: dict[tuple[str, ...], list[str]] = {}
    for container in snapshot.containers:
        for endpoint, node in connections(snapshot, container):
            if container.is_live or endpoint.interface:
                members.setdefault(node, []).append(container.name)
    for namespace in snapshot.namespaces:
        for _, node in connections(snapshot, stand_in(snapshot, namespace)):
            members.setdefault(node, []).append(f"the namespace {namespace.name}")
    for node, network in network_nodes(snapshot).items():
        name = node[1] if network is None or node[1] == network.name else f"{node[1]} (network {network.name})"
        yield f"{name} with {_listed(members.get(node, [])) or 'no container'}"


def _odd(snapshot: Snapshot) -> Iterator[str]:
    """Yield what a reader should not overlook."""
    yield from (warning.rstrip(".") for warning in snapshot.warnings)
    yield from unread_words(snapshot)
    for node in network_nodes(snapshot):
        bridge = snapshot.interface(node[1])
        used = bridge and any(i.master == bridge.name for i in snapshot.interfaces)
        if node[0] == "bridge" and (bridge is None or used) and (state := bridge_state(snapshot, bridge)):
            yield f"{node[1]}: {state}"
    for container in snapshot.containers:
        for endpoint in container.endpoints:
            if faults := veth_faults(snapshot, endpoint):
                yield f"{endpoint.veth} of {container.name}: {faults}"
    if apart := [n.name for n in snapshot.namespaces if not stand_in(snapshot, n).endpoints]:
        yield f"network namespaces at no bridge: {_listed(apart)}"
    if stopped := [c.name for c in snapshot.containers if not c.is_live]:
        yield f"not running: {_listed(stopped)}"


def _listed(names: Sequence[str], between: str = ", ") -> str:
    """Return names in a row; of many the first ones, and how many more there are."""
    more = len(names) - LISTED
    return between.join(names[:LISTED]) + (f"{between}{more} more" if more > 0 else "")
