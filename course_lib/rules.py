"""The iptables rules that decide about packets, by the hook where they act, and each rule in short words.

Chain names differ between engines, so no name but those of the kernel's own hooks is relied upon: a rule is found by its target and
by whether a packet can get to it from the hook.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from course_lib.snapshot import Chain, Rule, Snapshot

VERDICTS = ("ACCEPT", "DROP", "REJECT")
PORTS_TRANSLATED = ("DNAT", "REDIRECT")
SOURCE_TRANSLATED = ("MASQUERADE", "SNAT")
# What words() says in its own order, or what says nothing more to a reader.
SPOKEN = {"-m", "-p", "-i", "-o", "-s", "-d", "-j", "-g", "--sport", "--dport", "--to-destination", "--to-source",
          "--to-ports", "--reject-with", "--comment", "--random"}  # fmt: skip


@dataclass(frozen=True)
class Decision:
    """A rule of interest: where it stands and what it says."""

    family: str
    table: str
    chain: str
    number: int
    words: str
    packets: int
    rank: int  # 0 names an address or a port, 1 drops, 2 lets pass whole interfaces

    @property
    def place(self) -> str:
        """Return the chain as a heading: "DOCKER", or "DOCKER (IPv6)"."""
        return self.chain + (" (IPv6)" if self.family == "ip6" else "")


@dataclass(frozen=True)
class Hook:
    """One place on a packet's way, with the decisions there in the order in which it meets them."""

    name: str
    table: str
    decisions: tuple[Decision, ...]
    policies: tuple[Chain, ...] = ()  # the built-in chains whose policy decides the rest
    notes: tuple[str, ...] = ()


def hooks(snapshot: Snapshot) -> tuple[Hook, ...]:
    """Return the three hooks of a forwarded packet in the order in which it passes them."""
    inbound = _decisions(snapshot, "raw", "PREROUTING", VERDICTS) + _decisions(
        snapshot, "nat", "PREROUTING", PORTS_TRANSLATED
    )
    forward = _decisions(snapshot, "filter", "FORWARD", VERDICTS)
    outbound = _decisions(snapshot, "nat", "POSTROUTING", SOURCE_TRANSLATED)
    families = ["ip"] + (["ip6"] if any(d.family == "ip6" for d in forward) else [])
    policies = tuple(c for family in families if (c := snapshot.chain("filter", "FORWARD", family)))
    nothing = "" if policies else "no FORWARD chain was seen"
    return (
        Hook("PREROUTING", "nat", inbound, notes=_inbound_notes(snapshot, inbound)),
        Hook("FORWARD", "filter", forward, policies, (nothing,) if nothing else ()),
        Hook(
            "POSTROUTING", "nat", outbound, notes=() if outbound else ("no MASQUERADE rule: sources stay as they are",)
        ),
    )


def walk(snapshot: Snapshot, family: str, table: str, start: str) -> Iterator[tuple[Chain, Rule]]:
    """Yield each rule that a packet can meet from a chain on, in the kernel's order, each chain once."""
    yield from _walk(snapshot, family, table, start, set())


def _walk(
    snapshot: Snapshot, family: str, table: str, name: str, seen: set[str]
) -> Iterator[tuple[Chain, Rule]]:
    chain = snapshot.chain(table, name, family)
    if chain is None or name in seen:
        return
    seen.add(name)
    for rule in chain.rules:
        yield chain, rule
        yield from _walk(snapshot, family, table, rule.target, seen)


def _decisions(snapshot: Snapshot, table: str, hook: str, targets: tuple[str, ...]) -> tuple[Decision, ...]:
    return tuple(
        Decision(family, table, chain.name, rule.number, words(rule), rule.packets, _rank(rule, hook))
        for family in ("ip", "ip6")
        for chain, rule in walk(snapshot, family, table, hook)
        if rule.target in targets
    )


def _rank(rule: Rule, hook: str) -> int:
    options = parse(rule.spec)
    if rule.target in SOURCE_TRANSLATED:  # the hairpin rule of a published port names a port, and is never met
        return 1 if "--dport" in options else 0
    if rule.target in PORTS_TRANSLATED:
        return 0
    if {"-s", "-d", "--dport", "--sport"} & options.keys() and hook == "FORWARD":
        return 0
    return 1 if rule.target != "ACCEPT" else 2


