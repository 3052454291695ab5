from dataclasses import replace

import pytest

from course_lib.network.topology import NETNS
from course_lib.picture import palette
from course_lib.picture.layout.page import PAGE, layout
from course_lib.picture.shapes import Box, Line, Text, shorten, wrap
from course_lib.picture.text_metrics import text_width
from tests.layout_faults import around, boxes, collisions, drawn_width, extent, outside, overlap, sides, texts
from tests.pictures import (
    MYNET,
    SCENES,
    alike,
    by_hand,
    container,
    example,
    first_day,
    long_names,
    many,
    modes,
    two_bridges,
    used,
)

PICTURES = {name: layout(scene()) for name, scene in SCENES.items()}
ROOMS = (480, PAGE, 1160)  # pixels
AT = {(name, room): layout(scene(), room=room) for name, scene in SCENES.items() for room in ROOMS}
# The names of those that are drawn as one card, by scene.
ALIKE = {name: alike(scene()) for name, scene in SCENES.items()}
# There need not be a font for Korean; what is missing is drawn, and measured, as an empty box.
pytestmark = pytest.mark.filterwarnings("ignore:Glyph .* missing from font")


@pytest.mark.parametrize("name", SCENES)
def test_no_text_outside_of_its_box(name: str) -> None:
    assert outside(PICTURES[name]) == []


def test_a_cable_that_leads_to_no_container_hangs_on_its_bridge_where_that_has_none() -> None:
    """And moves nothing else: without the cables everything stands where it stood."""
    places = PICTURES["by_hand"].places
    bar = places["bridge", "hand0"]
    for name in ("hand-box", "hand-two"):
        port = places["interface", name]
        assert bar.x < port.x < port.x + port.width < bar.x + bar.width
        assert port.y > bar.y + bar.height
    assert places["interface", "eth0"].tab
    scene = by_hand()
    bare = layout(replace(scene, interfaces=tuple(i for i in scene.interfaces if i.master != "hand0"))).places
    assert {key: box for key, box in places.items() if key in bare} == bare


@pytest.mark.parametrize("name", SCENES)
def test_no_two_boxes_overlap(name: str) -> None:
    picture = PICTURES[name]
    assert len(picture.places) == len(boxes(picture)), "two boxes have one key"
    assert collisions(picture) == []


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("room", ROOMS)
def test_a_picture_takes_the_room_that_there_is_and_nothing_overlaps_or_is_cut_off(name: str, room: int) -> None:
    picture = AT[name, room]
    assert set(picture.places) >= {
        key for key in PICTURES[name].places if key[0] in ("container", "bridge", "endpoint")
    }
    assert picture.width == room
    for shape in picture.shapes:
        ends = [x for x, _ in shape.points] if isinstance(shape, Line) else []
        ends += [shape.x, shape.x + shape.width] if isinstance(shape, Box) else []
        assert all(0 <= x <= room for x in ends), shape
    assert collisions(picture) == []
    assert outside(picture) == []


@pytest.mark.parametrize("name", SCENES)
def test_on_a_page_of_700_pixels_no_word_is_smaller_than_9(name: str) -> None:
    assert min(text.size for text in texts(AT[name, PAGE])) * 700 / AT[name, PAGE].width >= 9


def test_three_networks_of_which_two_fit_next_to_each_other_are_joined_by_the_host() -> None:
    picture = AT["two_networks", PAGE]
    first, second = picture.places["host", "host"], picture.places["shelf", "host", 1]
    assert first.y + first.height < second.y
    holders = {key: box.holder for key, box in picture.places.items() if key[0] == "bridge"}
    assert sorted(map(str, holders.values())) == [str(first.key), str(first.key), str(second.key)]
    joint = [s for s in picture.shapes if isinstance(s, Line) and s.stroke == palette.HOST and len(s.points) == 2]
    assert [(line.points[0][1], line.points[1][1]) for line in joint] == [(first.y + first.height - 1, second.y + 1)]


def test_the_band_is_as_high_as_its_rules_need() -> None:
    def band(name: str) -> float:
        return next(box.height for key, box in PICTURES[name].places.items() if key[0] == "hook")

    assert band("nothing") < band("first_day") < band("example") < 280


@pytest.mark.parametrize("name", SCENES)
def test_what_is_held_lies_inside_and_only_tabs_stand_out(name: str) -> None:
    picture = PICTURES[name]
    for box in boxes(picture):
        left, top, right, bottom = sides(box)
        assert left >= 0
        assert top >= 0
        assert right <= picture.width
        assert bottom <= picture.height
        if box.holder is not None:
            holder = sides(picture.places[box.holder])
            assert left >= holder[0]
            assert right <= holder[2]
            assert bottom <= holder[3]
            assert top < holder[1] < bottom if box.tab else top >= holder[1]


