"""Show what a learner has done and predicted: `progress`."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from course_lib import paths
from course_lib.exercises import predictions, questions
from course_lib.exercises.predictions import Record
from course_lib.paths import ROOT


@dataclass(frozen=True)
class Met:
    """A misconception that the learner met, with the notebooks and cells that show otherwise."""

    name: str
    sentence: str
    places: tuple[tuple[str, str], ...]  # words and a link that JupyterLab follows


@dataclass(frozen=True)
class Chapter:
    """A line of the list of chapters."""

    notebook: str
    done: bool
    asked: int  # questions in it
    right: int
    wrong: int

    @property
    def words(self) -> str:
        """Return the chapter's numbers in words; "" if nothing was predicted."""
        if not self.right + self.wrong:
            return ""
        return f"{self.right + self.wrong} of {self.asked} predicted: {self.right} right, {self.wrong} wrong"


class Progress:
    """The chapters with what was predicted in them, and the misconceptions that were met."""

    def __init__(self, record: Record) -> None:
        notebooks = sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9a]*.ipynb"))
        self.chapters = tuple(_chapter(notebook, record) for notebook in notebooks)
        places: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for name, belief in predictions.misconceptions(record.predictions).items():
            places.setdefault((belief.name, belief.sentence), []).append(_place(name))
        self.met = tuple(Met(*belief, tuple(where)) for belief, where in sorted(places.items()))

    def __repr__(self) -> str:
        """Return lines of text, with [x] for a chapter that is done."""
        lines = [f"[{'x' if c.done else ' '}] {_title(c.notebook):26} {c.words}".rstrip() for c in self.chapters]
        for met in self.met:
            lines += [f"{met.name}: {met.sentence}", f"  See {', '.join(words for words, _ in met.places)}."]
        return "\n".join(lines)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        rows = "".join(
            f'<li><span aria-hidden="true">{"☑" if c.done else "☐"}</span> '
            f'<a href="{c.notebook}.ipynb">{_title(c.notebook)}</a>'
            f"{' (done)' if c.done else ''}{f' · {c.words}' if c.words else ''}</li>"
            for c in self.chapters
        )
        # A list without bullets is none for VoiceOver, unless it has the role.
        style = 'style="list-style: none; padding: 0"'
        page = f'<ul role="list" aria-label="Chapters" {style}>{rows}</ul>'
        if self.met:
            items = "".join(
                f"<li><b>{escape(met.name)}:</b> {escape(met.sentence)} See "
                + ", ".join(f'<a href="{link}">{escape(words)}</a>' for words, link in met.places)
                + ".</li>"
                for met in self.met
            )
            page += f'<p>Ideas that the lab refuted:</p><ul aria-label="Ideas that the lab refuted">{items}</ul>'
        return {"text/html": f'<div class="course-progress">{page}</div>', "text/plain": repr(self)}


def progress() -> Progress:
    """Return what the working copy has kept: chapters done, predictions, and misconceptions met.

    A chapter is done when its `clean_up()` has run. Outside of a working copy nothing is kept.
    """
    folder = paths.working_copy()
    return Progress(predictions.read(folder) if folder else Record())


def _chapter(notebook: str, record: Record) -> Chapter:
    asked = questions.chapter(notebook.partition("_")[0])
    made = [one for q in asked if (one := record.predictions.get(q.id)) and one.happened]
    right = sum(one.chosen == one.happened for one in made)
    return Chapter(notebook, notebook in record.done, len(asked), right, len(made) - right)


def _place(name: str) -> tuple[str, str]:
    """Return the words and the link for the place of the cell that decides a question."""
    chapter = questions.named(name).chapter
    path = next((ROOT / "notebooks").glob(f"{chapter}_*.ipynb"))
    heading = questions.heading(path, name)
    return f"{_title(path.stem)}, {heading}", f"{path.name}#{heading.replace(' ', '-')}"


def _title(notebook: str) -> str:
    return notebook.replace("_", " ")
