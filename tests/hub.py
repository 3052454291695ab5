"""A JupyterHub of the course that runs for a test, and people who use it over HTTP."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests
import websocket

from course_lib.console import say
from course_lib.engine import client
from course_lib.lab.machine import need_packages
from tests.conftest import ROOT
from tests.worker import lab

DEPLOY = ROOT / "deploy" / "jupyterhub"
PROXY = "configurable-http-proxy@5.3.0"
# Everything else that the hub writes lies in the folder in which it is started.
CONFIG = """
load_subconfig({config!r})
c = get_config()
c.JupyterHub.bind_url = "http://127.0.0.1:{0}"
c.JupyterHub.hub_port = {1}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{2}"
c.ConfigurableHTTPProxy.command = [{proxy!r}]
"""


PASSWORD = "correct horse battery"  # noqa: S105 - of people who live for some minutes


def prefix() -> str:
    """Return what the names of our hub's containers and volumes begin with; it is the name of its network."""
    return f"{lab.container}.hub"


def proxy() -> Path:
    """Return the proxy that JupyterHub needs, from npm; it is kept in the course's own environment."""
    folder = Path(sys.prefix) / "npm"
    program = folder / "node_modules" / ".bin" / "configurable-http-proxy"
    if not program.exists():
        if not shutil.which("npm"):
            need_packages(["nodejs", "npm"], "test with JupyterHub", say)
        subprocess.run(["npm", "install", "--silent", "--prefix", folder, PROXY], check=True)
    return program


def free_ports(count: int) -> list[int]:
    """Return so many TCP ports that nobody has now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [each.getsockname()[1] for each in sockets]


@dataclass
class Person:
    """Somebody with a browser's worth of HTTP: logged in at the hub, with a token of their own."""

    hub: str
    name: str
    token: str = ""
    session: requests.Session = field(default_factory=requests.Session)

    def log_in(self, password: str) -> Person:
        """Log in by the page; raises AssertionError if that is refused."""
        self.session.trust_env = False  # a proxy of this machine's environment is no way to 127.0.0.1
        page = self.session.get(f"{self.hub}/hub/login", timeout=20)
        found = re.search(r'name="_xsrf" value="([^"]+)"', page.text)
        assert found, page.text
        form = {"username": self.name, "password": password, "_xsrf": found[1]}
        answer = self.session.post(f"{self.hub}/hub/login?next=/hub/token", data=form, timeout=20)
        assert answer.ok, f"{self.name}: {answer.status_code}"
        assert answer.url.endswith("/hub/token"), f"{self.name} was not let in"
        secret = self.session.cookies.get("_xsrf", path="/hub/")
        made = self.session.post(
            f"{self.hub}/hub/api/users/{self.name}/tokens",
            headers={"X-XSRFToken": secret, "Referer": f"{self.hub}/hub/token"},
            timeout=20,
        )
        assert made.ok, made.text
        self.token = made.json()["token"]
        return self

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        """Ask the hub or a server for something, with this person's token and nothing else."""
        headers = {"Authorization": f"token {self.token}"}
        with requests.Session() as session:
            session.trust_env = False
            return session.request(method, self.hub + path, headers=headers, timeout=30, **more)

    def start(self, whose: str = "", within: float = 600) -> float:
        """Start a server, one's own if nobody else's is meant; return how many seconds it took to be ready."""
        whose, began = whose or self.name, time.monotonic()
        answer = self.ask("POST", f"/hub/api/users/{whose}/server")
        assert answer.status_code in (201, 202), answer.text
        while not (server := self._server(whose)) or not server["ready"]:
            assert server or time.monotonic() - began < 5, f"the server of {whose} did not start"
            assert time.monotonic() - began < within, f"the server of {whose} is not ready after {within:g} s"
            time.sleep(0.2)
        return time.monotonic() - began

    def stop(self, whose: str = "") -> None:
        """Stop a server, one's own if nobody else's is meant, and wait until it is gone."""
        whose, began = whose or self.name, time.monotonic()
        answer = self.ask("DELETE", f"/hub/api/users/{whose}/server")
        assert answer.status_code in (202, 204), answer.text
        while self._server(whose):
            assert time.monotonic() - began < 60, f"the server of {whose} goes on"
            time.sleep(0.2)

    def _server(self, whose: str) -> Any:
        found = self.ask("GET", f"/hub/api/users/{whose}?include_stopped_servers=1").json()
        return next((s for s in found["servers"].values() if not s["stopped"]), None)

    def run(self, code: str, within: float = 300) -> str:
        """Run Python in a kernel of one's own server; return what it printed; raise AssertionError if it failed."""
        base = f"/user/{self.name}/api/kernels"
        kernel = self.ask("POST", base, json={"name": "python3"}).json()["id"]
        said, reply, idle = "", {}, False
        try:
            address = f"{self.hub.replace('http', 'ws', 1)}{base}/{kernel}/channels"
            channel = websocket.create_connection(
                address, header=[f"Authorization: token {self.token}"], timeout=within, http_no_proxy=["*"]
            )
            asked = uuid.uuid4().hex
            header = {"msg_id": asked, "msg_type": "execute_request", "username": "", "session": asked}
            content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
            message = {"header": {**header, "version": "5.3"}, "parent_header": {}, "metadata": {}, "content": content}
            channel.send(json.dumps({**message, "channel": "shell"}))
            while not (reply and idle):  # these two come on channels of their own, in any order
                answer = json.loads(channel.recv())
                if answer["parent_header"].get("msg_id") != asked:
                    continue
                content = answer["content"]
                said += content["text"] if answer["msg_type"] == "stream" else ""
                reply = content if answer["msg_type"] == "execute_reply" else reply
                idle = idle or content.get("execution_state") == "idle"
            channel.close()
            assert reply["status"] == "ok", f"{said}\n{reply.get('ename')}: {reply.get('evalue')}"
            return said
        finally:
            self.ask("DELETE", f"{base}/{kernel}")


