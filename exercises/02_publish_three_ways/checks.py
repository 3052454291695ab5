"""Judge three published ports: a fixed one, one that the engine chooses, and one for the host alone."""

from __future__ import annotations

from course_lib.exercises.checks import Check, Finding, Probe, Seed, Seen, Value, Values
from course_lib.exercises.reachability import (
    CLIENT,
    HOST,
    TRIES,
    addresses,
    came_from,
    doors,
    led_to,
    listener_of,
    listening,
    namespace_of,
    not_paused,
    published,
    while_paused,
)
from course_lib.network.model import Port, Snapshot


def parameters(seed: Seed) -> dict[str, Value]:
    """Return the learner's values."""
    shelf = seed.choice("names", ("apple pear plum", "heron crane stork", "amber coral ivory", "cello flute viola"))
    shop, blog, desk = shelf.split()
    return {
        "shop": shop,
        "shop_port": seed.number("shop_port", 8100, 8499),
        "shop_page": f"{shop} says {seed.number('shop_page', 1000, 9999)}",
        "blog": blog,
        "desk": desk,
        "desk_port": seed.number("desk_port", 8500, 8899),
    }


def web_ports(network: Snapshot, name: Value) -> tuple[Port, ...]:
    """Return where a container's port 80 is published."""
    return tuple(p for p in published(network, name) if p.container_port == 80)


def outer_ports(network: Snapshot, name: Value) -> tuple[Port, ...]:
    """Return where a container's port 80 is published; first where the client may reach it."""
    return tuple(sorted(web_ports(network, name), key=lambda p: p.host_ip.startswith("127.") or ":" in p.host_ip))


def probes(values: Values, network: Snapshot) -> dict[str, Probe]:
    """Return the probes of the lab: three requests from the client, one from the host, and what was configured."""
    page = "curl -fs -m 3 http://{}:{}/".format
    # A service needs time to start. Without a container there is nothing to wait for.
    patience = {name: 3.0 if network.container(str(values[name])) else 0.0 for name in ("shop", "blog", "desk")}
    chosen = next((p.host_port for p in outer_ports(network, values["blog"])), None)
    owner = namespace_of(network, values["blog"])  # whose ports the blog's are
    desk, here = values["desk"], page("127.0.0.1", values["desk_port"])
    return {
        "shop": Probe("client", page(HOST, values["shop_port"]), patience["shop"]),
        # The second source in the conntrack entry is the address from which the kernel expects the answers.
        "shop source": Probe(
            "host",
            f"reply=$(conntrack -L -p tcp --orig-src {CLIENT} --orig-port-dst {values['shop_port']} 2>/dev/null"
            " | tail -n 1 | grep -oE 'src=[0-9.]+ dst=[0-9.]+ sport=[0-9]+' | tail -n 1); echo $reply; "
            + f"(nsenter -t $(docker inspect -f '{{{{.State.Pid}}}}' {values['shop']}) -n ip -4 -br addr) 2>/dev/null; "
            + listener_of(values["shop"], "${reply##*=}"),
        ),
        "blog": Probe("client", page(HOST, chosen) if chosen else "false", patience["blog"]),
        "blog wish": Probe(
            "host",
            f"docker inspect -f '{{{{json .HostConfig.PortBindings}}}}' {owner.id if owner else values['blog']}"
            ' | jq -r \'.["80/tcp"][]? | if .HostPort == "" then "0" else .HostPort end\'',
        ),
        "desk": Probe("host", here, patience["desk"]),
        "desk paused": Probe("host", while_paused(desk, f"{here} >/dev/null && echo answered"), timeout=TRIES),
        # Every port of the host is tried as well: none may lead to the container from outside.
        "desk outside": Probe("client", page(HOST, values["desk_port"])),
        "desk elsewhere": Probe("client", led_to([desk], [listening(network), doors(network)]), timeout=TRIES),
    }


