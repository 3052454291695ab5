"""Judge a user-defined bridge: its subnet, a gateway that is not the first address, a fixed address, and names."""

from __future__ import annotations

from course_lib.exercises.checks import Check, Finding, Probe, Result, Seed, Seen, Value, Values
from course_lib.exercises.reachability import addresses, listener_of, namespace_of, places
from course_lib.network.model import Snapshot, without_prefix

CLIENT = "203.0.113.20"


def parameters(seed: Seed) -> dict[str, Value]:
    """Return the learner's values."""
    start = f"192.168.{seed.number('subnet', 20, 199)}"
    return {
        "net": seed.choice("net", ("harbour", "meadow", "valley", "island", "quarry")),
        "subnet": f"{start}.0/24",
        "gateway": f"{start}.{seed.number('gateway', 200, 254)}",
        "server": seed.choice("server", ("otter", "badger", "marten", "weasel")),
        "address": f"{start}.{seed.number('address', 20, 99)}",
        "alias": seed.choice("alias", ("library", "archive", "catalogue", "register")),
        "caller": seed.choice("caller", ("robin", "wren", "finch", "swift")),
    }


def probes(values: Values, network: Snapshot) -> dict[str, Probe]:
    """Return the probes of the lab: the caller's routes, and its requests by address, by name, to the outside."""
    caller = str(values["caller"])
    patience = 3.0 if network.container(str(values["server"])) else 0.0

    def page(where: Value) -> Probe:
        # The first line of ping has the address that the caller's resolver found, also in its hosts file.
        whose = f"ping -c 1 -W 1 {where} | sed -n '1s/.*(\\(.*\\)).*/it comes from \\1/p'"
        return Probe(caller, f"wget -q -T 3 -O - http://{where}/ | grep -q . && {whose}", patience)

    return {
        "tools": Probe(caller, "busybox true"),
        "routes": Probe(caller, "ip route"),
        "by address": page(values["address"]),
        "listener": Probe("host", listener_of(values["server"], "80")),
        "by name": page(values["server"]),
        "by alias": page(values["alias"]),
        "outside": Probe(caller, f"wget -q -T 3 -O - http://{CLIENT}/"),
    }


def subnet(seen: Seen) -> Finding:
    """Judge the network's subnet by what the host's interface on the bridge has."""
    values = seen.values
    network = seen.network.network(str(values["net"]))
    if network is None:
        return Finding(f"there is no network {values['net']}", "no-network")
    if network.driver != "bridge":
        return Finding(f"{values['net']} is a network of the driver {network.driver}", "other-driver")
    if values["subnet"] not in network.subnets:
        return Finding(f"{values['net']} has the subnet {', '.join(network.subnets) or 'none'}", "other-subnet")
    return Finding(f"{values['net']} is the bridge {bridge_addresses(seen)[0]}")


def bridge_addresses(seen: Seen) -> list[str]:
    """Return the IPv4 addresses of the host on the learner's bridge, with prefix length."""
    network = seen.network.network(str(seen.values["net"]))
    interface = seen.network.interface(network.bridge or "") if network else None
    return [a for a in interface.addresses if ":" not in a] if interface else []


def gateway(seen: Seen) -> Finding:
    """Judge the gateway: it is an address of the host, and in the caller's routes."""
    wanted, there = seen.values["gateway"], [a.partition("/")[0] for a in bridge_addresses(seen)]
    if wanted not in there:
        found = f"the host's address on the bridge is {', '.join(there) or 'none'}"
        return Finding(found, "first-address" if any(a.endswith(".1") for a in there) else "other-gateway")
    routes = seen.results["routes"].output
    if f"default via {wanted} " in routes + " ":
        return Finding(f"the caller's default route leads via {wanted}")
    if "default" not in routes:
        return Finding("the caller has no default route", "internal")
    return Finding("the caller's default route leads elsewhere", "other-route")


def missing(seen: Seen, name: str, hint: str) -> Finding | None:
    """Return the finding for a container that does not run or is not on the network, None if it is right."""
    container = seen.network.container(name)
    if container is None:
        return Finding(f"there is no container {name}", hint)
    if container.state != "running":
        return Finding(f"the container {name} is {container.state}", f"{hint}-ended")
    there = places(seen.network, name)
    if seen.values["net"] not in there:
        return Finding(f"{name} is on: {', '.join(there) or container.mode}", f"{hint}-outside")
    return None


