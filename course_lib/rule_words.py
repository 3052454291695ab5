"""One iptables rule: its options, and what they say in short words."""

from __future__ import annotations

import shlex
from functools import cache

from course_lib.snapshot import Rule

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
