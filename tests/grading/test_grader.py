"""Test the grader: marks from evidence, the report, resuming after a kill, and malicious answers."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from course_lib.engine import client
from course_lib.engine.labels import GRADER_LABEL, PARENT_LABEL
from course_lib.errors import CourseError
from course_lib.exercises import catalog
from course_lib.exercises.checks import UNSEEN, WAITING, Check, Finding, Seed, Seen, verdicts
from course_lib.exercises.predictions import Prediction, Record
from course_lib.grading import grader, report, sandbox, submissions
from course_lib.grading import hand_in as hand_in_module
from course_lib.lab import execute
from course_lib.lab.lifecycle import Lab
from course_lib.network.model import Snapshot
from tests import hostile
from tests.bench import grading
from tests.bench.grading import hand_in
from tests.conftest import ROOT, refuse
from tests.worker import lab

EXERCISE = hostile.EXERCISE
FACTS = json.loads((ROOT / "tests/facts/26.1/published.json").read_text())


def rows(out: Path) -> dict[str, dict[str, str]]:
    with (out / "grades.csv").open(encoding="utf-8", newline="") as file:
        return {row["learner"]: row for row in csv.DictReader(file)}


def run_grader(folder: Path, out: Path, **options: Any) -> list[str]:
    failed = grader.grade(lab, folder, out, refuse, **options)
    report.write(out, report.read(out))
    return failed


# --- pure --------------------------------------------------------------------------------------------------------


def test_a_seed_gives_the_same_on_every_python() -> None:
    seed = Seed("02_publish_three_ways", "kim")
    assert [seed.number(name, 1, 1000) for name in "abc"] == [436, 779, 426]
    assert seed.choice("x", "pqrs") == seed.choice("x", "pqrs")
    assert {Seed("e", f"l{n}").number("a", 1, 3) for n in range(50)} == {1, 2, 3}


def checks() -> tuple[Check, ...]:
    def judge(seen: Seen) -> Finding:
        return Finding("it is there") if seen.values["there"] else Finding("it is not", "gone")

    first = Check("first", 2, "{there} is wanted", judge, hints={"gone": "look for {there}"})
    return first, Check("second", 3, "not {there}", lambda seen: Finding("well"), rests_on=("first",))


def test_what_rests_on_a_wrong_check_is_not_looked_at() -> None:
    right = verdicts(checks(), Seen({"there": 1}, Snapshot("x"), {}))
    assert [(v.points, v.of, v.mistake, v.wanted) for v in right] == [(2, 2, "", "1 is wanted"), (3, 3, "", "not 1")]
    wrong = verdicts(checks(), Seen({"there": 0}, Snapshot("x"), {}))
    assert [(v.points, v.mistake) for v in wrong] == [(0, "gone"), (0, WAITING)]
    assert wrong[0].hint == "look for 0"
    assert [(v.points, v.mistake) for v in verdicts(checks(), None, broken="dead")] == [(0, UNSEEN), (0, UNSEEN)]


def evidence(**changed: Any) -> dict[str, Any]:
    """Return the evidence of an answer that did nothing on a host with one published container."""
    what = catalog.named(EXERCISE)
    said = {"place": "host", "command": "true", "code": 7, "output": ""}
    probes = dict.fromkeys(what.probes(what.values("kim"), Snapshot("x")), said)
    answer = {"ended": "it ran to its end", "output": "<script>alert(1)</script>\x1b[31m\x00 ]]>"}
    whole = {"answer": answer, "broken": "", "facts": FACTS, "probes": probes, "seconds": 1.0, "hints": {}, "of": "x"}
    return whole | changed


def write_class(out: Path) -> None:
    for learner, found in {
        "kim": evidence(hints={"shop-answers": 2}),
        "lee": evidence(facts=None, broken="It is <b>gone</b>\x00.", probes={}),
    }.items():
        (out / "learners" / learner).mkdir(parents=True)
        (out / "learners" / learner / f"{EXERCISE}.json").write_text(json.dumps(found))


def everything(out: Path) -> dict[str, bytes]:
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}


@pytest.mark.slow
def test_the_same_evidence_gives_the_same_files_without_docker(tmp_path: Path) -> None:
    write_class(tmp_path)
    seen = []
    for _ in range(2):
        command = [sys.executable, "-m", "course_lib", "grade", "--from-evidence", "--out", str(tmp_path)]
        env = {**os.environ, "DOCKER_HOST": "unix:///nowhere", "PYTHONHASHSEED": "random"}
        subprocess.run(command, check=True, cwd=ROOT, env=env, capture_output=True)
        seen.append(everything(tmp_path))
    assert seen[0] == seen[1]
    assert {"grades.csv", "junit.xml", "index.html", "learners/kim/index.html"} <= set(seen[0])
    assert f"learners/kim/{EXERCISE}.svg" in seen[0]
    assert f"learners/lee/{EXERCISE}.svg" not in seen[0], "nothing was found of that network"


def test_nothing_that_an_answer_said_is_markup_in_the_report(tmp_path: Path) -> None:
    write_class(tmp_path)
    report.write(tmp_path, report.read(tmp_path))
    for path in tmp_path.rglob("*.html"):
        page = path.read_text()
        assert "<script" not in page
        assert "<b>gone" not in page
    assert "&lt;script&gt;" in (tmp_path / "learners/kim/index.html").read_text()
    cases = ElementTree.parse(tmp_path / "junit.xml").findall(".//testcase")  # noqa: S314 # our own file
    assert len(cases) == 2 * len(catalog.named(EXERCISE).checks)


def test_hints_cost_what_the_teacher_says_and_never_more_than_there_is(tmp_path: Path) -> None:
    write_class(tmp_path)
    [kim, lee] = report.read(tmp_path, price=0.5)
    assert (kim.hints, lee.hints) == (2, 0)
    assert kim.points == max(0.0, sum(v.points for v in kim.answers[0].verdicts) - 1.0)
    assert catalog.hints_in(b'{"a": 99, "b": -5}') == {"a": 9, "b": 0}
    for junk in (b"", b"[]", b"\xff", b'{"a": []}', b"[" * 100_000):
        assert catalog.hints_in(junk) == {}


def test_a_class_sees_what_several_predicted_wrongly_and_nobody_sees_who(tmp_path: Path) -> None:
    write_class(tmp_path)
    for learner, refuted in {"kim": ["nat-counts-packets", "alone"], "lee": ["nat-counts-packets", "gone"]}.items():
        path = tmp_path / "learners" / learner / f"{EXERCISE}.json"
        found = json.loads(path.read_text()) | {"misconceptions": dict(zip("ab", refuted, strict=True))}
        path.write_text(json.dumps(found))
    learners = report.read(tmp_path)
    [(belief, count)] = report.misconceptions(learners)
    assert (belief.id, count) == ("nat-counts-packets", 2)
    report.write(tmp_path, learners)
    page = (tmp_path / "index.html").read_text()
    assert belief.name in page
    assert "nat-counts-packets" not in page
    for learner in ("kim", "lee"):
        assert belief.name not in (tmp_path / "learners" / learner / "index.html").read_text()


@pytest.mark.parametrize("made", [None, Record({"client-log": Prediction("a", "", "b"), "open": Prediction("a", "")})])
def test_predictions_are_packed_only_if_the_learner_says_so(
    made: Record | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / EXERCISE
    folder.mkdir()
    (folder / "answer.sh").write_text("true\n")
    (tmp_path / "predictions.json").write_text("{}")
    write_class(tmp_path / "out")
    [kim, _] = report.read(tmp_path / "out")
    monkeypatch.setattr(grader, "grade", lambda *args, **more: [])
    monkeypatch.setattr(report, "read", lambda out: [kim])
    assert not hand_in_module.submit(Lab("x"), EXERCISE, lambda package: None, tmp_path, made)
    [archive] = tmp_path.glob("*.tar.gz")
    files = submissions.read(archive)
    assert (f"{EXERCISE}/predictions.json" in files) == bool(made)
    assert ("It also contains your predictions." in capsys.readouterr().out) == bool(made)
    if made:
        packed = json.loads(files[f"{EXERCISE}/predictions.json"])
        assert packed == {"predictions": {"client-log": {"chosen": "a", "happened": "b"}}}


def without_docker(monkeypatch: pytest.MonkeyPatch, replayed: Callable[[Any], dict[str, Any]]) -> None:
    """Give the grader evidence from a function instead of a lab."""
    monkeypatch.setattr(grader, "_replay", replayed)
    monkeypatch.setattr(sandbox, "make_seed", lambda lab, need: "seed")
    monkeypatch.setattr(sandbox, "is_plain", lambda seed: False)
    monkeypatch.setattr(sandbox, "remove_left", lambda label: None)


def test_without_user_namespaces_only_trusted_answers_are_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, out = tmp_path / "class", tmp_path / "out"
    hand_in(folder, "kim", "solution")
    without_docker(monkeypatch, lambda job: evidence())
    monkeypatch.setattr(sandbox, "is_plain", lambda seed: True)
    with pytest.raises(CourseError, match=r"have no user namespace.* --trusted"):
        run_grader(folder, out, jobs=1)
    assert run_grader(folder, out, jobs=1, trusted=True) == []
    assert [row["points"] != "" for row in rows(out).values()] == [True]


def test_a_grader_that_was_interrupted_goes_on_and_what_changed_is_replayed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, out, asked = tmp_path / "class", tmp_path / "out", []
    for learner in ("a", "b", "c"):
        hand_in(folder, learner, "solution")

    def replayed(job: Any) -> dict[str, Any]:
        asked.append(job.learner)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return evidence()

    without_docker(monkeypatch, replayed)
    with pytest.raises(KeyboardInterrupt):
        run_grader(folder, out, jobs=1)
    run_grader(folder, out, jobs=1)
    assert sorted(asked) in (["a", "b", "b", "c"], ["a", "b", "b", "c", "c"])
    asked[:] = ["x", "x"]
    run_grader(folder, out, jobs=1)
    assert asked == ["x", "x"], "all of it is there"
    (folder / "b" / EXERCISE / "answer.sh").write_text("echo another")
    run_grader(folder, out, jobs=1)
    assert asked == ["x", "x", "b"]
    for junk in ('{"half', "[]", "{}"):
        (out / "learners/c" / f"{EXERCISE}.json").write_text(junk)
        run_grader(folder, out, jobs=1)
        assert asked[3:] == ["c"]
        del asked[3:]
    start = {"before.sh": b"another start"}
    monkeypatch.setattr(grader, "files_of", lambda folder: start if folder.name == "start" else {})
    run_grader(folder, out, jobs=1)
    assert sorted(asked[3:]) == ["a", "b", "c"], "what an exercise begins with counts"
    monkeypatch.setattr(grader, "_course_digest", lambda: b"another way to look at a lab")
    run_grader(folder, out, jobs=1)
    assert sorted(asked[6:]) == ["a", "b", "c"], "and what it is looked at with"


# --- in disposable labs ------------------------------------------------------------------------------------------


def machine() -> dict[str, Any]:
    """Return the state of this machine that an answer must not change."""
    api = client.outer()
    labels = [GRADER_LABEL, f"{PARENT_LABEL}={lab.name}"]  # not those of another grader
    ours = [c["Names"][0] for c in api.containers(all=True, filters={"label": labels})]
    pattern = Path("/proc/sys/kernel/core_pattern")
    return {"labs": ours, "core_pattern": pattern.read_text() if pattern.exists() else ""}


def grade_hostile(folder: Path, out: Path, names: list[str]) -> dict[str, dict[str, str]]:
    """Grade malicious learners among honest ones, check that the honest ones get their marks, and return the rows."""
    for learner in ("aa", "mm", "zz"):
        hand_in(folder, learner, "solution")
    hand_in(folder, "bb", "mistakes/everywhere")
    for name in names:
        hand_in(folder, name, "solution", before=hostile.SCRIPTS[name])
    hostile.write_archives(folder)
    before = machine()
    assert run_grader(folder, out, jobs=2, limit=25) == []
    assert machine() == before
    found = rows(out)
    assert {found[name]["points"] for name in ("aa", "mm", "zz")} == {"8"}
    assert found["bb"]["points"] == "6"
    for name in names:
        seen = json.loads((out / "learners" / name / f"{EXERCISE}.json").read_text())
        print(name, found[name]["points"], found[name]["seconds"], seen["broken"], seen["answer"]["ended"])
        assert not re.search(r"^won\b", seen["answer"]["output"], re.MULTILINE), seen["answer"]["output"]
        assert len(json.dumps(seen)) < 500_000
        assert float(found[name]["seconds"]) < 25 + 60
    return found


@pytest.mark.live
@pytest.mark.slow
def test_harm_costs_its_author_only(tmp_path: Path) -> None:
    names = ["forge-evidence", "stop-dockerd", "fake-conntrack", "pause-all", "pause-one"]
    found = grade_hostile(tmp_path / "class", tmp_path / "out", names)
    assert [found[name]["points"] for name in names] == ["0", "0", "0", "0", "8"]
    seen = json.loads((tmp_path / "out/learners/fake-conntrack" / f"{EXERCISE}.json").read_text())
    assert "changed programs" in seen["broken"]
    assert "usr/sbin/conntrack" in seen["broken"]


@pytest.mark.live
@pytest.mark.slow
def test_what_an_answer_leaves_in_the_lab_costs_the_next_one_nothing(tmp_path: Path) -> None:
    """A swarm, a stopped dockerd, frozen containers: `grade_hostile` asserts the marks of the others."""
    names = ["leave-a-swarm", "stop-dockerd-at-the-end", "freeze-at-the-end"]
    found = grade_hostile(tmp_path / "class", tmp_path / "out", names)
    assert found["leave-a-swarm"]["points"] == "8", "a swarm harms nobody"
    assert found["stop-dockerd-at-the-end"]["points"] == "0"
    assert machine()["labs"] == []


# Each in the place of an honest answer: something stays paused; what is read of the lab is no JSON, has no chain of
# that name, and no character that a file can hold; hints and archives that no reader likes.
THREE = {
    "hostile-pause": hostile.SCRIPTS["pause-all"],
    "hostile-words": """
