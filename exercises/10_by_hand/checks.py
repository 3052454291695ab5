"""Judge a network built by hand: bridge, namespaces, page, way out, published port, names, and what keeps it apart."""

from __future__ import annotations

import re

from course_lib.exercises.checks import Check, Finding, Probe, Seed, Seen, Value, Values, network_of
from course_lib.exercises.reachability import (
    ANSWERS,
    ASKED,
    CLIENT,
    HOST,
    TRIES,
    addresses,
    as_neighbour,
    came_from,
    kept,
)
from course_lib.network.model import PREDEFINED_NETWORKS, Interface, Snapshot

BOXES = ("server", "reader")
# bash: an unpublished TCP port, chosen at random so that no rule can name it; the probes of `apart` listen on it.
HIDDEN = "port=$((20000 + RANDOM % 10000))"
ELSEWHERE = "198.51.100.1"  # an address to which only a default route leads (RFC 5737)
# The first packet of a TCP connection (tcpdump(1), pcap-filter(7)).
FIRST = "'tcp[tcpflags] & (tcp-syn | tcp-ack) == tcp-syn'"


def parameters(seed: Seed) -> dict[str, Value]:
    """Return the learner's values. An interface's name has at most 15 characters."""
    part = f"10.{seed.number('second', 20, 219)}.{seed.number('third', 10, 249)}"
    goods = seed.choice("goods", ("loaves", "jugs", "scarves", "barrels", "gloves"))
    return {
        "bridge": seed.choice("bridge", ("causeway", "viaduct", "gangway", "trestle", "footway")),
        "subnet": f"{part}.0/24",
        "gateway": f"{part}.{seed.number('gateway', 200, 254)}",
        "server": seed.choice("server", ("baker", "potter", "weaver", "cooper")),
        "address": f"{part}.{seed.number('address', 20, 99)}",
        "text": f"{seed.number('text', 1000, 9999)} {goods} for sale",
        "reader": seed.choice("reader", ("miller", "tanner", "glover", "mason")),
        "port": seed.number("port", 8100, 8899),
        "lodger": seed.choice("lodger", ("sparrow", "jackdaw", "magpie", "starling")),
    }


def start(values: Values) -> str:
    """Return bash that starts a container on docker0, and lets bridges carry frames without asking iptables.

    Where br_netfilter is loaded, `bridge-nf-call-iptables` is 1 at first, else there is no such file (kernel,
    net/bridge/br_netfilter_hooks.c). That depends on the machine, and no mark may.
    """
    page = "mkdir /www; echo a lodger >/www/index.html; exec httpd -f -p 80 -h /www"
    return f"""set -e
docker run -d --name {values["lodger"]} busybox sh -c '{page}' >/dev/null
asked=/proc/sys/net/bridge/bridge-nf-call-iptables
if [ -e $asked ]; then echo 0 >$asked; fi
"""


def inhabited(*names: Value) -> str:
    """Return bash that ends here, without waiting for anything, if `ip netns` does not know one of these names."""
    return f"for name in {' '.join(map(str, names))}; do ip netns exec $name true || exit; done;"


def heard(where: Value, command: str) -> str:
    """Return bash that runs a command; if that fails, say what arrives in a namespace of `ip netns` meanwhile.

    It prints what the command got, else `from ADDRESS`, the sender of the first packet of a connection, or nothing.
    """
    dump = f"ip netns exec {where} timeout 3 tcpdump --immediate-mode -l -t -nn -i any -c 1 {FIRST}"
    sender = r"sed -nE 's/.* IP ([0-9.]+)\.[0-9]+ > .*/from \1/p'"
    return (
        f'said=$({command}) && {{ echo "$said"; exit; }}; heard=$(mktemp -d); {dump} >$heard/out 2>$heard/err &'
        " for try in {1..20}; do grep -q listening $heard/err && break; sleep 0.05; done;"
        f" {command} >/dev/null; sleep 0.2; kill $! 2>/dev/null; wait; {sender} $heard/out; rm -r $heard; false"
    )


