"""Record what `reach` heard in a small scene, for the pure tests: `python -m tests.record_reach`.

Resets the lab that COURSE_LAB names and writes tests/reach/VERSION.json, for the engine that the lab has.
"""

from __future__ import annotations

import json
from pathlib import Path

from course_lib.lab import execute, facts
from course_lib.lab.lifecycle import from_environment
from course_lib.packet_path import reach_ask

FOLDER = Path(__file__).parent / "reach"
NAMES = ("client", "web", "far", "inn")
SCENE = """
docker network create --subnet 10.61.1.0/24 front; docker network create --subnet 10.61.2.0/24 back
docker network create --internal --subnet 10.61.3.0/24 inner
docker run -d --name web --network front -p 8080:80 nginx; docker run -d --name far --network back nginx
docker run -d --name inn --network inner nginx
iptables -I DOCKER-USER -s 10.61.1.0/24 -d 203.0.113.20 -p tcp --dport 80 -j REJECT
for c in web far inn; do
    until nsenter -t $(docker inspect -f '{{.State.Pid}}' $c) -n ss -Htln | grep -q :80; do sleep 0.1; done
done
"""


def main() -> None:
    """Record the scene."""
    lab = from_environment().reset()
    execute.run(lab, SCENE)
    said: list[str] = []
    run = reach_ask._run
    reach_ask._run = lambda *args: said.append(run(*args)) or said[-1]  # type: ignore[func-returns-value]
    raw = facts.read(lab)
    reach_ask.reach(lab, NAMES)
    version = ".".join(raw["version"].split(".")[:2])
    text = json.dumps({"facts": raw, "heard": said[0], "said": said[1]}, separators=(",", ":"))
    (FOLDER / f"{version}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
