"""Test the prose of the notebooks and documents: words that must not come back, and a reading grade."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import textstat
import yaml

from course_lib.paths import ROOT

NOTEBOOKS = sorted([*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("exercises/*/*.ipynb")])
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted(ROOT.glob("docs/[!s]*.md")),  # reports of the soak are records
]
RULE = yaml.safe_load((ROOT / "tests" / "style" / "Words.yml").read_text())
MOST = 9.0  # reading grade (Flesch-Kincaid): years of school that a text needs


def prose(markdown: str) -> str:
    """Return the sentences of markdown: without code, tables, titles, HTML tags and marks."""
    text = re.sub(r"```.*?```", "", markdown, flags=re.DOTALL)
    text = re.sub(r"^(#+ |\||    ).*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"<code>.*?</code>|`[^`]*`", "it", text, flags=re.DOTALL)
    text = re.sub(r"<[^>]+>|[*_]", "", text)
    return re.sub(r"!?\[([^]]*)\]\([^)]*\)", r"\1", text)


def text_of(file: Path) -> str:
    """Return the prose of a notebook or a document."""
    if file.suffix != ".ipynb":
        return prose(file.read_text())
    cells = json.loads(file.read_text())["cells"]
    return "\n\n".join(prose("".join(cell["source"])) for cell in cells if cell["cell_type"] == "markdown")


def words_to_replace(text: str) -> list[str]:
    """Return what a text has of the words of the rule, each with what to write instead."""
    flat = " ".join(text.split())
    return [
        f"{flat[max(0, found.start() - 30) : found.end() + 30]!r}: {instead}"
        for words, instead in RULE["swap"].items()
        for found in re.finditer(rf"(?<!\w)(?:{words})(?!\w)", flat, re.IGNORECASE)
    ]


@pytest.mark.parametrize("file", [*NOTEBOOKS, *DOCUMENTS], ids=lambda file: str(file.relative_to(ROOT)))
def test_no_prose_has_words_that_must_not_come_back(file: Path) -> None:
    assert words_to_replace(text_of(file)) == []


def test_the_words_are_found_across_lines_and_left_alone_within_others() -> None:
    assert len(words_to_replace("A rule was\nmended. The lab is well.")) == 2
    assert words_to_replace("We recommend it; besides, it works well with tea.") == []


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: str(file.relative_to(ROOT)))
def test_the_prose_of_a_notebook_is_easy_to_read(file: Path) -> None:
    sentences = [" ".join(part.split()) for part in text_of(file).split("\n\n") if len(part.split()) > 3]
    assert textstat.flesch_kincaid_grade("\n".join(sentences)) <= MOST
