"""Judge the capstone: three networks and four services, built from a page of requirements."""

from __future__ import annotations

from course_lib.exercises.checks import Check, Finding, Probe, Seed, Seen, Value, Values, network_of
from course_lib.exercises.reachability import (
    CLIENT,
    HOST,
    TRIES,
    addresses,
    as_neighbour,
    came_from,
    doors,
    led_to,
    listening,
    not_paused,
    places,
    published,
    try_all,
    while_paused,
)
from course_lib.network.model import Snapshot

NETWORKS = ("edge", "lane", "vault")
TABLE = {"gate": ("edge",), "shop": ("edge", "vault"), "store": ("vault",), "clerk": ("lane", "vault")}
SERVICES = tuple(TABLE)
# What the client answers besides TCP port 80: its DNS server a question, its kernel "refused" at a closed port.
OTHER_ANSWERS = rf"""
dig +short +time=1 +tries=1 client.example @{CLIENT} | grep -q '^[0-9]' && echo a name from {CLIENT} &
( timeout 1 bash -c '</dev/tcp/{CLIENT}/81' 2>&1 | grep -q refused && echo a refusal from {CLIENT} ) &"""


def parameters(seed: Seed) -> dict[str, Value]:
    """Return the learner's values."""
    # The network whose name sorts first may get the default route, so the one without a way out sorts last.
    nets = seed.choice("nets", ("court lodge tower", "dock market quay", "garden meadow quarry", "arch path well"))
    names = seed.choice("names", ("alder birch cedar maple", "iris lily poppy tulip", "lark heron swift wren"))
    part = f"10.{seed.number('second', 20, 219)}.{seed.number('third', 10, 249)}"
    edge, lane, vault = nets.split()
    gate, shop, store, clerk = names.split()
    word = seed.choice("word", ("lanterns", "anchors", "kettles", "ladders", "bellows"))
    return {
        "edge": edge,
        "edge_subnet": f"{part}.0/26",
        "edge_gateway": f"{part}.{seed.number('edge_gateway', 40, 62)}",
        "lane": lane,
        "lane_subnet": f"{part}.64/26",
        "vault": vault,
        "vault_subnet": f"{part}.128/26",
        "gate": gate,
        "port": seed.number("port", 8100, 8899),
        "shop": shop,
        "store": store,
        "address": f"{part}.{seed.number('address', 150, 185)}",
        "alias": seed.choice("alias", ("records", "shelves", "stock", "goods")),
        "store_port": seed.number("store_port", 3000, 3999),
        "volume": seed.choice("volume", ("cargo", "freight", "wares", "bales")),
        "text": f"{seed.number('text', 1000, 9999)} {word} in stock",
        "clerk": clerk,
    }


