"""Send one request in the lab and record what the kernel reports of it: `gather`. Nothing is interpreted here.

The lab runs `capture.sh`: a table of nftables that belongs to its process and marks the packets of this request
(nft(8), `flags owner`, `meta nftrace`), `nft monitor trace`, `conntrack -E`, `tcpdump`, and the rules with their
counters before and after. `iptables -L` does not show the table, and nothing is left behind, even after an interrupt.
"""

from __future__ import annotations

import json
import random
import secrets
import shlex
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from importlib.resources import files
from ipaddress import ip_address

from course_lib.errors import CommandInterruptedError, CourseError
from course_lib.lab import execute
from course_lib.lab.lifecycle import Lab
from course_lib.network.iptables_save import parse_rule
from course_lib.network.model import Snapshot, without_prefix
from course_lib.network.parse_facts import RawFacts
from course_lib.network.sections import SHELL
from course_lib.network.topology import owner_of
from course_lib.packet_path import lookups
from course_lib.packet_path.evidence import Evidence, evidence_of
from course_lib.packet_path.model import PacketPath
from course_lib.packet_path.request import Request, relays

# Outside the range from which the kernel chooses ports by itself (ip(7), ip_local_port_range: up to 60999).
SOURCE_PORTS = range(61000, 65000)
RESERVED = ("client", "host")  # a container with one of these names is not watched: it would be mistaken for ours
# A port or the echo's id in the packet that an ICMP error quotes: {} are its offset in bits, and the value.
ERRORS = ("icmp type destination-unreachable @th,{},16 {}", "icmpv6 type destination-unreachable @th,{},16 {}")


def gather(lab: Lab, request: Request, facts: RawFacts, network: Snapshot) -> tuple[Request, Evidence]:
    """Send the request in a lab and return it as it was sent, with the evidence.

    `facts` are those of `lab.facts.read`, `network` the snapshot made from them. It takes at most 20 seconds
    (LIFE in capture.sh). Raises CourseError if the sender or the name is not known, or if the kernel could not be
    watched, and CommandInterruptedError on Ctrl-C.
    """
    named = ((item["Name"].lstrip("/"), item["State"]["Pid"]) for item in facts["inspect"])
    pids = {name: pid for name, pid in named if name not in RESERVED}
    origin = _namespace(request.origin, network, pids)
    port = random.choice(SOURCE_PORTS)  # noqa: S311 - a port, no secret
    request = replace(request, address=_address(lab, request, origin, pids.get(origin, 0)), source_port=port)
    reached = [_namespace(name, network, pids) for name in _concerned(request, network)]
    values = {
        "NAMESPACES": " ".join(f"{name}={pids.get(name) or '-'}" for name in dict.fromkeys(("host", origin, *reached))),
        "ORIGIN": origin,
        "PORT": str(request.source_port),
        "RULES": "\n".join(_rules(request, network)),
        "WATCH": _watch(request, network),
        "FAMILY": str(request.family),
        "KIND": "tcp" if request.kind == "http" else request.kind,
        "ADDRESS": request.address,
        "GOAL": str(request.port),
        "TEXT": _text(request),
    }
    return request, evidence_of(_run(lab, values))


def ask_after(lab: Lab, path: PacketPath, facts: RawFacts) -> str:
    """Ask the lab's kernel about the steps of a path and return its answers, for `lookups.with_answers`.

    `facts` are those from before the request. Raises LabGoneError.
    """
    pids = {item["Name"].lstrip("/"): item["State"]["Pid"] for item in facts["inspect"]}
    enter = {place: f"nsenter -t {pids.get(place, 0)} -n" for place in lookups.questions(path)}
    enter |= {"host": "", "client": "nsenter --net=/run/netns/client"}
    return execute.ask(lab, SHELL + lookups.script(enter, path))


def _run(lab: Lab, values: dict[str, str]) -> str:
    """Run capture.sh with these variables and return what it printed; end it on Ctrl-C and on any other error.

    Raises CommandInterruptedError on Ctrl-C, and CourseError if the lab cannot run it.
    """
    mark = f"course-journey-{secrets.token_hex(8)}"
    script = SHELL + (files("course_lib.packet_path") / "capture.sh").read_text(encoding="utf-8")
    assignments = " ".join(f"{name}={shlex.quote(value)}" for name, value in values.items())
    try:
        return execute.ask(lab, f"{assignments} setsid -w bash -c {shlex.quote(script)} {mark}")
    except BaseException as error:  # end its whole session now, not after its LIFE seconds
        execute.ask(lab, f"pkill -TERM -s $(pgrep -of {mark[:-1]}[{mark[-1]}]); true", timeout=5)
        if isinstance(error, KeyboardInterrupt):
            raise CommandInterruptedError("Interrupted: the request, and all that watched it, was ended.") from None
        raise


def _namespace(name: str, network: Snapshot, pids: dict[str, int]) -> str:
    """Return the name of the network namespace that `name` is in.

    Raises CourseError if there is no such container, or if it is not running.
    """
    if name in RESERVED:
        return name
    container = network.container(name)
    if container is None:
        names = ", ".join([*RESERVED, *(c.name for c in network.containers)])
        raise CourseError(f"There is no {name!r} that could send something: there are {names}.")
    if not pids.get(name):
        raise CourseError(f"The container {name} is not running: `docker start {name}` starts it.")
    container = owner_of(network, container)  # a namespace is watched once, whichever containers share it
    return "host" if container.mode == "host" else container.name


