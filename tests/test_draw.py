import io

import matplotlib.image
import numpy as np
import pytest
from matplotlib.figure import Figure

from course_lib import palette
from course_lib.draw import SCALE, figure, png, save
from course_lib.layout import layout
from course_lib.shapes import Box, Picture, Text
from tests.pictures import SCENES, example, long_names


def pixels(data: bytes) -> np.ndarray:
    """Return the picture as rows of pixels with values from 0 to 255."""
    return (matplotlib.image.imread(io.BytesIO(data), format="png")[:, :, :3] * 255).round()


def has(image: np.ndarray, colour: str) -> int:
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return int((np.abs(image - wanted).max(axis=2) <= 1).sum())


@pytest.mark.parametrize("name", ["first_day", "example", "long_names", "many_24"])
def test_the_same_picture_gives_the_same_bytes(name):
    assert png(layout(SCENES[name]())) == png(layout(SCENES[name]()))


@pytest.mark.parametrize("name", SCENES)
def test_no_picture_is_blank_or_of_another_size(name):
    picture = layout(SCENES[name]())
    image = pixels(png(picture))
    assert image.shape[:2] == (int(picture.height * SCALE), int(picture.width * SCALE))
    assert has(image, palette.RULES) > 10_000
    assert has(image, palette.INK) > 300, "there is no text"


def test_bridges_have_the_colours_of_their_networks():
    image = pixels(png(layout(example())))
    assert has(image, palette.NETWORKS[0]) > 10_000
    assert has(image, palette.NETWORKS[1]) > 10_000
    assert has(image, palette.NETWORKS[2]) == 0


def test_what_comes_later_is_on_top():
    under = Box(10, 10, 50, 50, ("a",), "#ff0000", "#ff0000", radius=0)
    over = Box(10, 10, 50, 50, ("b",), "#00ff00", "#00ff00", radius=0)
    image = pixels(png(Picture(70, 70, (under, over))))
    assert has(image, "#00ff00") > 1000
    assert has(image, "#ff0000") == 0


def test_y_goes_down():
    image = pixels(png(Picture(100, 100, (Box(10, 10, 20, 20, ("a",), "#ff0000", "#ff0000"),))))
    rows = np.nonzero((image == [255, 0, 0]).all(axis=2))[0]
    assert rows.max() < image.shape[0] / 2


def test_a_dollar_is_no_formula():
    picture = Picture(200, 40, (Text("$x^2$", 10, 20),))
    plain = Picture(200, 40, (Text("x2", 10, 20),))
    assert png(picture) != png(plain)
    assert figure(picture).texts[0].get_parse_math() is False


def test_a_figure_is_not_the_global_one():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    assert isinstance(figure(layout(example())), Figure)
    assert pyplot.get_fignums() == []


@pytest.mark.filterwarnings("error")
def test_a_character_without_a_glyph_is_no_warning():
    assert png(layout(long_names())).startswith(b"\x89PNG")


def test_save_goes_by_the_name_of_the_file(tmp_path):
    picture = layout(example())
    save(picture, tmp_path / "network.png")
    save(picture, str(tmp_path / "network.SVG"), "A title", "In words")
    assert (tmp_path / "network.png").read_bytes() == png(picture)
    drawn = (tmp_path / "network.SVG").read_text(encoding="utf-8")
    assert drawn.startswith("<svg")
    assert "<desc>In words</desc>" in drawn
