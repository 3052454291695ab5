"""The Docker API: the learner's engine, and the lab's engine through it. The only module that imports docker."""

from __future__ import annotations

import contextlib
import functools
import http.client
import json
import os
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
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

MINIMUM_API = (1, 41)  # of engine 20.10, the oldest that the course was run on
ANSWER_WITHIN = 10  # seconds


def connect(*, for_lab: bool = True) -> Any:
    """Return a docker.APIClient for the learner's engine, which must be fit to run the lab if that is wanted.

    The engine is the one that DOCKER_HOST names, else the docker command's current context, else the default
    socket (docker-py 7.2, `from_env`). Raises EngineMissingError, EngineForbiddenError, EngineSilentError,
    EngineUnfitError or EngineSettingsError, each with a sentence that says what to do.
    """
    place = configured_engine() or "the default place"
    try:
        _check_settings()
        api = docker.from_env(timeout=ANSWER_WITHIN, version="1.41").api
        # The certificates are those of DOCKER_CERT_PATH or the context: requests would prefer what REQUESTS_CA_BUNDLE
        # names. An engine with TLS is reached directly, through no proxy.
        api.trust_env = not api.base_url.startswith("https://")
        api._version = _check_fit(api, for_lab=for_lab)
    except CourseError:
        raise
    except Exception as error:  # whatever docker-py makes of an odd setting, or of something else that answers
        raise _explain(error, place) from error
    if api.base_url.startswith("https://"):
        server = urlsplit(api.base_url)
        name, port = server.hostname or "", server.port or 2376
        streams = _Pool(name, lambda: _secure(api, name, port))
        api.mount(f"{api.base_url}/v{api.api_version}/exec/", _Adapter(streams))
    # Builds and image transfers send nothing for minutes; what must answer at once sets its own limit.
    api.timeout = 600
    return api


def configured_engine() -> str:
    """Say in words which engine the learner chose (DOCKER_HOST or a context of the docker CLI), or ""."""
    if os.environ.get("DOCKER_HOST"):
        return f"DOCKER_HOST ({os.environ['DOCKER_HOST']})"
    context = os.environ.get("DOCKER_CONTEXT", "")
    if not context:
        folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
        try:
            context = str(json.loads((folder / "config.json").read_text(encoding="utf-8")).get("currentContext", ""))
        except (OSError, ValueError, AttributeError):
            context = ""
    return f"the Docker context {context}" if context not in {"", "default"} else ""


