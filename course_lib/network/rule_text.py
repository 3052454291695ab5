"""Say one iptables rule in short words: `words`."""

from __future__ import annotations

from course_lib.network.iptables_save import Option, RuleSpec, parse_rule
from course_lib.network.model import Rule
from course_lib.plain_text import clean

# What words() says in its own order, or what says nothing more to a reader.
SPOKEN = {
    "-m",
    "-p",
    "-i",
    "-o",
    "-s",
    "-d",
    "-j",
    "-g",
    "--sport",
    "--dport",
    "--to-destination",
    "--to-source",
    "--to-ports",
    "--reject-with",
    "--comment",
    "--random",
}


def words(rule: Rule) -> str:
    """Return a rule in the words of `iptables -L`, shorter: "DNAT tcp dpt:80 → 172.17.0.2:80"."""
    spec = parse_rule(rule.spec)
    source, destination, inward = (_address(spec, name) for name in ("-s", "-d", "-i"))
    translated = spec.value("--to-destination") or spec.value("--to-ports") or spec.value("--to-source")
    parts = [rule.target, spec.value("-p")]
    # "from elsewhere than the bridge" goes without saying where a rule leads into that bridge.
    if not (rule.target in ("DNAT", "ACCEPT") and (destination or translated) and inward.startswith("!")):
        parts += [f"in {inward}" if inward else ""]
        parts += [f"out {_said(option)}" for option in spec.matches if option.name == "-o"]
    for name, word in (("--sport", "spt"), ("--dport", "dpt")):
        parts += [f"{word}:{_said(option)}" for option in spec.matches if option.name == name]
    parts += [
        f"{option.name.lstrip('-')} {_said(option)}".strip()
        for option in (*spec.matches, *spec.target_options)
        if option.name not in SPOKEN
    ]
    if translated:
        parts += [source and f"from {source}", destination and f"to {destination}", "→", translated]
    elif destination:
        parts += [source, "→", destination]
    elif source:
        parts.insert(2, source)
    return clean(" ".join(part for part in parts if part))


def _said(option: Option) -> str:
    """Return the values of an option, "!" before them if they must not be; one with blanks stands in quotes."""
    values = [f'"{value}"' if any(map(str.isspace, value)) else value for value in option.values]
    return ("!" if option.negated else "") + " ".join(values)


def _address(spec: RuleSpec, name: str) -> str:
    """Return the value of an option without the prefix length of a single host; "" if there is no such option."""
    option = spec.option(name)
    return _said(option).removesuffix("/32").removesuffix("/128") if option else ""
