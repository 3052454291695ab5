"""Build a shop, break it, and judge its repair: `start_of`, `probes` and CHECKS, for exercises 07 and 09 (pure).

The shop is a front end with a published port and a database behind it. The folder `shop` has bash that builds it, one
script for each fault, and the proof that customers notice. What a shop is called comes from an exercise's values.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from course_lib.exercises.checks import Check, Finding, Probe, Seen, Value, Values
from course_lib.exercises.reachability import (
    CLIENT,
    HOST,
    TRIES,
    came_from,
    led_to,
    listening,
    not_paused,
    published,
    while_paused,
)
from course_lib.network.model import Snapshot

NOBODY = "203.0.113.98"
LINES = 20000  # of the catalogue: shop/shop.sh
SHOP = Path(__file__).parent / "shop"
FAULTS = tuple(sorted(path.stem for path in (SHOP / "faults").glob("*.sh")))
WRITE, REMOVE = "INSERT INTO orders VALUES ($n, 'a test')", "DELETE FROM orders WHERE number = $n"  # by the shell
WORKS = 'within 10 well || { echo "The shop does not work, and nothing was broken yet."; exit 1; }'
COMPLAINTS = {
    "door": "The shop's page does not open.",
    "catalogue": "The page opens. The catalogue never comes to its end.",
    "order": "The page opens. Nobody can see an order.",
    "rates": "The page opens. The exchange rates are missing.",
}


def text_of(fault: str) -> str:
    """Return the bash that breaks the shop; it has a line with the symptom."""
    return (SHOP / "faults" / f"{fault}.sh").read_text(encoding="utf-8")


def line_of(fault: str, name: str) -> str:
    """Return what a fault's script sets a name to."""
    lines = (line.partition("=") for line in text_of(fault).splitlines())
    return next(value.strip('"') for key, _, value in lines if key == name)


def decided_by(fault: str) -> str:
    """Return the objects that decide a fault, as "KIND NAME, KIND NAME", with the names of values in braces."""
    return line_of(fault, "decides")


def symptom_of(faults: Sequence[str]) -> str:
    """Return what customers notice first: a name in COMPLAINTS, which are in the order of a visit."""
    return min((line_of(fault, "symptom") for fault in faults), key=list(COMPLAINTS).index)


def start_of(values: Values, faults: Sequence[str], harmless: Sequence[str] = ()) -> str:
    """Return bash that builds the shop, breaks it by faults in this order, and checks the symptom.

    `harmless` is bash that runs before, and after which the shop must still work.
    """
    names = "".join(f"{name}={shlex.quote(str(value))}\n" for name, value in values.items())
    shop, proof = ((SHOP / f"{part}.sh").read_text(encoding="utf-8") for part in ("shop", "proof"))
    return "\n".join([names, shop, *harmless, WORKS, *map(text_of, faults), f"symptom={symptom_of(faults)}", proof])


def first_address(network: Snapshot, name: Value) -> str:
    """Return the first IPv4 address of a container, or an unused address if it has none."""
    container = network.container(str(name))
    found = [a for e in (container.endpoints if container else ()) for a in e.addresses]
    return found[0].partition("/")[0] if found else NOBODY


