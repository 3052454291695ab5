"""Read the rules that an engine should write in given cases (`read`), and compare them with real ones (`differences`).

Rules are held in one form, so that the order in which a rule names its conditions does not matter:
"ACCEPT in=!bridge1 out=bridge1". 28.5.toml explains its own form.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from course_lib.network.iptables_save import parse_chains, parse_rule

TABLES = ("filter", "nat", "raw")
OPTIONS = {
    "-i": "in",
    "-o": "out",
    "-s": "from",
    "-d": "to",
    "-p": "protocol",
    "--dport": "port",
    "--sport": "source_port",
    "--ctstate": "state",
    "--dst-type": "to_type",
    "--src-type": "from_type",
    "--to-destination": "to_destination",
}

Rules = dict[str, list[str]]  # "nat DOCKER" -> its rules in order


@dataclass(frozen=True)
class Case:
    """The commands that make a case, with options for daemon.json, and the rules that the engine should then have."""

    name: str
    daemon: dict[str, object]
    commands: str
    rules: Rules
    without_ipvs: Rules  # what is left of `rules` where the kernel has no IPVS


def read(file: Path) -> list[Case]:
    """Read a file of cases."""
    chains: dict[str, dict[str, list[dict[str, str]]]] = {}
    cases = []
    for item in tomllib.loads(file.read_text())["cases"]:
        mine = chains[item["name"]] = chains.get(item.get("like", ""), {}) | item["chains"]
        plain = {
            name: left
            for name, rules in mine.items()
            if (left := [rule for rule in rules if "needs" not in rule]) or not rules
        }
        cases.append(Case(item["name"], item.get("daemon", {}), item["commands"], _rules(mine), _rules(plain)))
    return cases


def _rules(chains: dict[str, list[dict[str, str]]]) -> Rules:
    made = {name: [_line(rule) for rule in rules] for name, rules in chains.items()}
    return {name: rules for name, rules in made.items() if rules or " DOCKER" in name}  # as in `found`


def _line(rule: dict[str, str]) -> str:
    conditions = [f"{name}={value}" for name, value in rule.items() if name not in ("target", "needs")]
    return " ".join([rule["target"], *sorted(conditions)])


def found(text: str) -> Rules:
    """Return the rules that `iptables-save` printed for TABLES, without built-in chains that have none."""
    return {
        f"{chain.table} {chain.name}": [_found_line(rule.spec) for rule in chain.rules]
        for chain in parse_chains(text, "ip")
        if chain.table in TABLES and (chain.rules or chain.policy is None)
    }


def _found_line(spec: str) -> str:
    rule = parse_rule(spec)
    conditions = [
        f"{OPTIONS.get(option.name, option.name)}={'!' if option.negated else ''}{option.value}"
        for option in (*rule.matches, *rule.target_options)
        if option.name != "-m"  # its options say what it does
    ]
    return " ".join([("goto " if rule.is_goto else "") + rule.target, *sorted(conditions)])


def differences(expected: Rules, real: Rules) -> list[str]:
    """Return a line for each chain that is missing, is one too many or has other rules."""
    return [
        f"{name}: expected {expected.get(name)}, found {real.get(name)}"
        for name in sorted(expected.keys() | real.keys())
        if expected.get(name) != real.get(name)
    ]
