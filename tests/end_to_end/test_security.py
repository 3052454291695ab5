"""Test the claims of SECURITY.md: the lab's rights, and who can connect where."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from course_lib.engine import client
from course_lib.errors import CommandFailedError
from course_lib.lab import images
from course_lib.lab.lifecycle import FIRST_ID, OUTSIDE, RANGE
from course_lib.notebook import current
from tests.conftest import ROOT
from tests.worker import lab

pytestmark = pytest.mark.live
# capabilities(7): the bits of Docker's default set, and of the three that the lab is given in addition.
DEFAULT_BITS = (0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31)
NET_ADMIN, SYS_PTRACE, SYS_ADMIN = 12, 19, 21
NOBODY = 65534


@pytest.fixture
def settings(running_lab: None) -> dict[str, Any]:
    """Give what the lab's container was started with."""
    found = lab.inspect()
    assert found
    return dict(found["HostConfig"])


def test_the_lab_is_not_privileged_and_has_nothing_of_the_machine(settings: dict[str, Any]) -> None:
    assert settings["Privileged"] is False
    assert settings["NetworkMode"] == "none"
    assert settings["CgroupnsMode"] == "private"
    assert settings["PidMode"] == ""
    assert settings["IpcMode"] in ("private", "shareable")
    assert settings["UTSMode"] == ""
    assert not settings["Devices"]
    assert settings["Binds"] == [f"{lab.volume('26.1')}:/var/lib/docker:rw"]
    assert not settings["PortBindings"]


def test_the_container_has_what_prepares_the_namespace_and_its_first_process_nothing(settings: dict[str, Any]) -> None:
    assert {name.removeprefix("CAP_") for name in settings["CapAdd"]} == set(OUTSIDE)
    assert settings["CapDrop"] == ["ALL"]
    found = lab.inspect()
    assert found
    status = Path(f"/proc/{found['State']['Pid']}/status").read_text()
    assert set(re.findall(r"^Cap\w+:\t(\w+)$", status, re.MULTILINE)) == {"0" * 16}


def test_the_capabilities_inside_are_dockers_own_and_three_more(running_lab: None) -> None:
    has = int(current.host("awk '/^CapEff/ { print $2 }' /proc/self/status"), 16)
    wanted = {*DEFAULT_BITS, NET_ADMIN, SYS_PTRACE, SYS_ADMIN}
    assert {bit for bit in range(64) if has >> bit & 1} == wanted


def test_the_seccomp_profile_is_in_force(settings: dict[str, Any]) -> None:
    profile = next(option for option in settings["SecurityOpt"] if option.startswith("seccomp="))
    refused = set(json.loads(profile.removeprefix("seccomp="))["syscalls"][0]["names"])
    assert {"open_by_handle_at", "perf_event_open", "init_module", "kexec_load", "io_uring_setup"} <= refused
    assert current.host("awk '/^Seccomp:/ { print $2 }' /proc/self/status").strip() == "2"  # seccomp(2): a filter


@pytest.mark.parametrize(
    "attempt",
    [
        "echo '|/bin/true' >/proc/sys/kernel/core_pattern",
        "echo b >/proc/sysrq-trigger",
        "echo 1 >/proc/sys/vm/drop_caches",
        "mknod /root/disk b 8 0 && head -c 1 /root/disk",
        "mknod /root/disk2 b 254 0 && head -c 1 /root/disk2",
        "insmod /nosuch.ko || modprobe dummy",
        "date -s '2030-01-01'",
    ],
)
def test_what_would_reach_the_machine_is_refused(running_lab: None, attempt: str) -> None:
    with pytest.raises(CommandFailedError):
        current.host(attempt)


def test_root_in_a_lab_is_nobody_outside(running_lab: None) -> None:
    """Root in a lab may mount a fresh /proc, but its settings of the kernel belong to another root."""
    assert current.host("cat /proc/self/uid_map /proc/self/gid_map").split() == ["0", str(FIRST_ID), str(RANGE)] * 2
    with pytest.raises(CommandFailedError):
        current.host("mount -t proc proc /mnt; trap 'umount /mnt' EXIT; test -w /mnt/sys/kernel/core_pattern")