def probes(values: Values, network: Snapshot) -> dict[str, Probe]:
    """Return the probes of the lab: each step from outside, the routes out, and who reaches whom."""
    v, page, by_alias = values, f"http://{HOST}:{values['port']}/", f"http://{values['alias']}:{values['store_port']}/"
    there = [network.container(str(v[name])) for name in SERVICES]
    patience = 3.0 if all(c and c.state == "running" for c in there) else 0.0
    of = {name: addresses(network, v[name]) for name in SERVICES}
    own, client = f"http://{v['address']}:{v['store_port']}/", f"http://{CLIENT}/"
    written = f"d=$(docker volume inspect -f '{{{{.Mountpoint}}}}' {v['volume']}) && echo written just now >$d/now.txt"
    asked = f"ip netns exec client curl -fs -m 1 {page}"
    # What only one service may reach. A container that gets the text while the gate is paused gets it past the gate.
    stores = [f"http://{a}:{v['store_port']}/" for a in of["store"]]
    gates = [f"http://{a}/" for a in of["gate"]]
    inner = [*stores, *(f"http://{a}/" for a in of["shop"])]
    behind = [*of["store"], *of["shop"], *of["clerk"]]
    every_port = listening(network, but=v["port"])
    outside = as_neighbour(behind, try_all(v["text"], [*inner, doors(network, v["store_port"]), every_port], behind))
    by_dns = f"dig +short +time=1 +tries=1 {v['alias']} @127.0.0.11"
    return {
        # First: if it succeeds, all have started; if not, all have had time to start.
        "door": Probe("client", f"curl -fs -m 4 {page}", patience),
        "store itself": Probe(network_of(v["store"]), f"curl -fs -m 4 {own}"),
        "volume": Probe("host", f"{written} && curl -fs -m 4 {own}now.txt; code=$?; rm -f $d/now.txt; exit $code"),
        "shop": Probe(network_of(v["shop"]), f"curl -fs -m 4 {by_alias}"),
        "alias": Probe(network_of(v["shop"]), by_dns),
        "gate": Probe(network_of(v["gate"]), f"curl -fs -m 4 http://{v['shop']}/"),
        "shop paused": Probe("host", while_paused(v["shop"], asked), timeout=TRIES),
        "store paused": Probe("host", while_paused(v["store"], asked), timeout=TRIES),
        "clerk store": Probe(network_of(v["clerk"]), f"curl -fs -m 4 {by_alias}"),
        "clerk outside": Probe(network_of(v["clerk"]), f"curl -fs -m 4 {client}"),
        "store outside": Probe(
            network_of(v["store"]),
            f"{OTHER_ANSWERS} {try_all('This is the client', [client], [CLIENT])}",
            timeout=TRIES,
        ),
        "client": Probe("client", while_paused(v["gate"], outside), timeout=TRIES),
        "client inside": Probe("client", led_to([v["clerk"], v["shop"], v["store"]], [every_port]), timeout=TRIES),
        "gate beyond": Probe(
            network_of(v["gate"]), try_all(v["text"], stores, [*of["store"], *of["clerk"]]), timeout=TRIES
        ),
        "clerk beyond": Probe(network_of(v["clerk"]), try_all(v["text"], gates, of["gate"]), timeout=TRIES),
    }


def networks(seen: Seen) -> Finding:
    """Judge the three networks by what the host's interfaces on their bridges have."""
    v = seen.values
    for which in NETWORKS:
        network, wanted = seen.network.network(str(v[which])), v[f"{which}_subnet"]
        if network is None:
            return Finding(f"there is no network {v[which]}", "no-network")
        if network.driver != "bridge":
            return Finding(f"{network.name} is a network of the driver {network.driver}", "other-driver")
        if wanted not in network.subnets:
            return Finding(f"{network.name} has the subnet {', '.join(network.subnets) or 'none'}", "other-subnet")
    edge = seen.network.network(str(v["edge"]))
    interface = seen.network.interface(edge.bridge or "") if edge else None
    own = [a.partition("/")[0] for a in (interface.addresses if interface else ()) if ":" not in a]
    if v["edge_gateway"] not in own:
        return Finding(f"the host's address on {v['edge']} is {', '.join(own) or 'none'}", "other-gateway")
    return Finding("all three are there")


def absent(seen: Seen, which: str) -> Finding | None:
    """Return the finding for a service that is not running, None if it runs."""
    container = seen.network.container(str(seen.values[which]))
    if container is None:
        return Finding(f"there is no container {seen.values[which]}", f"no-{which}")
    if container.state != "running":
        return Finding(f"the container {container.name} is {container.state}", f"{which}-ended")
    return None


def has_text(seen: Seen, probe: str) -> bool:
    """Whether the probe returned the text."""
    return seen.results[probe].ok and seen.results[probe].output.strip() == seen.values["text"]


