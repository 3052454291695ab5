"""Judge a map of a running network: which veth pair is whose, who gets a page from whom, which rule decides.

The right answers are not written here: probes find them out in the lab's start state, by the commands a learner has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from course_lib.exercises.answers import PLACE
from course_lib.exercises.checks import Check, Finding, Probe, Seed, Seen, Value, Values
from course_lib.network.model import Rule, Snapshot

HOST, CLIENT = "203.0.113.10", "203.0.113.20"
SHEET = "/root/map.txt"
ENDS, DESTINATION, SENDER = ("DROP", "REJECT"), ("DNAT",), ("MASQUERADE", "SNAT")
NAMES = ("heron crane stork egret ibis", "cello flute viola oboe harp", "amber coral ivory onyx opal")
# Four rules in DOCKER-USER, in an order that depends on the learner. Only the first matches a packet of a request. The
# fourth needs a port, or it would also drop the answers of the client's DNS server to the guard.
RULES = (
    '-i eth0 -d "$guard" -p tcp --dport 80 -j DROP',
    "-i eth0 -p tcp --dport {guarded} -j DROP",
    '-i eth0 -d "$plain" -p tcp --dport 80 -j DROP',
    '-i eth0 -d "$guard" -p udp --dport 80 -j DROP',
)


@dataclass(frozen=True)
class Plan:
    """The network of a map: which container plays which part, and in which order they start."""

    parts: dict[str, str]  # "door", "plain", "guard", "both", "far" -> the container
    nets: dict[str, str]  # "near", "far" -> the network
    subnets: dict[str, str]
    cables: dict[tuple[str, str], str]  # (part, network) -> the name that the host's end gets
    order: tuple[str, ...]  # in which the parts start
    rules: tuple[str, ...]


def shuffled(seed: Seed, name: str, items: Iterable[str]) -> tuple[str, ...]:
    """Return items in an order that depends on the seed."""
    return tuple(sorted(items, key=lambda item: seed.number(f"{name} {item}", 0, 1 << 60)))


def parameters(seed: Seed) -> dict[str, Value]:
    """Return the learner's values."""
    return {
        "map": seed.number("map", 1000, 9999),
        "containers": " ".join(sorted(seed.choice("names", NAMES).split())),
        "port": seed.number("port", 8100, 8499),
        "guarded": seed.number("guarded", 8500, 8899),
    }


def plan_of(values: Values) -> Plan:
    """Return the network of a map."""
    seed = Seed("map", str(values["map"]))
    parts = ("door", "plain", "guard", "both", "far")
    near, far = shuffled(seed, "nets", ("arcade", "market", "harbour", "meadow"))[:2]
    places = (("door", "bridge"), ("plain", "bridge"), ("guard", near), ("both", near), ("both", far), ("far", far))
    return Plan(
        parts=dict(zip(parts, shuffled(seed, "parts", str(values["containers"]).split()), strict=True)),
        nets={"near": near, "far": far},
        subnets={net: f"192.168.{seed.number(net, low, low + 80)}.0/24" for net, low in ((near, 20), (far, 120))},
        cables={place: f"veth{seed.number(f'cable {place}', 0, (1 << 28) - 1):07x}" for place in places},
        order=shuffled(seed, "order", parts),
        rules=shuffled(seed, "rules", RULES),
    )


