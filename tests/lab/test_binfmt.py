"""Test whether an engine's machine can run programs for another processor: the test program, and the error."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import pytest

from course_lib.engine import client
from course_lib.errors import CourseError
from course_lib.lab import base_image, binfmt, images
from course_lib.setup.bundle_archive import ARCHITECTURES

HERE = ARCHITECTURES[platform.machine().lower()]
NOBODYS = (0xBEEF, "00")  # in an ELF header, a machine that nobody has


def machine_of(binary: bytes) -> str:
    """Return the architecture in an executable's ELF header."""
    assert binary[:4] == b"\x7fELF"
    return {62: "amd64", 183: "arm64"}[int.from_bytes(binary[18:20], "little")]


@pytest.mark.parametrize("arch", ["amd64", "arm64"])
def test_the_program_is_an_executable_of_its_architecture(arch: str) -> None:
    assert machine_of(binfmt.program(arch)) == arch


def test_the_program_for_this_machine_ends_well(tmp_path: Path) -> None:
    (tmp_path / "program").write_bytes(binfmt.program(HERE))
    (tmp_path / "program").chmod(0o755)
    assert subprocess.run([tmp_path / "program"], check=False).returncode == 0


def test_two_architectures_never_share_an_images_name() -> None:
    plain = [images.lab_image("trixie"), images.lab_image("bookworm"), *map(images.inner_image, images.INNER)]
    names = [images.foreign(tag, arch) for tag in plain for arch in ("", "amd64", "arm64")]
    assert len(set(names)) == 3 * len(plain)
    assert images.foreign(images.lab_image("trixie"), "") == images.lab_image("trixie") == "container-course/lab:trixie"
    assert images.foreign(images.lab_image("trixie"), "arm64") == "container-course/arm64/lab:trixie"
    # `./course down --images` goes by the first, what looks for any image of the lab by the second.
    assert all(name.startswith(f"{images.PREFIX}/") for name in names)
    assert len([name for name in names if name.startswith(images.lab_image(""))]) == 2


@pytest.mark.live
def test_what_the_engines_machine_runs_is_found_out_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    api, label = client.outer(), "course-test-emulation"
    monkeypatch.setattr(binfmt, "LABEL", label)
    binfmt.require(api, HERE)
    monkeypatch.setitem(binfmt.PROGRAMS, "arm64", NOBODYS)
    with pytest.raises(CourseError, match=r"cannot run programs for arm64.*install qemu-user-static") as caught:
        binfmt.require(api, "arm64")
    assert "\n" not in str(caught.value)
    assert "DOCKER_HOST" in str(caught.value)
    assert api.images(all=True, filters={"label": label}) == []
    assert api.containers(all=True, filters={"label": label}) == []


@pytest.mark.live
def test_a_base_is_of_the_architecture_that_it_is_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image that is imported would not be, nor one that begins with a label (engine 20.10)."""
    api, tag, label = client.outer(), "course-test-emulation:base", "course-test-emulation-base"
    # In place of mmdebstrap: something that makes an archive in which there is nothing that could be run.
    (tmp_path / "mmdebstrap").write_text(
        "#!/bin/sh\nfor word; do\ncase $word in *.tar) tar cf $word /etc/hostname;; esac; done\n"
    )
    (tmp_path / "mmdebstrap").chmod(0o755)
    monkeypatch.setattr(base_image, "LABEL", label)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    try:
        for arch in ("arm64", ""):
            base_image.bootstrap(tag, "trixie", base_image.Supply(), lambda package: None, arch)
            found = api.inspect_image(tag)
            assert (found["Architecture"], found["Config"]["Labels"]) == (arch or HERE, {label: "image"})
    finally:
        while left := api.images(filters={"label": label}):
            api.remove_image(left[0]["Id"], force=True)
