"""What grading costs, and what two labs at once gain over one: `python -m tests.bench.grading`.

Thirty answers to exercise 06, right and wrong ones, each learner with other values: each builds an image, runs two
containers, and is watched while its page is renewed. First with two labs, then with one. Needs the engine and the
course's images (`./course up`); the seed of the labs is made before the clock runs.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from course_lib.exercises import answers, catalog
from course_lib.grading import grader, sandbox
from tests.exercises.test_answers import filled
from tests.worker import lab, refuse

EXERCISE = "06_genid"
COUNT = 30
GAIN = 1.6  # so many times quicker two labs must be, on a machine with two CPUs that does nothing else
# What is handed in, and the points that it gets.
SOURCES = {
    "solution": 12,
    "other-solutions/nginx-first": 12,
    "mistakes/truncated": 10,
    "mistakes/too-early": 10,
    "mistakes/forbidden": 3,
}


def hand_in(folder: Path, learner: str, source: str, before: str = "", exercise: str = "02_publish_three_ways") -> None:
    """Put an answer of an exercise's folder, filled in for a learner, into the folder of a class."""
    what = catalog.named(exercise)
    place = folder / learner / exercise
    for name, content in filled(answers.files_of(what.folder / source), what.values(learner)).items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        text = f"{before}\n".encode() + content if name == answers.ANSWER and before else content
        (place / name).write_bytes(text)


def hand_in_thirty(folder: Path) -> dict[str, str]:
    """Fill the folder of a class; return the points that each learner must get."""
    wanted = {}
    for number in range(COUNT):
        learner, source = f"learner-{number:02}", list(SOURCES)[number % len(SOURCES)]
        hand_in(folder, learner, source, exercise=EXERCISE)
        wanted[learner] = str(SOURCES[source])
    return wanted


def words(took: Mapping[int, float]) -> str:
    """Say what was measured: by the number of labs, the seconds for all."""
    return (
        f"{COUNT} answers to {EXERCISE}: one lab {took[1]:.0f} s, {took[1] / COUNT:.1f} s an answer; "
        f"two labs {took[2]:.0f} s, {took[2] / COUNT:.1f} s an answer; {took[1] / took[2]:.2f} times quicker"
    )


def main() -> None:
    """Measure, and say so where two labs gain too little."""
    took = {}
    with tempfile.TemporaryDirectory(prefix="course-") as place:
        hand_in_thirty(Path(place) / "class")
        sandbox.make_seed(lab, refuse)
        for jobs in (2, 1):
            began = time.perf_counter()
            if failed := grader.grade(lab, Path(place) / "class", Path(place) / f"out-{jobs}", refuse, jobs=jobs):
                raise SystemExit("\n".join(failed))
            took[jobs] = time.perf_counter() - began
    print(words(took) + ("" if took[1] / took[2] >= GAIN else f"  less than {GAIN}: explain or mend"))


if __name__ == "__main__":
    main()
