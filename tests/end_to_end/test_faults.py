"""Kill a part of the machine at seeded moments and test that the course then works again.

These tests use an engine of their own. The gate tries ten moments, the soak a hundred.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import pytest

from course_lib.engine import client
from course_lib.engine.labels import GRADER_LABEL
from course_lib.errors import CourseError
from course_lib.exercises import answers, catalog
from course_lib.grading import sandbox
from course_lib.lab.lifecycle import Lab
from course_lib.notebook import current
from tests.conftest import ROOT, refuse
from tests.exercises.test_answers import filled
from tests.faults import PATIENCE, Running, Second, is_zombie, lab, until
from tests.grading.test_grader import hand_in
from tests.setup.test_docker_install import own_folder

pytestmark = [pytest.mark.live, pytest.mark.slow]

CHAPTER, EXERCISE, LEARNER = "01_docker0", "03_own_bridge", "kim"
SEED = int(os.environ.get("COURSE_FAULTS_SEED", "20261125"))
OLD = "echo an answer of yesterday\n"
WITHIN = 10 * PATIENCE  # seconds that a cell or a command may take to notice

# What goes on: from which of its lines to which one something is killed, seconds between two lines, and what it is.
# (A notebook's first lines are those of its kernel's start.)
ACTS = {
    "up": (0, 3, 3.0, ("course", "lab", "lab-dockerd", "engine")),
    "chapter": (3, 22, 0.7, ("course", "kernel", "lab", "lab-dockerd", "engine")),
    "exercise": (3, 5, 3.0, ("course", "kernel", "lab", "lab-dockerd", "engine")),
    "grade": (0, 3, 6.0, ("course", "lab", "lab-dockerd", "engine")),
    "reset": (0, 0, 2.5, ("course", "lab", "lab-dockerd", "engine")),
}


@dataclass(frozen=True)
class Moment:
    """When which part is killed: so many seconds after so many lines."""

    number: int
    act: str
    victim: str
    lines: int
    seconds: float
    then: str  # the command that must make all well

    def __str__(self) -> str:
        return f"{self.number}-{self.act}-{self.victim}-{self.lines}+{self.seconds:g}s-{self.then}"


PAIRS = [(act, victim) for act, (_, _, _, victims) in ACTS.items() for victim in victims]
# The gate's ten: each act, each victim, and most of what is quick.
TEN = [
    ("up", "course"),
    ("up", "engine"),
    ("chapter", "kernel"),
    ("chapter", "lab-dockerd"),
    ("chapter", "lab"),
    ("exercise", "kernel"),
    ("reset", "course"),
    ("reset", "course"),
    ("reset", "engine"),
    ("grade", "course"),
]


def moments(count: int, seed: int, pairs: Sequence[tuple[str, str]]) -> list[Moment]:
    """Return so many moments, the same ones for the same seed: each pair of act and victim in its turn."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    found = []
    for number in range(count):
        act, victim = pairs[number % len(pairs)]
        first, last, seconds, _ = ACTS[act]
        # `reset` needs a lab; after `up` was killed there may be none. And the engine is started by `up` alone.
        then = "up" if act == "up" or victim == "engine" else chance.choice(["up", "reset"])
        after = chance.randint(first, last)
        found.append(Moment(number, act, victim, after, round(chance.uniform(0, seconds), 2), then))
    return found


@dataclass
class Desk:
    """What is the same for all moments: the machine and the learner's files."""

    second: Second
    files: Path
    seen: list[str] = field(default_factory=list)

    @property
    def exercise(self) -> Path:
        """Return the folder of the learner's exercise."""
        return self.files / EXERCISE

    def act(self, name: str) -> Running:
        """Begin something."""
        if name == "chapter":
            return Running("notebook", str(ROOT / f"notebooks/{CHAPTER}.ipynb"))
        if name == "exercise":
            return Running("notebook", str(self.exercise / "exercise.ipynb"))
        arguments = {
            "up": ["up", "--no-browser"],
            "reset": ["reset"],
            "grade": ["grade", str(self.files / "class"), "--out", str(self.files / "report"), "--jobs", "1"],
        }
        return Running("course", *arguments[name])

    def command(self, name: str, seconds: float) -> str:
        """Run a command to its end; return what it said if it failed, or did not end in time."""
        running = self.act(name)
        try:
            ended = running.wait(seconds * PATIENCE)
            code = running.go_on(5)
            return "" if ended and code == 0 else f"{name} ended with {code} and said: {running.text[-1500:]}"
        finally:
            running.close()


