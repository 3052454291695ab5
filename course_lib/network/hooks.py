"""Select the iptables rules that decide about forwarded packets, in the kernel's order: `hooks`.

The names of Docker's chains differ between engines, so only the built-in chains are found by name. A rule is selected
by its target, if a packet can get to it from the built-in chain of a hook.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from course_lib.network.iptables_save import Option, parse_rule
from course_lib.network.model import Chain, Key, Rule, Snapshot
from course_lib.network.wording import conditions, exclusive, rule_words, way_words

VERDICTS = ("ACCEPT", "DROP", "REJECT")
DENIALS = ("DROP", "REJECT")  # what decides in the other tables that filter: there, ACCEPT leaves it to later tables
EXEMPTIONS = ("ACCEPT", "RETURN")  # where they do not decide, they exempt packets from the rules that follow
PORTS_TRANSLATED = ("DNAT", "REDIRECT")
SOURCE_TRANSLATED = ("MASQUERADE", "SNAT")
FINAL = (*VERDICTS, *PORTS_TRANSLATED, *SOURCE_TRANSLATED)  # no rule after it is evaluated
WAYS = 100  # at most so many ways to a chain are followed
RulePlace = tuple[str, str, str, int]  # a rule's family, table, chain and number


@dataclass(frozen=True)
class Decision:
    """A rule that accepts, drops, rejects or translates packets, or exempts them from such a rule.

    Family, table, chain and number are as in `model.Rule`.
    """

    family: str
    table: str
    chain: str
    number: int
    target: str
    words: str
    when: str  # the conditions of the jumps that lead to its chain, as far as it does not repeat them
    packets: int
    rank: int  # the lower, the sooner it is shown: 0 names an address or a port, 1 drops, 2 accepts whole interfaces

    @property
    def full(self) -> str:
        """Return the words with the conditions of the jumps: "DROP out docker0 if in docker0, not out docker0"."""
        return self.words + (f" if {self.when}" if self.when else "")

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
        """Return the rules with one of these targets that a packet can get to from a hook, IPv4 first.

        And those that exempt packets from them.
        """
        found = []
        for family in ("ip", "ip6"):
            reached = list(walk(snapshot, family, table, hook))
            ways = _ways(reached, hook)
            for at, (chain, rule) in enumerate(reached):
                if rule.target in targets or _exempts(reached, at, targets):
                    place = family, table, chain.name, rule.number
                    rank = -1 if place in met else _rank(rule, hook)
                    words = rule_words(rule), way_words(rule, ways[chain.name])
                    found.append(Decision(*place, rule.target, *words, rule.packets, rank))
        return tuple(found)

    inbound = (
        *decisions("raw", "PREROUTING", DENIALS),
        *decisions("mangle", "PREROUTING", DENIALS),
        *decisions("nat", "PREROUTING", PORTS_TRANSLATED),
    )
    forward = (
        *decisions("mangle", "FORWARD", DENIALS),
        *decisions("filter", "FORWARD", VERDICTS),
        *decisions("security", "FORWARD", DENIALS),
    )
    outbound = (
        *decisions("mangle", "POSTROUTING", DENIALS),
        *decisions("nat", "POSTROUTING", SOURCE_TRANSLATED),
    )
    families = ["ip"] + (["ip6"] if any(d.family == "ip6" for d in forward) else [])
    policies = tuple(c for family in families if (c := snapshot.chain("filter", "FORWARD", family)))
    translated = any(d.target in SOURCE_TRANSLATED for d in outbound)
    untranslated = () if translated else ("no MASQUERADE rule: source addresses stay unchanged",)
    return (
        Hook("PREROUTING", "nat", inbound, notes=tuple(_inbound_notes(snapshot, inbound))),
        Hook("FORWARD", "filter", forward, policies, () if policies else ("no FORWARD chain found",)),
        Hook("POSTROUTING", "nat", outbound, notes=untranslated),
    )


def walk(snapshot: Snapshot, family: str, table: str, start: str) -> Iterator[tuple[Chain, Rule]]:
    """Yield each rule that a packet can get to from a chain, in the kernel's order, each chain once.

    `family` is "ip" or "ip6". Nothing is yielded if there is no such chain. A rule after one that ends the chain for
    every packet is not reached.
    """
    closed: dict[str, bool] = {}  # by chain: whether no packet comes back from it

    def visit(name: str) -> Generator[tuple[Chain, Rule], None, bool]:
        chain = snapshot.chain(table, name, family)
        if chain and name not in closed:
            closed[name] = False
            for rule in chain.rules:
                yield chain, rule
                closes = (yield from visit(rule.target)) or rule.target in FINAL
                ends = closes or rule.target == "RETURN" or parse_rule(rule.spec).is_goto
                if ends and not conditions(rule):
                    closed[name] = closes
                    break
        return closed.get(name, False)

    yield from visit(start)


def _ways(reached: Sequence[tuple[Chain, Rule]], start: str) -> dict[str, list[tuple[Option, ...]]]:
    """Return by chain the conditions of each way by which jumps lead from `start` to it."""
    jumps: dict[str, list[tuple[str, tuple[Option, ...]]]] = {}
    for chain, rule in reached:
        jumps.setdefault(rule.target, []).append((chain.name, conditions(rule)))

    def ways(name: str, passed: frozenset[str]) -> Iterator[tuple[Option, ...]]:
        if name == start:
            yield ()
        else:
            for origin, matches in jumps[name]:
                if origin not in passed:
                    yield from ((*way, *matches) for way in ways(origin, passed | {name}))

    return {name: list(islice(ways(name, frozenset()), WAYS)) for name in {chain.name for chain, _ in reached}}


def _exempts(reached: Sequence[tuple[Chain, Rule]], at: int, targets: tuple[str, ...]) -> bool:
    """Return whether a rule keeps packets from a later rule with one of these targets."""
    chain, rule = reached[at]
    if rule.target not in EXEMPTIONS:
        return False
    inside = {chain.name}  # the chains that are left by RETURN
    for other, later in reached[at + 1 :]:
        if rule.target == "RETURN" and other.name not in inside:
            return False
        inside.add(later.target)
        if later.target in targets and not exclusive(conditions(rule), conditions(later)):
            return True
    return False


def _rank(rule: Rule, hook: str) -> int:
    """Return how soon a rule is shown, see `Decision.rank`."""
    named = {option.name for option in parse_rule(rule.spec).matches}
    if rule.target in SOURCE_TRANSLATED:  # a published port's hairpin rule matches nothing while docker-proxy runs
        return 1 if "--dport" in named else 0
    if rule.target == "RETURN":
        return 1
    if rule.target in PORTS_TRANSLATED or (hook == "FORWARD" and {"-s", "-d", "--dport", "--sport"} & named):
        return 0
    return 1 if rule.target != "ACCEPT" else 2


def _inbound_notes(snapshot: Snapshot, decisions: tuple[Decision, ...]) -> Iterator[str]:
    """Yield what is missing at PREROUTING: a jump to rules that exist, or the rules; then what OUTPUT does."""
    reached = {d.place for d in decisions if d.target in PORTS_TRANSLATED}
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
    if any(d.table == "raw" for d in decisions):  # priorities of the hook: raw -300, nat -100 (netfilter_ipv4.h)
        yield "raw comes before DNAT: it sees the address to which the packet was sent"
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
