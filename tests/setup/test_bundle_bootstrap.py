"""Test ./course up --from-bundle before there is an environment: with a tiny lock, and without a network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from course_lib.setup import bundle_archive, bundle_packages
from tests.conftest import ROOT
from tests.setup.test_bootstrap import BASE, TINY_LOCK, clone, handed_over, old_python, run, sentence
from tests.setup.test_bundle_archive import ARCH, VERSION, small

__all__ = ["clone"]  # a fixture of others
OTHER = "3.12" if VERSION != "3.12" else "3.13"
# What pip is configured for must not be asked: here that would fail.
LEADS_NOWHERE = {"PIP_INDEX_URL": "http://127.0.0.1:9", "PIP_FIND_LINKS": "/nowhere", "PIP_CONFIG_FILE": os.devnull}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the wheel of the tiny lock."""
    folder = tmp_path_factory.mktemp("wheels")
    (name,) = bundle_packages.fetch(TINY_LOCK, bundle_packages.Target(ARCH, "Linux", VERSION), folder, print)
    return folder / name


@pytest.fixture
def reading(clone: Path) -> Path:
    """Give a clone that can read a bundle, too."""
    (clone / "course_lib/setup").mkdir()
    for name in ("errors", "setup/__init__", "setup/bundle_archive", "setup/doctor_rules"):
        shutil.copy(ROOT / f"course_lib/{name}.py", clone / f"course_lib/{name}.py")
    return clone


def bundle_for(clone: Path, wheel: Path, python: str = VERSION) -> Path:
    """Write a bundle next to a clone."""
    parts = clone.parent / "parts"
    file = clone.parent / "a bundle.tar"
    lock = (clone / "requirements.lock").read_bytes()
    bundle_archive.write(file, small(parts, lock, wheel, python), parts)
    return file


def cut_off(*command: str | Path) -> list[str | Path]:
    """Return a command that runs without a network, even without the loopback interface."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root on Linux can cut a command off")
    return ["unshare", "--net", *command]


@pytest.mark.slow
def test_an_environment_comes_out_of_a_bundle_and_from_nowhere_else(reading: Path, wheel: Path) -> None:
    file = bundle_for(reading, wheel)
    done = run(cut_off(BASE, reading / "course", "up", "--from-bundle", file.name), cwd=file.parent, **LEADS_NOWHERE)
    assert handed_over(done)[0] == ["up", "--from-bundle", "a bundle.tar"]
    assert handed_over(done)[3] == ["idna"]
    assert "packages are installed" in done.stderr
    assert not (reading / ".venv/wheels").exists()
    again = run(cut_off(BASE, reading / "course", "up", f"--from-bundle={file}"))
    assert (handed_over(again)[3], again.stderr) == (["idna"], "")
    # without a bundle the same would have failed: the test can
    shutil.rmtree(reading / ".venv")
    failed = run(cut_off(BASE, reading / "course", "up"), PIP_RETRIES="0", **LEADS_NOWHERE)
    assert "Could not install the packages" in failed.stderr


@pytest.mark.slow
def test_what_is_damaged_or_for_others_makes_no_environment(reading: Path, wheel: Path) -> None:
    file = bundle_for(reading, wheel, OTHER)
    command: list[str | Path] = [BASE, reading / "course", "up", "--from-bundle", file]
    said = sentence(run(command, PATH="/usr/sbin"))
    assert f"is for Python {OTHER} on Linux, and this is Linux {VERSION}: run ./course with one of those" in said
    shutil.rmtree(file.parent / "parts")
    file = bundle_for(reading, wheel)
    data = bytearray(file.read_bytes())
    data[data.index(b"PK\x03\x04") + 200] ^= 1  # in the wheel
    file.write_bytes(data)
    assert f"is damaged or incomplete (wheels/{wheel.name}): copy it again" in sentence(run(command))
    file.write_bytes(data[:9000])
    assert "is damaged or incomplete" in sentence(run(command))
    (reading / "requirements.lock").write_text("idna==0.0.1\n")
    assert "is damaged or incomplete" in sentence(run(command))
    file.unlink()
    assert f"Could not read {file}: No such file or directory" in sentence(run(command))
    assert not (reading / ".venv").exists()


@pytest.mark.slow
def test_a_bundle_for_another_python_that_is_on_path(reading: Path, wheel: Path, tmp_path: Path) -> None:
    """As where the system's Python is newer than what the course is locked for."""
    other = old_python(OTHER)
    (tmp_path / "bin").mkdir()
    (tmp_path / f"bin/python{OTHER}").symlink_to(other)
    file = bundle_for(reading, wheel, OTHER)
    done = run(cut_off(BASE, reading / "course", "up", "--from-bundle", file), PATH=f"{tmp_path}/bin:/usr/bin:/bin")
    assert handed_over(done)[3] == ["idna"]
    config = (reading / ".venv/pyvenv.cfg").read_text()
    assert f"version = {OTHER}." in config


def test_a_bundle_needs_room(reading: Path, wheel: Path, tmp_path: Path) -> None:
    file = bundle_for(reading, wheel)
    (tmp_path / "disk").mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64M", "tmpfs", tmp_path / "disk"], check=True)
    try:
        shutil.copytree(reading, tmp_path / "disk/clone")
        done = run([BASE, tmp_path / "disk/clone/course", "up", "--from-bundle", file])
        assert "The disk is full: free 1 GB where" in sentence(done)
        assert not (tmp_path / "disk/clone/.venv").exists()
    finally:
        subprocess.run(["umount", tmp_path / "disk"], check=True)
