"""Format a path as a table: `table`. What differs from run to run (ports, ids) gets a fixed name. Pure."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping

from course_lib.network.iptables_save import parse_rule
from course_lib.network.model import Snapshot
from course_lib.network.wording import socket
from course_lib.packet_path.model import Packet, PacketPath, Step
from course_lib.plain_text import clean, one_line

WIDTH = 110  # characters


class Names:
    """Fixed names for what is random: ports, bridges, host ends of veth pairs."""

    def __init__(self, path: PacketPath) -> None:
        """Find what needs a name in a path."""
        self._network = path.network
        self.bridges = {n.bridge: n.name for n in path.network.networks if n.bridge and n.bridge.startswith("br-")}
        self.owners = owners(path.network)
        self.ports: dict[tuple[str, int], str] = {}
        for step in path.steps:
            for packet in (step.before, step.packet):
                if packet and not step.back and packet.source_port:
                    name = "PORT" if step.connection == 1 else "PORT2"
                    self.ports[packet.source, packet.source_port] = name
                if packet and packet.destination == "127.0.0.11" and packet.destination_port != 53 and not step.back:
                    self.ports[packet.destination, packet.destination_port] = "RESOLVER"

    def address(self, address: str, port: int) -> str:
        """Return "203.0.113.20:PORT"."""
        if not port:
            return address
        name = self.ports.get((address, port))
        return socket(address, 0).removesuffix("0") + name if name else socket(address, port)

    def packet(self, packet: Packet) -> str:
        """Return "203.0.113.20:PORT → 203.0.113.10:80"."""
        source = self.address(packet.source, packet.source_port)
        return f"{source} → {self.address(packet.destination, packet.destination_port)}"

    def text(self, text: str) -> str:
        """Return a text on one line; `br-<mynet>` is the bridge of the network mynet."""
        for bridge, network in self.bridges.items():
            text = text.replace(bridge, f"br-<{network}>")
        return clean(re.sub(r"127\.0\.0\.11:(?!53\b)\d+", "127.0.0.11:RESOLVER", text))

    def rule(self, text: str) -> str:
        """Return the text of a rule, with a name for the port of the embedded DNS, which differs in every container."""
        spec = parse_rule(text)
        port = spec.option("--sport")
        if port and spec.target == "SNAT":
            text = f"{text[: port.span[0]]}RESOLVER{text[port.span[1] :]}"
        return self.text(text)

    def device(self, name: str) -> str:
        """Return an interface's name, or the container whose veth pair has it as its host end."""
        if name in self.owners:
            return f"the veth pair of {self.owners[name]}"
        return f"br-<{self.bridges[name]}>" if name in self.bridges else name

    def bridge_of(self, device: str) -> str:
        """Return the name of the bridge that has an interface as a port."""
        interface = self._network.interface(device)
        return self.device(interface.master) if interface and interface.master else "a bridge"


def owners(network: Snapshot) -> dict[str, str]:
    """Return the container at the other end of each veth pair, by the name of the host's end."""
    several = {c.name for c in network.containers if sum(e.veth is not None for e in c.endpoints) > 1}
    return {
        e.veth: f"{c.name} ({e.network})" if c.name in several else c.name
        for c in network.containers
        for e in c.endpoints
        if e.veth
    }


def table(path: PacketPath, numbers: Mapping[int, int]) -> str:
    """Return the path as a table of at most 110 columns: identical for the same path, whatever ports and ids a run had.

    `numbers` are those of the picture, by the position of a step among all steps, from 1; a step that is not drawn has
    none.
    """
    names = Names(path)
    lines = [f"{path.request.origin} → {path.request.target}", *_wrapped(f"End: {names.text(path.end.words)}", "")]
    group: tuple[object, ...] = ()
    place = ""
    for row, step in enumerate(path.steps, 1):
        if (step.connection, step.back) != group:
            group, place = (step.connection, step.back), ""
            lines += ["", _title(path, step)]
        if step.place != place:
            place = step.place
            lines.append(f"  {place}")
        lines += _row(numbers.get(row), step, names)
    lines += _after(path, names)
    return "\n".join(one_line(line).rstrip() for line in lines) + "\n"


