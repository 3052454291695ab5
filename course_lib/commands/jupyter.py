"""Start JupyterLab with the settings of the course: `jupyter_lab`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from course_lib.commands.working_copy import FIRST

SETTINGS = Path(__file__).parent / "jupyter_settings"
STEPS, STEPS_SCRIPT = SETTINGS / "projector" / "steps.css", SETTINGS / "projector" / "steps.js"
# The first layout of a working copy: the table of contents in place of the file browser. JupyterLab has no setting for
# that; it takes a layout from a saved workspace only.
LAYOUT = {
    "data": {"layout-restorer:data": {"left": {"visible": True, "current": "@jupyterlab/toc:plugin"}}},
    "metadata": {"id": "default"},
}
WORKSPACES = ".workspaces"  # a folder in the working copy: tabs of other projects are not opened
PROJECTOR = "COURSE_PROJECTOR"  # set in the kernels of a JupyterLab in projector mode
QUIET = (
    "--log-level=ERROR",
    "--LabApp.log_level=ERROR",
    # No requests to the internet: no news, updates or extensions. jupyter_settings turns off the question about news.
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",
    "--KernelManager.transport_encryption=auto",  # other users of this machine could read the kernels' messages
)


def jupyter_lab(work: Path, *, browser: bool, projector: bool) -> None:
    """Replace this process by a JupyterLab that opens the first notebook of a working copy; do not return.

    With `projector` it is JupyterLab's single-document mode (`/doc`) in large type. The first cell of a notebook,
    `begin()`, then shows the live picture, and a style sheet shows one cell at a time next to it. On Windows JupyterLab
    runs as a child process, because `os.execv` would return to the prompt while it runs (Python docs, os.execv).
    """
    place = "doc" if projector else "lab"
    command = [sys.executable, "-m", "jupyter", "lab", *QUIET]
    command += [f"--LabApp.default_url=/{place}/tree/{FIRST}"]  # also of the printed address
    command += [] if browser else ["--no-browser"]
    command += ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    folders = [SETTINGS]
    if projector:
        folders.insert(0, SETTINGS / "projector")
        os.environ[PROJECTOR] = "yes"
    else:
        command += [f"--LabApp.workspaces_dir={workspaces(work)}"]
    theirs = os.environ.get("JUPYTER_CONFIG_PATH", "")
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join([*map(str, folders), *filter(None, [theirs])])
    os.chdir(work)
    if sys.platform == "win32":
        sys.exit(subprocess.call(command))
    os.execv(sys.executable, command)  # noqa: S606 # no shell is needed


def workspaces(work: Path) -> Path:
    """Return the folder of a working copy's workspaces; create it with LAYOUT if it is missing."""
    folder = work / WORKSPACES
    if not folder.exists():
        from jupyterlab_server.workspaces_handler import WorkspacesManager

        WorkspacesManager(str(folder)).save("default", json.dumps(LAYOUT))
    return folder
