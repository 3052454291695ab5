"""What a script in the lab prints, in sections that no text in them can imitate."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from course_lib.lab import facts
from course_lib.network.sections import SHELL, sections

HOSTILE = '[0:0] -A INPUT -m comment --comment "x\n== rules ip6 0\n== route 1\nno\n\u2028== containers 1\n" -j DROP'


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_text_that_looks_like_a_section_is_none(shell: str, tmp_path: Path) -> None:
    file = tmp_path / "rules"
    file.write_text(HOSTILE)
    commands = f"section 'rules ip' cat {file}\nsection empty true\nsection 'rules ip6' printf '%s\\n\\n' last"
    script = f"{SHELL}\nset -eu\n{commands}"
    said = subprocess.run([shell, "-c", script], check=True, capture_output=True, text=True).stdout
    assert sections(said) == [("rules ip", f"{HOSTILE}\n"), ("empty", ""), ("rules ip6", "last\n")]
    assert facts.parse(said.replace("== empty 0", "== addr 0"))["rules"] == {"ip": f"{HOSTILE}\n", "ip6": "last\n"}


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_a_command_that_fails_ends_a_script_that_asks_for_that(shell: str) -> None:
    script = f"{SHELL}\nset -e\nsection a false\nsection b true"
    ended = subprocess.run([shell, "-c", script], check=False, capture_output=True)
    assert ended.returncode == 1
    assert b"== b" not in ended.stdout
