"""Ask the kernel, after the request, why each step went its way: `questions`, and `with_answers` to read them. Pure.

The trace shows that a packet left by an interface. Which rule and route chose it, and which neighbour, forwarding entry
and socket it met, are questions to iproute2: ip-route(8) `route get`, ip-rule(8), ip-neighbour(8), bridge(8), ss(8).
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

from course_lib.network.iptables_save import parse_rule
from course_lib.network.model import Snapshot
from course_lib.network.sections import sections
from course_lib.packet_path.model import PacketPath, Step
from course_lib.packet_path.outcome import UNEXPLAINED
from course_lib.packet_path.wording import owners

ROUTED = ("sends", "routed", "delivered")
BRIDGED = ("exits", "crosses")
# Asked in each namespace, with a line "=" between them: FIRST and the questions, the rules for IPv6 if there is a
# question about it, and the sockets that listen if something was delivered there.
SCRIPT = "printf '%s\\n' \"$0\" | ip -d -j -force -batch - 2>&1; echo =; {rules6}; echo =; {sockets}"
FIRST = ("rule", "neigh")
NO_ROUTE = "routing: the kernel answers "


def questions(path: PacketPath) -> dict[str, list[str]]:
    """Return by namespace what to ask `ip -batch` about the steps there: "route get ...", with and without fibmatch.

    A route is asked for as the packet was: with its source, and the interface by which it came.
    """
    found: dict[str, list[str]] = {}
    for step in path.steps:
        asked = found.setdefault(step.place, [])
        if (question := _question(step, path)) and f"route get {question}" not in asked:
            asked += [f"route get {question}", f"route get fibmatch {question}"]
    return found


def script(enter: Mapping[str, str], path: PacketPath) -> str:
    """Return a script for sh that prints the answers as sections; `enter` is the command that enters a namespace.

    It starts few processes: on a busy machine these are what a journey costs.
    """
    lines = []
    for place, asked in questions(path).items():
        rules6 = "ip -6 -d -j rule" if any(":" in question for question in asked) else ":"
        sockets = "ss -Htulnp" if any(s.place == place and _listens(s) for s in path.steps) else ":"
        command = ["sh", "-c", SCRIPT.format(rules6=rules6, sockets=sockets), "\n".join([*FIRST, *asked])]
        lines.append(f"section {shlex.quote(f'asked {place}')} {enter[place]} {shlex.join(command)}")
    if any(s.kind in BRIDGED for s in path.steps):
        lines.append("section fdb bridge -j fdb show")
    return "\n".join(lines)


def _listens(step: Step) -> bool:
    return step.kind == "delivered" and not step.back and step.packet.protocol in ("tcp", "udp")


def _question(step: Step, path: PacketPath) -> str:
    """Return what to ask `ip route get` about a routing decision; "" for a step that is none.

    A packet that was last seen before it was routed may have ended there: that is asked, too. After a frame has left by
    a port of a bridge nothing is routed.
    """
    lost = step is path.lost and step.hook in ("", "PREROUTING") and step.kind not in BRIDGED
    packet = step.before if step.before and not lost else step.packet
    if step.kind == "delivered":  # what conntrack rewrites at INPUT was routed before
        earlier = path.steps[path.steps.index(step) - 1]
        packet = (earlier.hook == "INPUT" and earlier.before) or packet
    if not (step.kind in ROUTED or lost) or not packet.source or packet.source == packet.destination:
        return ""
    came = step.incoming if step.kind != "sends" else ""
    if lost and step.kind in ("enters", "up"):  # IP knows the bridge, not its port
        port = path.network.interface(step.device)
        came = (port and port.master) or came
    if step.kind == "delivered" and came in ("", "lo"):
        return ""
    goal = packet.destination
    if lost and step.target == "DNAT":  # the trace has not seen the address that the rule gave it
        goal = parse_rule(step.rule).value("--to-destination").rpartition(":")[0].strip("[]") or goal
    return f"{goal} from {packet.source}" + (f" iif {came}" if came else "")


def with_answers(path: PacketPath, text: str) -> PacketPath:
    """Return the path with what the kernel answered in the `facts` of its steps; `text` is the script's output."""
    told = dict(sections(text))
    asked = questions(path)
    parts = {place: (told.get(f"asked {place}", "") + "=\n=\n").split("=\n", 2) for place in asked}
    answers = {place: _batch([*FIRST, *some], parts[place][0]) for place, some in asked.items()}
    forwarding = _json(told.get("fdb", ""))
    steps = []
    for step in path.steps:
        facts: list[str] = []
        if question := _question(step, path):
            facts += _routing(question, step, answers[step.place], _json(parts[step.place][1]))
        if step.kind in BRIDGED:
            facts += _forwarding(step, forwarding, path.network)
        if _listens(step) and f"asked {step.place}" in told:
            facts.append(_socket(step, parts[step.place][2]))
        steps.append(replace(step, facts=tuple(facts)))
    end = path.end
    refused = [
        f for s, new in zip(path.steps, steps, strict=True) if s is path.lost for f in new.facts if NO_ROUTE in f
    ]
    if end.words.endswith(UNEXPLAINED) and refused:
        end = replace(end, words=f"{end.words.removesuffix(UNEXPLAINED)}: {refused[0]}")
    return replace(path, steps=tuple(steps), end=end)


