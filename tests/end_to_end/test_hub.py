"""Test the JupyterHub of deploy/jupyterhub: its configuration and, in the soak, a class that uses it."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import docker
import pytest
import yaml
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from course_lib.commands.working_copy import FIRST
from course_lib.engine import client as engine_client
from course_lib.lab import port_forward
from course_lib.lab.lifecycle import CAPABILITIES, confinement
from tests.conftest import ROOT
from tests.hub import DEPLOY, PASSWORD, Person, a_hub, prefix

# --- pure ---------------------------------------------------------------------------------------------------------


def wait_for(hook: Coroutine[Any, Any, None]) -> None:
    """Run a hook to its end, in a thread of its own: the browser of other tests has a loop running in this one."""
    with ThreadPoolExecutor() as pool:
        pool.submit(asyncio.run, hook).result()


@dataclass
class Spawner:
    """As much of a DockerSpawner as the hooks use; notes what they ask of the engine."""

    object_name: str = "container-course-hub-kim"
    client: Any = field(default_factory=lambda: docker.APIClient(version="1.41"))
    asked: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)

    async def docker(self, method: str, *arguments: Any, **more: Any) -> str:
        """Note what is asked."""
        self.asked.append((method, arguments, more))
        return f"{method} of {', '.join(arguments)}"


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> Config:
    """Give the configuration as JupyterHub would load it, on a machine with cgroup v1."""
    network = {"IPAM": {"Config": [{"Subnet": "172.30.0.0/16", "Gateway": "172.30.0.1"}]}}
    api = SimpleNamespace(info=lambda: {"CgroupVersion": "1"}, inspect_network=lambda name: network)
    monkeypatch.setattr(engine_client, "outer", lambda: api)
    monkeypatch.syspath_prepend(str(DEPLOY))
    return PyFileConfigLoader("jupyterhub_config.py", path=str(DEPLOY)).load_config()


@pytest.mark.slow
def test_each_setting_is_one_that_somebody_reads(config: Config) -> None:
    places = {
        "JupyterHub": "jupyterhub.app",
        "Authenticator": "jupyterhub.auth",
        "FirstUseAuthenticator": "firstuseauthenticator",
        "Spawner": "jupyterhub.spawner",
        "DockerSpawner": "dockerspawner",
    }
    for name, settings in config.items():
        reader = getattr(importlib.import_module(places[name]), name)
        unknown = set(settings) - set(reader.class_trait_names(config=True))
        assert not unknown, f"{name} has no {unknown}"


def test_a_server_gets_its_own_volumes_and_no_right_at_all(config: Config) -> None:
    spawner = config.DockerSpawner
    assert set(spawner.volumes) == {"{prefix}-{username}-home", "{prefix}-{username}-socket"}
    assert spawner.extra_host_config["cap_drop"] == ["ALL"]
    assert "no-new-privileges" in spawner.extra_host_config["security_opt"]
    assert not {"privileged", "cap_add", "devices", "binds", "pid_mode"} & set(spawner.extra_host_config)


def test_an_engine_gets_the_rights_of_a_lab_and_no_more(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("course_lib.lab.lifecycle.discard", lambda found: None)
    spawner = Spawner()
    wait_for(config.Spawner.pre_spawn_hook(spawner))
    made = next(more for method, _, more in spawner.asked if method == "create_container")
    settings = made["host_config"]
    rights = spawner.client.create_host_config(**confinement())
    assert {name: settings[name] for name in rights} == rights
    assert settings["NetworkMode"] == "none"
    assert settings["CgroupnsMode"] == "private"
    assert set(settings) - set(rights) == {"Binds", "Memory", "PidsLimit"}
    name = spawner.object_name
    assert settings["Binds"] == [f"{name}-engine:/var/lib/docker:rw", f"{name}-socket:/run/engine:rw"]


def test_the_machines_own_engine_is_nowhere_in_what_a_learner_gets() -> None:
    for path in DEPLOY.rglob("*"):
        if path.is_file() and path.name != "README.md" and path.suffix != ".pyc":
            assert "/var/run/docker.sock" not in path.read_text(), path


def test_a_stop_takes_the_engine_away_as_a_lab_is(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    removed = []
    monkeypatch.setattr("course_lib.lab.lifecycle.discard", removed.append)
    wait_for(config.Spawner.post_stop_hook(Spawner()))
    assert removed == ["inspect_container of container-course-hub-kim-engine"]


def test_an_engine_that_is_gone_is_no_error(config: Config) -> None:
    class Gone(Spawner):
        async def docker(self, method: str, *arguments: Any, **more: Any) -> str:
            raise engine_client.NotFound("no such container")

    wait_for(config.Spawner.post_stop_hook(Gone()))


def test_learners_get_the_course_without_the_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(DEPLOY))
    prepare = importlib.import_module("prepare")
    names = [path.relative_to(ROOT).as_posix() for path in prepare._server_files()]
    assert {"notebooks/01_docker0.ipynb", "course_lib/lab/lifecycle.py", "exercises/07_rescue/checks.py"} <= set(names)
    assert not [name for name in names if "solution" in name or "mistakes" in name or "__pycache__" in name]


def test_a_server_opens_the_first_notebook_of_a_working_copy(config: Config) -> None:
    values = yaml.safe_load((DEPLOY / "z2jh-values.yaml").read_text())
    assert config.DockerSpawner.default_url == f"/lab/tree/{FIRST}"
    assert values["singleuser"]["defaultUrl"] == f"/lab/tree/{FIRST}"
    compile(server := (DEPLOY / "server" / "course-server").read_text(), "course-server", "exec")
    assert 'work = lay(Path.home() / "my-course")\nos.chdir(work)\n' in server


def test_a_pod_asks_for_the_rights_of_a_lab() -> None:
    values = yaml.safe_load((DEPLOY / "z2jh-values.yaml").read_text())
    [beside] = values["singleuser"]["extraContainers"]
    context = beside["securityContext"]
    assert context["capabilities"]["add"] == list(CAPABILITIES)
    assert not context.get("privileged")
    assert context["seccompProfile"]["localhostProfile"].endswith("seccomp.json")


def test_on_a_hub_the_path_to_a_page_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/kim/")
    here = port_forward.url(8231, "nobodys", lambda: "nobody asks for it").rstrip("/").rpartition(":")[2]
    assert capsys.readouterr().out == f"In your browser, after the address of the hub: /user/kim/proxy/{here}/\n"


# --- a class, in the soak ---------------------------------------------------------------------------------------------


@dataclass
class Class:
    """A hub that runs, its teacher, and two learners whose servers run."""

    teacher: Person
    kim: Person
    lee: Person


@pytest.fixture(scope="module")
def the_class(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Class]:
    with a_hub(tmp_path_factory.mktemp("hub"), ["kim", "lee"]) as (teacher, kim, lee):
        with ThreadPoolExecutor() as pool:
            print("first starts, s:", list(pool.map(Person.start, (kim, lee))))
        yield Class(teacher, kim, lee)


EXECUTE = """
import json, subprocess, sys
subprocess.run([sys.executable, "-m", "jupyter", "execute", "--inplace", "01_docker0.ipynb"], check=True)
cells = [c for c in json.load(open("01_docker0.ipynb"))["cells"] if c["cell_type"] == "code"]
assert not [o for c in cells for o in c["outputs"] if o["output_type"] == "error"]
print(sum(c["execution_count"] is not None for c in cells), "".join(cells[-1]["outputs"][0]["text"]))
"""


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_two_learners_run_the_first_chapter_at_once(the_class: Class) -> None:
    with ThreadPoolExecutor() as pool:
        for said in pool.map(lambda who: who.run(EXECUTE), (the_class.kim, the_class.lee)):
            count, _, left = said.rpartition("Left: ")
            assert int(count.split()[-1]) > 10
            assert left.startswith("0 containers")


HOST = "from course_lib import host\nprint(host({!r}))"
# What a learner who is curious tries from the server.
TRIES = """
import json, os, socket, subprocess
import docker
def reaches(host, port):
    try:
        socket.create_connection((host, int(port)), timeout=3).close()
    except OSError:
        return False
    return True
