"""Run the claims of the notebooks, `./course claims`: each sentence about an engine or the kernel, tried: `run`.

A file of notebooks/claims/ belongs to one notebook. A claim is a sentence of it, with attempts to break it: shell
scripts and what each prints if the sentence is true. An engine that nobody has run before is tried with the claims of
another one (`--claims-of`): it prints the sentences that are no longer true.
"""

from __future__ import annotations

import contextlib
import re
import sys
import textwrap
import time
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty, SimpleQueue

import click

from course_lib.commands import cli
from course_lib.console import say
from course_lib.engine import client
from course_lib.errors import CourseError
from course_lib.lab import execute, images
from course_lib.lab.lifecycle import DEFAULT_ENGINE, Lab, from_environment
from course_lib.paths import ROOT
from course_lib.setup import docker_install

CLAIMS = ROOT / "notebooks" / "claims"
ENGINES = tuple(images.RELEASES)
FUNCTIONS = (ROOT / "tools" / "claims.sh").read_text()
TIMEOUT = 120.0  # seconds for one attempt, or to set up a scene


@dataclass(frozen=True)
class Attempt:
    """A script that runs on the lab's host, and the regular expression that finds its output if the claim is true.

    `further` says how the attempt goes beyond the chapter ("after a restart of dockerd"), "" if it does not. An attempt
    that `spoils` the scene for others is followed by a new lab.
    """

    run: str
    expect: str
    engines: tuple[str, ...]
    further: str = ""
    spoils: bool = False

    def held(self, output: str) -> bool:
        """Return whether an output is that of a true claim. `^` and `$` match at each line."""
        return re.search(self.expect, output, re.MULTILINE) is not None


@dataclass(frozen=True)
class Claim:
    """A sentence as it stands in a notebook, its attempts, and the document or source file that says so."""

    id: str
    sentence: str
    source: str
    scene: str
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True)
class Chapter:
    """The claims of one notebook, whose path is relative to the course's folder, and the scripts that set up scenes."""

    name: str
    notebook: str
    scenes: dict[str, str]
    claims: tuple[Claim, ...]


@dataclass(frozen=True)
class Result:
    """What an attempt printed, or why it could not run, and whether its claim held."""

    claim: Claim
    number: int  # of the attempt, from 1
    engine: str
    held: bool
    output: str
    seconds: float


@dataclass(frozen=True)
class Scene:
    """Claims of one chapter that are tried one after another in the same set-up."""

    script: str
    claims: tuple[Claim, ...]


def read(file: Path) -> Chapter:
    """Read a file of claims. Raises CourseError if it is not one."""
    try:
        data = tomllib.loads(file.read_text())
        scenes = {"": "", **data.get("scenes", {})}
        claims = tuple(_claim(item, scenes) for item in data["claims"])
        return Chapter(file.stem, data["notebook"], scenes, claims)
    except (tomllib.TOMLDecodeError, KeyError, TypeError, re.error) as error:
        raise CourseError(f"{file.name} is not a file of claims: {error!r}") from error


def _claim(item: dict[str, object], scenes: dict[str, str]) -> Claim:
    entries = dict(item)
    everywhere = entries.pop("engines", ENGINES)
    attempts = entries.pop("attempts")
    claim = Claim(
        **{"scene": "", **entries},  # type: ignore[arg-type]  # a wrong key raises TypeError
        attempts=tuple(
            Attempt(**{**each, "engines": tuple(each.get("engines", everywhere))})
            for each in attempts  # type: ignore[attr-defined]
        ),
    )
    scenes[claim.scene]  # raises KeyError
    for attempt in claim.attempts:
        re.compile(attempt.expect)
    return claim


def scenes_of(chapter: Chapter, claims_of: str) -> Iterator[Scene]:
    """Yield the scenes of a chapter in which something is claimed for an engine."""
    for name, script in chapter.scenes.items():
        claims = [claim for claim in chapter.claims if claim.scene == name]
        if mine := tuple(c for c in claims if any(claims_of in attempt.engines for attempt in c.attempts)):
            yield Scene(script, mine)


def try_scene(lab: Lab, scene: Scene, engine: str, claims_of: str) -> Iterator[Result]:
    """Try the claims of a scene in a lab, which is reset first and after an attempt that spoils the scene."""
    spoiled = True
    for claim in scene.claims:
        for number, attempt in enumerate(claim.attempts, 1):
            if claims_of not in attempt.engines:
                continue
            if spoiled:
                lab.reset()
                ready, printed = _run(lab, f"set -e\n{scene.script}")
            began = time.monotonic()
            if ready:
                held, output = try_attempt(lab, attempt)
            else:
                held, output = False, f"The scene could not be set up: {printed}"
            spoiled = attempt.spoils or not held
            yield Result(claim, number, engine, held, output, time.monotonic() - began)


def try_again(lab: Lab, scene: Scene, refuted: Result, claims_of: str) -> Result:
    """Try a refuted attempt once more, in a new lab and by itself: on a busy machine it may have been too slow."""
    claim = replace(refuted.claim, attempts=(refuted.claim.attempts[refuted.number - 1],))
    [again] = try_scene(lab, Scene(scene.script, (claim,)), refuted.engine, claims_of)
    return replace(again, claim=refuted.claim, number=refuted.number)


