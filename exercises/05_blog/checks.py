"""Judge a blog: WordPress and its database on a network of their own, with data that outlives both containers."""

from __future__ import annotations

import html
import re
import shlex

from course_lib.exercises.checks import Check, Finding, Probe, Seed, Seen, Value, Values
from course_lib.exercises.reachability import (
    HOST,
    TRIES,
    as_neighbour,
    came_from,
    led_to,
    listening,
    not_paused,
    places,
    published,
)
from course_lib.network.model import Snapshot

NOBODY = "203.0.113.98"  # an address that nobody has

# What a visitor sees: the title or the heading of the page, and the address after all redirects.
SHOWN = "| grep -oE '<title>[^<]*|<h1[^>]*>[^<]*|^[0-9]{3} http.*'"
VISIT = "curl -sL -m 5 --fail-with-body -w '\\n%{http_code} %{url_effective}\\n'"

# The database is stopped for a moment: what does a visitor see? Then both containers are created again with the same
# options, in the other order, so that each gets another address unless it has a fixed one. Nothing of the old ones is
# kept but what is outside of them. At the end the old ones are restored. (Docker's API, /containers/create, accepts
# what /containers/NAME/json returns. A container that removes itself when it is stopped is replaced by its twin.)
AGAIN = r"""
db=$1 blog=$2 url=$3 user=$4 password=$5 database=$6
visit() { ip netns exec client VISIT "$url" SHOWN | tr '\n' ' '; }
sql() { docker exec "$db" mariadb -h 127.0.0.1 -u"$user" -p"$password" -N -e "$1" 2>&1; }
within() { # within SECONDS COMMAND...
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.2
    done
}
api() { curl -s --unix-socket /var/run/docker.sock -H 'Content-Type: application/json' -d "$2" "http://docker$1"; }
twin() { # twin NAME INSPECTED
    local main network
    main=$(jq -r '.HostConfig.NetworkMode | if . == "default" then "bridge" else . end' <<<"$2")
    local ends='(.NetworkSettings.Networks | map_values({Aliases, IPAMConfig}))'
    api "/containers/create?name=$1" "$(jq --arg main "$main" ".Config + {HostConfig} + {NetworkingConfig:
        {EndpointsConfig: ($ends | with_entries(select(.key == \$main)))}}
        | if .Hostname == \"$(jq -r '.Id[:12]' <<<"$2")\" then del(.Hostname) else . end" <<<"$2")" >/dev/null
    # First of all: a container cannot be on "none" and on another network.
    jq -e --arg main "$main" '.NetworkSettings.Networks | has($main)' <<<"$2" >/dev/null ||
        docker network disconnect "$main" "$1"
    for network in $(jq -r --arg main "$main" '.NetworkSettings.Networks | keys[] | select(. != $main)' <<<"$2"); do
        api "/networks/$network/connect" "$(jq --arg name "$1" --arg network "$network" \
            "{Container: \$name, EndpointConfig: ${ends}[\$network]}" <<<"$2")" >/dev/null
    done
    docker start "$1" >/dev/null
}
back() {
    for name in "$db" "$blog"; do
        docker inspect "$name-before" >/dev/null 2>&1 || continue
        docker rm -fv "$name" >/dev/null
        docker rename "$name-before" "$name"
    done
    docker start "$db" "$blog" >/dev/null
}
answered() { said=$(visit); [[ $said == *http* && $said != *"000 http"* ]]; }
complete() { said=$(visit); [[ $said != *"500 http"* ]]; }
awake() { [[ $(sql 'SELECT 1') != *"ERROR 2"* ]]; }

order=$(docker inspect -f '{{.Created}} {{.Name}}' "$db" "$blog" | sort -r | sed 's/.*\///')
declare -A was
for name in $order; do was[$name]=$(docker inspect "$name" | jq '.[0]'); done
docker stop -t 5 "$db" >/dev/null
echo "without: $(visit)"
trap back EXIT
docker stop -t 5 "$blog" >/dev/null
for name in $order; do docker rename "$name" "$name-before" 2>/dev/null; done
for name in $order; do twin "$name" "${was[$name]}"; done
within 15 awake
within 15 answered
within 3 complete
echo "again: $said"
echo "tables: $(sql "SELECT count(*) FROM information_schema.tables WHERE table_schema = '$database'")"
""".replace("VISIT", VISIT).replace("SHOWN", SHOWN)


