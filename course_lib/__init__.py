"""Export the functions that notebooks call to run commands in the lab and to show its network.

`%load_ext course_lib` registers `%%host`, `%%client` and `%%answer`.
"""

from __future__ import annotations

import importlib
from typing import Any

# The module of each function in the wing `notebook`. No wing may have the name of a function: importing the wing would
# replace the function.
_HOMES = {
    "begin": "chapter",
    "changes": "chapter",
    "check": "practice",
    "clean_up": "chapter",
    "client": "current",
    "decide": "prediction",
    "exercise": "practice",
    "hint": "practice",
    "host": "current",
    "journey": "journeys",
    "live": "panel",
    "load_ipython_extension": "magics",
    "look": "chapter",
    "network_graph": "chapter",
    "predict": "prediction",
    "progress": "progress",
    "quiz": "quizzing",
    "reach": "reaching",
    "url": "current",
    "words": "chapter",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    """Import a name on first use, so that `./course` loads neither matplotlib nor IPython; raises AttributeError."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.notebook.{_HOMES[name]}"), name)
