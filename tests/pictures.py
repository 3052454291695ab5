"""Build scenes: snapshots as the engines 26.1 and 28.5 would produce them. SCENES has them by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from course_lib.network.iptables_save import parse_rule
from course_lib.network.model import (
    Chain,
    Container,
    Endpoint,
    Interface,
    Link,
    Namespace,
    Network,
    Peer,
    Port,
    Route,
    Rule,
    Snapshot,
    Unread,
)
from course_lib.network.placement import groups_by_container

MAC = "02:42:ac:11:00:%02x"


def identity(name: str) -> str:
    return (name.encode().hex() * 64)[:64]


def host(*more: Interface) -> tuple[Interface, ...]:
    return (
        Interface(
            "eth0",
            2,
            "veth",
            "UP",
            "02:00:cb:00:71:0a",
            1500,
            ("203.0.113.10/24", "fe80::1/64"),
            peer_index=3,
        ),
        Interface("lo", 1, "loopback", "UNKNOWN", "00:00:00:00:00:00", 65536, ("127.0.0.1/8", "::1/128")),
        *more,
    )


CLIENT = (
    Interface("eth0", 3, "veth", "UP", "02:00:cb:00:71:14", 1500, ("203.0.113.20/24",), peer_index=2),
    Interface("lo", 1, "loopback", "UNKNOWN", "00:00:00:00:00:00", 65536, ("127.0.0.1/8",)),
)


def bridge(name: str, address: str, state: str = "UP", *more: str) -> Interface:
    return Interface(name, 4, "bridge", state, "02:42:00:00:00:01", 1500, (address, *more))


def network(name: str, interface: str, subnet: str, gateway: str, *, internal: bool = False) -> Network:
    return Network(name, identity(name), "bridge", interface, (subnet,), (gateway,), internal)


DOCKER0 = network("bridge", "docker0", "172.17.0.0/16", "172.17.0.1")
MYNET = network("mynet", "br-9f3c1a07be42", "192.168.100.0/24", "192.168.100.254")
SPECIAL = (Network("host", identity("host"), "host"), Network("none", identity("none"), "null"))


def endpoint(
    number: int, *, net: str = "bridge", base: str = "172.17.0", nic: str = "eth0", length: int = 16
) -> Endpoint:
    address = f"{base}.{number}/{length}"
    return Endpoint(net, nic, (address,), MAC % (number % 256), f"{base}.1", f"veth{number * 7919 + len(net):07x}"[:11])


def container(name: str, number: int, **changes: object) -> Container:
    plain = Container(name, identity(name), "busybox", "sh", "running", "bridge", (endpoint(number),))
    return replace(plain, **changes)  # type: ignore[arg-type]


def rule(number: int, spec: str, packets: int = 0) -> Rule:
    return Rule(number, spec, parse_rule(spec).target, packets, packets * 60)


def chain(
    table: str,
    name: str,
    specs: Sequence[str | tuple[str, int]],
    policy: str | None = None,
    family: str = "ip",
) -> Chain:
    pairs = [(s, 0) if isinstance(s, str) else s for s in specs]
    return Chain(family, table, name, policy, 0, 0, tuple(rule(n, s, c) for n, (s, c) in enumerate(pairs, 1)))


Published = tuple[str, str, int, int, int]  # the bridge, the container's address, its port, the host's port, packets


def chains(nets: Sequence[tuple[str, str]], ports: Sequence[Published] = ()) -> tuple[Chain, ...]:
    """Return the chains of engine 26.1 for bridges with their subnets, and published TCP ports."""
    lead = "-m addrtype --dst-type LOCAL -j DOCKER"
    dnat: list[str | tuple[str, int]] = [f"-i {br} -j RETURN" for br, _ in nets]
    dnat += [
        (f"! -i {br} -p tcp -m tcp --dport {hp} -j DNAT --to-destination {ip}:{cp}", n) for br, ip, cp, hp, n in ports
    ]
    accept: list[str | tuple[str, int]] = [
        (f"-d {ip}/32 ! -i {br} -o {br} -p tcp -m tcp --dport {cp} -j ACCEPT", n) for br, ip, cp, _, n in ports
    ]
    forward = ["-j DOCKER-USER", "-j DOCKER-ISOLATION-STAGE-1"]
    for br, _ in nets:
        forward += [
            f"-o {br} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
            f"-o {br} -j DOCKER",
            f"-i {br} ! -o {br} -j ACCEPT",
            f"-i {br} -o {br} -j ACCEPT",
        ]
    masquerade = [f"-s {subnet} ! -o {br} -j MASQUERADE" for br, subnet in nets]
    masquerade += [f"-s {ip}/32 -d {ip}/32 -p tcp -m tcp --dport {cp} -j MASQUERADE" for _, ip, cp, _, _ in ports]
    return (
        chain("filter", "INPUT", (), "ACCEPT"),
        chain("filter", "FORWARD", forward, "DROP"),
        chain("filter", "OUTPUT", (), "ACCEPT"),
        chain("filter", "DOCKER", accept),
        chain(
            "filter",
            "DOCKER-ISOLATION-STAGE-1",
            [f"-i {br} ! -o {br} -j DOCKER-ISOLATION-STAGE-2" for br, _ in nets],
        ),
        chain("filter", "DOCKER-ISOLATION-STAGE-2", [f"-o {br} -j DROP" for br, _ in nets]),
        chain("filter", "DOCKER-USER", ["-j RETURN"]),
        chain("nat", "PREROUTING", [lead], "ACCEPT"),
        chain("nat", "OUTPUT", [f"! -d 127.0.0.0/8 {lead}"], "ACCEPT"),
        chain("nat", "POSTROUTING", masquerade, "ACCEPT"),
        chain("nat", "DOCKER", dnat),
    )


def chains_28(ports: Sequence[Published] = ()) -> tuple[Chain, ...]:
    """Return the chains of engine 28.5 with docker0 only."""
    ends = sorted({ip for _, ip, _, _, _ in ports})
    old = [c for c in chains([("docker0", "172.17.0.0/16")], ports) if c.table == "nat"]
    accept = [f"-d {ip}/32 ! -i {br} -o {br} -p tcp -m tcp --dport {cp} -j ACCEPT" for br, ip, cp, _, _ in ports]
    return (
        chain("raw", "PREROUTING", [f"-d {ip}/32 ! -i docker0 -j DROP" for ip in ends], "ACCEPT"),
        chain("filter", "FORWARD", ["-j DOCKER-USER", "-j DOCKER-FORWARD"], "DROP"),
        chain("filter", "DOCKER", [*accept, "! -i docker0 -o docker0 -j DROP"]),
        chain("filter", "DOCKER-BRIDGE", ["-o docker0 -j DOCKER"]),
        chain("filter", "DOCKER-CT", ["-o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"]),
        chain(
            "filter",
            "DOCKER-FORWARD",
            ["-j DOCKER-CT", "-j DOCKER-ISOLATION-STAGE-1", "-j DOCKER-BRIDGE", "-i docker0 -j ACCEPT"],
        ),
        chain("filter", "DOCKER-ISOLATION-STAGE-1", ["-i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2"]),
        chain("filter", "DOCKER-ISOLATION-STAGE-2", ["-o docker0 -j DROP"]),
        chain("filter", "DOCKER-USER", []),
        *old,
    )


ONE_NET = [("docker0", "172.17.0.0/16")]
TWO_NETS = [*ONE_NET, ("br-9f3c1a07be42", "192.168.100.0/24")]
HTTP = (Port(80, "tcp", "0.0.0.0", 80), Port(80, "tcp", "::", 80))


def snapshot(**changes: object) -> Snapshot:
    """Return the lab on its first day, with changes."""
    first = Snapshot(
        "26.1.5+dfsg1",
        host(bridge("docker0", "172.17.0.1/16", "DOWN")),
        CLIENT,
        networks=(DOCKER0, *SPECIAL),
        chains=chains(ONE_NET),
    )
    return replace(first, **changes)  # type: ignore[arg-type]


def used(**changes: object) -> Snapshot:
    """Return the lab with docker0 in use."""
    return snapshot(**{"interfaces": host(bridge("docker0", "172.17.0.1/16")), **changes})


def first_day() -> Snapshot:
    return snapshot()


def one_container() -> Snapshot:
    return used(containers=(container("c1", 2),))


def web() -> Container:
    return container("web", 2, image="nginx:latest", command="nginx -g 'daemon off;'", ports=HTTP)


def published() -> Snapshot:
    return used(containers=(web(),), chains=chains(ONE_NET, [("docker0", "172.17.0.2", 80, 80, 1)]))


def published_28() -> Snapshot:
    ports = [("docker0", "172.17.0.2", 80, 80, 3)]
    return used(engine="28.5.2", containers=(web(),), chains=chains_28(ports))


def mynet(number: int, nic: str = "eth0", *aliases: str) -> Endpoint:
    at = endpoint(number, net="mynet", base="192.168.100", nic=nic, length=24)
    return replace(at, aliases=aliases, mac=f"02:42:c0:a8:64:{number:02x}")


def two_bridges(*containers: Container) -> Snapshot:
    interfaces = host(bridge("docker0", "172.17.0.1/16"), bridge("br-9f3c1a07be42", "192.168.100.254/24"))
    return used(
        interfaces=interfaces,
        networks=(DOCKER0, SPECIAL[0], MYNET, SPECIAL[1]),
        containers=containers,
        chains=chains(TWO_NETS, [("docker0", "172.17.0.2", 80, 80, 1)]),
    )


def example() -> Snapshot:
    """Return the scene of the picture in the design."""
    c2 = container("c2", 0, mode="mynet", endpoints=(mynet(100, "eth0", "c2", "db"),))
    return two_bridges(container("c1", 3), c2, web())


def by_hand() -> Snapshot:
    """Return a bridge that was made without Docker, with two cables that lead to no container."""
    ends = [
        Interface(name, 8 + n, "veth", state, "02:00:00:00:00:02", 1500, (), master="hand0")
        for n, (name, state) in enumerate((("hand-box", "UP"), ("hand-two", "DOWN")))
    ]
    interfaces = host(bridge("docker0", "172.17.0.1/16"), bridge("hand0", "10.10.0.1/24"), *ends)
    return used(interfaces=interfaces, containers=(container("c1", 2),))


def netns() -> Snapshot:
    """Return two namespaces of `ip netns add` at a bridge made by hand, two at one cable, and one with lo only."""
    lo = Interface("lo", 1, "loopback", "DOWN", "00:00:00:00:00:00", 65536)

    def veth(name: str, index: int, peer: int, *addresses: str, master: str | None = None) -> Interface:
        return Interface(name, index, "veth", "UP", f"02:00:00:00:01:{index:02x}", 1500, addresses, master, peer)

    ends = (veth("hand-box", 8, 2, master="hand0"), veth("to-reader", 9, 2, master="hand0"), veth("loose", 10, 4))
    box = Namespace("box", (lo, veth("eth0", 2, 8, "10.10.0.2/24"), veth("eth1", 3, 5, "10.11.0.1/30")))
    box = replace(box, peers=(Peer("eth0", "", "hand-box"), Peer("eth1", "far", "eth0")))
    reader = Namespace("reader", (lo, veth("eth0", 2, 9, "10.10.0.10/24")), (Peer("eth0", "", "to-reader"),))
    far = Namespace("far", (veth("eth0", 5, 3, "10.11.0.2/30"), veth("eth1", 4, 10)))
    far = replace(far, peers=(Peer("eth0", "box", "eth1"), Peer("eth1", "", "loose")))
    interfaces = host(bridge("docker0", "172.17.0.1/16"), bridge("hand0", "10.10.0.1/24"), *ends)
    return used(
        interfaces=interfaces,
        containers=(container("c1", 2),),
        namespaces=(box, far, Namespace("lonely", (lo,)), reader),
    )


def stopped() -> Snapshot:
    old = container("old", 0, state="exited", endpoints=(Endpoint("bridge"),))
    new = container("new", 0, state="created", endpoints=(Endpoint("bridge"),), image="nginx:latest", command="nginx")
    return used(containers=(container("c1", 2), new, old))


def two_networks() -> Snapshot:
    both = container("both", 0, endpoints=(endpoint(3), mynet(2, "eth1", "both", "proxy")))
    c2 = container("c2", 0, mode="mynet", endpoints=(mynet(100),))
    back = container("back", 0, mode="mynet", endpoints=(mynet(3), endpoint(4, nic="eth1")))
    empty = network("alone", "br-000000000001", "172.19.0.0/16", "172.19.0.1", internal=True)
    scene = two_bridges(back, both, c2, web())
    down = bridge("br-000000000001", "172.19.0.1/16", "DOWN")
    return replace(scene, networks=(empty, *scene.networks), interfaces=(*scene.interfaces, down))


def modes() -> Snapshot:
    plain = {"endpoints": (), "image": "debian", "command": "sleep infinity"}
    return used(
        containers=(
            container("in-host", 0, mode="host", **{**plain, "endpoints": (Endpoint("host"),)}),
            container("lonely", 0, mode="none", **{**plain, "endpoints": (Endpoint("none"),)}),
            container("orphan", 0, mode="container:" + "f" * 64, **plain),
            container("sidecar", 0, mode="container:" + identity("web"), **plain),
            container("sniffer", 0, mode="container:in-host", **plain),
            web(),
        ),
        chains=chains(ONE_NET, [("docker0", "172.17.0.2", 80, 80, 1)]),
    )


def dual_stack() -> Snapshot:
    v6 = Network(
        "v6",
        identity("v6"),
        "bridge",
        "br-6",
        ("172.18.0.0/16", "fd00:cafe::/64"),
        ("172.18.0.1", "fd00:cafe::1"),
    )
    at = Endpoint("v6", "eth0", ("172.18.0.2/16", "fd00:cafe::2/64"), MAC % 2, "172.18.0.1", "veth0a0a0a0", ("six",))
    long = replace(
        at,
        addresses=("172.18.0.3/16", "fd12:3456:789a:bcde:f012:3456:789a:bcde/64"),
        veth="veth0b0b0b0",
        aliases=(),
    )
    six = (
        chain("nat", "PREROUTING", ["-m addrtype --dst-type LOCAL -j DOCKER"], "ACCEPT", "ip6"),
        chain(
            "nat",
            "DOCKER",
            ["! -i br-6 -p tcp -m tcp --dport 80 -j DNAT --to-destination [fd00:cafe::2]:80"],
            family="ip6",
        ),
        chain("nat", "POSTROUTING", ["-s fd00:cafe::/64 ! -o br-6 -j MASQUERADE"], "ACCEPT", "ip6"),
        chain("filter", "FORWARD", ["-o br-6 -j DOCKER"], "DROP", "ip6"),
        chain(
            "filter",
            "DOCKER",
            ["-d fd00:cafe::2/128 ! -i br-6 -o br-6 -p tcp -m tcp --dport 80 -j ACCEPT"],
            family="ip6",
        ),
    )
    return used(
        interfaces=host(
            bridge("docker0", "172.17.0.1/16", "DOWN"),
            bridge("br-6", "172.18.0.1/16", "UP", "fd00:cafe::1/64"),
        ),
        networks=(DOCKER0, *SPECIAL, v6),
        containers=(
            container("plain", 0, mode="v6", endpoints=(long,)),
            container("six", 0, mode="v6", endpoints=(at,), ports=HTTP),
        ),
        chains=(*chains([*ONE_NET, ("br-6", "172.18.0.0/16")], [("br-6", "172.18.0.2", 80, 80, 0)]), *six),
    )


def long_names() -> Snapshot:
    name = "a-container-with-a-name-that-somebody-thought-about-for-much-too-long-a-time"
    image = "registry.example.org:5000/team/project/a-very-long-image-name-indeed:2026-11-23-release-candidate-1"
    command = (
        'sh -c \'echo "안녕하세요 컨테이너 네트워크" <&"> $PATH $HOME; while true; do sleep 1; done\' \x1b[31m\n' * 3
    )
    many = tuple(Port(p, "tcp", "0.0.0.0", p) for p in range(8000, 8009))
    tagged = network('<&"> 네트워크', "br-quote", "172.18.0.0/16", "172.18.0.1")
    long = container(name, 2, image=image, command=command, ports=many, links=(Link("db", "mysql"),))
    korean = Endpoint(tagged.name, "eth0", ("172.18.0.2/16",), MAC % 9, "172.18.0.1", "vethquote", ("별명", "<b>&"))
    odd = container('<&">', 0, mode=tagged.name, endpoints=(korean,), image="한국어/이미지:최신")
    db = container("db", 3, ports=(Port(3306, "tcp"), Port(33060, "tcp")))
    return used(
        interfaces=host(bridge("docker0", "172.17.0.1/16"), bridge("br-quote", "172.18.0.1/16")),
        networks=(tagged, DOCKER0, *SPECIAL),
        containers=(odd, long, db),
        chains=chains(ONE_NET, [("docker0", "172.17.0.2", p.container_port, p.host_port or 0, 0) for p in many]),
    )


def many(count: int) -> Snapshot:
    ends = [endpoint((n + 1) % 256, base=f"172.17.{(n + 1) // 256}") for n in range(1, count + 1)]
    ends = [replace(end, veth=f"veth{n * 7919:07x}") for n, end in enumerate(ends, 2)]
    found = [container(f"c{n}", 0, endpoints=(end,)) for n, end in enumerate(ends, 1)]
    found[0] = replace(web(), name="c1")
    return used(containers=tuple(sorted(found)), chains=chains(ONE_NET, [("docker0", "172.17.0.2", 80, 80, 12)]))


def many_and_two() -> Snapshot:
    rest = [container(f"c{n}", n + 1) for n in range(1, 9)]
    both = container("both", 0, endpoints=(endpoint(30), mynet(2, "eth1")))
    idle = container("idle", 0, state="exited", endpoints=(Endpoint("bridge"),))
    return two_bridges(both, *rest, idle, container("other", 0, mode="mynet", endpoints=(mynet(100),)))


def warned() -> Snapshot:
    lost = replace(endpoint(2), veth=None, interface=None)
    return used(
        containers=(container("c1", 2, endpoints=(lost,)),),
        warnings=(
            "Container c1 is running on network bridge, but no interface of its namespace has a veth on docker0.",
            "The engine says that 172.17.0.2 is 02:42:ac:11:00:02; the kernel says that nobody has this address. " * 3,
        ),
    )


def unknown_driver() -> Snapshot:
    lan = Network("lan", identity("lan"), "macvlan", None, ("203.0.113.0/24",), ("203.0.113.1",))
    at = Endpoint("lan", "eth0", ("203.0.113.50/24",), MAC % 50, "203.0.113.1")
    lost = Endpoint("gone", "eth0", ("10.0.0.2/24",), MAC % 51)
    hand = Interface("br-hand", 9, "bridge", "DOWN", "02:00:00:00:00:09", 1500, ("10.9.0.1/24",))
    dummy = Interface("veth-by-hand", 10, "veth", "DOWN", "02:00:00:00:00:0a", 1500, (), "br-hand", 11)
    return used(
        interfaces=host(bridge("docker0", "172.17.0.1/16", "DOWN"), hand, dummy),
        networks=(DOCKER0, *SPECIAL, lan),
        containers=(
            container("at-lan", 0, mode="lan", endpoints=(at,)),
            container("lost", 0, mode="gone", endpoints=(lost,)),
        ),
    )


def mistaken() -> Snapshot:
    """Return a lab where someone deleted the jump to DOCKER and the MASQUERADE rules."""
    kept = chains(ONE_NET, [("docker0", "172.17.0.2", 80, 80, 0)])
    empty = {("nat", "PREROUTING"), ("nat", "POSTROUTING"), ("nat", "OUTPUT")}
    cut = [replace(c, rules=()) if (c.table, c.name) in empty else c for c in kept]
    own = ["-s 203.0.113.20/32 -d 172.17.0.2/32 -p tcp -m tcp --dport 80 -j REJECT --reject-with icmp-port-unreachable"]
    cut = [chain("filter", "DOCKER-USER", own) if c.name == "DOCKER-USER" else c for c in cut]
    return used(containers=(web(),), chains=tuple(cut))


def unplugged() -> Snapshot:
    """Return two containers with faulty veth pairs: one is in no bridge, one is down."""
    scene = used(containers=(container("c1", 2), container("c2", 3)))
    names = [str(c.endpoints[0].veth) for c in scene.containers]
    veths = (
        Interface(names[0], 7, "veth", "UP", "02:00:00:00:00:07", 1500, peer_index=6),
        Interface(names[1], 9, "veth", "LOWERLAYERDOWN", "02:00:00:00:00:09", 1500, (), "docker0", 8),
    )
    return replace(scene, interfaces=(*scene.interfaces, *veths))


def crowd() -> Snapshot:
    """Return many similar containers with hostile names, on a dual-stack network, stopped, and in no network."""
    tagged = replace(network('<&"> 네트워크', "br-quote", "172.18.0.0/16", "172.18.0.1"), internal=True)
    image, command = "registry.example.org:5000/team/a-very-long-image-name:<b>" * 2, 'sh -c "<&> $(id)" \x1b[31m'
    found = []
    for n in range(1, 16):
        name = f"a-long-name-that-somebody-thought-about-{n * n}"
        six = f"fd12:3456:789a:bcde:f012:3456:789a:{n:x}/64"
        at = Endpoint(
            tagged.name, "eth0", (f"172.18.0.{n + 1}/16", six), MAC % n, "172.18.0.1", f"vethc{n:x}", (name, "<b>&")
        )
        found.append(container(name, 0, mode=tagged.name, endpoints=(at,), image=image, command=command))
    for mode in ("host", "none"):
        ends = (Endpoint(mode),)
        found += [
            container(f"{mode}{n:02}", 0, mode=mode, endpoints=ends, image=image, command=command) for n in range(9)
        ]
    old = {"state": "exited", "endpoints": (Endpoint("bridge"),)}
    found += [container(f"old{n}", 0, **old) for n in range(9)]
    return used(
        interfaces=host(bridge("docker0", "172.17.0.1/16", "DOWN"), bridge("br-quote", "172.18.0.1/16")),
        networks=(tagged, DOCKER0, *SPECIAL),
        containers=tuple(sorted(found)),
    )


def own_engine() -> Snapshot:
    """Return a learner's own engine, whose containers' namespaces may not be entered."""
    ports = [
        Interface(f"veth{n:07x}", 20 + n, "veth", "UP", f"02:00:00:00:01:{n:02x}", 1500, ("fe80::9/64",), "docker0", 2)
        for n in range(5)
    ]
    more = [
        Interface(name, n, "ether", state, "02:00:00:00:02:02", 1500, addresses)
        for n, (name, state, addresses) in enumerate(
            (
                ("enp0s31f6", "UP", ("192.168.178.23/24", "2001:db8:1234:5678:9abc:def0:1234:5678/64")),
                ("wlp4s0", "DOWN", ()),
                ("tun0", "UNKNOWN", ("10.8.0.2/24",)),
                ("ifb0", "DOWN", ()),
                ("ifb1", "DOWN", ()),
                ("wwan0", "DOWN", ()),
                ("enx00e04c680001", "DOWN", ()),
            ),
            10,
        )
    ]
    unseen = {"interface": None, "veth": None}
    ends = [replace(endpoint(n), **unseen) for n in range(2, 7)]  # type: ignore[arg-type]
    found = [container(f"c{n}", 0, endpoints=(at,)) for n, at in enumerate(ends)]
    found[0] = replace(found[0], name="app", ports=HTTP)
    return replace(
        used(),
        engine="29.1.2",
        client=(),
        interfaces=(bridge("docker0", "172.17.0.1/16"), *more, *ports),
        routes=(Route("default", "enp0s31f6", "192.168.178.1"),),
        containers=tuple(sorted(found)),
        chains=chains(ONE_NET, [("docker0", "172.17.0.2", 80, 80, 3)]),
        machine="your own engine's machine",
        unread=(
            Unread("more rules", "table inet firewalld"),
            Unread("namespaces", "5 of 5 could not be entered, or ended meanwhile"),
        ),
    )


def nothing_read() -> Snapshot:
    """Return a learner's own engine of which only the API could be read."""
    why = "that takes an image of the lab, and there is none yet (`./course up` makes it)"
    unread = tuple(Unread(what, why) for what in ("interfaces", "namespaces", "rules"))
    return replace(
        own_engine(),
        interfaces=(),
        routes=(),
        chains=(),
        machine="the virtual machine of Docker Desktop (not that of your computer)",
        unread=unread,
    )


def nothing() -> Snapshot:
    return Snapshot("26.1.5")


def alike(scene: Snapshot) -> list[set[str]]:
    """Return the names of the containers that are drawn together, group by group."""
    found = groups_by_container(scene)
    return [{c.name for c in group.members} for group in dict.fromkeys(found.values())]


SCENES: dict[str, Callable[[], Snapshot]] = {
    scene.__name__: scene
    for scene in (
        first_day,
        one_container,
        published,
        published_28,
        example,
        by_hand,
        netns,
        stopped,
        two_networks,
        modes,
        dual_stack,
        long_names,
        many_and_two,
        warned,
        unknown_driver,
        mistaken,
        unplugged,
        crowd,
        own_engine,
        nothing_read,
        nothing,
    )
} | {f"many_{n}": (lambda n=n: many(n)) for n in (12, 24, 60)}  # type: ignore[misc]
