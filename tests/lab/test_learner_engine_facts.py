"""The learner's own engine, read-only: what is read, what is said of the rest, and that nothing is changed."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from course_lib.engine import client, helper_container
from course_lib.engine.labels import LABEL
from course_lib.errors import CourseError, EngineUnfitError
from course_lib.lab import facts, learner_engine_facts, machine_footprint
from course_lib.network import parse_facts
from course_lib.network.describe import describe
from course_lib.network.model import Snapshot
from course_lib.notebook import current
from course_lib.picture.layout.page import layout
from tests.commands.test_cli import course
from tests.fake_engine import INFO, fake_engine
from tests.worker import lab

RECORDED = json.loads((Path(__file__).parents[1] / "facts" / "26.1" / "published.json").read_text())
TABLES = "table ip nat\ntable ip filter\ntable ip6 filter\n"
PLAIN = {"OSType": "linux", "OperatingSystem": "Debian GNU/Linux 13 (trixie)", "SecurityOptions": []}


class Api:
    """An engine that has what was recorded; what it is asked is noted."""

    def __init__(self, info: dict[str, Any]) -> None:
        self._info = info
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        details = {d["Id"]: d for d in RECORDED["inspect"]}
        answers = {
            "containers": lambda **_: [
                *RECORDED["containers"],
                {**RECORDED["containers"][0], "Id": "f" * 64, "Labels": {LABEL: "helper"}},
            ],
            "networks": lambda: RECORDED["networks"],
            "inspect_container": details.__getitem__,
            "info": lambda: self._info,
            "version": lambda: {"Version": "26.1.5+dfsg1"},
            "images": lambda **_: [{"RepoTags": ["container-course/lab:trixie"]}],
        }
        self.asked.append(name)
        return answers[name]


def section(title: str, text: str) -> str:
    """Return a section as a helper container prints it."""
    lines = text.splitlines()
    return "".join(f"{line}\n" for line in (f"== {title} {len(lines)}", *lines))


def namespaces(interfaces: dict[str, Any]) -> str:
    """Return the section that `reader.pl` prints about namespaces."""
    return section("namespaces", "".join(f"{key} {json.dumps(value)}\n" for key, value in interfaces.items()))


def shown(
    monkeypatch: pytest.MonkeyPatch, *, info: dict[str, Any] = PLAIN, image: bool = True, **answers: Any
) -> Snapshot:
    """Read an engine whose helper container answers so, or is refused with an exception's words."""
    inside = namespaces(RECORDED["inside"])
    plain = {
        learner_engine_facts.READ_HOST: namespaces({"addr": RECORDED["addr"]})
        + section("route", json.dumps(RECORDED["route"])),
        learner_engine_facts.READ_RULES: section("rules ip nft", RECORDED["rules"]["ip"])
        + section("rules tables nft", TABLES),
        "inside": inside,
    }
    names = {learner_engine_facts.READ_HOST: "host", learner_engine_facts.READ_RULES: "rules"}

    def look(_api: Any, _image: str, script: str, **_: Any) -> str:
        answer = answers.get(names.get(script, "inside"), plain.get(script, inside))
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    api = Api(info)
    monkeypatch.setattr(client, "connect", lambda **_: api)
    monkeypatch.setattr(helper_container, "look", look)
    if not image:
        monkeypatch.setattr(learner_engine_facts, "lab_image", lambda _: None)
    made = parse_facts.snapshot(learner_engine_facts.read())
    assert set(api.asked) <= {"containers", "networks", "inspect_container", "info", "version", "images"}
    return made


def note(made: Snapshot) -> str:
    """Return what is said, in the text and in the picture, of what could not be read."""
    said = " ".join(describe(made).split())
    for part in made.unread:
        assert part.why in said
    assert (("note", "unread") in layout(made).places) == bool(made.unread)
    return said


def test_with_all_rights_it_is_the_whole_network_without_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    made = shown(monkeypatch)
    of_the_lab = parse_facts.snapshot(RECORDED)
    assert made.unread == ()
    assert made.client == ()
    assert (made.containers, made.networks, made.interfaces) == (
        of_the_lab.containers,
        of_the_lab.networks,
        of_the_lab.interfaces,
    )
    assert [c for c in made.chains if c.family == "ip"] == [c for c in of_the_lab.chains if c.family == "ip"]
    assert made.container("web").endpoints[0].veth
    said = describe(made)
    assert "client" not in said
    assert "from outside → 203.0.113.10:80/tcp → web 172.17.0.2:80" in said
    assert ("client", "client") not in layout(made).places
    assert "your own engine's machine" in said


