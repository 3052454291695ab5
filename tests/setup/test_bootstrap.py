"""Test ./course itself: old Pythons, no venv, odd paths, interrupted and failing installations.

Each test copies ./course into a folder of its own with a tiny lock (one pure-Python package) and a dummy
course_lib; the real locks are checked in the environment that the tests run in.
"""

import ast
import contextlib
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from tests.tools.test_environment import installed, on

ROOT = Path(__file__).resolve().parents[2]
PYENV = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
BASE = Path(getattr(sys, "_base_executable", sys.executable))
TINY_LOCK = next(line for line in (ROOT / "requirements.lock").read_text().splitlines() if line.startswith("idna=="))
TINY_TEST_LOCK = next(
    line for line in (ROOT / "requirements-test.lock").read_text().splitlines() if line.startswith("iniconfig==")
)
DUMMY = """
import importlib.util, json, os, sys
has = [name for name in ("idna", "iniconfig") if importlib.util.find_spec(name)]
secrets = [name for name in ("PYTHONPATH", "PYTHONHOME") if name in os.environ]
print(json.dumps([sys.argv[1:], sys.prefix, os.getcwd(), has, secrets]))
sys.exit(int(os.environ.get("DUMMY_EXIT", "0")))
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Give a clone in a path with spaces and Korean letters."""
    folder = tmp_path / "도커 네트워크 clone"
    for package in ("course_lib", "tools"):
        (folder / package).mkdir(parents=True)
        (folder / package / "__init__.py").touch()
        (folder / package / "__main__.py").write_text(DUMMY)
    shutil.copy(ROOT / "course", folder)
    (folder / "requirements.lock").write_text(TINY_LOCK + "\n")
    (folder / "requirements-test.lock").write_text(TINY_TEST_LOCK + "\n")
    return folder


def run(
    command: Sequence[str | Path], cwd: Path | None = None, drop: Sequence[str] = (), **env: str
) -> subprocess.CompletedProcess[str]:
    """Run a command with changes to its environment; it may fail, but never with a traceback."""
    full = {name: value for name, value in {**os.environ, **env}.items() if name not in drop}
    done = subprocess.run(command, cwd=cwd, env=full, capture_output=True, text=True, timeout=250, check=False)
    assert "Traceback" not in done.stderr + done.stdout, done.stderr
    return done


def handed_over(done: subprocess.CompletedProcess[str]) -> list[object]:
    """Give what the dummy course_lib saw: arguments, prefix, folder, packages, leaked variables."""
    assert done.returncode == 0, done.stderr
    value = ast.literal_eval(done.stdout)
    assert isinstance(value, list)
    return value


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    """Give the one sentence with which ./course failed (after lines of progress, which end in dots)."""
    assert done.returncode == 1
    assert done.stdout == ""
    lines = [line for line in done.stderr.splitlines() if not line.endswith("...")]
    assert len(lines) == 1, done.stderr
    return lines[0]


def old_python(version: str) -> Path:
    """Find an old Python that pyenv has (3.9 or 3.10, say)."""
    found = sorted(PYENV.glob(f"{version}.*/bin/python{version}"))
    if not found:
        pytest.skip(f"pyenv has no Python {version} here")
    return found[0]


def test_it_parses_on_python_3_6_and_needs_nothing_but_the_standard_library() -> None:
    tree = ast.parse((ROOT / "course").read_text(), feature_version=(3, 6))
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert imported <= sys.stdlib_module_names | {"msvcrt"}
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert (ROOT / "course").stat().st_mode & 0o111


def test_help_comes_at_once_without_installing(clone: Path) -> None:
    for arguments in ([], ["--help"], ["up", "-h"]):
        done = run([BASE, clone / "course", *arguments])
        assert done.returncode == 0
        assert "reset    replace the lab's host and client" in done.stdout
    assert not (clone / ".venv").exists()


@pytest.mark.parametrize("version", ["3.6", "3.9", "3.10"])
def test_an_old_python_says_what_to_install(clone: Path, tmp_path: Path, version: str) -> None:
    shim = tmp_path / "python3.13"  # as pyenv's: there, but with no Python behind it
    shim.write_text("#!/bin/sh\necho 'pyenv: python3.13: command not found' >&2\nexit 127\n")
    shim.chmod(0o755)
    done = run([old_python(version), clone / "course", "up"], PATH=str(tmp_path))
    assert f"needs Python 3.11 or newer, and this is {version}: " in sentence(done)
    assert "install" in sentence(done)
    assert not (clone / ".venv").exists()


