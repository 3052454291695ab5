"""Seeded requests over seeded networks: no gap, the right end, the deciding rule named, whatever was built.

Each topology has networks, containers, published ports and rules by hand; each flow is sent twice: by another program,
which says what a sender sees, and as a journey. The seed is in each failure: FLOWS_SEED sends it again.
"""

from __future__ import annotations

import os
import random
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from course_lib.lab import execute, images
from course_lib.lab.lifecycle import Lab
from course_lib.network.iptables_save import parse_chains
from course_lib.network.model import Chain
from course_lib.network.sections import SHELL, sections
from course_lib.notebook import current
from course_lib.notebook.journeys import Journey, journey
from course_lib.packet_path.tried import NOTHING_EXCLUDES
from tests.worker import lab as gate_lab
from tests.worker import refuse

HOST, CLIENT = "203.0.113.10", "203.0.113.20"
WEB = "sh -c 'echo {0} >/var/www/index.html; exec httpd -f -p 80 -h /var/www'"
ECHO = (
    'perl -MIO::Socket::INET -e \'$s = IO::Socket::INET->new(LocalPort => 9000, Proto => "udp"); '
    "$s->send($m) while defined $s->recv($m, 99)'"
)
# Another program for each kind, in the sender's namespace: what it says is sorted by `seen`.
OTHERS = {
    # curl does not say why it could not connect.
    "http": "curl -sS --connect-timeout 1 -m 2 {0} || timeout 1 bash -c 'exec 3<>/dev/tcp/{1}/{2}'",
    "tcp": "timeout 1 bash -c 'exec 3<>/dev/tcp/{1}/{2} && echo open'",
    "udp": (
        'perl -MIO::Socket::INET -e \'$SIG{{ALRM}} = sub {{ print "silent"; exit }}; alarm 1; '
        '$s = IO::Socket::INET->new(PeerAddr => "{1}", PeerPort => {2}, Proto => "udp") or die $!; '
        'defined $s->send("hello") or die $!; defined $s->recv($m, 99) or die $!; print "got $m"\''
    ),
    "ping": "ping -n -c 1 -W 1 {1}",
    "dns": "dig +short +time=1 +tries=1 {1} @$(sed -n 's/^nameserver //p;T;q' /proc/{0}/root/etc/resolv.conf)",
}


@dataclass
class Topology:
    """What a seed builds: the commands, and where requests can go."""

    commands: list[str]
    names: list[str]  # of containers
    addresses: list[str]  # of containers, on all their networks
    published: list[tuple[str, int]]  # protocol and port of the host


def topology(seed: int) -> Topology:
    """Return a topology; the same for the same seed."""
    dice = random.Random(seed)  # noqa: S311 - a seed is wanted
    made = Topology([], [], [], [])
    networks = [f"n{i}" for i in range(dice.randint(1, 3))]
    for i, net in enumerate(networks):
        internal = "--internal " if dice.random() < 0.2 else ""
        bridge = f"-o com.docker.network.bridge.name=br{i}"
        made.commands.append(f"docker network create {internal}--subnet 10.70.{i}.0/24 {bridge} {net}")
    if dice.random() < 0.5:
        made.commands.append("ip -n client route add 10.70.0.0/16 via 203.0.113.10")
    if dice.random() < 0.15:
        made.commands.append("sysctl -qw net.bridge.bridge-nf-call-iptables=0")
    for i in range(dice.randint(2, 4)):
        _add_container(made, dice, i, networks)
    made.commands += [_rule(dice, made, networks) for _ in range(dice.randint(0, 4))]
    webs = " ".join(name for name in made.names if not name.startswith(("d", "u")))
    ready = "until docker exec $c wget -qO- http://127.0.0.1/; do sleep 0.1; done"
    made.commands.append(f"for c in {webs}; do {ready}; done")
    # Else of two refusals within a second the sender gets one (icmp(7), icmp_ratelimit).
    pids = "$(docker ps -q | xargs docker inspect -f '{{.State.Pid}}')"
    made.commands.append(f"for p in 1 {pids}; do nsenter -t $p -n sysctl -qw net.ipv4.icmp_ratelimit=0; done")
    return made


def _add_container(made: Topology, dice: random.Random, i: int, networks: list[str]) -> None:
    kind = dice.choice(["w", "w", "w", "u", "d"]) if i else "w"
    name, at = f"{kind}{i}", dice.randrange(len(networks) + 1)
    inside, protocol = (9000, "udp") if kind == "u" else (80, "tcp")
    options = ""
    if at < len(networks):
        options = f"--network {networks[at]} --ip 10.70.{at}.{10 + i}"
        made.addresses.append(f"10.70.{at}.{10 + i}")
    if dice.random() < 0.7:
        only = dice.choice(["", "", "", "127.0.0.1:"])
        options += f" -p {only}{8000 + i}:{inside}/{protocol}"
        made.published.append((protocol, 8000 + i))
    what = {"w": f"busybox {WEB.format(name)}", "u": f"nginx {ECHO}", "d": "busybox sleep 99999"}[kind]
    made.commands.append(f"docker run -d --name {name} {options} {what}")
    made.names.append(name)
    if at < len(networks) and dice.random() < 0.25:
        other = (at + 1) % len(networks)
        if other != at:
            made.commands.append(f"docker network connect --ip 10.70.{other}.{10 + i} {networks[other]} {name}")
            made.addresses.append(f"10.70.{other}.{10 + i}")


