"""The sections of a capture: evidence.py and capture.sh have the same names, and a failure is an error."""

from __future__ import annotations

import re
from dataclasses import fields
from importlib.resources import files

import pytest

from course_lib.errors import CourseError
from course_lib.packet_path.evidence import Evidence, Namespace, evidence_of

OWN = [field.name for field in fields(Evidence) if field.name != "namespaces"]


def printed(*skip: str) -> str:
    """Return what capture.sh prints of a request, with little in it, and without some sections."""
    texts = {name: name for name in OWN} | {"lost": "0", "trace host": "a\nb", "events host": "", "trace web": "c"}
    texts |= {"end": ""}
    return "".join(
        f"== {title} {len(text.splitlines())}\n{text}\n" if text else f"== {title} 0\n"
        for title, text in texts.items()
        if title not in skip
    )


def test_capture_sh_prints_the_sections_that_are_defined_and_no_others() -> None:
    script = (files("course_lib.packet_path") / "capture.sh").read_text()
    own = re.findall(r"^[^#]*?\bsection (\w+) ", script, re.MULTILINE)
    own += re.findall(r"; section (\w+) ", script)
    inside = re.findall(r'\bsection "(\w+) \$', script)
    inside += re.findall(r"^counters (\w+)$", script, re.MULTILINE)  # a section of each namespace, without a process
    assert {*own} == {*OWN, "failed", "end"}
    assert {*inside} == {field.name for field in fields(Namespace)}


def test_sections_become_evidence() -> None:
    evidence = evidence_of(printed())
    assert (evidence.said, evidence.before_ip6, evidence.lost) == ("said\n", "before_ip6\n", 0)
    assert evidence.namespaces == {"host": Namespace("a\nb\n"), "web": Namespace("c\n")}


def test_an_undefined_section_is_an_error() -> None:
    with pytest.raises(TypeError, match="unknown"):
        evidence_of("== unknown 0\n" + printed())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("== failed 2\nError: syntax error\nno trace of web.\n", "no trace of web"),
        ("", "no answer"),
        (printed("end"), "no answer"),
    ],
)
def test_what_could_not_be_watched_is_an_error(text: str, why: str) -> None:
    with pytest.raises(CourseError, match=rf"^The kernel could not be watched: {why}\.$"):
        evidence_of(text)