def _json(text: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(text)
    except ValueError:
        return []
    return found if isinstance(found, list) else []


def _batch(asked: Sequence[str], text: str) -> dict[str, Any]:
    """Return the answers by question, each a list or an error's text; a failed line has its number (ip(8), -force)."""
    lines = text.splitlines()
    failed = {int(n) for line in lines for n in re.findall(r"^Command failed -:(\d+)$", line)}
    good = iter([_json(line) for line in lines if line.startswith("[")])
    bad = iter([line for line in lines if not line.startswith(("[", "Command failed"))])
    return {
        question: next(bad, "no answer") if number in failed else next(good, [])
        for number, question in enumerate(asked, 1)
    }


def _routing(question: str, step: Step, answers: Mapping[str, Any], rules6: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the routing decision of a step, and the neighbour entry of the next hop."""
    found = answers.get(f"route get {question}")
    if not found or isinstance(found, str):
        if found:
            yield f"{NO_ROUTE}{found.removeprefix('RTNETLINK answers: ')} (`ip route get {question}`)"
        return
    route, packet = found[0], step.before or step.packet
    # A table of the kernel's own: old versions of ip name the main table here (seen with iproute2 6.1).
    table = "local" if route.get("type") in ("local", "broadcast") else str(route.get("table", "main"))
    match = answers.get(f"route get fibmatch {question}")
    best = match[0] if match and not isinstance(match, str) else route
    listed = rules6 if ":" in packet.destination else answers.get("rule")
    rule = next((r for r in listed or [] if r.get("table") == table and _selects(r, step)), None)
    by = f"rule {rule['priority']} of `ip rule`, table {table}" if rule else f"table {table}"
    words = [f"routing: {by}, route"] + (["local"] if table == "local" else []) + [str(best.get("dst"))]
    words += [f"{key} {value}" for key, name in (("via", "gateway"), ("dev", "dev")) if (value := route.get(name))]
    source = best.get("prefsrc") or route.get("prefsrc")
    yield " ".join(words) + (f", source address {source}" if source and step.kind == "sends" else "")
    if route.get("dev") == "lo" or table == "local":
        return
    hop = route.get("gateway") or packet.destination
    entry = next((n for n in answers.get("neigh") or [] if (n["dst"], n["dev"]) == (hop, route.get("dev"))), None)
    if entry:
        state = "/".join(entry.get("state", ()))
        yield (
            f"neighbour entry: {hop} is at {entry['lladdr']}"
            if "lladdr" in entry
            else (f"neighbour entry: {hop} is {state}, no MAC is known")
        )


def _selects(rule: Mapping[str, Any], step: Step) -> bool:
    """Return whether a rule of `ip rule` selects the packet, as far as that is known; a mark is not."""
    packet = step.before or step.packet
    if "fwmark" in rule or (rule.get("iif") and rule["iif"] != (step.incoming if step.kind != "sends" else "lo")):
        return False
    for end, address in (("src", packet.source), ("dst", packet.destination)):
        if rule.get(end, "all") != "all":
            network = ip_network(f"{rule[end]}/{rule[end + 'len']}" if end + "len" in rule else rule[end], strict=False)
            if ip_address(address) not in network:
                return False
    return True


def _forwarding(step: Step, entries: Sequence[Mapping[str, Any]], network: Snapshot) -> Iterator[str]:
    """Yield the entry of the bridge for the MAC to which it passed the frame on."""
    mac = next((e.mac for c in network.containers for e in c.endpoints if e.veth == step.device), "")
    if mac:
        known = any(e.get("mac") == mac and e.get("ifname") == step.device and "master" in e for e in entries)
        there = f"{mac} is behind the veth pair of {owners(network)[step.device]}"
        yield f"forwarding entry: {there}" if known else f"forwarding entry: none for {mac} when it was asked"


def _socket(step: Step, text: str) -> str:
    """Return the socket that listens where the packet was delivered (ss(8), -l)."""
    port, address = step.packet.destination_port, step.packet.destination
    for line in text.splitlines():
        parts = line.split(maxsplit=6)
        if len(parts) < 6 or parts[0] != step.packet.protocol:
            continue
        host, _, own = parts[4].rpartition(":")
        host = host.partition("%")[0].strip("[]")
        anybody = host in ("*", "::") or (host == "0.0.0.0" and ":" not in address)  # noqa: S104 - read, not bound
        if own == str(port) and (anybody or host == address):
            name = re.search(r'\("([^"]+)"', parts[6] if len(parts) > 6 else "")
            return f"socket: {name[1] if name else 'a process'} listens on {parts[4]}"
    return f"socket: none listens on {step.packet.protocol} port {port}"