def start(values: Values) -> str:
    """Return bash that creates the network, renames the host's ends of the veth pairs, and writes the sheet."""
    plan = plan_of(values)
    nets = {"door": "bridge", "plain": "bridge", "guard": plan.nets["near"], "both": plan.nets["near"]}
    doors = {"door": f"-p {values['port']}:80", "guard": f"-p {values['guarded']}:80"}
    lines = [START]
    lines += [f"docker network create --subnet {subnet} {net} >/dev/null" for net, subnet in plan.subnets.items()]
    for part, name in sorted(plan.parts.items(), key=lambda item: item[1]):
        lines.append(f"serve {name} --net {nets.get(part, plan.nets['far'])} {doors.get(part, '')}")
    lines.append(f"docker network connect {plan.nets['far']} {plan.parts['both']}")
    lines += [f"docker start {plan.parts[part]} >/dev/null" for part in plan.order]
    lines += [f"cable {plan.parts[part]} {net} {name}" for (part, net), name in plan.cables.items()]
    lines.append(f"guard=$(address {plan.parts['guard']} {plan.nets['near']})")
    lines.append(f"plain=$(address {plan.parts['plain']} bridge)")
    lines += [f"iptables -I DOCKER-USER {n} {rule.format_map(dict(values))}" for n, rule in enumerate(plan.rules, 1)]
    lines += [f"cat >{SHEET} <<'END'\n{sheet_of(values)}END"]
    return "\n".join(lines)


START = """serve() { # NAME OPTION...
    docker create --name "$1" "${@:2}" busybox \\
        sh -c "mkdir /www; echo $1 >/www/index.html; exec httpd -f -h /www" >/dev/null
}
address() { docker inspect -f "{{(index .NetworkSettings.Networks \\"$2\\").IPAddress}}" "$1"; } # CONTAINER NETWORK
cable() { # CONTAINER NETWORK NAME: rename the host's end of the veth pair, wait for the page
    local at end=$((SECONDS + 20))
    at=$(nsenter -t "$(docker inspect -f '{{.State.Pid}}' "$1")" -n ip -j addr \\
        | jq ".[] | select(any(.addr_info[]; .local == \\"$(address "$1" "$2")\\")) | .link_index")
    at=$(ip -j link | jq -r ".[] | select(.ifindex == $at) | .ifname")
    ip link set "$at" down
    ip link set "$at" name "$3"
    ip link set "$3" up
    until [ "$(curl -s -m 1 "http://$(address "$1" "$2")/")" = "$1" ]; do
        [ $SECONDS -lt $end ] || { echo "$1 does not answer on $2."; exit 1; }
        sleep 0.1
    done
}"""


@dataclass(frozen=True)
class Request:
    """A request for a page."""

    origin: str  # "client", "host" or a container
    target: str  # "port N of the host", "client by address", "NAME by name", "NAME by address"

    @property
    def line(self) -> str:
        """Return the line of the sheet that asks about it."""
        return f"{self.origin} -> {self.target}"

    def probe(self, network: Snapshot) -> Probe:
        """Return a probe that sends the request and prints which rules that end or rewrite a packet counted it."""
        who, _, how = self.target.partition(" ")
        at = f"{HOST}:{how.split()[0]}" if who == "port" else CLIENT if who == "client" else who
        if how == "by address" and (container := network.container(who)):
            at = next(a for e in container.endpoints for a in e.addresses).partition("/")[0]
        ask = {"client": f"ip netns exec client curl -s -m 1 http://{at}/", "host": f"curl -s -m 1 http://{at}/"}
        by = ask.get(self.origin, f"docker exec {self.origin} wget -q -T 1 -O - http://{at}/")
        return Probe("host", COUNTED.format(ask=by), timeout=20)


# Repeat if neither a page nor the resolver nor a rule answered: a busy machine may need more than a second.
COUNTED = """for i in 1 2 3; do
    before=$(iptables-save -c); said=$({ask} 2>&1)
    rules=$(diff <(echo "$before") <(iptables-save -c) | grep -E '^> .* -j (DROP|REJECT|DNAT|MASQUERADE|SNAT)')
    [[ -z $said$rules || $said$rules = *'timed out' ]] || break
done; printf '%s\\n' "$said" "$rules" """