def probes(values: Values, network: Snapshot) -> dict[str, Probe]:
    """Return probes of what customers do, of each part on its own, and of what must not be possible."""
    v, url = values, f"http://{HOST}:{values['port']}"
    front, ledger = (first_address(network, values[name]) for name in ("front", "ledger"))
    # Everything is one hop away: a connection that takes longer than a second does not come.
    curl = "curl -s --fail-with-body --connect-timeout 1"
    both = [network.container(str(v["front"])), network.container(str(v["ledger"]))]
    patience = 2.0 if all(c and c.state == "running" for c in both) else 0.0
    inside = f"nsenter -t $(docker inspect -f '{{{{.State.Pid}}}}' {v['front']}) -n"
    sql = f'docker exec {v["ledger"]} sh -c \'exec mariadb -uroot -p"$MARIADB_ROOT_PASSWORD" shop -e "$0"\''
    return {
        "ledger itself": Probe("host", f"{sql} 'SELECT 1'", 5 * patience),  # a database needs seconds to begin
        "door": Probe("client", f"{curl} -m 2 {url}/", patience),
        # Not by a pipe: where the catalogue does not come to its end, the exit code must be curl's.
        "catalogue": Probe(
            "client",
            f"{curl} -m 3 -o /tmp/catalogue {url}/catalogue.txt && cmp /tmp/catalogue <(seq {LINES})"
            f" && echo {LINES} lines",
        ),
        "order": Probe("client", f"{curl} -m 4 '{url}/order.php?number={v['number']}'"),
        # The client's own log tells whether its server was asked.
        "rates": Probe(
            "client",
            f"log=/var/log/client/access.log; before=$(wc -l <$log); {curl} -m 4 {url}/rates.php; code=$?;"
            " [ $(wc -l <$log) -gt $before ] && echo asked; exit $code",
        ),
        # Inside the front end's network namespace, with the host's tools.
        "front itself": Probe("host", f"{inside} curl -s -m 1 -o /dev/null http://{front}/"),
        "front at 127": Probe("host", f"{inside} curl -s -m 1 -o /dev/null http://127.0.0.1/"),
        "front from host": Probe("host", f"curl -s -m 1 -o /dev/null http://{front}/"),
        "ledger name": Probe(str(v["front"]), "getent hosts books", timeout=2),
        "ledger port": Probe("host", f"{inside} bash -c '</dev/tcp/{ledger}/3306'", timeout=2),
        "outside name": Probe(str(v["front"]), "getent hosts client.example", timeout=2),
        "outside": Probe("host", f"{inside} curl -s -m 1 -o /dev/null http://{CLIENT}/"),
        # A new order, and its number in the front end's log: an answer prepared beforehand cannot know it.
        "new order": Probe(
            "host",
            f'n=$((100000 + RANDOM)); {sql} "{WRITE}" 2>&1;'
            f' said=$(ip netns exec client curl -s -m 4 "{url}/order.php?number=$n");'
            f' {sql} "{REMOVE}" 2>&1;'
            ' [ "$said" = "order $n: a test" ] && echo right;'
            f' docker logs --since 30s {v["front"]} 2>&1 | grep -q "number=$n " && echo logged; true',
            timeout=10,
        ),
        # If a request is answered while the container is paused, another program answers it.
        "front paused": Probe(
            "host",
            while_paused(v["front"], f"ip netns exec client curl -fs -m 1 -o /dev/null {url}/ && echo answered"),
            timeout=TRIES,
        ),
        # A neighbour of the host that sends packets for the shop's network to it.
        "ledger by route": Probe(
            "client",
            f"ip route replace {ledger}/32 via {HOST}; timeout 1 bash -c '</dev/tcp/{ledger}/3306'; code=$?;"
            f" ip route del {ledger}/32; exit $code",
        ),
        "ledger outside": Probe("client", led_to([v["ledger"]], [listening(network, but=v["port"])]), timeout=TRIES),
    }


def absent(seen: Seen, which: str) -> Finding | None:
    """Return the finding for a container that does not run or is on no network, None if it is right."""
    container = seen.network.container(str(seen.values[which]))
    if container is None:
        return Finding(f"there is no container {seen.values[which]}", f"{which}-gone")
    if container.state != "running":
        return Finding(f"{container.name} is {container.state}", f"{which}-ended")
    if not any(e.addresses for e in container.endpoints):
        return Finding(f"{container.name} is on no network", f"{which}-off")
    return None


def shop(seen: Seen) -> Finding:
    """Judge what customers see, from the published port inwards, and find the last part that works."""
    v, r = seen.values, seen.results
    if not (r["door"].ok and r["door"].output.strip() == f"{v['shop']} is open"):
        return door(seen)
    if r["catalogue"].code == 1:  # cmp(1): they differ
        return Finding(f"the page comes, and another catalogue: {r['catalogue'].output.strip()[:60]}", "made-up-list")
    if not r["catalogue"].ok:
        return Finding(f"the page comes, the catalogue does not: {r['catalogue'].words}", "big-hangs")
    if r["order"].output.strip() != f"order {v['number']}: {v['item']}":
        return order(seen)
    if not r["rates"].output.startswith("rates: "):
        found = f"the page and the order come, the rates do not: {r['rates'].output.strip()[:60] or r['rates'].words}"
        return Finding(found, "outside-name" if r["outside"].ok else "no-way-out")
    if r["rates"].output.split()[-1] != "asked":
        return Finding("rates come, but nobody asked client.example for them", "made-up-rates")
    return Finding("page, catalogue, order and rates come")


