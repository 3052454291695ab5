"""Compare the rules that engine 28.5.2 writes in nine cases with those that moby's documents describe.

Swarm writes some of its rules only if the kernel has IPVS. Where it does not, the case swarm-portmap holds in part.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from course_lib.lab import execute
from course_lib.lab.lifecycle import Lab, from_environment
from tests import iptables_cases
from tests.conftest import ROOT, refuse
from tools.claims import FUNCTIONS

pytestmark = [pytest.mark.live, pytest.mark.slow]
CASES = iptables_cases.read(ROOT / "tests/iptables_cases/28.5.toml")


@pytest.fixture(scope="module")
def newest() -> Iterator[Lab]:
    lab = from_environment().relative("rules")
    try:
        lab.up("newest", refuse)
        assert lab.real_version().startswith("28.5."), "the cases are those of 28.5"
        yield lab
    finally:
        lab.remove()


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_rules_are_those_of_the_documents(newest: Lab, case: iptables_cases.Case) -> None:
    newest.reset()

    def run(script: str) -> str:
        return execute.run(newest, f"{FUNCTIONS}\nset -e\n{script}", timeout=120)

    if case.daemon:
        options = json.loads(run("cat /etc/docker/daemon.json")) | case.daemon
        run(f"echo '{json.dumps(options)}' > /etc/docker/daemon.json\nrestart_dockerd")
    run(case.commands)
    real = iptables_cases.found(run("iptables-save"))
    ipvs = run("ls /proc/net").split().count("ip_vs")
    assert iptables_cases.differences(case.rules if ipvs else case.without_ipvs, real) == []
