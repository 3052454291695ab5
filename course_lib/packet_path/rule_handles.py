"""From the handle of a rule, which a trace names, to the rule as iptables prints it.

The rules of a chain stand in the same order in `nft -a list` and in `iptables-save` (iptables-nft(8)), so a handle
leads to a position, and the position to the text. Texts are never compared: versions of nft word them differently.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from course_lib.network.iptables_save import parse_chains
from course_lib.network.model import Chain, Rule
from course_lib.plain_text import quoted_lines

Place = tuple[str, str, str]  # family, table, chain
NAMES = r'"[^"]*"|\b(?:jump|goto) \S+'  # what a person chose in the text of a rule of nft


class Rules:
    """The rules of one network namespace."""

    def __init__(self, listing: str, saved: Mapping[str, str]) -> None:
        """Take what `nft -a list ruleset` and, by family, what `iptables-save -c` printed."""
        self._handles, self._texts = _listed(listing)
        self._chains = {
            (c.family, c.table, c.name): c for family, text in saved.items() for c in parse_chains(text, family)
        }

    def chain(self, family: str, table: str, name: str) -> Chain | None:
        """Return a chain as iptables has it."""
        return self._chains.get((family, table, name))

    def rule(self, place: Place, handle: int) -> Rule | None:
        """Return the rule of a handle; one that iptables does not have is told in the words of nft, number 0."""
        handles, chain = self._handles.get(place, []), self._chains.get(place)
        if chain and handle in handles and len(handles) == len(chain.rules):
            return chain.rules[handles.index(handle)]
        text = self._texts.get((*place, handle))
        return Rule(0, text, _target(text), 0, 0) if text else None


def _target(text: str) -> str:
    """Return what iptables calls that which a rule of nft does at its end; "" for all that changes no address."""
    statement = re.search(r"(?<![\w@-])(dnat|snat|masquerade|redirect|reject)\b", re.sub(NAMES, "", text))
    return statement[1].upper() if statement else ""


def _listed(listing: str) -> tuple[dict[Place, list[int]], dict[tuple[str, str, str, int], str]]:
    """Return the handles of each chain in their order, and the text of each rule in the words of nft."""
    handles: dict[Place, list[int]] = {}
    texts: dict[tuple[str, str, str, int], str] = {}
    family = table = chain = ""
    for line in quoted_lines(listing):
        if found := re.match(r"table (\S+) (\S+) \{", line):
            (family, table), chain = found.groups(), ""
        elif found := re.match(r"\tchain (\S+) \{", line):
            chain = found[1]
            handles[family, table, chain] = []
        elif line == "\t}":
            chain = ""
        elif chain and (found := re.match(r"\t\t(.*) # handle (\d+)$", line)):
            handles[family, table, chain].append(int(found[2]))
            texts[family, table, chain, int(found[2])] = found[1]
    return handles, texts
