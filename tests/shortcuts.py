"""Write the settings that keep JupyterLab's command mode out of widgets: `python -m tests.shortcuts`.

JupyterLab takes a letter or an arrow that is typed into a widget's list for a command: `b` inserts a cell, `d d`
deletes the one with the list (ipywidgets #3912). So each of its shortcuts without Ctrl or Alt is switched off, and
declared again with a selector that leaves widgets out. Arrows are left out only where a control uses them. Escape, in a
widget, goes back to the active cell. tests/commands/test_shortcuts.py fails when an update of JupyterLab makes this
necessary.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jupyterlab.commands import get_app_dir

from course_lib.commands.jupyter import SETTINGS

OVERRIDES = SETTINGS / "labconfig" / "default_setting_overrides.json"
SHORTCUTS = "@jupyterlab/shortcuts-extension:shortcuts"
WIDGETS = ":not(.jupyter-widgets *)"
ARROWS = ":not(.jupyter-widgets select):not(.jupyter-widgets input[type=radio])"
# Escape gives the focus to the active cell. If the widget is the cell's own, JupyterLab has no command for that, but
# goes there from edit mode. If it is another cell's, any command for the active cell does it.
ESCAPE = (
    {
        "command": "apputils:run-all-enabled",
        "args": {"commands": ["notebook:enter-edit-mode", "notebook:enter-command-mode"], "args": [{}, {}]},
        "keys": ["Escape"],
        "selector": ".jp-CodeCell.jp-mod-active .jupyter-widgets :focus",
    },
    {
        "command": "notebook:show-cell-outputs",
        "keys": ["Escape"],
        "selector": ".jp-Cell:not(.jp-mod-active) .jupyter-widgets :focus",
    },
)


def overrides() -> dict[str, Any]:
    """Return what the file of overrides is to hold, for the JupyterLab that is installed."""
    found = [shortcut for shortcut in _declared() if _is_typed(shortcut)]
    off = [{**shortcut, "disabled": True} for shortcut in found]
    again = [{**shortcut, "selector": shortcut["selector"] + _without(shortcut)} for shortcut in found]
    return {
        # What a widget shows is saved with the notebook; see course_lib/notebook/saved.py.
        "@jupyter-widgets/jupyterlab-manager:plugin": {"saveState": True},
        # On a small screen a file's name is worth more than its date, and a long command is wrapped, not cut.
        "@jupyterlab/filebrowser-extension:browser": {"showLastModifiedColumn": False},
        "@jupyterlab/notebook-extension:tracker": {"codeCellConfig": {"lineWrap": True}},
        SHORTCUTS: {"shortcuts": [*off, *again, *ESCAPE]},
    }


def _declared() -> list[dict[str, Any]]:
    """Return the shortcuts of all of JupyterLab's plugins, in the order of their files."""
    schemas = sorted((Path(get_app_dir()) / "schemas").rglob("*.json"))
    read = [json.loads(path.read_text(encoding="utf-8")) for path in schemas]
    return [shortcut for schema in read for shortcut in schema.get("jupyter.lab.shortcuts", [])]


def _is_typed(shortcut: dict[str, Any]) -> bool:
    """Tell whether a shortcut is a key as one types it, for whatever has the focus in a notebook."""
    held = any(key.startswith(("Accel", "Ctrl", "Alt", "Cmd")) for key in shortcut["keys"])
    anywhere = " :focus" in shortcut["selector"] and ".jp-CodeConsole" not in shortcut["selector"]
    return anywhere and not held and any(shortcut["keys"])


def _without(shortcut: dict[str, Any]) -> str:
    """Return what is added to a shortcut's selector."""
    key = shortcut["keys"][0].rpartition(" ")[2]
    return {
        "ArrowUp": ARROWS,
        "ArrowDown": ARROWS,
        "ArrowLeft": ARROWS,
        "ArrowRight": ARROWS,
    }.get(key, WIDGETS)


def text() -> str:
    """Return the text of the file of overrides."""
    return json.dumps(overrides(), indent=2) + "\n"


if __name__ == "__main__":
    OVERRIDES.write_text(text(), encoding="utf-8")
