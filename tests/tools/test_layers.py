"""Test rules for the whole package: its layers, its clocks, and what a notebook imports."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import course_lib
from course_lib.paths import ROOT

FOLDER = ROOT / "course_lib"


LINT = """
import os, sys
sys.path.insert(0, os.getcwd())
from importlinter.cli import lint_imports
sys.exit(lint_imports(no_cache=True))
"""


def contracts(folder: Path) -> str:
    """Return what import-linter prints about the contracts of pyproject.toml in a copy of the code."""
    done = subprocess.run([sys.executable, "-P", "-c", LINT], cwd=folder, capture_output=True, text=True, check=False)
    return " ".join(done.stdout.split())


def test_the_contracts_hold() -> None:
    said = contracts(ROOT)
    assert re.search(r"Contracts: \d+ kept, 0 broken", said), said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("course_lib/network/diff.py", "import course_lib.picture.shapes", "A wing imports only wings below it"),
        ("course_lib/picture/shapes.py", "import course_lib.engine.client", "A wing imports only wings below it"),
        ("course_lib/notebook/panel.py", "import course_lib.notebook.chapter", "No cycle of imports"),
        ("course_lib/commands/cli.py", "import tools.gate", "What a learner imports does not know the gate"),
        ("course_lib/network/hooks.py", "import time", "From facts to shapes and verdicts"),
        ("course_lib/lab/images.py", "import docker", "Only engine.client imports docker"),
        ("course_lib/picture/timeline.py", "import matplotlib", "Only picture.render_png imports matplotlib"),
        ("course_lib/notebook/chapter.py", "import ipywidgets", "Only pictures and predictions"),
        ("course_lib/setup/doctor.py", "import subprocess", "Only these start processes"),
    ],
)
def test_a_wrong_import_breaks_its_contract(module: str, line: str, contract: str, tmp_path: Path) -> None:
    for name in ("course_lib", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "recipes"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / module).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    said = contracts(tmp_path)
    assert re.search(rf"{re.escape(contract)}[^()]* BROKEN", said), said


def test_a_command_waits_for_neither_matplotlib_nor_a_notebook() -> None:
    code = "import sys, course_lib.commands.cli; print({'matplotlib', 'IPython', 'networkx'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# The first cell of a chapter, with a lab that is only recorded.
CHAPTER = """
import json, sys
from course_lib import begin, changes, clean_up, look, load_ipython_extension, words
from course_lib.lab import facts
from course_lib.lab.lifecycle import Lab
Lab.reset = lambda self, by: self
facts.read = lambda lab: json.load(open("tests/facts/26.1/published.json"))
begin()
ours = [name for name in sys.modules if name.startswith("course_lib.")]
print(len(ours), *sorted({name.split(".")[1] for name in ours}))
print(*({"matplotlib", "networkx", "ipywidgets"} & set(sys.modules)))
"""


def test_a_chapter_loads_only_what_it_needs() -> None:
    """`%load_ext course_lib` and the first cell's names and `begin()`: at most 35 modules, nothing slow."""
    done = subprocess.run([sys.executable, "-c", CHAPTER], cwd=ROOT, capture_output=True, text=True, check=True)
    *_, modules, slow = done.stdout.split("\n")[:-1]
    count, *wings = modules.split()
    assert int(count) <= 35, modules
    assert {"grading", "exercises", "setup", "picture", "packet_path", "commands"} & set(wings) == set()
    assert slow == ""


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