def _rule(dice: random.Random, made: Topology, networks: list[str]) -> str:
    """Return a rule that people write by hand: most stop something, some only look like it."""
    address = dice.choice(made.addresses or [CLIENT])
    bridge = f"br{dice.randrange(len(networks))}"
    port = dice.choice(made.published or [("tcp", 8000)])[1]
    verdict = dice.choice(["DROP", "DROP", "REJECT", "ACCEPT", "RETURN"])
    final = dice.choice(["DROP", "ACCEPT"])  # RETURN and REJECT are not for every chain
    return dice.choice(
        [
            f"iptables -I DOCKER-USER -s {dice.choice([CLIENT, address])} -p tcp -m tcp --dport 80 -j {verdict}",
            f"iptables -I DOCKER-USER -i {bridge} ! -o {bridge} -j {verdict}",
            f"iptables -I DOCKER-USER -p tcp -m conntrack --ctorigdstport {port} --ctdir ORIGINAL -j {verdict}",
            f"iptables -I DOCKER-USER -m addrtype --src-type LOCAL -j {final}",
            f"iptables -I INPUT -p tcp -m multiport --dports {port},4444 -j {verdict}",
            f"iptables -I OUTPUT -d {address} -p tcp -m tcp ! --dport 81 -j {final}",
            f"iptables -t raw -I PREROUTING -s {address} -p icmp -m icmp --icmp-type 8 -j {final}",
            f"iptables -t mangle -I FORWARD -o {bridge} -p udp -j {final}",
            f"iptables -I FORWARD -p tcp -m tcp --tcp-flags SYN,ACK SYN,ACK -o {bridge} -j {final}",
            f"iptables -t nat -I PREROUTING -p tcp -m tcp --dport 4444 -j DNAT --to-destination {address}:80",
            f"iptables -t nat -I POSTROUTING -o {bridge} -p tcp -j MASQUERADE",
            "iptables -N seen; iptables -A seen -p udp; iptables -A seen -p tcp -m tcp --dport 80 -j RETURN; "
            f"iptables -A seen -s {address}; iptables -I FORWARD -j seen",
            f"iptables -N side; iptables -A side -p icmp -j {final}; iptables -I FORWARD -i {bridge} -g side",
        ]
    )


def flow(dice: random.Random, made: Topology) -> tuple[str, str]:
    """Return a sender and a target."""
    origin = dice.choice(["client", "client", "host", *made.names, *made.names])
    loopback = ["127.0.0.1"] if origin == "host" else []
    ports = [(kind, f"{dice.choice([HOST, HOST, *loopback])}:{port}") for kind, port in made.published]
    inside = made.addresses or [HOST]
    targets = [f"{'http' if kind == 'tcp' else 'udp'}://{at}{'/' if kind == 'tcp' else ''}" for kind, at in ports]
    targets += [f"tcp://{dice.choice(inside)}:{dice.choice([80, 81])}" for _ in range(2)]
    targets += [f"http://{dice.choice(inside)}:80/", f"ping://{dice.choice([*inside, HOST, CLIENT])}"]
    targets += [f"udp://{dice.choice(inside)}:9000", f"tcp://{HOST}:4444", f"http://{CLIENT}:80/"]
    if origin in made.names:
        targets.append(f"dns://{dice.choice(made.names)}")
    return origin, dice.choice(targets)


def others(made: Topology, flows: list[tuple[str, str]]) -> list[str]:
    """Send every request with another program, at the same time, and return what each said."""
    lines = ["pid() { docker inspect -f '{{.State.Pid}}' $1; }; d=$(mktemp -d)"]
    for name in made.names:
        lines.append(f"export {name}=$(pid {name})")
    for number, (origin, target) in enumerate(flows):
        kind, _, goal = target.partition("://")
        address, _, port = goal.strip("/").partition(":")
        enter = {"host": "", "client": "nsenter --net=/run/netns/client"}.get(origin, f"nsenter -t ${origin} -n")
        first = f"${origin}" if kind == "dns" else target
        command = shlex.quote(OTHERS[kind].format(first, address, port))
        lines.append(f"{enter} bash -c {command} >$d/{number} 2>&1 &")
    lines.append("wait")
    lines += [f"section {number} cat $d/{number}" for number in range(len(flows))]
    found = dict(sections(execute.ask(current.lab(), SHELL + "\n".join(lines))))
    return [found[str(number)] for number in range(len(flows))]


