"""Phrase single facts of a network, so that a picture and its text (`describe`) use the same words.

`rule_words` abbreviates one iptables rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_address, ip_network

from course_lib.network.iptables_save import Option, RuleSpec, parse_rule
from course_lib.network.model import (
    Container,
    Endpoint,
    Interface,
    Namespace,
    Network,
    Peer,
    Rule,
    Snapshot,
    without_prefix,
)
from course_lib.network.topology import NETNS, joined_container, owner_of
from course_lib.plain_text import clean

CONTRADICTS = "Do not trust this picture: the engine and the kernel contradict each other"
NOT_READ = "Some information could not be read, so the picture may be incomplete"
PARTS = {  # by Unread.what; {} is the machine
    "interfaces": "The interfaces and routes of {} could not be read",
    "namespaces": "Not all network namespaces on {} could be read",
    "rules": "The firewall rules of {} could not be read",
    "more rules": "Not all firewall rules of {} are shown",
}

# Options that rule_words() leaves out, or prints in an order of its own.
OMITTED = {"-m", "--comment", "--random", "--reject-with"}
WAYS = 2  # by which a chain is reached, at most, in the words of one rule
ORDERED = {"-p", "-i", "-o", "-s", "-d", "--sport", "--dport", "--to-destination", "--to-source", "--to-ports"}
INTERFACES = {"-i": "in", "-o": "out"}
ONLY_LO = "only lo, nothing leads out"
LISTED = "network namespace, listed by ip netns"
NOT_DRAWN = (
    "Shown are the rules that decide about forwarded packets. Not shown: the chains INPUT and OUTPUT, and rules that "
    "only jump, log (LOG) or return (RETURN), unless they exempt packets from a rule that is shown. "
    "In the picture, “+N more” counts the rules for which there is no room."
)


def state_words(container: Container) -> str:
    """Return what a state means for the network; "" for "running"."""
    if container.state == "running":
        return ""
    if container.is_live:
        return f"{container.state}: its interfaces stay"
    state = "created, never started" if container.state == "created" else container.state
    return f"{state}: no interface, no address"


def namespace_words(snapshot: Snapshot, container: Container) -> str:
    """Return a phrase for the network namespace of a container that is not drawn below a network."""
    other = joined_container(snapshot, container)
    if not container.is_live:
        return f"its network mode: {f'container:{other.name}' if other else container.mode[:30]}"
    if owner_of(snapshot, container).mode == "host":
        return f"shares the host's namespace with {other.name}" if other else "shares the host's network namespace"
    if other:
        return f"uses the network namespace of {other.name}: same interfaces, same addresses"
    if container.mode.startswith("container:"):
        left = "that a container had before it was stopped or restarted"
        return f"uses the network namespace {left if container.is_left else 'of a container that does not exist'}"
    start = "network none" if container.mode == "none" else "in no network"
    if container.by_hand:
        return f"{start}, but it has {', '.join(map(_by_hand, container.by_hand))}, which this engine did not make"
    return f"{start}: {ONLY_LO}"


def card_title(container: Container) -> str:
    """Return the name of a container, or of the namespace for which it stands (`topology.stand_in`)."""
    return container.name.removeprefix(NETNS)


def program_words(container: Container) -> str:
    """Return what a container runs, or who made the namespace for which it stands."""
    return LISTED if container.mode == NETNS else f"{container.image} · {container.command}"


def netns_words(snapshot: Snapshot, namespace: Namespace) -> list[str]:
    """Return a phrase for each interface of a namespace that `ip netns add` made, except those at a bridge and up."""
    found = []
    others = [i for i in namespace.interfaces if i.kind != "loopback"]
    for i in others:
        peer = namespace.peer(i.name)
        if peer is None or peer.namespace or peer.other not in snapshot.veth_ends:
            state = ", DOWN" if i.state == "DOWN" else ""
            found.append(f"{_by_hand(i)}{state}: {peer_words(snapshot, i, peer)}")
        elif "DOWN" in i.state:
            found.append(f"{i.name} is {i.state}")
    return found if others else [ONLY_LO]


def peer_words(snapshot: Snapshot, interface: Interface, peer: Peer | None) -> str:
    """Return where the cable of an interface of such a namespace leads to."""
    if peer is None:
        return "the other end of its cable was not found" if interface.kind == "veth" else f"of kind {interface.kind}"
    end = None if peer.namespace else snapshot.interface(peer.other)
    where = f"namespace {peer.namespace}" if peer.namespace else "the host"
    port = (f", a port of {end.master}" if end.master else ", in no bridge") if end else ""
    return f"cable to {peer.other} of {where}{port}"


def _by_hand(interface: Interface) -> str:
    return " ".join([interface.name, *without_link_local(interface)])


def socket(address: str, port: int | str) -> str:
    """Return an address and a port as they are typed: "0.0.0.0:80", "[::]:80"."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def published_words(container: Container) -> list[str]:
    """Return a phrase for each published port: "80/tcp published as 0.0.0.0:80 and [::]:80"."""
    return [f"{port} published as {' and '.join(sockets)}" for port, sockets in _sockets(container).items() if sockets]


