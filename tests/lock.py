"""Make the locks, requirements*.lock, from pyproject.toml: `python -m tests.lock [--upgrade]`.

Needs `uv` (a package on PyPI) on PATH. Versions that still fit are kept unless --upgrade is given.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADER = """\
# {what}
# Exact versions for Python 3.11, 3.12 and 3.13, complete (pip needs no resolver). Made, not edited, by:
#     python -m tests.lock
# No hashes: pip refuses `-e .` beside hashed packages (environment.yml has both), and a classroom's mirror
# may serve wheels that it built itself. No index addresses: pip's own settings say where packages come from.
"""


def compile_lock(target: Path, *options: str) -> list[str]:
    """Let uv resolve pyproject.toml; returns the lines of the lock without comments."""
    command = ["uv", "pip", "compile", "pyproject.toml", "--universal", "--python-version", "3.11", "--quiet"]
    command += ["--no-header", "--annotation-style", "line", "--output-file", str(target), *options]
    subprocess.run(command, check=True, cwd=ROOT)
    return [line for line in target.read_text().splitlines() if not line.startswith("#")]


def write(target: Path, what: str, lines: list[str]) -> None:
    """Write a lock with its header."""
    target.write_text(HEADER.format(what=what) + "\n".join(lines) + "\n")


def main(options: list[str]) -> None:
    """Write the locks; all but the first hold only what is not in the first."""
    lock = ROOT / "requirements.lock"
    main_lines = compile_lock(lock, *options)
    write(lock, "What the course needs.", main_lines)
    pinned = {line.split("#")[0].strip() for line in main_lines}
    more = {
        "hub": ("What a JupyterHub of the course needs", ("hub",)),
        "test": ("What the tests, which try that hub, need", ("hub", "test")),
    }
    for name, (what, extras) in more.items():
        target = ROOT / f"requirements-{name}.lock"
        chosen = [word for extra in extras for word in ("--extra", extra)]
        lines = compile_lock(target, *chosen, "--constraint", str(lock), *options)
        write(target, f"{what} beside requirements.lock.", [x for x in lines if x.split("#")[0].strip() not in pinned])


if __name__ == "__main__":
    main(sys.argv[1:])
