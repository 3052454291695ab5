"""Test the doctor: its findings for each kind of machine, and the facts that it reads on this one."""

from __future__ import annotations

import json
import webbrowser
from collections.abc import Callable
from typing import Any

import pytest

from course_lib.engine import client
from course_lib.errors import EngineMissingError, EngineUnfitError, LabGoneError
from course_lib.lab import lifecycle
from course_lib.lab.lifecycle import Lab
from course_lib.setup import doctor
from course_lib.setup.doctor_rules import TRIALS, Facts, Finding, diagnose
from tests.worker import lab

INFO: dict[str, Any] = {
    "ServerVersion": "20.10.24+dfsg1",
    "OperatingSystem": "Debian GNU/Linux 12 (bookworm)",
    "KernelVersion": "6.12.0",
    "CgroupVersion": "2",
    "NCPU": 4,
    "MemTotal": 8 * 10**9,
    "Driver": "overlay2",
}
FINE = dict.fromkeys(TRIALS, "")
VETH = (
    "veth pairs (module veth); iptables -j DNAT (modules nf_tables, xt_nat); iptables -j x (modules nf_tables, xt_nat)"
)
RUNC = "docker: Error response: runc create failed: unable to start container process: error during init: {}: unknown."
WELL: dict[str, Any] = {"engine": INFO, "images": {"lab": True}, "lab": "the lab 'default' runs"}


def of(about: str, **facts: Any) -> Finding:
    """Give the first finding about something that is not as it should be, or the first at all."""
    found = [finding for finding in diagnose(Facts(**{**WELL, **facts})) if finding.about == about]
    return min(found, key=lambda finding: finding.state == "ok")


def info(**changed: Any) -> dict[str, Any]:
    return {**INFO, **changed}


def test_where_nothing_is_wrong_all_is_well() -> None:
    found = diagnose(Facts(**WELL))
    assert {finding.state for finding in found} == {"ok"}
    assert {finding.about for finding in found} >= {"Python", "disk", "engine", "memory", "clock", "kernel", "lab"}


@pytest.mark.parametrize(
    ("about", "state", "facts", "words"),
    [
        ("architecture", "problem", {"architecture": "armv7l"}, "amd64 and arm64 only"),
        ("architecture", "note", {"architecture": "aarch64"}, "was not tested"),
        ("disk", "problem", {"free": 10**9}, "1.0 GB free"),
        ("browser", "note", {"browser": False}, "in any browser"),
        ("browser", "note", {"remote": True, "browser": False}, "ssh -L"),
        ("proxy", "ok", {"proxies": ("https_proxy is set",)}, "through it"),
        (
            "engine",
            "problem",
            {"engine": None, "engine_words": "No Docker engine answers."},
            "no lab without an engine",
        ),
        ("engine", "note", {"engine": info(ServerVersion="29.7.2")}, "have not run on this version"),
        ("placement", "note", {"engine": info(OperatingSystem="Docker Desktop")}, "virtual machine"),
        ("placement", "note", {"engine_place": "DOCKER_HOST (tcp://far:2376)"}, "on another machine:"),
        (
            "placement",
            "note",
            {"engine_place": "the Docker context lab-server (https://far:2376)"},
            "on another machine:",
        ),
        ("images", "problem", {"images": {}, "images_words": "A foreign image is in the way"}, "A foreign image"),
        ("packages", "problem", {"packages_words": "No mirror answers"}, "No mirror answers"),
        ("memory", "problem", {"engine": info(MemTotal=10**9)}, "Settings, Resources"),
        ("clock", "problem", {"clock_off": -7200.0}, "7200 s behind"),
        ("clock", "problem", {"clock_off": 400.0}, "400 s ahead"),
        ("kernel", "ok", {"engine": info(CgroupVersion="1")}, "cgroup v1"),
        ("kernel", "note", {"lacks": ("no module br_netfilter",)}, "br_netfilter"),
        ("storage", "note", {"engine": info(Driver="vfs")}, "overlay mounts"),
        ("trial", "ok", {"trials": FINE, "seconds": 2.6}, "starts, in 3 s"),
        ("trial", "note", {"trials": FINE, "seconds": 90.0}, "time limits"),
        ("trial", "note", {"refused": "this machine refuses user namespaces (ENOSPC)"}, "max_user_namespaces=65536"),
        ("trial", "note", {"refused": "the kernel refuses an overlay that stores only owners (metacopy)"}, "on ext4"),
        ("trial", "problem", {"trial_words": VETH}, "modprobe -a veth nf_tables xt_nat`"),
        ("trial", "problem", {"trial_words": "a writable /sys/fs/cgroup"}, "--default-cgroupns-mode=private"),
        ("trial", "problem", {"trial_words": "No space left on device"}, "Free space"),
        (
            "trial",
            "problem",
            {"trial_words": "a dockerd that starts; its last words: 62 Killed dockerd"},
            "more memory",
        ),
        (
            "container",
            "problem",
            {"trials": {**FINE, "container": RUNC.format("unsafe procfs detected")}},
            "Run Docker's",
        ),
        ("container", "problem", {"trials": {**FINE, "container": RUNC.format("mount too revealing")}}, "Run Docker's"),
        ("container", "problem", {"trials": {**FINE, "container": RUNC.format("cgroup deleted")}}, "cgroupns-mode"),
        ("published", "problem", {"trials": {**FINE, "published": "the client gets no answer"}}, "gets no answer"),
        ("rules", "problem", {"trials": {**FINE, "rules": "iptables v1.8.9 (legacy)"}}, "down --images"),
        ("trace", "note", {"trials": {**FINE, "trace": "netlink: Error: cache initialization failed"}}, "nf_tables"),
        ("conntrack", "note", {"trials": {**FINE, "conntrack": "conntrack: not supported"}}, "nf_conntrack_netlink"),
        ("images", "problem", {"images": {"lab": True, "nginx": False}}, "missing: nginx"),
        ("lab", "problem", {"lab": "", "lab_words": "There is no lab"}, "There is no lab"),
    ],
)
def test_each_kind_of_machine(about: str, state: str, facts: dict[str, Any], words: str) -> None:
    finding = of(about, **facts)
    assert finding.state == state
    assert words in doctor.line(finding)
    told = {"engine", "lab"} | ({about} if any(name.endswith("_words") for name in facts) else set())
    if state == "problem" and about not in told:  # there the sentence of the error says it
        assert finding.do