@pytest.mark.parametrize("name", SCENES)
def test_no_two_texts_overlap(name: str) -> None:
    extents = [(text.text, extent(text, drawn_width(text))) for text in texts(PICTURES[name])]
    pairs = [(a, b) for i, (a, one) in enumerate(extents) for b, other in extents[i + 1 :] if overlap(one, other)]
    assert pairs == []


@pytest.mark.parametrize("name", SCENES)
def test_no_cable_runs_through_a_text(name: str) -> None:
    picture = PICTURES[name]
    order = {id(shape): position for position, shape in enumerate(picture.shapes)}
    written = [(t, extent(t, drawn_width(t)), around(picture, t)) for t in texts(picture)]
    for line in (shape for shape in picture.shapes if isinstance(shape, Line)):
        for (x1, y1), (x2, y2) in zip(line.points, line.points[1:], strict=False):
            cable = min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)
            for text, place, box in written:
                hidden = box is not None and order[id(box)] > order[id(line)]
                assert hidden or not overlap(cable, place), text.text


@pytest.mark.parametrize("name", SCENES)
def test_no_two_cables_lie_on_each_other(name: str) -> None:
    picture = PICTURES[name]
    cables = [
        (line.stroke, *sorted(pair))
        for line in picture.shapes
        if isinstance(line, Line) and line.stroke in palette.NETWORKS and line.width < 4  # no bridge's rail
        for pair in zip(line.points, line.points[1:], strict=False)
    ]
    for i, (colour, (ax, ay), (bx, by)) in enumerate(cables):
        for other, (cx, cy), (dx, dy) in cables[i + 1 :]:
            level = ay == by == cy == dy and max(ax, cx) < min(bx, dx)
            upright = ax == bx == cx == dx and max(ay, cy) < min(by, dy)
            assert not level, (colour, other, ay)
            assert not upright, (colour, other, ax)


@pytest.mark.parametrize("name", SCENES)
def test_same_snapshot_same_picture(name: str) -> None:
    assert layout(SCENES[name]()) == PICTURES[name]


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of WCAG 2, from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_measured_as_the_web_does() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#009e73", "#ffffff") < 4.5, "the Okabe-Ito green as it is would not do"


@pytest.mark.parametrize("name", SCENES)
def test_every_edge_can_be_seen(name: str) -> None:
    """An edge differs from one side of it, the fill or what is around (WCAG 2.2, 1.4.11)."""
    for box in boxes(PICTURES[name]):
        assert max(contrast(box.stroke, box.fill), contrast(box.stroke, palette.PAPER)) >= 3, box.key


@pytest.mark.parametrize("name", SCENES)
def test_every_text_can_be_read_on_its_background(name: str) -> None:
    picture = PICTURES[name]
    for text in texts(picture):
        box = around(picture, text)
        assert contrast(text.colour, box.fill if box else palette.PAPER) >= 4.5, text.text


def test_every_network_colour_can_carry_white_words() -> None:
    assert min(contrast(colour, palette.PAPER) for colour in palette.NETWORKS) >= 4.5


def test_the_places_of_boxes_are_found_by_key() -> None:
    places = layout(example()).places
    web, bridge = places["container", "web"], places["bridge", "docker0"]
    rule = places["rule", "ip", "nat", "DOCKER", 3]
    assert rule.y < bridge.y < web.y
    assert bridge.x <= web.x
    assert web.x + web.width <= bridge.x + bridge.width
    assert ("client", "client") in places
    assert ("endpoint", "c2", "mynet") in places


def test_the_first_day_says_why_it_is_empty() -> None:
    shown = [text.text for text in texts(layout(first_day()))]
    assert "no container is connected here, so docker0 is DOWN" in shown
    assert "no DNAT rule: nothing is published" in shown


def test_what_does_not_run_is_dashed_and_without_interface() -> None:
    picture = PICTURES["stopped"]
    assert picture.places["container", "old"].dashed
    assert not picture.places["container", "c1"].dashed
    assert ("endpoint", "old", "bridge") not in picture.places
    assert "exited: no interface, no address" in [text.text for text in texts(picture)]


