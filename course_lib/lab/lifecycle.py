"""The lab: one container that is a Docker host and a client, made, reset and removed by the value `Lab`.

All state is in the engine: a container, one volume for each engine version, and labels on both. Two labs of different
names run side by side and know nothing of each other. Which one is meant is a value that is passed on: COURSE_LAB is
read once, where a process begins (`from_environment`).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from course_lib.console import say, step
from course_lib.engine import client, helper_container
from course_lib.engine.labels import BEFORE_LABEL, ENGINE_LABEL, LABEL, NAME_LABEL, PARENT_LABEL
from course_lib.errors import CourseError, EngineUnfitError, LabGoneError
from course_lib.lab import host_footprint, images, port_forward

DEFAULT_ENGINE = "26.1"
# Docker's default set and these three are all that a dockerd inside needs; never --privileged.
CAPABILITIES = (
    "NET_ADMIN",  # interfaces, routes and rules of the lab's own network namespace
    "SYS_ADMIN",  # mounts and namespaces of the containers inside
    "SYS_PTRACE",  # /proc/PID/ns of containers inside that do not run as root
)


@dataclass(frozen=True)
class Lab:
    """A lab by its name, whether it is there or not.

    The lab "default.26-1" is a relative of "default": it was made for it, and is removed with it. Its label
    container-course.parent says so. A dot is in no other name.
    """

    name: str

    def __post_init__(self) -> None:
        """Raise CourseError if that is no name."""
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,30}(\.[a-z0-9-]+)*", self.name):
            raise CourseError(
                f"COURSE_LAB={self.name!r} is no name for a lab: use up to 31 lower-case letters, digits and hyphens."
            )

    @property
    def container(self) -> str:
        """Return the name of the lab's container."""
        return f"{LABEL}-{self.name}"

    def volume(self, version: str) -> str:
        """Return the name of the volume that holds the lab's images for one engine version."""
        return f"{self.container}-{version}"

    @property
    def labels(self) -> dict[str, str]:
        """Return the labels of all that belongs to the lab."""
        labels = {LABEL: "lab", NAME_LABEL: self.name}
        parent = self.name.rpartition(".")[0]
        return {**labels, PARENT_LABEL: parent} if parent else labels

    def relative(self, role: str) -> Lab:
        """Return the relative with a role: of the lab "default" that with the role "26.1" is "default.26-1"."""
        return Lab(f"{self.name}.{role.replace('.', '-')}")

    def relatives(self) -> list[Lab]:
        """Return the labs that are there and were made for this one, and those that were made for them, by name."""
        return [lab for lab in _there(PARENT_LABEL) if lab.name.startswith(f"{self.name}.")]

    def namesakes(self) -> list[Lab]:
        """Return the labs that are there and may be relatives from before there was a label for them, by name.

        They are named "default-26-1", as a lab of somebody's own may be.
        """
        return [lab for lab in _there(NAME_LABEL) if re.fullmatch(rf"{self.name}-[a-z0-9-]+", lab.name)]

    def containers(self) -> list[dict[str, Any]]:
        """Return what the engine knows of each container of the lab: also of one that is renamed, or looks at it."""
        api = client.outer()
        found = []
        for item in api.containers(all=True, filters={"label": f"{NAME_LABEL}={self.name}"}):
            with contextlib.suppress(client.NotFound):
                found.append(api.inspect_container(item["Id"]))
        return found

    def inspect(self) -> dict[str, Any] | None:
        """Return what the engine knows of the lab's container, None if there is none.

        Raises CourseError if a container that is not ours has the name.
        """
        try:
            found: dict[str, Any] = client.outer().inspect_container(self.container)
        except client.NotFound:
            return None
        # The value counts: a container of somebody who uses our images has their label, too, but not this one.
        if (found["Config"]["Labels"] or {}).get(LABEL) != "lab":
            raise CourseError(
                f"A container {self.container} that is not the course's is in the way: rename it with `docker rename`, "
                "or choose another name for the lab with COURSE_LAB."
            )
        return found

    def version(self) -> str:
        """Return the engine version of the lab that is there ("26.1"); the default if there is none."""
        found = self.inspect()
        return str(found["Config"]["Labels"][ENGINE_LABEL]) if found else DEFAULT_ENGINE

    def real_version(self) -> str:
        """Return what the lab's engine calls itself ("26.1.5+dfsg1")."""
        with contextlib.closing(client.inner(self.container)) as api:
            return str(api.version()["Version"])

    def require(self) -> str:
        """Return the id of the lab's container; raises LabGoneError if it is not running."""
        found = self.inspect()
        if found is None:
            raise LabGoneError("There is no lab: `./course up` starts it.")
        if not found["State"]["Running"]:
            raise LabGoneError("The lab is not running any more: `./course reset` makes a fresh one.")
        return str(found["Id"])

    def url(self, port: int) -> str:
        """Return an address on 127.0.0.1 that opens a port of the lab's host in the learner's own browser.

        The port may be published after this call too: what is behind it is asked at each connection.
        """
        return port_forward.url(port, self.name, self.require)

    def up(self, engine_version: str, need: Callable[[str], None]) -> None:
        """Make the lab run, with the images that its recipes describe; what is there already is kept.

        `need(package)` installs a Debian package on this machine or raises a CourseError.
        """
        release = images.RELEASES[engine_version]
        self.inspect()  # first of all: is somebody else's container in the way?
        images.build_all(release, need)
        found = self.inspect()
        if found and (why := self._unusable(found, engine_version)):
            say(f"{why}: a fresh lab takes its place.")
            discard(found)
            found = None
        if not (found and found["State"]["Running"]):
            with step("Starting the lab"):
                if found is None:
                    self._create(engine_version, probe=True)
                self._start()
        with contextlib.closing(client.inner(self.container)) as lab_engine:
            images.load(lab_engine)

    def _unusable(self, found: dict[str, Any], engine_version: str) -> str:
        """Say why a lab that is there cannot be gone on with; "" if it can, and then it is ready if it runs."""
        was = found["Config"]["Labels"][ENGINE_LABEL]
        if was != engine_version:
            return f"The lab's engine was {was}"
        if found["Image"] != client.outer().inspect_image(images.lab_image(images.RELEASES[engine_version]))["Id"]:
            return "The lab's image was made anew"
        if found["State"]["Status"] == "created":
            return "The lab was never started"
        if found["State"]["Dead"]:
            return "The lab was removed only in part"
        if found["State"]["Running"] and not self._answers():
            return "The lab's dockerd is not running any more"
        return ""

    def _answers(self) -> bool:
        """Whether the dockerd in the lab answers within 5 s: an interrupted `up` may just have started it.

        One that needs longer is replaced, and nothing is lost: there was nothing in it yet.
        """
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            with contextlib.suppress(*client.BROKEN_OFF), contextlib.closing(client.inner(self.container)):
                return True
            time.sleep(0.1)
        return False

    @client.plain_words()
    def reset(self) -> None:
        """Take the lab back to its first day: a fresh container on the same images.

        A reset that was killed goes on: its container may be gone already, and its volume knows which engine it had.
        """
        found, mine = self.inspect(), self._volumes()
        if found is None and len(mine) != 1:
            raise LabGoneError("There is no lab to reset: `./course up` starts it.")
        kept = found["Config"]["Labels"][ENGINE_LABEL] if found else next(iter(mine)).removeprefix(f"{self.container}-")
        engine_version = str(kept)
        if engine_version not in images.RELEASES:
            raise CourseError(
                f"This lab has the engine {engine_version}, which this version of the course does not know: "
                "`./course down` removes it, `./course up` makes another one."
            )
        for tag in (images.lab_image(images.RELEASES[engine_version]), *map(images.inner_image, images.INNER)):
            if images.recipe_of(client.outer(), tag) is None:  # before anything is removed
                raise CourseError(f"The image {tag} is not there any more: `./course up` makes it again.")
        if found:
            discard(found)
        self._create(engine_version, probe=False)
        self._start()
        with contextlib.closing(client.inner(self.container)) as lab_engine:  # else it waits in a thread for ever
            images.load(lab_engine)
            images.keep_only_ours(lab_engine)

    def down(self, remove_images: bool) -> bool:
        """Remove the lab with its relatives, say what goes, and prove it; return whether the machine is as before.

        Images are kept unless `remove_images`: other labs, and the next `up`, need them.
        """
        before = next(iter(self._volumes().values()), None)
        gone = self.remove()
        if not gone:
            say("There is no lab to take down.")
        for what in gone:
            say(f"Removed the {what}")
        # Rules are read by a helper container made from the lab's image, so images go last.
        same = host_footprint.compare(json.loads(before)) if before else True
        if remove_images:
            _remove_images()
        return same

    def remove(self) -> list[str]:
        """Remove the lab with its relatives, and return what went, in words: "container container-course-default".

        Raises CourseError if a container that is not ours has the lab's name.
        """
        self.inspect()
        gone, labs = [], [*self.relatives(), self]
        for found in [found for lab in labs for found in lab.containers()]:
            discard(found)
            gone.append(f"container {found['Name'].lstrip('/')}")
        for volume in [volume for lab in labs for volume in sorted(lab._volumes())]:
            client.outer().remove_volume(volume)
            gone.append(f"volume {volume}")
        return gone

    def _volumes(self) -> dict[str, str]:
        """Return the lab's volumes, one for each engine it had, with what the machine was before the first `up`."""
        found = client.outer().volumes(filters={"label": f"{NAME_LABEL}={self.name}"})["Volumes"] or []
        return {v["Name"]: v["Labels"].get(BEFORE_LABEL, "") for v in found}

    def _create(self, engine_version: str, *, probe: bool) -> None:
        """Create the lab's container, and its volume if this is the first time."""
        api = client.outer()
        labels = {**self.labels, ENGINE_LABEL: engine_version}
        image = images.lab_image(images.RELEASES[engine_version])
        try:
            known = api.inspect_volume(self.volume(engine_version))["Labels"] or {}
            if LABEL not in known:
                raise CourseError(f"A volume {self.volume(engine_version)} that is not the course's is in the way.")
        except client.NotFound:
            before = next(iter(self._volumes().values()), None) or client.as_json(host_footprint.fingerprint(image))
            api.create_volume(self.volume(engine_version), labels={**labels, BEFORE_LABEL: before})
        host_config = api.create_host_config(
            binds={self.volume(engine_version): {"bind": "/var/lib/docker", "mode": "rw"}},
            log_config={"Type": "json-file"},
            **confinement(),
        )
        try:
            api.create_container(
                image,
                name=self.container,
                hostname="host",
                labels=labels,
                environment={"LAB_PROBE": "yes"} if probe else {},
                host_config=host_config,
                use_config_proxy=False,  # the lab has no way to a proxy, and a plain host knows of none
            )
        except client.APIError as error:
            raise _unfit(error.explanation) from error

    def _start(self) -> None:
        """Start the lab's container and wait until it is ready; raises EngineUnfitError with what is missing if not."""
        api = client.outer()
        # What a lab said before it was stopped does not count.
        before = sum(1 for _ in api.logs(self.container, stream=True))
        try:
            api.start(self.container)
        except client.APIError as error:
            api.remove_container(self.container, force=True)
            raise _unfit(error.explanation) from error
        self.wait_until_ready(before)

    def wait_until_ready(self, before: int = 0) -> None:
        """Wait until the dockerd in a lab that was started answers, after so many lines that the lab said before that.

        No clock is asked: it may be set while a machine comes up. Raises EngineUnfitError with what is missing.
        """
        api = client.outer()
        missing = []
        for number, line in enumerate(client.log_lines(api, self.container)):
            text = line.decode(errors="replace").strip()
            if number < before:
                continue
            if text == "ready":
                return
            if text.startswith("lacking: "):  # the lab works, but something in it is not as on a plain Docker host
                say(f"Note: {text.removeprefix('lacking: ')}.")
            else:
                missing.append(text.removeprefix("missing: "))
        api.remove_container(self.container, force=True)
        raise _unfit("; ".join(missing) or "it ended without a word")


