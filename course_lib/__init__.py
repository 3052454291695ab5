"""Export the functions that notebooks call to run commands in the lab and to show its network.

`%load_ext course_lib` registers `%%host`, `%%client` and `%%answer`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from course_lib.notebook.chapter import begin, changes, clean_up, look, network_graph, wait_until, words
    from course_lib.notebook.current import client, host, url
    from course_lib.notebook.journeys import journey
    from course_lib.notebook.magics import load_ipython_extension
    from course_lib.notebook.panel import live
    from course_lib.notebook.practice import check, exercise, hint
    from course_lib.notebook.prediction import predict

__all__ = [
    "begin",
    "changes",
    "check",
    "clean_up",
    "client",
    "exercise",
    "hint",
    "host",
    "journey",
    "live",
    "load_ipython_extension",
    "look",
    "network_graph",
    "predict",
    "url",
    "wait_until",
    "words",
]

# No wing may have one of these names: importing the wing would replace the function.
_HOMES = {
    "check": "practice",
    "client": "current",
    "exercise": "practice",
    "hint": "practice",
    "host": "current",
    "journey": "journeys",
    "live": "panel",
    "load_ipython_extension": "magics",
    "predict": "prediction",
    "url": "current",
}


def __getattr__(name: str) -> Any:
    """Import a name on first use, so that `./course` loads neither matplotlib nor IPython; raises AttributeError."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.notebook.{_HOMES.get(name, 'chapter')}"), name)
