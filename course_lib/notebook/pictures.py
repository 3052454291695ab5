"""Draw the network for a notebook: `Picture` of one lab, whose parts can be chosen, `Pictures` of several.

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
from course_lib.network.summary import summary
from course_lib.notebook.frame import Frame, about, still
from course_lib.picture.layout.page import PAGE, layout
from course_lib.picture.render_png import png

GAP = 40  # pixels between two pictures


class Picture:
    """A drawing of a Snapshot. A notebook shows it as a Frame, a page without widgets as an image, all else as words.

    Several are drawn one below the other, as one image: next to each other they would be too small to read on a page.
    """

    def __init__(self, *networks: Snapshot, alt: str = "") -> None:
        self._networks = networks
        self._alt = " ".join(filter(None, [alt, *map(summary, networks)]))

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        if len(self._networks) == 1:
            return Frame(self.shown).bundle(layout(self._networks[0], room=PAGE), repr(self), self._alt)
        return {"image/png": self.png(), "text/plain": repr(self)}, {"image/png": about(PAGE, self._alt)}

    def shown(self, room: float) -> dict[str, Any]:
        """Return what a Frame shows of it where a picture has that much room, in pixels."""
        return still(layout(self._networks[0], room=room), self._networks[0], alt=self._alt, words=repr(self))

    def __repr__(self) -> str:
        return "\n\n".join(describe(now) for now in self._networks)

    def png(self) -> bytes:
        """Return all drawings as one PNG image."""
        images = [png(layout(now, room=PAGE)) for now in self._networks]
        if len(images) == 1:
            return images[0]
        pictures = [Image.open(io.BytesIO(image)).convert("RGB") for image in images]
        size = max(p.width for p in pictures), sum(p.height for p in pictures) + GAP * (len(pictures) - 1)
        whole, y = Image.new("RGB", size, "white"), 0
        for picture in pictures:
            whole.paste(picture, (0, y))
            y += picture.height + GAP
        file = io.BytesIO()
        whole.quantize(128, dither=Image.Dither.NONE).save(file, "PNG")
        return file.getvalue()


class Pictures(Picture):
    """Drawings of the same network in several labs, which have the keys of `networks` as the names of their engines.

    Unlike a full version number, these names stay the same.
    """

    def __init__(self, networks: Mapping[str, Snapshot]) -> None:
        alt = f"Drawings of the lab's network, one below the other, on the engines {', '.join(networks)}."
        super().__init__(*(replace(now, engine=name) for name, now in networks.items()), alt=alt)