def requests(values: Values) -> dict[str, Request]:
    """Return the requests by name; the second part of the sheet asks about all but the last two."""
    plan = plan_of(values)
    p, seed = plan.parts, Seed("map", str(values["map"]))
    one, other = shuffled(seed, "wall", (p["guard"], p["far"]))
    first, second = shuffled(seed, "plain", (p["plain"], p["door"]))
    inside = seed.choice("sender", (p["plain"], p["guard"], p["far"]))
    return {
        "guard": Request("client", f"port {values['guarded']} of the host"),
        "own door": Request("host", f"port {values['guarded']} of the host"),
        "old name": Request(first, f"{second} by name"),
        "old address": Request(second, f"{first} by address"),
        "name": Request(p["guard"], f"{p['both']} by name"),
        "far name": Request(p["both"], f"{p['far']} by name"),
        "other name": Request(other, f"{one} by name"),
        "wall": Request(one, f"{other} by address"),
        "from host": Request("host", f"{p['far']} by address"),
        "door": Request("client", f"port {values['port']} of the host"),
        "out": Request(inside, "client by address"),
    }


REACH = ("guard", "own door", "old name", "old address", "name", "far name", "other name", "wall", "from host")


def sheet_of(values: Values) -> str:
    """Return the sheet that is to be filled in."""
    asked, seed = requests(values), Seed("map", str(values["map"]))
    cables = sorted(plan_of(values).cables.values())
    lines = [asked[name].line for name in shuffled(seed, "sheet", REACH)]
    return "\n".join(
        [
            "# 1. Whose is the other end of each of these interfaces of the host? The name of a container.",
            *(f"{name} =" for name in cables),
            "# 2. What does one get who asks the other for http://.../? One of: page; no name;",
            "# or, where a rule ends it, that rule: its table, its chain, its number there (filter FORWARD 1).",
            *(f"{line} =" for line in lines),
            "# 3. Which rule gives the first packet another destination? Table, chain, number.",
            f"destination of {asked['door'].line} =",
            "# 4. Which rule gives the first packet another sender? Table, chain, number.",
            f"sender of {asked['out'].line} =",
            "",
        ]
    )


def start_probes(values: Values, network: Snapshot) -> dict[str, Probe]:
    """Return the probes of the start state: they really send each request."""
    return {name: request.probe(network) for name, request in requests(values).items()}


def probes(values: Values, network: Snapshot) -> dict[str, Probe]:
    """Return the probe that reads the learner's sheet."""
    return {"sheet": Probe("host", f"cat {PLACE}/answers.txt 2>/dev/null")}


def said_in(seen: Seen) -> dict[str, str]:
    """Return the answers on the learner's sheet, by line."""
    # Of lines that end as in Windows, the last one's carriage return has become U+FFFD (plain_text.clean).
    said = seen.results["sheet"].output.removesuffix("\ufffd")
    lines = (line.partition("=") for line in said.splitlines() if line[:1] != "#")
    return {" ".join(line.split()): " ".join(value.split()) for line, _, value in lines}


def missing(seen: Seen, lines: Iterable[str]) -> Finding | None:
    """Return the finding for a sheet that is missing or incomplete, None if it is complete."""
    if not seen.results["sheet"].ok:
        return Finding("there is no answers.txt", "no-sheet")
    said = said_in(seen)
    if empty := [line for line in lines if not said.get(line)]:
        return Finding(f"nothing follows `{empty[0]}`", "unfinished")
    return None


def rule_at(network: Snapshot, said: str) -> Rule | None:
    """Return the rule with this table, chain and number, None if there is none."""
    for chain in network.chains:
        for rule in chain.rules if chain.family == "ip" else ():
            if f"{chain.table} {chain.name} {rule.number}" == said:
                return rule
    return None


def looks_like_rule(said: str) -> bool:
    """Whether something has the form of a table, a chain and a number."""
    words = said.split()
    return len(words) == 3 and words[2].isdigit()


