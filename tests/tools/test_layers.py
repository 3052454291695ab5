"""The house as a whole: its wings, its clocks, and what a notebook imports."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

import course_lib
from course_lib.paths import ROOT

FOLDER = ROOT / "course_lib"


def test_a_command_waits_for_neither_matplotlib_nor_a_notebook() -> None:
    code = "import sys, course_lib.commands.cli; print({'matplotlib', 'IPython', 'networkx'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# A clock can be set, and is: when a laptop wakes up, when a virtual machine starts. Who reads it, and what for.
CLOCKS = {
    "setup/doctor.py": "compares it with the engine's",
    "grading/sandbox.py": "what is newer than the start of a lab; a clock that is set back meanwhile hides changes",
}


def test_nothing_waits_for_a_clock_that_can_be_set() -> None:
    reads = re.compile(r"\btime\.time\(|datetime\.now\(|StartedAt|utcnow")
    found = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.py") if reads.search(path.read_text())}
    assert found == set(CLOCKS)


def test_the_house_has_ten_wings_and_few_files_at_its_door() -> None:
    wings = {path.parent.name for path in FOLDER.glob("*/__init__.py")}
    assert len(wings) == 10
    assert len([path for path in FOLDER.iterdir() if path.is_file()]) <= 6
    assert all('"""' in (FOLDER / wing / "__init__.py").read_text() for wing in wings)


@pytest.mark.slow
def test_what_a_notebook_imports_is_what_it_gets() -> None:
    """No wing has the name of a public function: whichever was imported first would decide what the name means."""
    assert set(course_lib.__all__) & {path.stem for path in FOLDER.iterdir()} == set()
    code = (
        "import course_lib as c; c.look; import course_lib.network.describe;"
        "assert all(callable(getattr(c, n)) for n in c.__all__)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="nosuch"):
        _ = course_lib.nosuch