# What another program says, and what it saw: the first pattern that is found counts.
SAW = (
    (r"Port Unreachable|port unreachable|[Rr]efused", "refused"),
    (r"[Uu]nreachable|No route|prohibited|not permitted", "unreachable"),
    (r"Empty reply|reset by peer|^open", "connected"),
    (r" bytes from |^got ", "answered"),
    (r"timed out|no servers|silent|0 received|curl:|^$", "silent"),
)


def seen(kind: str, said: str) -> str:
    """Return what another program saw: "answered", "connected", "refused", "unreachable" or "silent"."""
    found = next((saw for pattern, saw in SAW if re.search(pattern, said)), "answered")
    return "answered" if kind == "dns" and not said else found


# What a sender may see of each kind of end.
SEEN_AS = {
    "answered": {"answered"},
    "connected": {"connected"},
    "refused": {"refused", "connected", "silent"},  # a relay takes a connection, or a datagram, that is then refused
    # connect() is told nothing if the ICMP error comes back while it still holds its socket (tcp_v4_err in tcp_ipv4.c).
    "rejected": {"refused", "unreachable", "silent"},
    "dropped": {"silent", "unreachable"},  # a drop at OUTPUT is an error of the sender
    "unreachable": {"unreachable", "silent"},
    "silent": {"silent", "connected"},
}


def stops(chains: tuple[Chain, ...] | list[Chain]) -> dict[tuple[str, str, int], int]:
    """Return the packets that each rule has stopped, by table, chain and number."""
    ours = ("DROP", "REJECT")
    return {(c.table, c.name, r.number): r.packets for c in chains for r in c.rules if r.target in ours}


def check(way: Journey, said: str, before: dict[tuple[str, str, int], int]) -> None:
    """Compare a journey with what another program saw and with what the rules counted."""
    kind = way.request.kind
    saw = seen(kind, said)
    assert saw in SEEN_AS[way.end.kind], f"the sender saw {saw}: {said}"
    relayed = any(s.connection == 2 for s in way.steps)
    if way.end.kind == "refused" and not relayed:
        assert saw == "refused"
    assert way.doubts == ()
    assert [t for s in way.steps for t in s.tried if NOTHING_EXCLUDES in t.why] == []
    if kind == "http" and saw == "answered" and len(said) < 10:
        places = [s.place for s in way.steps if s.kind == "delivered" and not s.back]
        assert places[-1] == said.strip(), "it ends where the page came from"
    after = stops([c for c in way.network.chains if c.family == "ip"])
    rose = {rule for rule, count in after.items() if count > before.get(rule, 0)}
    named = re.search(r"rule (\d+) of (\S+) (\S+) in host", way.end.words)
    if named:
        assert (named[2], named[3], int(named[1])) in rose
        assert way.end.kind in ("dropped", "rejected")
    elif way.end.kind == "answered" and not relayed:
        assert not rose
    if way.end.kind == "dropped":
        assert named or "policy" in way.end.words


def run(version: str, seeds: Iterator[int] | list[int], each: int) -> int:
    """Send flows over the topologies of these seeds in the current lab; return how many were sent."""
    sent = 0
    for seed in seeds:
        dice = random.Random(seed + 1)  # noqa: S311 - a seed is wanted
        made = topology(seed)
        current.lab().reset()
        current.host("\n".join(made.commands))
        flows = [flow(dice, made) for _ in range(each)]
        for (origin, target), said in zip(flows, others(made, flows), strict=True):
            before = stops(parse_chains(execute.ask(current.lab(), "iptables-save -c"), "ip"))
            way = journey(origin, target)
            try:
                check(way, said, before)
            except AssertionError as error:
                built = "\n".join(made.commands)
                at = f"FLOWS_SEED={seed} on {version}: {origin} {target}"
                raise AssertionError(f"{at}\n{built}\n{way}\n{error}") from None
            sent += 1
    return sent


def seeds(count: int, first: int) -> list[int]:
    own = os.environ.get("FLOWS_SEED")
    return [int(own)] if own else list(range(first, first + count))


@pytest.mark.live
@pytest.mark.slow
def test_sixty_flows_have_no_gap_and_the_right_end() -> None:
    gate_lab.up(gate_lab.version(), refuse)
    assert run(gate_lab.version(), seeds(2, 1), 30) >= 30


@pytest.mark.live
@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("version", images.RELEASES)
def test_a_thousand_flows_on_three_engines(version: str) -> None:
    """Ten topologies with 34 flows on each engine, other ones on each."""
    lab = gate_lab if gate_lab.inspect() and gate_lab.version() == version else gate_lab.relative(version)
    lab.up(version, images.need_package)
    try:
        with current.using(Lab(lab.name)):
            first = 100 + 10 * list(images.RELEASES).index(version)
            assert run(version, seeds(10, first), 34) >= 34
    finally:
        if lab is not gate_lab:
            lab.remove()
