import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from course_lib.network import parse_facts
from course_lib.network.describe import describe
from course_lib.network.model import Snapshot
from course_lib.network.text_table import WIDTH
from course_lib.picture.layout.page import layout
from course_lib.picture.shapes import Text
from course_lib.plain_text import clean
from tests.pictures import SCENES, dual_stack, example, long_names, many, mistaken, modes, two_networks, warned

RECORDED = sorted((Path(__file__).parents[1] / "facts").glob("*/*.json"))
# Words of the picture that carry no fact of this network.
DECORATION = ("OUTSIDE", "HOST", "client", "container namespace", "the world outside of the host")


def squeezed(text: str) -> str:
    """Return the text without what differs by line breaks and the beginning of a sentence."""
    return re.sub(r"\s", "", text).lower()


def facts(snapshot: Snapshot) -> list[str]:
    """Return every text of the picture that is not decoration; of a shortened one the parts that are left."""
    shown = [shape.text for shape in layout(snapshot).shapes if isinstance(shape, Text)]
    plain = [text for text in shown if text not in DECORATION and not re.fullmatch(r"\+\d+ more.*", text)]
    plain = [text.removesuffix(", continued").removeprefix("on ") for text in plain]
    # A condition that several rules share stands once above them in the picture, and at each of them in the text.
    return [part for text in plain for part in re.split("…|, (?=DOWN$)|(?= if )", text)]


@pytest.mark.parametrize("name", SCENES)
def test_the_text_contains_everything_that_the_picture_shows(name: str) -> None:
    twin = squeezed(describe(SCENES[name]()))
    assert [fact for fact in facts(SCENES[name]()) if squeezed(fact) not in twin] == []


def test_what_the_picture_cuts_is_whole_in_the_text() -> None:
    scene = long_names()
    twin, drawn = describe(scene), [shape.text for shape in layout(scene).shapes if isinstance(shape, Text)]
    for container in scene.containers:
        wanted = f"{clean(container.name)}: {clean(container.image)} · {clean(container.command)}"
        assert squeezed(wanted) in squeezed(twin)
    assert "안녕하세요" in twin
    assert any("…" in text for text in drawn)
    assert '<&"> 네트워크' in twin


@pytest.mark.parametrize("name", SCENES)
def test_lines_are_short_and_clean(name: str) -> None:
    twin = describe(SCENES[name]())
    assert twin.endswith("\n")
    assert "\t" not in twin
    assert max(len(line) for line in twin.splitlines()) <= WIDTH
    assert [line for line in twin.splitlines() if line != line.rstrip()] == []
    assert not re.search("[\u2500-\u257f]", twin), "a screen reader would read the lines of a table aloud"


@pytest.mark.parametrize("name", SCENES)
def test_same_snapshot_same_words(name: str) -> None:
    assert describe(SCENES[name]()) == describe(SCENES[name]())


def test_the_way_to_a_published_port() -> None:
    assert "  client → 203.0.113.10:80/tcp → web 172.17.0.2:80\n" in describe(example())


def test_a_member_is_one_row_of_a_table() -> None:
    row = next(line for line in describe(example()).splitlines() if "192.168.100.100/24" in line)
    assert row.split() == ["c2", "eth0", "192.168.100.100/24", "02:42:c0:a8:64:64", "veth00c1561"]


def test_columns_stand_below_each_other() -> None:
    lines = describe(example()).splitlines()
    head = next(i for i, line in enumerate(lines) if line.startswith("  container "))
    columns = [lines[head].index(word) for word in ("interface", "addresses", "MAC", "host end")]
    for line in lines[head + 1 : head + 3]:
        assert all(line[column - 1] == " " and line[column] != " " for column in columns)


def test_a_container_on_two_networks_is_a_member_of_both() -> None:
    twin = describe(two_networks())
    assert sum(line.startswith("  both ") and "02:42" in line for line in twin.splitlines()) == 2
    assert "no container is connected here, so br-000000000001 is DOWN" in twin


def test_a_restarting_container_has_no_interface() -> None:
    """As engine 26.1 shows one with a restart policy between two starts: an endpoint with nothing in it, no process."""
    first, *others = example().containers
    nothing = tuple(replace(e, interface=None, veth=None, addresses=(), mac="") for e in first.endpoints)
    said = describe(replace(example(), containers=(replace(first, state="restarting", endpoints=nothing), *others)))
    assert "restarting: no interface, no address; belongs to " in said
    assert "no veth found" not in said


def test_network_modes_are_described() -> None:
    twin = describe(modes())
    assert "in-host: debian · sleep infinity; running; shares the host's network namespace" in twin
    assert "uses the network namespace of web" in twin
    assert "network none: only lo" in twin


def test_addresses_of_both_families_are_there() -> None:
    assert re.search(r"172.18.0.2/16,\s.*\s+fd00:cafe::2/64", describe(dual_stack()))


def test_warnings_come_first() -> None:
    lines = describe(warned()).splitlines()
    assert lines[2].startswith("Do not trust this picture")
    assert lines[3].startswith("  Container c1 is running")


def test_missing_rules_are_reported() -> None:
    assert "1 DNAT rule in DOCKER not reached from here" in describe(mistaken())


def test_all_rules_are_there_also_those_that_the_picture_leaves_out() -> None:
    twin = describe(example())
    assert "ACCEPT in br-9f3c1a07be42 out br-9f3c1a07be42" in twin
    assert "FORWARD rule 10" in twin


def test_sixty_containers_are_sixty_rows_on_request() -> None:
    scene = many(60)
    each = describe(scene, [container.name for container in scene.containers])
    assert len(re.findall(r"^  c\d+ .* veth\w+$", each, re.MULTILINE)) == 60
    assert "alike" not in each


def test_similar_containers_share_a_row() -> None:
    lines = describe(many(60)).splitlines()
    row = next(line for line in lines if line.startswith("  c7 to c60 (54 alike)  eth0"))
    assert "172.17.0.8/16 to 172.17.0.61/16" in row
    assert row.endswith("54 veths")
    said = next(line for line in lines if line.startswith("  c7 to c60 (54 alike): busybox · sh; running; one card"))
    assert "./course graph --all" in " ".join(lines[lines.index(said) :][:3])
    assert not [line for line in lines if line.startswith("  c30")]


def test_a_table_that_is_too_wide_goes_on_below() -> None:
    lines = describe(dual_stack()).splitlines()
    row = next(i for i, line in enumerate(lines) if line.startswith("  plain  "))
    column = lines[row].index("172.18.0.3/16,")
    assert lines[row + 1][column:] == "fd12:3456:789a:bcde:f012:3456:789a:bcde/64"


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_text_of_a_recorded_scene_contains_everything_that_its_picture_shows(path: Path) -> None:
    made = parse_facts.snapshot(json.loads(path.read_text()))
    twin = squeezed(describe(made))
    assert [fact for fact in facts(made) if squeezed(fact) not in twin] == []
