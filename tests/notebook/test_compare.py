"""Test the comparison of engines on recorded facts and evidence of three of them."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from functools import cache

import pytest
from PIL import Image

from course_lib.network import parse_facts
from course_lib.network.model import Snapshot
from course_lib.notebook import pictures as pictures_module
from course_lib.notebook.compare import cards, chains, contrast, message, passage, plan, rules
from tests.conftest import ROOT
from tests.packet_path.test_reconstruct import ENGINES, recorded_path


@cache
def network(engine: str, scene: str = "published") -> Snapshot:
    return parse_facts.snapshot(json.loads((ROOT / f"tests/facts/{engine}/{scene}.json").read_text()))


def between(look: object, scene: str = "published") -> str:
    return contrast({engine: look(network(engine, scene)) for engine in ENGINES})  # type: ignore[operator]


def test_differences_are_listed_with_their_keys_and_the_rest_is_counted() -> None:
    found = {"old": {"a": "1", "b": "x\ny"}, "mid": {"a": "1", "b": "x\ny"}, "new": {"a": "1", "b": "z", "c": "only"}}
    assert contrast(found).splitlines() == [
        "b",
        "  old, mid  x",
        "            y",
        "  new       z",
        "c",
        "  old, mid  -",
        "  new       only",
        "Different: 2. Identical: 1.",
    ]
    assert contrast({"old": {}, "new": {}}) == "Different: 0. Identical: 0."
    assert max(map(len, contrast({"a": {"x": "word " * 80}, "b": {"x": ""}}).splitlines())) <= 110


def test_what_was_asked_for_is_the_same_on_all_engines() -> None:
    for scene in ("published", "two_networks", "own_network"):
        assert between(plan, scene).startswith("Different: 0. Identical: ")
        assert not between(plan, scene).endswith("Identical: 0.")
    moved = replace(network("26.1"), containers=())
    assert "172.17.0.2/16" in contrast({"a": plan(moved), "b": plan(network("26.1"))})


def test_chains_and_rules_differ_where_they_do() -> None:
    said = between(chains)
    assert "  28.5         DOCKER DOCKER-BRIDGE DOCKER-CT DOCKER-FORWARD" in said
    said = between(rules, "two_networks")
    assert "  28.5         -d 172.18.0.2/32 ! -i br-<front> -j DROP" in said, "a bridge by its network's name"
    assert contrast({name: rules(network(name)) for name in ("20.10", "26.1")}) == "Different: 0. Identical: 9."


def test_cards() -> None:
    said = between(cards)
    assert "the MAC of web\n  20.10, 26.1  made from the address\n  28.5         not made from the address" in said
    assert "the numbers behind @if on the host\n  20.10, 26.1  2 for 2 veth pairs\n  28.5         1 for 2" in said


@pytest.mark.parametrize(
    ("flow", "old", "new"),
    [
        ("client_routes_published", "connected", "dropped by rule 3 of raw PREROUTING"),
        ("client_routes", "dropped by the policy of filter FORWARD", "dropped by rule 5 of raw PREROUTING"),
    ],
)
def test_where_direct_access_is_dropped(flow: str, old: str, new: str) -> None:
    found = {engine: passage(recorded_path(engine, flow)) for engine in ENGINES}
    assert [words in found[e]["end"] for e, words in zip(ENGINES, (old, old, new), strict=True)] == [True] * 3
    assert found["28.5"]["chains on the way there"] == "raw PREROUTING"
    assert "  20.10, 26.1  nat PREROUTING, filter FORWARD" in contrast(found)


def test_nat_rewrites_and_does_not_decide() -> None:
    for engine in ENGINES:
        assert passage(recorded_path(engine, "published"))["decided last by"].startswith("filter DOCKER: -d ")


def test_messages_are_compared_without_what_is_random() -> None:
    said = "0fb99e6b7175\ndocker: Error response from daemon: taken by 0fb99e6b71759fbeb859f931aa0bbd48."
    assert message(said) == {"message": "ID\ntaken by ID."}


@pytest.mark.slow
def test_pictures_of_several_networks_are_stacked() -> None:
    pictures = pictures_module.Pictures({engine: network(engine) for engine in ENGINES})
    single = [Image.open(io.BytesIO(pictures_module.Pictures({e: network(e)}).png())) for e in ENGINES]
    whole = Image.open(io.BytesIO(pictures.png()))
    assert whole.size == (max(s.width for s in single), sum(s.height for s in single) + 2 * pictures_module.GAP)
    assert "dockerd 20.10.\n" in repr(pictures)
    assert "28.5.2" not in repr(pictures), "the name that was asked for: a version changes with time"
    data, about = pictures._repr_mimebundle_()
    assert data["text/plain"] == repr(pictures)
    assert "20.10, 26.1, 28.5" in about["image/png"]["alt"]


def test_the_plan_is_in_plain_words() -> None:
    said = between(plan)
    everything = contrast({"one": plan(network("26.1")), "other": {}})
    assert "172.17.0.0/16, gateway 172.17.0.1" in everything
    assert "80/tcp of web" in everything
    for text in (said, everything):
        assert "Port(" not in text
        assert "('" not in text