def parameters(seed: Seed) -> dict[str, Value]:
    """Return the learner's values."""
    return {
        "net": seed.choice("net", ("inkwell", "quill", "blotter", "paperclip")),
        "db": seed.choice("db", ("attic", "drawer", "shelf", "chest")),
        "database": seed.choice("database", ("letters", "essays", "sketches", "recipes")),
        "user": seed.choice("user", ("scribe", "clerk", "printer", "novelist")),
        "password": f"{seed.choice('word', ('pen', 'ink', 'nib', 'ream'))}-{seed.number('password', 1000, 9999)}",
        "blog": seed.choice("blog", ("gazette", "herald", "courier", "bulletin")),
        "port": seed.number("port", 8100, 8899),
        "title": f"News No {seed.number('title', 100, 999)}",
    }


def probes(values: Values, network: Snapshot) -> dict[str, Probe]:
    """Return the probes of the lab: the database, the page, who else gets in, and what new containers still know."""
    v, url = values, f"http://{HOST}:{values['port']}/"
    db, blog = network.container(str(v["db"])), network.container(str(v["blog"]))
    both = all(c is not None and c.state == "running" for c in (db, blog))
    own = [a for e in (db.endpoints if db else ()) if e.network == v["net"] for a in e.addresses]
    address = own[0].partition("/")[0] if own else NOBODY
    other_ports = [listening(network, but=v["port"])]
    sql = f"docker exec {v['db']} mariadb -h 127.0.0.1 -u{v['user']} -p{v['password']} -N -e"
    login, connect = f"{sql} 'SHOW DATABASES'", f"timeout 1 bash -c '</dev/tcp/{address}/3306' && echo in"
    again = shlex.join(["bash", "-c", AGAIN, "again", *(str(v[n]) for n in ("db", "blog"))])
    again += " " + shlex.join([url, *(str(v[n]) for n in ("user", "password", "database"))])
    return {
        # ERROR 2...: nothing listens yet. Any other answer is final.
        "login": Probe(
            "host", f"said=$({login} 2>&1); echo \"$said\"; [[ $said != *'ERROR 2'* ]]", 12.0 if both else 0.0
        ),
        "db said": Probe("host", f"docker logs {v['db']} 2>&1 | grep -oE 'Making a database|MYSQL_\\w+ .* is missing'"),
        "page": Probe("client", f"set -o pipefail; {VISIT} {url} {SHOWN}", 4.0 if both else 0.0, timeout=8),
        "turned away": Probe(
            "host", f"docker logs {v['db']} 2>&1 | grep -oE \"Access denied for user '[^']*'\" | tail -n 1"
        ),
        "name": Probe(str(v["blog"]), f"getent hosts {v['db']}"),
        "tables": Probe("host", f"{sql} 'SHOW TABLES FROM {v['database']}' 2>/dev/null"),
        "outside": Probe("client", led_to([v["db"]], other_ports), timeout=TRIES),
        "neighbour": Probe("client", as_neighbour([address], connect)),
        "stranger": Probe("host", f"docker run --rm --network bridge busybox nc -w 1 {address} 3306 -e true"),
        # If the page does not come, there is no need to try it with new containers.
        "again": Probe("host", f"curl -sL -m 5 {url} | grep -qF '<title>{v['title']}' && {again}", timeout=90),
    }


def absent(seen: Seen, which: str) -> Finding | None:
    """Return the finding for a container that is not running, None if it runs."""
    container = seen.network.container(str(seen.values[which]))
    if container is None:
        return Finding(f"there is no container {seen.values[which]}", f"{which}-absent")
    if container.state != "running":
        return Finding(f"the container {container.name} is {container.state}", f"{which}-ended")
    return None