@pytest.fixture(scope="module")
def first_engine() -> Any:
    """Give a client of the engine that all other tests use."""
    return client.connect()


@pytest.fixture(scope="module")
def desk(first_engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """Give a machine with an engine, the lab's images, a container of the learner's own, and the learner's files."""
    with own_folder() as where, pytest.MonkeyPatch.context() as patch, current.using(lab):
        patch.setenv("COURSE_SECOND", str(where))
        patch.setenv("DOCKER_HOST", f"unix://{where}/docker.sock")
        patch.setenv("COURSE_LAB", lab.name)  # for the commands that are started
        patch.setenv("COURSE_LEARNER", LEARNER)
        second = Second(where)
        (where / "data").mkdir()
        second.disk(where / "disk", 6_000)
        try:
            second.start()
            second.fill(first_engine)
            yield Desk(second, files(tmp_path_factory.mktemp("files")))
        finally:
            for found in client.outer().containers():
                client.outer().remove_container(found["Id"], force=True)
            client.outer.cache_clear()


def files(place: Path) -> Path:
    """Make the learner's files: an exercise that is filled in, with yesterday's answer, and a class of two."""
    what = catalog.named(EXERCISE)
    values = what.values(LEARNER)
    (place / EXERCISE).mkdir()
    shutil.copy(what.folder / "checks.py", place / EXERCISE)
    book = nbformat.read(what.folder / "exercise.ipynb", as_version=4)
    script = filled(answers.files_of(what.folder / "solution"), values)[answers.ANSWER].decode()
    for cell in book.cells:
        if cell.source.startswith("%%answer"):
            cell.source = f"%%answer\n{script}"
    nbformat.write(book, place / EXERCISE / "exercise.ipynb")
    (place / "new.sh").write_text(script)
    for learner in ("kim", "lee"):
        hand_in(place / "class", learner, "solution", exercise=EXERCISE)
    return place


def complaints(desk: Desk, moment: Moment) -> list[str]:
    """Let the moment come, make all well again, and return what is not as it must be."""
    second, found, at_first = desk.second, [], time.monotonic()
    if moment.act == "up":
        lab.down(remove_images=False)
    elif not second.labs() and (bad := desk.command("up", 60)):
        return [f"before: {bad}"]
    (desk.exercise / answers.ANSWER).write_text(OLD)
    shutil.rmtree(desk.files / "report", ignore_errors=True)
    before = second.own()
    running = desk.act(moment.act)
    try:
        until(lambda: running.is_over() or len(running.lines) >= moment.lines, 60 * PATIENCE)
        time.sleep(moment.seconds)
        was_over = running.is_over()
        struck = until(lambda: second.kill(moment.victim, running) or running.is_over(), 60 * PATIENCE)
        began = time.monotonic()
        lines = len(running.lines)
        at = running.lines[-1][1][:80] if running.lines else "nothing yet"
        # What runs just now must end, well or not. Where it ended well, as begin() may, what follows takes its time.
        if not until(lambda: running.is_over() or len(running.lines) > lines, WITHIN):
            found.append(f"{at} goes on {time.monotonic() - began:.0f} s after the kill: {running.text[-600:]}")
        took = time.monotonic() - began
        if not running.wait(90 * PATIENCE):
            found.append(f"never over: {running.text[-600:]}")
        began += time.monotonic() - began - took
        if "Traceback" in running.text:
            found.append(f"a traceback: {running.text[-3000:]}")
        client.outer.cache_clear()
        if bad := desk.command(moment.then, 60):
            found.append(bad)
        recovered = time.monotonic() - began - took
        client.outer.cache_clear()
        found += well(desk, moment, before)
        if moment.act in {"chapter", "exercise"} and moment.victim != "course":
            found += again(running)
    finally:
        running.close()
    found += kept(desk, moment)
    how = f"{'it was over, ' if was_over else ''}{'' if struck else 'nothing to kill, '}"
    line = f"{moment}: at '{at}', {how}noticed after {took:.1f} s, well after {recovered:.1f} s"
    line += f", {time.monotonic() - at_first:.0f} s in all"
    print(line, *found, sep="\n    ", flush=True)
    return [f"{moment}: {words}" for words in found]


def well(desk: Desk, moment: Moment, before: tuple[str, str, str]) -> list[str]:
    """Say what of the machine is not as it must be once all is well again."""
    found = []
    after = desk.second.own()
    if after[0] != before[0] or (moment.victim != "engine" and after != before):
        found.append(f"the learner's own container was {before} and is {after}")
    elif after[2] != "running":  # its engine was killed, and so was it: the engine's doing, not ours
        client.outer().start(after[0])
    try:
        said = current.host("docker run --rm busybox echo works", timeout=30)
        if moment.then == "reset":
            said += current.host("docker ps -aq; docker volume ls -q; ip -br link show type bridge_slave")
            said += current.host("iptables -t nat -S | grep DNAT || true")
        if said != "works\n":
            found.append(f"in the lab: {said}")
    except Exception as error:
        found.append(f"the lab does not work: {error!r}")
    if moment.act == "grade" and moment.victim != "course":
        return found  # the same `grade` goes on, and then removes all
    # A grader that was killed leaves no lab of an answer, only a seed that it was just making: `grade` removes that.
    return found + [words for words in left(desk) if moment.act != "grade" or ".seed" not in words]


def left(desk: Desk) -> list[str]:
    """Say what of labs that are gone is still there; the engine may take a moment."""
    until(lambda: not desk.second.left(), 10 * PATIENCE)
    return [f"left: {words}" for words in desk.second.left()]


def again(running: Running) -> list[str]:
    """Let the notebook begin again, and say what of that is not well."""
    code = running.go_on(60 * PATIENCE)
    found = [] if code == 0 else [f"the notebook ended with {code}: {running.text[-2000:]}"]
    if error := running.last("begun"):
        found.append(f"the first cell again: {error}")
    threads = running.last("after")
    if threads.count("course-") > 2:  # one connection to the engine of the lab that is there now: two pumps
        found.append(f"threads that wait for a lab that is gone: {threads}")
    return found


def kept(desk: Desk, moment: Moment) -> list[str]:
    """Say which of the learner's files is not whole, and what lies beside them."""
    found = []
    text = (desk.exercise / answers.ANSWER).read_text()
    if text not in (OLD, (desk.files / "new.sh").read_text()):
        found.append(f"the answer is neither the old nor the new one: {text!r}")
    names = {p.name for p in desk.exercise.iterdir()} - {"exercise.ipynb", "checks.py", "answer.sh", "__pycache__"}
    if names:
        found.append(f"beside the answer: {sorted(names)}")
    if moment.act == "grade":
        if bad := desk.command("grade", 120):
            found.append(f"the same command does not go on: {bad}")
        reports = list((desk.files / "report/learners").rglob(f"{EXERCISE}.json"))
        marks = [json.loads(path.read_text())["broken"] for path in reports]
        if marks != ["", ""]:
            found.append(f"of two right answers the report says {marks}")
        found += left(desk)
    return found


def test_a_lab_that_its_engine_has_forgotten(desk: Desk) -> None:
    """As a kill in the middle of a start leaves it: the engine says "created", and the lab runs."""
    assert desk.command("up", 60) == ""
    pid = forgotten(desk, lab)
    assert desk.command("reset", 60) == ""
    assert is_zombie(pid)
    assert left(desk) == []


def test_a_graders_lab_that_its_engine_has_forgotten(desk: Desk) -> None:
    seed, thrown = sandbox.make_seed(lab, refuse), lab.relative("0")
    sandbox.create(thrown, seed, "somebody")
    pid = forgotten(desk, thrown)
    sandbox.remove_left(f"{GRADER_LABEL}=somebody")
    assert is_zombie(pid)
    assert left(desk) == []


def forgotten(desk: Desk, lab: Lab) -> int:
    """Let the engine forget that it has started a lab; return the number of the lab's first process, which runs."""
    state = client.outer().inspect_container(lab.container)
    notes = desk.second.folder / f"data/containers/{state['Id']}/config.v2.json"
    desk.second.kill_engine()
    known = json.loads(notes.read_text())
    known["State"] |= {"Running": False, "Pid": 0, "StartedAt": "0001-01-01T00:00:00Z"}
    notes.write_text(json.dumps(known))
    desk.second.start()
    assert client.outer().inspect_container(state["Id"])["State"]["Status"] == "created"
    pid = int(state["State"]["Pid"])
    assert not is_zombie(pid), "it runs"
    return pid


@pytest.mark.soak
def test_a_disk_that_becomes_full_under_the_lab_and_then_has_room(desk: Desk) -> None:
    assert desk.command("reset", 60) == "" or desk.command("up", 60) == ""
    data = desk.second.folder / "data"
    fill = data / "fill"
    with fill.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(data).free - 1_000_000)
    try:
        began = time.monotonic()
        with pytest.raises(CourseError):  # in words: the engine's, or the command's exit code
            current.host("for n in 1 2 3 4 5; do docker run --rm busybox dd if=/dev/zero of=/file bs=1M count=1; done")
        assert time.monotonic() - began < WITHIN
        said = desk.command("reset", 60)
        assert "Traceback" not in said
        print("a reset on a full disk:", said[-400:] or "well")
    finally:
        fill.unlink()
    assert desk.command("reset", 60) == ""
    assert current.host("docker run --rm busybox echo works") == "works\n"
    assert left(desk) == []


