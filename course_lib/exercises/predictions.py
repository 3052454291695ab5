"""Keep a learner's predictions in the working copy: `read`, `save`. Nothing leaves the machine without `packed`."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from course_lib.console import say
from course_lib.exercises import questions
from course_lib.exercises.catalog import write
from course_lib.exercises.questions import Belief

NOTE = "predictions.json"


@dataclass(frozen=True)
class Prediction:
    """What a learner predicted, and what the lab showed."""

    chosen: str  # the text of a choice
    run: str  # the run of the chapter in which it was chosen: it can be changed only there
    happened: str = ""  # the text of a choice; "" until the lab has decided


@dataclass
class Record:
    """All that is kept: predictions by the question's id, and the chapters that were worked through to their end."""

    predictions: dict[str, Prediction] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)  # names of notebooks: "01_docker0"


def read(folder: Path) -> Record:
    """Return what a working copy has kept; nothing yet if it has no file.

    A file that is damaged is kept under another name, which is printed.
    """
    path = folder / NOTE
    try:
        raw = json.loads(path.read_bytes())
        made = {str(name): _prediction(one) for name, one in raw["predictions"].items()}
        return Record(made, [str(name) for name in raw["done"]])
    except FileNotFoundError:
        return Record()
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        stem = f"predictions.damaged-{datetime.date.today()}"
        names = (folder / f"{stem}{f'-{number}' if number > 1 else ''}.json" for number in count(1))
        kept = next(name for name in names if not name.exists())
        path.rename(kept)
        say(f"{NOTE} is damaged, so your predictions begin anew; the damaged file is kept as {kept.name}.")
        return Record()


def _prediction(raw: Mapping[str, Any]) -> Prediction:
    return Prediction(str(raw["chosen"]), str(raw["run"]), str(raw["happened"]))


def save(folder: Path, record: Record) -> None:
    """Write what is to be kept, atomically; raises CourseError if the folder cannot be written."""
    write(folder / NOTE, json.dumps(asdict(record), indent=1, ensure_ascii=False) + "\n")


def packed(record: Record) -> bytes:
    """Return the decided predictions as JSON to hand in: the question's id, the choice, what happened."""
    made = {
        name: {"chosen": one.chosen, "happened": one.happened}
        for name, one in record.predictions.items()
        if one.happened
    }
    return (json.dumps({"predictions": made}, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def misconceptions(made: Mapping[str, Prediction]) -> dict[str, Belief]:
    """Return the beliefs that the lab refuted, by the question's id; unknown questions and choices are left out."""
    found = {}
    for name, one in made.items():
        question = questions.every().get(name)
        if question and one.happened and one.happened != one.chosen:
            choice, happened = question.choice(one.chosen), question.choice(one.happened)
            if choice and happened:
                found[name] = choice.thinks
    return found


def handed_in(note: bytes) -> dict[str, str]:
    """Return the ids of the refuted beliefs by the question's id, from what a stranger handed in; {} if not valid."""
    try:
        raw = json.loads(note)["predictions"]
        made = {str(name): _prediction({**one, "run": ""}) for name, one in raw.items()}
        return {name: belief.id for name, belief in misconceptions(made).items()}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError):
        return {}
