"""Connect to the learner's engine (`connect`, `outer`), and through it to a lab's engine (`inner`).

This is the only module that imports docker.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import os
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import docker
import docker.context
import docker.errors
import requests
import urllib3
from docker.transport.basehttpadapter import BaseHTTPAdapter

from course_lib.engine import tls
from course_lib.engine.exec_stream import dial
from course_lib.errors import (
    CourseError,
    EngineForbiddenError,
    EngineMissingError,
    EngineRefusedError,
    EngineSettingsError,
    EngineSilentError,
    EngineUnfitError,
    LabGoneError,
)

APIError = docker.errors.APIError
NotFound = docker.errors.NotFound
ImageNotFound = docker.errors.ImageNotFound
BuildError = docker.errors.BuildError

MINIMUM_API = (1, 41)  # of Docker 20.10, the oldest engine that the course has run on
ANSWER_WITHIN = 10  # seconds


def connect(*, for_lab: bool = True) -> Any:
    """Return a docker.APIClient for the learner's engine; with `for_lab`, refuse an engine that cannot run the lab.

    The engine is the one that DOCKER_HOST names, else that of the docker command's current context, else the one at
    the default socket (docker-py 7.2, `from_env`). The client's timeout is 600 s. Raises EngineMissingError,
    EngineForbiddenError, EngineSilentError, EngineUnfitError or EngineSettingsError, each with a sentence that says
    what to do.
    """
    place = configured_engine() or "the default place"
    try:
        _check_settings()
        api = docker.from_env(timeout=ANSWER_WITHIN, version="1.41").api
        # With trust_env, requests reads the settings for proxies and ~/.netrc before each request, which a local socket
        # does not need, and prefers the certificates of REQUESTS_CA_BUNDLE to those of DOCKER_CERT_PATH or the context.
        api.trust_env = api.base_url.startswith("http://")
        api._version = _check_fit(api, for_lab=for_lab)
    except CourseError:
        raise
    except Exception as error:  # docker-py raises many kinds for an odd setting, or if another program answers
        raise _explain(error, place) from error
    if api.base_url.startswith("https://"):
        server = urlsplit(api.base_url)
        name, port = server.hostname or "", server.port or 2376
        streams = _Pool(name, lambda: _secure(api, name, port))
        api.mount(f"{api.base_url}/v{api.api_version}/exec/", _Adapter(streams))
    # Builds and image transfers can be silent for minutes; a call that must return at once sets its own limit.
    api.timeout = 600
    return api


def configured_engine() -> str:
    """Return how the learner chose an engine, in words ("DOCKER_HOST (...)", "the Docker context NAME"); "" if not."""
    if os.environ.get("DOCKER_HOST"):
        return f"DOCKER_HOST ({os.environ['DOCKER_HOST']})"
    name = _context_name()
    return f"the Docker context {name}" if name != "default" else ""


def _context_name() -> str:
    return os.environ.get("DOCKER_CONTEXT") or docker.context.api.get_current_context_name() or "default"


def _check_settings() -> None:
    """Raise EngineSettingsError for a context that does not exist, which docker-py ignores, and for ssh."""
    host = os.environ.get("DOCKER_HOST", "")
    if not host:
        name = _context_name()
        context = docker.context.ContextAPI.get_context(name)
        if context is None:
            raise EngineSettingsError(
                f"There is no Docker context {name}: choose one that `docker context ls` lists, with "
                "`docker context use`, or unset DOCKER_CONTEXT."
            )
        host = context.Host or ""
    if host.startswith("ssh:"):
        raise EngineSettingsError(
            f"The course cannot reach an engine over ssh ({host}): forward its socket with "
            "`ssh -nNT -L /tmp/engine.sock:/var/run/docker.sock HOST`, and set DOCKER_HOST=unix:///tmp/engine.sock."
        )


def _explain(error: Exception, place: str) -> CourseError:
    """Return the error of ours, with a sentence that says what to do, for what docker-py raised."""
    causes: list[BaseException] = [error]
    while cause := causes[-1].__cause__ or causes[-1].__context__:
        causes.append(cause)

    def among(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    if among(PermissionError):
        return EngineForbiddenError(
            "A Docker engine is running, but this user may not use it: run "
            "`sudo usermod -aG docker $USER`, log out and in again, then repeat the command."
        )
    if among(requests.exceptions.SSLError, docker.errors.TLSParameterError):
        return EngineSettingsError(
            f"No certificate here fits the Docker engine at {place}: put ca.pem, cert.pem and key.pem into the folder "
            "that DOCKER_CERT_PATH names, or unset DOCKER_TLS_VERIFY and DOCKER_CERT_PATH."
        )
    if among(requests.exceptions.ReadTimeout):
        return EngineSilentError(
            f"The Docker engine at {place} accepts connections but did not answer within {ANSWER_WITHIN} s: "
            "restart it (`sudo systemctl restart docker`, or restart Docker Desktop), then repeat the command."
        )
    if not among(requests.exceptions.ConnectionError):
        return EngineSettingsError(
            f"No Docker engine can be reached at {place} ({_short(causes[-1])}): correct or unset DOCKER_HOST "
            "or the Docker context, then repeat the command."
        )
    return EngineMissingError(f"No Docker engine answers at {place}: start it, or install one, and repeat the command.")


def _short(error: BaseException) -> str:
    """Return the text of an error on one line, at most 200 characters."""
    return " ".join(str(error).split())[:200] or type(error).__name__


BROKEN_OFF = (
    docker.errors.DockerException,
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    ConnectionError,
    TimeoutError,
)


@contextlib.contextmanager
def plain_words() -> Iterator[None]:
    """Turn an error of the Docker API or of the connection to it into one of ours.

    Raises EngineRefusedError if the engine refused a request, LabGoneError if the connection broke, and what `connect`
    raises if the engine does not answer any more.
    """
    try:
        yield
    except (APIError, BuildError) as error:
        words = getattr(error, "explanation", None) or _short(error)
        raise EngineRefusedError(f"The Docker engine refused: {words}") from error
    except BROKEN_OFF as error:
        connect()  # raises, with the reason, if the engine itself has a problem
        raise LabGoneError(
            f"The connection to Docker broke ({_short(error)}): repeat the command; "
            "if that does not help, run `./course reset` for a new lab."
        ) from error


def _check_fit(api: Any, *, for_lab: bool) -> str:
    """Return the version of the API ("1.41"); raise EngineUnfitError for an engine that the course cannot use.

    With `for_lab`, a rootless engine is refused too: `docker info` lists "name=rootless" in its security options.
    """
    version = api.version(api_version=False)
    names = [part.get("Name", "") for part in version.get("Components") or []]
    if any("podman" in name.lower() for name in names):
        raise EngineUnfitError(
            "This is Podman, which cannot run the lab: install Docker (docker.io, Docker Engine or Docker Desktop)."
        )
    if tuple(int(n) for n in version["ApiVersion"].split(".")) < MINIMUM_API:
        raise EngineUnfitError(f"Docker {version['Version']} is too old for the lab: install Docker 20.10 or newer.")
    info = api.info()
    if for_lab and any("rootless" in option for option in info.get("SecurityOptions") or []):
        raise EngineUnfitError(
            "This Docker engine is rootless, and the lab needs one that runs as root: "
            "choose it with `docker context use default`, or install it."
        )
    if info.get("OSType") != "linux":
        raise EngineUnfitError("This Docker engine runs Windows containers: switch Docker Desktop to Linux containers.")
    return str(version["ApiVersion"])


@functools.cache
def outer() -> Any:
    """Return the client of the learner's engine, connected once per process; raises as `connect` does."""
    return connect()


