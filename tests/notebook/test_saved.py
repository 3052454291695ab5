"""Test which widget states a saved notebook keeps."""

from __future__ import annotations

import json
import pkgutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jupyter_server.utils import ApiPath

from course_lib.commands import jupyter
from course_lib.notebook.saved import STATE, VIEW, keep_widgets

BOX = {"state": {"children": ["IPY_MODEL_part"]}}
PART = {"state": {"value": "<b>text</b>"}}


def notebook(*shown: str, states: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a notebook with a cell for each widget that it shows, and the states that JupyterLab saves."""
    cells = [{"outputs": [{"data": {VIEW: {"model_id": name}, "image/png": "..."}}]} for name in shown]
    widgets = {"widgets": {STATE: {"version_major": 2, "version_minor": 0, "state": states or {}}}}
    return {"cells": [*cells, {"cell_type": "markdown"}], "metadata": widgets}


@pytest.fixture
def save(tmp_path: Path) -> Any:
    """Return a function that saves a notebook as JupyterLab's server does and returns what was saved."""

    def saved(content: dict[str, Any]) -> dict[str, Any]:
        manager = SimpleNamespace(root_dir=str(tmp_path))
        keep_widgets({"type": "notebook", "content": content}, ApiPath("a b.ipynb"), manager)
        (tmp_path / "a b.ipynb").write_text(json.dumps(content), encoding="utf-8")
        return content

    return saved


def states(content: dict[str, Any]) -> dict[str, Any]:
    return dict(content["metadata"]["widgets"][STATE]["state"])


def test_the_states_of_what_is_shown_are_kept_with_their_parts_and_no_others(save: Any) -> None:
    saved = save(notebook("box", states={"box": BOX, "part": PART, "former": PART}))
    assert states(saved) == {"box": BOX, "part": PART}
    assert saved["metadata"]["widgets"][STATE]["version_major"] == 2


def test_a_widget_whose_kernel_has_ended_keeps_its_state_at_each_save(save: Any) -> None:
    save(notebook("box", states={"box": BOX, "part": PART}))
    for _ in range(2):
        saved = save(notebook("box", "new", states={"new": PART}))
        assert states(saved) == {"box": BOX, "part": PART, "new": PART}
        assert all(VIEW in cell["outputs"][0]["data"] for cell in saved["cells"][:2])


def test_what_nobody_knows_any_more_leaves_its_picture(save: Any) -> None:
    saved = save(notebook("lost"))
    assert saved["cells"][0]["outputs"][0]["data"] == {"image/png": "..."}
    assert saved["metadata"] == {}


def test_a_notebook_without_widgets_and_a_file_that_is_none_are_saved_as_they_are(save: Any) -> None:
    assert save({"cells": [], "metadata": {"a": 1}}) == {"cells": [], "metadata": {"a": 1}}
    model = {"type": "file", "content": "text"}
    keep_widgets(model, ApiPath("text.md"), None)
    assert model == {"type": "file", "content": "text"}


def test_jupyterlab_finds_the_hook() -> None:
    """The server's settings name the hook by its module: it does not start if there is no such module."""
    settings = json.loads((jupyter.SETTINGS / "jupyter_server_config.json").read_text())
    assert pkgutil.resolve_name(settings["ContentsManager"]["pre_save_hook"]) is keep_widgets
