"""Make wrong, and sometimes still right, answers from a right one: `mutants`. Whether one is right, the oracle says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

WORD = re.compile(r"(?:[^\s'\"]|'[^']*'|\"[^\"]*\")+")
VALUED = re.compile(  # options of docker that are followed by their value
    "--(name|publish|net|network|ip|ip6|network-alias|net-alias|alias|volume|mount|env|subnet|gateway|ip-range|opt"
    "|hostname|driver|link|add-host|entrypoint|restart)|-[pveohwd]"
)
IMAGES = {"nginx": "busybox", "busybox": "nginx", "mariadb": "nginx", "wordpress": "nginx", "debian": "busybox"}
# Each is said of a container, and appended.
TO_A_CONTAINER = {
    "stopped": "docker stop -t 0 {0}",
    "killed": "docker kill {0}",
    "paused": "docker pause {0}",
    "removed": "docker rm -f {0}",
    "restarted": "docker restart -t 0 {0}",
    "stopped and started": "docker stop -t 0 {0}; docker start {0}",
    "renamed": "docker rename {0} old",
    "connected to docker0": "docker network connect bridge {0}",
    "taken off docker0": "docker network disconnect bridge {0}",
    "on one more network": "docker network create more; docker network connect more {0}",
    "opened by a relay": "socat TCP-LISTEN:9191,fork,reuseaddr TCP:$(docker inspect -f "
    "'{{{{range .NetworkSettings.Networks}}}}{{{{.IPAddress}}}} {{{{end}}}}' {0} | cut -d' ' -f1):80 >/dev/null 2>&1 &",
    "replaced by a copy": "docker commit {0} copy; docker rm -f {0}; docker run -d --name {0} copy",
    "changed to another page": "docker exec {0} sh -c 'echo other >/usr/share/nginx/html/index.html'",
    "without routes": "nsenter -t $(docker inspect -f '{{{{.State.Pid}}}}' {0}) -n ip route flush table main",
    "without its interface": "nsenter -t $(docker inspect -f '{{{{.State.Pid}}}}' {0}) -n ip link set eth0 down",
}
TO_THE_HOST = {
    "everything is forwarded": "iptables -P FORWARD ACCEPT",
    "nothing is forwarded": "sysctl -qw net.ipv4.ip_forward=0",
    "no rule of nat is left": "iptables -t nat -F",
    "nothing is masqueraded": "iptables -t nat -F POSTROUTING",
    "DOCKER-USER drops everything": "iptables -I DOCKER-USER -j DROP",
    "docker0 is down": "ip link set docker0 down",
    "an extra container": "docker run -d --name extra nginx",
    "an extra container with a port": "docker run -d --name extra -p 9080:80 nginx",
    "an extra container with every port": "docker run -d --name extra -P nginx",
    "an extra network": "docker network create extra",
    "networks without anybody are removed": "docker network prune -f",
    "nothing is masqueraded by docker-proxy": "iptables -I INPUT -i lo -j DROP; iptables -I INPUT -i lo -j ACCEPT",
}


def mutants(text: str, values: Mapping[str, int | str], others: Mapping[str, int | str]) -> dict[str, str]:
    """Return mutants of a template of an answer by what was done to it: `others` are a neighbour's values."""
    found: dict[str, str] = {}
    for name, mutant in _each(text, values, others):
        if mutant != text and mutant not in found.values():
            found.setdefault(name, mutant)
    return found


def sheets(text: str) -> dict[str, str]:
    """Return mutants of an answer to exercise 01, whose commands write a sheet of eleven lines: of what it says."""
    others = ("page", "no name", "filter FORWARD 1", "filter DOCKER-USER 1", "nat DOCKER 1", "nat POSTROUTING 2", "")
    found = {
        f"line {line} says {new or 'nothing'}": f"{text}\nsed -i '{line}s/= .*/= {new}/' answers.txt\n"
        for line in range(1, 12)
        for new in (*others, "oboe")
    }
    for line in range(1, 12):
        found[f"without line {line} of the sheet"] = f"{text}\nsed -i '{line}d' answers.txt\n"
        said = f"said=$(sed -n '{line - 1 or 2}s/.*= //p' answers.txt)"
        found[f"line {line} has the answer of the one before"] = (
            f'{text}\n{said}; sed -i "{line}s/= .*/= $said/" answers.txt\n'
        )
        found[f"line {line} has the next number"] = (
            f"{text}\nperl -i -pe 's/(\\d+)$/$1 + 1/e if $. == {line} && / = .* \\d+$/' answers.txt\n"
        )
    return found


