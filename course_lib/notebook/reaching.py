"""Ask who can talk to whom and show it: `reach`."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from course_lib.notebook import current, journeys
from course_lib.packet_path import reach_ask, reach_view
from course_lib.packet_path.reach import Reach
from course_lib.picture.render_png import png

ALT = "A table of boxes: who reaches whom in the lab. The text below it says the same."


class Reached(Reach):
    """Who reaches whom. A notebook shows it as a picture with a table, `print` as text."""

    def __repr__(self) -> str:
        """Return the matrix and what decided, as text."""
        return reach_view.text(self).rstrip("\n")

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        shown = {
            "text/html": reach_view.html(self),
            "image/png": png(reach_view.picture(self)),
            "text/plain": repr(self),
        }
        return shown, {"image/png": {"alt": ALT}}

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
