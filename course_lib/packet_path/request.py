"""Parse what a journey is to send: `request` turns a target, as it was typed, into a Request. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from ipaddress import ip_address
from urllib.parse import urlsplit

from course_lib.errors import CourseError
from course_lib.network.model import Snapshot, without_prefix

KINDS = {"http": "tcp", "tcp": "tcp", "udp": "udp", "ping": "icmp", "dns": "udp"}  # with the protocol of each
PATH = r"[\w/.~!$&'()*+,;=:@%?-]+"  # what may stand in a path or a query as it is (RFC 3986)
FORMS = (
    "http://NAME-OR-ADDRESS:PORT/, tcp://NAME-OR-ADDRESS:PORT, udp://NAME-OR-ADDRESS:PORT, ping://NAME-OR-ADDRESS "
    "or dns://NAME"
)


@dataclass(frozen=True)
class Request:
    """One request: its sender, its kind, and where it goes."""

    origin: str  # "client", "host" or the name of a container
    target: str  # as it was typed
    kind: str  # "http", "tcp", "udp", "ping", "dns"
    host: str  # the name or address in the target; the name that is looked up for "dns"
    port: int = 0  # the port that it goes to; 0 for "ping"
    path: str = ""  # of "http"
    address: str = ""  # where it goes; for "dns" the resolver that is asked
    source_port: int = 0  # the sender's port, or the identifier of the echo request (RFC 792)

    @property
    def protocol(self) -> str:
        """Return "tcp", "udp", "icmp" or "icmpv6"."""
        name = KINDS[self.kind]
        return "icmpv6" if name == "icmp" and self.family == 6 else name

    @property
    def family(self) -> int:
        """Return 4 or 6."""
        return ip_address(self.address).version if self.address else 4


def request(origin: str, target: str) -> Request:
    """Return the request that a target describes (RFC 3986); raises CourseError if it describes none."""
    try:
        parts = urlsplit(target)
        port = parts.port
    except ValueError:
        raise CourseError(f"{target!r} is no target: use {FORMS}.") from None
    kind = parts.scheme
    place = parts.netloc.rpartition("@")[2]  # not `parts.hostname`: the case of a container's name matters
    host = place[1:].partition("]")[0] if place.startswith("[") else place.partition(":")[0]
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if kind not in KINDS or not re.fullmatch(r"[\w.:-]+", host) or not re.fullmatch(PATH, path):
        raise CourseError(f"{target!r} is no target: use {FORMS}.")
    if kind in ("tcp", "udp") and not port:
        raise CourseError(f"{target!r} names no port: use {kind}://NAME-OR-ADDRESS:PORT.")
    given = {"http": port or 80, "ping": 0, "dns": 53}.get(kind, port or 0)
    return Request(origin, target, kind, host, given, path if kind == "http" else "")


def relays(request: Request, network: Snapshot) -> list[tuple[str, str, int]]:
    """Return where docker-proxy may connect to from the requested port: container, address and port.

    Empty unless the request reaches a socket of the host.
    """
    own = {without_prefix(a) for i in network.interfaces for a in i.addresses}
    goal = ip_address(request.address)
    loopback = goal.is_loopback or goal.is_unspecified  # a connection to 0.0.0.0 goes to the sender itself (ip(7))
    if (loopback and request.origin != "host") or (not loopback and request.address not in own):
        return []
    return [
        (container.name, without_prefix(address), port.container_port)
        for container in network.containers
        for port in dict.fromkeys(replace(p, host_ip=None) for p in container.ports)
        if (port.host_port, port.protocol) == (request.port, request.protocol)
        for endpoint in container.endpoints
        for address in endpoint.addresses
    ]
