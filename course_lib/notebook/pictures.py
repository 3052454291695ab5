"""Draw the network for a notebook: `Picture` of one lab, `Pictures` of several.

`chapter` imports this module when a cell wants a picture, because matplotlib and networkx are slow to import.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from PIL import Image

from course_lib.network.describe import describe
from course_lib.network.model import Snapshot
from course_lib.picture.layout.page import layout
from course_lib.picture.render_png import png

ALT = "A drawing of the lab's network. The next cell describes it in words."
GAP = 40  # pixels between two pictures


class Picture:
    """A drawing of a Snapshot. A notebook shows it as an image, everything else as the same description in words."""

    def __init__(self, now: Snapshot) -> None:
        self._now = now

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the image and its description, and the alternative text for a page that shows no images."""
        data = {"image/png": png(layout(self._now)), "text/plain": describe(self._now)}
        return data, {"image/png": {"alt": ALT}}

    def __repr__(self) -> str:
        return describe(self._now)


class Pictures:
    """Drawings of the same network in several labs, with the same descriptions in words.

    They are stacked: three of them next to each other would be too small to read on a page.
    """

    def __init__(self, networks: Mapping[str, Snapshot]) -> None:
        # Each picture names its engine. Use the key of `networks`: unlike a full version number it stays the same.
        self._networks = {name: replace(now, engine=name) for name, now in networks.items()}

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the image and its description, and the alternative text for a page that shows no images."""
        alt = f"Drawings of the lab's network, one below the other, on the engines {', '.join(self._networks)}."
        return {"image/png": self.png(), "text/plain": repr(self)}, {"image/png": {"alt": alt}}

    def __repr__(self) -> str:
        return "\n\n".join(describe(now) for now in self._networks.values())

    def png(self) -> bytes:
        """Return all drawings as one PNG image."""
        pictures = [Image.open(io.BytesIO(png(layout(now)))).convert("RGB") for now in self._networks.values()]
        size = max(p.width for p in pictures), sum(p.height for p in pictures) + GAP * (len(pictures) - 1)
        whole, y = Image.new("RGB", size, "white"), 0
        for picture in pictures:
            whole.paste(picture, (0, y))
            y += picture.height + GAP
        file = io.BytesIO()
        whole.quantize(128, dither=Image.Dither.NONE).save(file, "PNG")
        return file.getvalue()
