"""Select the iptables rules that decide about forwarded packets, in the kernel's order: `hooks`.

The names of Docker's chains differ between engines, so only the built-in chains are found by name. A rule is selected
by its target, if a packet can get to it from the built-in chain of a hook.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from course_lib.network.iptables_save import parse_rule
from course_lib.network.model import Chain, Key, Rule, Snapshot
from course_lib.network.wording import rule_words

VERDICTS = ("ACCEPT", "DROP", "REJECT")
PORTS_TRANSLATED = ("DNAT", "REDIRECT")
SOURCE_TRANSLATED = ("MASQUERADE", "SNAT")
RulePlace = tuple[str, str, str, int]  # a rule's family, table, chain and number


@dataclass(frozen=True)
class Decision:
    """A rule that accepts, drops, rejects or translates packets; family, table, chain and number as in `model.Rule`."""

    family: str
    table: str
    chain: str
    number: int
    words: str
    packets: int
    rank: int  # the lower, the sooner it is shown: 0 names an address or a port, 1 drops, 2 accepts whole interfaces

    @property
    def place(self) -> RulePlace:
        """Return what identifies the rule."""
        return self.family, self.table, self.chain, self.number

    @property
    def key(self) -> Key:
        """Return the key of the rule in a picture."""
        return ("rule", *self.place)

    @property
    def heading(self) -> str:
        """Return the chain as a heading: "DOCKER", or "DOCKER (IPv6)"."""
        return self.chain + (" (IPv6)" if self.family == "ip6" else "")


@dataclass(frozen=True)
class Hook:
    """A netfilter hook on a packet's path, with the decisions there in the order in which they are evaluated."""

    name: str
    table: str
    decisions: tuple[Decision, ...] = ()
    policies: tuple[Chain, ...] = ()  # the built-in chains, whose policy applies to all other packets
    notes: tuple[str, ...] = ()

    @property
    def captions(self) -> list[str]:
        """Return the captions of all decisions, each once."""
        return list(dict.fromkeys(map(self.caption, self.decisions)))

    @property
    def title(self) -> str:
        """Return the hook with its tables, and the chain if there is only one: "PREROUTING · nat → DOCKER".

        From engine 28 the raw table decides, too: "PREROUTING · raw, nat".
        """
        tables = list(dict.fromkeys(d.table for d in self.decisions)) or [self.table]
        one = tables == [self.table] and len(self.captions) == 1 and self.captions[0] != self.name
        return f"{self.name} · {', '.join(tables)}" + (f" → {self.captions[0]}" if one else "")

    def caption(self, decision: Decision) -> str:
        """Return the chain of a decision, with its table if that is not the hook's."""
        return ("" if decision.table == self.table else f"{decision.table} ") + decision.heading


def policy_words(chain: Chain) -> str:
    """Return the policy of a built-in chain, which applies to the packets that no rule decided about."""
    return f"policy {chain.policy}{' (IPv6)' if chain.family == 'ip6' else ''}: all other packets"


