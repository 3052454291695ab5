"""JupyterHub for the course on one machine: each learner gets a server, and an engine with a lab, of their own.

Started by `jupyterhub -f deploy/jupyterhub/jupyterhub_config.py`, after prepare.py; README.md beside it says how.
"""

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import Any

from course_lib.engine import client
from course_lib.engine.labels import LABEL
from course_lib.lab import lifecycle

sys.path.insert(0, str(Path(__file__).parent))
from hub_names import ENGINE_IMAGE, NAME, SERVER_IMAGE

c = get_config()  # noqa: F821 - JupyterHub gives it to this file
LABELS = {LABEL: "lab"}  # what is part of somebody's lab

# --- who comes in -----------------------------------------------------------------------------------------------
# The teacher adds the learners' names on the admin page; a learner's first login sets the password. Whoever logs in as
# the teacher first is the teacher: do that at once. Another authenticator (LTI, OAuth) takes the place of these lines.
c.JupyterHub.authenticator_class = "firstuseauthenticator.FirstUseAuthenticator"
c.FirstUseAuthenticator.create_users = False
c.FirstUseAuthenticator.min_password_length = 8
c.Authenticator.admin_users = {"teacher"}
c.Authenticator.allow_existing_users = True  # those on the admin page
c.Authenticator.username_pattern = r"\w[\w-]{0,63}"  # a learner's name in the course

# --- the hub ----------------------------------------------------------------------------------------------------
c.JupyterHub.bind_url = "http://127.0.0.1:8000"  # for others only with TLS: see README.md
c.JupyterHub.spawner_class = "docker"
# The servers reach the hub by the machine's address on their network.
c.JupyterHub.hub_ip = client.outer().inspect_network(NAME)["IPAM"]["Config"][0]["Gateway"]

# --- a learner's server: a container without any right on the machine -------------------------------------------
c.DockerSpawner.image = SERVER_IMAGE
c.DockerSpawner.prefix = NAME
c.DockerSpawner.network_name = NAME
c.DockerSpawner.remove = True  # what is to stay is in volumes
c.DockerSpawner.volumes = {"{prefix}-{username}-home": "/home/learner", "{prefix}-{username}-socket": "/run/engine"}
c.DockerSpawner.default_url = "/lab/tree/notebooks/00_start_here.ipynb"
c.DockerSpawner.mem_limit = "1G"
c.DockerSpawner.extra_host_config = {
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
    "pids_limit": 500,
}
c.DockerSpawner.extra_create_kwargs = {"labels": LABELS}
# Seconds: the first time the images are loaded, twice, and perhaps for the whole class at once.
c.DockerSpawner.start_timeout = c.DockerSpawner.http_timeout = 900


# --- a learner's engine: a container with the rights of a lab, beside the server -----------------------------------
# It has no network. The server reaches it by a socket in a volume that only the two have. The machine's own engine,
# whose users are root on the machine, is used by the hub alone.
RIGHTS = lifecycle.confinement()
ENGINE_LIMITS = {"mem_limit": "2G", "pids_limit": 1500}


async def start_engine(spawner: Any) -> None:
    """Start a learner's engine, a fresh one; its images are in a volume and stay."""
    await stop_engine(spawner)
    name = f"{spawner.object_name}-engine"
    socket, home = f"{spawner.object_name}-socket", f"{spawner.object_name}-home"
    for volume in (name, socket, home):  # so that each has our label; what is there already stays as it is
        await spawner.docker("create_volume", volume, labels=LABELS)
    binds = {name: {"bind": "/var/lib/docker"}, socket: {"bind": "/run/engine"}}
    settings = spawner.client.create_host_config(binds=binds, **ENGINE_LIMITS, **RIGHTS)
    await spawner.docker("create_container", ENGINE_IMAGE, name=name, labels=LABELS, host_config=settings)
    await spawner.docker("start", name)


async def stop_engine(spawner: Any) -> None:
    """Remove a learner's engine, and with it the lab, whatever is paused or frozen in there."""
    with contextlib.suppress(client.NotFound):
        found = await spawner.docker("inspect_container", f"{spawner.object_name}-engine")
        await asyncio.to_thread(lifecycle.discard, found)


c.Spawner.pre_spawn_hook = start_engine
c.Spawner.post_stop_hook = stop_engine
