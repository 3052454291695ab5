"""Ask in the lab who reaches whom: `reach`. Two questions to the lab's host, in which reach.pl does the rest."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from importlib.resources import files

from course_lib.console import say
from course_lib.errors import CourseError
from course_lib.lab import execute, facts
from course_lib.lab.lifecycle import Lab
from course_lib.network import parse_facts
from course_lib.network.parse_facts import RawFacts
from course_lib.network.sections import sections
from course_lib.packet_path.reach import Place, Question, Reach, heard_of, namespaces, questions
from course_lib.packet_path.reach_verdict import reach_of

LONG = 1500  # questions from which a line says that it takes a while


def reach(lab: Lab, only: Sequence[str] = ()) -> Reach:
    """Ask who reaches whom, from each network namespace to each; `only` are names of some.

    It sends packets and changes nothing else (`reach.SAID`); containers need no tools, because the lab's host sends
    from inside of their network namespaces (setns(2)). It takes at most 20 seconds. Raises CourseError for a name that
    is not there and LabGoneError.
    """
    raw = facts.read(lab)
    network = parse_facts.snapshot(raw)
    places = namespaces(network, only)
    where = [_where(place, raw) for place in places]
    heard = heard_of(_run(lab, where))
    asked = questions(network, places, heard)
    lines = [_line(n, q) for n, q in enumerate(asked) if not q.settled]
    if len(lines) > LONG:
        say(f"Asking {len(lines):,} questions in {len(places)} network namespaces ...")
    return reach_of(network, places, heard, asked, _run(lab, [*where, *lines]) if lines else "")


def _where(place: Place, raw: RawFacts) -> str:
    """Return the line of reach.pl for a namespace."""
    if place.name == "client":
        return "namespace\tclient\t/run/netns/client\t/etc/netns/client"
    pid = next((i["State"]["Pid"] for i in raw["inspect"] if i["Name"].lstrip("/") == place.name), "self")
    pid = "self" if place.name == "host" else pid
    root = "" if pid == "self" else f"/proc/{pid}/root"
    return f"namespace\t{place.name}\t/proc/{pid}/ns/net\t{root}/etc"


def _line(number: int, q: Question) -> str:
    """Return the line of reach.pl for a question."""
    kind = "dns" if q.service.kind == "name" else q.service.kind
    return "\t".join(("ask", str(number), q.source, kind, q.address, str(q.port), q.text))


def _run(lab: Lab, lines: Sequence[str]) -> str:
    """Run reach.pl on the lab's host with these lines, and return what it printed; raises CourseError, LabGoneError."""
    script = (files("course_lib.packet_path") / "reach.pl").read_text(encoding="utf-8")
    given = "\n".join(lines)
    text = execute.ask(lab, f"perl -e {shlex.quote(script)} <<'course-reach'\n{given}\ncourse-reach")
    if "end" not in dict(sections(text)):
        raise CourseError("The lab could not ask who reaches whom: run `./course reset` for a new lab.")
    return text