def _check_settings() -> None:
    """Refuse what docker-py overlooks or cannot do, where the docker command would not go on either."""
    host = os.environ.get("DOCKER_HOST", "")
    if not host:
        name = os.environ.get("DOCKER_CONTEXT") or docker.context.api.get_current_context_name() or "default"
        context = docker.context.ContextAPI.get_context(name)
        if context is None:
            raise EngineSettingsError(
                f"There is no Docker context {name}: `docker context ls` shows those that there are, "
                "`docker context use` chooses one (or unset DOCKER_CONTEXT)."
            )
        host = context.Host or ""
    if host.startswith("ssh:"):
        raise EngineSettingsError(
            f"The course does not speak ssh to an engine ({host}): bring its socket here with "
            "`ssh -nNT -L /tmp/engine.sock:/var/run/docker.sock HOST`, and set DOCKER_HOST=unix:///tmp/engine.sock."
        )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what led to it."""
    while error:
        yield error
        error = error.__cause__ or error.__context__


def _explain(error: Exception, place: str) -> CourseError:
    """Turn docker-py's words into one of ours."""
    causes = list(_causes(error))

    def among(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    if among(PermissionError):
        return EngineForbiddenError(
            "The Docker engine is there, but this user may not use it: run "
            "`sudo usermod -aG docker $USER`, log out and in again, then repeat the command."
        )
    if among(requests.exceptions.SSLError, docker.errors.TLSParameterError):
        return EngineSettingsError(
            f"There are no certificates that fit the Docker engine at {place}: put ca.pem, cert.pem and key.pem "
            "where DOCKER_CERT_PATH says, or unset DOCKER_TLS_VERIFY and DOCKER_CERT_PATH."
        )
    if among(requests.exceptions.ReadTimeout):
        return EngineSilentError(
            f"The Docker engine at {place} accepts connections but did not answer within {ANSWER_WITHIN} s: "
            "restart it (`sudo systemctl restart docker`, or restart Docker Desktop), then repeat the command."
        )
    if not among(requests.exceptions.ConnectionError):
        return EngineSettingsError(
            f"No Docker engine can be reached at {place} ({_short(causes[-1])}): mend or unset what names it "
            "(DOCKER_HOST or the Docker context), then repeat the command."
        )
    return EngineMissingError(f"No Docker engine answers at {place}: start it, or install one, and repeat the command.")


def _short(error: BaseException) -> str:
    """Return the words of an error in one line."""
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
    """Turn what the Docker API or the way to it raises into one of our errors: the engine refused, or went away."""
    try:
        yield
    except (APIError, BuildError) as error:
        words = getattr(error, "explanation", None) or _short(error)
        raise EngineRefusedError(f"The Docker engine refused: {words}") from error
    except BROKEN_OFF as error:
        connect()  # if the engine is not well, this says why
        raise LabGoneError(
            f"The connection to Docker broke off ({_short(error)}): repeat the command; "
            "if that does not help, `./course reset` makes a fresh lab."
        ) from error


def _check_fit(api: Any, *, for_lab: bool) -> str:
    """Return the version of the API ("1.41"); refuse engines that cannot run the lab or cannot be understood here."""
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
            "`docker context use default` chooses the ordinary one if it is installed."
        )
    if info.get("OSType") != "linux":
        raise EngineUnfitError("This Docker engine runs Windows containers: switch Docker Desktop to Linux containers.")
    return str(version["ApiVersion"])


@functools.cache
def outer() -> Any:
    """Return the client of the learner's engine, made once per process."""
    return connect()


def _secure(api: Any, host: str, port: int) -> socket.socket:
    """Return a plain socket that leads to an engine with TLS, by the certificates that its client has."""
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
    """Connections whose sockets are made in another way."""

    def __init__(self, name: str, connect: Callable[[], socket.socket]) -> None:
        super().__init__(name, maxsize=4)
        self._connect = connect

    def _new_conn(self) -> Any:
        connection = urllib3.connection.HTTPConnection(self.host, timeout=self.timeout.connect_timeout)
        connection.connect = lambda: setattr(connection, "sock", self._connect())  # type: ignore[method-assign]
        return connection


DIAL = ("docker", "system", "dial-stdio")


class _Adapter(BaseHTTPAdapter):  # type: ignore[misc]
    """A requests adapter that finds its connections in one pool, whatever the address says."""

    def __init__(self, pool: _Pool) -> None:
        self._pool = pool
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
    api._proxy_configs = docker.utils.proxy.ProxyConfig()  # and one of ~/.docker/config.json none out of it
    api.mount("http://lab:2375", _Adapter(_Pool("lab", lambda: dial(outer(), container, DIAL))))
    api._version = api.version(api_version=False)["ApiVersion"]
    return api


def progress(stream: Any) -> Any:
    """Yield the messages of a pull, build or load; raises BuildError with the engine's words on failure."""
    for message in stream:
        if "error" in message:
            raise BuildError(message["error"], [])
        yield message


def log_lines(api: Any, container: str) -> Iterator[bytes]:
    """Yield what a container prints, from its beginning and as it comes, until it ends or the caller has enough."""
    stream = api.logs(container, stream=True, follow=True)
    try:
        for line in stream:  # noqa: UP028 # `yield from` would also close the stream: the socket before the response
            yield line
    finally:
        stream._response.close()  # not left to the collector: see `course_lib.engine.exec_stream.hang_up`


def as_json(value: Any) -> str:
    """Return the canonical JSON text of a value, for labels and fingerprints."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