def network(seen: Seen) -> Finding:
    """Judge whether both run, and on which networks."""
    net = seen.network.network(str(seen.values["net"]))
    for which in ("db", "blog"):
        if finding := absent(seen, which):
            return finding
    both = [seen.network.container(str(seen.values[which])) for which in ("db", "blog")]
    where = "; ".join(f"{c.name} is on: {', '.join(places(seen.network, c.name)) or c.mode}" for c in both if c)
    if net is None:
        return Finding(where, "link" if any(c and c.links for c in both) else "no-network")
    if any(seen.values["net"] not in places(seen.network, c.name) for c in both if c):
        return Finding(where, "link" if any(c and c.links for c in both) else "outside")
    if net.driver != "bridge":
        return Finding(f"{net.name} is a network of the driver {net.driver}", "other-driver")
    return Finding(where)


def database(seen: Seen) -> Finding:
    """Judge the rights of the database user, by logging in as that user."""
    values, said = seen.values, seen.results["login"].output.strip()
    if not seen.results["login"].ok:
        return Finding(f"no database answers in {values['db']}: {said[:90]}", "db-silent")
    if "ERROR" in said:
        words = seen.results["db said"].output
        if "is missing" in words:
            return Finding(f"{said[:90]}; {values['db']} says: {words.strip().splitlines()[-1]}", "no-user")
        if "Making a database" not in words:
            return Finding(f"{said[:90]}; {values['db']} found a database and made none", "old-data")
        return Finding(said[:90], "other-user")
    mine = said.split()
    found = f"{values['user']} sees: {', '.join(mine)}"
    if values["database"] not in mine:
        return Finding(found, "no-database")
    return Finding(found, "too-much" if set(mine) - {values["database"], "information_schema"} else "")


def plain(text: str) -> str:
    """Return the text that a browser shows for a piece of HTML."""
    return html.unescape(re.sub("<[^>]*>", "", text)).strip()


def titled(text: str, title: Value) -> bool:
    """Whether the text of a page's title or heading is the blog's title, perhaps with its tagline behind a dash."""
    return re.match(rf"{re.escape(str(title))}\s*([\u2013-]\s|$)", text.strip()) is not None


def page(seen: Seen) -> Finding:
    """Judge what a visitor sees."""
    values, said = seen.values, seen.results["page"]
    shown = [plain(line) for line in said.output.splitlines()]
    place = shown[-1] if shown else ""
    found = f"a visitor sees: {'; '.join(filter(None, shown))[:160] or said.words}"
    if "setup-config.php" in place:
        return Finding(found, "wizard")
    if "install.php" in place:
        return Finding(found, "not-installed")
    if "database connection" in said.output:
        if not seen.results["name"].ok:
            return Finding(f"{found}; in {values['blog']} the name {values['db']} is unknown", "no-name")
        away = seen.results["turned away"].output.strip()
        if "example username" in away:
            return Finding(f"{found}; the database: {away}", "example-user")
        return Finding(f"{found}; the database: {away or 'nobody was turned away'}", "denied" if away else "elsewhere")
    if said.ok and any(titled(line, values["title"]) for line in shown):
        if not seen.results["tables"].output.split():
            return Finding(f"{found}; {values['database']} has no tables", "other-database")
        return Finding(found)
    if said.ok:
        return Finding(found, "other-title")
    ports = published(seen.network, values["blog"])
    out = ", ".join(f"{p.host_port} to {p.container_port}" for p in ports) or "none"
    sent_on = "http" in place and f"{HOST}:{values['port']}/" not in place
    here = any(p.host_port == values["port"] for p in ports)
    hint = "sent-away" if sent_on else "silent" if here else "other-port"
    return Finding(f"{found}; published ports of {values['blog']}: {out}", hint)