def store(seen: Seen) -> Finding:
    """Judge the store: its address, and what it serves there."""
    v, said = seen.values, seen.results["store itself"]
    if finding := absent(seen, "store"):
        return finding
    there, own = places(seen.network, v["store"]), addresses(seen.network, v["store"])
    if v["vault"] not in there:
        return Finding(f"{v['store']} is on: {', '.join(there) or 'no network'}", "store-elsewhere")
    if v["address"] not in own:
        return Finding(f"{v['store']} has the address {', '.join(own) or 'none'}", "given-address")
    if has_text(seen, "store itself"):
        return Finding("it gives the text")
    if said.ok or said.code == 22:
        return Finding(f"it answers, but not with the text: {said.output.strip()[:40] or said.words}", "other-text")
    return Finding(f"nothing answers at its port: {said.words}", "store-silent")


def volume(seen: Seen) -> Finding:
    """Judge whether the store serves the volume."""
    v, said = seen.values, seen.results["volume"]
    if said.ok and said.output.strip() == "written just now":
        return Finding(f"a file that is written to {v['volume']} comes from {v['store']}")
    if "no such volume" in said.output.lower():
        return Finding(f"there is no volume {v['volume']}", "no-volume")
    return Finding(f"a file that is written to {v['volume']} does not come from {v['store']}", "other-volume")


def shop(seen: Seen) -> Finding:
    """Judge the path from the shop to the store, by the store's second name."""
    if finding := absent(seen, "shop"):
        return finding
    said = seen.results["shop"]
    if has_text(seen, "shop"):
        known = seen.results["alias"].output.split()
        if seen.values["address"] in known:
            return Finding("the text comes by the second name")
        return Finding(f"the name server of {seen.values['shop']} knows {', '.join(known) or 'no address'}", "in-file")
    if said.code == 6:
        return Finding(f"in {seen.values['shop']} the name {seen.values['alias']} does not resolve", "no-alias")
    return Finding(f"the name is known, the text does not come: {said.words}", "shop-cannot")


def gate(seen: Seen) -> Finding:
    """Judge the path from the gate to the shop, by the shop's name."""
    if finding := absent(seen, "gate"):
        return finding
    said = seen.results["gate"]
    if has_text(seen, "gate"):
        return Finding(f"the text comes from {seen.values['shop']}")
    if said.code == 6:
        return Finding(f"in {seen.values['gate']} the name {seen.values['shop']} does not resolve", "no-shop-name")
    if said.ok:
        return Finding(f"{seen.values['shop']} gives another page: “{said.opening}”", "shop-page")
    return Finding(f"the name is known, the text does not come: {said.words}", "gate-cannot")


def door(seen: Seen) -> Finding:
    """Judge what the client gets at the host's port."""
    v, said = seen.values, seen.results["door"]
    if has_text(seen, "door"):
        return Finding("the client gets the text")
    if said.ok:
        return Finding(f"the client gets another page: “{said.opening}”", "gate-page")
    there = published(seen.network, v["gate"])
    words = ", ".join(f"{p.host_ip}:{p.host_port} to {p.container_port}" for p in there) or "none"
    found = f"{said.words}; published ports of {v['gate']}: {words}"
    if said.code == 22:
        return Finding(found, "gate-error")
    if not there:
        return Finding(found, "unpublished")
    if all(p.host_port != v["port"] for p in there):
        return Finding(found, "other-port")
    return Finding(found, "door-loopback" if all(p.host_ip == "127.0.0.1" for p in there) else "gate-silent")


def chain(seen: Seen) -> Finding:
    """Judge whether the text passes store and shop: while one of them is paused, the client must not get it."""
    v = seen.values
    for which in ("store", "shop"):
        output = seen.results[f"{which} paused"].output
        if words := not_paused(output, v[which]):
            return Finding(words)
        first, _, rest = output.partition("\n")
        if first != v[which]:
            return Finding(f"{v[which]} could not be paused: {first[:80]}", "not-paused")
        if str(v["text"]) in rest:
            found = f"{v[which]} is paused, and the client gets the text all the same"
            return Finding(found, "made-up" if which == "store" else "shortcut")
    return Finding(f"with {v['store']} or {v['shop']} paused the client gets nothing")