def deciding(seen: Seen, request: str, targets: Iterable[str]) -> set[str]:
    """Return the rules with one of these targets whose counters rose when that request was sent."""
    lines = seen.began.results[request].output.splitlines()
    counted = [line.partition(" -A ")[2].partition(" ")[::2] for line in lines if line.startswith("> ")]
    return {
        f"{chain.table} {chain.name} {rule.number}"
        for chain in seen.began.network.chains
        for rule in chain.rules
        if chain.family == "ip" and rule.target in targets and (chain.name, rule.spec) in counted
    }


def came_of(seen: Seen, request: str) -> str:
    """Return the result of a request: "page", "no name", "rule", or "nothing" if it was none of these."""
    said = seen.began.results[request].output.strip()
    if "bad address" in said:  # first: a rule may have counted the look-up, but no request was sent
        return "no name"
    if deciding(seen, request, ENDS):
        return "rule"
    return "page" if said and not said.startswith((">", "wget:")) else "nothing"


def cables(seen: Seen) -> Finding:
    """Judge the first part: which container has the other end, by the kernel's index of it."""
    network = seen.began.network
    owner = {e.veth: c for c in network.containers for e in c.endpoints if e.veth}
    asked = sorted(plan_of(seen.values).cables.values())
    if finding := missing(seen, asked):
        return finding
    said = said_in(seen)
    wrong = [name for name in asked if owner[name].name != said[name]]
    if not wrong:
        return Finding(f"all {len(asked)} cables are right")
    found = f"{len(wrong)} of {len(asked)} are not right, the first: {wrong[0]} = {said[wrong[0]][:40]}"
    container, end = network.container(said[wrong[0]]), network.interface(wrong[0])
    if container is None:
        return Finding(found, "nobody")
    bridges = {n.bridge for n in network.networks for e in container.endpoints if e.network == n.name}
    return Finding(found, "exchanged" if end and end.master in bridges else "other-bridge")


def reach(seen: Seen) -> Finding:
    """Judge the second part: the result of each request."""
    asked = {name: requests(seen.values)[name].line for name in REACH}
    if finding := missing(seen, asked.values()):
        return finding
    said = {name: said_in(seen)[line] for name, line in asked.items()}
    kinds = {name: "rule" if looks_like_rule(what) else what.lower() for name, what in said.items()}
    wrong = [name for name in REACH if kinds[name] != came_of(seen, name)]
    if not wrong:
        return Finding(f"all {len(REACH)} are right")
    found = f"{len(wrong)} of {len(REACH)} are not right, the first: {asked[wrong[0]]} = {said[wrong[0]][:40]}"
    if kinds[wrong[0]] not in ("page", "no name", "rule"):
        return Finding(found, "odd-word")
    if kinds[wrong[0]] == "page":
        return Finding(found, "too-open")
    return Finding(found, "too-closed" if came_of(seen, wrong[0]) == "page" else "other-reason")


def rule(request: str, before: str, targets: tuple[str, ...]) -> Callable[[Seen], Finding]:
    """Return the judge of a line that asks for a rule: the right one is the rule that counted the packet."""

    def judge(seen: Seen) -> Finding:
        line = f"{before}{requests(seen.values)[request].line}"
        if finding := missing(seen, [line]):
            return finding
        said = said_in(seen)[line]
        if said in deciding(seen, request, targets):
            return Finding(f"{said} counted the packet")
        meant = rule_at(seen.began.network, said)
        if meant is None:
            return Finding(f"there is no rule {said[:40]}", "no-such-rule")
        if meant.target not in targets:
            return Finding(f"{said} is a rule with the target {meant.target or 'none'}", "other-kind")
        return Finding(f"{said} did not count the packet", "never-met")

    return judge


