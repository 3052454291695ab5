"""How the time for a picture and its text grows with the containers: `python -m tests.bench.layout`, without Docker.

A ratio to the row before says how it grows: 2 for twice as many containers is linear. What is measured is a
picture that is drawn for the first time; how many nodes moved is counted while the containers come one by one.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

from course_lib.network.describe import describe
from course_lib.network.model import Snapshot
from course_lib.network.placement import place_containers
from course_lib.picture import shapes
from course_lib.picture.layout.page import layout
from course_lib.picture.render_svg import svg
from tests.picture.test_stability import growth, moved
from tests.pictures import many

COUNTS = (38, 75, 150, 300)
TIMES = 9


def median(what: Callable[[], object]) -> float:
    """Return the median of the processor time of a few calls, in seconds; what is kept of earlier ones is forgotten."""
    taken = []
    for _ in range(TIMES):
        for kept in (shapes.wrap, place_containers):
            kept.cache_clear()
        began = time.process_time()
        what()
        taken.append(time.process_time() - began)
    return statistics.median(taken)


def different(count: int) -> Snapshot:
    """Return so many containers of which no two are alike."""
    scene = many(count)
    return replace(scene, containers=tuple(replace(c, image=f"image-{c.name}") for c in scene.containers))


def main() -> None:
    print("containers          layout  ratio    text  ratio     svg  ratio")
    for title, scene in (("alike", many), ("all different", different)):
        before: list[float] = []
        for count in COUNTS:
            now = scene(count)
            picture = layout(now)
            taken = [
                median(lambda now=now: layout(now)),
                median(lambda now=now: describe(now)),
                median(lambda picture=picture: svg(picture, "", "")),
            ]
            ratios = [f"{new / old:5.1f}" for new, old in zip(taken, before, strict=True)] if before else [" " * 5] * 3
            columns = "  ".join(f"{t * 1000:5.0f} ms {r}" for t, r in zip(taken, ratios, strict=True))
            print(f"{count:4} {title:13} {columns}")
            before = taken
    steps = [len(moved(many(n), many(n + 1))) for n in range(1, 300)]
    print(f"nodes moved while 300 that are alike came one by one: {sum(steps)}")
    steps = [len(moved(a, b)) for seed in range(5) for a, b in pairwise(growth(seed, 60))]
    print(f"the same for five mixed labs of 60: {sum(steps)}")


if __name__ == "__main__":
    main()
