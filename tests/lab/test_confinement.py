"""Test what a lab may do on the machine, as its container is created; without Docker."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from course_lib.engine import client
from course_lib.lab import images, lifecycle


@pytest.mark.parametrize("version", ["1", "2"])
def test_bpf_is_allowed_with_cgroup_v2_alone_wherever_the_profile_refuses_it(
    version: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    refused = [{"names": ["acct"], "action": "SCMP_ACT_ERRNO"}, {"names": ["bpf", "kcmp"], "action": "SCMP_ACT_ERRNO"}]
    (tmp_path / "seccomp.json").write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": refused}))
    monkeypatch.setattr(images, "RECIPES", tmp_path)
    monkeypatch.setattr(client, "outer", lambda: SimpleNamespace(info=lambda: {"CgroupVersion": version}))
    for outside in ((), lifecycle.OUTSIDE):  # in a user namespace runc restricts no devices, so it needs no bpf(2)
        option = lifecycle.confinement(outside)["security_opt"][0]
        names = [entry["names"] for entry in json.loads(option.removeprefix("seccomp="))["syscalls"]]
        assert names == [["acct"], ["kcmp"] if version == "2" and not outside else ["bpf", "kcmp"]]
