"""A container of the lab's image that acts on the machine of the learner's engine: looks, or ends what does not die."""

from __future__ import annotations

from typing import Any

from course_lib.engine.labels import LABEL
from course_lib.errors import CourseError

ANSWER_WITHIN = 60  # seconds


def look(api: Any, image: str, script: str, *, capabilities: tuple[str, ...], pids: bool = False) -> str:
    """Run a script of `sh` in the network namespace of the engine's machine, and return what it wrote.

    With `pids` it sees the machine's processes and cgroups too, and so may enter the containers' namespaces. Raises
    engine.APIError if the engine refuses such a container, and CourseError if the script fails.
    """
    host_config = api.create_host_config(
        network_mode="host",
        cap_add=list(capabilities),
        pid_mode="host" if pids else None,
        cgroupns="host" if pids else None,
        security_opt=["apparmor=unconfined"] if pids else None,  # AppArmor's profile for containers denies /proc/PID/ns
        userns_mode="host",  # where dockerd maps users, --network host is refused without this
        log_config={"Type": "json-file"},  # another driver of the learner's would keep the words from us
    )
    made = api.create_container(
        image,
        entrypoint=["sh", "-c", script],
        labels={LABEL: "helper"},
        host_config=host_config,
        use_config_proxy=False,
    )["Id"]
    try:
        api.start(made)
        failed = api.wait(made, timeout=ANSWER_WITHIN)["StatusCode"]
        if failed:
            said = api.logs(made, stdout=False, stderr=True).decode(errors="replace").strip()
            raise CourseError(said.rpartition("\n")[2] or f"the program ended with exit code {failed}")
        text: bytes = api.logs(made, stderr=False)
    finally:
        api.remove_container(made, force=True)
    return text.decode(errors="replace")


# With cgroup v1 what is frozen does not die, and a first process waits for the rest of its namespace before it ends: so
# kill first, then thaw, deepest first, and again until nothing is left. (With v2 what is frozen dies, cgroups(7).)
END = """thaw='for state; do echo THAWED >"$state"; done'
[ -f /sys/fs/cgroup/cgroup.controllers ] || mount -t cgroup -o freezer freezer /mnt || exit
for round in $(seq 100); do
    found=$(
        grep -ls {id} /proc/[0-9]*/cgroup
        for shim in $(grep -ls ^containerd-shim /proc/[0-9]*/comm); do grep -ls {id} ${{shim%comm}}cmdline; done
    )
    [ "$found" ] || exit 0
    for place in $found; do pid=${{place#/proc/}}; kill -KILL ${{pid%/*}}; done 2>/dev/null
    find /mnt -depth -path '*{id}*' -name freezer.state -exec sh -c "$thaw" sh {{}} + 2>/dev/null
    sleep 0.1
done
echo "processes of the container {id} do not end" >&2
exit 1"""


def end(api: Any, image: str, container: str) -> None:
    """End what runs of a container, by its id, where the engine itself cannot do it.

    An engine that was killed while it started a container calls it "created", and its containerd keeps the processes:
    `docker kill` and `docker rm --force` do not touch them, and a start fails with "task ... already exists". And with
    cgroup v1 no engine ends a container in which something is frozen, by `docker pause` in a lab, say
    (moby/moby#35643). Raises as `look` does.
    """
    look(api, image, END.format(id=container), capabilities=("KILL", "SYS_ADMIN"), pids=True)