def asked_client(command: str) -> str:
    """Return bash that runs a command; if that succeeds, it prints `asked` if the host asked the client meanwhile.

    The client's own log tells, so a server elsewhere that says the same does not pass for the client.
    """
    new = f"tail -n +$((before + 1)) $log | grep -q '^{HOST} asked '"
    return (
        f"log=/var/log/client/access.log; before=$(wc -l <$log); ( {command} ) || exit;"
        f" for try in {{1..20}}; do {new} && echo asked && break; sleep 0.05; done; true"
    )


def attempts(urls: list[str], pings: list[str]) -> str:
    """Return bash that prints which URLs and addresses answer, whatever they say, as `came_from` reads it."""
    tries = [f"answers {url} && echo it comes from {url} &" for url in urls]
    tries += [f"ping -c 1 -W 1 {to} >/dev/null && echo an answer from {to} &" for to in pings]
    return f"{ANSWERS}; ( {' '.join(tries)} wait; echo {ASKED} )"


def probes(values: Values, network: Snapshot) -> dict[str, Probe]:
    """Return the probes of the lab: what is there, what must be answered, and what must not."""
    v, page = values, f"http://{HOST}:{values['port']}/"
    patience = 1.5 if network.interface(str(v["bridge"])) else 0.0
    inside = {box: f"ip netns exec {v[box]}" for box in BOXES}
    names = " ".join(f"/run/netns/{v[box]}" for box in BOXES)
    asked = f"{inside['reader']} curl -fs -m 3 http://{v['server']}/"
    found = {
        "namespaces": Probe(
            "host", f"stat -Lc '%n %i' {names} /run/netns/client /run/docker/netns/* /proc/self/ns/net 2>/dev/null"
        ),
    }
    for box in BOXES:
        found |= {
            f"{box} links": Probe("host", f"ip -n {v[box]} -o -4 addr; ip -n {v[box]} -o link show type veth"),
            f"{box} gateway": Probe("host", f"{inside[box]} ping -c 1 -W 1 {v['gateway']} | grep -o '1 received'"),
            f"{box} route": Probe(
                "host", f"for to in {CLIENT} {ELSEWHERE}; do ip -n {v[box]} route get $to || exit; done"
            ),
        }
    found |= {
        "page": Probe("host", f"curl -fs -m 3 http://{v['address']}/", patience),
        "listens": Probe("host", f"{inside['server']} ss -Hltn | awk '{{print $4}}' | sort -u"),
    }
    for box in BOXES:
        found[f"{box} out"] = Probe(
            "host", asked_client(heard("client", f"{inside[box]} curl -fs -m 2 http://{CLIENT}/")), timeout=7
        )
    return found | {
        "door": Probe("client", f"curl -fs -m 3 {page}"),
        "arrives": Probe("host", heard(v["server"], f"ip netns exec client curl -fs -m 1 {page}")),
        "connection": Probe("host", connection(v)),
        "server name": Probe("host", asked),
        "reader name": Probe(
            "host", f"{inside['server']} getent ahostsv4 {v['reader']} | awk '{{print $1}}' | uniq", timeout=2
        ),
        **{
            f"{box} outside name": Probe("host", f"{inside[box]} getent ahostsv4 client.example | head -1", timeout=2)
            for box in BOXES
        },
        **apart_probes(v, network),
    }


def connection(values: Values) -> str:
    """Return bash that prints from which address a connection of the client arrives in the server's namespace."""
    # Not only established ones: a server may say all it has to say at once, and close its side (ss(8), STATE-FILTER).
    now = f"ip netns exec {values['server']} ss -Htn state connected | awk '{{print $NF}}'"
    hold = f"ip netns exec client timeout 3 bash -c 'exec 3<>/dev/tcp/{HOST}/{values['port']} && sleep 3'"
    new = f'for try in {{1..20}}; do sleep 0.1; new=$({now} | grep -vxF "$before") && break; done'
    peers = "sed -E 's/:[0-9]+$//; s/.*:|\\]//g' | grep ."  # also of [::ffff:203.0.113.20]:PORT
    return f'{inhabited(values["server"])} before=$({now}); {hold} & {new}; kill $! 2>/dev/null; echo "$new" | {peers}'


def start_probes(values: Values, network: Snapshot) -> dict[str, Probe]:
    """Return the probe of the lodger's namespace, whose routes and rules must stay what they are."""
    return {"lodger inside": kept(values["lodger"])}