def _address(lab: Lab, request: Request, origin: str, pid: int) -> str:
    """Return the address that the request goes to, as the hosts file or the resolver of its origin gives it.

    For dns it is the address of the resolver. `pid` is a process of the origin, if that is a container. Raises
    CourseError if the sender does not know the name, or has no resolver.
    """
    name = "" if request.kind == "dns" else request.host
    with suppress(ValueError):
        return str(ip_address(name))
    etc = {"host": "/etc", "client": "/etc/netns/client"}.get(origin, f"/proc/{pid}/root/etc")
    enter = {"host": "", "client": "nsenter --net=/run/netns/client"}.get(origin, f"nsenter -t {pid} -n")
    quoted = shlex.quote(name)
    script = f"""
server=$(awk '$1 == "nameserver" {{ print $2; exit }}' {etc}/resolv.conf)
found=$(awk -v name={quoted} '!/^#/ {{
    for (i = 2; i <= NF; i++) if (tolower($i) == tolower(name)) {{ print $1; exit }}
}}' {etc}/hosts)
[ -n "$found" ] || [ -z {quoted} ] || found=$(for type in A AAAA; do
    {enter} dig +short +time=1 +tries=1 {quoted} "$type" "@$server"
done)
jq -n '$ARGS.named' --arg server "$server" --arg found "$found"
"""
    found = json.loads(execute.ask(lab, script))
    for word in str(found["server" if request.kind == "dns" else "found"]).split():
        with suppress(ValueError):
            return str(ip_address(word))
    if request.kind == "dns":
        raise CourseError(f"{request.origin} has no resolver in its resolv.conf, so it cannot look up a name.")
    raise CourseError(
        f"{request.origin} does not know the name {name} (asked: its hosts file and {found['server']}): use an address."
    )


def _concerned(request: Request, network: Snapshot) -> list[str]:
    """Return the containers, or "client", that the packet may reach, as far as is known before it is sent."""
    client = {without_prefix(a) for i in network.client if i.kind != "loopback" for a in i.addresses}
    running = [c for c in network.containers if c.state == "running"]
    addresses = {request.address, *_translated(request, network)}
    goals = [c.name for c in running for e in c.endpoints if addresses & set(map(without_prefix, e.addresses))]
    asked = ["client"] if request.address in client or request.kind == "dns" else []
    reached = [*(name for name, _, _ in relays(request, network)), *goals]
    return asked + [name for name in reached if name not in RESERVED]


def _translated(request: Request, network: Snapshot) -> Iterator[str]:
    """Yield the addresses to which DNAT rules made by hand may send what comes to this port of the host."""
    if request.address in {without_prefix(a) for i in network.interfaces for a in i.addresses}:
        for rule in (rule for chain in network.chains if chain.table == "nat" for rule in chain.rules):
            spec = parse_rule(rule.spec)
            if rule.target == "DNAT" and spec.value("--dport") in ("", str(request.port)):
                goal = spec.value("--to-destination")
                yield (goal.rpartition(":")[0] if goal.count(":") == 1 else goal.partition("]")[0]).strip("[")


def _rules(request: Request, network: Snapshot) -> list[str]:
    """Return matches of nft(8), one for each kind of packet of this request.

    Of TCP only SYN and RST match: the first packet, its answer, and a refusal.
    """
    number = request.source_port
    if request.protocol.startswith("icmp"):
        echo = [f"icmp type {t} icmp id {number}" for t in ("echo-request", "echo-reply")]
        echo6 = [rule.replace("icmp", "icmpv6") for rule in echo]
        # An error quotes the packet that it is about: behind 8 bytes of ICMP and an IP header its first 8 bytes.
        return [*echo, *echo6, ERRORS[0].format(256, number), ERRORS[1].format(416, number)]
    opening = " tcp flags & (syn | rst) != 0" if request.protocol == "tcp" else ""
    proto = request.protocol
    rules = [f"{proto} {side} {number}{opening}" for side in ("sport", "dport")]
    rules += [ERRORS[0].format(224, number), ERRORS[1].format(384, number)]
    for _, address, port in relays(request, network):
        six = ":" in address
        ip, error, at, quoted = ("ip6", ERRORS[1], 400, "256,128") if six else ("ip", ERRORS[0], 240, "192,32")
        # What refuses a relay's datagram quotes the address and the port that it was sent to: the relay's own port is
        # not known. The port alone would not do: an error may be about an earlier request to the same port elsewhere.
        rules += [f"{error.format(at, port)} @th,{quoted} {int(ip_address(address)):#x}"]
        rules += [
            f"{ip} daddr {address} {proto} dport {port}{opening}",
            f"{ip} saddr {address} {proto} sport {port}{opening}",
        ]
    if request.kind == "dns":  # what Docker's resolver asks another one
        ip = "ip6" if request.family == 6 else "ip"
        rules += [f"udp dport 53 {ip} daddr != {request.address}", f"udp sport 53 {ip} saddr != {request.address}"]
    return rules


def _watch(request: Request, network: Snapshot) -> str:
    """Return a filter of tcpdump for the same packets and for ARP (pcap-filter(7))."""
    if request.protocol.startswith("icmp"):
        return "icmp or icmp6 or arp"
    parts = [f"port {request.source_port}", "icmp", "icmp6", "arp"]
    parts += [f"(host {address} and port {port})" for _, address, port in relays(request, network)]
    return " or ".join(parts + (["udp port 53"] if request.kind == "dns" else []))


def _text(request: Request) -> str:
    """Return what is sent once the connection is open, in the escapes of printf %b; for dns the name to look up."""
    if request.kind == "http":
        name = f"[{request.host}]" if ":" in request.host else request.host
        return f"GET {request.path} HTTP/1.1\\r\\nHost: {name}\\r\\nUser-Agent: journey\\r\\n\\r\\n"
    return {"udp": "journey\\n", "dns": request.host}.get(request.kind, "")
