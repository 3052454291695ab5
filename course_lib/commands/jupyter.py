"""JupyterLab, told what the course needs: to ask nobody outside, and how a room should see it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from course_lib.paths import ROOT

SETTINGS = Path(__file__).parent / "jupyter_settings"
STEPS, STEPS_SCRIPT = SETTINGS / "projector" / "steps.css", SETTINGS / "projector" / "steps.js"
PROJECTOR = "COURSE_PROJECTOR"  # set in the kernels of a JupyterLab that is shown to a room
QUIET = (
    "--log-level=ERROR",
    "--LabApp.log_level=ERROR",
    # JupyterLab asks nobody outside: no news, no updates, no extensions. Its questions about that are switched
    # off in course_lib/jupyter.
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",
    "--KernelManager.transport_encryption=auto",  # other users of this machine could listen to what kernels say
)


def jupyter_lab(*, browser: bool, projector: bool) -> None:
    """Become a JupyterLab that opens the first notebook; does not return.

    For a projector it is JupyterLab's own single-document mode (`/doc`) in large type. The first cell of a notebook,
    `begin()`, then shows the live picture, with a style sheet that shows one cell at a time beside it.
    """
    place = "doc" if projector else "lab"
    command = [sys.executable, "-m", "jupyter", "lab", *QUIET]
    command += [f"--LabApp.default_url=/{place}/tree/notebooks/00_start_here.ipynb"]  # where the printed address leads
    command += [] if browser else ["--no-browser"]
    command += ["--allow-root"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    folders = [SETTINGS]
    if projector:
        folders.insert(0, SETTINGS / "projector")
        os.environ[PROJECTOR] = "yes"
    theirs = os.environ.get("JUPYTER_CONFIG_PATH", "")
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join([*map(str, folders), *filter(None, [theirs])])
    os.chdir(ROOT)
    os.execv(sys.executable, command)  # noqa: S606 # no shell is wanted: JupyterLab takes the place of this process
