"""Parse the output of `iptables-save -c`: `parse_chains` parses a whole text, `parse_rule` one rule.

No other module parses rules. iptables prints each rule on a line, matches before the target (iptables-save(8)). It
puts text that a user chose (a comment, a log prefix, a string to search for) in double quotes unless it contains only
letters, digits, "-" and "_". Inside quotes it escapes quotes and backslashes, and prints a line break as it is
(xtables_save_string in libxtables/xtables.c). A comment may therefore look like an option or like another line; only
what precedes it shows that it is a comment.

Two kinds of names are printed without quotes although they may contain blanks: those of `-m recent`, which are parsed
up to the `--mask` that always follows, and those of sets and of `-m hashlimit`, which iptables-restore(8) cannot parse
either.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from course_lib.network.model import Chain, Rule

# Options with exactly one value, printed without quotes: an interface or a chain may be named `"x` or `-j`.
BARE = {"-A", "-m", "-p", "-s", "-d", "-i", "-o", "-j", "-g", "--physdev-in", "--physdev-out"}
# Options with exactly one value that a user chose: it may be `-j` without quotes.
TEXT = {"--comment", "--string", "--hex-string", "--log-prefix", "--nflog-prefix", "--ulog-prefix", "--helper"}
QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"(?=\s|\Z)', re.DOTALL)
RECENT_NAME = re.compile(r".*?(?= --mask \S+ --r(?:source|dest)(?:\s|\Z))", re.DOTALL)
WORD = re.compile(r"[^ \n]+")
CHAIN = re.compile(r":(\S+) (\S+) \[(\d+):(\d+)\]")
RULE = re.compile(r"(?:\[(\d+):(\d+)\] )?-A (\S+) ?")


@dataclass(frozen=True)
class Option:
    """One option of a rule with its values."""

    name: str  # "-s", "--dport"; "-m" names a match extension, whose options follow
    values: tuple[str, ...] = ()  # without quotes and escapes
    negated: bool = False  # preceded by "!"
    extension: str = ""  # the match extension ("tcp", "comment") or the target to which the option belongs
    span: tuple[int, int] = field(default=(0, 0), compare=False)  # start and end of the values in the rule's text

    @property
    def value(self) -> str:
        """Return the values, joined by blanks: "FIN,SYN SYN" for --tcp-flags."""
        return " ".join(self.values)


@dataclass(frozen=True)
class RuleSpec:
    """A parsed rule: its matches, in order and with repetitions, and its target."""

    matches: tuple[Option, ...]
    target: str = ""  # the value of -j or -g: a chain, "ACCEPT", "DNAT" ...; "" if the rule only counts
    is_goto: bool = False  # -g: the packet does not return here after the chain
    target_options: tuple[Option, ...] = ()

    def option(self, name: str) -> Option | None:
        """Return the first match or target option with this name."""
        return next((o for o in (*self.matches, *self.target_options) if o.name == name), None)

    def value(self, name: str) -> str:
        """Return the value of the first option with this name; "" if there is none."""
        found = self.option(name)
        return found.value if found else ""


@lru_cache(8192)  # most rules of a live picture are the same as a moment before
def parse_rule(spec: str) -> RuleSpec:
    """Parse the text of a rule after `-A CHAIN`. Malformed text raises no error; unknown words become options."""
    return _rule(spec, 0)[0]


def _rule(text: str, at: int) -> tuple[RuleSpec, int]:
    """Parse the rule that begins at index `at`; return it and the index of its end, a line break outside quotes."""
    matches: list[Option] = []
    target_options: list[Option] = []
    found, target, is_goto, negated, extension = matches, "", False, False, ""
    while at < len(text) and text[at] != "\n":
        if text[at] == " ":
            at += 1
            continue
        last = found[-1] if found else Option("")
        start, word, is_value, at = at, *_word(text, at, last)
        if is_value:
            extension = word if last.name == "-m" else extension
            span = (last.span[0] if last.values else start, at)
            owner = last.extension or extension
            found[-1:] = [Option(last.name, (*last.values, word), last.negated, owner, span)]
        elif word == "!":
            negated = True
        elif word in ("-j", "-g"):
            at += 1
            target, _, at = _word(text, at, Option(word))
            found, is_goto, extension = target_options, word == "-g", target
        else:
            found.append(Option(word, negated=negated, extension=extension if word.startswith("--") else ""))
            negated = False
    return RuleSpec(tuple(matches), target, is_goto, tuple(target_options)), at


def _word(text: str, at: int, last: Option) -> tuple[str, bool, int]:
    """Return the next word without quotes and escapes, whether it is a value of the last option, and where it ends."""
    alone = not last.values and last.name in BARE | TEXT  # the next word is its value, whatever it looks like
    named = (last.name, last.extension, last.values) == ("--name", "recent", ())
    if named and (name := RECENT_NAME.match(text, at)):
        return name[0], True, name.end()
    if not (alone and last.name in BARE) and (inside := QUOTED.match(text, at)):
        return re.sub(r"\\(.)", r"\1", inside[1], flags=re.DOTALL), True, inside.end()
    plain = WORD.match(text, at)
    word = plain[0] if plain else ""
    return word, alone or (bool(last.name) and not word.startswith("-") and word != "!"), at + len(word)


def parse_chains(text: str, family: str) -> list[Chain]:
    """Parse the output of `iptables-save -c` and return its chains in order; lines of another form are ignored.

    `family` is "ip" or "ip6". Without `-c` the counters of rules are 0. A rule in an undeclared chain declares it.
    """
    found: dict[tuple[str, str], Chain] = {}
    rules: dict[tuple[str, str], list[Rule]] = {}
    table, at = "", 0
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        if text[at] == "*":
            table = text[at + 1 : end]
        elif declared := CHAIN.match(text, at, end):
            name, policy, packets, size = declared.groups()
            place = table, name
            found[place] = Chain(family, table, name, None if policy == "-" else policy, int(packets), int(size))
        elif head := RULE.match(text, at, end):
            packets, size, name = head.groups()
            place = table, name
            line = text[head.end() : end]
            if '"' in line or "--name" in line:  # it may continue after the line break
                _, end = _rule(text, head.end())
                line = text[head.end() : end]
            found.setdefault(place, Chain(family, table, name, None, 0, 0))
            earlier = rules.setdefault(place, [])
            target = parse_rule(line).target  # usually cached
            earlier.append(Rule(len(earlier) + 1, line, target, int(packets or 0), int(size or 0)))
        at = end + 1
    return [
        Chain(c.family, c.table, c.name, c.policy, c.packets, c.bytes, tuple(rules.get(place, ())))
        for place, c in found.items()
    ]
