"""Abbreviate one iptables rule for pictures and tables: `rule_words`."""

from __future__ import annotations

from course_lib.network.iptables_save import Option, RuleSpec, parse_rule
from course_lib.network.model import Rule
from course_lib.plain_text import clean

# Options that rule_words() prints in an order of its own, and those that it leaves out.
ORDERED = {"-p", "-i", "-o", "-s", "-d", "-j", "-g", "--sport", "--dport"}
ORDERED |= {"--to-destination", "--to-source", "--to-ports"}
OMITTED = {"-m", "--comment", "--random", "--reject-with"}


def rule_words(rule: Rule) -> str:
    """Return a rule in a short form of what `iptables -L` prints: "DNAT tcp dpt:80 → 172.17.0.2:80"."""
    spec = parse_rule(rule.spec)
    source, destination, inward = (_address(spec, name) for name in ("-s", "-d", "-i"))
    translated = spec.value("--to-destination") or spec.value("--to-ports") or spec.value("--to-source")
    parts = [rule.target, spec.value("-p")]
    # "! -i docker0" is left out where the rule sends the packet into that bridge anyway.
    if not (rule.target in ("DNAT", "ACCEPT") and (destination or translated) and inward.startswith("!")):
        parts += [f"in {inward}" if inward else ""]
        parts += [f"out {_values(option)}" for option in spec.matches if option.name == "-o"]
    for name, word in (("--sport", "spt"), ("--dport", "dpt")):
        parts += [f"{word}:{_values(option)}" for option in spec.matches if option.name == name]
    parts += [
        f"{option.name.lstrip('-')} {_values(option)}".strip()
        for option in (*spec.matches, *spec.target_options)
        if option.name not in ORDERED | OMITTED
    ]
    if translated:
        parts += [source and f"from {source}", destination and f"to {destination}", "→", translated]
    elif destination:
        parts += [source, "→", destination]
    elif source:
        parts.insert(2, source)
    return clean(" ".join(part for part in parts if part))


def _values(option: Option) -> str:
    """Return the values of an option, with "!" before them if it is negated; a value with blanks is quoted."""
    values = [f'"{value}"' if any(map(str.isspace, value)) else value for value in option.values]
    return ("!" if option.negated else "") + " ".join(values)


def _address(spec: RuleSpec, name: str) -> str:
    """Return the value of an option, without a prefix length of /32 or /128; "" if the rule lacks the option."""
    option = spec.option(name)
    return _values(option).removesuffix("/32").removesuffix("/128") if option else ""
