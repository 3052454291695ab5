"""Throw-away labs: for one answer of somebody whom nobody knows, with limits, and gone afterwards.

The images come from a *seed*: the volume of a lab that is made once and then only read. A throw-away lab hangs its
layers in without copying them, and everything that it writes is in memory, with an end to it.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

from course_lib.console import say, step
from course_lib.engine import client
from course_lib.engine.labels import ENGINE_LABEL, GRADER_LABEL, LABEL
from course_lib.errors import CourseError
from course_lib.lab import images
from course_lib.lab.lifecycle import DEFAULT_ENGINE, Lab, confinement, discard

MEGABYTE = 1 << 20
MEMORY = 1536 * MEGABYTE  # of a whole lab; what it writes to its file systems counts
ROOT_SIZE = 128 * MEGABYTE  # that may be written outside of containers
DOCKER_SIZE = 512 * MEGABYTE  # that containers, volumes and built images may take
INSIDE_MEMORY = 768 * MEGABYTE  # of all containers in it together
PROCESSES, INSIDE_PROCESSES = 1200, 600  # ten containers with published ports need 200 outside of themselves


def make_seed(lab: Lab, need: Callable[[str], None]) -> str:
    """Make the seed of a lab's throw-away labs unless it is there; return the name of its volume.

    Nothing runs on it afterwards. That it is complete, and with which images, stands in the name of its container,
    which is stopped and kept. `need(package)` installs a Debian package on this machine or raises a CourseError.
    """
    api = client.outer()
    seed = lab.relative("seed")
    volume = seed.volume(DEFAULT_ENGINE)
    if _complete(volume):
        return volume
    for found in seed.containers():
        discard(found)
    seed.up(DEFAULT_ENGINE, need)
    api.kill(seed.container)
    api.rename(seed.container, f"{volume}-{_images()}")
    return volume


def _images() -> str:
    """Return a digest of the images that labs are made of now; of fewer if some are not there."""
    digest = hashlib.sha256()
    tags = (images.lab_image(images.RELEASES[DEFAULT_ENGINE]), *map(images.inner_image, images.INNER))
    for tag in tags:
        with contextlib.suppress(client.ImageNotFound):
            digest.update(client.outer().inspect_image(tag)["Id"].encode())
    return digest.hexdigest()[:12]


def _complete(seed: str) -> bool:
    """Whether the seed is there, with the images as they are now."""
    try:
        client.outer().inspect_volume(seed)
        return not client.outer().inspect_container(f"{seed}-{_images()}")["State"]["Running"]
    except client.NotFound:
        return False


def create(lab: Lab, seed: str, grader: str) -> None:
    """Start a throw-away lab, and wait until it is ready.

    `seed` is the volume with its images, `grader` marks whose it is. Raises EngineUnfitError if the engine cannot run
    it.
    """
    api = client.outer()
    script = (images.RECIPES / "throw-away").read_text()
    limits: dict[str, Any] = {
        "mem_limit": MEMORY,
        "memswap_limit": MEMORY,
        "pids_limit": PROCESSES,
        "nano_cpus": 1_000_000_000,  # one CPU: an endless loop leaves the others theirs
        "tmpfs": {"/scratch": f"size={ROOT_SIZE},exec,dev,suid"},
        "binds": {seed: {"bind": "/seed", "mode": "ro"}},
        "log_config": {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "1"}},
    }
    api.create_container(
        images.lab_image(images.RELEASES[DEFAULT_ENGINE]),
        entrypoint=["tini", "--", "bash", "-c", script, "throw-away"],
        command=[str(n) for n in (ROOT_SIZE, DOCKER_SIZE, INSIDE_PROCESSES, INSIDE_MEMORY)],
        name=lab.container,
        hostname="host",
        labels={**lab.labels, GRADER_LABEL: grader, ENGINE_LABEL: DEFAULT_ENGINE},
        host_config=api.create_host_config(**confinement(), **limits),
        use_config_proxy=False,
    )
    api.start(lab.container)
    lab.wait_until_ready()


# An answer is root on the lab's host, and the probes run there: whoever changes their programs decides what they see.
# Looked at from outside, by the lab's own first process; a time of change (ctime) cannot be set back.
INSPECT = """cd "/proc/$1/root" || exit
find usr etc/ld.so.* root/.curlrc root/.wgetrc -xdev -newerct "@$2" ! -type d 2>/dev/null | head -n 5
awk '$5 ~ "^/(usr|bin|sbin|lib)" { print $5 " (mounted over)" }' "/proc/$1/mountinfo" | head -n 5
"""


def changed_programs(lab: Lab) -> list[str]:
    """Return which programs and libraries of a throw-away lab's host were changed since it was made, at most ten."""
    api = client.outer()
    state = api.inspect_container(lab.container)
    began = datetime.fromisoformat(state["State"]["StartedAt"]).timestamp()
    config = api.create_host_config(
        network_mode="none",
        pid_mode="host",
        cap_add=["SYS_PTRACE"],
        security_opt=["apparmor=unconfined"],
        read_only=True,
    )
    helper = api.create_container(
        state["Image"],
        entrypoint=["bash", "-c", INSPECT, "inspect"],
        command=[str(state["State"]["Pid"]), f"{began:.3f}"],
        labels={**state["Config"]["Labels"], LABEL: "helper"},
        host_config=config,
        use_config_proxy=False,
    )["Id"]
    try:
        api.start(helper)
        api.wait(helper, timeout=60)
        return list(api.logs(helper).decode(errors="replace").splitlines())
    finally:
        api.remove_container(helper, force=True)


def runs(lab: Lab) -> bool:
    """Whether a throw-away lab runs."""
    return bool(client.outer().inspect_container(lab.container)["State"]["Running"])


def remove(lab: Lab) -> str:
    """Remove a throw-away lab; return why it is still there, "" if it is gone."""
    with contextlib.suppress(client.NotFound):
        return _discard(client.outer().inspect_container(lab.container))
    return ""


def remove_left(label: str) -> None:
    """Remove what graders left that were killed, by a label: that of one grader or of a parent. Say what stays."""
    api = client.outer()
    left = api.containers(all=True, filters={"label": [GRADER_LABEL, label]})
    if left:
        with step("Removing the labs of a grader that was interrupted"):
            for container in left:
                with contextlib.suppress(client.NotFound):
                    if why := _discard(api.inspect_container(container["Id"])):
                        say(f"Note: the container {container['Id'][:12]} is still there: {why}")


def _discard(found: dict[str, Any]) -> str:
    """Remove a container, as it was inspected; return why it is still there: one lab that stays does not stop a class.

    Raises what `course_lib.engine.client.connect` raises if it is the engine that does not answer.
    """
    try:
        with client.plain_words():
            discard(found)
    except CourseError as error:
        client.connect()
        return str(error)
    return ""
