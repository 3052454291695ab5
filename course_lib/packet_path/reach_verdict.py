"""Say what came of each question of `reach`, and how that is known: `reach_of`. Pure.

The sender's own kernel tells a "no" without a route; a trace of that one packet (nft(8), `meta nftrace`) tells the rule
that dropped it. A "yes" is told apart by the host's entry of conntrack, by how often routers have lowered the answer's
TTL, and by where both ends are connected. What none of these tells is called unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from course_lib.network.iptables_save import parse_chains, parse_rule
from course_lib.network.model import Rule, Snapshot
from course_lib.network.sections import sections
from course_lib.network.wording import socket
from course_lib.packet_path.model import FAMILIES
from course_lib.packet_path.nft_trace import UNREACHABLE, UNREACHABLE6, Sighting, sightings
from course_lib.packet_path.reach import (
    Answer,
    Field,
    Heard,
    Place,
    Question,
    Reach,
    Service,
    shared_network,
)
from course_lib.packet_path.rule_handles import Handle, rules_by_handle

CODES = {"1": "FORMERR", "2": "SERVFAIL", "3": "NXDOMAIN", "5": "REFUSED"}  # RFC 1035, 4.1.1
ROUTES = (
    "Network is unreachable",
    "No route to host",
    "Permission denied",
    "Invalid argument",
)  # of routes that refuse
TTLS = (64, 128, 255)  # with which systems begin
CONNTRACK = {"tcp": "tcp", "ping": "icmp", "udp": "udp"}
Flow = tuple[str, str, int, str, int]  # protocol, source with port, destination with port; of a ping its id as both


@dataclass(frozen=True)
class Line:
    """What the sender's kernel reported about one packet."""

    own: int  # the port that it was sent from, or the id of the echo request
    source: str  # the address that it was sent from; "" without a route
    what: str  # "answer", "reset", "icmp", "silent", "error"
    more: tuple[str, ...] = ()  # answer: TTL and, of DNS, code and addresses; icmp: code and sender; error: errno(3)


@dataclass
class Traced:
    """What the trace says about one packet and its answer."""

    seen: list[Sighting] = field(default_factory=list)
    drop: tuple[Rule | None, Sighting, str, bool] | None = None  # the rule (None: a policy), where, its chain, answer?


@dataclass(frozen=True)
class Findings:
    """All that was found out by asking, except for what `Heard` has."""

    first: Mapping[int, Line]  # by the question's position
    second: Mapping[int, Line]  # of those that were asked again, with a trace
    traced: Mapping[int, Traced]
    entries: Mapping[Flow, Flow]  # of the host's conntrack: by the packet, the answer that is expected to it
    relayed: frozenset[int]  # the ports that a docker-proxy listens on
    unanswered: Mapping[str, frozenset[str]]  # by namespace: the addresses that ARP got no answer for
    forwards: bool  # ip_forward of the host
    lost: bool  # lines of the trace, or there was none


def findings(parts: Iterable[tuple[str, str]]) -> Findings:
    """Return what reach.pl printed: the titles and bodies of its sections."""
    texts: dict[str, str] = {}
    found: list[tuple[dict[int, Line], dict[int, Traced]]] = []
    trace, lost = "", False
    rules: dict[Handle, Rule] = {}
    for title, body in parts:
        texts[title] = body
        if title == "ruleset":
            chains = (*parse_chains(texts["rules_ip"], "ip"), *parse_chains(texts["rules_ip6"], "ip6"))
            rules = rules_by_handle(body, chains)
        elif title == "trace":
            trace = body
        elif title == "lost":
            lost |= body.strip() != "0"
        elif title == "second":
            lines = _lines(body)
            traced = _traced(trace, rules)
            found.append((lines, {n: traced[line.own] for n, line in lines.items() if line.own in traced}))
    arp = {title.removeprefix("arp "): body for title, body in texts.items() if title.startswith("arp ")}
    return Findings(
        _lines(texts.get("first", "")),
        {n: line for lines, _ in found for n, line in lines.items()},
        {n: one for _, traced in found for n, one in traced.items()},
        dict(map(_entry, re.findall(r"^(?:tcp|udp|icmp).*", texts.get("conntrack", ""), re.M))),
        frozenset(
            int(port) for port in re.findall(r":(\d+)\s+\S+\s+users:\(\(\"docker-proxy", texts.get("relays", ""))
        ),
        {name: frozenset(re.findall(r"^(\S+) +\S+ +0x0 ", body, re.M)) for name, body in arp.items()},
        texts.get("settings", "").strip() != "0",
        lost,
    )


