"""Read what `nft -a -s monitor trace` prints: `sightings` of a packet at a hook, and what the rules there did (nft(8)).

The id of a trace does not identify a packet: it changes where a packet passes from a bridge to the host, and on the
loopback interface, and a later packet may have the id of an earlier one. Sightings are matched by their addresses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from course_lib.packet_path.model import Packet
from course_lib.plain_text import quoted_lines

HEADER = re.compile(r"trace id (\S+) (\S+) (\S+) (\S+) packet: (.*)")
RULE = re.compile(r"trace id (\S+) (\S+) (\S+) (\S+) (?:unknown )?rule .*?\s?handle (\d+) \(verdict ([^)]*)\)\s*$")
POLICY = re.compile(r"trace id (\S+) (\S+) (\S+) (\S+) policy (\w+)")
OURS = re.compile(r"course\d+\Z")  # capture.sh names its tables after its process
FLAGS = {0x01: "FIN", 0x02: "SYN", 0x04: "RST", 0x08: "PSH", 0x10: "ACK"}  # RFC 9293, 3.1
# RFC 792 and RFC 4443: nft prints the code of an error as a number or, depending on its version, as a word.
UNREACHABLE = {
    "0": "network unreachable",
    "1": "host unreachable",
    "2": "protocol unreachable",
    "3": "port unreachable",
    "9": "network prohibited",
    "10": "host prohibited",
    "13": "administratively prohibited",
}
UNREACHABLE6 = {"0": "no route", "1": "prohibited", "3": "address unreachable", "4": "port unreachable"}


@dataclass(frozen=True)
class Verdict:
    """What a rule that matched said, or the policy of a chain (without a handle)."""

    chain: str
    verdict: str  # "accept", "drop", "continue", "return", "jump DOCKER"
    handle: int | None = None
    words: str = ""  # the rule in the words of nft; "" where the monitor did not know it


@dataclass
class Sighting:
    """A packet when it came to a base chain, and what happened to it there."""

    family: str  # "ip", "ip6", "inet", "bridge"
    table: str
    chain: str
    packet: Packet
    mark: str  # the identifier of an echo request and its answer
    incoming: str  # an interface's name, or ""
    outgoing: str
    verdicts: list[Verdict] = field(default_factory=list)

    @property
    def ours(self) -> bool:
        """Whether the chain is in a table of capture.sh, where nothing is decided."""
        return OURS.match(self.table) is not None


def sightings(text: str) -> list[Sighting]:
    """Return the sightings in the order of the trace.

    Lines of a packet whose header is missing are left out.
    """
    found: list[Sighting] = []
    last: dict[str, Sighting] = {}
    for line in quoted_lines(text):
        if header := HEADER.match(line):
            mark, family, table, chain, words = header.groups()
            last[mark] = _sighting(family, table, chain, words)
            found.append(last[mark])
        elif (rule := RULE.match(re.sub(r'"[^"]*"', "", line))) and rule[1] in last:
            last[rule[1]].verdicts.append(Verdict(rule[4], rule[6], int(rule[5]), _words(line)))
        elif (policy := POLICY.match(line)) and policy[1] in last:
            last[policy[1]].verdicts.append(Verdict(policy[4], policy[5]))
    return found


def _words(line: str) -> str:
    """Return the text of the rule in "trace id ID FAMILY TABLE CHAIN rule TEXT # handle NUMBER (verdict VERDICT)"."""
    return line.split(" ", 6)[6].removeprefix("rule ").rpartition(" # handle ")[0]


def _sighting(family: str, table: str, chain: str, words: str) -> Sighting:
    """Return a sighting from the words of its header line: keys of one or two words, each with a value."""
    values = dict(re.findall(r"\b(\S+ (?:saddr|daddr|sport|dport|type|code|id)) (\S+)", words))
    devices = dict(re.findall(r'\b(iif|oif) "([^"]*)"', words))
    ip = "ip6" if "ip6 saddr" in values else "ip"
    protocol = next((p for p in ("tcp", "udp", "icmpv6", "icmp") if re.search(rf"\b{p} (?:sport|type) ", words)), "")
    packet = Packet(
        protocol,
        values.get(f"{ip} saddr", ""),
        int(values.get(f"{protocol} sport", 0)),
        values.get(f"{ip} daddr", ""),
        int(values.get(f"{protocol} dport", 0)),
        _flags(words) if protocol == "tcp" else _message(protocol, values),
    )
    mark = ""
    if packet.said.startswith("echo"):  # of ICMPv6 nft shows the id and the sequence as one number of four bytes
        number = re.search(r"icmpv6 parameter-problem (\d+)", words)
        mark = str(int(number[1]) >> 16) if number else values.get(f"{protocol} id", "")
    return Sighting(family, table, chain, packet, mark, devices.get("iif", ""), devices.get("oif", ""))


def _flags(words: str) -> str:
    """Return "SYN-ACK" from "tcp flags == 0x12", or from "syn,ack" or "syn | ack" as other versions print it."""
    found = re.search(r"tcp flags == (\S+)", words)
    text = found[1].upper() if found else ""
    number = int(text, 16) if text.startswith("0X") else 0
    return "-".join(name for bit, name in FLAGS.items() if number & bit or name in re.split(r"\W+", text))


def _message(protocol: str, values: dict[str, str]) -> str:
    """Return the type of an ICMP message or, of an error, the meaning of its code; "" for a datagram."""
    kind, code = values.get(f"{protocol} type", ""), values.get(f"{protocol} code", "")
    if kind in ("destination-unreachable", "3" if protocol == "icmp" else "1"):
        table = UNREACHABLE if protocol == "icmp" else UNREACHABLE6
        return table.get(code, code.replace("-", " ") or "unreachable")
    return kind.replace("-", " ")
