from xml.etree import ElementTree

import pytest

from course_lib.network.describe import describe
from course_lib.picture.layout.page import layout
from course_lib.picture.render_svg import svg
from course_lib.picture.shapes import Box, Line, Picture, Text
from tests.pictures import SCENES, example, long_names, many

SVG = "{http://www.w3.org/2000/svg}"


def parsed(picture: Picture, title: str = "Network", description: str = "") -> ElementTree.Element:
    return ElementTree.fromstring(svg(picture, title, description))  # noqa: S314 - our own


@pytest.mark.parametrize("name", SCENES)
def test_every_scene_is_well_formed_and_whole(name: str) -> None:
    picture = layout(SCENES[name]())
    root = parsed(picture, name, describe(SCENES[name]()))
    assert [e.text for e in root.iter(f"{SVG}text")] == [s.text for s in picture.shapes if isinstance(s, Text)]
    assert len(list(root.iter(f"{SVG}rect"))) == 1 + sum(isinstance(s, Box) for s in picture.shapes)
    assert len(list(root.iter(f"{SVG}polyline"))) == sum(isinstance(s, Line) for s in picture.shapes)


def test_a_screen_reader_gets_title_and_text_twin() -> None:
    root = parsed(layout(example()), "The <network>", describe(example()))
    assert root.get("role") == "img"
    assert [child.tag for child in root][:2] == [f"{SVG}title", f"{SVG}desc"]
    assert root[0].text == "The <network>"
    assert root[1].text == describe(example())


def test_names_are_escaped() -> None:
    drawn = svg(layout(long_names()), "t", "d")
    assert "<b>" not in drawn
    assert "&lt;b&gt;&amp;" in drawn
    assert "안" in drawn or "네트워크" in drawn


def test_what_xml_cannot_hold_is_replaced() -> None:
    bad = Picture(100, 20, (Text("a\x00\x1b\ud800b\uffff", 1, 10),))
    assert (
        parsed(bad, "\x07", "\x0b")[3].text
        == "a\N{REPLACEMENT CHARACTER}" + "\N{REPLACEMENT CHARACTER}" * 2 + "b\N{REPLACEMENT CHARACTER}"
    )


def test_the_same_picture_gives_the_same_text() -> None:
    assert svg(layout(example()), "t", "d") == svg(layout(example()), "t", "d")


def test_the_svg_runs_nothing_and_loads_nothing() -> None:
    drawn = svg(layout(long_names()), "t", "d").lower()
    for word in ("<script", "href", "onload", "url("):
        assert word not in drawn


def test_it_is_small() -> None:
    assert len(svg(layout(many(60)), "t", "").encode()) < 150_000