def _title(path: PacketPath, step: Step) -> str:
    said = f" ({step.packet.said})" if step.packet.said else ""
    what = "The answer" if step.back else "The packet"
    if step.connection == 2:
        kind = "query" if path.request.kind == "dns" else "connection"
        return f"{what} of the second {kind}{said}"
    return f"{what}{said}"


def _row(number: int | None, step: Step, names: Names) -> list[str]:
    """Return the lines of a step: number, place, how it is known, what happened, and the new addresses."""
    start = f"{number or '':>4}  {at(step, names):38}  {'+'.join(step.seen) or 'inferred':15}  "
    said = what(step, names)
    lines = [start + said] if len(start + said) <= WIDTH else [start, *_wrapped(said, " " * 12)]
    if step.before:
        now = f"now {names.packet(step.packet)}"
        lines += [" " * len(start) + now] if len(start + now) <= WIDTH else _wrapped(now, " " * 12)
    return lines


def _wrapped(text: str, indent: str) -> list[str]:
    """Return a text wrapped into lines; options and addresses are not broken."""
    folder = textwrap.TextWrapper(WIDTH, indent, indent or "    ", break_long_words=False, break_on_hyphens=False)
    return folder.wrap(text)


def at(step: Step, names: Names) -> str:
    """Return where a step happened inside its namespace: a chain with the rule's number, an interface, a bridge."""
    if step.kind == "rule":
        return f"{step.table} {step.chain} rule {step.number}" if step.number else f"{step.table} {step.chain}"
    if step.kind in ("policy", "nothing"):
        return f"{step.table} {step.chain}"
    if step.kind in ("enters", "exits", "crosses", "up"):
        return f"bridge {names.bridge_of(step.device)}"
    return {"routed": "routing", "rewritten": "conntrack", "sends": "output", "delivered": "input"}.get(
        step.kind, names.device(step.device)
    )


def what(step: Step, names: Names) -> str:
    """Return what happened, in a few words; the text of a rule is that of iptables."""
    device = names.device(step.device)
    words = {
        "sends": f"sends {names.packet(step.packet)}",
        "arrives": f"arrives by {device}",
        "leaves": f"leaves by {device}",
        "enters": f"comes in by {device}",
        "exits": f"goes out by {device}",
        "crosses": f"passes it on to {device}",
        "up": "hands it up to the host's own interface on the bridge",
        "routed": f"out by {device}",
        "policy": f"no rule decided: policy {step.verdict.upper()}",
        "nothing": "no rule matched, back to where it came from",
        "rewritten": "turns the addresses back, without a rule",
        "delivered": f"gets {names.packet(step.packet)}",
    }
    if step.kind != "rule":
        return words[step.kind]
    return names.rule(step.rule)


def _after(path: PacketPath, names: Names) -> list[str]:
    """Return the lines after the steps: entries of conntrack, notes and doubts."""
    lines = [
        f"conntrack in {e.place}: {e.original.protocol} {names.packet(e.original)}, "
        f"its answer: {names.packet(_named(e.answer, names))}"
        for e in path.entries
    ]
    lines += [f"Note: {names.text(note)}" for note in path.notes]
    lines += [f"Doubt: {doubt}" for doubt in path.doubts]
    return ["", *(part for line in lines for part in _wrapped(line, ""))] if lines else []


def _named(packet: Packet, names: Names) -> Packet:
    """Return the packet, and give its receiver's port the name that it has as a sender's port."""
    port = packet.destination_port
    for (_, number), name in list(names.ports.items()):
        if number == port and (packet.destination, port) not in names.ports:
            names.ports[packet.destination, port] = name
    return packet
