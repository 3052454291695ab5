"""Follow one real request through the lab and show its packet's path: `journey`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from course_lib.lab import facts
from course_lib.network import parse_facts
from course_lib.network.summary import summary
from course_lib.notebook import current, prediction
from course_lib.notebook.frame import Frame, still
from course_lib.packet_path import capture, overlay
from course_lib.packet_path.lookups import with_answers
from course_lib.packet_path.model import PacketPath
from course_lib.packet_path.pcapng import pcapng
from course_lib.packet_path.reconstruct import path_of
from course_lib.packet_path.request import request
from course_lib.packet_path.wording import Names, sentences, table

offers: list[Callable[[Journey], None]] = []  # what an open live panel does with each new journey


@dataclass(frozen=True, repr=False)
class Journey(PacketPath):
    """The path of one request. A notebook shows it as a picture that plays, `print` as a table."""

    def __repr__(self) -> str:
        """Return the table; it is the same in every run, because ports and ids that vary are replaced by names."""
        return table(self, overlay.numbers(overlay.ground(self), self)).rstrip("\n")

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return Frame(self.shown).bundle(overlay.over(overlay.ground(self), self), repr(self) + "\n", self.alt)

    @property
    def alt(self) -> str:
        """Return what its picture shows, in a few sentences."""
        return f"The path of a request. {self.sentence} {summary(self.network)}"

    def shown(self, room: float) -> dict[str, Any]:
        """Return what a Frame shows of it where a picture has that much room, in pixels."""
        ground, network = overlay.ground(self, room), self.network
        words = table(self, overlay.numbers(ground, self))
        return still(overlay.over(ground, self), network, alt=self.alt, words=words, steps=overlay.steps(ground, self))

    @property
    def sentence(self) -> str:
        """Return the request and how it ended."""
        return f"From {self.request.origin} to {self.request.target}: {Names(self).text(self.end.words)}."

    def details(self) -> str:
        """Return the table with all that was looked at: `print(way.details())`.

        Before each decision stand the rules that did not match, with the condition that failed; a trace does not show
        these, so they are inferred from the order of the rules. Below each step stands what the kernel answered
        afterwards: rule and route of a routing decision, neighbour entry, forwarding entry, listening socket.
        """
        return table(self, overlay.numbers(overlay.ground(self), self), details=True).rstrip("\n")

    def save(self, file: str | Path) -> None:
        """Write the captured frames as pcapng for Wireshark, each with the steps that it shows as comments.

        The frames are those of all the host's interfaces. Raises OSError if the file cannot be written.
        """
        Path(file).write_bytes(pcapng(self))

    @property
    def words(self) -> str:
        """Return the path in sentences: the deciding rules, without those that only jump to another chain."""
        return sentences(self)


def journey(origin: str, target: str, *, decides: str = "") -> Journey:
    """Send one real request and return the path that its first packet and the answer took.

    `origin` is "client", "host" or the name of a running container (not one named like these two). `target` is one of

        http://NAME-OR-ADDRESS:PORT/   a TCP connection and a GET
        tcp://NAME-OR-ADDRESS:PORT     a TCP connection
        udp://NAME-OR-ADDRESS:PORT     one datagram
        ping://NAME-OR-ADDRESS         one echo request (ICMP)
        dns://NAME                     a query for the IPv4 address of a name, to the origin's own resolver

    The origin resolves the name: with its hosts file, then its resolver. Put an IPv6 address in brackets. Only the
    first packet and its answer are followed, because the kernel consults the rules of nat for no other packet of a
    connection (nft(8), CHAINS). An open live panel can play the new journey at once.

    `decides` is the id of a question that the result's `words` decide; they are then printed.

    Raises CourseError if the origin or the name is unknown, or if the kernel's trace could not be read. A request
    that fails is not an error: see the result's `end`.
    """
    lab = current.lab()
    raw = facts.read(lab)
    network = parse_facts.snapshot(raw)
    sent, found = capture.gather(lab, request(origin, target), raw, network)
    path = path_of(sent, found, network)
    path = with_answers(path, capture.ask_after(lab, path, raw))
    made = Journey(**{f.name: getattr(path, f.name) for f in fields(path)})
    for offer in offers:
        offer(made)
    if decides:
        prediction.decide(decides, made.words)
    return made