def test_the_helper_itself_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sorted(c.name for c in shown(monkeypatch).containers) == ["c1", "web"]


def test_refused_rules_are_said_and_nothing_is_claimed_about_them(monkeypatch: pytest.MonkeyPatch) -> None:
    made = shown(monkeypatch, rules=CourseError("iptables: Permission denied (you must be root)"))
    said = note(made)
    assert "The firewall rules of your own engine's machine could not be read: iptables: Permission denied" in said
    assert made.interface("docker0")
    for claim in ("nothing is published", "no MASQUERADE rule", "no FORWARD chain"):
        assert claim not in said


def test_refused_interfaces_are_said_and_no_bridge_is_called_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    said = note(shown(monkeypatch, host=CourseError("refused"), inside=CourseError("refused")))
    assert "The interfaces and routes of your own engine's machine could not be read: refused" in said
    assert "no such bridge" not in said
    assert "172.17.0.2/16" in said, "what the API tells is shown"


def test_namespaces_that_cannot_be_entered_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    first = next(iter(RECORDED["inside"]))
    some = section("namespaces", f"{first} {json.dumps(RECORDED['inside'][first])}\n{'0' * 64} ! it cannot be entered")
    made = shown(monkeypatch, inside=some)
    assert "1 of 2 could not be entered" in note(made)
    assert made.warnings == ()


def test_without_an_image_of_the_lab_the_way_to_one_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    made = shown(monkeypatch, image=False)
    assert [part.what for part in made.unread] == ["interfaces", "namespaces", "rules"]
    assert "`./course up` makes it" in note(made)


@pytest.mark.parametrize(
    ("info", "words"),
    [
        (
            {**PLAIN, "OperatingSystem": "Docker Desktop"},
            "virtual machine of Docker Desktop (not that of your computer)",
        ),
        ({**PLAIN, "SecurityOptions": ["name=rootless"]}, "RootlessKit (a rootless engine: not that of the machine)"),
    ],
)
def test_whose_namespace_it_is_is_said(monkeypatch: pytest.MonkeyPatch, info: dict[str, Any], words: str) -> None:
    made = shown(monkeypatch, info=info)
    assert words in describe(made)
    assert words in " ".join(getattr(shape, "text", "") for shape in layout(made).shapes)


def chosen(nft: str = "", legacy: str = "", tables: str = "") -> tuple[dict[str, str], dict[str, str]]:
    """Return which of these rules are kept, and the note on the others."""
    parts = {"rules ip nft": nft, "rules ip legacy": legacy, "rules tables nft": tables}
    return learner_engine_facts._choose_rules(
        facts.parse("".join(section(title, text) for title, text in parts.items()))["rules"]
    )


def test_of_both_kinds_of_iptables_the_one_with_dockers_chains_is_shown() -> None:
    docker, other = "*nat\n:DOCKER - [0:0]\n-A DOCKER -j RETURN\n", "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j DROP\n"
    for kept, (rules, left) in (("legacy", chosen(other, docker)), ("nft", chosen(docker, other))):
        assert ":DOCKER" in rules["ip"]
        assert "tables of the other kind" in left["more rules"]
        assert kept not in left["more rules"]
    assert chosen(docker, "")[1] == {}


def test_tables_of_nftables_are_named() -> None:
    _, left = chosen(tables="table ip nat\ntable inet firewalld\ntable ip custom")
    assert left == {"more rules": "table inet firewalld, table ip custom"}
    assert "docker-bridges" in chosen(tables="table ip docker-bridges")[1]["rules"]


def test_tables_that_are_not_shown_are_named_in_the_lab_too() -> None:
    listed = "table ip filter\ntable ip6 nat\ntable inet course4711\ntable bridge filt\nrules of iptables-legacy\n"
    assert facts.parse(section("tables", listed))["unread"] == {
        "more rules": "table bridge filt, rules of iptables-legacy"
    }
    assert facts.parse(section("tables", "table ip filter\n"))["unread"] == {}


