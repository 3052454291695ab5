"""Read the questions of the chapters: `chapter` and `named`. `Question.outcome` decides one by what the lab showed.

notebooks/questions/NN.toml has a chapter's questions, and beliefs.toml what somebody thinks who makes a choice. Which
choice is right is written nowhere: each has a regular expression for the output of the cell that decides the question.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from course_lib.errors import CourseError
from course_lib.paths import ROOT

FOLDER = ROOT / "notebooks" / "questions"
BELIEFS = "beliefs"
MOST_LINES = 12  # of an output that is shown next to a prediction


@dataclass(frozen=True)
class Belief:
    """What somebody thinks who makes a choice. If the lab shows something else, it is a misconception."""

    id: str
    name: str
    sentence: str


@dataclass(frozen=True)
class Choice:
    """One answer to a question."""

    text: str
    shows: str  # the regular expression that is found in the deciding output if this is what happens
    thinks: Belief


@dataclass(frozen=True)
class Question:
    """A question that the output of one cell decides."""

    id: str
    chapter: str  # "01", "appendix"
    text: str
    choices: tuple[Choice, ...]

    def choice(self, text: str) -> Choice | None:
        """Return the choice with this text; None if there is none (any more)."""
        return next((choice for choice in self.choices if choice.text == text), None)

    def outcome(self, output: str) -> Choice | None:
        """Return the choice that an output shows to be what happened; None if it shows none of them, or several."""
        shown = [choice for choice in self.choices if re.search(choice.shows, output, re.MULTILINE)]
        return shown[0] if len(shown) == 1 else None

    def __str__(self) -> str:
        """Return the question and its choices, a line each."""
        return "\n".join([f"Predict: {self.text}", *(f"  ( ) {choice.text}" for choice in self.choices)])


def evidence(choice: Choice, output: str) -> str:
    """Return the lines of an output that show a choice: those of its expression's groups, else those where it is found.

    An expression about what is absent has neither: then it is the whole output, to MOST_LINES.
    """
    found = re.search(choice.shows, output, re.MULTILINE)
    spans = [found.span(number) for number in range(1 if found.re.groups else 0, found.re.groups + 1)] if found else []
    at, lines = 0, []
    for line in output.splitlines(keepends=True):
        if any(begin < at + len(line) and at < end for begin, end in spans):
            lines.append(line.rstrip("\n"))
        at += len(line)
    lines = lines or output.strip("\n").splitlines()
    return "\n".join(lines[:MOST_LINES] + (["..."] if len(lines) > MOST_LINES else []))


def verdict(question: Question, chosen: str, happened: Choice | None) -> list[str]:
    """Return lines of text: what somebody chose, what the lab shows, and the belief behind it if that differs."""
    if happened is None:
        return [f"You predicted: {chosen}. The output does not decide between the choices."]
    if happened.text == chosen:
        return [f"You predicted: {chosen}. The lab shows the same."]
    choice = question.choice(chosen)
    idea = [f'The idea behind it may be: "{choice.thinks.sentence}"'] if choice else []
    return [f"You predicted: {chosen}. The lab shows: {happened.text}.", *idea]


@functools.cache
def every() -> Mapping[str, Question]:
    """Return the questions of all chapters by id, in order."""
    found: dict[str, Question] = {}
    beliefs = {b["id"]: Belief(**b) for b in tomllib.loads(_text(BELIEFS))["belief"]}
    for path in sorted(FOLDER.glob("*.toml")):
        if path.stem != BELIEFS:
            for raw in tomllib.loads(_text(path.stem))["question"]:
                choices = tuple(Choice(c["text"], c["shows"], beliefs[c["thinks"]]) for c in raw["choices"])
                found[raw["id"]] = Question(raw["id"], path.stem, raw["text"], choices)
    return MappingProxyType(found)


def _text(name: str) -> str:
    return (FOLDER / f"{name}.toml").read_text(encoding="utf-8")


def named(name: str) -> Question:
    """Return the question with this id; raises CourseError if there is none."""
    if name not in every():
        raise CourseError(f"There is no question {name!r}: notebooks/questions has their ids.")
    return every()[name]


def shuffled(question: Question, learner: str) -> Question:
    """Return a question with its choices in another order: always the same one for a learner and a question."""

    def place(numbered: tuple[int, Choice]) -> bytes:
        return hashlib.sha256(f"{learner}/{question.id}/{numbered[0]}".encode()).digest()

    return replace(question, choices=tuple(choice for _, choice in sorted(enumerate(question.choices), key=place)))


def chapter(name: str) -> tuple[Question, ...]:
    """Return the questions of a chapter ("01"), in the order of its notebook; none if it has none."""
    return tuple(question for question in every().values() if question.chapter == name)


def renamed(chapter: str) -> Mapping[str, str]:
    """Return which words of a chapter's cells `./course quiz` replaces, and by what."""
    return {str(word): str(other) for word, other in tomllib.loads(_text(chapter)).get("renamed", {}).items()}


def heading(notebook: Path, name: str) -> str:
    """Return the heading of the section of a notebook that asks a question; "" if it has none."""
    last = ""
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            last = ([last, *re.findall(r"^#+ (.+)$", text, re.MULTILINE)])[-1]
        elif f'predict("{name}")' in text:
            return last
    return ""
