"""Create disposable labs with resource limits, each for running one untrusted answer: `make_seed`, `create`, `remove`.

Their images come from a *seed*: the volume of a lab that is created once and then only read. A disposable lab mounts
its layers without copying them, and writes only to file systems in memory that have a limited size.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any

from course_lib.console import say, step
from course_lib.engine import client, helper_container
from course_lib.engine.labels import ENGINE_LABEL, GRADER_LABEL, IDS_LABEL, PLAIN
from course_lib.errors import CourseError
from course_lib.lab import images
from course_lib.lab.lifecycle import (
    DEFAULT_ENGINE,
    FIRST_ID,
    OUTSIDE,
    RANGE,
    RANGES,
    Lab,
    confinement,
    discard,
    image_id,
)

MEGABYTE = 1 << 20
# Sizes in bytes.
MEMORY = 1536 * MEGABYTE  # of a whole lab, with the contents of its file systems
ROOT_SIZE = 128 * MEGABYTE  # that the lab may write outside of its containers
DOCKER_SIZE = 512 * MEGABYTE  # of its containers, volumes and built images
INSIDE_MEMORY = 768 * MEGABYTE  # of all its containers together
PROCESSES, INSIDE_PROCESSES = 1200, 600  # of the lab; of its containers. Ten with published ports need 200 outside


def make_seed(lab: Lab, need: Callable[[str], None]) -> str:
    """Create the seed of a lab's disposable labs, unless it exists; return the name of its volume.

    The seed's container is stopped and kept: its name records that the seed is complete, and with which images.
    `need(package)` installs a Debian package on this machine or raises a CourseError.
    """
    api = client.outer()
    seed = lab.relative("seed")
    volume = seed.volume(DEFAULT_ENGINE)
    with contextlib.suppress(client.NotFound):
        api.inspect_volume(volume)
        # The machine may allow user namespaces by now, so a seed without one is made again.
        if not is_plain(volume) and not api.inspect_container(f"{volume}-{_images()}")["State"]["Running"]:
            return volume
    for found in seed.containers():
        discard(found)
    seed.up(DEFAULT_ENGINE, need)
    api.kill(seed.container)
    api.rename(seed.container, f"{volume}-{_images()}")
    return volume


def _images() -> str:
    """Return a digest of the images that labs are created from; an image that does not exist is left out."""
    digest = hashlib.sha256()
    for tag in images.of_engine(DEFAULT_ENGINE):
        with contextlib.suppress(client.ImageNotFound):
            digest.update(client.outer().inspect_image(tag)["Id"].encode())
    return digest.hexdigest()[:12]


def is_plain(seed: str) -> bool:
    """Return whether the machine refused a user namespace to the lab whose volume is `seed`, and so to all of it."""
    return bool(_ids_of(seed) == PLAIN)


def _ids_of(seed: str) -> str:
    return str(client.outer().inspect_volume(seed)["Labels"].get(IDS_LABEL, PLAIN))


def _free_ids() -> str:
    """Return the first of RANGE ids that no lab on the engine has."""
    used = {(found["Labels"] or {}).get(IDS_LABEL) for found in client.outer().containers(all=True)}
    return secrets.choice([ids for n in range(1, RANGES) if (ids := str(FIRST_ID + n * RANGE)) not in used])


def create(lab: Lab, seed: str, grader: str) -> None:
    """Start a disposable lab, with ids of its own outside, and wait until it is ready.

    `seed` is the volume from `make_seed`, `grader` the value of the label GRADER_LABEL. Raises EngineUnfitError if the
    engine cannot run it.
    """
    api = client.outer()
    image = images.lab_image(images.RELEASES[DEFAULT_ENGINE])
    plain = is_plain(seed)
    ids = PLAIN if plain else _free_ids()
    sizes = [str(n) for n in (ROOT_SIZE, DOCKER_SIZE, INSIDE_PROCESSES, INSIDE_MEMORY)]
    script = (images.RECIPES / "throw-away").read_text()
    limits: dict[str, Any] = {
        "mem_limit": MEMORY,
        "memswap_limit": MEMORY,
        "pids_limit": PROCESSES,
        "nano_cpus": 1_000_000_000,  # one CPU: an endless loop does not slow down the other labs
        "tmpfs": {"/scratch": f"size={ROOT_SIZE},exec,dev,suid"},
        "binds": {seed: {"bind": "/seed", "mode": "ro"}},
        "log_config": {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "1"}},
    }
    api.create_container(
        image,
        entrypoint=["bash", "-c", script, "throw-away"],
        command=[*sizes, ids, *([] if plain else [_ids_of(seed), image_id(image)])],
        name=lab.container,
        hostname="host",
        labels={**lab.labels, GRADER_LABEL: grader, ENGINE_LABEL: DEFAULT_ENGINE, IDS_LABEL: ids},
        host_config=api.create_host_config(**confinement(() if plain else OUTSIDE), **limits),
        use_config_proxy=False,
    )
    api.start(lab.container)
    lab.wait_until_ready()


# An answer is root on the lab's host, where the probes run: by changing their programs it could forge what they see.
# So a container outside the lab inspects the lab's files, via its first process. Their ctime cannot be set back.
# With a user namespace the first process of the lab is the grandchild of that of the container.
INSPECT = """for _ in $3; do read -r child _ <"/proc/$1/task/$1/children"; set -- "$child" "$2"; done
cd "/proc/$1/root" 2>/dev/null || exit 0
find usr etc/ld.so.* root/.curlrc root/.wgetrc -xdev -newerct "@$2" ! -type d 2>/dev/null | head -n 5
awk '$5 ~ "^/(usr|bin|sbin|lib)" { print $5 " (mounted over)" }' "/proc/$1/mountinfo" | head -n 5
"""


def changed_programs(lab: Lab) -> list[str]:
    """Return at most ten paths of programs and libraries on a lab's host that changed since the lab was started."""
    api = client.outer()
    found = api.inspect_container(lab.container)
    began = datetime.fromisoformat(found["State"]["StartedAt"]).timestamp()
    labels = found["Config"]["Labels"]
    down = "" if labels[IDS_LABEL] == PLAIN else "'child grandchild'"
    script = f"set {found['State']['Pid']} {began:.3f} {down}\n{INSPECT}"
    return helper_container.look(
        api, found["Image"], script, capabilities=("SYS_PTRACE",), pids=True, labels=labels
    ).splitlines()


def remove(lab: Lab) -> str:
    """Remove a disposable lab; return why that failed, "" if it is removed."""
    found = lab.inspect()
    return _discard(found) if found else ""


def remove_left(label: str) -> None:
    """Remove the labs of killed graders that have a label (of one grader, or of a parent lab); print what remains."""
    api = client.outer()
    if left := api.containers(all=True, filters={"label": [GRADER_LABEL, label]}):
        with step("Removing the labs of a grader that was interrupted"):
            for container in left:
                with contextlib.suppress(client.NotFound):
                    if why := _discard(api.inspect_container(container["Id"])):
                        say(f"Note: the container {container['Id'][:12]} could not be removed: {why}")


def _discard(found: dict[str, Any]) -> str:
    """Remove an inspected container; return why that failed, because one failure must not stop grading a class.

    Raises what `course_lib.engine.client.connect` raises if the engine does not answer.
    """
    try:
        with client.plain_words():
            discard(found)
    except CourseError as error:
        client.connect()
        return str(error)
    return ""