def apart_probes(values: Values, network: Snapshot) -> dict[str, Probe]:
    """Return the probes of who must not reach whom. Meanwhile each namespace has a server on one more port."""
    v, lodger = values, list(addresses(network, values["lodger"]))
    names, each = " ".join(str(v[box]) for box in BOXES), [str(v["address"]), "$reader"]
    listen = (
        f"{inhabited(*names.split())} {HIDDEN};"
        f" reader=$(ip -n {v['reader']} -o -4 addr show scope global | grep -oP -m 1 'inet \\K[0-9.]+');"
        f" for box in {names}; do ip netns exec $box timeout 9 socat TCP-LISTEN:$port,fork,reuseaddr"
        " SYSTEM:'read request; echo open' >/dev/null 2>&1 & for try in {1..20}; do"
        f' ip netns exec $box ss -Hltn | grep -q ":$port " && break; sleep 0.05; done; done;'
        " trap 'kill $(jobs -p)' EXIT"
    )
    hidden = [f"http://{address}:$port/" for address in each]
    into = attempts([f"http://{v['address']}:80/", *hidden], each)
    around = as_neighbour(each, attempts(hidden, each))
    back = attempts([f"http://{address}:80/" for address in lodger], lodger)
    return {
        **start_probes(values, network),
        "lodger out": Probe(network_of(v["lodger"]), f"curl -fs -m 3 http://{CLIENT}/"),
        "lodger in": Probe(network_of(v["lodger"]), f"{listen}; {into}", timeout=TRIES),
        "neighbour in": Probe("client", f"{listen}; {around}", timeout=TRIES),
        **{
            f"{box} to lodger": Probe("host", f"ip netns exec {v[box]} bash <<'END'\n{back}\nEND", timeout=TRIES)
            for box in BOXES
        },
    }


def bridge(seen: Seen) -> Finding:
    """Judge the bridge: what kind of interface it is, whose, and its address."""
    v, there = seen.values, seen.network.interface(str(seen.values["bridge"]))
    if there is None:
        return Finding(f"the host has no interface {v['bridge']}", "no-bridge")
    if there.kind != "bridge":
        return Finding(f"{there.name} is an interface of the kind {there.kind}", "other-kind")
    others = [n for n in seen.network.networks if n.name not in PREDEFINED_NETWORKS]
    if others:
        return Finding(f"Docker has the network {others[0].name}", "docker-network")
    own = [a for a in there.addresses if ":" not in a]
    if f"{v['gateway']}/24" not in own:
        return Finding(f"{there.name} has the address {', '.join(own) or 'none'}", "other-gateway")
    return Finding(f"{there.name} is a bridge with the address {v['gateway']}/24")


def own_namespace(seen: Seen, box: str) -> Finding | None:
    """Return the finding for a namespace that `ip netns` does not know or that is not its own, None if it is right."""
    name = seen.values[box]
    lines = [line.split() for line in seen.results["namespaces"].output.splitlines()]
    of = {line[0]: line[1] for line in lines if len(line) == 2}
    path = f"/run/netns/{name}"
    if path not in of:
        return Finding(f"`ip netns` knows no namespace {name}", "no-namespace")
    if same := next((other for other in of if of[other] == of[path] and other != path), ""):
        return Finding(f"{path} is the same namespace as {same}", "borrowed")
    return None


def addresses_in(seen: Seen, box: str) -> list[str]:
    """Return the IPv4 addresses of a namespace but the loopback's, without prefix length."""
    found = re.findall(r"inet ([0-9.]+)", seen.results[f"{box} links"].output)
    return [address for address in found if not address.startswith("127.")]


def host_end(seen: Seen, box: str) -> Interface | None:
    """Return the host's end of a namespace's veth pair: that of a port of the bridge, else of any, None if none."""
    # "2: eth0@if12:" is number 2, and its peer number 12 in another namespace (ip-link(8)).
    pairs = re.findall(r"^([0-9]+): [^@\s]+@if([0-9]+):", seen.results[f"{box} links"].output, re.MULTILINE)
    containers = {endpoint.veth for container in seen.network.containers for endpoint in container.endpoints}
    ends = [
        i
        for i in seen.network.interfaces
        if i.kind == "veth" and (str(i.peer_index), str(i.index)) in pairs and i.name not in containers
    ]
    ports = [i for i in ends if i.master == seen.values["bridge"]]
    return next(iter(ports + ends), None)