def _secure(api: Any, host: str, port: int) -> socket.socket:
    """Return a plain socket that leads to an engine with TLS, set up with the certificates of its client `api`.

    Raises ssl.SSLError or OSError if the handshake fails.
    """
    context = urllib3.util.create_urllib3_context()  # as docker-py's own connections have
    if isinstance(api.verify, str):
        context.load_verify_locations(api.verify)
    elif api.verify:
        context.load_verify_locations(requests.utils.DEFAULT_CA_BUNDLE_PATH)
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if api.cert:
        context.load_cert_chain(*api.cert)
    raw = socket.create_connection((host, port), timeout=ANSWER_WITHIN)
    return tls.plain(raw, context, host)


class _Pool(urllib3.HTTPConnectionPool):
    """A pool whose connections get their sockets from `connect`, whatever host and port they are for."""

    def __init__(self, name: str, connect: Callable[[], socket.socket]) -> None:
        super().__init__(name, maxsize=4)
        self._connect = connect

    def _new_conn(self) -> Any:
        connection = urllib3.connection.HTTPConnection(self.host, timeout=self.timeout.connect_timeout)
        connection.connect = lambda: setattr(connection, "sock", self._connect())  # type: ignore[method-assign]
        return connection


class _Adapter(BaseHTTPAdapter):  # type: ignore[misc]
    """A requests adapter that takes all connections from one pool, whatever the address is."""

    def __init__(self, pool: _Pool) -> None:
        self._pool = pool
        super().__init__()

    def get_connection_with_tls_context(self, *_args: Any, **_kwargs: Any) -> Any:
        return self._pool

    def request_url(self, request: requests.PreparedRequest, _proxies: Any) -> str:
        return str(request.path_url)

    def close(self) -> None:
        self._pool.close()


def inner(container: str, timeout: float = 120) -> Any:
    """Return a docker.APIClient for the dockerd in a lab, over exec streams: no port, no certificate.

    `container` is the name or id of the lab's container. Only users of the learner's engine can use the lab's. The
    first call takes about 0.1 s (it starts a program in the lab), each further one a few milliseconds. An answer may
    take `timeout` seconds: a dockerd that is stopped (SIGSTOP) accepts connections and does not answer. Close the
    client after use: a thread serves it until then.
    """
    api = docker.APIClient(base_url="tcp://lab:2375", version="1.41", timeout=timeout)
    api.trust_env = False  # no proxy of the environment leads into the lab
    api._proxy_configs = docker.utils.proxy.ProxyConfig()  # and no proxy of ~/.docker/config.json leads out of it
    api.mount(
        "http://lab:2375", _Adapter(_Pool("lab", lambda: dial(outer(), container, ["docker", "system", "dial-stdio"])))
    )
    api._version = api.version(api_version=False)["ApiVersion"]
    return api


def progress(stream: Any) -> Any:
    """Yield the messages (dicts) of a pull, build or load; raises BuildError with the engine's message on failure."""
    for message in stream:
        if "error" in message:
            raise BuildError(message["error"], [])
        yield message


def log_lines(api: Any, container: str) -> Iterator[bytes]:
    """Yield the lines that a container has printed and goes on printing, until it ends or the caller stops."""
    stream = api.logs(container, stream=True, follow=True)
    try:
        for line in stream:  # noqa: UP028 # `yield from` would also close the stream: the socket before the response
            yield line
    finally:
        stream._response.close()  # not left to the garbage collector: see `exec_stream.hang_up`
