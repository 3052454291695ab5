"""Test how `./course up` starts JupyterLab."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from course_lib.commands import jupyter


def test_on_windows_the_command_lasts_until_jupyterlab_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / jupyter.WORKSPACES).mkdir()
    calls: list[Sequence[str]] = []

    def call(command: Sequence[str]) -> int:
        calls.append(command)
        return 5

    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(subprocess, "call", call)
    monkeypatch.setattr(os, "execv", lambda *_: pytest.fail("on Windows execv returns to the prompt at once"))
    monkeypatch.setattr(os, "chdir", lambda _: None)
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "")
    with pytest.raises(SystemExit) as ended:
        jupyter.jupyter_lab(tmp_path, browser=False, projector=False)
    assert ended.value.code == 5
    assert [command[:4] for command in calls] == [[sys.executable, "-m", "jupyter", "lab"]]
