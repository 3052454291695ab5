"""Test that pyproject.toml, the two locks and environment.yml agree."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCKS = {name: (ROOT / name).read_text() for name in ("requirements.lock", "requirements-test.lock")}
PYTHONS = ("3.11", "3.12", "3.13")


def on(python: str, system: str = "linux") -> dict[str, str]:
    """Give the markers' values on a Python version and a system."""
    return {
        "python_version": python,
        "python_full_version": f"{python}.7",
        "sys_platform": system,
        "platform_system": {"linux": "Linux", "darwin": "Darwin", "win32": "Windows"}[system],
        "os_name": "nt" if system == "win32" else "posix",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
        "extra": "",
    }


def requirements(lock: str) -> list[Requirement]:
    lines = (line.split("#")[0].strip() for line in LOCKS[lock].splitlines())
    return [Requirement(line) for line in lines if line]


def installed(lock: str, environment: dict[str, str]) -> dict[str, str]:
    """Give the versions by name that a lock has for an environment; each name once."""
    fitting = [one for one in requirements(lock) if (one.marker or Marker("os_name != ''")).evaluate(environment)]
    versions = {canonicalize_name(one.name): str(one.specifier).removeprefix("==") for one in fitting}
    assert len(versions) == len(fitting), "a package is listed twice"
    return versions


@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
@pytest.mark.parametrize("python", PYTHONS)
def test_each_dependency_is_locked_at_a_version_that_fits(python: str, system: str) -> None:
    main = installed("requirements.lock", on(python, system))
    both = main | installed("requirements-test.lock", on(python, system))
    wanted = [(line, main) for line in PROJECT["dependencies"]]
    wanted += [(line, both) for line in PROJECT["optional-dependencies"]["test"]]
    for line, versions in wanted:
        requirement = Requirement(line)
        version = versions.get(canonicalize_name(requirement.name), "")
        assert version, f"{line} is not in the lock: python -m tests.lock"
        assert requirement.specifier.contains(version), f"{line}, but the lock has {version}: python -m tests.lock"


@pytest.mark.parametrize("python", PYTHONS)
def test_the_second_lock_adds_and_never_changes(python: str) -> None:
    both = set(installed("requirements.lock", on(python))) & set(installed("requirements-test.lock", on(python)))
    assert not both


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_is_exact_and_names_no_place(lock: str) -> None:
    assert requirements(lock)
    for requirement in requirements(lock):
        assert re.fullmatch(r"==[0-9][^*,]*", str(requirement.specifier)), requirement
        assert requirement.url is None
    assert not re.search(r"://|--|\bfile:|^\.|^/| @ ", LOCKS[lock], re.MULTILINE)


def test_conda_gets_the_same_lists_and_python() -> None:
    text = "\n".join(line for line in (ROOT / "environment.yml").read_text().splitlines() if line[:1] != "#")
    items = re.findall(r"^ +- (.+[^:])$", text, re.MULTILINE)
    assert items == ["conda-forge", "python>=3.11,<3.14", "pip", *(f"-r {name}" for name in LOCKS), "-e ."]
    assert PROJECT["requires-python"] == ">=3.11"
    assert f"name: {PROJECT['name']}\n" in text