def exposed_ports(container: Container) -> list[str]:
    """Return the ports that are exposed and not published: "3306/tcp"."""
    return [port for port, sockets in _sockets(container).items() if not sockets]


def _sockets(container: Container) -> dict[str, list[str]]:
    """Return by the container's port ("80/tcp") the sockets of the host that are forwarded there, IPv4 first."""
    found: dict[str, list[str]] = {}
    order = sorted(
        container.ports, key=lambda p: (p.container_port, p.protocol, ":" in (p.host_ip or ""), p.host_port or 0)
    )
    for port in order:
        sockets = found.setdefault(f"{port.container_port}/{port.protocol}", [])
        if port.host_port:
            sockets.append(socket(port.host_ip or "0.0.0.0", port.host_port))  # noqa: S104 - text only
    return found


def dns_names(container: Container, endpoint: Endpoint) -> list[str]:
    """Return the names that the embedded DNS server resolves to an endpoint, without the container's short id."""
    return [name for name in endpoint.aliases if not (len(name) == 12 and container.id.startswith(name))]


def shared_card_words(container: Container) -> str:
    """Return what each of the containers on one card has of its own; `container` is one of them."""
    if container.mode == "host" or not container.is_live:
        return "one card for all of them"
    kinds = {
        "address": any(e.addresses for e in container.endpoints),
        "interface": any(e.interface for e in container.endpoints),
        "veth pair": any(e.veth for e in container.endpoints),
    }
    *first, last = [kind for kind, exists in kinds.items() if exists] or ["network namespace"]
    return f"one card for all; each has its own {', '.join(first)}{' and ' * bool(first)}{last}"


def link_words(container: Container) -> list[str]:
    """Return a phrase for each legacy link."""
    return [f"link to {link.target} as {link.alias}" for link in container.links]


def network_words(network: Network | None) -> str:
    """Return which network a bridge implements; None stands for a bridge that was created without Docker."""
    if network is None:
        return "a bridge that is not a Docker network"
    default = " (default)" if network.name == "bridge" else ""
    internal = ", internal" if network.internal else ""
    driver = "" if network.driver == "bridge" else f", driver {network.driver}"
    return f"network {network.name}{default}{internal}{driver}"


def subnet_words(network: Network | None, bridge: Interface | None) -> list[str]:
    """Return each subnet with its gateway: "gateway 172.17.0.1 · subnet 172.17.0.0/16"; else the bridge's addresses.

    Engines before 29 do not report a gateway that they chose themselves; it is the address of the bridge.
    """
    lines = []
    known = (*(network.gateways if network else ()), *(bridge.addresses if bridge else ()))
    addresses = [without_prefix(address) for address in known if address]
    for subnet in network.subnets if network else ():
        gateway = next((a for a in addresses if ip_address(a) in ip_network(subnet, strict=False)), None)
        lines.append((f"gateway {gateway} · " if gateway else "") + f"subnet {subnet}")
    return lines or list(bridge.addresses if bridge else ())


def bridge_state(snapshot: Snapshot, bridge: Interface | None) -> str:
    """Return "DOWN" or what else is wrong with a bridge; "" if it is up, or if the interfaces could not be read."""
    if bridge is None:
        return "no such bridge on the host" if snapshot.is_read("interfaces") else ""
    return "" if bridge.state in ("UP", "UNKNOWN") else bridge.state


def empty_words(snapshot: Snapshot, name: str, state: str) -> str:
    """Return that a network has no running containers and, if its bridge is down, that this is the reason.

    Or which containers were connected to the bridge without Docker.
    """
    ports = {i.index for i in snapshot.interfaces if i.kind == "veth" and i.master == name}
    ends = [(c, i) for c in snapshot.containers for i in c.by_hand if i.kind == "veth" and i.peer_index in ports]
    if ends:
        return f"connected by hand: {', '.join(f'{c.name} by its {_by_hand(i)}' for c, i in ends)}"
    return "no container is connected here" + (f", so {name} is DOWN" if state == "DOWN" else "")


