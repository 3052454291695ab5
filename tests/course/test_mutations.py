"""What nbval would notice: changed outputs are fed to its own comparison, with the options of the gate.

No lab and no kernel: the run that the committed outputs are compared with is themselves, replayed.
"""

# ruff: noqa: D102 - the methods are nbval's and pytest's

from __future__ import annotations

import contextlib
import copy
import io
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from nbval.plugin import IPyNbCell, NbCellError

from course_lib.paths import ROOT
from tools import gate

SEED = 20260810
EACH = 6  # mutations of each kind, 30 in all
WORDS = ("ACCEPT", "DROP", "DNAT", "MASQUERADE", "RETURN", "REJECT")
# What a lesson reads, by kind: where it stands in an output (the last group, if there is one), and what takes its
# place. The port of an address that `url` opens is nobody's lesson, and the sanitizer replaces it.
KINDS: dict[str, tuple[str, Callable[[str], str]]] = {
    "address": (
        r"\b\d{1,3}(?:\.\d{1,3}){3}\b",
        lambda text: text.rpartition(".")[0] + f".{int(text.rpartition('.')[2]) ^ 1}",
    ),
    "port": (r"(?:[sd]pt:|(?<!//127)(?:\.\d{1,3}){3}:)(\d+)|\b(\d+)(?=/(?:tcp|udp))", lambda text: str(int(text) + 1)),
    "name": (r"", lambda text: f"{text}x"),  # the names that a notebook gives to its containers and networks
    "rule": (rf"\b(?:{'|'.join(WORDS)})\b", lambda text: WORDS[(WORDS.index(text) + 1) % len(WORDS)]),
    "count": (
        r"\b\d+(?= (?:pkts?|packets|containers|networks|images|veth|rules)\b)|(?<=: )\d+$|^ *\d+(?= +\d+ +[A-Z]+ )",
        lambda text: re.sub(r"\d+", lambda match: str(int(match[0]) + 1), text),
    ),
}


class Replay:
    """Stands for a notebook's kernel (nbval.kernel.RunningKernel): a cell says again what its outputs say."""

    def __init__(self) -> None:
        self.outputs: list[Any] = []
        self._messages: Iterator[dict[str, Any]] = iter(())

    def is_alive(self) -> bool:
        return True

    def execute_cell_input(self, source: str, allow_stdin: bool) -> str:
        said = [(o.output_type, {k: v for k, v in o.items() if k != "output_type"}) for o in self.outputs]
        self._messages = (
            {"msg_type": kind, "parent_header": {"msg_id": "it"}, "content": copy.deepcopy(content)}
            for kind, content in [*said, ("status", {"execution_state": "idle"})]
        )
        return "it"

    def await_reply(self, message: str, timeout: float) -> None:
        pass

    await_idle = await_reply

    def get_message(self, stream: str, timeout: float) -> dict[str, Any]:
        return next(self._messages)


class Collector:
    """A plugin of pytest that keeps what was collected."""

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.items = session.items


@pytest.fixture(scope="module")
def cells() -> list[IPyNbCell]:
    """Give the cells of all notebooks as the gate's nbval collects them, each with a replay for a kernel."""
    collector = Collector()
    words = [*gate.STRICT[1:], "notebooks", "--collect-only", "--color=no"]
    with contextlib.chdir(ROOT), contextlib.redirect_stdout(io.StringIO()):
        assert pytest.main(words, plugins=[collector]) == 0
        found = [item for item in collector.items if isinstance(item, IPyNbCell)]
        for item in found:
            if item.parent.kernel is None:
                item.parent.kernel = Replay()
                item.parent.setup_sanitize_files()
    assert len({item.parent for item in found}) == len(list((ROOT / "notebooks").glob("*.ipynb")))
    return found