mkdir -p /etc/perl; printf 'print "\\"\\\\ud800"; 1;' >/etc/perl/strict.pm
iptables -A FORWARD -m comment --comment $'x\n[0:0] -A NOSUCH -j ACCEPT' -j ACCEPT""",
    "hostile-archives": "",
}


@pytest.mark.live
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_three_hostile_learners_cost_nine_others_nothing(tmp_path: Path) -> None:
    wanted = {}
    for number in range(9):
        exercise = catalog.every()[number % len(catalog.every())]
        hand_in(tmp_path / "class", f"right-{number}", "solution", exercise=exercise)
        wanted[f"right-{number}"] = str(catalog.named(exercise).points)
    for learner, before in THREE.items():
        hand_in(tmp_path / "class", learner, "solution", before=before)
        (tmp_path / "class" / learner / EXERCISE / catalog.HINTS).write_text('{"\\ud800": 1}')
    for name, content in (hostile.ARCHIVES | hostile.ENDLESS).items():
        (tmp_path / "class" / f"hostile-archives.{name}").write_bytes(content)
    for run_of in ("first", "second"):
        assert run_grader(tmp_path / "class", tmp_path / run_of, jobs=2) == []
        found = rows(tmp_path / run_of)
        assert {learner: found[learner]["points"] for learner in wanted} == wanted
        assert set(found) == set(wanted) | set(THREE)
        assert (tmp_path / run_of / "index.html").exists()
        assert (tmp_path / run_of / "junit.xml").exists()


PAUSE = "docker run -d --name beside busybox sleep 1000; docker pause beside"


def something_is_paused() -> bool:
    """Whether a container is paused in a disposable lab."""
    for name in machine()["labs"]:
        with contextlib.suppress(*client.BROKEN_OFF), contextlib.closing(client.inner(name.lstrip("/"))) as api:
            return bool(api.containers(filters={"status": "paused"}))
    return False


@pytest.mark.live
@pytest.mark.slow
def test_a_grader_that_is_killed_while_something_is_paused_goes_on(tmp_path: Path) -> None:
    folder, out = tmp_path / "class", tmp_path / "out"
    hand_in(folder, "kim", "solution", before=f"{PAUSE}; sleep 15")
    sandbox.make_seed(lab, refuse)
    command = [sys.executable, "-m", "course_lib", "grade", str(folder), "--out", str(out)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True) as process:
        deadline = time.monotonic() + 60
        while not something_is_paused():
            assert time.monotonic() < deadline
            time.sleep(0.2)
        os.killpg(process.pid, signal.SIGKILL)  # its replay too, so that nothing removes the lab
    assert len(machine()["labs"]) == 1
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, timeout=150)
    assert rows(out)["kim"]["points"] == "8"
    assert machine()["labs"] == []


@pytest.mark.live
@pytest.mark.slow
def test_down_removes_what_a_killed_grader_left_before_the_seed() -> None:
    own = lab.relative("down")
    seed, left = sandbox.make_seed(own, refuse), own.relative("left")
    sandbox.create(left, seed, "somebody")
    execute.run(left, PAUSE)
    env = {**os.environ, "COURSE_LAB": own.name}
    subprocess.run(
        [sys.executable, "-m", "course_lib", "down"], cwd=ROOT, env=env, check=True, stdout=subprocess.DEVNULL
    )
    assert own.relatives() == []
    assert not client.outer().volumes(filters={"name": seed})["Volumes"]


@pytest.mark.live
@pytest.mark.slow
def test_a_throw_away_lab_has_no_path_to_a_disk_of_the_machine() -> None:
    seed = sandbox.make_seed(lab, refuse)
    thrown = lab.relative("thrown")
    sandbox.create(thrown, seed, "test")
    try:
        assert "busybox" in execute.run(thrown, "docker images")
        assert sandbox.changed_programs(thrown) == []
        mounts = [line.split(" - ") for line in execute.run(thrown, "cat /proc/self/mountinfo").splitlines()]
    finally:
        sandbox.remove(thrown)
    kinds = {rest.split()[0] for _, rest in mounts}
    assert kinds <= {"overlay", "tmpfs", "proc", "sysfs", "devpts", "mqueue", "cgroup", "cgroup2", "nsfs"}
    above = {place.split()[4]: rest for place, rest in mounts if rest.startswith("overlay")}
    # A layer of an image has nothing above it: it can never be written to. The root and what is in it (/run/netns)
    # have the tmpfs above them.
    layers = {place for place, rest in above.items() if place.endswith("/diff")}
    assert len(layers) > 5
    assert all("upperdir" not in above[place] for place in layers)
    assert all("upperdir=/scratch/above" in above[place] for place in set(above) - layers)


# All malicious answers, in parts, each with the marks that the right answer after it may still get.
HARM = {
    # An attempt that failed does not cost the points of the right answer that follows.
    "beyond-the-lab": ("core-pattern sysrq mount-a-disk load-a-module reach-out read-solutions", {"8"}),
    "forged": ("forge-evidence fake-curl fake-conntrack fake-docker", {"0"}),
    # Without rules or without eth0 the desk still answers the host itself, but the rest of the answer does not work.
    "broken": ("stop-dockerd remove-the-rules remove-the-wire", {str(points) for points in range(8)}),
    "paused": ("pause-one pause-all", {str(points) for points in range(9)}),
    "left": ("leave-a-swarm stop-dockerd-at-the-end freeze-at-the-end", {str(points) for points in range(9)}),
    "printed": ("print-a-gigabyte print-to-the-log", {"0", "8"}),
    "without-end": ("endless-loop fork-bomb fork-bomb-inside", {"0", "8"}),
    "too-much-written": ("fill-the-root fill-docker poison-the-images", {"0", "8"}),
}
NOTHING = {"endless-loop", "fork-bomb", "stop-dockerd"}  # these get no marks


def test_each_harm_is_graded_in_one_part() -> None:
    assert sorted(name for names, _ in HARM.values() for name in names.split()) == sorted(hostile.SCRIPTS)


@pytest.mark.live
@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", HARM)
def test_every_harm_of_the_list_costs_its_author_only(part: str, tmp_path: Path) -> None:
    names, marks = HARM[part][0].split(), HARM[part][1]
    found = grade_hostile(tmp_path / "class", tmp_path / "out", names)
    for name in names:
        assert found[name]["points"] in ({"0"} if name in NOTHING else marks), name


@pytest.mark.live
@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_thirty_answers_twice_give_the_same_marks(tmp_path: Path) -> None:
    """Two labs at once and one lab give the same report; tests/bench/grading.py measures the speed."""
    wanted = grading.hand_in_thirty(tmp_path / "class")
    seen = []
    for jobs in (2, 1):
        assert run_grader(tmp_path / "class", tmp_path / f"out-{jobs}", jobs=jobs) == []
        found = rows(tmp_path / f"out-{jobs}")
        assert {learner: row["points"] for learner, row in found.items()} == wanted
        seen.append([{k: v for k, v in row.items() if k != "seconds"} for row in found.values()])
    assert seen[0] == seen[1]


@pytest.mark.live
@pytest.mark.soak
def test_a_killed_grader_goes_on_where_it_was_and_leaves_no_lab(tmp_path: Path) -> None:
    folder, out = tmp_path / "class", tmp_path / "out"
    for number in range(4):
        hand_in(folder, f"learner-{number}", "solution")
    command = [sys.executable, "-m", "course_lib", "grade", str(folder), "--out", str(out), "--jobs", "1"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True) as process:
        deadline = time.monotonic() + 120
        while not list(out.rglob(f"{EXERCISE}.json")) and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
    done = {p: p.read_bytes() for p in out.rglob(f"{EXERCISE}.json")}
    assert 1 <= len(done) < 4
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, timeout=200)
    assert {p: p.read_bytes() for p in done} == done, "what was seen is not looked at again"
    assert [row["points"] for row in rows(out).values()] == ["8"] * 4
    assert machine()["labs"] == []
