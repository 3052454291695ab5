"""Judge two tiers: a front end that everybody reaches, and a back end that only the front end reaches, by name."""

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
    kept,
    listening,
    not_paused,
    own_addresses,
    published,
    try_all,
    while_paused,
)
from course_lib.network.model import Snapshot


def parameters(seed: Seed) -> dict[str, Value]:
    """Return the learner's values."""
    thing = seed.choice("thing", ("a brass lamp", "a blue vase", "a map of 1782", "a silver spoon", "an oak chair"))
    return {
        "front": seed.choice("front", ("desk", "lobby", "porch", "foyer")),
        "port": seed.number("port", 8100, 8899),
        "back": seed.choice("back", ("archive", "attic", "depot", "crypt")),
        "back_port": seed.number("back_port", 3000, 3999),
        "record": f"item {seed.number('record', 1000, 9999)}: {thing}",
        "lodger": seed.choice("lodger", ("florist", "barber", "cobbler", "baker")),
        "stranger": seed.choice("stranger", ("courier", "painter", "plumber", "tailor")),
    }


def start(values: Values) -> str:
    """Return bash that writes the programs' files to the host and starts two unrelated containers."""
    return f"""
mkdir /srv/records
echo '{values["record"]}' >/srv/records/index.html
cat >/srv/front.conf <<'END'
server {{
    listen 80;
    location / {{ proxy_pass http://{values["back"]}:{values["back_port"]}; }}
}}
END
docker run -d -it --name {values["lodger"]} busybox
docker network create street
docker run -d -it --name {values["stranger"]} --net street busybox
"""


def probes(values: Values, network: Snapshot) -> dict[str, Probe]:
    """Return the probes of the lab: what must get through and, while a part is paused, what must not."""
    v, page = values, f"http://{HOST}:{values['port']}/"
    parts = [network.container(str(v["back"])), network.container(str(v["front"]))]
    patience = 3.0 if all(c and c.state == "running" for c in parts) else 0.0
    own = [f"http://{address}:{v['back_port']}/" for address in addresses(network, v["back"])]
    nowhere = f"http://127.0.0.1:{v['back_port']}/"
    # A container that gets the record while the front end is paused gets it past the front end.
    past = try_all(v["record"], [*own, doors(network, v["back_port"]), listening(network)])
    every = {address for c in network.containers if c.mode != "host" for address in addresses(network, c.name)}
    by_forwarding = as_neighbour(sorted(every), past)
    outside = f"curl -s -m 4 http://{CLIENT}/"
    return {
        # First: if it succeeds, both have started; if not, both have had time to start.
        "door": Probe("client", f"curl -fs -m 4 {page}", patience),
        "back itself": Probe(network_of(v["back"]), f"curl -fs -m 4 {[*own, nowhere][0]}"),
        "by name": Probe(network_of(v["front"]), f"curl -fs -m 4 http://{v['back']}:{v['back_port']}/"),
        "back paused": Probe(
            "host", while_paused(v["back"], f"ip netns exec client curl -fs -m 1 {page}"), timeout=TRIES
        ),
        "client": Probe("client", while_paused(v["front"], by_forwarding), timeout=TRIES),
        **start_probes(values, network),
        "lodger outside": Probe(network_of(v["lodger"]), outside),
        "lodger": Probe(network_of(v["lodger"]), while_paused(v["front"], past), timeout=TRIES),
        "stranger outside": Probe(network_of(v["stranger"]), outside),
        "stranger": Probe(network_of(v["stranger"]), while_paused(v["front"], past), timeout=TRIES),
    }


def start_probes(values: Values, network: Snapshot) -> dict[str, Probe]:
    """Return the probes of the unrelated containers' namespaces, whose routes and rules must stay what they are."""
    return {f"{which} inside": kept(values[which]) for which in ("lodger", "stranger")}


def absent(seen: Seen, which: str) -> Finding | None:
    """Return the finding for a part that is not running, None if it runs."""
    container = seen.network.container(str(seen.values[which]))
    if container is None:
        return Finding(f"there is no container {seen.values[which]}", f"no-{which}")
    if container.state != "running":
        return Finding(f"the container {container.name} is {container.state}", f"{which}-ended")
    return None


def has_record(seen: Seen, probe: str) -> bool:
    """Whether the probe returned the record."""
    return seen.results[probe].ok and seen.results[probe].output.strip() == seen.values["record"]


def back(seen: Seen) -> Finding:
    """Judge the back end on its own."""
    said = seen.results["back itself"]
    if has_record(seen, "back itself"):
        return Finding("it gives the record")
    if finding := absent(seen, "back"):
        return finding
    if said.ok or said.code == 22:
        return Finding(f"it answers, but not with the record: {said.output.strip()[:40] or said.words}", "other-record")
    return Finding(f"nothing answers there: {said.words}", "back-silent")