def try_attempt(lab: Lab, attempt: Attempt) -> tuple[bool, str]:
    """Run an attempt; return whether its claim held, and what the attempt printed or why it could not run."""
    ran, output = _run(lab, f"{attempt.run}\ntrue")
    return ran and attempt.held(output), output


def _run(lab: Lab, script: str) -> tuple[bool, str]:
    """Run a script on the lab's host; return whether it succeeded, and what it printed or why it did not."""
    printed: list[str] = []
    try:
        execute.run(lab, f"{FUNCTIONS}\n{script}", timeout=TIMEOUT, show=printed.append)
    except CourseError as error:
        return False, f"{''.join(printed).rstrip()}\n{error}".strip()
    return True, "".join(printed).rstrip()


def try_all(
    lab: Lab, chapters: Iterable[Chapter], engine: str, claims_of: str, *, jobs: int, keep: bool
) -> list[Result]:
    """Try claims on an engine, in `jobs` labs at the same time: relatives of `lab`, removed unless `keep`."""
    waiting: SimpleQueue[Scene] = SimpleQueue()
    for chapter in chapters:
        for scene in scenes_of(chapter, claims_of):
            waiting.put(scene)

    def work(own: Lab) -> list[Result]:
        results: list[Result] = []
        try:
            own.up(engine, images.need_package)
            with contextlib.suppress(Empty):
                while True:
                    scene = waiting.get_nowait()
                    for result in try_scene(own, scene, engine, claims_of):
                        results.append(result if result.held else try_again(own, scene, result, claims_of))
                        if not results[-1].held:
                            say(line(results[-1]))
        finally:
            if not keep:
                own.remove()
        return results

    with ThreadPoolExecutor(jobs) as pool:
        labs = [lab.relative(f"claims-{engine}-{number}") for number in range(jobs)]
        return [result for results in pool.map(work, labs) for result in results]


def line(result: Result) -> str:
    """Return a row of the table, and for a refuted claim below it what was expected and what was printed."""
    sentence = " ".join(result.claim.sentence.split())
    verdict, name = "held" if result.held else "refuted", f"{result.claim.id} {result.number}"
    row = f"{verdict:8}{result.engine:7} {name:40} "
    if result.held:
        return row + textwrap.shorten(sentence, 100, placeholder=" ...")
    expected = result.claim.attempts[result.number - 1].expect
    printed = textwrap.indent(result.output or "nothing", " " * 12)
    return f"{row}{sentence}\n        expected {expected}\n        printed\n{printed}"


def run(
    lab: Lab, files: Sequence[Path], engines: Sequence[str], claims_of: str | None, *, jobs: int, keep: bool
) -> int:
    """Try the claims of files on engines and print a table; return 1 if any was refuted.

    With `claims_of`, the claims for that engine are tried on the others. Raises CourseError.
    """
    chapters = [read(file) for file in files]
    docker_install.ensure_engine(client.outer, say, install=True)
    results = []
    for engine in engines:
        began = time.monotonic()
        mine = try_all(lab, chapters, engine, claims_of or engine, jobs=jobs, keep=keep)
        for result in sorted(mine, key=lambda each: (each.claim.id, each.number)):
            say(line(result))
        refuted = {result.claim.id for result in mine if not result.held}
        count = len({result.claim.id for result in mine})
        say(f"{engine}: {count - len(refuted)} of {count} claims held, in {time.monotonic() - began:.0f} s\n")
        results += mine
    return 0 if all(result.held for result in results) else 1


def files_of(names: Sequence[str]) -> list[Path]:
    """Return the files of claims with these names ("02"), or all. Raises CourseError for a name without a file."""
    every = sorted(CLAIMS.glob("*.toml"))
    chosen = [file for file in every if not names or file.stem in names]
    if wrong := sorted(set(names) - {file.stem for file in every}):
        raise CourseError(f"No claims are called {wrong[0]}: choose from {', '.join(file.stem for file in every)}.")
    return chosen


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("chapters", nargs=-1)
@click.option(
    "--engine",
    type=click.Choice((*ENGINES, "all")),
    default=DEFAULT_ENGINE,
    show_default=True,
    help="Try them on this engine.",
)
@click.option("--claims-of", type=click.Choice(ENGINES), help="Try what is claimed for this engine  [default: its own]")
@click.option("--jobs", type=click.IntRange(1, 8), default=2, show_default=True, help="Labs at the same time.")
@click.option("--keep", is_flag=True, help="Keep the labs for the next run; `./course down` removes them.")
def main(chapters: tuple[str, ...], engine: str, claims_of: str | None, jobs: int, keep: bool) -> None:
    """Try the sentences of CHAPTERS (all by default) on an engine, and list those that are not true.

    \b
    Examples:
      ./course claims 02                              chapter 02 on the default engine
      ./course claims --engine all                    every sentence on every engine: takes long
      ./course claims --engine newest --claims-of 26.1    what has changed since 26.1
    """
    chosen = ENGINES if engine == "all" else (engine,)
    sys.exit(run(from_environment(), files_of(chapters), chosen, claims_of, jobs=jobs, keep=keep))


if __name__ == "__main__":
    cli.entry(main, "./course claims")