def test_no_cgroup_of_the_machine_or_of_another_container_is_in_reach(fresh_lab: None) -> None:
    """A process that may mount gets the cgroups of its namespace, and can freeze what is in them (cgroups(7))."""
    api = client.outer()
    alone = api.create_host_config(network_mode="none")
    neighbour = api.create_container(images.inner_image("busybox"), ["sleep", "60"], host_config=alone)["Id"]
    try:
        api.start(neighbour)
        current.host("docker run -d --name own busybox sleep 60")
        current.host("mount -t cgroup -o freezer none /mnt 2>/dev/null || mount -t cgroup2 none /mnt")
        seen = current.host("find /mnt -type d; umount /mnt")
    finally:
        api.remove_container(neighbour, force=True)
    assert current.host("docker inspect -f '{{.Id}}' own").strip() in seen
    assert neighbour not in seen
    assert lab.require() not in seen, "its own cgroup is where that begins"


def test_no_interface_leads_out_of_the_lab(fresh_lab: None) -> None:
    for place in (current.host, current.client):
        assert place("ip -j link | jq -r '.[].ifname' | sort").split() in (["docker0", "eth0", "lo"], ["eth0", "lo"])
    with pytest.raises(CommandFailedError):
        current.host("ping -c 1 -W 1 192.0.2.1")


def listening() -> set[int]:
    """Return the TCP ports of this machine on which somebody listens (proc_net_tcp(5), state 0A)."""
    rows = Path("/proc/net/tcp").read_text().splitlines()[1:] + Path("/proc/net/tcp6").read_text().splitlines()[1:]
    return {int(row.split()[1].rsplit(":", 1)[1], 16) for row in rows if row.split()[3] == "0A"}


def test_the_labs_api_has_no_port_anywhere(running_lab: None) -> None:
    before = listening()
    assert client.inner(lab.container).ping()
    assert listening() - before == set()
    for port in (2375, 2376):
        with pytest.raises(CommandFailedError):
            current.client(f"curl -s --max-time 2 http://203.0.113.10:{port}/_ping")
    assert current.host("stat -c '%a %U' /var/run/docker.sock").split() in (["660", "root"], ["600", "root"])


ASK = 'exec 3<>/dev/tcp/127.0.0.1/$0 && printf "GET /%s HTTP/1.0\\r\\n\\r\\n" "$1" >&3 && head -n 1 <&3'


def ask(port: int, page: str = "", user: int | None = None) -> str:
    """Ask a port of 127.0.0.1 for a page, perhaps as another user; return the first line of the answer."""
    done = subprocess.run(
        ["bash", "-c", ASK, str(port), page],
        user=user,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=10,
    )
    return done.stdout.strip()


@pytest.mark.skipif(os.geteuid() != 0, reason="to be another user takes root")
@pytest.mark.slow
def test_another_user_of_this_machine_does_not_get_through_url(fresh_lab: None) -> None:
    current.host(
        "docker run -d -p 8080:80 nginx >/dev/null; until curl -sf -o /dev/null 172.17.0.2; do sleep 0.1; done"
    )
    port = int(lab.url(8080).rstrip("/").rsplit(":", 1)[1])
    assert ask(port) == "HTTP/1.1 200 OK"
    assert ask(port, user=NOBODY) == ""


def test_url_listens_on_the_loopback_only(running_lab: None) -> None:
    port = int(lab.url(8080).rstrip("/").rsplit(":", 1)[1])
    rows = [row.split()[1] for row in Path("/proc/net/tcp").read_text().splitlines() if f":{port:04X} 00000000" in row]
    assert rows == [f"0100007F:{port:04X}"]


@pytest.mark.slow
def test_jupyters_port_wants_the_token_which_no_process_list_shows(running_lab: None, tmp_path: Path) -> None:
    env = {**os.environ, "HOME": str(tmp_path), "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime")}
    command = [sys.executable, "-m", "course_lib", "up", "--no-browser"]
    with subprocess.Popen(
        command, cwd=ROOT, env=env, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as jupyter:
        try:
            assert jupyter.stderr
            lines = iter(jupyter.stderr.readline, "")
            found = next(match for line in lines if (match := re.search(r"127\.0\.0\.1:(\d+)/\S+\?token=(\w+)", line)))
            port, token = int(found[1]), found[2]
            deadline = time.monotonic() + 20
            while not (answer := ask(port, "api/contents")) or " 503 " in answer:  # it says so before it listens
                assert time.monotonic() < deadline
                time.sleep(0.1)
            assert " 403 " in answer
            assert token not in subprocess.check_output(["ps", "axeww"], text=True)
            runtime = tmp_path / "runtime"
            assert any(token in path.read_text() for path in runtime.glob("*.json"))
            assert runtime.stat().st_mode & 0o077 == 0  # nobody else gets to the files in it
        finally:
            jupyter.terminate()