def boxes(seen: Seen) -> Finding:
    """Judge the two namespaces: whose they are, their addresses, cables, the gateway, and the default route."""
    v = seen.values
    for box in BOXES:
        name, own, end = v[box], addresses_in(seen, box), host_end(seen, box)
        if finding := own_namespace(seen, box):
            return finding
        if box == "server" and v["address"] not in own:
            return Finding(f"{name} has the address {', '.join(own) or 'none'}", "other-address")
        if not any(a.rpartition(".")[0] == str(v["gateway"]).rpartition(".")[0] for a in own):
            return Finding(f"{name} has the address {', '.join(own) or 'none'}", "other-address")
        if end is None:
            return Finding(f"no interface of the host is the other end of a veth pair of {name}", "no-cable")
        if end.master != v["bridge"]:
            return Finding(f"{end.name}, the host's end, is a port of {end.master or 'no bridge'}", "not-plugged")
        if not seen.results[f"{box} gateway"].ok:
            return silent_gateway(seen, box, end)
        if not seen.results[f"{box} route"].ok:
            known = CLIENT in seen.results[f"{box} route"].output
            return Finding(f"{name} has no route to {ELSEWHERE if known else CLIENT}", "no-route")
    return Finding("both are joined to the bridge, and have a default route")


def silent_gateway(seen: Seen, box: str, end: Interface) -> Finding:
    """Return why the gateway does not answer a ping from a namespace, as far as it is seen."""
    there = seen.network.interface(str(seen.values["bridge"]))
    down = [i.name for i in (there, end) if i and i.state == "DOWN"]
    found = f"{seen.values[box]} gets no answer from {seen.values['gateway']}"
    if down:
        return Finding(f"{found}; on the host DOWN: {', '.join(down)}", "down")
    if end.state != "UP":
        return Finding(f"{found}; the host's end of its cable is {end.state}", "down")
    return Finding(found, "gateway-silent")


def page(seen: Seen) -> Finding:
    """Judge the page at the server's address, and that no container was started for it."""
    v, said = seen.values, seen.results["page"]
    if others := [c.name for c in seen.network.containers if c.name != v["lodger"]]:
        return Finding(f"Docker has the container {', '.join(others)}", "docker-container")
    if said.ok and said.output.strip() == v["text"]:
        return Finding(f"the host gets the text from {v['address']}")
    if said.ok or said.code == 22:
        return Finding(f"{v['address']} answers with something else: {said.opening or said.words}", "other-text")
    there = " ".join(seen.results["listens"].output.split()) or "nothing"
    found = f"{said.words}; in {v['server']} listens: {there}"
    return Finding(found, "page-silent" if there == "nothing" else "page-elsewhere")


def arrived(output: str) -> str:
    """Return the sender of the packet that arrived, from the output of `heard`'s bash; "" if none did."""
    found = re.search(r"^from ([0-9.]+)$", output, re.MULTILINE)
    return found[1] if found else ""


def out(seen: Seen) -> Finding:
    """Judge whether both namespaces get a page from the client, and how far the request gets otherwise."""
    for box in BOXES:
        said, name = seen.results[f"{box} out"], seen.values[box]
        if said.ok and said.output.startswith(f"You are {HOST}."):
            if "asked" in said.output.splitlines():
                continue
            return Finding(f"{name} gets a page, but the host did not ask the client for it", "made-up")
        if said.ok:
            return Finding(f"{name} gets: {said.opening}", "other-sender")
        sender = arrived(said.output)
        if not sender:
            return Finding(f"{name} gets no page, and nothing of it arrives at the client", "way-out-kept")
        if sender == HOST:
            return Finding(f"the request of {name} arrives at the client from {HOST}; no page comes", "answer-kept")
        return Finding(f"the request of {name} arrives at the client from {sender}", "other-sender")
    return Finding("both get a page from the client, which sees the host's address")


def door(seen: Seen) -> Finding:
    """Judge what the client gets at the host's port, and how far the request gets otherwise."""
    v, said = seen.values, seen.results["door"]
    if said.ok and said.output.strip() == v["text"]:
        return Finding("the client gets the text")
    if said.ok or said.code == 22:
        return Finding(f"the client gets something else: {said.opening or said.words}", "other-page")
    if said.code == 7:
        return Finding(f"the client gets: {said.words}", "refused")
    if arrived(seen.results["arrives"].output):
        return Finding(f"the request arrives in {v['server']}; the client gets: {said.words}", "door-answer-kept")
    return Finding(f"the request does not arrive in {v['server']}; the client gets: {said.words}", "door-kept")


