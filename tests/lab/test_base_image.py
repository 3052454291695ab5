"""Test where Debian's packages come from, and the errors when they cannot be downloaded; without Docker."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any
from unittest.mock import MagicMock

import pytest

from course_lib.engine import client
from course_lib.lab import machine
from course_lib.lab.base_image import PUBLISHED, Supply, _mmdebstrap_options, bootstrap, failure, make, supply
from course_lib.lab.binfmt import PROGRAMS

RELAXED = "Acquire::Check-Valid-Until=false"


def test_an_index_past_its_date_is_told_by_its_cause() -> None:
    said = [
        "Hit:1 http://mirror.example/debian testing InRelease",
        "E: Release file for http://mirror.example/debian/dists/testing/InRelease is expired (invalid since 19d).",
    ]
    sentence = str(failure("container-course/debian:testing", "mmdebstrap ended with exit code 1", said))
    assert "is expired (invalid since 19d)" in sentence
    assert "the mirror is out of date or this machine's clock is wrong: set the clock" in sentence
    assert "\n" not in sentence


def test_a_mirror_that_is_not_there_is_another_sentence() -> None:
    said = ["E: Failed to fetch http://127.0.0.1:9/x  Could not connect to 127.0.0.1:9"]
    assert "check the network, the proxy or the mirror" in str(failure("some:image", "it failed", said))


@pytest.mark.slow
def test_an_index_past_its_date_is_taken_only_where_somebody_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COURSE_APT_OPTIONS", raising=False)
    assert not [option for option in supply().options if "Valid-Until" in option]
    monkeypatch.setenv("COURSE_APT_OPTIONS", RELAXED)
    source = supply()
    assert source.options[0] == RELAXED
    assert source.arguments["APT_OPTIONS"].startswith(f"-o {RELAXED}")
    assert '--aptopt=Acquire::Check-Valid-Until "false"' in list(_mmdebstrap_options(source))


def test_a_user_who_is_not_root_makes_it_through_sudo_with_the_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    became: list[list[str]] = []

    def popen(command: list[str], **_: object) -> None:
        became.append(command)
        raise InterruptedError

    monkeypatch.setattr(machine.Machine, "as_root", lambda self, why, say: ["sudo", "-n"])
    monkeypatch.setattr(subprocess, "Popen", popen)
    monkeypatch.setattr(shutil, "which", lambda name: name)
    monkeypatch.setenv("http_proxy", "http://proxy:3128")
    with pytest.raises(InterruptedError):
        bootstrap("container-course/debian:trixie", "trixie", Supply(), lambda package: None)
    assert became[0][:3] == ["sudo", "-n", "env"]
    assert became[0].index("http_proxy=http://proxy:3128") < became[0].index("mmdebstrap")


def test_packages_of_another_architecture_are_asked_for_whatever_their_emulator_is_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    became: list[list[str]] = []
    needed: list[str] = []

    def popen(command: list[str], **_: object) -> None:
        became.append(command)
        raise InterruptedError

    monkeypatch.setattr(machine.Machine, "as_root", lambda self, why, say: [])
    monkeypatch.setattr(subprocess, "Popen", popen)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    for arch in ("", "arm64"):
        with pytest.raises(InterruptedError):
            bootstrap("some:image", "trixie", Supply(), needed.append, arch)
    plain, foreign = became
    assert needed == ["mmdebstrap", "mmdebstrap"]
    assert [word for word in plain if "arch" in word] == []
    assert [word for word in foreign if word not in plain][:2] == ["--architectures=arm64", "--skip=check/qemu"]


@pytest.mark.parametrize("arch", ["", *PROGRAMS])
def test_an_image_for_another_architecture_is_pulled_by_another_name(
    arch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the same name, the pull would remove the name from the learner's own image."""
    api: Any = MagicMock()
    monkeypatch.setattr(client, "outer", lambda: api)
    make("some:image", "trixie", Supply(), print, arch)
    platform = f"linux/{arch}" if arch else None
    assert api.pull.call_args.args == (f"{PUBLISHED[arch]}:trixie-slim",)
    assert api.pull.call_args.kwargs["platform"] == api.build.call_args.kwargs["platform"] == platform
    assert len(set(PUBLISHED.values())) == len(PUBLISHED)