def _there(label: str) -> list[Lab]:
    """Return the labs of which something is on the engine that has a label, by name."""
    api, filters = client.outer(), {"label": label}
    things = [*api.containers(all=True, filters=filters), *(api.volumes(filters=filters)["Volumes"] or [])]
    return [Lab(name) for name in sorted({str(thing["Labels"][NAME_LABEL]) for thing in things})]


def from_environment() -> Lab:
    """Return the lab that COURSE_LAB names, "default" if it is not set: for where a process begins, only."""
    return Lab(os.environ.get("COURSE_LAB", "default"))


def discard(found: dict[str, Any]) -> None:
    """Remove a container of ours, as it was inspected, in whatever state it is; one that is gone already is no error.

    The engine gives a container 12 s to die (moby, daemon/kill.go). One that does not, since something in it is frozen,
    is ended from outside. Raises engine.APIError or CourseError if it is there even then.
    """
    api = client.outer()
    if found["State"]["Status"] == "created":
        helper_container.end(api, found["Image"], found["Id"])  # its processes would share the volume with the next lab
    for tries_left in (2, 1, 0):  # a removal that somebody else began is refused, and then all is gone
        try:
            api.remove_container(found["Id"], force=True, v=True)
        except client.NotFound:
            return
        except client.APIError:
            if not tries_left:
                raise
            helper_container.end(api, found["Image"], found["Id"])
        else:
            return