def test_a_rootless_engine_is_looked_at_though_it_cannot_run_the_lab(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fake_engine(tmp_path, {"info": {**INFO, "SecurityOptions": ["name=rootless"]}}) as address:
        monkeypatch.setenv("DOCKER_HOST", address)
        with pytest.raises(EngineUnfitError, match="rootless"):
            client.connect()
        assert client.connect(for_lab=False)


def no_helper_is_left(api: Any) -> bool:
    """Wait until no helper is there: another lab's may be, for a second."""
    for _ in range(50):
        if not api.containers(all=True, filters={"label": f"{LABEL}=helper"}):
            return True
        time.sleep(0.2)
    return False


@pytest.mark.live
def test_nothing_of_the_machine_is_changed(running_lab: None) -> None:
    api = client.outer()
    image = learner_engine_facts.lab_image(api)
    assert image
    for _ in range(3):  # somebody else may use this machine too
        before = machine_footprint.fingerprint(image)
        done = course("graph", "--engine-of-this-machine")
        after = machine_footprint.fingerprint(image)
        if before == after:
            break
    assert done.returncode == 0, done.stderr
    assert before == after
    assert before["rules"]
    assert no_helper_is_left(api)
    assert f"  {lab.container}" in done.stdout or f" {lab.container}" in done.stdout
    # No lab is taken for the course's host and client. Its container has interfaces that this engine did not make.
    own = re.sub(r"but it\s+has .*?,\s+which\s+this\s+engine\s+did\s+not\s+make", "", done.stdout, flags=re.DOTALL)
    assert not re.search(r"\bclient\b|203\.0\.113\.", own)
    assert "Rules at FORWARD" in done.stdout


@pytest.mark.live
def test_what_a_refused_helper_leaves(running_lab: None) -> None:
    api = client.outer()
    image = str(learner_engine_facts.lab_image(api))
    assert helper_container.look(api, image, "echo yes", capabilities=("NET_ADMIN",)) == "yes\n"
    with pytest.raises(CourseError, match="no such thing"):
        helper_container.look(api, image, "echo first >&2; echo no such thing >&2; exit 3", capabilities=())
    with pytest.raises(client.APIError):
        helper_container.look(api, image, "true", capabilities=("NO_SUCH_CAPABILITY",))
    assert no_helper_is_left(api)


# What the helper needs, without the engine and what nobody runs: 3 s instead of an image of 400 MB.
IMPORT = """tar -C / --exclude=usr/share --exclude='*/dockerd' --exclude='*/containerd*' --exclude='usr/bin/docker*' \
  -c bin sbin lib lib64 usr/bin usr/sbin usr/lib usr/lib64 etc/alternatives 2>/dev/null \\
  | docker import - helper:x >/dev/null
docker network create --ipv6 --subnet fd00:1::/64 six
docker run -d --name web -p 80:80 nginx
docker run -d -it --name c1 --network six busybox
docker run -d -it --name in-host --network host busybox
docker run -d -it --name sidecar --network container:web busybox
docker run -d -it --name alone --network none busybox"""
STATE = """iptables-save; ip6tables-save; nft list tables; ip addr; ip route; docker ps -a --format '{{.ID}} {{.State}}'
docker network ls; docker volume ls; docker images -q"""


@pytest.mark.live
@pytest.mark.slow
def test_a_helper_sees_what_the_lab_shows_of_itself(fresh_lab: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lab's own engine in the place of the learner's: what is read from outside is what is read from inside."""
    current.host(IMPORT)
    state = f"({STATE}) | grep -v '^#' | sed 's/valid_lft.*//'"
    before = current.host(state)
    api = client.inner(lab.container)
    monkeypatch.setattr(client, "connect", lambda **_: api)
    monkeypatch.setattr(learner_engine_facts, "lab_image", lambda _: "helper:x")
    made = parse_facts.snapshot(learner_engine_facts.read())
    assert current.host(state) == before
    inside = parse_facts.snapshot(facts.read(lab))
    assert made.unread == made.warnings == ()
    assert made.containers == inside.containers
    assert (made.interfaces, made.networks, made.routes) == (inside.interfaces, inside.networks, inside.routes)
    assert made.chains == inside.chains
    assert made.container("c1").endpoints[0].veth
