"""Render a picture with matplotlib: `png`, `save`. No other module imports matplotlib."""

from __future__ import annotations

import io
import warnings
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Literal

from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch
from matplotlib.text import Text as Label
from matplotlib.transforms import Affine2D
from PIL import Image

from course_lib.picture import palette
from course_lib.picture.render_svg import svg
from course_lib.picture.shapes import Box, Line, Picture, Shape, Text

DPI = 100  # a pixel of the picture is 1/100 inch
SCALE = 1.5  # pixels of the PNG for each pixel of the picture, so that small text stays sharp
POINTS = 72 / DPI  # of a pixel; matplotlib measures fonts and lines in points
DASHES = (0, (4, 3))
ALIGN: dict[str, Literal["left", "center", "right"]] = {"start": "left", "middle": "center", "end": "right"}
FAMILY = {"sans": "DejaVu Sans", "mono": "DejaVu Sans Mono"}  # both come with matplotlib
# For characters that DejaVu lacks (Chinese, Japanese, Korean): the first of these that is installed.
CJK = ("Noto Sans CJK KR", "Noto Sans CJK JP", "Noto Sans KR", "NanumGothic", "Malgun Gothic", "Apple SD Gothic Neo")
NO_FONT = "An empty box stands for a character that no font on this machine has. The words have it."


def figure(picture: Picture) -> Figure:
    """Return the picture as a matplotlib figure without axes, of the picture's size."""
    whole = Figure(figsize=(picture.width / DPI, picture.height / DPI), dpi=DPI, facecolor=palette.PAPER)
    FigureCanvasAgg(whole)
    plane = Affine2D().scale(1 / DPI, -1 / DPI).translate(0, picture.height / DPI) + whole.dpi_scale_trans
    for order, shape in enumerate(picture.shapes):
        artist = _artist(shape)
        artist.set_transform(plane)
        artist.set_zorder(order)  # otherwise matplotlib draws all boxes before all lines, and all texts last
        whole.add_artist(artist)
    return whole


def png(picture: Picture) -> bytes:
    """Return the picture as the bytes of a PNG, SCALE times as large as the picture.

    It has 128 colours, which looks the same and makes a notebook a third as large. If no installed font has a
    character, it is drawn as an empty box, and a line below the picture says so.
    """
    full, small = io.BytesIO(), io.BytesIO()
    if any(set(shape.text) - _drawable(shape.font) for shape in picture.shapes if isinstance(shape, Text)):
        note = Text(NO_FONT, 24, picture.height + 4, 11, palette.GREY)
        picture = replace(picture, height=picture.height + 18, shapes=(*picture.shapes, note))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure(picture).savefig(full, format="png", dpi=DPI * SCALE, pil_kwargs={"compress_level": 1})
    colours = Image.open(full).convert("RGB").quantize(128, dither=Image.Dither.NONE)
    colours.save(small, "PNG")
    return small.getvalue()


def save(picture: Picture, path: str | Path, title: str = "The network", description: str = "") -> None:
    """Write the picture to a file: as SVG if its name ends in .svg, otherwise as PNG. Raises OSError."""
    path = Path(path)
    if path.suffix.lower() == ".svg":
        path.write_text(svg(picture, title, description), encoding="utf-8")
    else:
        path.write_bytes(png(picture))


def _artist(shape: Shape) -> Artist:
    """Return a shape as an object that matplotlib draws, in the picture's pixels."""
    if isinstance(shape, Box):
        return FancyBboxPatch(
            (shape.x, shape.y),
            shape.width,
            shape.height,
            boxstyle=f"round,pad=0,rounding_size={shape.radius}",
            facecolor=shape.fill,
            edgecolor=shape.stroke,
            linewidth=shape.stroke_width * POINTS,
            linestyle=DASHES if shape.dashed else "solid",
        )
    if isinstance(shape, Line):
        across, down = zip(*shape.points, strict=True)
        return Line2D(
            across,
            down,
            color=shape.stroke,
            linewidth=shape.width * POINTS,
            linestyle=DASHES if shape.dashed else "solid",
            solid_capstyle="butt",
            solid_joinstyle="round",
        )
    return Label(
        shape.x,
        shape.y,
        shape.text,
        color=shape.colour,
        fontsize=shape.size * POINTS,
        fontfamily=_families(shape.font),
        fontweight="bold" if shape.bold else "normal",
        horizontalalignment=ALIGN[shape.anchor],
        verticalalignment="baseline",
        parse_math=False,  # "$PATH:$HOME" is a command, not a formula
    )


@cache
def _families(font: str) -> list[str]:
    """Return the font and the first fallback that is installed; matplotlib logs a warning for each missing font."""
    installed = set(fontManager.get_font_names())
    return [FAMILY[font], *[name for name in (*CJK, "Unifont") if name in installed][:1]]


@cache
def _drawable(font: str) -> frozenset[str]:
    """Return the characters that one of a font's families has, for Text.font."""
    paths = [findfont(FontProperties(family=family)) for family in _families(font)]
    return frozenset(chr(code) for path in paths for code in get_font(path).get_charmap())
