"""Test that no attempt of attempts.toml leads out of a lab in a user namespace, and that some lead out of another lab.

`python -m pytest tests/escape -s` prints the table: what each kind of lab answered.
"""

from __future__ import annotations

import contextlib
import ctypes
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from course_lib.engine import client
from course_lib.engine.labels import PLAIN
from course_lib.errors import CourseError
from course_lib.grading import sandbox
from course_lib.lab import execute
from course_lib.lab.lifecycle import DEFAULT_ENGINE, FIRST_ID, Lab
from tests.worker import lab, refuse

pytestmark = [pytest.mark.live, pytest.mark.slow]
ATTEMPTS = tomllib.loads(Path(__file__).with_name("attempts.toml").read_text())
WORDS = """
won() { echo "won: $*"; }
again() { for file; do value=$(cat "$file") && printf '%s\\n' "$value" >"$file" && won "$file"; done; }
fresh() {
  mkdir -p /tmp/fresh && mount -t "$1" -o "${2:-rw}" none /tmp/fresh || return
  trap 'umount -l /tmp/fresh' EXIT
}
call() {
  perl -e 'my @c = map { $_ + 0 } @ARGV; print syscall(shift @c, @c) == -1 ? "$!\\n" : "won: it\\n"' -- "$@"
}
ask_namespace() {
  perl -e 'open my $f, "<", "/proc/self/ns/$ARGV[0]"; my $fd = ioctl $f, hex $ARGV[1], 0;
    print defined $fd ? "won: $ARGV[0]\\n" : "$!\\n"' "$@"
}
"""
# What the attempts could change on the machine. Reading the same from /proc and /sys gives the same text again.
MACHINE = (
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/modprobe",
    "/proc/sys/kernel/poweroff_cmd",
    "/proc/sys/kernel/printk",
    "/proc/sys/kernel/hostname",
    "/proc/sys/vm/swappiness",
    "/proc/sys/vm/overcommit_memory",
    "/proc/sys/fs/file-max",
    "/proc/sys/fs/protected_symlinks",
    "/proc/irq/default_smp_affinity",
    "/proc/modules",
    "/proc/swaps",
    "/sys/kernel/uevent_helper",
    "/sys/module/printk/parameters/time",
    "/sys/fs/cgroup/memory/release_agent",
)
KEYCTL, GET_KEYRING_ID, USER_KEYRING = 250, 0, -4  # keyctl(2), x86-64


def fingerprint() -> dict[str, str]:
    """Return what the attempts could change on this machine."""
    found = {}
    for name in MACHINE:
        with contextlib.suppress(OSError):
            found[name] = Path(name).read_text()
    return found


def attempt(where: Lab, name: str) -> str:
    """Run an attempt in a lab, and return what it printed."""
    keyring = ctypes.CDLL(None).syscall(KEYCTL, GET_KEYRING_ID, USER_KEYRING, 1)
    script = f"ROOTS_KEYRING={keyring}\n{WORDS}\n(\n{ATTEMPTS[name]['script']}\n)\n"
    try:
        return execute.run(where, f"bash <<'ATTEMPT' 2>&1 || true\n{script}ATTEMPT\n", timeout=60)
    except CourseError as error:
        return str(error)


@pytest.fixture(scope="module")
def plain() -> Iterator[Lab]:
    """Give a lab without a user namespace, as a machine gets that refuses one; it has no images."""
    without = lab.relative("plain")
    without._create(DEFAULT_ENGINE, PLAIN, probe=False)
    without._start()
    yield without
    without.remove()


@pytest.fixture(scope="module", autouse=True)
def the_machine_stays_as_it_was() -> Iterator[None]:
    before = fingerprint()
    yield
    assert fingerprint() == before


@pytest.mark.parametrize("name", ATTEMPTS)
def test_no_attempt_leads_out(name: str) -> None:
    said = attempt(lab, name)
    assert "won:" not in said
    assert re.search(ATTEMPTS[name]["refused"], said)


def test_some_lead_out_of_a_lab_without_a_user_namespace(plain: Lab) -> None:
    said = {name: attempt(plain, name) for name in ATTEMPTS}
    won = sorted(name for name in said if "won:" in said[name])
    print(f"{len(won)} of {len(said)} attempts lead out of a lab without a user namespace: {', '.join(won)}")
    assert "core-pattern-of-a-fresh-proc" in won


def test_programs_that_the_lab_replaces_are_not_those_that_enter_it() -> None:
    """What `docker exec` starts is root outside: it must never be a file that the lab can write."""
    lab.reset()
    forged = "#!/bin/bash\ncat /proc/self/uid_map >/root/forged\n"
    programs = "/usr/local/sbin/lab-namespace /usr/bin/perl /bin/sh"
    replace = f"cat >/tmp/forged; chmod 755 /tmp/forged; for program in {programs}; do cp -f /tmp/forged $program; done"
    execute.run(lab, f"{{ {replace}; }} <<'END'\n{forged}END\n")
    try:
        assert execute.run(lab, "cat /root/forged 2>&1 || true") == "cat: /root/forged: No such file or directory\n"
    finally:
        lab.reset()


def test_what_the_lab_writes_to_its_volume_belongs_to_nobody_outside() -> None:
    execute.run(lab, "cp /bin/true /var/lib/docker/setuid; chmod 4755 /var/lib/docker/setuid")
    volume = f"{lab.volume(DEFAULT_ENGINE)}:/seen:ro"
    image = client.outer().inspect_container(lab.container)["Image"]
    look = ["docker", "run", "--rm", "--network=none", "-v", volume, "--entrypoint=stat", image]
    said = subprocess.run([*look, "-c", "%u", "/seen/docker/setuid"], capture_output=True, text=True, check=True)
    execute.run(lab, "rm /var/lib/docker/setuid")
    assert int(said.stdout) == FIRST_ID


def test_labs_of_the_grader_are_nobody_to_each_other() -> None:
    seed = sandbox.make_seed(lab, refuse)
    labs = [lab.relative("one"), lab.relative("two")]
    try:
        for each in labs:
            sandbox.create(each, seed, "escape")
        maps = [execute.run(each, "cat /proc/self/uid_map").split() for each in labs]
    finally:
        for each in labs:
            sandbox.remove(each)
    assert len({first for _, first, _ in maps}) == 2
    assert all(int(first) >= FIRST_ID and size == "65536" for _, first, size in maps)