def _each(text: str, values: Mapping[str, int | str], others: Mapping[str, int | str]) -> Iterator[tuple[str, str]]:
    lines = text.splitlines()
    names: list[str] = []
    for number, line in enumerate(lines):
        if not line.strip() or line.startswith("#"):
            continue

        def put(*new: str, at: int = number) -> str:
            return "\n".join([*lines[:at], *new, *lines[at + 1 :]]) + "\n"

        yield f"without line {number + 1}", put()
        if number + 1 < len(lines):
            yield (
                f"line {number + 2} before line {number + 1}",
                "\n".join([*lines[:number], lines[number + 1], line, *lines[number + 2 :]]) + "\n",
            )
        yield f"line {number + 1} twice", put(line, line)
        for match in re.finditer(r"@(\w+)@", line):
            value, key = values[match[1]], match[1]
            near = value + 1 if isinstance(value, int) else f"{value}x"
            for how, new in (("a neighbour's", others[key]), ("nearly the", near)):
                yield (
                    f"line {number + 1} with {how} {key} at {match.start()}",
                    put(f"{line[: match.start()]}{new}{line[match.end() :]}"),
                )
        if line.startswith("docker "):
            for name, changed in _docker(line):
                yield f"line {number + 1} {name}", put(changed)
        names += re.findall(r"--name[ =](\S+)", line)
    for name in dict.fromkeys(names):
        for what, command in TO_A_CONTAINER.items():
            yield f"{name.strip('@')} {what}", f"{text}\n{command.format(name)}\n"
    for what, command in TO_THE_HOST.items():
        yield what, f"{text}\n{command}\n"
    for first, second in zip(dict.fromkeys(names), list(dict.fromkeys(names))[1:], strict=False):
        swapped = f"docker rename {first} swap; docker rename {second} {first}; docker rename swap {second}"
        yield f"{first.strip('@')} and {second.strip('@')} renamed into each other", f"{text}\n{swapped}\n"


def _docker(line: str) -> Iterator[tuple[str, str]]:
    """Yield changes of one command of docker."""
    spans = [(m.start(), m.end(), m[0]) for m in WORD.finditer(line)]

    def cut(start: int, end: int, new: str = "") -> str:
        return re.sub(r"  +", " ", line[:start] + new + line[end:])

    for place, (start, end, word) in enumerate(spans):
        valued = VALUED.fullmatch(word) and (word != "-d" or " network create " in line) and place + 1 < len(spans)
        last = spans[place + 1][1] if valued else end
        if word.startswith("-"):
            yield f"without {line[start:last]}", cut(start, last)
        value_at = (spans[place + 1][0], last) if last != end else (start + word.find("=") + 1, end)
        value = line[slice(*value_at)]
        if re.match(r"(-p|--publish)\b", word):
            for new in _published(value):
                yield f"with -p {new} for {value}", cut(*value_at, new)
        if re.match(r"(--net|--network)(=|$)", word) and " network " not in line:
            for new in ("host", "none", "bridge"):
                yield f"with {word} {new}", cut(*value_at, new)
        if re.match(r"(-v|--volume)(=|$)", word):
            source, _, target = value.partition(":")
            for new in (f"{value}:ro", f"/nowhere:{target}", f"{source}:/nowhere"):
                yield f"with -v {new} for {value}", cut(*value_at, new)
        if word in {"--network-alias", "--net-alias", "--alias"}:
            for new in ("--hostname", "--label"):
                yield f"with {new} for {word}", cut(start, end, new)
        if word in IMAGES and place and not spans[place - 1][2].startswith("--name"):
            yield f"with {IMAGES[word]} for {word}", cut(start, end, IMAGES[word])
        if word == "-P":
            yield "with -p 80:80 for -P", cut(start, end, "-p 80:80")
            yield "with -p 8080 for -P", cut(start, end, "-p 8080")
        if word == "run" and place == 1:
            yield "with create for run", cut(start, end, "create").replace(" -d ", " ")
            yield "in the host's network", cut(start, end, "run --network host")
            yield "with a port for everything", cut(start, end, "run -P")
            yield "without a name server", cut(start, end, "run --dns 192.0.2.99")
            yield "with a restart policy", cut(start, end, "run --restart always")
        if word == "create" and place == 2:
            yield "--internal", cut(start, end, "create --internal")
            yield "with IPv6", cut(start, end, "create --ipv6 --subnet fd00:5::/64")
            yield "as macvlan", cut(start, end, "create -d macvlan")
            for option in ("enable_icc=false", "enable_ip_masquerade=false"):
                yield f"with {option}", cut(start, end, f"create -o com.docker.network.bridge.{option}")


def _published(value: str) -> Iterator[str]:
    """Yield other values of -p."""
    parts = value.rsplit(":", 2)
    if len(parts) == 1:
        yield from ("8080", f"8080:{value}", f"127.0.0.1::{value}", f"{value}/udp")
        return
    ports = parts[-2:]
    for front in ("", "127.0.0.1:", "127.0.0.2:", "0.0.0.0:", "203.0.113.10:", "[::]:", "[::1]:"):
        yield f"{front}{':'.join(ports)}"
    yield f"{':'.join(parts[:-2])}{':' if parts[2:] else ''}{ports[1]}:{ports[0]}"
    yield f"{':'.join([*parts[:-1], '81'])}"
    yield f"{value}/udp"
    yield ports[1]
    yield ports[0]
    yield f"{ports[1]}:{ports[1]}"
    yield f"{':'.join(parts[:-1])}-{ports[0]}:{ports[1]}"