def _remove_images() -> None:
    """Remove the course's images: those of its names, and those without a name that its builds left.

    What a learner built on top of one of them has our label, too, but a name of its own.
    """
    api = client.outer()
    for image in sorted(api.images(filters={"label": LABEL}), key=lambda i: -int(i["Created"])):
        tags = [tag for tag in image["RepoTags"] or [] if tag != "<none>:<none>"]
        for tag in [tag for tag in tags if tag.startswith(f"{images.PREFIX}/")] if tags else [image["Id"]]:
            try:
                api.remove_image(tag)
                say(f"Removed the image {tag}")
            except client.ImageNotFound:
                pass  # it went together with one that was built on it
            except client.APIError as error:
                say(f"Kept the image {tag}, which is in use: {error.explanation}")


def confinement() -> dict[str, Any]:
    """Return what holds a lab: no network, few capabilities, a seccomp profile (arguments of create_host_config)."""
    profile = json.loads((images.RECIPES / "seccomp.json").read_text())
    if client.outer().info().get("CgroupVersion") == "2":
        # With cgroup v2 runc keeps containers from devices by a program in the kernel: bpf(2) must be allowed.
        profile["syscalls"][0]["names"].remove("bpf")
    return {
        "network_mode": "none",
        "cgroupns": "private",  # with cgroup v1 Docker's default is the machine's: whoever mounts sees all containers
        "cap_add": list(CAPABILITIES),
        "security_opt": [f"seccomp={json.dumps(profile)}", "apparmor=unconfined"],
    }


def _unfit(why: object) -> EngineUnfitError:
    """Return the sentence for a machine that cannot run the lab."""
    return EngineUnfitError(
        f"This machine's Docker engine cannot run the lab: {why}. `./course doctor` says what the lab needs."
    )
