"""Describe a path in sentences: `sentences`. What decided, in order, without the rules that only jumped. Pure."""

from __future__ import annotations

from course_lib.packet_path.model import PacketPath, Step
from course_lib.packet_path.path_table import Names, at
from course_lib.plain_text import clean

BEGINNINGS = {
    "http": "sends an HTTP request to",
    "tcp": "opens a TCP connection to",
    "udp": "sends a UDP datagram to",
    "ping": "sends an echo request to",
    "dns": "looks up",
}


def sentences(path: PacketPath) -> str:
    """Return the path in words, one sentence a line; ports and names that differ from run to run are replaced."""
    names = Names(path)
    lines = [f"{path.request.origin} {BEGINNINGS[path.request.kind]} {path.request.target.removeprefix('dns://')}."]
    group: tuple[int, bool] = (1, False)
    for step in path.steps:
        if (step.connection, step.back) != group:
            group = (step.connection, step.back)
            second = " of the second connection" if step.connection == 2 else ""
            lines.append(f"The {'answer' if step.back else 'packet'}{second} begins in {step.place}.")
        if said := _sentence(step, names):
            lines.append(f"{said}.")
    lines.append(f"The end: {names.text(path.end.words)}.")
    lines += [f"Note: {note}." for note in map(names.text, path.notes)] + [f"Doubt: {doubt}." for doubt in path.doubts]
    return "\n".join(map(clean, lines)) + "\n"


def _sentence(step: Step, names: Names) -> str:
    """Return what a step decided; "" if it decided nothing."""
    place, now, device = f"In {step.place}, ", names.packet(step.packet), names.device(step.device)
    if step.kind in ("rule", "policy") and (step.before or step.verdict in ("accept", "drop")):
        if step.kind == "policy":
            return f"{place}no rule of {step.chain} decided, and its policy is DROP" if step.verdict == "drop" else ""
        return f"{place}{at(step, names)} " + (f"rewrites it: {now}" if step.before else f"says {step.verdict.upper()}")
    return {
        "rewritten": f"{place}conntrack turns the addresses back: {now}",
        "crosses": f"The bridge passes it on to {device}",
        "exits": f"The bridge passes it on to {device}",
        "routed": f"{place}routing chooses {device}",
        "delivered": f"It is delivered to {step.place}: {now}",
    }.get(step.kind, "")
