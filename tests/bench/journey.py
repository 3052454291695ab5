"""What a journey costs over the bare request, in one run: `python -m tests.bench.journey`.

The bare request is the same GET from the client, by curl, over the same kept stream. "evidence" is sending it with
everything watched; "journey" is all of `journey()`: the facts, the evidence, and reading both. The lab is reset before
and after.
"""

from __future__ import annotations

from course_lib import journey
from course_lib.lab import execute, facts
from course_lib.lab.lifecycle import from_environment
from course_lib.network import parse_facts
from course_lib.notebook import current
from course_lib.packet_path import capture
from course_lib.packet_path.request import request
from tests.bench.snapshot import in_turns, start

lab = from_environment()

BARE = "nsenter --net=/run/netns/client curl -s -o /dev/null http://203.0.113.10/"
BOUND = 400  # milliseconds, for the evidence over the bare request


def main() -> None:
    """Measure at 10, 50 and 100 containers, and say where the bound is not kept."""
    lab.reset()
    current.host(
        "docker run -d --name web -p 80:80 nginx; until curl -sf -o /dev/null http://172.17.0.2/; do sleep 0.1; done"
    )
    print("containers   bare  evidence  difference  ratio  journey  difference")
    there = 1
    for count in (10, 50, 100):
        start(count, there)
        there = count
        raw = facts.read(lab)
        network, asked = parse_facts.snapshot(raw), request("client", "http://203.0.113.10/")
        taken = in_turns(
            lambda: execute.ask(lab, BARE),
            lambda: capture.gather(lab, asked, raw, network),  # noqa: B023 - called at once
            lambda: journey("client", "http://203.0.113.10/"),
            times=9,
        )
        bare, watched, whole = (1000 * each for each in taken)
        kept = "" if watched - bare <= BOUND else f"  more than {BOUND} ms"
        print(
            f"{count:10}  {bare:5.0f}  {watched:8.0f}  {watched - bare:7.0f} ms  {watched / bare:5.1f}  {whole:7.0f}  "
            f"{whole - bare:7.0f} ms{kept}"
        )
    lab.reset()


if __name__ == "__main__":
    main()
