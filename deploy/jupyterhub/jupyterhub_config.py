"""Configure a JupyterHub for the course on one machine: each learner gets a server, and an engine with a lab.

Run prepare.py first, then `jupyterhub -f deploy/jupyterhub/jupyterhub_config.py`. README.md has the steps.
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

c = get_config()  # noqa: F821 - JupyterHub defines it
LABELS = {LABEL: "lab"}  # of everything that belongs to a learner's lab

# --- logins -----------------------------------------------------------------------------------------------------
# The teacher adds the learners' names on the admin page; the first login under a name sets its password. Log in as the
# teacher first, before anybody else does. For another authenticator (LTI, OAuth), replace these lines.
c.JupyterHub.authenticator_class = "firstuseauthenticator.FirstUseAuthenticator"
c.FirstUseAuthenticator.create_users = False
c.FirstUseAuthenticator.min_password_length = 8
c.Authenticator.admin_users = {"teacher"}
c.Authenticator.allow_existing_users = True  # those added on the admin page
c.Authenticator.username_pattern = r"\w[\w-]{0,63}"  # as the course allows for a learner

# --- the hub ----------------------------------------------------------------------------------------------------
c.JupyterHub.bind_url = "http://127.0.0.1:8000"  # use TLS to serve other machines: see README.md
c.JupyterHub.spawner_class = "docker"
# The servers reach the hub at the machine's address on their network.
c.JupyterHub.hub_ip = client.outer().inspect_network(NAME)["IPAM"]["Config"][0]["Gateway"]

# --- a learner's server: a container without rights on the machine ----------------------------------------------
c.DockerSpawner.image = SERVER_IMAGE
c.DockerSpawner.prefix = NAME
c.DockerSpawner.network_name = NAME
c.DockerSpawner.remove = True  # all data that must stay is in volumes
c.DockerSpawner.volumes = {"{prefix}-{username}-home": "/home/learner", "{prefix}-{username}-socket": "/run/engine"}
c.DockerSpawner.default_url = "/lab/tree/00_start_here.ipynb"
c.DockerSpawner.mem_limit = "1G"
c.DockerSpawner.extra_host_config = {"cap_drop": ["ALL"], "security_opt": ["no-new-privileges"], "pids_limit": 500}
c.DockerSpawner.extra_create_kwargs = {"labels": LABELS}
# Seconds: the first start loads the images twice, perhaps for the whole class at the same time.
c.DockerSpawner.start_timeout = c.DockerSpawner.http_timeout = 900


# --- a learner's engine: a container with the rights of a lab, next to the server ----------------------------------
# It has no network. The server reaches it through a socket in a volume that only these two mount. Only the hub uses the
# machine's own engine, because its users have the rights of root on the machine.
RIGHTS = lifecycle.confinement()
ENGINE_LIMITS = {"mem_limit": "2G", "pids_limit": 1500}


async def start_engine(spawner: Any) -> None:
    """Start a new engine for a learner; its images are in a volume and are kept."""
    await stop_engine(spawner)
    name = f"{spawner.object_name}-engine"
    socket, home = f"{spawner.object_name}-socket", f"{spawner.object_name}-home"
    for volume in (name, socket, home):  # so that each has our label; an existing volume is kept
        await spawner.docker("create_volume", volume, labels=LABELS)
    binds = {name: {"bind": "/var/lib/docker"}, socket: {"bind": "/run/engine"}}
    settings = spawner.client.create_host_config(binds=binds, **ENGINE_LIMITS, **RIGHTS)
    await spawner.docker("create_container", ENGINE_IMAGE, name=name, labels=LABELS, host_config=settings)
    await spawner.docker("start", name)


async def stop_engine(spawner: Any) -> None:
    """Remove a learner's engine with the lab in it, even if processes in there are paused or frozen."""
    with contextlib.suppress(client.NotFound):
        found = await spawner.docker("inspect_container", f"{spawner.object_name}-engine")
        await asyncio.to_thread(lifecycle.discard, found)


c.Spawner.pre_spawn_hook = start_engine
c.Spawner.post_stop_hook = stop_engine
