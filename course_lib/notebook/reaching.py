"""Ask who can talk to whom and show it: `reach`."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from IPython.display import HTML

from course_lib.notebook import current, journeys
from course_lib.notebook.frame import Frame, content
from course_lib.packet_path import reach_ask, reach_view
from course_lib.packet_path.reach import Reach
from course_lib.picture.render_svg import live_svg

ALT = "A table of boxes: who reaches whom in the lab. The words below it say the same."


class Reached(Reach):
    """Who reaches whom. A notebook shows it as a picture whose fields can be chosen, `print` as text."""

    def __repr__(self) -> str:
        """Return the matrix and what decided, as text."""
        return reach_view.text(self).rstrip("\n")

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        picture = reach_view.picture(self)
        svg = live_svg(picture, reach_view.names(self))
        shown = content(svg, reach_view.parts(self), alt=ALT, words=repr(self))
        return Frame(lambda _: shown).bundle(picture, repr(self), ALT)

    @property
    def table(self) -> HTML:
        """Return it as an HTML table: a row for each sender, a column for each target."""
        return HTML(reach_view.table(self))  # type: ignore[no-untyped-call]

    def why(self, source: str, target: str, service: str | int = "ping") -> str:
        """Return what came of one field and what decided, by each address.

        `service` is "ping", "name" or a port, of a published port that of the host. Raises CourseError if there is no
        such field.
        """
        return reach_view.why(self.field(source, target, service))

    def journey(self, source: str, target: str, service: str | int = "ping") -> journeys.Journey:
        """Send one request as one field did and return its path: of several addresses to the last that failed, if any.

        Arguments and errors are those of `why` and of `course_lib.journey`.
        """
        return journeys.journey(source, self.field(source, target, service).url)


def reach(*only: str) -> Reached:
    """Ask who can talk to whom, now, and return the answers as a matrix.

    Each network namespace asks each, by ping, by name, and at each port that is listened on or published: "client",
    "host" and the containers. `only` are names that limit it: reach("web", "db"). It changes nothing but counters and
    what the kernel remembers of packets (`course_lib.packet_path.reach.SAID`).

    Raises CourseError for a name that is not there.
    """
    found = reach_ask.reach(current.lab(), only)
    return Reached(**{f.name: getattr(found, f.name) for f in fields(found)})
