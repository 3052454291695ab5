"""Put a path into words: `table` for every step, `sentences` for what decided, `said` for one step. Pure.

What differs from run to run (ports, ids, names of interfaces) gets a fixed name.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from dataclasses import replace

from course_lib.network.iptables_save import parse_rule
from course_lib.network.model import Snapshot
from course_lib.network.text_table import WIDTH, wrap_line
from course_lib.network.wording import socket
from course_lib.packet_path.model import FAMILIES, Packet, PacketPath, Step
from course_lib.plain_text import clean, one_line

BEGINNINGS = {
    "http": "sends an HTTP request to",
    "tcp": "opens a TCP connection to",
    "udp": "sends a UDP datagram to",
    "ping": "sends an echo request to",
    "dns": "looks up",
}


# The hook that a packet passes at a step of this kind (nf_hooks: ip_input.c, ip_forward.c, ip_output.c).
HOOKS = {"arrives": "PREROUTING", "delivered": "INPUT", "sends": "OUTPUT", "leaves": "POSTROUTING"}


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
        return socket(address, self.ports.get((address, port), port)) if port else address

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

    def device(self, name: str, place: str = "host") -> str:
        """Return an interface's name, or the container whose veth pair has it as its host end."""
        if place != "host":  # another namespace may have an interface with the same name
            return name
        if name in self.owners:
            return f"the veth pair of {self.owners[name]}"
        return f"br-<{self.bridges[name]}>" if name in self.bridges else name

    def bridge_of(self, device: str) -> str:
        """Return the name of the bridge that has an interface as a port."""
        interface = self._network.interface(device)
        return self.device(interface.master) if interface and interface.master else "a bridge"


def owners(network: Snapshot) -> dict[str, str]:
    """Return the container at the other end of each veth pair, by the name of the host's end."""
    found: dict[str, str] = {}
    for container in network.containers:
        ends = {e.veth: e.network for e in container.endpoints if e.veth}
        found |= {veth: f"{container.name} ({net})" if len(ends) > 1 else container.name for veth, net in ends.items()}
    return found


def table(path: PacketPath, numbers: Mapping[int, int], *, details: bool = False) -> str:
    """Return the path as a table of at most 110 columns: identical for the same path, whatever ports and ids a run had.

    `numbers` are those of the picture, by the position of a step among all steps, from 1; a step that is not drawn has
    none. With `details` it also has what was looked at and did not match, and what the kernel answered afterwards.
    """
    names = Names(path)
    lines = [f"{path.request.origin} → {path.request.target}", *wrap_line(f"End: {names.text(path.end.words)}")]
    lines += [part for clause in path.end.counted if details for part in wrap_line(f"Counted in {clause}")]
    group: tuple[object, ...] = ()
    place = ""
    for row, step in enumerate(path.steps, 1):
        if (step.connection, step.back) != group:
            group, place = (step.connection, step.back), ""
            lines += ["", _title(path, step)]
        if step.place != place:
            place = step.place
            lines.append(f"  {place}")
        lines += _passed_over(step, names) if details else []
        lines += _row(numbers.get(row), step, names)
        lines += _facts(path, row - 1, names) if details else []
    after = [
        f"conntrack in {e.place}: {e.original.protocol} {names.packet(e.original)}, "
        f"its answer: {_answer(e.answer, names)}"
        for e in path.entries
    ]
    after += [f"Note: {names.text(note)}" for note in path.notes] + [f"Doubt: {doubt}" for doubt in path.doubts]
    lines += ["", *(part for line in after for part in wrap_line(line))] if after else []
    return "\n".join(one_line(line).rstrip() for line in lines) + "\n"


def _title(path: PacketPath, step: Step) -> str:
    kind = "query" if path.request.kind == "dns" else "connection"
    second = f" of the second {kind}" if step.connection == 2 else ""
    flags = f" ({step.packet.said})" if step.packet.said else ""
    return f"The {'answer' if step.back else 'packet'}{second}{flags}"


def _row(number: int | None, step: Step, names: Names) -> list[str]:
    """Return the lines of a step: number, place, how it is known, what happened, and the new addresses."""
    start = f"{number or '':>4}  {at(step, names):38}  {'+'.join(step.seen) or 'inferred':15}  "
    lines = _fitted(start, what(step, names))
    if step.before:
        now = f"now {names.packet(step.packet)}"
        lines += [" " * len(start) + now] if len(start + now) <= WIDTH else _indented(now)
    return lines


def _passed_over(step: Step, names: Names) -> list[str]:
    """Return the lines of the rules that did not match before a step decided, each with the condition that failed."""
    lines = []
    for tried in step.tried:
        where = at(replace(step, kind="rule", chain=tried.chain, number=tried.number), names)
        start = f"      {where:38}  {'inferred':15}  "
        lines += [*_fitted(start, f"does not match: {names.text(tried.why)}"), *_indented(names.rule(tried.rule))]
    return lines


