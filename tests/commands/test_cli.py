"""Test the output and exit codes of `python -m course_lib`: wrong usage, no lab, no engine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from course_lib.commands.cli import entry
from course_lib.engine import client
from course_lib.errors import EngineForbiddenError
from course_lib.setup import docker_install
from tests.conftest import ROOT

pytestmark = pytest.mark.live


def course(*words: str, stdin: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end: one of the course, or `test`, which the contributors' tools run."""
    module = ["tools", *words[1:]] if words[0] == "test" else ["course_lib", *words]
    return subprocess.run(
        [sys.executable, "-m", *module],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **env},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def one_sentence(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line that a command wrote on stderr before it failed."""
    assert done.returncode == 1, done
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("up", "--engine", "99"), "'99' is not one of"),
        (("test", "nosuchfile"), "'nosuchfile' does not exist"),
        (("down", "--nonsense"), "No such option"),
        (("nosuch",), "No such command"),
        (("graph", "-o", "x.gif"), "must end in .png or .svg"),
        (("graph", "-o", "x"), "must end in .png or .svg"),
    ],
)
def test_wrong_usage(words: tuple[str, ...], sentence: str) -> None:
    done = course(*words)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert not (ROOT / "x.gif").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("graph",), "There is no lab: run `./course up`"),
        (("shell", "true"), "There is no lab: run `./course up`"),
        (("reset",), "There is no lab to reset: run `./course up`"),
    ],
)
def test_without_a_lab(words: tuple[str, ...], sentence: str) -> None:
    assert sentence in one_sentence(course(*words, COURSE_LAB="nobodys"))


def test_down_without_a_lab_is_not_an_error() -> None:
    done = course("down", COURSE_LAB="nobodys")
    assert (done.returncode, done.stdout) == (0, "There is no lab to remove.\n")


@pytest.mark.parametrize("words", [("up", "--no-browser"), ("graph",), ("down",), ("shell", "true")])
def test_a_name_that_is_none(words: tuple[str, ...]) -> None:
    assert "is not a valid name" in one_sentence(course(*words, COURSE_LAB="A b"))


@pytest.mark.parametrize("words", [("up", "--no-browser"), ("graph",), ("down",), ("test",)])
def test_an_engine_that_is_named_wrongly(words: tuple[str, ...]) -> None:
    assert "DOCKER_HOST (banana)" in one_sentence(course(*words, DOCKER_HOST="banana"))


@pytest.mark.parametrize("settings", [{"DOCKER_CONTEXT": "nosuch"}, {"DOCKER_TLS_VERIFY": "1", "HOME": "/nowhere"}])
def test_up_starts_no_engine_beside_one_that_is_named_wrongly(settings: dict[str, str]) -> None:
    done = course("up", "--no-browser", **settings)
    one_sentence(done)
    assert done.stdout == ""


def test_a_command_in_the_shell_hands_on_its_exit_code_and_its_streams(running_lab: None) -> None:
    done = course("shell", "echo out; echo err >&2; cat; exit 7", stdin="in")
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\nin", "err\n")
    assert course("shell", "no-such-command").returncode == 127
    assert course("shell", stdin="exit 5\n").returncode == 5


def test_who_stops_reading_sees_no_traceback(running_lab: None) -> None:
    line = f"{sys.executable} -m course_lib shell yes | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (141, "y\n", "")


@pytest.mark.slow
def test_a_picture_that_cannot_be_written(running_lab: None, tmp_path: Path) -> None:
    done = course("graph", "-o", f"{tmp_path}/no/such/x.png")
    assert f"Could not write {tmp_path}/no/such/x.png: No such file or directory" in one_sentence(done)


# The real code as a user without rights. The modules are read before: the place of Python may be closed to him.
AS_NOBODY = """
import os, sys, course_lib.commands.cli as course, course_lib.network.describe
from course_lib.commands import working_copy
working_copy._contents()
os.setgroups([]); os.setgid(65534); os.setuid(65534)
sys.argv[1:] = {words!r}
course.entry()
"""


@pytest.mark.parametrize("words", [["graph"], ["up", "--no-browser", "--work"], ["down"]])
def test_a_user_who_may_not_use_the_engine(words: list[str]) -> None:
    assert os.geteuid() == 0, "only root can become somebody else"
    work = Path(tempfile.mkdtemp())
    work.chmod(0o777)
    words = [*words, str(work)] if "--work" in words else words
    env = {k: v for k, v in os.environ.items() if k != "DOCKER_HOST"} | {"HOME": "/nonexistent"}
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY.format(words=words)],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    shutil.rmtree(work)
    assert "this user may not use it: run `sudo usermod -aG docker $USER`" in one_sentence(done)


@pytest.mark.parametrize("words", [["shell", "true"], ["doctor"], ["down"]])
def test_a_login_that_is_older_than_the_group_goes_on_through_it(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def forbidden(*_: object) -> None:
        raise EngineForbiddenError("not for you")

    became: list[list[str]] = []
    monkeypatch.setattr(client, "connect", forbidden)
    monkeypatch.setattr(client, "outer", forbidden)
    monkeypatch.setattr(docker_install, "is_member", lambda _: True)
    monkeypatch.delenv(docker_install.THROUGH_SG, raising=False)
    monkeypatch.setattr(os, "execvp", lambda _, command: became.append(command))
    monkeypatch.setattr(sys, "argv", ["course", *words])
    with pytest.raises(SystemExit):
        entry()
    monkeypatch.delenv(docker_install.THROUGH_SG, raising=False)
    assert became
    assert became[0][:3] == ["sg", "docker", "-c"]
    assert "continuing through `sg docker`" in capsys.readouterr().err


@pytest.mark.parametrize(
    "act", ["start(from_environment(), '26.1', install=False)", "main(['graph'])", "main(['reset'])"]
)
@pytest.mark.slow
def test_nothing_needs_a_network_after_the_first_up(act: str, running_lab: None) -> None:
    code = f"from course_lib.commands.cli import from_environment, main, start; {act}"
    cut_off = ["unshare", "--net", sys.executable, "-c", code]
    done = subprocess.run(cut_off, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "Building" not in done.stdout