def door(seen: Seen) -> Finding:
    """Return where a request for the page ends."""
    r, name = seen.results, seen.values["front"]
    if finding := absent(seen, "front"):
        return finding
    found = f"the client gets no page: {r['door'].words}"
    if r["door"].ok:
        return Finding(f"the client gets another page: “{r['door'].opening}”", "other-page")
    if not r["front itself"].ok:
        if r["front at 127"].ok:
            return Finding(f"{found}; {name} answers itself, but not at its own address", "own-address")
        return Finding(f"{found}; {name} does not even answer itself", "front-silent")
    if not r["front from host"].ok:
        return Finding(f"{found}; {name} answers itself; the host gets: {r['front from host'].words}", "host-cannot")
    ports = published(seen.network, name)
    if ports and all(p.host_ip == "127.0.0.1" for p in ports):
        return Finding(f"{found}; the host gets it from {name}; published at 127.0.0.1", "door-inside")
    return Finding(f"{found}; the host itself gets it from {name}", "not-through")


def order(seen: Seen) -> Finding:
    """Return where a request for an order ends."""
    r = seen.results
    if finding := absent(seen, "ledger"):
        return finding
    found = f"the page comes, the order does not: {r['order'].output.strip()[:90] or r['order'].words}"
    if "Access denied" in r["order"].output:
        return Finding(found, "login")
    if not r["ledger name"].ok:
        # If two names do not resolve, the fault is the server that is asked, not the name.
        return Finding(found, "ledger-name" if r["outside name"].ok else "no-names")
    if not r["ledger port"].ok:
        return Finding(f"{found}; the name resolves; port 3306: no connection", "ledger-silent")
    return Finding(found, "other-order")


def real(seen: Seen) -> Finding:
    """Judge whether the front end and the database do the work."""
    said = seen.results["new order"].output.split()
    if "answered" in seen.results["front paused"].output.split():
        return Finding(f"the client gets a page while {seen.values['front']} is paused", "somebody-else")
    if "logged" not in said:
        return Finding(f"the request is not in the log of {seen.values['front']}", "somebody-else")
    if "right" not in said:
        return Finding("the page does not show an order that was written just now", "made-up")
    return Finding("a new order is shown, and its request is in the log")


def same(seen: Seen) -> Finding:
    """Judge whether the containers are the original ones, by their ids."""
    for which in ("front", "ledger"):
        name = str(seen.values[which])
        then, now = (network.container(name) for network in (seen.began.network, seen.network))
        if (then.id if then else "none") != (now.id if now else "gone"):
            return Finding(f"{name} is not the original container", f"rebuilt-{which}")
    return Finding("both are the original containers")


def closed(seen: Seen) -> Finding:
    """Judge whether more is open than before."""
    chain = seen.network.chain("filter", "FORWARD")
    if seen.results["ledger by route"].ok:
        policy = chain.policy if chain else "none"
        return Finding(f"a neighbour reaches port 3306 of the database; FORWARD's policy is {policy}", "all-open")
    name, output = seen.values["ledger"], seen.results["ledger outside"].output
    if ports := published(seen.network, name):
        return Finding(f"port {ports[0].host_port} of the host leads to the database", "ledger-open")
    if words := not_paused(output, name):
        return Finding(words)
    if urls := came_from(output, name):
        return Finding(f"the client reaches the database at {', '.join(urls)}", "ledger-open")
    return Finding("nobody outside reaches the database")