def _facts(path: PacketPath, index: int, names: Names) -> list[str]:
    """Return the lines about a step that the trace does not show: hooks without a rule, and the kernel's answers."""
    step = path.steps[index]
    facts = [(fact, "asked") for fact in step.facts]
    forwarded = step.kind == "routed" and step.incoming
    if hook := "FORWARD" if forwarded else HOOKS.get(step.kind):
        passage = [s for s in path.steps if (s.connection, s.back, s.place) == (step.connection, step.back, step.place)]
        if not any(s.hook == hook and s.kind in ("rule", "policy") for s in passage):
            facts.append((f"hook {hook}: no rule of iptables matched", "trace"))
    lines = []
    for fact, how in facts:
        where, _, words = names.text(fact).partition(": ")
        start = f"      {where:38}  {how:15}  "
        lines += _fitted(start, words)
    return lines


def _fitted(start: str, words: str) -> list[str]:
    return [start + words] if len(start + words) <= WIDTH else [start, *_indented(words)]


def _indented(text: str) -> list[str]:
    indent = " " * 12
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


def _answer(packet: Packet, names: Names) -> str:
    """Return the addresses of an expected answer; its receiver's port has the name that it has as a sender's port."""
    goal = (packet.destination, packet.destination_port)
    for (_, port), name in list(names.ports.items()):
        if port == goal[1]:
            names.ports.setdefault(goal, name)
    return names.packet(packet)


def at(step: Step, names: Names) -> str:
    """Return where a step happened inside its namespace: a chain with the rule's number, an interface, a bridge."""
    if step.kind in ("rule", "policy", "nothing"):
        family = f" ({family})" if (family := FAMILIES.get(step.family)) else ""
        return f"{step.table} {step.chain}{family}" + (f" rule {step.number}" if step.number else "")
    if step.kind in ("enters", "exits", "crosses", "up"):
        return f"bridge {names.bridge_of(step.device)}"
    fixed = {"routed": "routing", "rewritten": "conntrack", "sends": "output", "delivered": "input"}
    return fixed.get(step.kind, names.device(step.device, step.place))


def what(step: Step, names: Names) -> str:
    """Return what happened, in a few words; the text of a rule is that of iptables."""
    device, packet = names.device(step.device, step.place), names.packet(step.packet)
    flooded = f"sends a copy to each port, since it does not know the MAC; one to {device}" if step.flooded else ""
    return {
        "sends": f"sends {packet}",
        "arrives": f"arrives by {device}",
        "leaves": f"leaves by {device}",
        "enters": f"comes in by {device}",
        "exits": flooded or f"goes out by {device}",
        "crosses": flooded or f"passes it on to {device}",
        "up": "hands it up to the host's own interface on the bridge",
        "routed": f"out by {device}",
        "rule": names.rule(step.rule),
        "policy": f"no rule decided: policy {step.verdict.upper()}",
        "nothing": "no rule matched, back to where it came from",
        "rewritten": "turns the addresses back, without a rule",
        "delivered": f"gets {packet}",
    }[step.kind]


def said(step: Step, names: Names) -> str:
    """Return where a step happened and what, for the legend of a picture."""
    where = step.place if step.kind in ("sends", "delivered") else at(step, names)
    if step.kind == "routed" and step.place != "host":
        where = f"{step.place}, routing"
    return f"{where}: {what(step, names)}" + (f", now {names.packet(step.packet)}" if step.before else "")


def sentences(path: PacketPath) -> str:
    """Return the path one sentence a line: what decided, without the rules that only jumped to another chain."""
    names = Names(path)
    lines = [f"{path.request.origin} {BEGINNINGS[path.request.kind]} {path.request.target.removeprefix('dns://')}."]
    group = (1, False)
    for step in path.steps:
        if (step.connection, step.back) != group:
            group = (step.connection, step.back)
            second = " of the second connection" if step.connection == 2 else ""
            begins = "begins" if step.kind == "sends" else "is first seen"
            lines.append(f"The {'answer' if step.back else 'packet'}{second} {begins} in {step.place}.")
        if decided := _sentence(step, names):
            lines.append(f"{decided}.")
    lines.append(f"The end: {names.text(path.end.words)}.")
    lines += [f"Note: {names.text(note)}." for note in path.notes] + [f"Doubt: {doubt}." for doubt in path.doubts]
    return "\n".join(map(clean, lines)) + "\n"


def _sentence(step: Step, names: Names) -> str:
    """Return what a step decided; "" if it decided nothing."""
    place, now, device = f"In {step.place}, ", names.packet(step.packet), names.device(step.device, step.place)
    if step.kind == "rule" and step.before:
        return f"{place}{at(step, names)} rewrites it: {now}"
    if step.kind == "rule" and step.verdict in ("accept", "drop"):
        return f"{place}{at(step, names)} says {step.target or step.verdict.upper()}"
    if step.kind == "policy" and step.verdict == "drop":
        return f"{place}no rule of {step.chain} decided, and its policy is DROP"
    if step.kind == "routed" and not step.seen:
        changed = f", with other addresses: {now}" if step.before else ""
        return f"{step.place} was not watched; it sent the packet on by {device}{changed}"
    passed_on = f"The bridge passes it on to {device}"
    if step.flooded:
        passed_on = f"The bridge does not know the MAC, so it floods: a copy to each port, one of them to {device}"
    return {
        "rewritten": f"{place}conntrack turns the addresses back: {now}",
        "crosses": passed_on,
        "exits": passed_on,
        "routed": f"{place}routing chooses {device}",
        "delivered": f"It is delivered to {step.place}: {now}",
    }.get(step.kind, "")
