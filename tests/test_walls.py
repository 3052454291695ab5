"""The walls of the house: who may import what, read from the source and tried in a fresh interpreter."""

from __future__ import annotations

import ast
import functools
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import course_lib

FOLDER = Path(course_lib.__file__).parent
# Everything from raw facts to shapes: no Docker, no notebook, no process, no network, no matplotlib.
PURE = (
    "alike",
    "browser",
    "checks",
    "collect",
    "contrast",
    "diagnosis",
    "difference",
    "ends",
    "errors",
    "film",
    "filters",
    "findings",
    "graph",
    "handles",
    "homes",
    "iptables_save",
    "judging",
    "layout",
    "layout_bridges",
    "layout_cables",
    "layout_cards",
    "layout_groups",
    "layout_networks",
    "layout_rules",
    "marks",
    "measure",
    "netlink",
    "output",
    "overlay",
    "palette",
    "phrases",
    "plain_text",
    "question",
    "reach",
    "reasons",
    "request",
    "rule_words",
    "rules",
    "sections",
    "shapes",
    "snapshot",
    "steps",
    "stops",
    "svg",
    "tables",
    "text",
    "trace",
    "way",
    "way_story",
    "way_svg",
    "way_words",
    "witness",
)
NOWHERE = {"docker", "requests", "IPython", "ipywidgets", "matplotlib"}  # also not by what it imports
NOT_HERE = NOWHERE | {"subprocess", "socket", "threading", "asyncio", "os", "time", "random"}


@functools.cache
def imports(source: str) -> set[str]:
    """Return the modules that a source imports, also inside of functions, but not for type checkers alone."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "course_lib is imported by its whole name"
            found |= {str(node.module)} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def importers(package: str) -> set[str]:
    """Return the modules of course_lib that import a package, or a module of it."""
    return {
        path.stem
        for path in FOLDER.glob("*.py")
        if any(name == package or name.startswith(f"{package}.") for name in imports(path.read_text()))
    }


def test_one_module_imports_docker() -> None:
    assert importers("docker") == {"engine"}


def test_one_module_imports_matplotlib() -> None:
    assert importers("matplotlib") == {"draw"}


def test_one_module_imports_ipywidgets() -> None:
    assert importers("ipywidgets") == {"panel"}


def test_one_module_runs_commands_on_the_lab_host() -> None:
    """All others go through run.py, except those whose program is not a command of a lesson.

    engine: `docker system dial-stdio`, the way to the lab's API. terminal: the learner's own shell.
    forward: the connection of a browser. watch: it only reads what `run.listen` began.
    """
    assert importers("course_lib.stream") == {"run", "engine", "terminal", "forward", "watch"}
    starts = {path.stem for path in FOLDER.glob("*.py") if ".exec_create(" in path.read_text()}
    assert starts == {"stream", "terminal"}, "the API call itself: a stream, and a terminal's stream"


def test_which_lab_is_meant_is_read_where_a_process_begins_and_nowhere_else() -> None:
    sources = {path.stem: path.read_text() for path in FOLDER.glob("*.py")}
    assert {name for name, text in sources.items() if "from_environment()" in text} == {"lab", "__main__", "current"}
    assert {name for name, text in sources.items() if '"COURSE_LAB"' in text} == {"lab", "gate"}, "gate: its children"
    assert importers("course_lib.current") == {"chapter", "engines", "follow", "magics", "panel", "practice"}


def test_only_these_start_processes_on_the_learners_machine() -> None:
    assert importers("subprocess") == {"gate", "base", "packages", "grade", "submissions"}


@pytest.mark.parametrize("name", PURE)
def test_a_pure_module_names_nothing_impure(name: str) -> None:
    here = {module.partition(".")[0] for module in imports((FOLDER / f"{name}.py").read_text())}
    assert here & NOT_HERE == set()


def test_a_pure_module_brings_nothing_impure_with_it() -> None:
    """All in one interpreter, one after the other: the first that brings something is named."""
    code = (
        "import importlib, json, sys\n"
        f"for name in {PURE!r}:\n"
        "    importlib.import_module(f'course_lib.{name}')\n"
        "    print(name, json.dumps(sorted({each.partition('.')[0] for each in sys.modules})))\n"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for line in said.stdout.splitlines():
        name, loaded = line.split(" ", 1)
        assert set(json.loads(loaded)) & NOWHERE == set(), name
    assert len(said.stdout.splitlines()) == len(PURE)


def test_every_module_of_the_way_from_facts_to_shapes_is_held_pure() -> None:
    """A new module that is imported by a pure one alone is on the list, too."""
    ours = {path.stem for path in FOLDER.glob("*.py")}
    needed = set()
    for name in PURE:
        needed |= {n.split(".")[1] for n in imports((FOLDER / f"{name}.py").read_text()) if n.startswith("course_lib.")}
    assert (needed & ours) - set(PURE) == set()


def test_a_command_waits_for_neither_matplotlib_nor_a_notebook() -> None:
    code = "import sys, course_lib.__main__; print({'matplotlib', 'IPython', 'networkx'} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "set()"


# A clock can be set, and is: when a laptop wakes up, when a virtual machine comes up. Who asks it, and what for.
CLOCKS = {
    "doctor.py": "compares it with the engine's",
    "soak.py": "the date of the report",
    "throwaway.py": "what is newer than the start of a lab; a clock that is set back meanwhile hides changes",
}


def test_nothing_waits_for_a_clock_that_can_be_set() -> None:
    asks = re.compile(r"\btime\.time\(|datetime\.now\(|StartedAt|utcnow")
    found = {path.name for path in FOLDER.glob("*.py") if asks.search(path.read_text())}
    assert found == set(CLOCKS)


@pytest.mark.slow
def test_what_a_notebook_imports_is_what_it_gets() -> None:
    """No module has the name of a public function: whoever imported it first would decide what the name means."""
    assert set(course_lib.__all__) & {path.stem for path in FOLDER.glob("*.py")} == set()
    code = (
        "import course_lib as c; c.look; import course_lib.text; assert all(callable(getattr(c, n)) for n in c.__all__)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="nosuch"):
        _ = course_lib.nosuch


def test_the_walls_can_fall() -> None:
    assert imports("def f():\n    import docker.errors") == {"docker.errors"}
    assert "course_lib.stream" in imports("from course_lib import stream")
    assert imports("if TYPE_CHECKING:\n    import docker") == set()