def passes(cell: IPyNbCell, committed: list[Any]) -> bool:
    """Whether nbval lets a cell pass whose committed outputs are these, when it says what it said."""
    said = cell.cell.outputs
    cell.parent.kernel.outputs = copy.deepcopy(said)
    cell.cell.outputs = committed
    try:
        cell.runtest()
    except NbCellError as error:
        if str(error) != "Cell outputs differ":
            raise
        return False
    finally:
        cell.cell.outputs = said
    return True


def texts(outputs: list[Any]) -> Iterator[tuple[Any, str]]:
    """Yield each text of some outputs: who holds it, and under which key."""
    for output in outputs:
        if output.output_type == "stream":
            yield output, "text"
        for key, value in output.get("data", {}).items():
            if isinstance(value, str) and not key.startswith("image/"):
                yield output.data, key


def pattern_of(kind: str, cell: IPyNbCell) -> str:
    """Return the pattern of a kind; chosen names are those of the cell's notebook."""
    if kind != "name":
        return KINDS[kind][0]
    source = "\n".join(other.cell.source for other in cell.parent.collected)
    names = re.findall(r"--name[ =]([\w-]+)", source) + re.findall(r"network create .*?([\w-]+)$", source, re.MULTILINE)
    return rf"\b(?:{'|'.join(sorted(set(names)))})\b" if names else r"(?!)"


def candidates(kind: str, cells: list[IPyNbCell]) -> list[tuple[IPyNbCell, int, re.Match[str]]]:
    """Return every place of a kind in the outputs that are compared."""
    for cell in cells:
        cell.parent.collected = [other for other in cells if other.parent is cell.parent]
    return [
        (cell, number, match)
        for cell in cells
        if compares(cell)
        for number, (holder, key) in enumerate(texts(cell.cell.outputs))
        for match in re.finditer(pattern_of(kind, cell), holder[key], re.MULTILINE)
    ]


def mutated(cell: IPyNbCell, number: int, match: re.Match[str], kind: str) -> list[Any]:
    """Return a cell's outputs with one place changed."""
    outputs = copy.deepcopy(cell.cell.outputs)
    holder, key = list(texts(outputs))[number]
    start, end = match.span(match.lastindex or 0)
    holder[key] = match.string[:start] + KINDS[kind][1](match.string[start:end]) + match.string[end:]
    assert holder[key] != match.string
    return outputs


def compares(cell: IPyNbCell) -> bool:
    """Whether nbval compares a cell's outputs."""
    return bool(cell.options["check"]) and not cell.options["skip"] and cell.cell.execution_count is not None


def test_what_is_not_changed_passes(cells: list[IPyNbCell]) -> None:
    assert [cell.name for cell in cells if not passes(cell, copy.deepcopy(cell.cell.outputs))] == []


@pytest.mark.parametrize("kind", KINDS)
def test_one_changed_place_of_an_output_is_noticed(kind: str, cells: list[IPyNbCell]) -> None:
    places = candidates(kind, cells)
    chosen = random.Random(f"{SEED} {kind}").sample(places, EACH)  # noqa: S311 - no secret
    unnoticed = [
        (cell.parent.name, cell.name, match[0], match.string[max(0, match.start() - 40) : match.end() + 40])
        for cell, number, match in chosen
        if passes(cell, mutated(cell, number, match, kind))
    ]
    assert unnoticed == []


def test_nine_of_ten_code_cells_compare_their_output(cells: list[IPyNbCell]) -> None:
    compared = sum(compares(cell) for cell in cells)
    print(f"{compared} of {len(cells)} code cells compare their output")
    assert compared >= 0.9 * len(cells)


def test_a_cell_that_does_not_compare_is_seen(cells: list[IPyNbCell]) -> None:
    """The replay itself can fail: what nbval does not compare passes whatever is changed."""
    cell, number, match = candidates("address", cells)[0]
    assert not passes(cell, mutated(cell, number, match, "address"))
    cell.options["check"] = False
    try:
        assert not compares(cell)
        assert passes(cell, mutated(cell, number, match, "address"))
    finally:
        cell.options["check"] = True