def sender(seen: Seen) -> Finding:
    """Judge where a connection of the client ends, and which sender is seen there."""
    v, peers = seen.values, seen.results["connection"].output.split()
    if CLIENT in peers:
        return Finding(f"a connection of the client ends in {v['server']}, and comes from {CLIENT}")
    if not peers:
        return Finding(f"no connection of the client ends in {v['server']}", "elsewhere")
    return Finding(f"in {v['server']} the client's connection comes from {', '.join(peers)}", "sender-lost")


def names(seen: Seen) -> Finding:
    """Judge the names: each of the other one, and one of the outside."""
    v, r = seen.values, seen.results
    said = r["server name"]
    if said.code == 6:
        return Finding(f"in {v['reader']} the name {v['server']} does not resolve", "no-server-name")
    if not said.ok or said.output.strip() != v["text"]:
        return Finding(f"http://{v['server']}/ gives {v['reader']}: {said.opening or said.words}", "other-server-name")
    known = r["reader name"].output.split()
    if not known:
        return Finding(f"in {v['server']} the name {v['reader']} does not resolve", "no-reader-name")
    if not set(known) & set(addresses_in(seen, "reader")):
        return Finding(f"in {v['server']} the name {v['reader']} means {', '.join(known)}", "other-reader-name")
    for box in BOXES:
        if CLIENT not in r[f"{box} outside name"].output:
            return Finding(f"in {v[box]} the name client.example does not resolve to {CLIENT}", "no-outside-name")
    return Finding("both names resolve, and so does client.example")


def apart(seen: Seen) -> Finding:
    """Judge who reaches whom, in both directions, and that Docker's own container is as it was."""
    v, r = seen.values, seen.results
    was, now = (s.network.container(str(v["lodger"])) for s in (seen.began, seen))
    if was is None or now is None or now.id != was.id or now.state != "running":
        return Finding(f"{v['lodger']} is not the container that it was, or does not run", "lodger-gone")
    if r["lodger inside"].output != seen.began.results["lodger inside"].output:
        return Finding(f"the namespace of {v['lodger']} has other routes or rules than at the start", "lodger-changed")
    if not r["lodger out"].ok:
        return Finding(f"{v['lodger']} gets no page from the client: {r['lodger out'].words}", "docker-broken")
    if there := came_from(r["lodger in"].output):
        return Finding(f"{v['lodger']} gets an answer from {', '.join(there)}", "lodger-reaches")
    for box in BOXES:
        if there := came_from(r[f"{box} to lodger"].output):
            return Finding(f"{v[box]} gets an answer from {v['lodger']}, {', '.join(there)}", "box-reaches")
    if there := came_from(r["neighbour in"].output):
        return Finding(f"the client gets an answer from {', '.join(there)}, which nobody publishes", "outside-reaches")
    return Finding("nobody reaches more than is wanted")


