"""The iptables rules that decide about packets, by the hook where they act, and each rule in short words.

Chain names differ between engines, so none but those of the kernel's own hooks is relied upon: a rule is
found by its target, and by whether a packet can get to it from the hook.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from course_lib.network.iptables_save import parse_rule
from course_lib.network.model import Chain, Rule, Snapshot
from course_lib.network.rule_text import words

VERDICTS = ("ACCEPT", "DROP", "REJECT")
PORTS_TRANSLATED = ("DNAT", "REDIRECT")
SOURCE_TRANSLATED = ("MASQUERADE", "SNAT")
Place = tuple[str, str, str, int]  # a rule's family, table, chain and number


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

    @property
    def chains(self) -> list[str]:
        """Return the captions of all decisions, each once."""
        return list(dict.fromkeys(self.caption(decision) for decision in self.decisions))

    @property
    def title(self) -> str:
        """Return "PREROUTING · nat → DOCKER": where all decisions are in one chain, the title names it.

        Where another table decides first (raw, from engine 28), it names both: "PREROUTING · raw, nat".
        """
        tables = list(dict.fromkeys(d.table for d in self.decisions)) or [self.table]
        one = tables == [self.table] and len(self.chains) == 1 and self.chains[0] != self.name
        return f"{self.name} · {', '.join(tables)}" + (f" → {self.chains[0]}" if one else "")

    def caption(self, decision: Decision) -> str:
        """Return the chain of a decision, with its table where that is not the hook's."""
        return ("" if decision.table == self.table else f"{decision.table} ") + decision.place


def policy_words(chain: Chain) -> str:
    """Say what a built-in chain does with the packets that no rule has decided about."""
    return f"policy {chain.policy}{' (IPv6)' if chain.family == 'ip6' else ''}: whatever is left"


def hooks(snapshot: Snapshot) -> tuple[Hook, ...]:
    """Return the three hooks of a forwarded packet in the order in which it passes them."""
    if not snapshot.is_read("rules"):
        places = (("PREROUTING", "nat"), ("FORWARD", "filter"), ("POSTROUTING", "nat"))
        return tuple(Hook(name, table, (), notes=("its rules could not be read",)) for name, table in places)
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
            "POSTROUTING",
            "nat",
            outbound,
            notes=() if outbound else ("no MASQUERADE rule: sources stay as they are",),
        ),
    )


def preferring(found: Sequence[Hook], met: Collection[Place]) -> tuple[Hook, ...]:
    """Return the hooks with these rules ranked before all others, so that they are shown where room is short."""

    def ranked(decision: Decision) -> Decision:
        place = (decision.family, decision.table, decision.chain, decision.number)
        return replace(decision, rank=-1) if place in met else decision

    return tuple(replace(hook, decisions=tuple(map(ranked, hook.decisions))) for hook in found)


def walk(snapshot: Snapshot, family: str, table: str, start: str) -> Iterator[tuple[Chain, Rule]]:
    """Yield each rule that a packet can meet from a chain on, in the kernel's order, each chain once."""
    yield from _walk(snapshot, family, table, start, set())


def _walk(snapshot: Snapshot, family: str, table: str, name: str, seen: set[str]) -> Iterator[tuple[Chain, Rule]]:
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
    named = {option.name for option in parse_rule(rule.spec).matches}
    if rule.target in SOURCE_TRANSLATED:  # the hairpin rule of a published port is never met beside docker-proxy
        return 1 if "--dport" in named else 0
    if rule.target in PORTS_TRANSLATED:
        return 0
    if {"-s", "-d", "--dport", "--sport"} & named and hook == "FORWARD":
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
            to = parse_rule(rule.spec).option("-d")
            but = f", not to {to.value}" if to and to.negated else ""
            return [f"OUTPUT → {rule.target} too (from the host itself{but})"]
    if translating:
        return ["OUTPUT does not lead there: the host's own connections are not translated"]
    return []
