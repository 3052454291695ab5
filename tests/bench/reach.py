"""What `reach` costs over reading the facts, in one run: `python -m tests.bench.reach`.

With 10 containers on three networks, and with 30. A run that is slower than the bound says so. The lab is reset before
and after.
"""

from __future__ import annotations

from course_lib.lab import facts
from course_lib.lab.lifecycle import from_environment
from course_lib.notebook import current
from course_lib.packet_path.reach_ask import reach
from tests.bench.snapshot import in_turns

lab = from_environment()
BOUNDS = {10: 3.0, 30: 10.0}  # seconds, by the number of containers


def main() -> None:
    """Measure, and say where a bound is not kept."""
    lab.reset()
    current.host("for n in na nb nc; do docker network create $n; done")
    print("containers  facts   reach  ratio  fields  unknown")
    there = 0
    for count, bound in BOUNDS.items():
        current.host(
            f"for i in $(seq {there + 1} {count}); do docker run -d --name c$i -p $((8000 + i)):80 "
            "--network $(echo na nb nc | cut -d' ' -f$((i % 3 + 1))) nginx; done; sleep 1",
            timeout=300,
        )
        there = count
        read, asked = in_turns(lambda: facts.read(lab), lambda: reach(lab), times=5)
        found = reach(lab)
        unknown = sum(a.state == "unknown" for f in found.fields for a in f.answers)
        kept = "" if asked <= bound else f"  more than {bound:g} s"
        print(
            f"{count:10}  {read:4.2f} s  {asked:4.2f} s  {asked / read:5.1f}  {len(found.fields):6}  {unknown:7}{kept}"
        )
    lab.reset()


if __name__ == "__main__":
    main()
