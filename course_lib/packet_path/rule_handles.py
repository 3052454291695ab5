"""Find the rule of iptables behind the handle that a trace names: `Rules.rule`.

The rules of a chain stand in the same order in `nft -j list ruleset` and in `iptables-save` (iptables-nft(8)), so a
handle leads to a position, and the position to the text. Texts are never compared: versions of nft word them
differently.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from course_lib.network.iptables_save import parse_chains
from course_lib.network.model import Chain, Rule

Place = tuple[str, str, str]  # family, table, chain
# Statements of nftables that change or refuse a packet, as libnftables-json(5) names them.
STATEMENTS = ("dnat", "snat", "masquerade", "redirect", "reject")


class Rules:
    """The rules of one network namespace."""

    def __init__(self, ruleset: str, saved: Mapping[str, str]) -> None:
        """Take what `nft -j list ruleset` and, by family ("ip", "ip6"), what `iptables-save -c` printed.

        An empty text stands for rules that were not listed.
        """
        self._targets = _targets(ruleset)
        self._chains = {
            (c.family, c.table, c.name): c for family, text in saved.items() for c in parse_chains(text, family)
        }

    def chain(self, family: str, table: str, name: str) -> Chain | None:
        """Return a chain as iptables has it."""
        return self._chains.get((family, table, name))

    def rule(self, place: Place, handle: int, words: str) -> Rule | None:
        """Return the rule of a handle as iptables prints it; None if it is no longer there.

        A rule that iptables does not have has the number 0 and the words of nft, which the trace printed.
        """
        targets, chain = self._targets.get(place, {}), self._chains.get(place)
        if handle not in targets:
            return None
        if chain and len(targets) == len(chain.rules):
            return chain.rules[list(targets).index(handle)]
        return Rule(0, words, targets[handle], 0, 0)


def _targets(ruleset: str) -> dict[Place, dict[int, str]]:
    """Return by chain, in their order, the handles of its rules with the target of each (libnftables-json(5))."""
    found: dict[Place, dict[int, str]] = {}
    for item in json.loads(ruleset)["nftables"] if ruleset else ():
        if rule := item.get("rule"):
            place = (rule["family"], rule["table"], rule["chain"])
            found.setdefault(place, {})[rule["handle"]] = _target(rule["expr"])
    return found


def _target(statements: list[dict[str, Any]]) -> str:
    """Return what iptables calls the statement that changes or refuses a packet; "" if no statement does."""
    for statement in statements:
        for name, value in statement.items():
            if name in STATEMENTS:
                return name.upper()
            if name == "xt" and value["type"] == "target":  # an extension of iptables, by its own name
                return str(value["name"])
    return ""
