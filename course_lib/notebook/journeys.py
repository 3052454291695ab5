"""Follow one real request through the lab: what a notebook calls to see a packet's way."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from course_lib.lab import facts
from course_lib.network import parse_facts
from course_lib.notebook import current, panel
from course_lib.packet_path import capture, overlay
from course_lib.packet_path.model import PacketPath
from course_lib.packet_path.narrative import sentences
from course_lib.packet_path.path_table import table
from course_lib.packet_path.player import player
from course_lib.packet_path.reconstruct import path_of
from course_lib.packet_path.request import request
from course_lib.picture.render_png import png

ALT = "The network of the lab, with the way of a packet in numbered steps. The same is in the table below it."


@dataclass(frozen=True, repr=False)
class Journey(PacketPath):
    """The way of one request: data, that a notebook shows as a picture that plays and `print` as a table."""

    def __repr__(self) -> str:
        """Return the table: the same in every run, because ports and ids that differ have names."""
        return table(self, overlay.numbers(overlay.ground(self), self)).rstrip("\n")

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the way that plays and, for a page that cannot have it, the picture with its words and the table."""
        ground = overlay.ground(self)
        saved = {"image/png": png(overlay.over(ground, self)), "text/plain": table(self, overlay.numbers(ground, self))}
        panel.offer(plays := player(ground, self))
        return {**panel.still(plays), **saved}, {"image/png": {"alt": ALT}}

    @property
    def words(self) -> str:
        """Return the way in sentences: what decided, without the rules that only led on."""
        return sentences(self)


def journey(origin: str, target: str) -> Journey:
    """Send one real request and return the way that its first packet and the answer took.

    `origin` is "client", "host" or the name of a running container (of another name than these two). `target` is one of

        http://NAME-OR-ADDRESS:PORT/   a TCP connection and a GET
        tcp://NAME-OR-ADDRESS:PORT     a TCP connection
        udp://NAME-OR-ADDRESS:PORT     one datagram
        ping://NAME-OR-ADDRESS         one echo request (ICMP)
        dns://NAME                     a query for the IPv4 address of a name, to the origin's own resolver

    A name is looked up as the origin does it: in its hosts file, then by its resolver. An IPv6 address stands in
    brackets. What is followed is the first packet and its answer: the rules of nat are asked about no others.
    Raises CourseError if the origin or the name is not known, or if the kernel could not be watched; a request that
    ends badly is no error, but an `end`.
    """
    lab = current.lab()
    raw = facts.read(lab)
    network = parse_facts.snapshot(raw)
    sent, found = capture.gather(lab, request(origin, target), raw, network)
    path = path_of(sent, found, network)
    return Journey(**{f.name: getattr(path, f.name) for f in fields(path)})
