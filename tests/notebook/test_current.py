"""Test the current lab (a value that is read once and passed on) and the labs that belong to another."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import FrozenInstanceError

import pytest

from course_lib.engine import client
from course_lib.errors import CourseError
from course_lib.lab import images
from course_lib.lab.lifecycle import DEFAULT_ENGINE, ENGINE_LABEL, PARENT_LABEL, Lab
from course_lib.notebook import current, engine_matrix
from tests.conftest import ROOT

# A command of `./course`, of the gate, and a notebook; and where it is defined.
BEGINNINGS = {"cli", "__main__", "claims", "current", "lifecycle"}


def test_the_environment_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(current, "_labs", [])
    monkeypatch.setenv("COURSE_LAB", "first")
    assert current.lab() == Lab("first")
    monkeypatch.setenv("COURSE_LAB", "second")
    assert current.lab() == Lab("first")
    monkeypatch.setattr(current, "_labs", [])
    monkeypatch.delenv("COURSE_LAB")
    assert current.lab() == Lab("default")


def test_it_is_read_where_a_process_begins_and_nowhere_else() -> None:
    sources = [path for folder in ("course_lib", "tools") for path in (ROOT / folder).rglob("*.py")]
    read = {path.stem for path in sources if "from_environment()" in path.read_text()}
    assert read == BEGINNINGS


def test_cells_are_about_another_lab_for_a_while_also_if_that_fails() -> None:
    own = current.lab()
    with contextlib.suppress(KeyError), current.using(Lab("other")):
        assert current.lab() == Lab("other")
        raise KeyError
    assert current.lab() == own


def test_a_lab_is_a_value() -> None:
    assert Lab("a") == Lab("a")
    assert len({Lab("a"), Lab("a"), Lab("b")}) == 2
    with pytest.raises(FrozenInstanceError):
        Lab("a").name = "b"  # type: ignore[misc]


def test_a_relative_has_a_name_that_no_other_lab_has() -> None:
    """Two long names with the same end are two labs: names used to be cut."""
    owners = [Lab(name) for name in ("foo", "foo-26-1", "alpha-" + "x" * 25, "bravo-" + "x" * 25)]
    relatives = [owner.relative(role) for owner in owners for role in (*images.RELEASES, "seed")]
    assert len({lab.container for lab in (*owners, *relatives)}) == len(owners) * (1 + len(images.RELEASES) + 1)
    assert Lab("foo").relative("26.1").labels[PARENT_LABEL] == "foo"
    assert PARENT_LABEL not in Lab("foo").labels


@pytest.mark.parametrize("name", ["", ".", "a.", ".a", "a..b", "A", "x" * 32, "a.B"])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(CourseError, match="not a valid name"):
        Lab(name)


# --- on an engine -------------------------------------------------------------------------------------------------


@pytest.fixture
def made() -> Iterator[Callable[[Lab], Lab]]:
    """Return a function that creates what a lab leaves: a container that never ran, and a volume."""
    api, labs = client.outer(), []

    def make(lab: Lab) -> Lab:
        labs.append(lab)
        labels = {**lab.labels, ENGINE_LABEL: DEFAULT_ENGINE}
        image = images.lab_image(images.RELEASES[DEFAULT_ENGINE])
        api.create_container(image, ["true"], name=lab.container, labels=labels)
        api.create_volume(lab.volume(DEFAULT_ENGINE), labels=labels)
        return lab

    yield make
    for lab in labs:
        lab.remove()


@pytest.mark.live
def test_down_removes_the_relatives_and_no_lab_of_a_name_like_theirs(made: Callable[[Lab], Lab]) -> None:
    own, theirs = Lab("test-foo"), made(Lab("test-foo-26-1"))
    near = [made(own.relative(role)) for role in ("26.1", "seed")]
    far = made(own.relative("book").relative("26.1"))
    assert own.relatives() == sorted([*near, far], key=lambda lab: lab.name)
    assert theirs.relatives() == []
    env = {**os.environ, "COURSE_LAB": own.name}
    command = [sys.executable, "-m", "course_lib", "down"]
    said = subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True, text=True).stdout
    assert own.relatives() == []
    for lab in (*near, far):
        assert lab.inspect() is None
        assert f"Removed the container {lab.container}" in said
        assert f"Removed the volume {lab.volume(DEFAULT_ENGINE)}" in said
    assert theirs.inspect()
    assert client.outer().inspect_volume(theirs.volume(DEFAULT_ENGINE))


@pytest.mark.live
def test_the_labs_of_the_engines_are_left_and_nothing_else(
    made: Callable[[Lab], Lab], capsys: pytest.CaptureFixture[str]
) -> None:
    own = Lab("test-foo")
    seed, old = made(own.relative("seed")), made(own.relative("20.10"))
    with current.using(own):
        engine_matrix.leave()
    assert capsys.readouterr().out == "Labs left besides your own: 0\n"
    assert old.inspect() is None
    assert seed.inspect()


@pytest.mark.live
def test_two_threads_are_each_in_a_lab_of_their_own(made: Callable[[Lab], Lab]) -> None:
    """Each thread has its own lab: a shared name used to mix them up."""
    labs = [made(Lab("test-one")), made(Lab("test-two"))]
    seen: dict[str, set[str]] = {lab.name: set() for lab in labs}

    def ask(lab: Lab) -> None:
        for _ in range(20):
            if found := lab.inspect():
                seen[lab.name].add(found["Name"])

    threads = [threading.Thread(target=ask, args=(lab,)) for lab in labs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {lab.name: {f"/{lab.container}"} for lab in labs}