def hooks(snapshot: Snapshot, met: Collection[RulePlace] = ()) -> tuple[Hook, ...]:
    """Return PREROUTING, FORWARD and POSTROUTING, the hooks of a forwarded packet, in this order.

    Their notes say what is missing, and whether OUTPUT leads to the DNAT rules, too. The rules in `met` rank before all
    others.
    """
    if not snapshot.is_read("rules"):
        places = (("PREROUTING", "nat"), ("FORWARD", "filter"), ("POSTROUTING", "nat"))
        return tuple(Hook(name, table, notes=("its rules could not be read",)) for name, table in places)

    def decisions(table: str, hook: str, targets: tuple[str, ...]) -> tuple[Decision, ...]:
        """Return the rules with one of these targets that a packet can get to from a hook, IPv4 first."""
        return tuple(
            Decision(*place, rule_words(rule), rule.packets, -1 if place in met else _rank(rule, hook))
            for family in ("ip", "ip6")
            for chain, rule in walk(snapshot, family, table, hook)
            if rule.target in targets and (place := (family, table, chain.name, rule.number))
        )

    inbound = decisions("raw", "PREROUTING", VERDICTS) + decisions("nat", "PREROUTING", PORTS_TRANSLATED)
    forward = decisions("filter", "FORWARD", VERDICTS)
    outbound = decisions("nat", "POSTROUTING", SOURCE_TRANSLATED)
    families = ["ip"] + (["ip6"] if any(d.family == "ip6" for d in forward) else [])
    policies = tuple(c for family in families if (c := snapshot.chain("filter", "FORWARD", family)))
    untranslated = () if outbound else ("no MASQUERADE rule: source addresses stay unchanged",)
    return (
        Hook("PREROUTING", "nat", inbound, notes=tuple(_inbound_notes(snapshot, inbound))),
        Hook("FORWARD", "filter", forward, policies, () if policies else ("no FORWARD chain found",)),
        Hook("POSTROUTING", "nat", outbound, notes=untranslated),
    )


def walk(snapshot: Snapshot, family: str, table: str, start: str) -> Iterator[tuple[Chain, Rule]]:
    """Yield each rule that a packet can get to from a chain, in the kernel's order, each chain once.

    `family` is "ip" or "ip6". Nothing is yielded if there is no such chain.
    """
    seen: set[str] = set()

    def visit(name: str) -> Iterator[tuple[Chain, Rule]]:
        chain = snapshot.chain(table, name, family)
        if chain and name not in seen:
            seen.add(name)
            for rule in chain.rules:
                yield chain, rule
                yield from visit(rule.target)

    yield from visit(start)


def _rank(rule: Rule, hook: str) -> int:
    """Return how soon a rule is shown, see `Decision.rank`."""
    named = {option.name for option in parse_rule(rule.spec).matches}
    if rule.target in SOURCE_TRANSLATED:  # a published port's hairpin rule matches nothing while docker-proxy runs
        return 1 if "--dport" in named else 0
    if rule.target in PORTS_TRANSLATED or (hook == "FORWARD" and {"-s", "-d", "--dport", "--sport"} & named):
        return 0
    return 1 if rule.target != "ACCEPT" else 2


def _inbound_notes(snapshot: Snapshot, decisions: tuple[Decision, ...]) -> Iterator[str]:
    """Yield what is missing at PREROUTING: a jump to rules that exist, or the rules; then what OUTPUT does."""
    reached = {d.place for d in decisions if d.table == "nat"}
    existing = [
        (chain.family, "nat", chain.name, rule.number)
        for chain in snapshot.chains
        for rule in chain.rules
        if chain.table == "nat" and rule.target in PORTS_TRANSLATED
    ]
    if unreached := [place for place in existing if place not in reached]:
        names = ", ".join(sorted({name for _, _, name, _ in unreached}))
        yield f"{len(unreached)} DNAT rule{'s' if len(unreached) > 1 else ''} in {names} not reached from here"
    elif not reached:
        published = any(port.host_port for c in snapshot.containers for port in c.ports)
        yield "no DNAT rule" + (", although a port is published" if published else ": nothing is published")
    # The host's own connections start at OUTPUT and never pass PREROUTING.
    from_outside = {rule.target for _, rule in walk(snapshot, "ip", "nat", "PREROUTING")}
    for chain, rule in walk(snapshot, "ip", "nat", "OUTPUT"):
        if chain.name == "OUTPUT" and snapshot.chain("nat", rule.target) and rule.target in from_outside:
            to = parse_rule(rule.spec).option("-d")
            exception = f", not to {to.value}" if to and to.negated else ""
            yield f"OUTPUT → {rule.target} too (from the host itself{exception})"
            return
    if existing:
        yield "OUTPUT does not lead there: the host's own connections are not translated"