def name(seen: Seen) -> Finding:
    """Judge the path from the front end to the back end, by its name."""
    if finding := absent(seen, "front"):
        return finding
    said = seen.results["by name"]
    if has_record(seen, "by name"):
        return Finding("the record comes by the name")
    if said.code == 6:
        return Finding(f"in {seen.values['front']} the name {seen.values['back']} does not resolve", "no-name")
    return Finding(f"the name is known, the record does not come: {said.words}", "no-connection")


def door(seen: Seen) -> Finding:
    """Judge what the client gets at the host's port."""
    v, said = seen.values, seen.results["door"]
    if has_record(seen, "door"):
        return Finding("the client gets the record")
    if said.ok:
        return Finding(f"the client gets another page: “{said.opening}”", "other-page")
    there = published(seen.network, v["front"])
    words = ", ".join(f"{p.host_ip}:{p.host_port} to {p.container_port}" for p in there) or "none"
    found = f"{said.words}; published ports of {v['front']}: {words}"
    if said.code == 22:
        return Finding(found, "front-error")
    if not there:
        return Finding(found, "unpublished")
    if all(p.host_port != v["port"] for p in there):
        return Finding(found, "other-port")
    return Finding(found, "door-loopback" if all(p.host_ip == "127.0.0.1" for p in there) else "front-silent")


def tiers(seen: Seen) -> Finding:
    """Judge whether the record comes from the back end: while it is paused, the client must not get it."""
    v, output = seen.values, seen.results["back paused"].output
    if words := not_paused(output, v["back"]):
        return Finding(words)
    said = output.split("\n", 1)
    if said[0] != v["back"]:
        return Finding(f"{v['back']} could not be paused: {said[0][:80]}", "not-paused")
    if str(v["record"]) in "".join(said[1:]):
        return Finding(f"{v['back']} is paused, and the client gets the record all the same", "made-up")
    return Finding(f"with {v['back']} paused the client gets nothing")


def closed_outside(seen: Seen) -> Finding:
    """Judge whether the client gets the record past the front end."""
    v, output = seen.values, seen.results["client"].output
    if words := not_paused(output, v["front"]):
        return Finding(words)
    urls = came_from(output, v["front"])
    if not urls:
        return Finding("the client gets it from nowhere else")
    host = tuple(f"http://{address}:" for address in own_addresses(seen.network))
    to_host = [url for url in urls if url.startswith(host)]
    found = f"past {v['front']} the client gets the record from {', '.join(to_host or urls)}"
    return Finding(found, "back-published" if to_host else "neighbour")


def changed(seen: Seen, which: str, network: str) -> str:
    """Return what has changed about an unrelated container since the start state, "" if nothing has."""
    container = seen.network.container(str(seen.values[which]))
    if container is None or container.state != "running":
        return f"{seen.values[which]} no longer runs"
    if [e.network for e in container.endpoints] != [network]:
        return f"{seen.values[which]} is on: {', '.join(e.network for e in container.endpoints) or 'no network'}"
    if "This is the client" not in seen.results[f"{which} outside"].output:
        return f"{seen.values[which]} no longer gets a page from the client"
    if seen.results[f"{which} inside"].output != seen.began.results[f"{which} inside"].output:
        return f"the namespace of {seen.values[which]} has other routes or rules than at the start"
    return ""


def closed_inside(seen: Seen) -> Finding:
    """Judge whether the other containers are unchanged and do not get the record past the front end."""
    v = seen.values
    for which, network in (("lodger", "bridge"), ("stranger", "street")):
        if words := changed(seen, which, network):
            return Finding(words, f"{which}-changed")
    for which in ("lodger", "stranger"):
        output = seen.results[which].output
        if words := not_paused(output, v["front"]):
            return Finding(words)
        if urls := came_from(output, v["front"]):
            return Finding(f"past {v['front']} {v[which]} gets the record from {', '.join(urls)}", f"{which}-reaches")
    return Finding(f"neither {v['lodger']} nor {v['stranger']} gets it past {v['front']}")


