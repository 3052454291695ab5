"""Test creating, resetting and removing a lab on a real engine."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from course_lib.engine import client
from course_lib.engine.labels import BEFORE_LABEL, ENGINE_LABEL, IDS_LABEL, PLAIN, RECIPE_LABEL
from course_lib.errors import CommandFailedError, CourseError, EngineUnfitError, LabGoneError
from course_lib.lab import execute, images, lifecycle
from course_lib.lab.lifecycle import Lab, from_environment
from course_lib.notebook import current
from tests.worker import lab, refuse

pytestmark = pytest.mark.live


def first_choices() -> tuple[str, str, str]:
    """Let the engine choose an address, a subnet and a port, and return them."""
    current.host("docker run -d --name first -p 80 nginx >/dev/null; docker network create first >/dev/null")
    return (
        current.host("docker inspect -f '{{.NetworkSettings.Networks.bridge.IPAddress}}' first").strip(),
        current.host("docker network inspect -f '{{range .IPAM.Config}}{{.Subnet}}{{end}}' first").strip(),
        current.host("docker port first 80/tcp | head -n 1").strip(),
    )


@pytest.mark.slow
def test_ten_resets_give_the_same_first_choices_each_within_three_seconds(running_lab: None) -> None:
    seen, slowest = set(), 0.0
    for _ in range(10):
        began = time.monotonic()
        lab.reset()
        slowest = max(slowest, time.monotonic() - began)
        seen.add(first_choices())
    assert seen == {("172.17.0.2", "172.18.0.0/16", "0.0.0.0:32768")}
    print(f"slowest of ten resets: {slowest:.1f} s")
    assert slowest < 3 * float(os.environ.get("COURSE_PATIENCE", "3"))


# One of everything that an engine keeps in /var/lib/docker. BuildKit is in 20.10's client; later ones need a plugin.
EVERYTHING = r"""
docker swarm init --advertise-addr 203.0.113.10
docker network create -d overlay --attachable ov; docker network create mine
docker secret create word /etc/hostname; docker config create text /etc/hostname
docker service create --detach --name svc -p 8090:80 nginx
docker volume create kept; docker run -d --name running -v kept:/kept busybox sleep 1000
printf '%s\n' 'FROM busybox' 'RUN dd if=/dev/zero of=/one bs=1M count=2' 'RUN touch /two' >/tmp/recipe
DOCKER_BUILDKIT=1 docker build -t own - </tmp/recipe || docker build -t own - </tmp/recipe
docker rmi own  # BuildKit keeps the layers
DOCKER_BUILDKIT=1 docker build -t own - </tmp/recipe || docker build -t own - </tmp/recipe
mkdir -p /tmp/plug/rootfs
echo '{"entrypoint":["/x"],"interface":{"types":["docker.volumedriver/1.0"],"socket":"x.sock"}}' >/tmp/plug/config.json
docker plugin create plug /tmp/plug
mkdir -p /var/lib/docker/vfs/dir/x /var/lib/docker/image/vfs/imagedb"""
# What the engine says it has, and the layers on the disk.
KEPT = r"""set +e; docker info -f '{{.Swarm.LocalNodeState}}'
docker network ls --format '{{.Name}} {{.Driver}}' | sort; docker volume ls -q; docker plugin ls -q; docker ps -aq
docker images -a --format '{{.Repository}} {{.ID}}' | sort; docker system df --format '{{.Type}} {{.TotalCount}}'
cd /var/lib/docker; find image/overlay2/layerdb/sha256 overlay2 -maxdepth 1 ! -path '*/l' | sort; ls overlay2/l | wc -l
ls -d vfs image/* 2>/dev/null; ip -br link | cut -d' ' -f1"""


@pytest.mark.parametrize(
    "engine", ["26.1", *(pytest.param(other, marks=pytest.mark.slow) for other in ("20.10", "newest"))]
)
def test_a_reset_gives_the_first_day(engine: str) -> None:
    own = lab if engine == "26.1" else lab.relative(f"day-{engine}")
    try:
        own.up(engine, refuse)
        own.reset()
        first = execute.run(own, KEPT)
        execute.run(own, f"({EVERYTHING}) >/tmp/made 2>&1 || true")
        full = execute.run(own, KEPT)
        for sign in ("active", "ov overlay", "docker_gwbridge bridge", "mine bridge", "kept", "own ", "vfs"):
            assert sign in full, sign
        assert execute.run(own, "docker plugin ls --format '{{.Name}}'").split() == ["plug:latest"]
        own.reset()
        assert execute.run(own, KEPT) == first
        for image in images.INNER:  # and each of its layers is there
            assert execute.run(own, f"docker run --rm --entrypoint sh {image} -c 'echo works'") == "works\n"
    finally:
        if own is not lab:
            own.remove()


def test_a_plain_host_shows_nothing_of_ours(fresh_lab: None) -> None:
    links = current.host("ip -br link | cut -d' ' -f1").split()
    assert links == ["lo", "eth0@if2", "docker0"]
    assert current.host("docker ps -aq") == ""
    rules = current.host("iptables-save")
    assert ":FORWARD DROP" in rules, "dockerd itself must have turned on forwarding"
    assert "127.0.0.11" not in rules
    assert current.host("iptables-legacy-save 2>/dev/null || true").strip() == ""
    assert current.host("cat /proc/sys/net/ipv4/ip_forward").strip() == "1"


def test_the_host_cannot_write_beyond_its_network(running_lab: None) -> None:
    assert "Read-only" in current.host("echo x >/proc/sys/kernel/core_pattern", fails=True)


def test_names_resolve_and_nothing_waits_for_the_outside(running_lab: None) -> None:
    began = time.monotonic()
    assert current.host("dig +short client.example").strip() == "203.0.113.20"
    assert "NXDOMAIN" in current.host("dig nosuch.test")
    current.host("curl -s http://198.51.100.1/", fails=True)
    assert time.monotonic() - began < 10


def test_the_api_over_the_stream(running_lab: None) -> None:
    api = client.inner(lab.container)
    made = api.create_container("busybox", ["sh", "-c", "echo one; read x; echo got $x; sleep 60"], stdin_open=True)
    attached = api.attach_socket(made, params={"stdin": 1, "stdout": 1, "stream": 1})
    api.start(made)
    attached._sock.sendall(b"two\n")
    said = b""
    deadline = time.monotonic() + 10
    while b"got two" not in said and time.monotonic() < deadline:
        said += attached._sock.recv(1000)
    assert b"one" in said
    assert b"got two" in said
    followed = api.logs(made, stream=True, follow=True)
    assert b"one" in next(followed)
    exec_id = api.exec_create(made, ["sh"], stdin=True, tty=True)
    terminal = api.exec_start(exec_id, tty=True, socket=True)
    terminal._sock.sendall(b"echo $((40 + 2)); exit\n")
    heard = b""
    while data := terminal._sock.recv(1000):
        heard += data
    assert b"42" in heard
    api.remove_container(made, force=True)
    assert list(followed) is not None  # the stream ends with its container


def test_a_killed_dockerd_is_told_in_one_sentence_and_reset_repairs(fresh_lab: None) -> None:
    began = time.monotonic()
    with pytest.raises(LabGoneError, match=r"dockerd .* `\./course reset`"):
        current.host("pkill -KILL -x dockerd; sleep 0.2; docker ps")
    assert time.monotonic() - began < 10
    lab.reset()
    assert current.host("docker ps -q") == ""


def test_a_lab_killed_while_a_cell_runs(fresh_lab: None) -> None:
    import threading

    threading.Timer(1, lambda: client.outer().kill(lab.container)).start()
    began = time.monotonic()
    with pytest.raises(LabGoneError, match=r"`\./course reset`"):
        current.host("sleep 60")
    assert time.monotonic() - began < 10
    lab.reset()
    assert current.host("hostname").strip() == "host"


@pytest.mark.slow
def test_a_lab_that_was_stopped_starts_again_with_what_it_had(fresh_lab: None) -> None:
    current.host("docker run -d --name kept busybox sleep 100 >/dev/null")
    client.outer().kill(lab.container)
    lab.up("26.1", refuse)
    assert current.host("docker ps -a --format '{{.Names}}'").strip() == "kept"


@pytest.mark.slow
def test_two_labs_know_nothing_of_each_other(fresh_lab: None) -> None:
    current.host("docker run -d --name web -p 80:80 nginx >/dev/null")
    second = Lab("test-two")
    try:
        second.up("26.1", refuse)
        assert execute.run(second, "docker ps -q") == ""
        execute.run(second, "docker run -d --name web -p 80:80 nginx >/dev/null")
        assert second.down(remove_images=False)
    finally:
        second.down(remove_images=False)
    with pytest.raises(LabGoneError, match="There is no lab"):
        second.require()
    assert current.host("docker ps --format '{{.Names}}'").strip() == "web"


@pytest.fixture
def bystander() -> Iterator[Any]:
    """Give the learner's engine with a container, a volume and a network that are not the course's."""
    api = client.outer()
    name = "not-the-courses"
    image = images.inner_image("busybox")
    made = api.create_container(image, ["true"], name=name)
    api.create_volume(name)
    network = api.create_network(name, internal=True, options={"com.docker.network.bridge.inhibit_ipv4": "true"})
    yield api
    api.remove_container(made)
    api.remove_volume(name)
    api.remove_network(network["Id"])


@pytest.mark.slow
def test_down_proves_that_the_machine_is_as_before(
    bystander: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lab = Lab("test-three")
    lab.up("26.1", refuse)
    assert lab.down(remove_images=False)
    said = capsys.readouterr().out
    for line in ("container container-course-test-three", "volume container-course-test-three-26.1"):
        assert f"Removed the {line}" in said
    for kind in ("containers", "networks", "volumes", "the machine's firewall rules"):
        assert any(kind in line for line in said.splitlines() if line.startswith("Unchanged since the first `up`"))
    assert bystander.inspect_container("not-the-courses")


@pytest.mark.slow
def test_down_says_what_came_meanwhile(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    lab = Lab("test-four")
    api = client.outer()
    lab.up("26.1", refuse)
    api.create_volume("somebody-elses")
    try:
        assert not lab.down(remove_images=False)
    finally:
        api.remove_volume("somebody-elses")
    assert "New since the first `up`, not by the course: volume somebody-elses" in capsys.readouterr().out


def test_a_foreign_container_of_our_name_is_not_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab("test-five")
    api = client.outer()
    theirs = api.create_container(images.inner_image("busybox"), ["true"], name=lab.container)["Id"]
    try:
        for act in (lambda: lab.up("26.1", refuse), lab.reset, lambda: lab.down(True)):
            with pytest.raises(CourseError, match="not the course's has the name"):
                act()
        assert api.inspect_container(theirs)
    finally:
        api.remove_container(theirs)


def test_a_foreign_volume_and_image_of_our_name_are_not_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab("test-six")
    api = client.outer()
    api.create_volume(lab.volume("26.1"))
    try:
        with pytest.raises(CourseError, match=r"volume that is not .* has the name .* COURSE_LAB"):
            lab.up("26.1", refuse)
    finally:
        api.remove_volume(lab.volume("26.1"))
        lab.down(remove_images=False)
    api.import_image_from_data(b"\0" * 1024, repository=f"{images.PREFIX}/foreign", tag="trixie")
    try:
        with pytest.raises(CourseError, match=r"image that is not .* has the name .* rename it"):
            images.recipe_of(api, f"{images.PREFIX}/foreign:trixie")
    finally:
        api.remove_image(f"{images.PREFIX}/foreign:trixie")


@pytest.mark.slow
def test_a_refused_capability_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab("test-seven")
    monkeypatch.setattr("course_lib.lab.lifecycle.CAPABILITIES", ("NET_ADMIN", "SYS_PTRACE"))
    monkeypatch.setattr("course_lib.lab.lifecycle.OUTSIDE", ("CHOWN", "SETUID", "SETGID", "SETPCAP"))
    try:
        with pytest.raises(EngineUnfitError, match="the right to mount"):
            lab.up("26.1", refuse)
        assert lab.inspect() is None, "nothing half-made stays"
    finally:
        lab.down(remove_images=False)


@pytest.mark.slow
def test_an_interrupted_up_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab("test-eight")

    def interrupted(_: Any) -> None:
        raise KeyboardInterrupt

    try:
        with monkeypatch.context() as patch:
            patch.setattr(images, "load", interrupted)
            with pytest.raises(KeyboardInterrupt):
                lab.up("26.1", refuse)
        lab.up("26.1", refuse)
        assert "nginx" in execute.run(lab, "docker images --format '{{.Repository}}'")
    finally:
        lab.down(remove_images=False)


@pytest.mark.parametrize("name", ["", "Has-Capitals", "-x", "a b", "x" * 32])
def test_a_bad_name_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_LAB", name)
    with pytest.raises(CourseError, match="not a valid name"):
        from_environment()


@pytest.mark.slow
def test_a_page_in_a_real_browser(fresh_lab: None, browser: Any) -> None:
    address = lab.url(8080)  # before anything is published there
    page = browser.new_page()
    current.host(
        """docker run -d --name web -p 8080:80 nginx >/dev/null
docker exec web sh -c 'echo "<title>landed</title>" >/usr/share/nginx/html/landed.html
sed -i "/index /a location = /away { return 302 http://\\$http_host/landed.html; }" /etc/nginx/conf.d/default.conf'
docker exec web nginx -s reload
until curl -sf -o /dev/null http://203.0.113.10:8080/landed.html; do sleep 0.1; done"""
    )
    page.goto(address)
    assert "nginx" in page.content()
    page.goto(address + "away")
    assert page.title() == "landed"
    assert page.url == address + "landed.html"
    page.close()


def test_nothing_behind_the_address_is_a_reset_not_a_wait(running_lab: None) -> None:
    port = int(lab.url(8999).rstrip("/").rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert connection.recv(10) == b""


@pytest.mark.slow
def test_a_changed_recipe_replaces_the_image_in_the_lab(fresh_lab: None) -> None:
    api = client.inner(lab.container)
    before = api.images(all=False)
    old = api.inspect_image("busybox:latest")["Id"]
    made = api.create_container("busybox", ["true"])["Id"]
    changed = api.commit(made, changes=[f"LABEL {RECIPE_LABEL}=of-yesterday"])["Id"]
    api.remove_container(made)
    api.tag(changed, "busybox", "latest", force=True)
    images.load(api)
    assert api.inspect_image("busybox:latest")["Id"] == old
    assert len(api.images(all=False)) == len(before), "no image without a name stays"


@pytest.mark.slow
def test_reset_removes_the_images_that_were_made_in_the_lab(fresh_lab: None) -> None:
    current.host(
        "printf 'FROM busybox\\nEXPOSE 8000\\n' | docker build -q -t mine - 2>/dev/null; docker tag nginx mine:too"
    )
    lab.reset()
    names = current.host("docker images --format '{{.Repository}}:{{.Tag}}' | sort").split()
    assert names == sorted(f"{name}:latest" for name in images.INNER)


def test_what_a_cell_waits_for_and_does_not_get_is_said(fresh_lab: None) -> None:
    started = "docker run -d --name web nginx >/dev/null; "
    assert current.host(started + "wait-for 'curl -s -o /dev/null http://172.17.0.2/'") == ""
    began = time.monotonic()
    said: list[str] = []
    with pytest.raises(CommandFailedError, match="exit code 1"):
        execute.run(lab, "wait-for -t 2 'docker logs nosuch | grep hello'; echo not here", show=said.append)
    assert "".join(said).splitlines() == [
        "This did not succeed within 2 s: docker logs nosuch | grep hello",
        "Error response from daemon: No such container: nosuch",
    ]
    current.host("iptables -A INPUT -p tcp --dport 99 -j DROP")
    said = [current.host("wait-for -t 2 'curl -s http://127.0.0.1:99/'", fails=True)]
    assert said == ["This did not succeed within 2 s: curl -s http://127.0.0.1:99/\n"]
    assert time.monotonic() - began < 12


def without_user_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the engine refuse unshare(2) with CLONE_NEWUSER, as a machine does whose policy forbids user namespaces."""
    confinement = lifecycle.confinement
    refused = {"index": 0, "value": 0x10000000, "valueTwo": 0x10000000, "op": "SCMP_CMP_MASKED_EQ"}

    def stricter(outside: tuple[str, ...] = ()) -> dict[str, Any]:
        settings = confinement(outside)
        profile = json.loads(settings["security_opt"][0].removeprefix("seccomp="))
        profile["syscalls"].append({"names": ["unshare"], "action": "SCMP_ACT_ERRNO", "args": [refused]})
        return {**settings, "security_opt": [f"seccomp={json.dumps(profile)}", "apparmor=unconfined"]}

    monkeypatch.setattr(lifecycle, "confinement", stricter)


@pytest.mark.slow
def test_where_user_namespaces_are_refused_the_lab_says_so_and_works(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    without_user_namespaces(monkeypatch)
    lab = Lab("test-nine")
    try:
        lab.up("26.1", refuse)
        assert "Note: this machine refuses user namespaces" in capsys.readouterr().out
        lab.reset()
        assert execute.run(lab, "cat /proc/self/uid_map").split()[:2] == ["0", "0"]
        assert "uid=0" in execute.run(lab, "docker run --rm busybox id")
    finally:
        lab.remove()


@pytest.mark.slow
def test_a_lab_that_does_not_start_in_a_user_namespace_is_made_without(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the reason: a kernel or a cgroup that nobody has tried must not keep a learner from the course."""
    lab, start = Lab("test-eleven"), Lab._start

    def starts_without(one: Lab) -> None:
        if client.outer().inspect_container(one.container)["Config"]["Labels"][IDS_LABEL] != PLAIN:
            client.outer().remove_container(one.container)
            raise lifecycle._unfit("something new")
        start(one)

    monkeypatch.setattr(Lab, "_start", starts_without)
    try:
        lab.up("26.1", refuse)
        said = capsys.readouterr().out
        assert "Note: a lab does not start in a user namespace here (missing: something new): the root of" in said
        assert execute.run(lab, "cat /proc/self/uid_map").split()[:2] == ["0", "0"]
    finally:
        lab.remove()


def test_what_a_container_mounts_over_a_device_is_there(fresh_lab: None) -> None:
    """In a user namespace runc itself would hide it (recipes/lab/files/usr/local/sbin/runc)."""
    run = "docker run --rm -v /root/seed:/dev/urandom"
    current.host("printf seed >/root/seed")
    assert current.host(f"{run}:ro busybox head -c 4 /dev/urandom") == "seed"
    assert "Read-only" in current.host(f"{run}:ro busybox sh -c 'echo x >/dev/urandom'", fails=True)
    current.host(f"{run} busybox sh -c 'echo more >/dev/urandom'")
    assert current.host("cat /root/seed") == "more\n"


@pytest.mark.slow
def test_a_lab_of_an_earlier_version_and_its_volume_are_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    api, lab = client.outer(), Lab("test-ten")
    image = images.lab_image("trixie")
    labels = {**lab.labels, ENGINE_LABEL: "26.1"}
    api.create_volume(lab.volume("26.1"), labels={**labels, BEFORE_LABEL: "{}"})
    alone = api.create_host_config(network_mode="none")
    old = api.create_container(
        image, name=lab.container, labels=labels, entrypoint=["sleep", "100"], host_config=alone
    )["Id"]
    try:
        api.start(old)
        with pytest.raises(LabGoneError, match=r"An earlier version of the course made this lab: run `./course up`"):
            execute.run(lab, "true")
        lab.reset()
        assert "other owners than this lab" in capsys.readouterr().out
        assert api.inspect_volume(lab.volume("26.1"))["Labels"][BEFORE_LABEL] == "{}"
        assert execute.run(lab, "docker images -q | wc -l").strip() == str(len(images.INNER))
    finally:
        lab.remove()
