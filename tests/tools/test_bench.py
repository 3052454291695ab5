"""Test that the benchmarks start; they are not tests themselves."""

from __future__ import annotations

from importlib import import_module

import pytest

from tests.conftest import ROOT


@pytest.mark.parametrize("name", sorted(p.stem for p in (ROOT / "tests" / "bench").glob("[a-z]*.py")))
def test_a_bench_can_be_started(name: str) -> None:
    import_module(f"tests.bench.{name}")
