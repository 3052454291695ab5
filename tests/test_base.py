"""Where Debian's packages come from, and what is said when they cannot be had; without Docker."""

from __future__ import annotations

import pytest

from course_lib.base import _mmdebstrap_options, failure, supply

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
