import io
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text as Label

from course_lib.picture import palette
from course_lib.picture.layout.page import layout
from course_lib.picture.render_png import SCALE, figure, png, save
from course_lib.picture.shapes import Box, Line, Picture, Text
from tests.pictures import SCENES, example, long_names


def pixels(data: bytes) -> np.ndarray:
    """Return the picture as rows of pixels with values from 0 to 255."""
    return (matplotlib.image.imread(io.BytesIO(data), format="png")[:, :, :3] * 255).round()


def slow(*names: str) -> list[Any]:
    return [pytest.param(name, marks=pytest.mark.slow) for name in names]


def has(image: np.ndarray, colour: str) -> int:
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return int((np.abs(image - wanted).max(axis=2) <= 1).sum())


@pytest.mark.parametrize("name", ["example", *slow("first_day", "long_names")])
def test_the_same_picture_gives_the_same_bytes(name: str) -> None:
    assert png(layout(SCENES[name]())) == png(layout(SCENES[name]()))


@pytest.mark.parametrize("name", ["nothing", "example", *slow("first_day", "dual_stack", "modes", "many_12")])
def test_no_picture_is_blank_or_of_another_size(name: str) -> None:
    picture = layout(SCENES[name]())
    image = pixels(png(picture))
    # matplotlib computes with inches: a pixel more or less is rounding.
    assert image.shape[:2] == pytest.approx((picture.height * SCALE, picture.width * SCALE), abs=1)
    assert has(image, palette.RULES) > 10_000
    assert has(image, palette.RULES_INK) + has(image, palette.INK) > 300, "there is no text"


def test_bridges_have_the_colours_of_their_networks() -> None:
    image = pixels(png(layout(example())))
    assert has(image, palette.NETWORKS[0]) > 10_000
    assert has(image, palette.NETWORKS[1]) > 10_000
    assert has(image, palette.NETWORKS[2]) == 0


def test_what_comes_later_is_on_top() -> None:
    under = Box(10, 10, 50, 50, ("a",), "#ff0000", "#ff0000", radius=0)
    line = Line(((10, 35), (60, 35)), "#0000ff", 20)
    over = Box(10, 10, 50, 50, ("b",), "#00ff00", "#00ff00", radius=0)
    image = pixels(png(Picture(70, 70, (under, line, over))))
    assert has(image, "#00ff00") > 1000
    assert has(image, "#ff0000") + has(image, "#0000ff") == 0
    assert has(pixels(png(Picture(70, 70, (under, over, line)))), "#0000ff") > 1000


def test_y_goes_down() -> None:
    image = pixels(png(Picture(100, 100, (Box(10, 10, 20, 20, ("a",), "#ff0000", "#ff0000"),))))
    rows = np.nonzero((image == [255, 0, 0]).all(axis=2))[0]
    assert rows.max() < image.shape[0] / 2


def test_a_dollar_is_no_formula() -> None:
    picture = Picture(200, 40, (Text("$x^2$", 10, 20),))
    plain = Picture(200, 40, (Text("x2", 10, 20),))
    assert png(picture) != png(plain)
    labels = [child for child in figure(picture).get_children() if isinstance(child, Label)]
    assert [label.get_parse_math() for label in labels] == [False]


def test_a_figure_is_not_the_global_one() -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot")
    assert isinstance(figure(layout(example())), Figure)
    assert pyplot.get_fignums() == []


@pytest.mark.filterwarnings("error")
def test_a_character_without_a_glyph_is_no_warning() -> None:
    assert png(layout(long_names())).startswith(b"\x89PNG")


def test_save_goes_by_the_name_of_the_file(tmp_path: Path) -> None:
    picture = layout(example())
    save(picture, tmp_path / "network.png")
    save(picture, str(tmp_path / "network.SVG"), "A title", "In words")
    assert (tmp_path / "network.png").read_bytes() == png(picture)
    drawn = (tmp_path / "network.SVG").read_text(encoding="utf-8")
    assert drawn.startswith("<svg")
    assert "<desc>In words</desc>" in drawn


def test_a_character_that_no_font_has_is_said_below_the_picture() -> None:
    shown, hidden = Text("bridge → lo", 10, 20), Text("\U0002ffff", 10, 20)  # a noncharacter (Unicode, 23.7)
    sizes = [pixels(png(Picture(300, 40, (text,)))).shape[:2] for text in (shown, hidden)]
    assert sizes == [(60, 450), (87, 450)]
    added = pixels(png(Picture(700, 40, (hidden,))))[60:]
    assert has(added, palette.GREY) > 20