def closed(seen: Seen) -> Finding:
    """Judge who else gets to the database."""
    v, output = seen.values, seen.results["outside"].output
    if ports := [f"{p.host_ip}:{p.host_port}" for p in published(seen.network, v["db"])]:
        return Finding(f"the database is published: {', '.join(ports)}", "published")
    if urls := () if not_paused(output, v["db"]) else came_from(output, v["db"]):
        return Finding(f"the client reaches the database at {', '.join(urls)}", "published")
    if "in" in seen.results["neighbour"].output.split():
        return Finding("a machine next to the host reaches the database by its address", "neighbour")
    if seen.results["stranger"].ok:
        return Finding("a container on docker0 reaches the database", "also-outside")
    for name in set(places(seen.network, v["db"])) - {v["net"]}:
        on_it = [c.name for c in seen.network.containers if name in places(seen.network, c.name)]
        if others := set(on_it) - {v["db"], v["blog"]}:
            return Finding(f"the database is also on {name}, with {', '.join(sorted(others))}", "also-outside")
    if "bridge" in places(seen.network, v["db"]):
        return Finding("the database is also on docker0, as any container that names no network", "also-outside")
    return Finding(not_paused(output, v["db"]) or "neither the client nor another container gets to the database")


def outlives(seen: Seen) -> Finding:
    """Judge what two new containers still know."""
    said = dict(re.findall(r"^(without|again|tables): (.*)$", seen.results["again"].output, re.M))
    db, blog = seen.values["db"], seen.values["blog"]

    def there(text: str) -> bool:
        titles = re.findall(r"<title>(.*?)(?= ?<h1| \d{3} http|$)", text)
        return any(titled(plain(title), seen.values["title"]) for title in titles)

    if there(said.get("without", "")):
        return Finding(f"while {db} is stopped, {blog} shows the page", "elsewhere")
    if "again" not in said:
        return Finding(f"{db} and {blog} could not be created again: {seen.results['again'].words}", "no-twins")
    again = said["again"].strip()
    if there(again):
        return Finding(f"{db} and {blog} were created again, and the page is there")
    tables = said.get("tables", "")
    found = f"created again, a visitor sees: {plain(again)[:120]}; tables in {seen.values['database']}: {tables[:60]}"
    if "setup-config.php" in again:
        return Finding(found, "config-gone")
    return Finding(found, "address" if re.fullmatch("[1-9][0-9]*", tables) else "data-gone")