CHECKS = (
    Check(
        name="back",
        points=1,
        wanted="{back} runs, and gives the record at port {back_port}.",
        judge=back,
        evidence=("back itself",),
        hints={
            "no-back": "`docker ps -a` shows no container {back}.",
            "back-ended": "{back} does not run. `docker ps -a` shows its state and program, `docker logs {back}` its "
            "last output.",
            "back-silent": "{back} runs, but not the server at this port. `docker top {back}` shows what runs in it.",
            "other-record": "The server runs, and does not find the record. Which folder does it serve, and is the "
            "host's folder there? `docker exec {back} ls` shows it.",
        },
        steps=(
            "Begin with the back end: the front end ends if the name does not resolve when it starts.",
            "What follows the image in `docker run` is the program. `-v` mounts a folder of the host.",
            "Compare with the task: image, program, port, folder. `docker inspect {back}` shows all four.",
        ),
    ),
    Check(
        name="name",
        points=2,
        wanted="{front} runs, and gets the record from http://{back}:{back_port}/, by the name.",
        judge=name,
        evidence=("by name",),
        rests_on=("back",),
        hints={
            "no-front": "`docker ps -a` shows no container {front}. Did the command print why?",
            "front-ended": "{front} does not run. `docker ps -a` shows its state. If it has ended, `docker "
            "logs {front}` shows its last output: what was it looking for?",
            "no-name": "{front} runs, and cannot resolve {back}. On which networks do names resolve, and whose?",
            "no-connection": "The name is known in {front}, but at that address and port it gets nothing. "
            "Is it the address that {back} has? Are the two on one network that lets its containers talk?",
        },
        steps=(
            "`docker inspect` shows under Networks where a container is plugged in. Compare the two.",
            "Containers find each other by name on a network that you made, if both are on it.",
            "A container that is to be on two networks before its program starts: `docker create`, "
            "`docker network connect`, `docker start`.",
        ),
    ),
    Check(
        name="door",
        points=2,
        wanted="The client gets the record from port {port} of the host.",
        judge=door,
        evidence=("door",),
        rests_on=("name",),
        hints={
            "other-page": "The way is open, but {front} gives a page of its own. It has to use /srv/front.conf: "
            "in which folder does nginx look for such files?",
            "front-error": "{front} answers with an error: it did not get the record. `docker logs {front}` says which "
            "address it tried. It asked for that address when it started.",
            "unpublished": "No port of the host leads to {front}.",
            "other-port": "{front} is published on another port of the host. Yours is {port}.",
            "door-loopback": "The port is open on 127.0.0.1 only: that is the host talking to itself, not the client.",
            "front-silent": "The port is published, and nothing comes. At which port does the server in {front} "
            "listen, and to which does the host's port lead?",
        },
        steps=(
            "`docker ps` shows the ports. The arrow leads from the host's side to the container's side.",
            "`docker exec {front} cat /etc/nginx/conf.d/default.conf` shows the configuration of nginx.",
            "Chapter 02 has all forms of -p; -v can mount a single file, too.",
        ),
    ),
    Check(
        name="tiers",
        points=1,
        wanted="It is {back} that knows the record: while it is paused, {front} has nothing to show.",
        judge=tiers,
        evidence=("back paused",),
        rests_on=("door",),
        hints={
            "not-paused": "To see who answers, {back} is paused for a second. Docker did not do that.",
            "made-up": "{front} has the record from somewhere else. Two tiers: only {back} has the folder.",
        },
        steps=(
            "Try it: `docker pause {back}`, ask as the client does, `docker unpause {back}`.",
            "Look for a copy: `docker inspect {front}` lists what was mounted into it.",
            "{front} needs one file of the host, and it is not the record.",
        ),
    ),
    Check(
        name="closed-outside",
        points=2,
        wanted="The client gets the record in no other way: {back} itself cannot be reached from outside.",
        judge=closed_outside,
        evidence=("client",),
        rests_on=("tiers",),
        hints={
            "back-published": "The record comes from a port of the host, while {front} is paused. `ss -ltnp` and "
            "`iptables -t nat -S` show where that port leads. {front} needs no port to reach {back}.",
            "neighbour": "A machine next to the host sends packets for a container's address to the host, and the host "
            "forwards them: some rule in FORWARD accepts them. For which port was it written?",
        },
        steps=(
            "`docker ps` shows what is published. Which of it is needed?",
            "`iptables -S FORWARD` and the chains that it calls show what is forwarded to which address.",
            "-p is for the outside. A container on the same network reaches every port without it.",
        ),
    ),
    Check(
        name="closed-inside",
        points=2,
        wanted="{lodger} and {stranger} are unchanged, and do not get the record past {front}.",
        judge=closed_inside,
        evidence=("lodger", "stranger"),
        rests_on=("closed-outside",),
        hints={
            "lodger-changed": "{lodger} belongs to somebody else. It stays on docker0, as it is, and keeps its way "
            "out.",
            "stranger-changed": "{stranger} belongs to somebody else. It stays on street, as it is, and keeps its "
            "way out.",
            "lodger-reaches": "{lodger} is on docker0. Who else is there and can get the record, and what keeps "
            "containers of one bridge apart?",
            "stranger-reaches": "{stranger} is on the network street. Who else is there and can get the record?",
        },
        steps=(
            "On one bridge everyone reaches every port of everyone, by address. `docker network inspect` lists who is "
            "where.",
            "`docker exec {lodger} wget -T 1 -O - http://...` asks as {lodger} does.",
            "A network that nobody else is plugged into cannot be reached by anybody else.",
        ),
    ),
)
