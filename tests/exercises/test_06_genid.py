"""Test the checks of exercise 06 on pages, containers and events that no mistake in its folder causes."""

from __future__ import annotations

import json
import shlex
import sys
from typing import Any

import pytest

from course_lib.exercises import catalog
from course_lib.exercises.checks import Result, Seen
from course_lib.network.model import Container, Endpoint, Port, Snapshot
from course_lib.notebook import current
from tests.conftest import ROOT

EXERCISE = catalog.named("06_genid")
GENID: Any = sys.modules["course_exercise_06_genid"]
VALUES = {
    "figure": "girl",
    "motto": "salt <and> pepper &copy 1987",
    "folder": "/srv/hall-20",
    "port": 8200,
    "interval": 2,
}
ESCAPED = "salt &lt;and&gt; pepper &amp;copy 1987"
FIGURE = r"""
             .-\"-.
            / .===. \
           / / a a \ \
          / ( \___/ ) \
  _____ooo\__\_____/__/_______
 /                            \
| Waldo Mays                   |
| (401) xxx-xxxx               |
| MOTTO |
 \____________________ooo_____/
""".replace('\\"', '"""')
PAGE = f"<pre>{FIGURE}</pre>"
BOTH = (
    Container("genid", "1", "genid", "genid.sh", "running"),
    Container(
        "nginx", "2", "nginx", "nginx", "running", "bridge",
        (Endpoint("bridge", "eth0", ("172.17.0.3/16",)),), (Port(80, "tcp", "0.0.0.0", 8200),),
    ),
)  # fmt: skip
WELL = {
    "file": (0, ""),
    "writer mounts": (0, "/srv/hall-20 at /webdata, "),
    "server mounts": (0, "/srv/hall-20 at /usr/share/nginx/html, "),
    "answer": (0, "200 text/html"),
    "same": (0, ""),
    "source": (0, "src=172.17.0.3 dst=203.0.113.20 sport=80"),
    "watch": (0, "0.50 moved in 300\n2.53 moved in 301\n4.60 moved in 290\npersons 3"),
    "page": (0, PAGE.replace("MOTTO", ESCAPED)),
    "paused": (0, ""),
    "programs": (0, ""),
}


def judged(check: str, *, containers: tuple[Container, ...] = BOTH, **changed: tuple[int, str]) -> str:
    """Return the hint of a check if only the arguments differ from a right answer; "" if it passes."""
    results = {name: Result("host", "true", *said) for name, said in (WELL | changed).items()}
    seen = Seen(VALUES, Snapshot("26.1", containers=containers), results)
    [judge] = [c.judge for c in EXERCISE.checks if c.name == check]
    return str(judge(seen).hint)


def page(text: str) -> dict[str, tuple[int, str]]:
    return {"page": (0, text)}


def watch(*lines: str) -> dict[str, tuple[int, str]]:
    return {"watch": (0, "\n".join(lines))}


def test_everything_is_well() -> None:
    assert [c.name for c in EXERCISE.checks if judged(c.name)] == []
    assert EXERCISE.points == 12
    assert len(EXERCISE.checks) == 8


