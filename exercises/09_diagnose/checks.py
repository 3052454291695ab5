"""Judge a diagnosis and a repair: one fault or two of exercise 07, in a shop and a case of the learner's own."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping

from course_lib.exercises import broken_shop
from course_lib.exercises.broken_shop import COMPLAINTS, decided_by, symptom_of
from course_lib.exercises.checks import Check, Finding, Probe, Seed, Seen, Value, Values
from course_lib.network.model import Snapshot, without_prefix

# No later one undoes an earlier one: first those that create a container again, then those that plug or restart one.
ORDER = (
    *("loopback", "password", "networks", "alias", "listener"),
    *("resolver", "cable", "unplugged", "gateway", "conflict", "neighbour", "drop", "accept"),
    *("masquerade", "mtu", "forwarding"),
)
# What is right again after a restart of both containers or of dockerd. No case consists of these alone.
RESTARTED = frozenset({"accept", "cable", "forwarding", "gateway", "masquerade", "resolver", "unplugged"})
# Pairs that are no case, because one repair may be that of both, or because a hint about one would hide the other.
APART = frozenset(
    map(
        frozenset,
        (
            *(("listener", other) for other in ("accept", "gateway", "resolver", "unplugged")),  # a restart of `front`
            *itertools.combinations(("alias", "cable", "networks"), 2),  # repaired by plugging `ledger` in again
            *(("masquerade", other) for other in ("alias", "networks")),  # no name resolves, and for two reasons
        ),
    )
)
CASES: Mapping[int, tuple[tuple[str, ...], ...]] = {
    count: tuple(
        faults
        for faults in itertools.combinations(ORDER, count)
        if not RESTARTED.issuperset(faults) and frozenset(faults) not in APART
    )
    for count in (1, 2)
}

# What stands around a shop and does it no harm; two of these are in each case. For bash, with the names of shop.sh.
HARMLESS = (
    'docker run -d -it --name lodger --net "$net" busybox >/dev/null',
    "docker network create -o com.docker.network.driver.mtu=1300 --subnet 10.77.0.0/24 annex >/dev/null"
    " && docker run -d -it --name guest --net annex busybox >/dev/null",
    'iptables -I DOCKER-USER -d "$address" -p tcp --dport 8443 -j DROP',
    "ip route add 198.51.100.0/24 via 203.0.113.20",
    'ip neigh replace "${subnet%.0/24}.201" lladdr 02:00:00:00:00:77 dev "$(bridge)" nud permanent',
    'ip addr add "${subnet%.0/24}.202/32" dev "$(bridge)"',
)
AROUND = tuple(itertools.combinations(HARMLESS, 2))

# The words that may stand for each kind, without a plural's s.
KINDS = {
    "rule": "rule chain iptable firewall",
    "setting": "setting sysctl",
    "link": "link cable veth interface iface",
    "address": "address ip",
    "neighbour": "neighbour neighbor neigh arp",
    "route": "route gateway",
    "port": "port",
    "process": "process listener program",
    "name": "name alias",
    "network": "network net",
    "resolver": "resolver nameserver dns",
    "password": "password",
}
KIND_OF = {word: kind for kind, words in KINDS.items() for word in words.split()}
# Words in a line that say nothing, as do those of one letter (`-A`).
WORDS = (
    "an and at by chain container default down entry for from gone host in is its missing of on pair server table the"
    " to with wrong filter nat mangle raw"
)
IDLE = frozenset(WORDS.split())
BROAD = frozenset({"ip", "iptables", "net", "network"})  # `ip route`, `network interface`: the next word is the kind
# The last one is where a cell of `%%host` begins, in a case for practice.
PLACES = ("/root/answer/diagnosis.txt", "/root/diagnosis.txt", "/diagnosis.txt")
MOST_LINES = 40


def faults_of(values: Values) -> tuple[str, ...]:
    """Return the names of a case's faults, in the order in which they are made."""
    cases = CASES[int(values["broken"])]
    return cases[int(values["slip"]) % len(cases)]