def test_each_mode_stands_where_its_namespace_is() -> None:
    places = layout(modes()).places
    assert places["container", "in-host"].holder == ("shelf", "host", 1)
    assert places["container", "sidecar"].holder == ("container", "web")
    assert places["container", "lonely"].holder is None
    assert places["container", "lonely"].y > places["host", "host"].y + places["host", "host"].height


def test_rows_of_containers_do_not_run_into_those_without_a_network() -> None:
    lonely = [container(f"none{n}", 0, mode="none", endpoints=()) for n in range(4)]
    crowd = many(13)
    assert collisions(layout(replace(crowd, containers=(*crowd.containers, *lonely)))) == []


def test_every_container_is_in_the_picture() -> None:
    for name, scene in SCENES.items():
        everyone = [each.name for each in scene().containers]
        places = layout(scene(), apart=everyone).places
        everyone += [NETNS + each.name for each in scene().namespaces]
        assert {key[1] for key in places if key[0] == "container"} == set(everyone)
        assert not [key for key in places if key[0] == "group"]
        drawn = PICTURES[name].places
        apart = {key[1] for key in drawn if key[0] == "container"}
        together = {member for members in ALIKE[name] for member in members}
        assert apart | together == set(everyone)
        assert apart & together == set()


def test_warnings_have_a_red_border() -> None:
    note = PICTURES["warned"].places["note", "warnings"]
    assert note.stroke == palette.ALARM
    assert ("note", "warnings") not in PICTURES["example"].places


def test_nothing_is_left_out_of_what_fits() -> None:
    for name in set(SCENES) - {"long_names", "crowd"}:
        assert not [text.text for text in texts(PICTURES[name]) if "…" in text.text], name
    assert [text.text for text in texts(layout(long_names())) if "…" in text.text]


def test_a_network_without_containers_keeps_its_words_inside() -> None:
    lonely = two_bridges()
    wide = replace(MYNET, subnets=("192.168.100.0/24", "fd12:3456:789a:bcde::/64"), gateways=())
    picture = layout(replace(lonely, networks=(lonely.networks[0], wide)))
    assert outside(picture) == []


@pytest.mark.parametrize("bold", [False, True])
@pytest.mark.parametrize("font", ["sans", "mono"])
def test_no_character_is_wider_than_the_model_says(font: str, bold: bool) -> None:
    for character in [chr(n) for n in range(32, 127)] + list("→·…"):
        text = Text(character * 40, size=10, font=font, bold=bold)
        assert drawn_width(text) <= 1.04 * text.width, character  # 4 % for the rounding to whole pixels


def test_the_model_is_not_wasteful() -> None:
    text = Text("network namespace of the machine that runs dockerd 26.1.5", size=12)
    assert text.width < 1.08 * drawn_width(text)


def test_shorten_leaves_out_the_middle() -> None:
    short = shorten(Text("abcdefghijklmnopqrstuvwxyz"), 60)
    assert short.text.startswith("abc")
    assert short.text.endswith("xyz")
    assert "…" in short.text
    assert short.width <= 60
    assert shorten(Text("abc"), 60).text == "abc"


def test_wrap_breaks_at_spaces_and_leaves_out_as_little_as_it_can() -> None:
    lines = wrap(Text("one two three four"), 60, 5)
    assert [line.text for line in lines] == ["one two", "three four"]
    assert [line.text for line in wrap(Text("a\nb\tc\x00"), 60, 1)] == ["a b c\N{REPLACEMENT CHARACTER}"]
    crowded = wrap(Text("x" * 200), 60, 2)
    assert len(crowded) == 2
    assert all(line.width <= 60 for line in crowded)


def test_wide_characters_are_measured_wide() -> None:
    assert text_width("한국어", 10) == pytest.approx(30)
    assert text_width("한국어", 10, "mono") > 30


def test_without_anything_there_is_still_a_picture() -> None:
    assert PICTURES["nothing"].width > 1000
    assert used() != first_day()


def test_a_cable_that_is_in_no_bridge_is_not_drawn_to_it() -> None:
    picture = PICTURES["unplugged"]
    places = picture.places
    starts = [shape.points[0][1] for shape in picture.shapes if isinstance(shape, Line)]
    bridge = places["bridge", "docker0"]
    pulled, down = (places["veth", f"veth{number * 7919 + 6:07x}"] for number in (2, 3))
    assert pulled.dashed
    assert not down.dashed
    assert starts.count(bridge.y + bridge.height) == 1
    assert starts.count(pulled.y) == 1
    assert {"in no bridge", "LOWERLAYERDOWN"} <= {text.text for text in texts(picture)}