@pytest.mark.soak
def test_a_lab_that_has_too_little_memory(desk: Desk) -> None:
    assert desk.command("reset", 60) == "" or desk.command("up", 60) == ""
    limit = 160_000_000
    client.outer().update_container(lab.container, mem_limit=limit, memswap_limit=limit)
    began = time.monotonic()
    with pytest.raises(CourseError, match=r"exit code 137|not running any more|reset"):
        current.host("head -c 1G /dev/zero | tail >/dev/null; docker run --rm busybox true", timeout=60)
    assert time.monotonic() - began < 60
    assert desk.command("reset", 60) == ""
    assert current.host("docker run --rm busybox echo works") == "works\n"
    assert left(desk) == []


@pytest.mark.parametrize("moment", moments(10, SEED, TEN), ids=str)
def test_ten_moments(desk: Desk, moment: Moment) -> None:
    assert complaints(desk, moment) == [], f"seed {SEED}"


@pytest.mark.soak
@pytest.mark.parametrize("moment", moments(100, SEED + 1, PAIRS), ids=str)
def test_a_hundred_moments(desk: Desk, moment: Moment) -> None:
    assert complaints(desk, moment) == [], f"seed {SEED + 1}"


@pytest.fixture
def clock() -> Iterator[Callable[[float], None]]:
    """Give a function that sets the machine's clock, to so many seconds after what is right; at the end it is right."""
    if not os.environ.get("COURSE_MAY_SET_CLOCK"):
        pytest.skip("it sets the clock of the whole machine for some minutes: COURSE_MAY_SET_CLOCK=1 allows that")
    right = time.time() - time.monotonic()

    def jump(seconds: float) -> None:
        time.clock_settime(time.CLOCK_REALTIME, right + time.monotonic() + seconds)

    yield jump
    jump(0)