def absent(seen: Seen, name: Value) -> Finding | None:
    """Return the finding for a container that is not running, None if it runs."""
    container = seen.network.container(str(name))
    if container is None:
        return Finding(f"there is no container {name}", "absent")
    if container.state != "running":
        return Finding(f"the container {name} is {container.state}", "stopped")
    return None


def shop_answers(seen: Seen) -> Finding:
    """Judge a request to the fixed port."""
    values, said = seen.values, seen.results["shop"]
    if said.ok and said.output.strip() == values["shop_page"]:
        return Finding("the client gets the page")
    if said.ok:
        return Finding(f"the client gets another page: “{said.opening}”", "other-page")
    if finding := absent(seen, values["shop"]):
        return finding
    ports = published(seen.network, values["shop"])
    there = ", ".join(f"{p.host_ip}:{p.host_port} to {p.container_port}" for p in ports) or "none"
    found = f"{said.words}; published ports of {values['shop']}: {there}"
    if not ports:
        return Finding(found, "unpublished")
    if all(p.container_port != 80 for p in ports):
        return Finding(found, "swapped" if any(p.host_port == 80 for p in ports) else "inside-port")
    if all(p.host_port != values["shop_port"] for p in ports):
        return Finding(found, "other-port")
    if all(p.host_ip == "127.0.0.1" for p in ports):
        return Finding(found, "shop-loopback")
    return Finding(found, "nobody-listens")


def shop_in_container(seen: Seen) -> Finding:
    """Judge who answered: the conntrack entry has the address, the socket there belongs to a container."""
    shop, said = seen.values["shop"], seen.results["shop source"]
    who = said.output.partition(" ")[0].removeprefix("src=")
    inside = [word.partition("/")[0] for word in said.output.split()]  # what the kernel says, if it was made by hand
    if said.ok and (who in addresses(seen.network, shop) or who in inside):
        return Finding(f"the kernel sent the request on to {who}, where {shop} listens")
    own = ", ".join(addresses(seen.network, shop)) or "no address"
    found = f"the request was answered by {who or 'an unknown address'}; {shop} has {own}"
    others = [c.name for c in seen.network.containers if who in addresses(seen.network, c.name) and c.mode != "host"]
    if others:
        return Finding(f"{found}; {others[0]} has the address that answered", "container-answers")
    return Finding(found, "host-answers")


def blog_answers(seen: Seen) -> Finding:
    """Judge a request to the port that the engine chose."""
    if finding := absent(seen, seen.values["blog"]):
        return finding
    ports = outer_ports(seen.network, seen.values["blog"])
    if not ports:
        return Finding(f"port 80 of {seen.values['blog']} is not published", "blog-unpublished")
    said = seen.results["blog"]
    if said.ok:
        return Finding("the client gets a page")
    return Finding(f"{said.words}; published on {ports[0].host_ip}:{ports[0].host_port}", "blog-silent")


def blog_chosen(seen: Seen) -> Finding:
    """Judge who chose the port: a number in the configuration means that a person did."""
    wishes = seen.results["blog wish"].output.split()
    by_hand = [wish for wish in wishes if wish.isdigit() and wish != "0"]
    if by_hand and len(by_hand) == len(wishes):
        return Finding(f"the command chose the port {by_hand[0]}", "by-hand")
    return Finding("the command chose no port, the engine chose one")


def desk_answers(seen: Seen) -> Finding:
    """Judge a request from the host itself."""
    if finding := absent(seen, seen.values["desk"]):
        return finding
    said, paused, desk = seen.results["desk"], seen.results["desk paused"].output, seen.values["desk"]
    if said.ok and "answered" in paused.split():
        return Finding(f"the host gets a page, also while {desk} is paused", "desk-elsewhere")
    if said.ok:
        return Finding(not_paused(paused, desk) or f"the host gets a page from {desk}")
    ports = web_ports(seen.network, desk)
    there = ", ".join(f"{p.host_ip}:{p.host_port}" for p in ports) or "nowhere"
    found = f"{said.words}; port 80 is published on: {there}"
    return Finding(
        found, "desk-listens" if any(p.host_port == seen.values["desk_port"] for p in ports) else "desk-port"
    )


