"""The Docker API: the learner's engine, and the lab's engine through it. The only module that imports docker."""

from __future__ import annotations

import functools
import json
import os
from typing import Any

import docker
import docker.errors
import requests
import urllib3
from docker.transport.basehttpadapter import BaseHTTPAdapter

from course_lib.errors import EngineForbiddenError, EngineMissingError, EngineSilentError, EngineUnfitError
from course_lib.stream import dial

APIError = docker.errors.APIError
NotFound = docker.errors.NotFound
ImageNotFound = docker.errors.ImageNotFound
BuildError = docker.errors.BuildError

MINIMUM_API = (1, 41)  # of engine 20.10, the oldest that the course was run on
ANSWER_WITHIN = 10  # seconds


def connect() -> Any:
    """Return a docker.APIClient for the learner's engine.

    The engine is the one that DOCKER_HOST names, else the docker command's current context, else the default
    socket (docker-py 7.2, `from_env`). Raises EngineMissingError, EngineForbiddenError, EngineSilentError or
    EngineUnfitError, each with a sentence that says what to do.
    """
    place = os.environ.get("DOCKER_HOST", "the default place")
    try:
        api = docker.from_env(timeout=ANSWER_WITHIN).api
    except docker.errors.DockerException as error:
        raise _explain(error, place) from error
    # Builds and image transfers send nothing for minutes; what must answer at once sets its own limit.
    api.timeout = 600
    _check_fit(api)
    return api


def _explain(error: Exception, place: str) -> Exception:
    """Turn docker-py's words into one of ours."""
    words = repr(error)
    if "PermissionError" in words or "Permission denied" in words or "EACCES" in words:
        return EngineForbiddenError(
            "The Docker engine is there, but this user may not use it: run "
            "`sudo usermod -aG docker $USER`, log out and in again, then repeat the command."
        )
    if "timed out" in words.lower() or "ReadTimeout" in words:
        return EngineSilentError(
            f"The Docker engine at {place} accepts connections but did not answer within {ANSWER_WITHIN} s: "
            "restart it (`sudo systemctl restart docker`, or restart Docker Desktop), then repeat the command."
        )
    return EngineMissingError(f"No Docker engine answers at {place}: start it, or install one, and repeat the command.")


def _check_fit(api: Any) -> None:
    """Refuse engines that are known not to run the lab."""
    version = api.version(api_version=False)
    names = [part.get("Name", "") for part in version.get("Components") or []]
    if any("podman" in name.lower() for name in names):
        raise EngineUnfitError(
            "This is Podman, which cannot run the lab: install Docker (docker.io, Docker Engine or Docker Desktop)."
        )
    if tuple(int(n) for n in version["ApiVersion"].split(".")) < MINIMUM_API:
        raise EngineUnfitError(f"Docker {version['Version']} is too old for the lab: install Docker 20.10 or newer.")
    info = api.info()
    if any("rootless" in option for option in info.get("SecurityOptions") or []):
        raise EngineUnfitError(
            "This Docker engine is rootless, and the lab needs one that runs as root: "
            "`docker context use default` chooses the ordinary one if it is installed."
        )
    if info.get("OSType") != "linux":
        raise EngineUnfitError("This Docker engine runs Windows containers: switch Docker Desktop to Linux containers.")


@functools.cache
def outer() -> Any:
    """Return the client of the learner's engine, made once per process."""
    return connect()


class _LabPool(urllib3.HTTPConnectionPool):
    """Connections whose socket is `docker system dial-stdio` in the lab."""

    def __init__(self, container: str) -> None:
        super().__init__("lab", maxsize=4)
        self._container = container

    def _new_conn(self) -> Any:
        connection = urllib3.connection.HTTPConnection("lab", timeout=self.timeout.connect_timeout)
        connection.connect = lambda: setattr(connection, "sock", dial(outer(), self._container, DIAL))  # type: ignore[method-assign]
        return connection


DIAL = ("docker", "system", "dial-stdio")


class _LabAdapter(BaseHTTPAdapter):  # type: ignore[misc]
    """A requests adapter that finds its connections in one pool, whatever the address says."""

    def __init__(self, container: str) -> None:
        self._pool = _LabPool(container)
        super().__init__()

    def get_connection_with_tls_context(self, *_args: Any, **_kwargs: Any) -> Any:
        return self._pool

    def request_url(self, request: requests.PreparedRequest, _proxies: Any) -> str:
        return str(request.path_url)

    def close(self) -> None:
        self._pool.close()


def inner(container: str) -> Any:
    """Return a docker.APIClient for the dockerd in a lab, over exec streams: no port, no certificate.

    Who may use the learner's engine may use the lab, and nobody else. The first call costs about 0.1 s
    (the start of a program in the lab), each further one a few milliseconds.
    """
    api = docker.APIClient(base_url="tcp://lab:2375", version="1.41", timeout=120)
    api.trust_env = False  # a proxy of the environment is no way into the lab
    api.mount("http://lab:2375", _LabAdapter(container))
    api._version = api.version(api_version=False)["ApiVersion"]
    return api


def progress(stream: Any) -> Any:
    """Yield the messages of a pull, build or load; raises BuildError with the engine's words on failure."""
    for message in stream:
        if "error" in message:
            raise BuildError(message["error"], [])
        yield message


def as_json(value: Any) -> str:
    """Return the canonical JSON text of a value, for labels and fingerprints."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