CHECKS = (
    Check(
        name="bridge",
        points=1,
        wanted="The host has a bridge {bridge} with the address {gateway}/24, and Docker has made no network for it.",
        judge=bridge,
        hints={
            "no-bridge": "`ip -br link` on the host lists all interfaces. One of that name is not among them.",
            "other-kind": "`ip -d link show {bridge}` says what kind of interface it is. You want a bridge.",
            "docker-network": "`docker network ls` lists a network besides Docker's own three. Here Docker makes none.",
            "other-gateway": "`ip -4 addr show {bridge}` does not show {gateway}/24. Is its prefix length right, too?",
        },
        steps=(
            "A bridge is an interface of the host. `ip -d link show docker0` shows one that Docker made.",
            "Three commands of `ip` are enough: it has to be there, to have an address, and to be up.",
            "`ip link help` names the kinds of interfaces; an address is written with its prefix length.",
        ),
    ),
    Check(
        name="boxes",
        points=3,
        wanted="`ip netns` knows {server} and {reader}. Each has a veth pair to {bridge}, an address in {subnet} "
        "({server} has {address}), an answer from {gateway}, and a default route.",
        judge=boxes,
        rests_on=("bridge",),
        hints={
            "no-namespace": "`ip netns list` shows which names are known. Both have to be among them.",
            "borrowed": "A name in /run/netns leads to a namespace that is somebody else's already. Make a new one.",
            "other-address": "`ip -n {server} -4 addr` and `ip -n {reader} -4 addr` show what each namespace has.",
            "no-cable": "A veth pair has two ends: one in the namespace, the other on the host. `ip -br link` shows "
            "the host's interfaces, `ip -n NAME -br link` those of a namespace.",
            "not-plugged": "The veth pair is there, but its host's end is not a port of {bridge}. "
            "`ip -br link show master {bridge}` lists the ports.",
            "down": "An interface carries nothing before it is up, and a veth pair only if both ends are. "
            "`ip link` shows the state, on the host and in the namespace.",
            "gateway-silent": "The cable is plugged in and up on the host's side, and a ping gets no answer. Which "
            "addresses and routes has the namespace? `ip -n NAME addr` and `ip -n NAME route`.",
            "no-route": "The gateway answers, but the namespace does not send everything else there: "
            "`ip -n NAME route`.",
        },
        steps=(
            "Do it for one namespace first, and ask for each part: is it there, is it up, is it plugged in?",
            "`ip -n NAME ...` runs `ip` in a namespace, `ip netns exec NAME ...` any program. The bridge's ports are "
            "in `ip -br link show master {bridge}`.",
            "Each namespace needs six things: its name, a veth pair, a port of the bridge, an address, both ends up, "
            "a default route. Chapter 04 has them in this order.",
        ),
    ),
    Check(
        name="page",
        points=1,
        wanted="The host gets `{text}` from http://{address}/, and no container but {lodger} is there.",
        judge=page,
        evidence=("page", "listens"),
        rests_on=("boxes",),
        hints={
            "docker-container": "`docker ps -a` shows a container besides {lodger}. Here Docker starts none.",
            "other-text": "Somebody answers, but not with the one line of your text. What does the server read?",
            "page-silent": "No program listens in {server}. Is it started in that namespace, or on the host?",
            "page-elsewhere": "A program listens in {server}, but no page comes from port 80 of its address. Compare "
            "the address and the port at which it listens. If both are right, which rule drops a packet on its way?",
        },
        steps=(
            "A server is a process like any other. The namespace in which it was started decides where it listens.",
            "`ip netns exec {server} ss -ltnp` lists what listens there, `ip netns pids {server}` which processes.",
            "The task has such a server, in two lines. It reads the text from a file in the folder where it starts.",
        ),
    ),
    Check(
        name="out",
        points=2,
        wanted="{server} and {reader} get a page from http://203.0.113.20/, and the client sees the host's address.",
        judge=out,
        evidence=("server out", "reader out"),
        rests_on=("boxes",),
        hints={
            "made-up": "A page comes, but the client's log has no such request. Who answers in its place?",
            "way-out-kept": "The request does not arrive at the client. Who has to let it pass? Ask twice, and look at "
            "`iptables -nvL FORWARD` (or `nft list ruleset`) each time: which counter has grown?",
            "answer-kept": "The request arrives with the host's address, so the client can answer. But no page comes "
            "back. What does the answer look like where the host forwards it: from where, to where?",
            "other-sender": "The client sees another address than the host's. Whose should it see, and which table "
            "rewrites addresses?",
        },
        steps=(
            "Follow one request: `tcpdump -ni any port 80` on the host shows each interface that it passes.",
            "Three things are needed: the request may pass, it gets the host's address, and the answer may pass.",
            "Chapter 04 has these three rules. In nftables, an accept in one table does not undo a drop in another.",
        ),
    ),
    Check(
        name="door",
        points=2,
        wanted="The client gets `{text}` from port {port} of the host.",
        judge=door,
        evidence=("door", "arrives"),
        rests_on=("page", "out"),
        hints={
            "other-page": "Something answers at port {port}, but not with your text. Where does the port lead?",
            "refused": "The request is refused. Either nothing leads port {port} away from the host, or it leads to an "
            "address and port where nothing listens: look at the counters in `iptables -t nat -nvL`, or at "
            "`nft list ruleset`.",
            "door-answer-kept": "The request arrives in {server}, but the page does not come back to the client. What "
            "happens to the answer where the host forwards it?",
            "door-kept": "The request does not arrive in {server}. Is its destination rewritten? Then it is forwarded: "
            "who has to let it pass, and which address and port has it by then?",
        },
        steps=(
            "Follow one request of the client: `tcpdump -ni any port 80 or port {port}` on the host.",
            "Two things are needed: the destination is rewritten, and the rewritten packet may be forwarded.",
            "Chapter 04 publishes port 8081. PREROUTING comes before FORWARD: so what does FORWARD compare?",
        ),
    ),
    Check(
        name="sender",
        points=1,
        wanted="The connection ends in {server}, and {server} sees the client's own address, 203.0.113.20.",
        judge=sender,
        evidence=("connection",),
        rests_on=("door",),
        hints={
            "elsewhere": "The text comes, but not from a process in {server}. `ss -ltnp` on the host lists who "
            "listens there.",
            "sender-lost": "The server sees another sender than the client: something opens a connection of its own, "
            "or rewrites the sender on the way in.",
        },
        steps=(
            "`ip netns exec {server} tcpdump -ni any port 80` shows the sender while the client asks.",
            "`conntrack -L -p tcp` shows for each connection both directions: what was rewritten is in the second one.",
            "A rule that rewrites senders should have a condition: which packets does it mean, and which not?",
        ),
    ),
    Check(
        name="names",
        points=2,
        wanted="{reader} gets `{text}` from http://{server}/, {server} knows the name {reader}, and both know "
        "client.example.",
        judge=names,
        evidence=("server name", "reader name", "server outside name", "reader outside name"),
        rests_on=("page", "out"),
        hints={
            "no-server-name": "Nobody tells {reader} the address of {server}. Where does a program look for names?",
            "other-server-name": "The name is known in {reader}, but the text does not come. Which address is it: "
            "`ip netns exec {reader} getent hosts {server}`?",
            "no-reader-name": "The name of {server} is known in {reader}. The other way round it is missing.",
            "other-reader-name": "The name means another address than the one that {reader} has.",
            "no-outside-name": "The names of the neighbours are known, but not one of the outside. Which server is "
            "asked: `ip netns exec NAME cat /etc/resolv.conf`? And does a UDP packet get there and back?",
        },
        steps=(
            "A network namespace has no files of its own. Docker puts files over /etc/hosts and /etc/resolv.conf.",
            "`man ip-netns` says what `ip netns exec` does with files in /etc/netns/NAME.",
            "`ip netns exec NAME getent hosts WORD` asks as programs do: first the file, then the server.",
        ),
    ),
    Check(
        name="apart",
        points=3,
        wanted="{lodger} on docker0 and your network get no answer from each other, and a neighbour of the host gets "
        "none from what is not published; {lodger} still reaches the client.",
        judge=apart,
        evidence=("lodger in", "server to lodger", "reader to lodger", "neighbour in"),
        rests_on=("sender", "names"),
        hints={
            "lodger-gone": "{lodger} was there before you began, and should stay as it is.",
            "lodger-changed": "{lodger} stays as it is, in its namespace, too. What keeps it apart belongs on the host "
            "or in your boxes.",
            "docker-broken": "{lodger} no longer gets a page from the client. It did before: which rules of Docker's "
            "are gone, or come too late?",
            "lodger-reaches": "{lodger} gets an answer from your network. Its packet is forwarded from docker0 to "
            "{bridge}: which rule of FORWARD accepts it, and what comes before that rule?",
            "box-reaches": "A namespace of yours gets an answer from {lodger}. Its packet is forwarded from {bridge} "
            "to docker0: which rule of FORWARD accepts it, and what comes before that rule?",
            "outside-reaches": "A machine with a route to {subnet} by way of this host reaches more than the "
            "published port. Which rule, or which policy, lets it in?",
        },
        steps=(
            "Try it: `nsenter -t $(docker inspect -f '{{{{.State.Pid}}}}' {lodger}) -n ping -c 1 {address}`.",
            "Docker keeps its networks apart by drops: `iptables -S` shows them, and which accepts come after them.",
            "The chain DOCKER-USER is for your own rules: FORWARD goes there first. What comes in by one bridge, and "
            "leaves by the other?",
        ),
    ),
)