def caller(seen: Seen) -> Finding:
    """Judge whether the caller runs on the network: the other probes run in it."""
    name = str(seen.values["caller"])
    if finding := missing(seen, name, "no-caller"):
        return finding
    if not seen.results["tools"].ok:
        return Finding(f"{name} has no program busybox", "not-busybox")
    return Finding(f"{name} runs, and is plugged in")


def address(seen: Seen) -> Finding:
    """Judge the server's address, by a request to it."""
    values = seen.values
    if finding := missing(seen, str(values["server"]), "no-server"):
        return finding
    own = addresses(seen.network, values["server"])
    if values["address"] not in own:
        return Finding(f"{values['server']} has the address {', '.join(own) or 'none'}", "given-address")
    if not seen.results["by address"].ok:
        return Finding("no page comes from it", "server-silent")
    if not seen.results["listener"].ok:
        return Finding(f"a page comes from the address, but no process of {values['server']} listens", "server-silent")
    return Finding("the caller gets a page from it")


def name(seen: Seen) -> Finding:
    """Judge the server's own name."""
    said = seen.results["by name"]
    if said.ok:
        return elsewhere(seen, said) or Finding("the caller gets a page by the name")
    return Finding("no page comes by the name", "no-name")


def elsewhere(seen: Seen, said: Result) -> Finding | None:
    """Return the finding for a page that does not come from the server's address, None if it does."""
    server, at = namespace_of(seen.network, seen.values["server"]), said.output.rpartition(" ")[2]
    own = [without_prefix(a) for e in (server.endpoints if server else ()) for a in e.addresses]
    if at in own:
        return None
    return Finding(f"the name leads to {at}; {seen.values['server']} has {', '.join(own)}", "other-server")


def alias(seen: Seen) -> Finding:
    """Judge the server's second name."""
    if (said := seen.results["by alias"]).ok:
        return elsewhere(seen, said) or Finding("the caller gets a page by the second name")
    container = seen.network.container(str(seen.values["server"]))
    names = (
        {a for e in container.endpoints if e.network == seen.values["net"] for a in e.aliases} if container else set()
    )
    names -= {container.name, container.id[:12]} if container else set()
    return Finding(f"second names of {seen.values['server']}: {', '.join(sorted(names)) or 'none'}", "no-alias")


def outside(seen: Seen) -> Finding:
    """Judge the way out of the network."""
    said = seen.results["outside"]
    if said.ok:
        return Finding(f"the client answers: {said.output.strip()[:40]}")
    return Finding("the client does not answer", "no-way-out")