def desk_closed(seen: Seen) -> Finding:
    """Judge that the client gets nothing there, and nothing from the container at another port."""
    said, desk = seen.results["desk outside"], seen.values["desk"]
    if said.ok:
        return Finding("the client gets a page, too", "everywhere")
    output = seen.results["desk elsewhere"].output
    if words := not_paused(output, desk):
        return Finding(f"the client: {said.words}; {words}")
    if urls := came_from(output, desk):
        return Finding(f"the client gets an answer of {desk} from {', '.join(urls)}", "second-port")
    return Finding(f"the client: {said.words}; no other port of the host leads to {desk}")


GONE = {
    "absent": "`docker ps -a` shows all containers with their names. One of that name is not among them.",
    "stopped": "The container does not run. `docker ps -a` shows its state; if it has ended, "
    "`docker logs` may show why.",
}
GONE_STEPS = (
    "The check looks for a container with exactly the name in your values, and it must still run.",
    "`docker ps -a` shows all names, and for each that has ended since when and with which exit code.",
    "The output under your `%%answer` cell shows what `docker run` complained about; `docker logs` what nginx did.",
)
GONE_FOR = {"absent": GONE_STEPS, "stopped": GONE_STEPS}
CHECKS = (
    Check(
        name="shop-answers",
        points=2,
        wanted="The client gets the page `{shop_page}` from port {shop_port} of the host.",
        judge=shop_answers,
        evidence=("shop",),
        hints={
            **GONE,
            "other-page": "The way is open, but another page comes. Whose is it, and where does that nginx read it?",
            "unpublished": "No port of the host leads to the container. EXPOSE in an image only documents a port.",
            "inside-port": "A number alone behind -p is the container's port, and there nginx listens on 80.",
            "swapped": "A port is published, but it leads to one where nginx does not listen. Read -p from left "
            "to right: which side is the host's?",
            "other-port": "The container is published on another port of the host. Yours is {shop_port}.",
            "shop-loopback": "The port is open on 127.0.0.1 only: that is the host talking to itself, not the client.",
            "nobody-listens": "The way leads into the container, and nothing listens there on port 80. On which "
            "address does nginx listen? `nsenter` and `ss -ltn` show it.",
        },
        steps=(
            "Look at the column PORTS of `docker ps`. The arrow leads from the host's side to the container's side.",
            "Follow the request: on the client `curl -v`, on the host `iptables -t nat -L DOCKER -nv`. "
            "Which counter rises?",
            "`docker run --help` shows what belongs before the colon of -p and what after it.",
        ),
        steps_for={
            **GONE_FOR,
            "other-page": (
                "The port is right. What is left is the file that nginx in {shop} serves.",
                "`docker exec {shop} cat /usr/share/nginx/html/index.html` shows it. Is it nginx's own page or yours?",
                "The file can be written in the running container (`docker exec`, `docker cp`), or lie in a folder "
                "of the host that -v puts there. `docker inspect {shop}` lists such folders under Mounts.",
            ),
            "nobody-listens": (
                "The port is right. What is left is what runs in {shop}, and where it listens.",
                "`docker top {shop}` lists its processes.",
                "`nsenter -t PID -n ss -ltn` on the host shows the addresses and ports on which they listen; "
                "`docker inspect -f '{{{{.State.Pid}}}}' {shop}` prints that PID.",
            ),
        },
    ),
    Check(
        name="shop-in-container",
        points=1,
        wanted="It is the container {shop} that answers there, by the conntrack entry of the connection.",
        judge=shop_in_container,
        evidence=("shop source",),
        rests_on=("shop-answers",),
        hints={
            "container-answers": "The right page comes, but from another container. `docker ps` shows to which "
            "container port {shop_port} of the host leads.",
            "host-answers": "The right page comes, but from the host. A program there took the port: "
            "`ss -ltnp` names it.",
        },
        steps=(
            "A connection that was sent on has two halves in `conntrack -L`. The second says who answers.",
            "Compare that address with the container's own in `docker inspect`.",
            "Without a rule for the port in the nat table the packet stays on the host. Who writes such rules?",
        ),
    ),
    Check(
        name="blog-answers",
        points=1,
        wanted="Port 80 of {blog} is published, and the client gets a page there.",
        judge=blog_answers,
        evidence=("blog",),
        hints={
            **GONE,
            "blog-unpublished": "`docker port {blog}` shows which of its ports lead out. Port 80 does not.",
            "blog-silent": "A port is published, but the client gets nothing there. From where can it be reached?",
        },
        steps=(
            "There are two ways to leave the choice to the engine. Chapter 02 shows both.",
            "`docker port {blog}` shows what the engine chose.",
            "One of the ways names the container's port alone, the other asks for all ports that the image exposes.",
        ),
        steps_for=GONE_FOR,
    ),
    Check(
        name="blog-chosen",
        points=1,
        wanted="The engine chose the host's port for {blog}, not you.",
        judge=blog_chosen,
        evidence=("blog wish",),
        rests_on=("blog-answers",),
        hints={"by-hand": "The port was written into the command. Next time somebody else may have it. Leave it out."},
        steps=(
            "`docker inspect {blog}` tells the wish (HostConfig.PortBindings) from what came of it "
            "(NetworkSettings.Ports).",
            "Where the engine may choose, the wish has no number for the host.",
            "What is left of `-p` if you leave out the host's side?",
        ),
    ),
    Check(
        name="desk-answers",
        points=1,
        wanted="The host itself gets a page from 127.0.0.1, port {desk_port}.",
        judge=desk_answers,
        evidence=("desk",),
        hints={
            **GONE,
            "desk-elsewhere": "Something answers there, and it is not {desk}: `ss -ltnp` and `docker ps` show who has "
            "the port.",
            "desk-port": "On 127.0.0.1 nobody answers at port {desk_port}. `docker port {desk}` shows where it is "
            "published.",
            "desk-listens": "The port leads to the container, but nginx inside does not answer. It must listen on the "
            "container's own address: its 127.0.0.1 is not the host's.",
        },
        steps=(
            "Ask on the host: `curl -v http://127.0.0.1:{desk_port}/`.",
            "`ss -ltnp` on the host shows each listening port with its address.",
            "In -p an address may stand before the host's port.",
        ),
        steps_for={
            **GONE_FOR,
            "desk-listens": (
                "The port is right. What is left is what runs in {desk}, and where it listens.",
                "`docker top {desk}` lists its processes, and `docker logs {desk}` shows what they printed.",
                "`nsenter -t PID -n ss -ltn` on the host shows their addresses and ports; "
                "`docker inspect -f '{{{{.State.Pid}}}}' {desk}` prints that PID.",
            ),
        },
    ),
    Check(
        name="desk-closed",
        points=2,
        wanted="The client gets nothing from port {desk_port} of the host, and nothing of {desk} from another port.",
        judge=desk_closed,
        evidence=("desk outside", "desk elsewhere"),
        rests_on=("desk-answers",),
        hints={
            "everywhere": "`docker ps` shows 0.0.0.0 before the port: all addresses of the host. For the host "
            "alone it must be another one.",
            "second-port": "{desk_port} is closed to the client, and another port of the host leads to {desk}.",
        },
        steps=(
            "Try it as the client does: `%%client` and curl to 203.0.113.10.",
            "Compare the addresses before the ports in `docker ps`.",
            "Which address does every host have for itself?",
        ),
    ),
)
