"""Test that the settings for JupyterLab fit the installed version."""

from __future__ import annotations

import json
from typing import Any

from tests import shortcuts


def test_the_file_is_what_this_jupyterlab_needs() -> None:
    assert shortcuts.OVERRIDES.read_text(encoding="utf-8") == shortcuts.text(), "run python -m tests.shortcuts"


def test_no_letter_that_is_typed_into_a_widget_is_a_command() -> None:
    declared: list[dict[str, Any]] = json.loads(shortcuts.text())[shortcuts.SHORTCUTS]["shortcuts"]
    on = [each for each in declared if not each.get("disabled")]
    off = [each for each in declared if each.get("disabled")]
    assert {"B", "D", "X", "ArrowDown", "I", "0"} <= {each["keys"][0] for each in off}
    assert {tuple(each["keys"]) for each in off} | {("Escape",)} == {tuple(each["keys"]) for each in on}
    assert all(".jupyter-widgets" in each["selector"] for each in on)
    assert not [each for each in off if each["keys"] in (["Shift Enter"], ["Accel Enter"], ["Accel S"])]
