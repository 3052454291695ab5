"""Create, reset and remove the lab, one container that acts as a Docker host and a client: `Lab`.

All state is in the engine: a container, one volume for each engine version, and labels on both. Labs with different
names run side by side and do not affect each other. A `Lab` is passed as an argument; COURSE_LAB is read only once,
where a process begins (`from_environment`).
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from course_lib.console import say, step
from course_lib.engine import client, helper_container
from course_lib.engine.labels import (
    BEFORE_LABEL,
    ENGINE_LABEL,
    IDS_LABEL,
    LABEL,
    NAME_LABEL,
    PARENT_LABEL,
    PLAIN,
    RESET_LABEL,
)
from course_lib.errors import CourseError, EngineUnfitError, LabGoneError, NamespaceRefusedError
from course_lib.lab import images, machine_footprint, port_forward

DEFAULT_ENGINE = "26.1"
REPLACED = 3.0  # seconds within which a reset creates the new container after it removed the old one
# A lab's root is this user of the machine, its user 1 the next one, and so on: 65,536 ids for each lab. Nobody assigns
# ids from here to 2,147,483,647 (systemd, "Users, Groups, UIDs and GIDs on systemd systems").
FIRST_ID, RANGE, RANGES = 1_879_048_192, 65_536, 4096
# What the container of a lab in a user namespace needs to prepare it. Nothing that runs in the lab has these.
OUTSIDE = (
    "SYS_ADMIN",  # mounts, cgroups, and entering the namespaces
    "SETUID",  # the map of user ids; with SETGID that of group ids
    "SETGID",
    "CHOWN",  # owners of the lab's files and cgroups
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "SETFCAP",  # files with capabilities that are written to, through the overlay
    "SETPCAP",  # to give all of these up
)
# A dockerd without a user namespace needs these three in addition to Docker's default set; never --privileged.
CAPABILITIES = (
    "NET_ADMIN",  # interfaces, routes and rules of the lab's own network namespace
    "SYS_ADMIN",  # mounts and namespaces of the containers inside
    "SYS_PTRACE",  # /proc/PID/ns of containers inside that do not run as root
)


@dataclass(frozen=True)
class Lab:
    """A lab, identified by its name; its container need not exist.

    The lab "default.26-1" is a relative of "default": it was created for it, has the label container-course.parent, and
    is removed with it. Only names of relatives contain a dot.

    With `box`, the id of a container, it is only the lab that has this container: `require` refuses a later one.
    """

    name: str
    box: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        """Raise CourseError if the name is not valid."""
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,30}(\.[a-z0-9-]+)*", self.name):
            raise CourseError(
                f"COURSE_LAB={self.name!r} is not a valid name: use up to 31 lower-case letters, digits and hyphens."
            )

    @property
    def container(self) -> str:
        """The name of the lab's container."""
        return f"{LABEL}-{self.name}"

    def volume(self, version: str) -> str:
        """Return the name of the volume that holds the lab's images for one engine version."""
        return f"{self.container}-{version}"

    @property
    def labels(self) -> dict[str, str]:
        """The labels of everything that belongs to the lab."""
        labels = {LABEL: "lab", NAME_LABEL: self.name}
        parent = self.name.rpartition(".")[0]
        return {**labels, PARENT_LABEL: parent} if parent else labels

    def relative(self, role: str) -> Lab:
        """Return the lab's relative for a role: for "26.1" the lab "default" has the relative "default.26-1"."""
        return Lab(f"{self.name}.{role.replace('.', '-')}")

    def relatives(self) -> list[Lab]:
        """Return the existing labs that were created for this one, and for those in turn, sorted by name."""
        api, filters = client.outer(), {"label": PARENT_LABEL}
        things = [*api.containers(all=True, filters=filters), *(api.volumes(filters=filters)["Volumes"] or [])]
        names = sorted({str(thing["Labels"][NAME_LABEL]) for thing in things})
        return [Lab(name) for name in names if name.startswith(f"{self.name}.")]

    def containers(self) -> list[dict[str, Any]]:
        """Return GET /containers/ID/json of each container with the lab's label, whatever its name."""
        api = client.outer()
        found = []
        for item in api.containers(all=True, filters={"label": f"{NAME_LABEL}={self.name}"}):
            with contextlib.suppress(client.NotFound):
                found.append(api.inspect_container(item["Id"]))
        return found

    def inspect(self) -> dict[str, Any] | None:
        """Return GET /containers/ID/json of the lab's container; None if it does not exist.

        Raises CourseError if a container that is not the course's has the name.
        """
        try:
            found: dict[str, Any] = client.outer().inspect_container(self.container)
        except client.NotFound:
            return None
        # The value matters: any container made from our images inherits the label, but with another value.
        if (found["Config"]["Labels"] or {}).get(LABEL) != "lab":
            raise CourseError(
                f"A container that is not the course's has the name {self.container}: rename it with `docker rename`, "
                "or choose another name for the lab with COURSE_LAB."
            )
        return found

    def version(self) -> str:
        """Return the lab's engine version, as `--engine` names it ("26.1"); the default if there is no lab."""
        found = self.inspect()
        return str(found["Config"]["Labels"][ENGINE_LABEL]) if found else DEFAULT_ENGINE

    def real_version(self) -> str:
        """Return the full version that the lab's engine reports ("26.1.5+dfsg1")."""
        with contextlib.closing(client.inner(self.container)) as api:
            return str(api.version()["Version"])

    def require(self) -> str:
        """Return the id of the lab's container; raises LabGoneError if it is not running, or was reset since `box`."""
        found = self.inspect()
        deadline = time.monotonic() + REPLACED
        while self.box and (found is None or found["State"]["Status"] == "removing") and time.monotonic() < deadline:
            time.sleep(0.1)  # a reset may be in progress: wait for what it creates, which says who began it
            found = self.inspect()
        if found and self.box not in ("", found["Id"]):
            by, at = _reset_of(found)
            raise LabGoneError(
                f"The lab was reset{f' by {by}' if by else ''} at {at}: run this notebook again from its first cell."
            )
        if found is None:
            raise LabGoneError("There is no lab: run `./course up`.")
        if not found["State"]["Running"]:
            raise LabGoneError("The lab is not running any more: run `./course reset` for a new one.")
        if IDS_LABEL not in found["Config"]["Labels"]:
            raise LabGoneError("An earlier version of the course made this lab: run `./course up` for a new one.")
        if found["State"].get("Paused"):
            raise LabGoneError(
                f"The lab is paused: run `docker unpause {self.container}`, or `./course reset` for a new one."
            )
        return str(found["Id"])

    def url(self, port: int) -> str:
        """Return a URL on 127.0.0.1 that opens a port of the lab's host in the learner's browser.

        The port may be published later: each connection is made when the browser connects.
        """
        return port_forward.url(port, self.name, self.require)

    def up(self, engine_version: str, need: Callable[[str], None]) -> None:
        """Start the lab with an engine version ("26.1"), and build its images first; keep what exists and fits.

        `need(package)` installs a Debian package on this machine or raises CourseError. Raises CourseError, also as
        EngineUnfitError with what the engine lacks.
        """
        self.inspect()  # first of all, fail if a foreign container has the name
        images.build_all(engine_version, need)
        found = self.inspect()
        if found and (why := self._unusable(found, engine_version)):
            say(f"{why}: replacing it with a new lab.")
            discard(found)
            found = None
        if not (found and found["State"]["Running"]):
            with step("Starting the lab"):
                try:
                    if found:
                        self._start()
                except NamespaceRefusedError:  # although it did start in one before
                    found = None
                if found is None and (why := self.start_new(engine_version)):
                    say(f"Note: {why}: the root of this lab is the machine's root, so run only what you trust in it.")
        with contextlib.closing(client.inner(self.container)) as lab_engine:
            images.load(lab_engine)

    def start_new(self, engine_version: str) -> str:
        """Create the lab and start it without its images; return why it has no user namespace, "" if it has one.

        The images of the engine must exist, and no container of the lab. Raises EngineUnfitError with what is missing.
        """
        try:
            self._create(engine_version, str(FIRST_ID), probe=True)
            self._start()
        except NamespaceRefusedError as error:
            refused = str(error)
        except EngineUnfitError as error:
            refused = f"a lab does not start in a user namespace here (missing: {error.missing})"
        else:
            return ""
        self._create(engine_version, PLAIN, probe=True, again=True)
        self._start()
        return refused

    def _unusable(self, found: dict[str, Any], engine_version: str) -> str:
        """Return why an existing lab must be replaced, "" if it can be used: it is ready if it runs."""
        was = found["Config"]["Labels"][ENGINE_LABEL]
        if was != engine_version:
            return f"The lab's engine was {was}"
        if found["Image"] != client.outer().inspect_image(images.lab_image(images.RELEASES[engine_version]))["Id"]:
            return "The lab's image has changed"
        if found["State"]["Status"] == "created":
            return "The lab was never started"
        if found["State"]["Dead"]:
            return "The lab was only partly removed"
        if found["State"]["Running"] and not self._answers():
            paused = found["State"].get("Paused")
            return "The lab is paused" if paused else "The lab's dockerd does not answer"
        return ""

    def _answers(self) -> bool:
        """Return whether the dockerd in the lab answers within 5 s: an interrupted `up` may just have started it.

        A lab that needs longer is replaced. Nothing is lost, since it is still empty.
        """
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            with contextlib.suppress(*client.BROKEN_OFF), contextlib.closing(client.inner(self.container, 5)):
                return True
            time.sleep(0.1)
        return False

    @client.plain_words()
    def reset(self, by: str = "") -> Lab:
        """Replace the lab's container by a new one, and remove all images but the course's; return the new lab.

        `by` names the notebook that resets it, for others that use the lab. The lab that is returned has its `box`.

        A reset that was killed can be repeated: if its container is gone, the volume's name has the engine version.
        Raises LabGoneError if there is no lab, and CourseError if its engine or an image is not available.
        """
        found, volumes = self.inspect(), self._volumes()
        if found is None and len(volumes) != 1:
            raise LabGoneError("There is no lab to reset: run `./course up`.")
        if found:
            engine_version = str(found["Config"]["Labels"][ENGINE_LABEL])
        else:
            engine_version = next(iter(volumes)).removeprefix(f"{self.container}-")
        if engine_version not in images.RELEASES:
            raise CourseError(
                f"This version of the course does not have the lab's engine {engine_version}: "
                "run `./course down`, then `./course up`."
            )
        for tag in images.of_engine(engine_version):
            if images.recipe_of(client.outer(), tag) is None:  # before anything is removed
                raise CourseError(f"The image {tag} does not exist any more: run `./course up`, which builds it again.")
        if found:
            discard(found)
        ids = found["Config"]["Labels"].get(IDS_LABEL) if found else self._volume_ids(engine_version)
        self._create(engine_version, ids or str(FIRST_ID), probe=False, by=by)
        try:
            self._start()
        except NamespaceRefusedError as error:
            raise LabGoneError(f"The lab does not start again: {error}. Run `./course up` for a new one.") from error
        new = replace(self, box="")
        new = replace(new, box=new.require())
        with contextlib.closing(client.inner(self.container)) as lab_engine:  # otherwise a thread waits forever
            images.load(lab_engine)
            images.keep_only_ours(lab_engine)
        return new

    def last_reset(self) -> tuple[str, str]:
        """Return which notebook reset the lab last ("" if none did, or its name is not known), and when ("14:02")."""
        return _reset_of(found) if (found := self.inspect()) else ("", "")

    def down(self, remove_images: bool) -> bool:
        """Remove the lab and its relatives, list what was removed, and return whether the machine is unchanged.

        Images are kept unless `remove_images`: other labs and the next `up` need them. Raises as `remove` does.
        """
        before = next(iter(self._volumes().values()), None)
        gone = self.remove()
        if not gone:
            say("There is no lab to remove.")
        for what in gone:
            say(f"Removed the {what}")
        # The rules are read in a helper container made from the lab's image, so images are removed last.
        same = machine_footprint.compare(json.loads(before)) if before else True
        if remove_images:
            images.remove_all()
        return same

    def remove(self) -> list[str]:
        """Remove the lab and its relatives; return each removed object, as "container container-course-default".

        Raises CourseError if a container that is not the course's has the lab's name, or if one cannot be removed.
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
        """Return the lab's volumes, one for each engine it had, each with the machine's fingerprint as JSON."""
        found = client.outer().volumes(filters={"label": f"{NAME_LABEL}={self.name}"})["Volumes"] or []
        return {v["Name"]: v["Labels"].get(BEFORE_LABEL, "") for v in found}

    def _volume_ids(self, engine_version: str) -> str:
        """Return IDS_LABEL of the lab's volume for an engine; "" if an earlier version of the course made it."""
        labels = client.outer().inspect_volume(self.volume(engine_version))["Labels"] or {}
        return str(labels.get(IDS_LABEL, ""))

    def _create(self, engine_version: str, ids: str, *, probe: bool, again: bool = False, by: str = "") -> None:
        """Create the lab's container, and its volume if there is none; replace a volume of a lab with other ids.

        `ids` is the id of the lab's root outside, or PLAIN. With `probe`, the lab checks at its start what the kernel
        lacks; with `again`, an attempt with other ids has just failed. Raises EngineUnfitError if the engine refuses
        the container, and CourseError if a volume that is not the course's has the name.
        """
        api = client.outer()
        labels = {**self.labels, ENGINE_LABEL: engine_version, IDS_LABEL: ids}
        image = images.lab_image(images.RELEASES[engine_version])
        before = next(iter(self._volumes().values()), None)
        try:
            known = api.inspect_volume(self.volume(engine_version))["Labels"] or {}
            if LABEL not in known:
                raise CourseError(
                    f"A volume that is not the course's has the name {self.volume(engine_version)}: "
                    "choose another name for the lab with COURSE_LAB."
                )
            if known.get(IDS_LABEL) != ids:  # the owners of its files are not those of this lab
                if not again:
                    say(
                        "The files of the lab's volume have other owners than this lab: replacing it with a new volume."
                    )
                api.remove_volume(self.volume(engine_version))
                raise client.NotFound(self.volume(engine_version))
        except client.NotFound:
            before = before or json.dumps(machine_footprint.fingerprint(image))
            api.create_volume(self.volume(engine_version), labels={**labels, BEFORE_LABEL: before})
        host_config = api.create_host_config(
            binds={self.volume(engine_version): {"bind": "/var/lib/docker", "mode": "rw"}},
            log_config={"Type": "json-file"},
            **(confinement() if ids == PLAIN else confinement(OUTSIDE)),
        )
        # A token for each container: what an earlier one changed in the lab's files is not taken over.
        start = [PLAIN] if ids == PLAIN else [ids, image_id(image), secrets.token_hex(4)]
        try:
            api.create_container(
                image,
                start,
                name=self.container,
                hostname="host",
                labels={**labels, RESET_LABEL: by},
                environment={"LAB_PROBE": "yes"} if probe else {},
                host_config=host_config,
                use_config_proxy=False,  # the lab cannot reach a proxy, and a plain host has none set
            )
        except client.APIError as error:
            raise _unfit(error.explanation) from error

    def _start(self) -> None:
        """Start the lab's container and wait until it is ready; raises EngineUnfitError with what is missing."""
        api = client.outer()
        # Skip the lines that the lab printed before it was stopped.
        before = sum(1 for _ in api.logs(self.container, stream=True))
        try:
            api.start(self.container)
        except client.APIError as error:
            api.remove_container(self.container, force=True)
            raise _unfit(error.explanation) from error
        self.wait_until_ready(before)

    def wait_until_ready(self, before: int = 0) -> None:
        """Wait until the lab prints that its dockerd answers; skip the first `before` lines of its log.

        There is no timeout, since the clock may be set while a machine starts: the lab ends if it fails. Then the
        container is removed and EngineUnfitError raised with what is missing, or NamespaceRefusedError.
        """
        api = client.outer()
        missing, other = [], []
        for number, line in enumerate(client.log_lines(api, self.container)):
            text = line.decode(errors="replace").strip()
            if number < before:
                continue
            if text == "ready":
                return
            if text.startswith("lacking: "):  # the lab works, but differs from a plain Docker host
                say(f"Note: {text.removeprefix('lacking: ')}.")
            elif text.startswith("forbidden: "):
                api.remove_container(self.container, force=True)
                raise NamespaceRefusedError(text.removeprefix("forbidden: "))
            elif text.startswith("missing: "):
                missing.append(text.removeprefix("missing: "))
            else:  # the words of a program, which only say something if nothing else does
                other.append(text)
        api.remove_container(self.container, force=True)
        raise _unfit("; ".join(missing or other) or "it ended without a message")


