"""Ask a chapter's questions again, in a terminal or in a notebook: `quiz`.

A fresh lab decides them, with other names and ports. The chapter's own cells run in a kernel on a relative of the
learner's lab, each up to the one that decides a question. notebooks/questions/NN.toml says in `renamed` which words are
replaced in the cells and in the questions.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from course_lib.console import say, step
from course_lib.errors import CourseError
from course_lib.exercises import catalog, questions
from course_lib.exercises.questions import Choice, Question
from course_lib.lab.lifecycle import Lab
from course_lib.paths import ROOT

SHOWS = re.compile(r"(?:predict\(.*\)|look\(\)|words\(\)|live\(\)|way|print\(way\))")  # a cell that changes nothing
DECIDES = r"(?:--decides |decides=\"|\bdecide\(\")"  # what is before the id of a question in the cell that decides it
WORD = re.compile(rf"(?P<id>{DECIDES}[\w-]+)|\b\w+\b")
SECONDS = 120  # that a cell may take


def quiz(lab: Lab, name: str, need: Callable[[str], None], answer: Callable[[Question], Choice]) -> tuple[int, int]:
    """Ask a chapter's questions with `answer`, print the outcomes, and return how many were right, and of how many.

    `name` is the beginning of a notebook's name ("01"); `need(package)` installs a Debian package or raises
    CourseError. The lab for it has the engine version of `lab` and is removed at the end. Raises CourseError if there
    is no such chapter, or if its cells fail.
    """
    found = sorted(path for path in (ROOT / "notebooks").glob("*.ipynb") if path.stem.startswith(name) and name)
    if len(found) != 1:
        raise CourseError(f"{name!r} does not name one chapter: write its number, such as 01.")
    chapter = found[0].stem.partition("_")[0]
    words = questions.renamed(chapter)
    asked = [renamed(question, words) for question in questions.chapter(chapter)]
    place = lab.relative("quiz")
    right, refuted = 0, []
    try:
        place.up(lab.version(), need)
        outputs = _outputs(found[0], [question.id for question in asked], words, place)
        for number, question in enumerate(asked, 1):
            with step(f"Preparing question {number} of {len(asked)}"):
                next(outputs)
            chosen = answer(question)
            output = next(outputs)
            happened = question.outcome(output)
            for line in questions.verdict(question, chosen.text, happened):
                say(line)
            if happened:
                say(questions.evidence(happened, output))
            right += chosen == happened
            refuted += [chosen.thinks] if happened not in (None, chosen) else []
    finally:
        place.remove()
    say(f"{right} of {len(asked)} right.")
    if refuted:
        say("Ideas that the lab refuted:")
    for belief in dict.fromkeys(refuted):
        say(f"  {belief.name}: {belief.sentence}")
    return right, len(asked)


def renamed(question: Question, words: Mapping[str, str]) -> Question:
    """Return a question about other names and ports."""
    choices = tuple(replace(c, text=_other(c.text, words), shows=_other(c.shows, words)) for c in question.choices)
    return replace(question, text=_other(question.text, words), choices=choices)


def _other(text: str, words: Mapping[str, str]) -> str:
    """Replace whole words, but none in the id of a question."""
    return WORD.sub(lambda found: found[0] if found["id"] else words.get(found[0], found[0]), text)


def _outputs(path: Path, names: list[str], words: Mapping[str, str], lab: Lab) -> Iterator[str]:
    """Run a notebook's cells in a new kernel on a lab; for each question yield twice: before it is decided, and after.

    The second time it is the output that decides. Raises CourseError if a cell fails.
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    book = nbformat.read(path, as_version=4)
    book.cells = [cell for cell in book.cells if cell.cell_type == "code" and not SHOWS.fullmatch(cell.source)]
    for cell in book.cells:
        cell.source = _other(cell.source, words)
    path_of_course = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "COURSE_LAB": lab.name, "PYTHONPATH": path_of_course}
    environment.pop("COURSE_PROJECTOR", None)
    with tempfile.TemporaryDirectory() as folder:  # not a working copy: nothing is kept
        client = NotebookClient(book, timeout=SECONDS, resources={"metadata": {"path": folder}})
        with client.setup_kernel(env=environment):
            cells = iter(list(enumerate(book.cells)))
            try:
                for name in names:
                    decides = re.compile(rf"{DECIDES}{name}(?![\w-])")
                    number, cell = next(cells)
                    while not decides.search(cell.source):
                        client.execute_cell(cell, number)
                        number, cell = next(cells)
                    yield ""
                    client.execute_cell(cell, number)
                    yield _output(client, name)
            except (CellExecutionError, DeadKernelError) as error:
                last = str(error).strip().splitlines()[-1:]
                raise CourseError(f"A cell of {path.stem} failed: {''.join(last)}") from error
            except TimeoutError as error:
                raise CourseError(f"A cell of {path.stem} took more than {SECONDS} s: run the quiz again.") from error


def _output(client: Any, name: str) -> str:
    """Return what decided a question in the client's kernel."""
    import nbformat

    cell = nbformat.v4.new_code_cell(
        f'from course_lib.notebook import prediction as _p\nprint(_p.outputs["{name}"], end="")'
    )
    client.nb.cells.append(cell)
    client.execute_cell(cell, len(client.nb.cells) - 1)
    return "".join(output.get("text", "") for output in cell.outputs)


def ask(question: Question) -> Choice:
    """Ask a question, with its choices in the learner's own order, and return the choice whose number is typed.

    Raises CourseError if nobody can type here.
    """
    say("")
    say(question.text)
    choices = questions.shuffled(question, catalog.learner()).choices
    for number, choice in enumerate(choices, 1):
        say(f"  {number}  {choice.text}")
    numbers = [str(number) for number in range(1, len(choices) + 1)]
    typed = ""
    while typed not in numbers:
        try:
            typed = input(f"Your prediction ({', '.join(numbers)}): ").strip()
        except (EOFError, NotImplementedError) as error:  # NotImplementedError: a kernel that nobody can type to
            raise CourseError("Nobody can answer here: run the quiz in a terminal or in JupyterLab.") from error
    return choices[int(typed) - 1]
