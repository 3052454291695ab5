"""Test removing labs that their engine cannot remove itself: paused, frozen, hung, or gone already."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from course_lib.engine import client, helper_container
from course_lib.engine.labels import ENGINE_LABEL, LABEL
from course_lib.errors import CourseError
from course_lib.exercises.probes import unseen
from course_lib.grading import replay_worker, sandbox
from course_lib.lab.lifecycle import DEFAULT_ENGINE, discard
from course_lib.notebook import chapter, current
from tests.worker import lab, refuse

PAUSE = "docker run -d --name back busybox sleep 1000 && docker pause back"  # as hints of two exercises say

# --- pure ---------------------------------------------------------------------------------------------------------


class Engine:
    """An engine that refuses to remove a container a given number of times, and records the requests."""

    def __init__(self, *refusals: Exception) -> None:
        self.refusals = list(refusals)
        self.asked: list[str] = []

    def remove_container(self, container: str, *, force: bool, v: bool) -> None:
        """Refuse, or do nothing."""
        assert container == "the-id"
        assert force
        assert v
        self.asked.append("remove")
        if self.refusals:
            raise self.refusals.pop(0)


REFUSED = client.APIError("tried to kill container, but did not receive an exit event")
BUSY = client.APIError("removal of container the-id is already in progress")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Give a function that discards a lab of some state, and returns what that took."""

    def discarded(status: str, *refusals: Exception) -> list[str]:
        api = Engine(*refusals)
        monkeypatch.setattr(client, "outer", lambda: api)
        monkeypatch.setattr(helper_container, "end", lambda *_: api.asked.append("end"))
        discard({"Id": "the-id", "Image": "image", "State": {"Status": status}})
        return api.asked

    return discarded


@pytest.mark.parametrize("status", ["running", "exited", "paused", "dead"])
def test_a_lab_that_dies_takes_one_call(asked: Callable[..., list[str]], status: str) -> None:
    assert asked(status) == ["remove"]


def test_a_lab_that_does_not_die_is_ended_from_outside(asked: Callable[..., list[str]]) -> None:
    assert asked("running", REFUSED) == ["remove", "end", "remove"]
    assert asked("created") == ["end", "remove"], "its engine does not know that it runs"


def test_a_lab_that_somebody_else_removes_is_no_error(asked: Callable[..., list[str]]) -> None:
    assert asked("running", client.NotFound("no such container")) == ["remove"]
    assert asked("removing", BUSY, client.NotFound("no such container")) == ["remove", "end", "remove"]


def test_a_lab_that_cannot_be_removed_is_said(asked: Callable[..., list[str]]) -> None:
    with pytest.raises(client.APIError, match="did not receive"):
        asked("running", REFUSED, REFUSED, REFUSED)


def test_a_lab_that_was_removed_in_part_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    state = {"Status": "dead", "Dead": True, "Running": False}
    found = {"Image": "image", "State": state, "Config": {"Labels": {ENGINE_LABEL: DEFAULT_ENGINE}}}
    monkeypatch.setattr(client, "outer", lambda: SimpleNamespace(inspect_image=lambda tag: {"Id": "image"}))
    assert "only partly removed" in lab._unusable(found, DEFAULT_ENGINE)


def test_a_throw_away_lab_that_cannot_be_removed_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Class:
        def containers(self, **_: Any) -> list[dict[str, str]]:
            return [{"Id": "stays"}, {"Id": "goes"}]

        def inspect_container(self, name: str) -> dict[str, str]:
            return {"Id": name}

    removed = []

    def discard(found: dict[str, Any]) -> None:
        if found["Id"] == "stays":
            raise CourseError("processes of the container do not end")
        removed.append(found["Id"])

    monkeypatch.setattr(client, "outer", Class)
    monkeypatch.setattr(client, "connect", Class)
    monkeypatch.setattr(sandbox, "discard", discard)
    sandbox.remove_left("a label")
    assert removed == ["goes"]
    assert "stays could not be removed: processes of the container do not end" in capsys.readouterr().out