@pytest.mark.slow
def test_an_old_python_hands_over_to_a_newer_one_on_path(clone: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python3.12").write_text("#!/bin/sh\nexit 127\n")
    (tmp_path / "bin/python3.12").chmod(0o755)
    (tmp_path / "bin/python3.11").symlink_to(BASE)
    done = run([old_python("3.9"), clone / "course", "up"], PATH=f"{tmp_path}/bin:/usr/bin:/bin")
    assert handed_over(done)[1] == str(clone / ".venv")


def test_a_python_without_venv_leaves_nothing_half_made(clone: Path) -> None:
    # Debian without python3-venv has no ensurepip.
    hide = (
        "import sys, runpy; sys.modules['ensurepip'] = None; sys.argv = sys.argv[1:]; "
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    done = run([BASE, "-c", hide, clone / "course", "up"])
    version = "{}.{}".format(*sys.version_info)
    assert "This Python cannot create environments (it has no venv or ensurepip): " in sentence(done)
    if Path("/etc/debian_version").exists():
        assert f"apt-get install python{version}-venv" in sentence(done)
    assert not list(clone.glob(".venv*"))


@pytest.mark.slow
def test_first_run_from_elsewhere_through_a_symlink_with_another_python_and_leaky_variables(
    clone: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "course_lib").mkdir(parents=True)
    (elsewhere / "course_lib/__main__.py").write_text("raise SystemExit('the wrong course_lib')")
    (elsewhere / "json.py").write_text("raise SystemExit('the wrong json')")
    (elsewhere / "link").symlink_to(clone / "course")
    leaks = {"PYTHONPATH": str(elsewhere), "PIP_USER": "1", "PIP_TARGET": str(elsewhere / "target")}
    # -E: our own interpreter ignores PYTHONPATH here, for what follows it must be cleaned away
    command = [BASE, "-E", elsewhere / "link", "graph", "-o", "그림 1.png"]
    begun = run(command, cwd=elsewhere, **leaks)
    assert handed_over(begun) == [["graph", "-o", "그림 1.png"], str(clone / ".venv"), str(elsewhere), ["idna"], []]
    assert "Creating the course's environment in .venv with Python" in begun.stderr
    assert "packages are installed" in begun.stderr
    assert not (elsewhere / "target").exists()

    started = time.monotonic()
    again = run(command, cwd=elsewhere, LC_ALL="C", DUMMY_EXIT="7")
    assert (again.returncode, again.stderr) == (7, "")  # nothing to do, the exit code is handed on
    assert time.monotonic() - started < 2

    tested = run([BASE, clone / "course", "test"], cwd=clone)
    assert handed_over(tested)[3] == ["idna", "iniconfig"]
    assert "requirements-test.lock" in tested.stderr
    assert run([BASE, clone / "course", "test"], cwd=clone).stderr == ""

    # A changed lock, a Python that is gone and a clone that was moved.
    (clone / "requirements.lock").write_text("# newer\n" + TINY_LOCK + "\n")
    assert "Creating the course's environment" in run(command).stderr
    (clone / ".venv/bin/python").unlink()
    (clone / ".venv/bin/python").symlink_to(tmp_path / "gone")
    assert "Creating the course's environment" in run(command).stderr
    moved = clone.rename(tmp_path / "moved")
    done = run([BASE, moved / "course", "up"])
    assert (handed_over(done)[1], done.stderr) == (str(moved / ".venv"), "")
    # run by the Python of the very environment that has to be made anew
    (moved / ".venv/installed-main").unlink()
    assert handed_over(run([moved / ".venv/bin/python", moved / "course", "up"]))[3] == ["idna"]


@pytest.mark.slow
def test_no_network_is_one_sentence_and_the_next_run_goes_on(clone: Path) -> None:
    broken = {"PIP_INDEX_URL": "http://127.0.0.1:9", "PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "1"}
    done = run([BASE, clone / "course", "up"], drop=["PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"], **broken)
    assert "Could not install the packages (ERROR: No matching distribution found for idna" in sentence(done)
    assert "Check the network (or the mirror and proxy" in sentence(done)
    assert "Connection refused" in (clone / ".venv/install.log").read_text()
    assert handed_over(run([BASE, clone / "course", "up"]))[3] == ["idna"]


@pytest.mark.slow
def test_a_package_that_fails_for_the_tests_does_not_harm_the_rest(clone: Path) -> None:
    (clone / "requirements-test.lock").write_text("idna==0.0.0.1\n")
    done = run([BASE, clone / "course", "test"])
    assert done.returncode == 1
    assert "No matching distribution found for idna==0.0.0.1" in done.stderr
    done = run([BASE, clone / "course", "up"])
    assert (handed_over(done)[3], done.stderr) == (["idna"], "")


def test_an_environment_of_somebody_else_is_left_alone(clone: Path) -> None:
    (clone / ".venv").mkdir()
    (clone / ".venv/precious").write_text("mine")
    assert "was not created by ./course: move or rename it" in sentence(run([BASE, clone / "course", "up"]))
    assert [path.name for path in (clone / ".venv").iterdir()] == ["precious"]


def start(clone: Path, **env: str) -> "subprocess.Popen[str]":
    """Start ./course as a terminal does: in a process group of its own."""
    return subprocess.Popen(
        [BASE, clone / "course", "up"],
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Poll until condition() holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def has_pip(clone: Path) -> bool:
    return any(clone.glob(".venv/lib/*/site-packages/course.pth"))


@pytest.mark.slow
def test_ctrl_c_in_the_middle_and_the_next_run_goes_on(clone: Path) -> None:
    process = start(clone)
    wait_until(lambda: has_pip(clone))
    os.killpg(process.pid, signal.SIGINT)  # what a terminal does
    stdout, stderr = process.communicate(timeout=20)
    assert (process.returncode, stdout) == (130, "")
    assert stderr.splitlines()[-1] == "Interrupted: run ./course again to continue."
    assert "Traceback" not in stderr
    done = run([BASE, clone / "course", "up"])
    assert "Creating the course's environment" in done.stderr  # redone: half a package would look whole
    assert handed_over(done)[3] == ["idna"]


@pytest.mark.slow
def test_a_power_cut_leaves_half_an_environment_that_is_made_anew(clone: Path) -> None:
    process = start(clone)
    wait_until((clone / ".venv/made-by-course").exists)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=20)
    assert handed_over(run([BASE, clone / "course", "up"]))[3] == ["idna"]


@pytest.mark.slow
def test_two_at_the_same_time_wait_for_each_other(clone: Path) -> None:
    first = start(clone)
    wait_until((clone / ".venv/made-by-course").exists)
    second = start(clone)
    results = [process.communicate(timeout=200) for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], results
    assert all('["idna"]' in stdout for stdout, _ in results)
    assert "Waiting for another ./course that is setting up the environment here." in results[1][1]
    assert "Making" not in results[1][1]


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """Mount a tiny file system at a folder."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root on Linux can mount a small disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("size", ["1M", "8M", "32M"])
def test_a_full_disk_is_one_sentence(clone: Path, tmp_path: Path, size: str) -> None:
    (tmp_path / "disk").mkdir()
    with small_disk(tmp_path / "disk", size):
        shutil.copytree(clone, tmp_path / "disk/clone")
        if size == "32M":  # pip itself is installed and the packages do not fit
            real = (ROOT / "requirements.lock").read_text().splitlines()
            big = next(line for line in real if line.startswith("jupyterlab=="))
            (tmp_path / "disk/clone/requirements.lock").write_text(big + "\n")
        done = run([BASE, tmp_path / "disk/clone/course", "up"])
        assert sentence(done).startswith("The disk is full: free 1 GB where ")


def test_a_clone_that_this_user_cannot_write_is_one_sentence(clone: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    with small_disk(tmp_path / "disk", "1M"):
        shutil.copytree(clone, tmp_path / "disk/clone")
        subprocess.run(["mount", "-o", "remount,ro", str(tmp_path / "disk")], check=True)
        done = run([BASE, tmp_path / "disk/clone/course", "up"])
        assert "This user cannot write " in sentence(done)


@pytest.mark.slow
def test_on_a_terminal_the_progress_is_one_line_that_changes(clone: Path) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen([BASE, clone / "course", "up"], stderr=theirs, stdout=subprocess.DEVNULL) as process:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # EIO: the other end is closed
            while chunk := os.read(ours, 4096):
                shown += chunk
        assert process.wait(60) == 0
    os.close(ours)
    assert re.search(rb"\r\x1b\[K(Downloading package \d of 1|Installing 1 packages \.\.\. [01])\r", shown), shown


@pytest.mark.slow
def test_this_environment_is_what_the_real_locks_say() -> None:
    python = ROOT / ".venv/bin/python"
    assert python.exists(), "run ./course test"
    assert run([python, "-m", "pip", "check"]).stdout == "No broken requirements found.\n"
    version = run([python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]).stdout.strip()
    versions = installed("requirements.lock", on(version)) | installed("requirements-test.lock", on(version))
    frozen = run([python, "-m", "pip", "freeze", "--all"]).stdout.splitlines()
    found = {canonicalize_name(name): number for name, _, number in (line.partition("==") for line in frozen)}
    assert {name: found.get(name) for name in versions} == versions