CHECKS = (
    Check(
        name="network",
        points=1,
        wanted="{db} and {blog} run, both on {net}, a bridge network of your own.",
        judge=network,
        hints={
            "db-absent": "`docker ps -a` shows no container {db}.",
            "blog-absent": "`docker ps -a` shows no container {blog}.",
            "db-ended": "The database does not run. `docker ps -a` shows its state, `docker logs {db}` why.",
            "blog-ended": "The blog does not run. `docker ps -a` shows its state, `docker logs {blog}` why.",
            "link": "A link connects nothing, and keeps nobody out: on the default bridge all reach each other. What "
            "resolves the names of containers without a link?",
            "no-network": "`docker network ls` shows all networks. One called {net} is not among them.",
            "outside": "`docker network inspect {net}` lists who is on it. The two are not both there.",
            "other-driver": "The driver of that name creates a bridge. Docker uses it unless you choose another.",
        },
        steps=(
            "`docker ps -a` and `docker network ls`: what is there?",
            "`docker network inspect {net}` lists who is on a network, under Containers.",
            "The network has to be there before a container is started on it, or is connected to it.",
        ),
    ),
    Check(
        name="database",
        points=2,
        wanted="In {db}, {user} logs in with {password} and sees the database {database}, not the server's own.",
        judge=database,
        evidence=("login",),
        rests_on=("network",),
        hints={
            "db-silent": "Nothing listens on port 3306 in {db}. `docker logs {db}` shows what it waits for.",
            "no-user": "A password alone creates no user: `docker logs {db}` says so.",
            "old-data": "The database was there before this container. The variables act on an empty directory only: "
            "who filled this one, and with which password?",
            "other-user": "The database is new, and {user} does not get in. Which variables did it get?",
            "no-database": "{user} gets in, and finds no database {database}. It is created only if you ask for it.",
            "too-much": "{user} sees more databases than its own. A blog needs one, no more.",
        },
        steps=(
            "`docker logs {db}` shows what was created at the first start, and what was ignored.",
            "Chapter 05, The database, says what each variable does, and when it does nothing.",
            "Four variables have to be set at the first start, on an empty directory.",
        ),
    ),
    Check(
        name="page",
        points=3,
        wanted="The client gets the blog's front page, with the title `{title}`, from port {port} of the host.",
        judge=page,
        evidence=("page",),
        rests_on=("database",),
        hints={
            "wizard": "WordPress has no configuration, so it asks a visitor for one. How could it know all that?",
            "not-installed": "WordPress and its database found each other. Somebody has to fill in the last form, "
            "which makes the tables and asks for the title.",
            "no-name": "{blog} cannot resolve the name {db}. Which server does it ask, and are the two on one network?",
            "example-user": "The database turned away a user that nobody created. A missing variable has a default.",
            "denied": "The database turned the blog away. Compare the variables of the two, letter by letter.",
            "elsewhere": "Nobody was turned away: the blog asks for another database, or somewhere else.",
            "other-database": "The blog works, with another database: in {database} there is not one table.",
            "other-title": "A page comes, and it has another title.",
            "sent-away": "WordPress sends visitors to where it was installed. Is that the client's way in?",
            "other-port": "Port {port} of the host does not lead to the blog: `docker ps` shows the published ports.",
            "silent": "Port {port} leads to the container, and nothing answers there. `docker logs {blog}` says more.",
        },
        steps=(
            "Ask as the client does: `curl -sL -D - http://203.0.113.10:{port}/`, and read where it leads.",
            "`docker logs {db}` shows who was turned away. Compare it with `docker exec {blog} env`.",
            "Chapter 05 has all four variables, and the form that installs WordPress, as one `curl`.",
        ),
    ),
    Check(
        name="closed",
        points=2,
        wanted="Nobody else gets to the database: not the client, and no container that is not on {net}.",
        judge=closed,
        evidence=("outside", "neighbour", "stranger"),
        rests_on=("page",),
        hints={
            "published": "A port of the host leads to the database: `docker ps` or `ss -ltnp` shows it. Who needs it?",
            "neighbour": "A machine next to the host sends packets for the address of {db} to the host, and the host "
            "forwards them: `iptables -S FORWARD`.",
            "also-outside": "{db} can be reached from a second network, or is on one that others are on.",
        },
        steps=(
            "Compare the column PORTS of `docker ps` for both containers.",
            "`docker inspect {db}`, under Networks, shows every network that it is on.",
            "Two containers on one network need no published port between them.",
        ),
    ),
    Check(
        name="outlives",
        points=4,
        wanted="Both containers are removed and created again, in the other order: the same page is there.",
        judge=outlives,
        rests_on=("page",),
        hints={
            "data-gone": "The new database was empty. A volume without a name belongs to one container: the next "
            "container gets a new one.",
            "config-gone": "The data is there, but the new blog does not know how to get to it: its configuration was "
            "in the old container, or in a volume without a name.",
            "address": "The data is there, and the new blog does not get to it. The new database has another address.",
            "no-twins": "`docker stop` and `docker start` by hand, and their logs, show why it takes so long.",
            "elsewhere": "The page comes without {db}. Whose data is it?",
        },
        steps=(
            "Try it: remove both with `docker rm -f`, and run your own commands again without the installation.",
            "`docker inspect`, under Mounts: which volumes have a name that you gave them, or a folder of the host?",
            "What a new container must know has to come with its command or from outside of it. And who else may have "
            "the old address?",
        ),
    ),
)