def _entry(line: str) -> tuple[Flow, Flow]:
    """Return the two directions of an entry that `conntrack -L` printed (conntrack(8)), each from its sender's view."""
    protocol, values = line.split(None, 1)[0], re.findall(r"(src|dst|sport|dport|id)=(\S+)", line)
    half = len(values) // 2
    there, back = dict(values[:half]), dict(values[half:])

    def flow(of: dict[str, str]) -> Flow:
        number = of.get("id", "0")  # of an echo request
        return protocol, of["src"], int(of.get("sport", number)), of["dst"], int(of.get("dport", number))

    return flow(there), flow(back)


def _lines(text: str) -> dict[int, Line]:
    """Return by the number of each question what came of it."""
    found = {}
    for line in text.splitlines():
        number, own, source, what, *more = line.split("\t")
        found[int(number)] = Line(int(own), source, what, tuple(more))
    return found


def _traced(trace: str, rules: Mapping[Handle, Rule]) -> dict[int, Traced]:
    """Return the sightings and the drop of each packet, by its own port or id."""
    found: dict[int, Traced] = {}
    for sighting in sightings(trace):
        packet = sighting.packet
        ping = packet.said.startswith("echo")
        back = packet.said == "echo reply" or (not ping and packet.destination_port in range(61000, 65000))
        own = int(sighting.mark or 0) if ping else packet.destination_port if back else packet.source_port
        one = found.setdefault(own, Traced())
        one.seen += [] if back else [sighting]
        for verdict in sighting.verdicts:
            if verdict.verdict == "drop" and one.drop is None:
                place = sighting.family, sighting.table, verdict.chain, verdict.handle or 0
                rule = rules.get(place, Rule(0, "", "", 0, 0)) if verdict.handle else None
                one.drop = rule, sighting, verdict.chain, back
    return found


def reach_of(
    network: Snapshot,
    places: tuple[Place, ...],
    heard: Mapping[str, Heard],
    asked: tuple[Question, ...],
    text: str,
) -> Reach:
    """Return who reaches whom from what reach.pl printed: `heard` before it asked, and the text afterwards."""
    found = findings(sections(text))
    fields: dict[tuple[str, str, Service], Field] = {}
    by_name = {p.name: p for p in places}
    for q, answer in zip(asked, answers(asked, found, network, by_name, heard), strict=True):
        if not by_name[q.source].shown:
            continue
        key = q.source, q.target, q.service
        before = fields.get(key, Field(*key, ()))
        url = before.url if before.url and answer.state == "yes" else q.url
        fields[key] = Field(*key, (*before.answers, answer), url)
    named = {name for p in places for name in (p.name, *p.others)}
    left_out = tuple(f"{c.name} ({c.state})" for c in network.containers if not c.is_live and c.name not in named)
    return Reach(network, tuple(p for p in places if p.shown), tuple(fields.values()), left_out)


def answers(
    asked: tuple[Question, ...],
    found: Findings,
    network: Snapshot,
    places: Mapping[str, Place],
    heard: Mapping[str, Heard],
) -> list[Answer]:
    """Return the answer to each question, in their order."""
    judge = _Judge(found, network, places, heard)
    given = [q.settled or judge.answer(q, number) for number, q in enumerate(asked)]
    direct = {(q.target, q.service.port): a for q, a in zip(asked, given, strict=True) if _is_direct(q)}
    # A docker-proxy accepts a connection before it opens its own, from the host to the container.
    return [
        _relayed(q, a, direct.get((q.target, q.service.port))) if a.how.startswith("docker-proxy") else a
        for q, a in zip(asked, given, strict=True)
    ]


def _is_direct(q: Question) -> bool:
    return q.source == "host" and q.service.kind == "tcp" and not q.service.published and ":" not in q.address


def _relayed(question: Question, answer: Answer, onward: Answer | None) -> Answer:
    """Return the answer of a docker-proxy, after what the host's own question to the container's port came to."""
    if onward is None:
        words = "docker-proxy: it accepts; whether it gets further was not asked"
        return Answer(answer.address, "unknown", words)
    if onward.state == "yes":
        return answer
    words = f"docker-proxy: it accepts, but gets no further ({onward.how})"
    return Answer(answer.address, onward.state, words, onward.detail)


