"""Check every shell file of the repository with Debian's shellcheck (shellcheck(1))."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from course_lib.network.sections import SHELL
from tests.conftest import ROOT

# Shell without a shebang and without the suffix .sh: the path, and the shell that runs it.
WITHOUT_SHEBANG = {"course_lib/lab/recipes/use-mirror": "sh"}
SHELLS = ("sh", "dash", "bash")
# Part of a path -> codes that are not findings there. An excluded code applies to no other file.
EXCLUDED = {
    # `A && B || C` where C must run if either fails. A directive would be a comment in the file, and every change to a
    # recipe builds the image again on every learner's machine.
    "course_lib/lab/recipes/lab/files/usr/local/sbin/lab-init": ("SC2015",),
    # Commands as a learner types them in a cell: ids, addresses and $(docker ps -q) without quotes, `cd` without
    # `|| exit`. An answer that is wrong on purpose may well fail there.
    "exercises/*/mistakes/": ("SC2046", "SC2086", "SC2164"),
    "exercises/*/other-solutions/": ("SC2046", "SC2086", "SC2164"),
    "exercises/*/solution/": ("SC2086",),
    # Parts of one program, which broken_shop.py joins: a fault sets `symptom` for proof.sh, and uses names of shop.sh,
    # whose values are set by broken_shop.py. `$item` belongs to the PHP in shop.sh. Their ids have no spaces.
    "course_lib/exercises/shop/": ("SC2034", "SC2086", "SC2154"),
}


def shell_of(path: Path) -> str:
    """Return the shell that a file is written for: "sh", "dash" or "bash"; "" if the file is no shell text."""
    name = path.relative_to(ROOT).as_posix()
    if name in WITHOUT_SHEBANG:
        return WITHOUT_SHEBANG[name]
    with path.open("rb") as file:
        first = file.readline(100).decode(errors="replace").strip()
    if first.startswith("#!"):
        shell = first.replace("/usr/bin/env ", "").split()[0].rpartition("/")[2]
        return shell if shell in SHELLS else ""
    return "bash" if path.suffix == ".sh" else ""  # the lab runs them by `bash -c`


def shell_files() -> dict[str, str]:
    """Return the shell of every shell file that git tracks, by its path; also of those not yet committed."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = {name: ROOT / name for name in listed.split("\0") if name}
    return {name: shell for name, path in paths.items() if path.is_file() and (shell := shell_of(path))}


def excluded(name: str) -> tuple[str, ...]:
    """Return the codes that are excluded for a file."""
    folders = name.split("/")
    for part, codes in EXCLUDED.items():
        pattern = part.rstrip("/").split("/")
        if all(one in ("*", other) for one, other in zip(pattern, folders, strict=False)):
            return codes
    return ()


@pytest.fixture(scope="module")
def shellcheck() -> str:
    """Return the path of shellcheck; the gate installs it."""
    path = shutil.which("shellcheck")
    if path is None:
        pytest.skip("no shellcheck on this machine, and no right to install it")
    return path


def findings(shellcheck: str, shell: str, codes: tuple[str, ...], files: list[str]) -> str:
    """Return what shellcheck reports of files of one shell, one finding a line."""
    command = [shellcheck, "--format=gcc", f"--shell={shell}", *(f"--exclude={code}" for code in codes), *files]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_shellcheck_finds_nothing(shellcheck: str) -> None:
    groups: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for name, shell in shell_files().items():
        groups.setdefault((shell, excluded(name)), []).append(name)
    assert [text for group, files in groups.items() if (text := findings(shellcheck, *group, files))] == []


def test_the_function_that_runs_before_capture_sh(shellcheck: str, tmp_path: Path) -> None:
    """`section` is a Python string, for sh and for bash."""
    file = tmp_path / "section.sh"
    file.write_text(SHELL)
    assert [findings(shellcheck, shell, (), [str(file)]) for shell in ("sh", "bash")] == ["", ""]


def test_all_kinds_of_shell_files_are_found() -> None:
    found = shell_files()
    assert {
        ".ci/run": "sh",
        "course_lib/lab/recipes/lab/files/usr/local/sbin/lab-init": "bash",
        "course_lib/lab/recipes/throw-away": "bash",
        "course_lib/lab/recipes/use-mirror": "sh",
        "course_lib/packet_path/capture.sh": "bash",
        "deploy/jupyterhub/engine/engine-init": "bash",
        "deploy/jupyterhub/server/course-command": "sh",
        "exercises/02_publish_three_ways/solution/answer.sh": "bash",
        "course_lib/exercises/shop/faults/gateway.sh": "bash",
    }.items() <= found.items()
    assert not any(name.endswith(".py") for name in [*found, *EXCLUDED])
    assert "course" not in found, "it is Python"


def test_every_exclusion_is_needed(shellcheck: str) -> None:
    """An excluded code that finds nothing any more would hide the next real finding."""
    concerned: dict[tuple[str, ...], list[str]] = {}
    for name in shell_files():
        concerned.setdefault(excluded(name), []).append(name)
    for codes in EXCLUDED.values():
        text = findings(shellcheck, "bash", (), concerned[codes])
        assert [code for code in codes if f"[{code}]" not in text] == []


def test_a_planted_mistake_is_found(shellcheck: str, tmp_path: Path) -> None:
    file = tmp_path / "planted.sh"
    file.write_text("#!/bin/bash\nrm -rf $1/x\n")
    assert "[SC2086]" in findings(shellcheck, "bash", (), [str(file)])
