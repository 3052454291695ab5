"""Find the rule of iptables behind each handle that a trace may name: `rules_by_handle`.

The rules of a chain stand in the same order in `nft -j list ruleset` and in `iptables-save` (iptables-nft(8)), so a
handle leads to a position, and the position to the text. Texts are never compared: versions of nft word them
differently.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from course_lib.network.model import Chain, Rule

Handle = tuple[str, str, str, int]  # family, table, chain and the rule's handle
# Statements of nftables that change or refuse a packet, as libnftables-json(5) names them.
STATEMENTS = ("dnat", "snat", "masquerade", "redirect", "reject")


def rules_by_handle(ruleset: str, chains: Iterable[Chain]) -> dict[Handle, Rule]:
    """Return the rules that `nft -j list ruleset` printed ("" if it was not asked), as iptables has them in `chains`.

    A rule that iptables does not have has the number 0, no text, and the target of its statement.
    """
    places: dict[tuple[str, str, str], list[Any]] = {}
    for item in json.loads(ruleset)["nftables"] if ruleset else ():
        if rule := item.get("rule"):
            places.setdefault((rule["family"], rule["table"], rule["chain"]), []).append(rule)
    saved = {(chain.family, chain.table, chain.name): chain.rules for chain in chains}
    found: dict[Handle, Rule] = {}
    for place, listed in places.items():
        rules = saved.get(place, ())
        if len(rules) != len(listed):  # somebody added rules with nft, so a position means nothing
            rules = tuple(Rule(0, "", _target(rule["expr"]), 0, 0) for rule in listed)
        found |= {(*place, rule["handle"]): known for rule, known in zip(listed, rules, strict=True)}
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