class _Judge:
    """Judges one question at a time by all that was found."""

    def __init__(
        self, found: Findings, network: Snapshot, places: Mapping[str, Place], heard: Mapping[str, Heard]
    ) -> None:
        self.found, self.network, self.places, self.heard = found, network, places, heard

    def answer(self, question: Question, number: int) -> Answer:
        """Return what came of a question."""
        line = self.found.first.get(number)
        if line is None:
            words = "not asked: its network namespace could not be entered"
            return Answer(question.address, "unknown", words)
        if question.service.kind == "name":
            return self._name(question, line)
        again = self.found.second.get(number)
        if line.what == "answer" or (again and again.what == "answer"):
            return self._yes(question, line if line.what == "answer" or not again else again)
        return next(self._no(question, again or line, self.found.traced.get(number)))

    def _name(self, question: Question, line: Line) -> Answer:
        """Return whether the sender's name server knows the target."""
        server, name = question.address, question.target
        if line.what == "answer":
            code, _, found = line.more[1].partition(" ")
            known = [a for a in found.split(",") if a]
            if any(a in self.places[name].addresses for a in known):
                return Answer(server, "yes", f"name server {server}", f"{name} is {', '.join(known)}")
            if known:
                return Answer(server, "no", "the name leads elsewhere", f"{name} is {', '.join(known)}")
            why = CODES.get(code, "no address") if code != "0" else "no address"
            return Answer(server, "no", f"name not known: the name server {server} says {why}")
        if line.what == "error":
            return Answer(server, "no", f"the sender has no route to its name server {server}", line.more[0])
        if line.what == "reset":
            return Answer(server, "no", f"the name server {server} refuses")
        return Answer(server, "unknown", f"no answer from the name server {server} within a second")

    def _yes(self, question: Question, line: Line) -> Answer:
        """Return how a packet got there and back: the first that the evidence shows."""
        answer = next(self._ways(question, line))
        if self.places[question.target].state == "paused" and answer.state == "yes":
            return replace(answer, how=f"{answer.how}; it is paused: its kernel answers, its processes do not")
        return answer

    def _ways(self, question: Question, line: Line) -> Iterator[Answer]:
        """Yield how a packet got there and back, what decided first before what the others are known by."""
        address, service = question.address, question.service
        asked = _flow(question, line)
        entry = self.found.entries.get(asked)
        _, goal, port, back, _ = entry or (asked[0], *asked[3:], *asked[1:3])
        ping = service.kind == "ping"
        if goal != address or (port != question.port and not ping):
            detail = f"{socket(address, question.port)} becomes {socket(goal, port)}"
            if goal in self.places[question.target].addresses and (ping or port == service.port):
                yield Answer(address, "yes", "DNAT", detail)
            yield Answer(address, "no", "DNAT: it leads elsewhere", detail)
        if service.published:
            if question.port in self.found.relayed:
                yield Answer(address, "yes", "docker-proxy", f"it listens on port {question.port}")
            yield Answer(address, "unknown", "answered, but neither DNAT nor a docker-proxy was seen")
        if question.source == question.target:
            yield Answer(address, "yes", "loopback")
        hops = self._hops(line)
        net = shared_network(self.network, question.source, question.target, address)
        if net and not hops:
            known = self.network.network(net)
            yield Answer(address, "yes", f"same {'bridge: ' * bool(known and known.bridge)}network {net}")
        detail = f"MASQUERADE: {line.source} becomes {back}" if back != line.source else ""
        if "host" in (question.source, question.target) and not hops:
            yield Answer(address, "yes", "direct: the host is one end", detail)
        if hops == 0:
            yield Answer(address, "yes", "direct: no router between", detail)
        if hops is None and not entry:
            yield Answer(address, "yes", "answered; the way was not seen")
        yield Answer(address, "yes", "routed by the host" if hops in (None, 1) else f"routed {hops} times", detail)

    @staticmethod
    def _hops(line: Line) -> int | None:
        """Return how many routers the answer came through; None if that was not seen, as with IPv6."""
        ttl = int(line.more[0]) if line.more else 0
        return min(begin - ttl for begin in TTLS if begin >= ttl) if ttl else None

    def _no(self, question: Question, line: Line, traced: Traced | None) -> Iterator[Answer]:
        """Yield what decided that no answer came, or that it was a refusal: the first is what decided."""
        address = question.address
        if traced and traced.drop:
            yield self._dropped(question, *traced.drop)
        if line.what == "error" and line.more[0] in ROUTES:
            yield Answer(address, "no", "the sender has no route", f"{line.more[0]}: {address}")
        if line.what == "reset":
            yield self._refused(question, traced)
        if line.what == "icmp":
            meaning = (UNREACHABLE6 if ":" in address else UNREACHABLE).get(line.more[0], f"code {line.more[0]}")
            yield Answer(address, "no", f"ICMP error: {meaning}", f"from {line.more[1]}")
        if line.what == "error":
            yield Answer(address, "no", f"not sent: {line.more[0]}")
        last = traced.seen[-1] if traced and traced.seen else None
        on_link = shared_network(self.network, question.source, question.target, address)
        asker = question.source if on_link or not last else "host"
        if address in self.found.unanswered.get(asker, ()):
            yield Answer(address, "no", "nobody answered ARP", f"{asker} asked for {address}")
        if last and not self.found.forwards and not last.outgoing and address not in self._of_host():
            yield Answer(address, "no", "not forwarded: the host's ip_forward is 0")
        words = (
            "and the trace is incomplete"
            if self.found.lost
            else "and the trace of the host shows no rule that dropped it"
        )
        yield Answer(address, "unknown", f"no answer, {words}")

    def _of_host(self) -> set[str]:
        return {a.partition("/")[0] for i in self.network.interfaces for a in i.addresses}

    def _refused(self, question: Question, traced: Traced | None) -> Answer:
        """Return that nobody listens, if the trace and the target's list of sockets confirm it."""
        service, place, address = question.service, question.target, question.address
        at = self.heard[place].listening.get((service.kind, service.port), set())
        goals = {(s.packet.destination, s.packet.destination_port) for s in traced.seen} if traced else set()
        state, how, detail = "no", "refused: nobody listens on this port", ""
        if service.published and goals - {(address, question.port)}:
            how = "refused: DNAT leads to a port on which nobody listens"
            detail = f"to {socket(*(goals - {(address, question.port)}).pop())}"
        elif service.published:
            how, detail = "refused: nobody listens on this address of the host", socket(address, question.port)
        elif at:
            detail = f"{place} listens on {' and '.join(socket(a, service.port) for a in sorted(at))}"
            how = "refused: it listens on another address only"
            if ":" in address and not any(":" in a for a in at):
                how = "refused: it listens on IPv4 only"
            elif at & {address, "::", "0.0.0.0"}:  # noqa: S104 - as /proc prints it
                state, how = "unknown", "refused, although the port is listened on"
        return Answer(address, state, how, detail)

    def _dropped(self, question: Question, rule: Rule | None, at: Sighting, chain: str, back: bool) -> Answer:
        """Return the rule or the policy that dropped the packet or its answer."""
        family = f" ({name})" if (name := FAMILIES.get(at.family)) else ""
        where = f"{at.table} {chain}{family}"
        what = "its answer dropped" if back else "dropped"
        if rule is None:
            return Answer(question.address, "no", f"{what} by the policy of {where}")
        meaning = self._meaning(rule, at.table, chain)
        verb = what.replace("dropped", "rejected") if rule.target == "REJECT" else what
        how = f"{meaning}: {verb} in {where}" if meaning else f"{verb} in {where}"
        detail = f"rule {rule.number}: -A {chain} {rule.spec}" if rule.number else "a rule that iptables does not have"
        return Answer(question.address, "no", how, detail)

    def _meaning(self, rule: Rule, table: str, chain: str) -> str:
        """Return what a rule of the engine is for, as far as its chain and its form show; "" for any other rule.

        Chains and rules: libnetwork, drivers/bridge/setup_ip_tables_linux.go (20.10, 26.1) and
        drivers/bridge/internal/iptabler (28).
        """
        spec = parse_rule(rule.spec)
        into, out, goal = spec.option("-i"), spec.option("-o"), spec.option("-d")
        bridges = {n.bridge: n for n in self.network.networks if n.bridge}
        if chain == "DOCKER-ISOLATION-STAGE-2":
            return "isolated networks"
        if chain in ("DOCKER-ISOLATION-STAGE-1", "DOCKER-INTERNAL"):
            names = [bridges[o.value].name for o in (into, out) if o and o.value in bridges]
            return f"internal network {names[0]}" if names else ""
        if (table, chain) == ("raw", "PREROUTING") and into and into.negated and goal and into.value in bridges:
            return f"network {bridges[into.value].name} lets in only its own bridge"
        if into and out and into.value == out.value in bridges:
            if into.negated and chain == "DOCKER":
                return f"network {bridges[out.value].name} lets in only published ports"
            if not into.negated and chain in ("FORWARD", "DOCKER-FORWARD", "DOCKER-CT", "DOCKER"):
                return f"icc is off: between containers of network {bridges[out.value].name}"
        return ""


def _flow(question: Question, line: Line) -> Flow:
    """Return what identifies the entry of conntrack that a question made."""
    protocol = CONNTRACK[question.service.kind]
    protocol = "icmpv6" if protocol == "icmp" and ":" in question.address else protocol
    return protocol, line.source, line.own, question.address, question.port or line.own
