"""Drive the lab, look at its network, and say what is seen: all that a notebook imports.

`%load_ext course_lib` registers `%%host`, `%%client` and `%%answer`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from course_lib.chapter import begin, changes, clean_up, look, wait_until, words
    from course_lib.current import client, host, url
    from course_lib.follow import journey
    from course_lib.magics import load_ipython_extension
    from course_lib.panel import live, predict
    from course_lib.practice import check, exercise, hint

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
    "predict",
    "url",
    "wait_until",
    "words",
]

# No module of the package may have one of these names: whoever imported it would put it in the function's place.
_HOMES = {
    "check": "practice",
    "client": "current",
    "exercise": "practice",
    "hint": "practice",
    "host": "current",
    "journey": "follow",
    "live": "panel",
    "load_ipython_extension": "magics",
    "predict": "panel",
    "url": "current",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: a command of `./course` waits for neither matplotlib nor IPython."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES.get(name, 'chapter')}"), name)