def clerk(seen: Seen) -> Finding:
    """Judge what the clerk gets: from the store, and from outside."""
    if finding := absent(seen, "clerk"):
        return finding
    inside, outside = seen.results["clerk store"], seen.results["clerk outside"]
    if not has_text(seen, "clerk store"):
        return Finding(f"no text from {seen.values['alias']}: {inside.words}", "clerk-no-store")
    if "This is the client" not in outside.output:
        return Finding(f"no page from the client: {outside.words}", "clerk-no-way-out")
    return Finding("it gets both")


def way_out(seen: Seen) -> Finding:
    """Judge whether the store gets an answer from outside."""
    there = came_from(seen.results["store outside"].output)
    if there:
        return Finding(f"{seen.values['store']} gets an answer from {', '.join(there)}", "way-out")
    return Finding(f"{seen.values['store']} gets no answer from outside")


def apart(seen: Seen) -> Finding:
    """Judge whether a service reaches another that it should not reach."""
    v = seen.values
    for probe, paused in (("client", ("gate",)), ("client inside", ("clerk", "shop", "store"))):
        output = seen.results[probe].output
        if words := next(filter(None, (not_paused(output, v[which]) for which in paused)), ""):
            return Finding(words)
        if there := came_from(output, v[paused[0]]):
            return Finding(f"past {v['gate']} the client gets an answer from {', '.join(there)}", "outside-reaches")
    there = came_from(seen.results["gate beyond"].output)
    if set(there) - set(addresses(seen.network, v["clerk"])):
        return Finding(f"{v['gate']} gets an answer from {', '.join(there)}", "gate-reaches")
    if there:
        return Finding(f"{v['gate']} gets an answer from {v['clerk']}, {', '.join(there)}", "clerk-reaches")
    if there := came_from(seen.results["clerk beyond"].output):
        return Finding(f"{v['clerk']} gets an answer from {', '.join(there)}", "clerk-reaches")
    for which, names in TABLE.items():
        if (there := places(seen.network, v[which])) != tuple(sorted(str(v[name]) for name in names)):
            return Finding(f"{v[which]} is on: {', '.join(there) or 'no network'}", "other-networks")
    return Finding("nobody reaches more than is wanted, and each is on the networks of the table")


