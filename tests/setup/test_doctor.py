"""Test the doctor: its findings for each kind of machine, and the facts that it reads on this one."""

from __future__ import annotations

import json
import webbrowser
from typing import Any

import pytest

from course_lib.engine import client
from course_lib.errors import EngineMissingError, EngineUnfitError, LabGoneError
from course_lib.lab.lifecycle import Lab
from course_lib.setup import doctor
from course_lib.setup.doctor_rules import Facts, Finding, diagnose
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
def test_this_machine_is_read_and_nothing_is_started(running_lab: None) -> None:
    facts = doctor.gather(lab)
    assert facts.engine
    assert abs(facts.clock_off) < 5
    assert all(facts.images.values())
    assert lab.name in facts.lab
    nobodys = Lab("nobodys")
    assert "There is no lab" in doctor.gather(nobodys).lab_words
    with pytest.raises(LabGoneError):
        nobodys.require()