@contextlib.contextmanager
def running(folder: Path) -> Iterator[str]:
    """Run the hub and its proxy on free ports of the loopback, and give its address; at the end both are gone."""
    ports = free_ports(3)
    config = folder / "config.py"
    config.write_text(CONFIG.format(*ports, config=str(DEPLOY / "jupyterhub_config.py"), proxy=str(proxy())))
    log = folder / "hub.log"
    with log.open("w") as out:
        hub = subprocess.Popen(
            [sys.executable, "-P", "-m", "jupyterhub", "-f", str(config)],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{ports[0]}"
    try:
        deadline = time.monotonic() + 60
        while "JupyterHub is now running" not in log.read_text():
            assert hub.poll() is None, log.read_text()[-3000:]
            assert time.monotonic() < deadline, log.read_text()[-3000:]
            time.sleep(0.1)
        yield address
    finally:
        hub.terminate()  # which stops the servers, their engines and the proxy
        hub.wait(180)


@contextlib.contextmanager
def a_hub(folder: Path, names: Sequence[str]) -> Iterator[list[Person]]:
    """Make and run a hub, and give its teacher and learners of those names, logged in; at the end all of it is gone.

    Raises AssertionError if the hub itself leaves a container when it ends.
    """
    with contextlib.ExitStack() as at_the_end:
        hub_name = prefix().removeprefix("container-course-")
        at_the_end.enter_context(pytest.MonkeyPatch.context()).setenv("COURSE_HUB", hub_name)
        at_the_end.callback(remove_all)
        subprocess.run([sys.executable, DEPLOY / "prepare.py"], check=True)
        address = at_the_end.enter_context(running(folder))
        teacher = Person(address, "teacher").log_in(PASSWORD)
        for name in names:
            assert teacher.ask("POST", f"/hub/api/users/{name}").status_code == 201
        yield [teacher, *(Person(address, name).log_in(f"{PASSWORD} of {name}") for name in names)]


def remove_all() -> None:
    """Remove what stays when our hub has ended: the volumes of its learners, and its network."""
    api = client.outer()
    left = api.containers(all=True, filters={"name": f"^/{prefix()}-"})
    for container in left:
        with contextlib.suppress(client.NotFound):
            api.remove_container(container["Id"], force=True)
    for volume in api.volumes()["Volumes"] or []:
        if volume["Name"].startswith(f"{prefix()}-"):
            api.remove_volume(volume["Name"])
    with contextlib.suppress(client.NotFound):
        api.remove_network(prefix())
    assert not left, "the hub left containers"