def test_without_an_engine_nothing_that_rests_on_it_is_said() -> None:
    about = [finding.about for finding in diagnose(Facts(engine=None, engine_words="none"))]
    assert about[-1] == "engine"


@pytest.mark.parametrize(
    "error",
    [
        EngineMissingError("No Docker engine answers at the default place: start it."),
        EngineUnfitError("This is Podman, which cannot run the lab: install Docker."),
        EngineUnfitError("This Docker engine is rootless, and the lab needs one that runs as root."),
    ],
)
def test_the_sentence_of_an_engine_that_is_none(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def connect() -> None:
        raise error

    monkeypatch.setattr(client, "connect", connect)
    assert doctor.report(lab, as_json=False) == 1
    assert str(error).rstrip(".") in capsys.readouterr().out


class Foreign:
    """An engine on another machine, with a foreign image and a foreign container under our names."""

    base_url = "https://far:2376"

    def info(self) -> dict[str, Any]:
        """Return GET /info."""
        return INFO

    def inspect_image(self, _: str) -> dict[str, Any]:
        """Return an image without our label."""
        return {"Config": {"Labels": None}}

    def inspect_container(self, _: str) -> dict[str, Any]:
        """Return a container without our label."""
        return {"Id": "0" * 64, "State": {"Running": True, "Status": "running"}, "Config": {"Labels": None}}


def test_what_is_in_the_way_is_said_among_the_rest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(client, "connect", lambda **_: Foreign())
    monkeypatch.setattr(client, "outer", Foreign)
    monkeypatch.setattr(client, "configured_engine", lambda: "the Docker context lab-server")
    assert doctor.report(lab, as_json=True) == 1
    findings = {f["about"]: f for f in json.loads(capsys.readouterr().out)["findings"]}
    assert findings["images"]["state"] == findings["lab"]["state"] == "problem"
    assert "not the course's" in findings["images"]["found"]
    assert "https://far:2376" in findings["placement"]["found"]


def test_json_for_a_teacher(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(doctor, "gather", lambda lab: Facts(**{**WELL, "free": 0}))
    assert doctor.report(lab, as_json=True) == 1
    said = json.loads(capsys.readouterr().out)
    assert not said["ok"]
    assert said["machine"]
    disk = next(finding for finding in said["findings"] if finding["about"] == "disk")
    assert (disk["state"], disk["do"]) == ("problem", "free 3 GB")


def test_no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    def get() -> None:
        raise webbrowser.Error("could not locate runnable browser")

    monkeypatch.setattr(webbrowser, "get", get)
    assert not doctor._browser()


@pytest.mark.live
@pytest.mark.slow
def test_this_machine_is_read_and_nothing_is_left(running_lab: None) -> None:
    facts = doctor.gather(lab)
    assert facts.trials == FINE
    assert not facts.refused
    assert 0 < facts.seconds < 60
    assert facts.engine
    assert abs(facts.clock_off) < 5
    assert all(facts.images.values())
    assert lab.name in facts.lab
    nobodys = Lab("nobodys")
    assert "There is no lab" in doctor.gather(nobodys).lab_words
    with pytest.raises(LabGoneError):
        nobodys.require()
    assert not [name for name in (lab, nobodys) if name.relative(doctor.TRIAL).containers()]
    assert not client.outer().volumes(filters={"name": f"nobodys.{doctor.TRIAL}"})["Volumes"]


def refused(*calls: str, errno: int = 1, **arguments: int) -> Callable[[dict[str, Any]], None]:
    """Let the kernel refuse system calls (seccomp): those whose arguments, by their positions, hold these bits."""
    held = [
        {"index": int(at[1:]), "value": bits, "valueTwo": bits, "op": "SCMP_CMP_MASKED_EQ"}
        for at, bits in arguments.items()
    ]

    def change(config: dict[str, Any]) -> None:
        profile = json.loads(config["security_opt"][0].removeprefix("seccomp="))
        rule = {"names": list(calls), "action": "SCMP_ACT_ERRNO", "errnoRet": errno, "args": held}
        profile["syscalls"].append(rule)
        config["security_opt"][0] = f"seccomp={json.dumps(profile)}"

    return change


def without(capability: str) -> Callable[[dict[str, Any]], None]:
    return lambda config: config.update(cap_add=[name for name in config["cap_add"] if name != capability])


def limited(**limits: int) -> Callable[[dict[str, Any]], None]:
    return lambda config: config.update(limits)


# What an engine or a policy takes from a container: the deficit; what `up` then does ("fails", "without" a user
# namespace, "starts"); of what finding, and what it says.
NETLINK, NETFILTER, PACKET, INET6 = 16, 12, 17, 10  # linux/socket.h, linux/netlink.h
NEW_USER, NEW_NET = 0x10000000, 0x40000000  # linux/sched.h
DEFICITS = {
    "no user namespaces": (refused("unshare", a0=NEW_USER), "without", "trial", "max_user_namespaces"),
    "no map of ids": (without("SETUID"), "without", "trial", "maps no ids"),
    "no change of owners": (without("CHOWN"), "without", "trial", "Run Docker's engine as root"),
    "no capability to mount": (without("SYS_ADMIN"), "fails", "trial", "Run Docker's engine as root"),
    "no network namespaces": (refused("unshare", a0=NEW_NET), "fails", "trial", "modprobe -a veth bridge"),
    "no entering of namespaces": (refused("setns"), "fails", "trial", "Run Docker's engine as root"),
    "no iptables": (refused("socket", a0=NETLINK, a2=NETFILTER), "fails", "trial", "modprobe -a nf_tables"),
    "few processes": (limited(pids_limit=25), "fails", "trial", "processes"),
    "little memory": (limited(mem_limit=40 << 20, memswap_limit=40 << 20), "fails", "trial", "memory"),
    "no keyrings": (refused("keyctl"), "starts", "container", "Run Docker's engine as root"),
    "no packet sockets": (refused("socket", a0=PACKET, errno=97), "starts", "capture", "modprobe af_packet"),
}


IN_THE_GATE = ("no user namespaces", "no iptables", "no keyrings", "no packet sockets")


@pytest.mark.live
@pytest.mark.parametrize(
    "deficit",
    [pytest.param(d, marks=pytest.mark.slow if d in IN_THE_GATE else pytest.mark.soak) for d in DEFICITS],
)
def test_a_deficit_is_forecast(
    deficit: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    inject, happens, about, words = DEFICITS[deficit]
    normal = lifecycle.confinement

    def confinement(outside: tuple[str, ...] = ()) -> dict[str, Any]:
        config = normal(outside)
        inject(config)
        return config

    monkeypatch.setattr(lifecycle, "confinement", confinement)
    facts = doctor.gather(Lab("deficit"))
    finding = next(f for f in diagnose(facts) if f.about == about and f.state != "ok")
    assert words in doctor.line(finding)
    assert happens == ("fails" if facts.trial_words else "without" if facts.refused else "starts")
    assert not capsys.readouterr().out  # no notes: the report says it
