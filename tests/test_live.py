"""The live panel, end to end: in JupyterLab, in a real browser, beside a terminal that starts and stops containers."""

from __future__ import annotations

import nbformat
import pytest

from course_lib import run
from tests.test_jupyter import Learner, learner  # noqa: F401 - a fixture

pytestmark = pytest.mark.live

CELLS = (
    "%load_ext course_lib\nfrom course_lib import begin, live\nbegin()",
    "panel = live()\npanel",
    "%%host\nsleep 8",
    "panel.close()\nimport threading\n[t.name for t in threading.enumerate() if 'follow' in t.name]",
)


def test_thin(learner: Learner) -> None:  # noqa: F811
    scratch = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    scratch.metadata.kernelspec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    nbformat.write(scratch, learner.clone / "notebooks" / "live.ipynb")
    learner.open("live.ipynb")
    learner.run_cell(0).get_by_text("first day").wait_for(timeout=30_000)
    area = learner.run_cell(1)
    area.locator(".course-live svg").wait_for(timeout=20_000)
    learner.look("live-1")
    run.host("docker run -d -it --name c1 busybox >/dev/null")
    area.locator(".course-live svg text", has_text="c1").first.wait_for(timeout=3000)
    learner.look("live-2")
    learner.run_cell(2)
    run.host("docker run -d --name web -p 80:80 nginx >/dev/null; docker stop -t 0 c1")
    area.locator(".course-live svg text", has_text="web").first.wait_for(timeout=3000)
    learner.look("live-3")
    print(learner.pictures)
