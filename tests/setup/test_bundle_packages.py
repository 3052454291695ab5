"""Test which wheels of a lock are for which machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from course_lib.errors import CourseError
from course_lib.setup import bundle_packages
from course_lib.setup.bundle_packages import Target
from tests.conftest import ROOT

LOCK = """\
# A lock.
appnope==1.0.0 ; sys_platform == 'darwin'  # via ipykernel
numpy==2.4.6 ; python_full_version < '3.12'  # via matplotlib
numpy==2.5.5 ; python_full_version >= '3.12'  # via matplotlib
pywin32==312 ; sys_platform == 'win32'  # via docker
soupsieve==2.10 ; python_full_version < '3.11.5'  # via beautifulsoup4
soupsieve==4.1.2 ; python_full_version >= '3.11.5'  # via beautifulsoup4
"""
POOL = (
    "appnope-1.0.0-py3-none-any.whl",
    "numpy-2.4.6-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
    "numpy-2.4.6-cp311-cp311-macosx_11_0_arm64.whl",
    "numpy-2.4.6-cp311-cp311-musllinux_1_2_x86_64.whl",
    "numpy-2.5.5-cp312-cp312-macosx_14_0_arm64.whl",
    "numpy-2.5.5-cp312-abi3-win_amd64.whl",
    "numpy-2.5.5-cp312-cp312-manylinux_2_28_aarch64.whl",
    "numpy-2.5.5-cp313-cp313t-manylinux_2_28_x86_64.whl",
    "pywin32-312-cp313-cp313-win_amd64.whl",
    "soupsieve-2.10-py3-none-any.whl",
    "soupsieve-4.1.2-py3-none-any.whl",
)


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    """Give a folder of wheels in which each lock is complete, so that pip need not be asked."""
    for name in POOL:
        (tmp_path / name).touch()
    return tmp_path


def told(lock: str, target: Target, pool: Path) -> list[str]:
    return bundle_packages.fetch(lock, target, pool, print)


def test_both_sides_of_a_patch_release_are_there(pool: Path) -> None:
    """Debian 12 has Python 3.11.2, and the lock tells that apart from 3.11.5 and newer."""
    found = told(LOCK, Target("amd64", "Linux", "3.11"), pool)
    assert found == [
        "numpy-2.4.6-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
        "soupsieve-2.10-py3-none-any.whl",
        "soupsieve-4.1.2-py3-none-any.whl",
    ]


def test_markers_and_tags_are_those_of_the_target_and_not_of_this_machine(pool: Path) -> None:
    mac = told(LOCK, Target("arm64", "Darwin", "3.11"), pool)
    assert mac[:2] == ["appnope-1.0.0-py3-none-any.whl", "numpy-2.4.6-cp311-cp311-macosx_11_0_arm64.whl"]
    windows = told(LOCK, Target("amd64", "Windows", "3.13"), pool)
    assert windows == [
        "numpy-2.5.5-cp312-abi3-win_amd64.whl",
        "pywin32-312-cp313-cp313-win_amd64.whl",
        "soupsieve-4.1.2-py3-none-any.whl",
    ]
    assert "numpy-2.5.5-cp312-cp312-manylinux_2_28_aarch64.whl" in told(LOCK, Target("arm64", "Linux", "3.12"), pool)


@pytest.mark.parametrize(
    ("target", "lacking"),
    [
        (Target("amd64", "Linux", "3.13"), "numpy==2.5.5"),  # there is one of the free-threaded 3.13 alone
        (Target("arm64", "Darwin", "3.12"), "numpy==2.5.5"),  # there is one for a newer macOS alone
    ],
)
@pytest.mark.slow
def test_what_there_is_no_wheel_of_is_named(
    target: Target, lacking: str, pool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    words = rf"Could not download the wheels for {target} on {target.arch} \(.*{lacking}.*\): check the network"
    with pytest.raises(CourseError, match=words):
        told(LOCK, target, pool)


def test_the_targets_are_every_supported_python_on_what_has_wheels() -> None:
    assert [str(target) for target in bundle_packages.targets("amd64")] == [
        *("Linux 3.11", "Linux 3.12", "Linux 3.13", "Windows 3.11", "Windows 3.12", "Windows 3.13"),
    ]
    assert {target.system for target in bundle_packages.targets("arm64")} == {"Linux", "Darwin"}
    assert (
        f"{', '.join(bundle_packages.PYTHONS[:-1])} or {bundle_packages.PYTHONS[-1]}"
        in (ROOT / "README.md").read_text()
    )