@pytest.mark.parametrize(("left", "attempts"), [("", 2), ("it does not end", 1)])
def test_an_answer_whose_lab_stays_keeps_its_evidence_with_a_note(
    monkeypatch: pytest.MonkeyPatch, left: str, attempts: int
) -> None:
    made: list[str] = []
    for name, seen in {"beginning": None, "evidence": unseen("dead")}.items():
        monkeypatch.setattr(replay_worker, name, lambda *_, seen=seen: seen)
    monkeypatch.setattr(replay_worker, "_answer", lambda *_: {"ended": "it ran to its end", "output": ""})
    monkeypatch.setattr(sandbox, "create", lambda lab, seed, grader: made.append(seed))
    monkeypatch.setattr(sandbox, "remove", lambda name: left)
    found = replay_worker.replay(
        replay_worker.Job("02_publish_three_ways", "kim", "", "default.thrown", "seed", "grader", 1)
    )
    assert len(made) == attempts, "in its second lab's place the first one still stands"
    assert found["broken"] == "dead"
    note = f"; its lab could not be removed: {left}" if left else ""
    assert found["answer"]["ended"] == f"it ran to its end{note}"


# --- on an engine -------------------------------------------------------------------------------------------------


@pytest.mark.live
def test_what_is_paused_in_a_lab_is_ended_from_outside(fresh_lab: None) -> None:
    current.host(PAUSE)
    found = lab.inspect()
    assert found
    helper_container.end(client.outer(), found["Image"], found["Id"])
    assert client.outer().wait(found["Id"], timeout=10)["StatusCode"] in (137, 255)  # killed; lost by containerd
    lab.reset()
    assert current.host("docker ps -aq") == ""


def hung() -> None:
    """Pause a container in the lab, and kill the lab: with cgroup v1 its first process waits forever."""
    current.host(PAUSE)
    with contextlib.suppress(client.APIError):
        client.outer().kill(lab.container)


def frozen_by_itself() -> None:
    """Let the lab freeze itself, with one container that it paused before."""
    current.host(PAUSE)
    freeze = "echo FROZEN >/sys/fs/cgroup/freezer/freezer.state || echo 1 >/sys/fs/cgroup/cgroup.freeze"
    api = client.outer()
    api.exec_start(api.exec_create(lab.container, ["sh", "-c", freeze]), detach=True)


def paused_outside() -> None:
    """Pause the lab's own container, with one container that was paused before."""
    current.host(PAUSE)
    client.outer().pause(lab.container)


def stopped() -> None:
    """Stop dockerd and its containerd by a signal: they exist, take connections and answer nothing."""
    current.host(f"{PAUSE}; docker swarm init --advertise-addr 203.0.113.10; pkill -STOP -x 'dockerd|containerd'")


@pytest.mark.live
@pytest.mark.slow
@pytest.mark.parametrize("spoil", [lambda: current.host(PAUSE), hung, frozen_by_itself, paused_outside, stopped])
@pytest.mark.parametrize("act", [lab.reset, chapter.begin])
def test_a_lab_in_which_something_is_frozen_is_reset(
    fresh_lab: None, spoil: Callable[[], object], act: Callable[[], object]
) -> None:
    box = lab.require()
    spoil()
    act()
    assert current.host("docker ps -aq") == ""
    assert helpers_about(box) == []


@pytest.mark.live
@pytest.mark.slow
def test_a_lab_whose_dockerd_is_stopped_is_replaced_or_removed_in_seconds(
    fresh_lab: None, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped()
    began = time.monotonic()
    lab.up(lab.version(), refuse)
    assert time.monotonic() - began < 60, "5 s for an answer, 12 s to die, and a start; an answer was awaited for 120 s"
    assert "The lab's dockerd does not answer: replacing it" in capsys.readouterr().out
    assert current.host("docker info -f '{{.Swarm.LocalNodeState}}'; docker ps -aq") == "inactive\n"
    stopped()
    began = time.monotonic()
    for found in lab.containers():  # as `down` does, which would remove the tests' other labs, too
        discard(found)
    assert time.monotonic() - began < 60
    assert lab.containers() == []
    lab.reset()


def helpers_about(box: str) -> list[str]:
    """Return the helper containers that are there for a lab's container; others on the engine have their own."""
    api, found = client.outer(), []
    for helper in api.containers(all=True, filters={"label": f"{LABEL}=helper"}):
        with contextlib.suppress(client.NotFound):
            if box in str(api.inspect_container(helper["Id"])["Config"]):
                found.append(str(helper["Id"]))
    return found