def harmless_of(values: Values) -> tuple[str, ...]:
    """Return bash for what stands around the shop of a case."""
    return AROUND[int(values["slip"]) // len(CASES[int(values["broken"])]) % len(AROUND)]


def parameters(seed: Seed) -> dict[str, Value]:
    """Return the learner's values: two faults in the case that counts and in even ones, one fault in odd ones."""
    broken, slip = 1 if seed.case % 2 else 2, seed.number("slip", 20000, 49999)
    prefix = f"172.{seed.number('second', 24, 31)}.{seed.number('third', 10, 99)}"
    return {
        "slip": slip,
        "complaint": COMPLAINTS[symptom_of(faults_of({"broken": broken, "slip": slip}))],
        "broken": broken,
        "shop": seed.choice("shop", ("Hats and Caps", "The Cheese Room", "Ropes and Knots", "Paper for All")),
        "front": seed.choice("front", ("desk", "hatch", "booth", "porch", "lobby", "gatehouse")),
        "ledger": seed.choice("ledger", ("archive", "granary", "pantry", "strongroom", "attic", "silo")),
        "net": seed.choice("net", ("alley", "square", "wharf", "terrace", "lane", "court")),
        "subnet": f"{prefix}.0/24",
        "address": f"{prefix}.{seed.number('address', 20, 60)}",
        "port": seed.number("port", 8100, 8899),
        "number": seed.number("number", 1000, 9999),
        "item": f"{seed.number('count', 2, 90)} of {seed.choice('item', ('felt', 'hemp', 'birch', 'chalk'))}",
    }


def start(values: Values) -> str:
    """Return bash that builds the shop among harmless things, and breaks it."""
    return broken_shop.start_of(values, faults_of(values), harmless_of(values))


def probes(values: Values, network: Snapshot) -> dict[str, Probe]:
    """Return the probes of the shop, and the one that reads the diagnosis."""
    read = Probe("host", f"for file in {' '.join(PLACES)}; do cat $file; echo; done 2>/dev/null; true")
    return {**broken_shop.probes(values, network), "diagnosis": read}


def kind_of(word: str) -> str:
    """Return the kind that a word stands for, "" for none."""
    return next((KIND_OF[stem] for end in ("", "s", "es") if (stem := word.removesuffix(end)) in KIND_OF), "")


def said_names(kind: str, values: Values) -> str:
    """Return a regular expression of the words that can name a thing of a kind: what else is in a line explains it."""
    containers = "|".join(re.escape(str(values[role])) for role in ("front", "ledger"))
    if kind in {"link", "network", "password", "process", "resolver", "route"}:
        return containers
    address = r"[0-9]+([.][0-9]+){3}"
    return {
        "address": address,
        "name": f"(?!({containers})$).*",
        "neighbour": address,
        "port": "[0-9]+",
        "setting": ".*[^0-9].*",
    }.get(kind, ".*")


def parsed(line: str, values: Values) -> tuple[str, str]:
    """Return the kind and the name in a line of a diagnosis; a kind that is not in KINDS is "".

    Case, plurals, quotes, a prefix length, "the", the table of a chain and the like make no difference, nor what
    follows the name: a line names one thing. What a part of the shop is called in the task (`front`, `ledger`, `net`)
    stands for the learner's name of it.
    """
    text = re.sub(r"name[ -]server", "nameserver", line.casefold())
    words = [word for word in (word.strip("./-") for word in re.findall(r"[\w./-]+", text)) if word]
    words = [word for word in words if word not in IDLE and (len(word) > 1 or word.isdigit())]
    while words[1:] and words[0].isdigit():  # "1. rule FORWARD"
        del words[0]
    if words[2:] and words[0] in BROAD and kind_of(words[1]):
        del words[0]
    kind = kind_of(words[0]) if words else ""
    names = [word for word in words[1:] if kind_of(word) != kind] or words[1:]
    if kind == "setting":  # net.ipv4.ip_forward=1; ip_forward is also called conf.all.forwarding (kernel, ip-sysctl)
        names = ["ip_forward" if re.fullmatch(r"(.*ipv4.*[./])?forwarding", name) else name for name in names]
        names = [re.split(r"[./]", name)[-1].replace("-", "_") for name in names]
    elif kind == "rule":  # filter/FORWARD
        names = [name.rpartition("/")[2] for name in names]
    roles = {role: str(values[role]) for role in ("front", "ledger", "net")}
    names = [roles.get(name, name) for name in map(without_prefix, names)]
    wanted = said_names(kind, values)
    return kind, next((name for name in names if re.fullmatch(wanted, name)), names[0] if names else "")


def causes(values: Values) -> list[set[tuple[str, str]]]:
    """Return for each fault of a case the kinds and names that are right."""
    return [
        {parsed(text, values) for text in decided_by(fault).format_map(dict(values)).split(", ")}
        for fault in faults_of(values)
    ]


def said_in(seen: Seen) -> dict[tuple[str, str], str]:
    """Return the lines of the diagnosis by kind and name; comments and empty lines are left out."""
    lines = [line.strip() for line in seen.results["diagnosis"].output.splitlines()[:MOST_LINES]]
    return {parsed(line, seen.values): line for line in lines if not line.startswith("#") and re.search(r"\w", line)}


def named(seen: Seen) -> Finding:
    """Judge whether the diagnosis has the right form and names a cause."""
    said, wanted = said_in(seen), causes(seen.values)
    if not said:
        return Finding("there is no diagnosis.txt, or nothing is in it", "no-diagnosis")
    if strange := [line for (kind, _), line in said.items() if not kind]:
        return Finding(f"“{strange[0][:60]}” begins with none of these words: {', '.join(KINDS)}", "no-kind")
    # Two lines about one cause, such as the password of either side, count once.
    wrong = [key for key in said if not any(key in cause for cause in wanted)]
    if (count := len(wrong) + sum(bool(cause & said.keys()) for cause in wanted)) > len(wanted):
        return Finding(
            f"the diagnosis names {count} things, but the number of broken things is {len(wanted)}", "too-many"
        )
    if right := [line for key, line in said.items() if any(key in cause for cause in wanted)]:
        return Finding(f"“{right[0][:60]}” is a cause")
    kinds = {kind for cause in wanted for kind, _ in cause}
    if near := [line for (kind, _), line in said.items() if kind in kinds]:
        return Finding(f"“{near[0][:60]}” has the kind of a cause, and another name", "other-name")
    return Finding(
        f"no cause is of the kind in {' or '.join(f'“{line[:60]}”' for line in said.values())}", "other-kind"
    )


def complete(seen: Seen) -> Finding:
    """Judge whether the diagnosis names every cause."""
    said, wanted = said_in(seen), causes(seen.values)
    wrong = [line for key, line in said.items() if not any(key in cause for cause in wanted)]
    missing = [cause for cause in wanted if not cause & said.keys()]
    if wrong and any(kind == parsed(wrong[0], seen.values)[0] for cause in missing for kind, _ in cause):
        return Finding(
            f"“{wrong[0][:60]}” has the kind of a cause, and another name; the other line is right", "half-name"
        )
    if wrong:
        return Finding(f"“{wrong[0][:60]}” is not a cause, the other line is", "half-right")
    if missing:
        return Finding("one cause is named, and another is not", "half-named")
    return Finding("every cause is named, and nothing else")


CHECKS = (
    *broken_shop.CHECKS,
    Check(
        name="named",
        points=2,
        wanted="The diagnosis names a cause, and no more things than are broken ({broken}).",
        judge=named,
        evidence=("diagnosis",),
        hints={
            "no-diagnosis": "Write `diagnosis.txt` as well, in the folder where your commands begin. It has a line for "
            "each cause: what kind of thing decides, and which one. `echo rule FORWARD >>diagnosis.txt` would name a "
            "rule in the chain FORWARD.",
            "no-kind": "The first word of each line is one of the table's kinds.",
            "too-many": "Name what decides, and not all that you suspect.",
            "other-name": "The kind is right. The table says what a thing of that kind is named by.",
            "other-kind": "A cause is what lets the packet get further when you put only that right. "
            "What did you change just before it did?",
        },
        steps=(
            "Undo your repair, one command at a time, until something is broken again: that command was about a cause.",
            "Ask of each: what kind of object did it change? The table in the task has the kinds.",
            "Name the object that was wrong, not the part of the shop that suffered from it.",
        ),
    ),
    Check(
        name="complete",
        points=3,
        wanted="The diagnosis names every cause, and nothing else.",
        judge=complete,
        evidence=("diagnosis",),
        rests_on=("named",),
        hints={
            "half-name": "One cause you have. Of the other you know the kind: the table says what a thing of that "
            "kind is named by.",
            "half-right": "Two things are broken, and each alone does harm. One of them you have.",
            "half-named": "Two things are broken. When the one that you named is right, what is still missing?",
        },
        steps=(
            "Put right only what you named, and try the page, the catalogue, the order and the rates again.",
            "Follow the first of these that fails from the client on, as if nothing had been broken before.",
            "Both causes may stop the same packet: the second shows itself only when the first is gone.",
        ),
    ),
)