@pytest.mark.soak
@pytest.mark.parametrize("seconds", [130, -130])  # more than anything here waits
@pytest.mark.parametrize("act", ACTS)
def test_a_clock_that_jumps(desk: Desk, clock: Callable[[float], None], act: str, seconds: float) -> None:
    """Nothing ends before its time, and nothing waits for the clock to come back."""
    if act == "up":
        lab.down(remove_images=False)
    else:
        assert desk.command("up", 60) == ""
    (desk.exercise / answers.ANSWER).write_text(OLD)
    shutil.rmtree(desk.files / "report", ignore_errors=True)
    running = desk.act(act)
    try:
        until(lambda: running.is_over() or len(running.lines) > ACTS[act][0], 60 * PATIENCE)
        assert not running.is_over()
        clock(seconds)
        assert running.wait(90 * PATIENCE), running.text[-600:]
        assert running.last("error") == ""
        assert running.go_on(60 * PATIENCE) == 0, running.text[-600:]
    finally:
        running.close()
    assert desk.command("reset", 60) == "", "with the clock as it is now"
    clock(0)
    assert current.host("docker run --rm busybox echo works") == "works\n"
    assert left(desk) == []


@pytest.mark.soak
def test_the_engine_is_upgraded_in_between(desk: Desk, first_engine: Any) -> None:
    """The last of these tests: the machine's engine stays a newer one."""
    assert desk.command("up", 60) == ""
    before, own = client.outer().version()["Version"], desk.second.own()[0]
    current.host("docker run -d --name kept busybox sleep 100000")
    desk.second.upgrade(first_engine)
    assert desk.command("up", 90) == "", "`up` starts the engine and the lab"
    client.outer.cache_clear()
    now = client.outer().version()["Version"]
    print(f"the machine's engine was {before} and is {now}")
    assert now != before
    assert current.host("docker ps -a --format '{{.Names}}'") == "kept\n", "a lab that was stopped has what it had"
    assert current.host("docker run --rm busybox echo works") == "works\n"
    assert desk.second.own()[0] == own
    assert desk.command("reset", 60) == ""
    assert left(desk) == []
    assert lab.down(remove_images=False), "the machine is as before, but for its engine"