def _reset_of(found: dict[str, Any]) -> tuple[str, str]:
    """Return the notebook that reset a lab, or "", and when, in local time; `found` is its container's inspect."""
    created = datetime.datetime.fromisoformat(f"{found['Created'][:19]}+00:00").astimezone()
    return found["Config"]["Labels"].get(RESET_LABEL, ""), f"{created:%H:%M}"


def from_environment() -> Lab:
    """Return the lab that COURSE_LAB names, or "default". Only for the start of a process. Raises CourseError."""
    return Lab(os.environ.get("COURSE_LAB", "default"))


def discard(found: dict[str, Any]) -> None:
    """Remove a container of ours, in any state; `found` is from `inspect`. It is no error if it is gone already.

    The engine gives a container 12 s to die (moby, daemon/kill.go). If it does not, because a process in it is frozen,
    `helper_container.end` kills it. Raises client.APIError or CourseError if it still exists then.
    """
    api = client.outer()
    if found["State"]["Status"] == "created":
        helper_container.end(api, found["Image"], found["Id"])  # its processes would share the volume with the next lab
    for tries_left in (2, 1, 0):  # the engine refuses a removal while another one is in progress
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


def image_id(image: str) -> str:
    """Return the first twelve digits of an image's id."""
    return str(client.outer().inspect_image(image)["Id"]).removeprefix("sha256:")[:12]


