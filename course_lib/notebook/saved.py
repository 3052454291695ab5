"""What a saved notebook keeps of its widgets; JupyterLab's server calls `keep_widgets` (course_lib/jupyter).

A widget lives in the kernel. JupyterLab saves the state of those that live (its setting saveState). For all others, a
notebook that is opened again says "Error displaying widget: model not found", whatever else the output holds.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jupyter_server.utils import ApiPath, to_os_path

VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"
PART = re.compile(r"IPY_MODEL_(\w+)")  # how a widget's state names another one


def keep_widgets(model: dict[str, Any], path: ApiPath, contents_manager: Any) -> None:
    """Make what is about to be saved complete: a ContentsManager.pre_save_hook of jupyter_server.

    A widget that an output shows keeps its state from the file if it lives no longer. Where that is not known either,
    the output keeps its picture or HTML alone. States that no output shows go.
    """
    if model.get("type") != "notebook" or not model.get("content"):
        return
    notebook = model["content"]
    widgets = notebook["metadata"].pop("widgets", {}).get(STATE, {})
    states = {**_states(Path(to_os_path(path, contents_manager.root_dir))), **widgets.get("state", {})}
    kept: dict[str, Any] = {}
    for data in [output.get("data", {}) for cell in notebook["cells"] for output in cell.get("outputs", [])]:
        if VIEW not in data:
            continue
        if (shown := data[VIEW]["model_id"]) in states:
            _keep(shown, states, kept)
        elif len(data) > 1:
            del data[VIEW]
    if kept:
        version = {"version_major": 2, "version_minor": 0}  # of the format, not of ipywidgets
        notebook["metadata"]["widgets"] = {STATE: {**version, **widgets, "state": kept}}


def _states(path: Path) -> Mapping[str, Any]:
    """Return the widgets' states in a notebook's file; none if there is no such file yet, or no notebook in it."""
    with contextlib.suppress(OSError, ValueError):
        saved = json.loads(path.read_text(encoding="utf-8"))
        return dict(saved["metadata"].get("widgets", {}).get(STATE, {}).get("state", {}))
    return {}


def _keep(shown: str, states: Mapping[str, Any], kept: dict[str, Any]) -> None:
    """Add a widget and all its parts to what is kept."""
    waiting = [shown]
    while waiting:
        name = waiting.pop()
        if name in states and name not in kept:
            kept[name] = states[name]
            waiting += PART.findall(json.dumps(states[name]))
