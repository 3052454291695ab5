"""Keep widgets in a saved notebook: `keep_widgets`, a hook of JupyterLab's server (commands/jupyter_settings).

A widget lives in the kernel. JupyterLab saves the state of the widgets of the running kernel only (its setting
saveState). For every other widget a notebook that is opened again shows "Error displaying widget: model not found",
even if the output holds a picture or HTML too.
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
PART = re.compile(r"IPY_MODEL_(\w+)")  # a reference in a widget's state to another widget


def keep_widgets(model: dict[str, Any], path: ApiPath, contents_manager: Any) -> None:
    """Add missing widget states to a notebook that is about to be saved (ContentsManager.pre_save_hook).

    `model` is the contents API's model of the file and is changed in place. A widget that the kernel no longer has
    keeps the state that the file on disk has. Without one, the output keeps only its picture or HTML. States of widgets
    that no output shows are dropped.
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
        waiting = [data[VIEW]["model_id"]]
        if waiting[0] not in states and len(data) > 1:
            del data[VIEW]
        while waiting:
            name = waiting.pop()
            if name in states and name not in kept:
                kept[name] = states[name]
                waiting += PART.findall(json.dumps(states[name]))
    if kept:
        version = {"version_major": 2, "version_minor": 0}  # of the format, not of ipywidgets
        notebook["metadata"]["widgets"] = {STATE: {**version, **widgets, "state": kept}}


def _states(path: Path) -> Mapping[str, Any]:
    """Return the widget states in a notebook file by model id; none if the file is missing or is no notebook."""
    with contextlib.suppress(OSError, ValueError):
        saved = json.loads(path.read_text(encoding="utf-8"))
        return dict(saved["metadata"].get("widgets", {}).get(STATE, {}).get("state", {}))
    return {}