def veth_faults(snapshot: Snapshot, endpoint: Endpoint) -> str:
    """Return what is wrong with the host's end of a veth pair: "DOWN", "in no bridge", both, or ""."""
    veth = snapshot.interface(endpoint.veth) if endpoint.veth else None
    if veth is None:
        return ""
    return ", ".join([veth.state] * ("DOWN" in veth.state) + ["in no bridge"] * (not veth.master))


def host_words(snapshot: Snapshot) -> str:
    """Return what the host is."""
    return f"network namespace of {snapshot.machine} that runs dockerd {snapshot.engine}"


def unread_words(snapshot: Snapshot) -> list[str]:
    """Return a sentence for each part that could not be read, with the reason."""
    return [f"{PARTS[part.what].format(snapshot.machine)}: {part.why}" for part in snapshot.unread]


def without_link_local(interface: Interface) -> list[str]:
    """Return the addresses without the link-local ones (fe80::/64), which every interface with IPv6 has."""
    return [address for address in interface.addresses if not address.startswith("fe80:")]


def packet_count(count: int) -> str:
    """Return a counter with its unit: "1 pkt", "12 pkts"."""
    return f"{count} pkt{'' if count == 1 else 's'}"


def rule_words(rule: Rule) -> str:
    """Return a rule in a short form of what `iptables -L` prints: "DNAT tcp dpt:80 → 172.17.0.2:80"."""
    spec = parse_rule(rule.spec)
    source, destination, inward = (_address(spec, name) for name in ("-s", "-d", "-i"))
    translated = spec.value("--to-destination") or spec.value("--to-ports") or spec.value("--to-source")
    parts = [rule.target, spec.value("-p")]
    # Left out is what Docker writes for a published port: "! -i docker0" of DNAT, "! -i docker0 -o docker0" of ACCEPT.
    own = inward.startswith(("!docker0", "!br-")) if rule.target == "DNAT" else inward == f"!{spec.value('-o')}"
    if not (rule.target in ("DNAT", "ACCEPT") and (destination or translated) and own):
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


def conditions(rule: Rule) -> tuple[Option, ...]:
    """Return what a packet must match; nothing if the rule applies to every packet."""
    found = parse_rule(rule.spec).matches
    extensions = {option.extension for option in found if option.name != "-m"}
    return tuple(
        option
        for option in found
        if (option.name != "--comment" if option.name != "-m" else option.value not in {*extensions, "comment"})
    )


def way_words(rule: Rule, ways: Iterable[tuple[Option, ...]]) -> str:
    """Return the conditions of the jumps that lead to a rule, as far as the rule does not repeat them; "" if none.

    Of several ways to its chain, those that its own conditions rule out are left out, unless all are.
    """
    own = conditions(rule)
    possible = [way for way in ways if not exclusive(own, way)] or list(ways)
    found = dict.fromkeys(", ".join(_condition(o) for o in way if not _implied(o, own)) for way in possible)
    if not all(found):
        return ""
    more = f" or {len(found) - WAYS} more" if len(found) > WAYS else ""
    return " or ".join([*found][:WAYS]) + more


def exclusive(one: Iterable[Option], other: Iterable[Option]) -> bool:
    """Return whether no packet can meet both conditions, as far as interfaces show it."""
    return any(
        a.name == b.name in INTERFACES and (a.value == b.value) == (a.negated != b.negated)
        for a in one
        for b in other
        if not (a.negated and b.negated) and not (a.value + b.value).count("+")
    )


def _implied(option: Option, own: Iterable[Option]) -> bool:
    """Return whether conditions include this one: they repeat it, or name another interface than it excludes."""
    same = [o for o in own if o.name == option.name]
    return option in same or (option.negated and any(exclusive([o], [replace(option, negated=False)]) for o in same))


def _condition(option: Option) -> str:
    name = INTERFACES.get(option.name) or {"-m": "", "-p": "", "-s": "from", "-d": "to"}.get(option.name, option.name)
    return f"{'not ' * option.negated}{name.lstrip('-')} {' '.join(option.values)}".replace("  ", " ").strip()


def _values(option: Option) -> str:
    """Return the values of an option, with "!" before them if it is negated; a value with blanks is quoted."""
    values = [f'"{value}"' if any(map(str.isspace, value)) else value for value in option.values]
    return ("!" if option.negated else "") + " ".join(values)


def _address(spec: RuleSpec, name: str) -> str:
    """Return the value of an option, without a prefix length of /32 or /128; "" if the rule lacks the option."""
    option = spec.option(name)
    return _values(option).removesuffix("/32").removesuffix("/128") if option else ""