CHECKS = (
    Check(
        name="shop",
        points=4,
        wanted="The client gets the shop's page, its catalogue, order {number} and the rates, from port {port}.",
        judge=shop,
        evidence=("door", "catalogue", "order", "rates"),
        hints={
            "front-gone": "`docker ps -a` no longer shows {front}. What it knew is gone with it: begin again.",
            "front-ended": "{front} does not run. `docker logs {front}` shows its last output.",
            "front-off": "{front} is on no network now.",
            "front-silent": "Nothing listens in {front}: look at its processes, and at `docker logs {front}`.",
            "other-page": "Something answers at that port, but it is not the shop's page.",
            "own-address": "A packet from outside comes to the container's address. At which does its server listen?",
            "host-cannot": "The host is next to {front} and gets nothing. Between them are a bridge and a veth pair, "
            "and before that the host's own idea of that address: look at each with `ip`.",
            "door-inside": "`docker ps` says at which address of the host the port is open. The client uses another.",
            "not-through": "What the client sends must be forwarded, and the answer too. Does each arrive at the host, "
            "does each leave it? `tcpdump` on eth0 and on the bridge shows it.",
            "made-up-list": "A catalogue comes, and it is not the one of 20000 lines that was there.",
            "made-up-rates": "The page shows rates, and client.example was not asked. Undo what you changed in the "
            "page: it was not the fault.",
            "big-hangs": "Little comes, much does not. Compare the sizes of the packets with every mtu on their way.",
            "ledger-gone": "`docker ps -a` no longer shows {ledger}.",
            "ledger-ended": "{ledger} does not run. `docker logs {ledger}` shows its last output.",
            "ledger-off": "{ledger} is on no network now.",
            "login": "The database answers, and does not let the front end in. What does its volume remember?",
            "ledger-name": "{front} resolves outside names, but not the one in /etc/shop.ini. Who has that name?",
            "no-names": "{front} resolves no name at all. Which server does it ask, and what comes back?",
            "ledger-silent": "{front} knows the database's address and gets no connection. Does {ledger} have a cable?",
            "other-order": "The database does not answer with the original order.",
            "outside-name": "{front} cannot resolve client.example. Which server does it ask, and which one is asked "
            "then?",
            "no-way-out": "{front} cannot even reach the address of client.example. "
            "What sender does the client see, and does it have a route back to that address?",
        },
        steps=(
            "Find the last place that sees the packet: client, eth0, bridge, veth pair, container; then the way back.",
            "`tcpdump -ni any` on the host shows the three in the middle. Then ask there: link, address, route, rule, "
            "listener, name.",
            "Compare with a healthy neighbour: start a second container on {net}, and see what differs.",
        ),
    ),
    Check(
        name="real",
        points=2,
        wanted="{front} answers with what the database holds: also an order that is written only now.",
        judge=real,
        evidence=("new order", "front paused"),
        rests_on=("shop",),
        hints={
            "somebody-else": "The customers get an answer, but not from {front}. Who answers?",
            "made-up": "The page says what it said before, whatever the database holds. It has to ask the database.",
        },
        steps=(
            "`docker logs {front}` has a line for each request.",
            "/var/www/html/order.php in {front} asks the database; it was not the fault.",
            "Undo what you changed in the pages, and look for the fault in the network.",
        ),
    ),
    Check(
        name="same",
        points=1,
        wanted="{front} and {ledger} are the original containers: repaired, not rebuilt.",
        judge=same,
        rests_on=("shop",),
        hints={
            "rebuilt-front": "Of {front} only the name is old. Whatever a container held that no volume keeps is lost.",
            "rebuilt-ledger": "Of {ledger} only the name is old. Its volume saved the orders this time.",
        },
        steps=(
            "A container's id identifies it: `docker ps --no-trunc`.",
            "Rules, routes, addresses, cables and networks can be changed while a container runs.",
            "What an option of `docker run` set permanently can still be worked around from outside the container.",
        ),
    ),
    Check(
        name="closed",
        points=2,
        wanted="Nobody outside reaches the database: it is no more open than before.",
        judge=closed,
        evidence=("ledger by route", "ledger outside"),
        rests_on=("shop",),
        hints={
            "all-open": "A host in the client's place only has to send packets for {subnet} to this host. "
            "What does FORWARD do with them now?",
            "ledger-open": "A port of the host leads to the database. The front end does not need that.",
        },
        steps=(
            "`iptables -S FORWARD` begins with the chain's policy.",
            "Open one door for one port. Everything else stays as it was.",
            "Undo what did not help: apart from the repair, the lab should be as `exercise()` left it.",
        ),
    ),
)
