"""Test the pages of a class: they say the same numbers as the CSV, count what they say, and name no check by a code."""

from __future__ import annotations

import json
import re
from pathlib import Path

from course_lib.grading import report
from tests.grading.test_grader import EXERCISE, evidence, rows


def write_class(out: Path) -> list[report.Learner]:
    """Write the evidence of two learners without containers, one with another page, and one whose lab broke."""
    other = evidence(hints={"shop-answers": 1})
    other["answer"]["ended"] = "The command ended with exit code 1."
    other["probes"] = {k: {**v, "code": 0, "output": "<!DOCTYPE html>\n<html>"} for k, v in other["probes"].items()}
    class_ = {"ann": evidence(), "bob": evidence(), "kim": other, "lee": evidence(facts=None, broken="gone", probes={})}
    for learner, found in class_.items():
        (out / "learners" / learner).mkdir(parents=True)
        (out / "learners" / learner / f"{EXERCISE}.json").write_text(json.dumps(found))
    learners = report.read(out, price=0.5)
    report.write(out, learners)
    return learners


def test_each_learner_is_counted_once_for_each_check(tmp_path: Path) -> None:
    learners = write_class(tmp_path)
    exercise = learners[0].answers[0].exercise
    counts = report.counts(learners, exercise)
    assert {(c.right + c.wrong + c.unchecked) for c in counts} == {len(learners)}
    assert [c.wrong for c in counts] == sorted((c.wrong for c in counts), reverse=True)
    first = next(c for c in counts if c.check == "shop-answers")
    assert (first.right, first.wrong, first.unchecked, first.often) == (0, 3, 1, 2)
    waits = next(c for c in counts if c.check == "shop-in-container")
    assert (waits.right, waits.wrong, waits.unchecked) == (0, 0, 4), "one that waits is not wrong"
    assert (waits.mistake, waits.example) == ("", None)


def test_the_class_page_speaks_in_words_and_names_nobody_in_an_example(tmp_path: Path) -> None:
    write_class(tmp_path)
    page = (tmp_path / "index.html").read_text()
    checks, learners = page.split("<h2>Learners</h2>")
    assert "[shop port]" in checks
    assert not re.search(r"\b(ann|bob|kim|lee|absent|first-address|shop-answers)\b", checks)
    assert "kim" in learners
    assert "<main>" in page


def test_the_page_of_a_learner_says_the_total_of_the_csv(tmp_path: Path) -> None:
    learners = write_class(tmp_path)
    for learner in learners:
        page = (tmp_path / "learners" / learner.name / "index.html").read_text()
        assert f"Total: <b>{learner.points:g}</b> of" in page
        assert rows(tmp_path)[learner.name]["points"] == f"{learner.points:g}"
        assert "shop-answers" not in page, "a check that another one waits for is named by what it wants"
        assert ".." not in re.sub(r"<pre>.*?</pre>", "", page, flags=re.DOTALL).replace("../../index.html", "")
    kim = (tmp_path / "learners/kim/index.html").read_text()
    assert "the client gets another page: “&lt;!DOCTYPE html&gt;”" in kim
    assert "<code>hint()</code> taken: 1, each for 0.5 points." in kim