@pytest.mark.parametrize(
    ("check", "changed", "hint"),
    [
        ("served", {"source": (0, "src=203.0.113.10")}, "somebody-else"),
        ("served", {"source": (1, "")}, "somebody-else"),
        ("served", {"same": (1, ""), "answer": (7, "")}, "silent"),
        ("served", {"same": (1, ""), "answer": (0, "404 text/html")}, "silent"),
        ("figure", page(PAGE.replace("xxx-xxxx", "555-1234")), "no-person"),
        ("figure", page(""), "other-figure"),
        ("aligned", page(f"<code>{FIGURE}</code>".replace("\n", "<br>")), "ragged"),
        ("aligned", page(f"<p style='white-space: pre'>{FIGURE}</p>"), "proportional"),
        ("aligned", {"answer": (0, "200 text/plain"), **page(FIGURE)}, ""),
        ("escaped", page(PAGE.replace("MOTTO", "my own motto")), "no-motto"),
        ("escaped", page(PAGE.replace("MOTTO", "salt &lt;and> pepper &copy 1987")), "half-escaped"),
        ("escaped", page(PAGE.replace("MOTTO", "salt <and> pepper &amp;copy 1987")), "markup"),
        ("escaped", page(PAGE.replace("MOTTO", ESCAPED.replace("&", "&amp;"))), "twice"),
        ("escaped", page(PAGE.replace("MOTTO", ESCAPED.replace("1987", "1988"))), "no-motto"),
        ("escaped", {"answer": (0, "200 text/plain"), **page(FIGURE.replace("MOTTO", VALUES["motto"]))}, ""),
        ("renewed", watch("persons 0"), "seldom"),
        ("renewed", watch("0.10 moved in 1", "2.20 moved in 1", "persons 1"), "same-person"),
        ("renewed", watch("0.10 moved in 1", "1.20 moved in 1", "2.30 moved in 1", "persons 3"), "often"),
        ("renewed", watch(*(f"{n / 10:.2f} moved in 1" for n in range(20)), "persons 20"), "often"),
        ("renewed", watch("0.10 moved in 1", "3.20 moved in 1", "persons 2"), "seldom"),
        ("renewed", {"paused": (1, "")}, "not-genid"),
        ("renewed", {"programs": (1, "")}, "no-programs"),
        ("replaced", watch("0.10 deleted 0", "0.11 moved in 300", "2.10 deleted 0", "2.11 moved in 300"), "removed"),
        ("replaced", watch("0.10 moved away 0", "0.11 moved in 300", "2.10 moved in 300"), "removed"),
        ("replaced", watch("0.10 deleted 0", "0.11 created 0", "0.12 modified 9", "2.10 closed 9"), "copied"),
        ("replaced", watch("0.10 modified 0", "0.20 modified 300", "0.20 closed 300", "2.10 modified 0"), "truncated"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_by_its_hint(check: str, changed: dict[str, tuple[int, str]], hint: str) -> None:
    assert judged(check, **changed) == hint
    assert not hint or hint in {h for c in EXERCISE.checks if c.name == check for h in c.hints}


def test_no_check_falls_over_whatever_the_lab_says() -> None:
    for check in EXERCISE.checks:
        for junk in ("", "\0", "persons x\n1.2.3 moved in 9\nsrc=\n403", "<pre>" * 50, "9" * 400):
            for containers in ((), BOTH[:1], BOTH):
                judged(check.name, containers=containers, **dict.fromkeys(WELL, (1, junk)))


@pytest.mark.parametrize("figure", [name for name in GENID.FIGURES if name != "boy"])
def test_no_figure_is_taken_for_another(figure: str) -> None:
    assert figure in {EXERCISE.values(f"learner-{n}")["figure"] for n in range(100)}
    text = GENID.tight("".join(GENID.FIGURES[figure]))
    assert [name for name, head in GENID.FIGURES.items() if GENID.tight("".join(head)) in text] == [figure]


@pytest.mark.live
@pytest.mark.usefixtures("fresh_lab")
@pytest.mark.slow
def test_each_figure_is_what_boxes_draws() -> None:
    names = " ".join(name for name in GENID.FIGURES if name != "boy")
    current.host(
        "printf 'FROM debian\\nRUN apt-get update && apt-get install -y rig boxes\\n' | docker build -q -t tools -"
    )
    script = f"for f in {names}; do {{ rig; echo '{VALUES['motto']}'; }} | boxes -d $f; echo next; done"
    drawn = current.host(f"docker run --rm tools bash -c {shlex.quote(script)}").split("next\n")
    for name, figure in zip(names.split(), drawn, strict=False):
        results = {"answer": Result("client", "", 0, "200 text/plain"), "page": Result("client", "", 0, figure)}
        seen = Seen({**VALUES, "figure": name}, Snapshot("26.1"), results)
        assert [judge(seen).hint for judge in (GENID.figure, GENID.aligned, GENID.escaped)] == ["", "", ""], figure


# Writers of a page. Each page has another person, so another size; `{to}` is the file.
WRITER = """cd /root/exercise/webdata
while sleep 0.05; do {{ echo '<pre>'; seq $((RANDOM % 99)); sleep 0.02; echo '</pre>'; }} >{to}; {then}; done"""


@pytest.mark.live
@pytest.mark.usefixtures("fresh_lab")
def test_the_script_of_chapter_06_tells_whole_pages_of_any_size_from_broken_ones_and_from_none() -> None:
    cells = json.loads((ROOT / "notebooks/06_genid.ipynb").read_text(encoding="utf-8"))["cells"]
    [cell] = [text for cell in cells if "cat >/root/exercise/ask.sh" in (text := "".join(cell["source"]))]
    current.host("mkdir -p /root/exercise/webdata\n" + cell.removeprefix("%%host\n"))
    current.host("docker run -d --name nginx -v /root/exercise/webdata:/usr/share/nginx/html -p 8080:80 nginx")

    def said(to: str, then: str) -> str:
        writer = shlex.quote(WRITER.format(to=to, then=then))
        ready = "until curl -sf -o /dev/null 203.0.113.10:8080; do sleep 0.1; done"
        ask = "bash /root/exercise/ask.sh '</pre>'; code=$?; kill $!; exit $code"
        return current.host(f"bash -c {writer} >/dev/null 2>&1 &\n{ready}\n{ask}").strip()

    assert said(".new", "mv .new index.html") == "all pages are whole"
    assert said("index.html", "true") == "some pages are not whole"
    current.host("docker rm -f nginx")
    refused = current.host("bash /root/exercise/ask.sh '</pre>' || echo and it fails")
    assert refused.splitlines() == ["no page: curl's exit code is 7", "and it fails"]