CHECKS = (
    Check(
        name="networks",
        points=2,
        wanted="There are the bridges {edge} ({edge_subnet}, gateway {edge_gateway}), {lane} ({lane_subnet}) and "
        "{vault} ({vault_subnet}).",
        judge=networks,
        hints={
            "no-network": "`docker network ls` shows all networks. One of that name is not among them.",
            "other-driver": "The driver of that name creates a bridge. Docker uses it unless you choose another.",
            "other-subnet": "Without a subnet of your own Docker chooses a free one. Is its prefix length right?",
            "other-gateway": "The gateway of {edge} is not yours. `docker network create --help` has an option for it.",
        },
        steps=(
            "Networks come first: a container can only be plugged into one that exists.",
            "`docker network inspect` shows subnet and gateway; `ip -4 -br addr` shows what the host has of it.",
            "A /26 has 64 addresses: yours are adjacent and do not overlap, if each has its prefix length.",
        ),
    ),
    Check(
        name="store",
        points=2,
        wanted="{store} has the address {address} on {vault}, and gives `{text}` at port {store_port}.",
        judge=store,
        evidence=("store itself",),
        rests_on=("networks",),
        hints={
            "no-store": "`docker ps -a` shows no container {store}.",
            "store-ended": "{store} does not run. `docker ps -a` shows its state; if it has ended, `docker logs` may "
            "show why.",
            "store-elsewhere": "{store} is not on {vault}.",
            "given-address": "The engine gave the next free address. To keep an address you have to choose it.",
            "store-silent": "{store} runs, but no server at this port. `docker top {store}` shows what runs in it.",
            "other-text": "The server runs, and the text does not come. Which folder does it serve, what lies in it?",
        },
        steps=(
            "Begin at the far end: {store} needs nobody, the others need it.",
            "`docker exec {store} ls` shows the folder, `docker inspect {store}` address, mounts and program.",
            "An address is given together with the network on which it is.",
        ),
    ),
    Check(
        name="volume",
        points=2,
        wanted="What {store} gives out lies in the volume {volume}.",
        judge=volume,
        evidence=("volume",),
        rests_on=("store",),
        hints={
            "no-volume": "`docker volume ls` shows no volume {volume}. A path before the colon of -v is no volume.",
            "other-volume": "The volume is there, but {store} serves something else. `docker inspect {store}` lists "
            "under Mounts what it has, and where.",
        },
        steps=(
            "A volume has a name. Docker keeps it even when no container uses it any longer.",
            "`docker inspect -f '{{{{json .Mounts}}}}' {store}` says of each mount whether it is a volume or a bind.",
            "The folder that the server serves has to be the one where the volume is, the text in its top folder.",
        ),
    ),
    Check(
        name="shop",
        points=2,
        wanted="{shop} runs, and gets the text from http://{alias}:{store_port}/.",
        judge=shop,
        evidence=("shop",),
        rests_on=("store",),
        hints={
            "no-shop": "`docker ps -a` shows no container {shop}.",
            "shop-ended": "{shop} does not run. `docker ps -a` shows its state; if it has ended, `docker logs {shop}` "
            "shows whether a name did not resolve.",
            "no-alias": "{shop} cannot resolve {alias}. Are {shop} and {store} on one network, and does {store} have "
            "a second name there?",
            "in-file": "{shop} has the name {alias} from a file of its own, or from elsewhere. It is {store} that has "
            "to have this name, for every container on {vault}.",
            "shop-cannot": "The name is known, but nothing comes from there. Which address is it?",
        },
        steps=(
            "{shop} has to be on two networks. `docker inspect {shop}` shows on which it is.",
            "nginx looks for its upstream when it starts. What must be there before it starts?",
            "`docker create`, then `docker network connect` for the second network, then `docker start`.",
        ),
    ),
    Check(
        name="gate",
        points=2,
        wanted="{gate} runs, and gets the text from http://{shop}/.",
        judge=gate,
        evidence=("gate",),
        rests_on=("shop",),
        hints={
            "no-gate": "`docker ps -a` shows no container {gate}.",
            "gate-ended": "{gate} does not run. `docker ps -a` shows its state; if it has ended, `docker logs {gate}` "
            "shows whether a name did not resolve.",
            "no-shop-name": "{gate} cannot resolve {shop}. Which network do the two have in common?",
            "shop-page": "{shop} answers with a page of its own. How is its nginx configured?",
            "gate-cannot": "The name is known, but the text does not come from there. `docker logs {shop}` "
            "shows whether {shop} was asked at all, and what it answered.",
        },
        steps=(
            "Ask from where {gate} is: `docker run --rm --net {edge} busybox wget -O - http://{shop}/`.",
            "If {shop} answers with an error, its log says which upstream it tried.",
            "Which networks has {shop}, and which has {gate}? A name is known on the network where its owner is.",
        ),
    ),
    Check(
        name="door",
        points=2,
        wanted="The client gets the text from port {port} of the host.",
        judge=door,
        evidence=("door",),
        rests_on=("gate",),
        hints={
            "gate-page": "The way is open, but {gate} gives a page of its own. How is its nginx configured?",
            "gate-error": "{gate} answers with an error: `docker logs {gate}` says which upstream it tried.",
            "unpublished": "No port of the host leads to {gate}.",
            "other-port": "{gate} is published on another port of the host. Yours is {port}.",
            "door-loopback": "The port is open on 127.0.0.1 only: that is the host talking to itself, not the client.",
            "gate-silent": "The port is published, and nothing comes. To which port of {gate} does it lead?",
        },
        steps=(
            "`docker ps` shows the ports. The arrow leads from the host's side to the container's side.",
            "`docker exec {gate} cat /etc/nginx/conf.d/default.conf` shows the configuration of nginx.",
            "Chapter 02 has all forms of -p.",
        ),
    ),
    Check(
        name="chain",
        points=1,
        wanted="The text comes from {store}, and through {shop}: while one of them is paused, the client gets nothing.",
        judge=chain,
        evidence=("store paused", "shop paused"),
        rests_on=("door",),
        hints={
            "not-paused": "To see who answers, a container is paused for a second. Docker did not do that.",
            "made-up": "Somebody on the way has the text from somewhere else than {store}.",
            "shortcut": "{gate} goes past {shop}, straight to {store}. How is its nginx configured?",
        },
        steps=(
            "Try it: `docker pause {shop}`, ask as the client does, `docker unpause {shop}`.",
            "`docker logs` of {gate} and {shop} show one line for each request that came through.",
            "Each of the two only forwards to the next one, and serves nothing of its own.",
        ),
    ),
    Check(
        name="clerk",
        points=2,
        wanted="{clerk} runs, and gets the text from http://{alias}:{store_port}/ and a page from the client.",
        judge=clerk,
        evidence=("clerk store", "clerk outside"),
        rests_on=("shop",),
        hints={
            "no-clerk": "`docker ps -a` shows no container {clerk}.",
            "clerk-ended": "{clerk} does not run: `docker ps -a` shows its state. A container ends with its first "
            "program, and the shell of busybox ends without a terminal.",
            "clerk-no-store": "{clerk} does not reach {store}. Do the two have a network in common?",
            "clerk-no-way-out": "{clerk} gets nothing from outside. Where does its default route lead: "
            "`docker exec {clerk} ip route`?",
        },
        steps=(
            "{clerk} needs two networks: one has {store}, the other one has a way out.",
            "`docker exec {clerk} ip route` shows both, and which of them is the default.",
            "`docker network connect` plugs a running container into a second network.",
        ),
    ),
    Check(
        name="way-out",
        points=2,
        wanted="{store} has no way out: it gets no answer from the client, by TCP, UDP or ICMP.",
        judge=way_out,
        evidence=("store outside",),
        rests_on=("clerk",),
        hints={
            "way-out": "What {store} sends leaves the host, and the answer comes back. Which network lets it out?",
        },
        steps=(
            "`docker exec {store} ip route` says where a packet to the client goes.",
            "`docker network inspect` has a line on whether a network is open to the outside.",
            "It is decided when a network is created. Chapter 03 has such a network near its end.",
        ),
    ),
    Check(
        name="apart",
        points=3,
        wanted="The client reaches {gate} alone, {gate} neither {store} nor {clerk}, and {clerk} not {gate}; each is "
        "on its networks alone.",
        judge=apart,
        evidence=("client", "client inside", "gate beyond", "clerk beyond"),
        rests_on=("chain", "clerk"),
        hints={
            "outside-reaches": "From outside there is a second way in. `docker ps` shows what is published, "
            "`iptables -S FORWARD` and the chains that it calls what is forwarded.",
            "gate-reaches": "{gate} can talk to somebody it has no business with. Which networks has {gate}?",
            "other-networks": "Nobody reaches more than is wanted, but a container is not on the networks of the "
            "table, or on one more. `docker inspect`, under Networks, shows them.",
            "clerk-reaches": "{gate} and {clerk} can talk to each other, past the door. Which network have both?",
        },
        steps=(
            "Write down for each container its networks, and compare with the table.",
            "`look()` draws who shares a bridge with whom.",
            "Who shares a network can talk, on all ports. Who does not, cannot, unless a port is published.",
        ),
    ),
)
