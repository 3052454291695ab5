"""Record raw facts of scenes for the pure tests: `python -m tests.record [SCENE ...]`.

Each scene is made on a fresh lab (named by COURSE_LAB), and what `facts.read` says of it is written to
tests/facts/VERSION/SCENE.json, where VERSION is what the lab's engine calls itself ("28.5", whatever `newest` is).
Ids, MACs and times are those of the day; nothing of the machine is in them but the time since a container was started.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from course_lib.lab import facts
from course_lib.lab.lifecycle import from_environment
from course_lib.notebook import current

lab = from_environment()

FOLDER = Path(__file__).parent / "facts"
SCENES = {
    "first_day": "true",
    "published": """
docker run -d --name web -p 80:80 nginx
docker run -d -it --name c1 busybox
until curl -sf -o /dev/null http://172.17.0.2/; do sleep 0.1; done
ip netns exec client curl -sf -o /dev/null http://203.0.113.10/
""",
    "own_network": """
docker network create --subnet 192.168.100.0/24 --gateway 192.168.100.254 mybridge
docker run -d -it --name c2 --network mybridge --ip 192.168.100.100 --network-alias db busybox
""",
    "link": """
docker run -d --name web nginx
docker run -d -it --name app --link web:backend busybox
""",
    "not_running": """
docker run -d -it --name stopped -p 8080:80 busybox
docker stop -t 0 stopped
docker create --name created busybox
""",
    "two_networks": """
docker network create front
docker network create back
docker run -d -it --name both --network front busybox
docker network connect --alias inner back both
""",
    "modes": """
docker run -d --name main nginx
docker run -d -it --name in-host --network host busybox
docker run -d -it --name alone --network none busybox
docker run -d -it --name sidecar --network container:main busybox
""",
    "internal": """
docker network create --internal --subnet 10.9.0.0/24 closed
docker run -d -it --name inmate --network closed busybox
""",
    "ports": """
docker run -d -it --name dns -p 5353:53/udp -p 127.0.0.1:9000:9000 busybox
docker run -d -it --name range -p 7000-7002:80-82 busybox
""",
    "dual_stack": """
docker network create --ipv6 --subnet 172.30.0.0/16 --subnet fd00:cafe::/64 six
docker run -d --name web --network six -p 80:80 nginx
docker run -d -it --name c1 --network six --ip6 fd00:cafe::abcd:ef01:2345:6789 busybox
""",
    "three_networks": """
for name in front middle back; do docker network create $name; done
docker run -d -it --name all --network front --network-alias first busybox
docker network connect middle all
docker network connect --alias third back all
docker run -d -it --name c1 --network middle busybox
""",
    "sixty": """
docker run -d --name web -p 80:80 nginx
for i in $(seq 58); do echo "docker run -d -it --name c$i busybox"; done | sh
docker create --name last busybox
""",
}


def record(scene: str) -> Path:
    """Make a scene on a fresh lab and write its facts."""
    lab.reset()
    current.host(SCENES[scene])
    read = facts.read(lab)
    indent = 1 if len(read["containers"]) < 20 else None  # nobody reads the many, and they are a third smaller so
    text = json.dumps(read, sort_keys=True, indent=indent, ensure_ascii=False)
    line = ".".join(read["version"].split(".")[:2])
    path = FOLDER / line / f"{scene}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")
    return path


if __name__ == "__main__":
    for name in sys.argv[1:] or SCENES:
        print(f"Recorded: {record(name)}")
