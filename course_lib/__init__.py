"""Drive the lab, look at its network, and say what is seen: all that a notebook imports.

`%load_ext course_lib` registers `%%host` and `%%client`.
"""

from course_lib.chapter import begin, clean_up, look, snapshot, wait_until, words
from course_lib.lab import url
from course_lib.magics import load_ipython_extension
from course_lib.run import client, host

__all__ = [
    "begin",
    "clean_up",
    "client",
    "host",
    "load_ipython_extension",
    "look",
    "snapshot",
    "url",
    "wait_until",
    "words",
]