GONE_STEPS = (
    "The check looks for a container with exactly the name in your values, and it must still run.",
    "`docker ps -a` shows all names, and for each that has ended since when and with which exit code.",
    "The output under your `%%answer` cell shows what `docker run` complained about.",
)
CHECKS = (
    Check(
        name="subnet",
        points=1,
        wanted="There is a bridge network {net} with the subnet {subnet}.",
        judge=subnet,
        hints={
            "no-network": "`docker network ls` shows all networks. One of that name is not among them.",
            "other-driver": "The driver of that name creates a bridge. Docker uses it by default.",
            "other-subnet": "Without a subnet of your own Docker chooses a free one: `docker network inspect {net}`.",
        },
        steps=(
            "A network has to be made before a container can be plugged into it.",
            "`docker network create --help` lists its options.",
            "A subnet is written with its prefix length, as in your value.",
        ),
    ),
    Check(
        name="caller",
        points=1,
        wanted="{caller} runs, and is on {net}.",
        judge=caller,
        rests_on=("subnet",),
        hints={
            "no-caller": "`docker ps -a` shows no container {caller}.",
            "no-caller-ended": "{caller} does not run: `docker ps -a` shows its state. A container ends with its first "
            "program, and the shell of busybox ends without a terminal.",
            "not-busybox": "{caller} is asked to send requests with the programs of `busybox`. Which image is it from?",
            "no-caller-outside": "{caller} is not plugged into {net}. `docker network inspect {net}` lists who is.",
        },
        steps=(
            "`docker ps -a` also shows containers that have ended.",
            "`docker inspect {caller}` shows under Networks where a container is plugged in.",
            "In the chapters busybox was started with two letters that give it a terminal.",
        ),
    ),
    Check(
        name="gateway",
        points=2,
        wanted="The gateway of {net} is {gateway}: the host has that address, and {caller} sends through it.",
        judge=gateway,
        evidence=("routes",),
        rests_on=("subnet", "caller"),
        hints={
            "first-address": "The gateway is the first address of the subnet: Docker uses it by default.",
            "other-gateway": "`ip addr` on the host shows the bridge with another address than yours.",
            "internal": "The host has the address, but {caller} has no default route. Which networks have none?",
            "other-route": "The container has more than one network, and its way out leads through another one.",
        },
        steps=(
            "The gateway is not a machine of its own. Look for its address in `ip addr` on the host.",
            "What a container sends elsewhere goes where its `ip route` says: `docker exec {caller} ip route`.",
            "It is chosen when the network is made, by an option next to that of the subnet.",
        ),
    ),
    Check(
        name="address",
        points=1,
        wanted="{server} has the address {address} on {net}, and {caller} gets a page from there.",
        judge=address,
        evidence=("by address",),
        rests_on=("subnet", "caller"),
        hints={
            "no-server": "`docker ps -a` shows no container {server}. Did the command print why?",
            "no-server-ended": "{server} does not run: `docker ps -a` shows its state, `docker logs {server}` its last "
            "output.",
            "no-server-outside": "{server} is not on {net}. On the default bridge you cannot choose an address.",
            "given-address": "The engine gave the next free address. To keep an address you have to choose it.",
            "server-silent": "The address is there, but nothing in {server} answers on port 80. What runs in it?",
        },
        steps=(
            "`docker inspect {server}` shows the address, `docker exec {server} ip addr` what the kernel has.",
            "The address belongs to the container's place on one network, so it is given together with the network.",
            "`docker run --help`: one option is for the network, another for the address on it.",
        ),
        steps_for={
            "no-server": GONE_STEPS,
            "no-server-ended": GONE_STEPS,
            "server-silent": (
                "The address is right. What is left is what runs in {server}, and where it listens.",
                "`docker top {server}` lists its processes, and `docker logs {server}` shows what they printed.",
                "nginx listens on port 80 of all addresses if nobody changes its configuration.",
            ),
        },
    ),
    Check(
        name="name",
        points=1,
        wanted="{caller} gets a page from http://{server}/, by its name.",
        judge=name,
        evidence=("by name",),
        rests_on=("address",),
        hints={
            "no-name": "The address works, the name does not. Which server does {caller} ask? See /etc/resolv.conf.",
            "other-server": "A page comes, but from another address than the server's. Who else has this name?",
        },
        steps=(
            "Only networks that you make have a name service for containers.",
            "It answers at 127.0.0.11, in each container: `docker exec {caller} nslookup {server}`.",
            "It knows the containers on the same network as the one that asks.",
        ),
    ),
    Check(
        name="alias",
        points=2,
        wanted="{caller} gets a page from http://{alias}/, by its second name.",
        judge=alias,
        evidence=("by alias",),
        rests_on=("address",),
        hints={
            "no-alias": "No page comes from {alias}. `docker inspect {server}` lists the server's names.",
            "other-server": "A page comes, but from another address than the server's. Who else has this name?",
        },
        steps=(
            "A container can have more names on a network than its own.",
            "Like the address, a second name belongs to the place on the network, not to the container.",
            "`docker network connect --help` and `docker run --help` have an option for it: look for alias.",
        ),
    ),
    Check(
        name="outside",
        points=1,
        wanted="{caller} gets a page from the client, outside of the host.",
        judge=outside,
        evidence=("outside",),
        rests_on=("gateway",),
        hints={
            "no-way-out": "The packet reaches the gateway. Is it forwarded, and is there a MASQUERADE rule for it?",
        },
        steps=(
            "Follow it: does it arrive at the host (`tcpdump -ni any`), and does it leave by eth0?",
            "Docker writes one rule for each such network: `iptables -t nat -L POSTROUTING -nv`.",
            "The client has no route to {subnet}. Whose address must it see?",
        ),
    ),
)