NO_SHEET = {
    "no-sheet": "Your commands run in /root/answer. Write answers.txt there: `cp /root/map.txt answers.txt` begins it.",
    "unfinished": "A line is empty, or it does not begin as in /root/map.txt. Copy the sheet, fill it in behind `=`.",
}
ABOUT_RULES = {
    **NO_SHEET,
    "no-such-rule": "Write table, chain and number as `iptables -t TABLE -L CHAIN -n --line-numbers` shows them.",
    "other-kind": "That rule does something else with a packet, or it only leads on to another chain. Follow it there.",
    "never-met": "That rule has the right target, but it is not the one. Send the packet again and look at the "
    "counters: this rule's does not rise. Which of its conditions does the packet not meet?",
}
RULE_STEPS = (
    "A packet passes tables and chains in a fixed order. Chapters 02 and 03 show which rules it meets.",
    "`iptables -t TABLE -L CHAIN -nv --line-numbers` has a counter for each rule. Read, send one packet, read again.",
    "`journey()` follows one packet through all of them, and shows which rule it met where.",
)
CHECKS = (
    Check(
        name="cables",
        points=2,
        wanted="Each interface of the host that is asked about has the container at its other end.",
        judge=cables,
        evidence=("sheet",),
        hints={
            **NO_SHEET,
            "nobody": "That is not the name of a running container: `docker ps --format '{{{{.Names}}}}'` lists them.",
            "other-bridge": "`ip link show` shows of which bridge it is a port (master). That container is not on "
            "the network of that bridge.",
            "exchanged": "That container is on that bridge, but with another cable. Do not go by their order: "
            "compare the number behind @if in the container with the numbers of the host's interfaces.",
        },
        steps=(
            "A veth pair has two ends, and each knows the index of the other.",
            "In the container, /sys/class/net/eth0/iflink holds the index of the host's end. `ip link` on the host "
            "begins each line with that index.",
            "A container on two networks has two cables, and its iflink of eth1 counts too.",
        ),
    ),
    Check(
        name="reach",
        points=2,
        wanted="The sheet gives the result of each request: a page, no name, or the rule that ends it.",
        judge=reach,
        evidence=("sheet",),
        hints={
            **NO_SHEET,
            "odd-word": "There are three kinds of answer: `page`, `no name`, or a rule as in `filter FORWARD 1`.",
            "too-open": "No page comes there. Send it yourself: `docker exec NAME wget -T 2 -O - http://.../`, or "
            "`curl` on the host and on the client.",
            "too-closed": "A page comes there, and no rule ends it. Send the request yourself. Who forwards that "
            "packet, if anybody does?",
            "other-reason": "It is right that no page comes, but the reason is another. Does the sender know the "
            "address, and does a packet leave at all? The error of `wget` tells.",
        },
        steps=(
            "Ask first whether both are on one network, and whether it is docker0 or a network of its own.",
            "Only the DNS of a user-defined network resolves names, and only for containers on that network.",
            "FORWARD is for what passes through the host. What the host itself sends goes through OUTPUT.",
        ),
    ),
    Check(
        name="guard",
        points=1,
        wanted="The sheet names the rule that ends a request of the client to port {guarded}.",
        judge=rule("guard", "", ENDS),
        evidence=("sheet",),
        rests_on=("reach",),
        hints=ABOUT_RULES,
        steps=RULE_STEPS,
    ),
    Check(
        name="wall",
        points=1,
        wanted="The sheet names the rule that ends a request from one network to another.",
        judge=rule("wall", "", ENDS),
        evidence=("sheet",),
        rests_on=("reach",),
        hints=ABOUT_RULES,
        steps=RULE_STEPS,
    ),
    Check(
        name="door",
        points=1,
        wanted="The sheet names the rule that sends a request of the client to port {port} on to a container.",
        judge=rule("door", "destination of ", DESTINATION),
        evidence=("sheet",),
        hints=ABOUT_RULES,
        steps=RULE_STEPS,
    ),
    Check(
        name="sender",
        points=1,
        wanted="The sheet names the rule that hides a container from the client behind the host's address.",
        judge=rule("out", "sender of ", SENDER),
        evidence=("sheet",),
        hints=ABOUT_RULES,
        steps=RULE_STEPS,
    ),
)