names = [c["Names"][0] for c in docker.from_env().api.containers(all=True)]
print(json.dumps({
    "containers": names,
    "sockets": subprocess.run(
        ["find", "/", "-path", "/proc", "-prune", "-o", "-type", "s", "-name", "*.sock", "-print"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout.split(),
    "uid": os.getuid(),
    "hub": reaches(*HUB),
    "neighbour": reaches(*NEIGHBOUR),
    "capabilities": [l.split()[1] for l in open("/proc/self/status") if l.startswith(("CapEff", "CapBnd"))],
}))
"""


def address_of(container: str) -> str:
    """Return a server's address on the servers' network."""
    found = engine_client.outer().inspect_container(container)["NetworkSettings"]["Networks"]
    return str(found[prefix()]["IPAddress"])


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_a_learner_reaches_nothing_of_another(the_class: Class) -> None:
    kim, lee = the_class.kim, the_class.lee
    lee.run(HOST.format("docker run -d --name only-lees busybox sleep 1000"))
    assert "only-lees" not in kim.run(HOST.format("docker ps -a"))
    hub = kim.run("import os; print(os.environ['JUPYTERHUB_API_URL'].split('/')[2])").strip().split(":")
    places = {"HUB": hub, "NEIGHBOUR": (address_of(f"{prefix()}-lee"), 8888)}
    seen = json.loads(kim.run("\n".join(f"{name} = {place!r}" for name, place in places.items()) + TRIES))
    assert seen["containers"] == ["/container-course-default"]
    assert seen["sockets"] == ["/run/engine/docker.sock"]
    assert seen["uid"] == 1000
    assert seen["hub"], "what is refused below must not be for want of a network"
    assert not seen["neighbour"]
    # Docker lets nothing from an internal network out (docker network create, --internal).
    assert engine_client.outer().inspect_network(prefix())["Internal"]
    assert seen["capabilities"] == ["0" * 16] * 2
    # By the hub and its proxy neither: with a token of one's own, and with the one that the server has.
    servers_own = kim.run("import os; print(os.environ['JUPYTERHUB_API_TOKEN'])").strip()
    for who in (kim, Person(kim.hub, "kim", servers_own)):
        assert who.ask("GET", "/user/lee/api/contents").status_code == 403
        assert who.ask("DELETE", "/hub/api/users/lee/server").status_code in (403, 404)
    assert "only-lees" in lee.run(HOST.format("docker ps"))


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_what_runs_has_the_rights_that_the_configuration_gives(the_class: Class) -> None:
    api = engine_client.outer()
    server = api.inspect_container(f"{prefix()}-kim")["HostConfig"]
    assert not server["Privileged"]
    assert not server["CapAdd"]
    assert sorted(bind.split(":")[0] for bind in server["Binds"]) == [f"{prefix()}-kim-home", f"{prefix()}-kim-socket"]
    beside = api.inspect_container(f"{prefix()}-kim-engine")["HostConfig"]
    assert not beside["Privileged"]
    assert sorted(beside["CapAdd"]) == sorted(CAPABILITIES)
    assert beside["NetworkMode"] == "none"


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_a_page_of_the_lab_opens_through_the_hub(the_class: Class) -> None:
    kim = the_class.kim
    # The listener lives as long as the kernel that was asked for it: the page is fetched meanwhile, by this very hub.
    code = f"""
from course_lib import host, url
host("docker rm -f page; docker run -d --name page -p 8080:80 nginx")
host("until curl -sf -o /dev/null localhost:8080; do sleep .1; done")
url(8080)
import os, requests
print(requests.get("http://127.0.0.1:8888" + os.environ["JUPYTERHUB_SERVICE_PREFIX"] + "proxy/8080/",
                   headers={{"Authorization": "token {kim.token}"}}).text)
"""
    said = kim.run(code)
    assert "after the address of the hub: /user/kim/proxy/8080/" in said
    assert "nginx" in said.partition("proxy/8080/")[2]


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_the_teacher_resets_one_learner(the_class: Class) -> None:
    teacher, kim, lee = the_class.teacher, the_class.kim, the_class.lee
    kim.run("open('mine.txt', 'w').write('kept')\n" + HOST.format("docker run -d --name kims busybox sleep 1000"))
    lee.run(HOST.format("docker rm -f lees; docker run -d --name lees busybox sleep 1000"))
    kim.run(HOST.format("docker pause kims"))  # with cgroup v1 her engine does not end by itself any more
    teacher.stop("kim")
    print("start after a reset, s:", teacher.start("kim"))
    assert kim.run(HOST.format("docker ps -aq; iptables-save | grep -c DNAT || true")).split() == ["0"]
    assert "busybox" in kim.run(HOST.format("docker images"))
    assert kim.run("print(open('mine.txt').read())").strip() == "kept"
    assert "lees" in lee.run(HOST.format("docker ps"))
    assert lee.ask("DELETE", "/hub/api/users/kim/server").status_code in (403, 404)


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_who_is_not_on_the_list_is_not_let_in(the_class: Class) -> None:
    for name, password in (("mallory", PASSWORD), ("kim", "the wrong password")):
        with pytest.raises(AssertionError, match=r"403|not let in"):
            Person(the_class.kim.hub, name).log_in(password)
