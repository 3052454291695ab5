"""Find the rules that a packet was compared with and that did not match: `with_tried`. Pure.

A trace shows only rules that match (nft(8)). Which rules the kernel passed over before them follows from the order of
the rules in iptables-save, from the chains that the trace shows, and from what is known of the packet: it is inferred.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network
from itertools import groupby
from typing import NamedTuple

from course_lib.network.iptables_save import Option, parse_rule
from course_lib.network.model import Chain, Rule, Snapshot, without_prefix
from course_lib.packet_path.model import Packet, Step, Tried

DECISIONS = ("rule", "policy", "nothing")
FIRST = ("NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED")  # states of which a packet has exactly one
ICMP_TYPES = {"echo request": ("8", "128"), "echo reply": ("0", "129")}  # RFC 792, RFC 4443
HARMLESS = ("-m", "--comment")
NOTHING_EXCLUDES = "nothing in its text excludes the packet"


class Known(NamedTuple):
    """What is known of a packet when a rule looks at it."""

    packet: Packet
    incoming: str
    outgoing: str
    state: str  # of conntrack: "NEW", "ESTABLISHED", "RELATED"; "" before conntrack has seen it
    original: Packet  # the first packet of the connection, as it came to this namespace
    local: frozenset[str]  # the addresses of this namespace


def with_tried(steps: Sequence[Step], chains: Mapping[str, Sequence[Chain]], network: Snapshot) -> list[Step]:
    """Return the steps, each decision with the rules that the kernel passed over before it.

    `chains` are those of iptables by namespace. Rules that iptables does not have are not known here.
    """
    found: list[Step] = []
    originals: dict[tuple[int, str], Packet] = {}
    local = {place: _addresses(network, place) for place in {s.place for s in steps}}
    for step in steps:
        if not step.back:
            originals.setdefault((step.connection, step.place), step.before or step.packet)
    rules = {(place, c.family, c.table, c.name): c.rules for place, some in chains.items() for c in some}
    for base, visit in groupby(steps, _visit):
        if base is None:
            found += visit
            continue
        stack: list[tuple[str, int]] = []  # the chains that the packet is in, each with how many rules are behind it
        for number, step in enumerate(visit):
            stack += [(step.hook, 0)] if number == 0 else []
            seen = step.before or step.packet
            state = "" if step.table == "raw" else _state(step)
            original = originals.get((step.connection, step.place), seen)
            known = Known(seen, step.incoming, step.outgoing, state, original, local[step.place])
            at = (step.place, step.family, step.table)
            tried = [Tried(name, r.number, r.spec, why_not(r, known)) for name, r in _passed(step, stack, rules, at)]
            found.append(replace(step, tried=tuple(tried)))
    return found


def _visit(step: Step) -> tuple[object, ...] | None:
    """Return what is equal for the decisions of one base chain about one packet."""
    if step.kind not in DECISIONS:
        return None
    return step.connection, step.back, step.place, step.family, step.table, step.hook


def _passed(
    step: Step,
    stack: list[tuple[str, int]],
    rules: Mapping[tuple[str, str, str, str], tuple[Rule, ...]],
    at: tuple[str, str, str],
) -> list[tuple[str, Rule]]:
    """Return the rules between the last decision and this one, in the order of the kernel; go on in `stack`."""
    passed: list[tuple[str, Rule]] = []

    def leave() -> None:  # what is left of the uppermost chain did not match
        chain, behind = stack.pop()
        passed.extend((chain, rule) for rule in rules.get((*at, chain), ())[behind:])

    while stack and (step.kind == "policy" or stack[-1][0] != step.chain):
        leave()
    if step.kind == "nothing" and stack:
        leave()
    if step.kind != "rule" or not stack or not step.number:
        return passed
    chain, behind = stack.pop()
    passed.extend((chain, rule) for rule in rules.get((*at, chain), ())[behind : step.number - 1])
    how, _, goal = step.verdict.partition(" ")
    if how not in ("return", "goto"):
        stack.append((chain, step.number))
    if how in ("jump", "goto"):
        stack.append((goal, 0))
    return passed


def why_not(rule: Rule, known: Known) -> str:
    """Return the first condition of a rule that a packet fails, in words; what may have failed if that is not known."""
    unknown = []
    for option in parse_rule(rule.spec).matches:
        try:
            holds, why = _check(option, known)
        except ValueError:  # a netmask with gaps, a port's name
            holds, why = None, ""
        if holds is False:
            return why
        if holds is None:
            unknown.append(f"{'! ' if option.negated else ''}{option.name} {option.value}".rstrip())
    return f"not known here: {', '.join(unknown)}" if unknown else NOTHING_EXCLUDES


def _check(option: Option, known: Known) -> tuple[bool | None, str]:
    """Return whether a condition holds, None if that is not known, and in words why not."""
    packet, name, value = known.packet, option.name, option.value
    holds: bool | None = None
    what = ""  # what the packet has, where the condition wants another value
    if name in HARMLESS:
        return True, ""
    if name in ("-i", "-o"):
        has, how = (known.incoming, "from") if name == "-i" else (known.outgoing, "out by")
        matches = fnmatchcase(has, value[:-1] + "*") if value.endswith("+") else has == value
        return matches != option.negated, f"{how} {value}" if option.negated else f"not {how} {value}"
    if name in ("-s", "-d", "--ctorigdst"):
        has = {"-s": packet.source, "-d": packet.destination}.get(name, known.original.destination)
        how = {"-s": "from", "-d": "to"}.get(name, "first sent to")
        holds, what = ip_address(has) in ip_network(value, strict=False), f"{how} {has}"
    elif name == "-p":
        has = {"icmpv6": "ipv6-icmp"}.get(packet.protocol, packet.protocol)
        holds, what = value in (has, "all"), packet.protocol
    elif name in ("--sport", "--sports", "--dport", "--dports", "--ctorigdstport"):
        port = packet.source_port if name.startswith("--s") else packet.destination_port
        port = known.original.destination_port if name == "--ctorigdstport" else port
        holds = any(_in_range(port, part) for part in value.split(","))
        # A sender's port is another one in each run.
        what = "another source port" if name.startswith("--s") else f"port {port}"
    elif name in ("--ctstate", "--state") and known.state and set(value.split(",")) <= set(FIRST):
        holds, what = known.state in value.split(","), f"state {known.state}"
    elif name == "--ctdir":
        direction = "REPLY" if known.state == "ESTABLISHED" else "ORIGINAL"
        holds, what = (value == direction) if known.state != "RELATED" else None, f"direction {direction}"
    elif name in ("--src-type", "--dst-type") and value == "LOCAL":
        has = packet.source if name == "--src-type" else packet.destination
        local = has in known.local or ip_address(has).is_loopback
        return local != option.negated, f"{has} is {'' if local else 'not '}LOCAL"
    elif name == "--tcp-flags":
        mask, wanted = (set(flags.split(",")) for flags in option.values)
        holds = set(packet.said.split("-")) & mask == wanted - {"NONE"}
        what = f"flags {packet.said}"
    elif name in ("--icmp-type", "--icmpv6-type") and packet.said in ICMP_TYPES:
        holds, what = value in (*ICMP_TYPES[packet.said], "any"), packet.said
    if holds is None:
        return None, ""
    return holds != option.negated, what if option.negated else f"{what}, not {value}"


def _in_range(port: int, text: str) -> bool:
    first, colon, last = text.partition(":")
    return int(first or 0) <= port <= int((last or 65535) if colon else first)


def _state(step: Step) -> str:
    """Return conntrack's state of a first packet, its answer, and an error about it (iptables-extensions(8))."""
    if not step.back:
        return "NEW"
    error = step.packet.protocol.startswith("icmp") and not step.packet.said.startswith("echo")
    return "RELATED" if error else "ESTABLISHED"


def _addresses(network: Snapshot, place: str) -> frozenset[str]:
    """Return the addresses of a namespace's interfaces."""
    if place in ("host", "client"):
        interfaces = network.interfaces if place == "host" else network.client
        return frozenset(without_prefix(a) for i in interfaces for a in i.addresses)
    container = network.container(place)
    if container is None:
        return frozenset()
    own = [a for e in container.endpoints for a in e.addresses] + [a for i in container.by_hand for a in i.addresses]
    return frozenset(map(without_prefix, own))