def _inbound_notes(snapshot: Snapshot, decisions: tuple[Decision, ...]) -> tuple[str, ...]:
    notes = []
    reached = {(d.family, d.chain, d.number) for d in decisions if d.table == "nat"}
    existing = [
        (chain.family, chain.name, rule.number)
        for chain in snapshot.chains
        for rule in chain.rules
        if chain.table == "nat" and rule.target in PORTS_TRANSLATED
    ]
    lost = [place for place in existing if place not in reached]
    if lost:
        chains = ", ".join(sorted({name for _, name, _ in lost}))
        notes.append(f"{len(lost)} DNAT rule{'s' if len(lost) > 1 else ''} in {chains} not reached from here")
    elif not reached:
        published = any(port.host_port for c in snapshot.containers for port in c.ports)
        why = "though a port is published" if published else "nothing is published"
        notes.append(f"no DNAT rule: {why}")
    return (*notes, *_output_notes(snapshot, {name for _, name, _ in existing}))


def _output_notes(snapshot: Snapshot, translating: set[str]) -> list[str]:
    """Say what the host's own connections meet: they start at OUTPUT and never see PREROUTING."""
    outer = {rule.target for _, rule in walk(snapshot, "ip", "nat", "PREROUTING")}
    for chain, rule in walk(snapshot, "ip", "nat", "OUTPUT"):
        if chain.name == "OUTPUT" and snapshot.chain("nat", rule.target) and rule.target in outer:
            but = parse(rule.spec).get("-d", "")
            return [f"OUTPUT → {rule.target} too: the host's own calls" + _not_to(but)]
    if translating:
        return ["OUTPUT does not lead there: the host's own calls are not translated"]
    return []


def _not_to(destination: str) -> str:
    return f", not to {destination[1:]}" if destination.startswith("!") else ""


@cache
def parse(spec: str) -> dict[str, str]:
    """Return the options of a rule with their values; "!" before a value means "not".

    "! -i docker0 -p tcp -j DROP" gives {"-i": "!docker0", "-p": "tcp", "-j": "DROP"}.
    """
    try:
        tokens = shlex.split(spec)
    except ValueError:  # a quote without its end
        tokens = spec.split()
    options: dict[str, str] = {}
    negated, option = "", ""
    for token in tokens:
        if token == "!":  # noqa: S105 - a mark of iptables, not a password
            negated = "!"
        elif token.startswith("-"):
            option = token
            options[option] = negated
            negated = ""
        else:
            options[option] = f"{options.get(option, '')} {token}".strip().replace("! ", "!")
    return options


def words(rule: Rule) -> str:
    """Return a rule in the words of `iptables -L`, shorter: "DNAT tcp dpt:80 → 172.17.0.2:80"."""
    options = parse(rule.spec)
    source, destination = _address(options.get("-s", "")), _address(options.get("-d", ""))
    translated = options.get("--to-destination") or options.get("--to-ports") or options.get("--to-source")
    parts = [rule.target, options.get("-p", "")]
    # "from elsewhere than the bridge" goes without saying where a rule leads into that bridge.
    said = rule.target in ("DNAT", "ACCEPT") and (destination or translated) and "!" in options.get("-i", "")
    if not said:
        parts += [f"{word} {options[o]}" for o, word in (("-i", "in"), ("-o", "out")) if o in options]
    parts += [f"{word}:{options[o]}" for o, word in (("--sport", "spt"), ("--dport", "dpt")) if o in options]
    parts += [f"{option.lstrip('-')} {value}" for option, value in options.items() if option not in SPOKEN]
    if translated:
        parts += [source and f"from {source}", destination and f"to {destination}", "→", translated]
    elif destination:
        parts += [source, "→", destination]
    elif source:
        parts.insert(2, source)
    return " ".join(part for part in parts if part)


def _address(address: str) -> str:
    """Return an address without the prefix length of a single host."""
    return address.removesuffix("/32").removesuffix("/128")
