"""The path on the picture, step by step: the numbers of the table, in places that are drawn."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from course_lib.packet_path.overlay import ground, numbered, numbers, over, steps, trips
from course_lib.packet_path.waypoints import AWAY
from course_lib.picture.render_svg import live_svg
from course_lib.picture.shapes import Box, Line, Picture, Text
from course_lib.picture.timeline import parts
from tests.packet_path.test_reconstruct import ALL, ENGINES, recorded_path

SVG = "{http://www.w3.org/2000/svg}"


@cache
def picture(engine: str, flow: str) -> Picture:
    return ground(recorded_path(engine, flow))


def marks(drawn: Picture) -> dict[int, Box]:
    return {int(box.key[1]): box for box in drawn.places.values() if box.key[0] == "step"}


@pytest.mark.parametrize(("engine", "flow"), ALL)
def test_numbers_count_what_is_drawn_and_none_hides_another(engine: str, flow: str) -> None:
    found = recorded_path(engine, flow)
    drawn = over(picture(engine, flow), found)
    circles = marks(drawn)
    assert list(circles) == list(range(1, len(circles) + 1)) == list(numbers(picture(engine, flow), found).values())
    boxes = list(circles.values())
    for position, one in enumerate(boxes):
        assert one.x >= 0
        assert one.x + one.width <= drawn.width
        for other in boxes[position + 1 :]:
            apart = abs(one.x - other.x) >= 17 or abs(one.y - other.y) >= 17
            assert apart, (one.key, other.key)


@pytest.mark.parametrize(("engine", "flow"), ALL)
def test_a_rule_that_decided_is_drawn_where_its_number_stands(engine: str, flow: str) -> None:
    """Also in a hook that has more rules than room."""
    drawn = picture(engine, flow)
    for trip in trips(drawn, recorded_path(engine, flow)):
        for stop in numbered(trip):
            step = stop.step
            if stop.zone == "hook" and step.kind == "rule":
                pill = drawn.places["rule", step.family, step.table, step.chain, step.number]
                assert pill.y < stop.mark[1] < pill.y + pill.height


@pytest.mark.parametrize(("engine", "flow"), ALL)
def test_the_line_goes_through_every_stop_by_right_angles(engine: str, flow: str) -> None:
    for trip in trips(picture(engine, flow), recorded_path(engine, flow)):
        corners = trip.line.points
        assert {stop.point for stop in trip.stops} <= set(corners)
        for (x, y), (next_x, next_y) in pairwise(corners):
            assert x == next_x or y == next_y, (flow, x, y, next_x, next_y)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_line_runs_under_what_a_cable_goes_through_and_under_all_words(engine: str) -> None:
    drawn = over(picture(engine, "published"), recorded_path(engine, "published"))
    last_line = max(i for i, shape in enumerate(drawn.shapes) if isinstance(shape, Line))
    assert all(i > last_line for i, shape in enumerate(drawn.shapes) if isinstance(shape, Text))
    veths = [i for i, s in enumerate(drawn.shapes) if isinstance(s, Box) and s.key[0] in ("veth", "endpoint")]
    assert all(i > last_line for i in veths)
    words = next(s for s in drawn.shapes if isinstance(s, Text) and s.text.startswith("gateway 172.17.0.1"))
    grounds = [(i, s) for i, s in enumerate(drawn.shapes) if isinstance(s, Box) and s.key[0] == "ground"]
    behind = [i for i, s in grounds if s.x < words.x < s.x + s.width and s.y < words.y < s.y + s.height]
    assert len(behind) == 1, "a line goes on behind the words on a bridge"
    assert behind[0] > last_line


@pytest.mark.parametrize("engine", ENGINES)
def test_where_a_packet_is_dropped_the_circle_alarms(engine: str) -> None:
    found = recorded_path(engine, "two_bridges")
    circles = marks(over(picture(engine, "two_bridges"), found))
    assert numbers(picture(engine, "two_bridges"), found)[len(found.steps)] == len(circles)
    assert [n for n, box in circles.items() if box.fill == "#b00020"] == [len(circles)]


@pytest.mark.parametrize("engine", ENGINES)
def test_the_way_to_a_published_port_stops_where_it_is_decided(engine: str) -> None:
    found = recorded_path(engine, "published")
    first = trips(picture(engine, "published"), found)[0]
    said = [(s.step.place, s.step.kind, s.step.chain) for s in numbered(first)]
    assert said == [
        ("client", "sends", ""),
        ("host", "arrives", ""),
        ("host", "rule", "DOCKER"),
        ("host", "rule", "DOCKER"),
        ("host", "exits", ""),
        ("web", "delivered", ""),
    ]


@pytest.mark.parametrize(("engine", "flow"), ALL)
def test_each_step_has_its_line_its_number_and_its_words(engine: str, flow: str) -> None:
    found = recorded_path(engine, flow)
    drawn = over(picture(engine, flow), found)
    words = steps(picture(engine, flow), found)
    numbers = range(1, len(words) + 1)
    for kind in ("line", "step"):
        assert [key[1] for key in (s.key for s in drawn.shapes if s.key) if key[0] == kind] == [*numbers]
    assert [re.match(r"Step (\d+)(, the answer)?: ", each)[1] for each in words] == [str(n) for n in numbers]


def test_the_lines_of_the_steps_are_the_whole_line() -> None:
    found = recorded_path("26.1", "published")
    drawn = over(picture("26.1", "published"), found)
    corners = {
        point for s in drawn.shapes if isinstance(s, Line) and s.key and s.key[0] == "line" for point in s.points
    }
    assert corners == {p for trip in trips(picture("26.1", "published"), found) for p in trip.line.points}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_part_under_the_lines_is_one_button_with_its_words_above_them(engine: str) -> None:
    found = recorded_path(engine, "published")
    drawn = over(picture(engine, "published"), found)
    known, names = parts(found.network, drawn)
    root = ElementTree.fromstring(live_svg(drawn, names))  # noqa: S314 - our own
    groups = [g for g in root.iter(f"{SVG}g") if g.get("data-part") == "bridge/docker0"]
    assert [g.get("role") for g in groups] == ["button", None]
    assert {"bridge/docker0", "container/web", "port/web/80/tcp"} <= known.keys()
    buttons = [g.get("data-part") for g in root.iter(f"{SVG}g") if g.get("role") == "button"]
    assert sorted(buttons) == sorted(known), "each part once"


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("flow", "hook"), [("published", "POSTROUTING"), ("outside", "PREROUTING")])
def test_conntrack_has_a_number_at_the_hook_where_it_turns_the_addresses_back(
    engine: str, flow: str, hook: str
) -> None:
    """The source on the way out, the destination on the way in: what the picture of chapter 01 asks about."""
    drawn = picture(engine, flow)
    stops = [stop for trip in trips(drawn, recorded_path(engine, flow)) for stop in numbered(trip)]
    (stop,) = (stop for stop in stops if stop.step.kind == "rewritten")
    box = drawn.places["hook", hook]
    assert box.x - 2 * AWAY <= stop.point[0] <= box.x + box.width
    assert box.y < stop.point[1] < box.y + box.height


@pytest.mark.parametrize("flow", ["published", "outside", "two_bridges", "port_of_other_bridge"])
@pytest.mark.parametrize("room", [480, 736, 1160])
def test_at_each_width_the_line_crosses_no_rule_and_the_picture_keeps_its_width(flow: str, room: int) -> None:
    path = recorded_path("26.1", flow)
    drawn = ground(path, room)
    assert over(drawn, path).width == room
    rules = [box for key, box in drawn.places.items() if key[0] in ("rule", "policy")]
    for trip in trips(drawn, path):
        for (x1, y1), (x2, y2) in pairwise(trip.line.points):
            left, right, top, bottom = min(x1, x2), max(x1, x2), min(y1, y2), max(y1, y2)
            crossed = [
                box.key
                for box in rules
                if left < box.x + box.width and box.x < right + 0.1 and top < box.y + box.height and box.y < bottom
            ]
            assert crossed == []