def confinement(outside: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the arguments of docker-py's `create_host_config` that confine a lab.

    They are: no network, few capabilities, a seccomp profile, and a cgroup namespace of its own. A container whose lab
    lives in a user namespace has the capabilities `outside` alone; else the lab has Docker's own and CAPABILITIES.
    """
    profile = json.loads((images.RECIPES / "seccomp.json").read_text())
    if client.outer().info().get("CgroupVersion") == "2" and not outside:
        # With cgroup v2 runc restricts devices with a BPF program, so bpf(2) must not be refused.
        for refused in profile["syscalls"]:
            refused["names"] = [name for name in refused["names"] if name != "bpf"]
    return {
        "network_mode": "none",
        "cgroupns": "private",  # with cgroup v1 Docker's default is the machine's, where a mount shows all containers
        "cap_add": list(outside or CAPABILITIES),
        "cap_drop": ["ALL"] if outside else [],
        "security_opt": [f"seccomp={json.dumps(profile)}", "apparmor=unconfined"],
    }


def _unfit(why: object) -> EngineUnfitError:
    """Return the error for an engine that cannot run the lab."""
    return EngineUnfitError(
        f"This machine's Docker engine cannot run the lab: {why}. Run `./course doctor`, which lists what to do.",
        str(why),
    )
