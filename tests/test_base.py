"""Where Debian's packages come from, and what is said when they cannot be had; without Docker."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from course_lib import packages
from course_lib.base import Supply, _mmdebstrap_options, bootstrap, failure, supply

RELAXED = "Acquire::Check-Valid-Until=false"


def test_an_index_past_its_date_is_told_by_its_cause() -> None:
    said = [
        "Hit:1 http://mirror.example/debian testing InRelease",
        "E: Release file for http://mirror.example/debian/dists/testing/InRelease is expired (invalid since 19d).",
    ]
    sentence = str(failure("container-course/debian:testing", "mmdebstrap ended with exit code 1", said))
    assert "is expired (invalid since 19d)" in sentence
    assert "the mirror is behind, or this machine's clock is wrong" in sentence
    assert "\n" not in sentence


def test_a_mirror_that_is_not_there_is_another_sentence() -> None:
    said = ["E: Failed to fetch http://127.0.0.1:9/x  Could not connect to 127.0.0.1:9"]
    assert "check the network, the proxy or the mirror" in str(failure("some:image", "it failed", said))


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

    monkeypatch.setattr(packages.Machine, "as_root", lambda self, why, say: ["sudo", "-n"])
    monkeypatch.setattr(subprocess, "Popen", popen)
    monkeypatch.setattr(shutil, "which", lambda name: name)
    monkeypatch.setenv("http_proxy", "http://proxy:3128")
    with pytest.raises(InterruptedError):
        bootstrap("container-course/debian:trixie", "label", "trixie", Supply(), lambda package: None)
    assert became[0][:3] == ["sudo", "-n", "env"]
    assert became[0].index("http_proxy=http://proxy:3128") < became[0].index("mmdebstrap")
