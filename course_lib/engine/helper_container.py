"""Run a script on the engine's machine from a short-lived container of the lab's image.

`look` returns what the script prints; `end` kills the processes of a container that the engine cannot end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from course_lib.engine.labels import LABEL
from course_lib.errors import CourseError

ANSWER_WITHIN = 60  # seconds


def look(
    api: Any,
    image: str,
    script: str,
    *,
    capabilities: tuple[str, ...],
    pids: bool = False,
    labels: Mapping[str, str] | None = None,
) -> str:
    """Run an sh script in the network namespace of the engine's machine, and return its standard output.

    With `pids` the script also has the machine's process and cgroup namespaces, and can enter the namespaces of
    containers. A lab's `labels` let the container be removed with it, if this process is killed. The script has 60 s.
    Raises client.APIError if the engine refuses such a container, and CourseError with the last line of standard error
    if the script fails.
    """
    host_config = api.create_host_config(
        network_mode="host",
        cap_add=list(capabilities),
        pid_mode="host" if pids else None,
        cgroupns="host" if pids else None,
        security_opt=["apparmor=unconfined"] if pids else None,  # AppArmor's profile for containers denies /proc/PID/ns
        userns_mode="host",  # where dockerd maps users, --network host is refused without this
        log_config={"Type": "json-file"},  # `api.logs` cannot read every driver that a learner may have configured
    )
    container = api.create_container(
        image,
        entrypoint=["sh", "-c", script],
        labels={**(labels or {}), LABEL: "helper"},
        host_config=host_config,
        use_config_proxy=False,
    )["Id"]
    try:
        api.start(container)
        failed = api.wait(container, timeout=ANSWER_WITHIN)["StatusCode"]
        if failed:
            errors = api.logs(container, stdout=False, stderr=True).decode(errors="replace").strip()
            raise CourseError(errors.rpartition("\n")[2] or f"the program ended with exit code {failed}")
        text: bytes = api.logs(container, stderr=False)
    finally:
        api.remove_container(container, force=True)
    return text.decode(errors="replace")


# With cgroup v1 a frozen process cannot die, and the first process of a PID namespace waits for all others before it
# ends. So kill first, then thaw, the deepest cgroup first, and repeat until nothing is left. (With cgroup v2 a frozen
# process dies, cgroups(7).)
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
    """Kill the processes of a container, given by its id, where the engine itself cannot.

    An engine that was killed while it started a container reports it as "created", but its containerd keeps the
    processes: `docker kill` and `docker rm --force` do not reach them, and a start fails with "task ... already
    exists". With cgroup v1 an engine also cannot end a container in which a process is frozen, for example by
    `docker pause` in a lab (moby/moby#35643). Raises as `look` does.
    """
    look(api, image, END.format(id=container), capabilities=("KILL", "SYS_ADMIN"), pids=True)
