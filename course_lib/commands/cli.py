"""Define the commands of `./course`; `entry` runs one and turns errors into one sentence."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import sys
from pathlib import Path

import click

from course_lib import paths
from course_lib.commands import jupyter, terminal, working_copy
from course_lib.console import say
from course_lib.engine import client
from course_lib.engine.labels import PARENT_LABEL
from course_lib.errors import CourseError, EngineForbiddenError
from course_lib.exercises import predictions
from course_lib.grading import sandbox
from course_lib.lab import facts, images, machine
from course_lib.lab.lifecycle import DEFAULT_ENGINE, Lab, from_environment
from course_lib.network import parse_facts
from course_lib.setup import docker_install


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Run the course on Docker container networking: notebooks, and a lab that is a Docker host of your own.

    \b
    Examples:
      ./course up                     set up what is missing, start the lab, open JupyterLab
      ./course shell docker ps        run one command on the lab's host
      ./course graph -o now.png       draw the lab's network
      ./course reach                  ask who can talk to whom, and what decides
      ./course bundle course.tar      write all that a machine without a network needs to one file
      ./course down                   remove the lab, and verify that the machine is unchanged

    Contributors also have `./course test`, which runs the tests: see `./course test --help`.
    """


WORK_OPTION = click.option(
    "--work",
    type=click.Path(path_type=Path),
    envvar="COURSE_WORK",
    help="The folder with your copies of the notebooks  [default: my-course in the course's folder]",
)


@main.command()
@click.option("--no-browser", is_flag=True, help="Start JupyterLab without opening a browser.")
@click.option("--no-install", is_flag=True, help="Install nothing on this machine; fail if something is missing.")
@click.option(
    "--engine",
    "version",
    type=click.Choice(sorted(images.RELEASES)),
    default=DEFAULT_ENGINE,
    show_default=True,
    help="The version of the lab's Docker engine.",
)
@click.option("--projector", is_flag=True, help="Show one step at a time, in large type, with the live picture.")
@click.option(
    "--from-bundle",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Take packages and images from a file that `./course bundle` wrote; use no network.",
)
@WORK_OPTION
def up(  # noqa: PLR0917 # click passes all by name
    no_browser: bool, no_install: bool, version: str, projector: bool, file: Path | None, work: Path | None
) -> None:
    """Set up what is missing, start the lab, and open JupyterLab.

    JupyterLab opens your copies of the notebooks, without outputs, in my-course or in the folder of --work. When the
    course has newer notebooks, a copy that you did not change is replaced. One that you changed stays, and the newer
    one is added next to it. The lab keeps running when JupyterLab ends (Ctrl-C).

    \b
    Examples:
      ./course up
      ./course up --no-browser --engine newest
      ./course up --work ~/networking      work in another folder than my-course
      ./course up --from-bundle /media/stick/course.tar
    """
    if file:
        _load(file, version, install=not no_install)
    folder = working_copy.lay(work or paths.work())
    lab = from_environment()
    start(lab, version, install=not no_install)
    say(f"The lab is running, with Docker engine {lab.real_version()}.")
    say("It keeps running when JupyterLab ends (Ctrl-C here): remove it with `./course down`.")
    say(f"Your copies of the notebooks are in {folder}.")
    jupyter.jupyter_lab(folder, browser=not no_browser, projector=projector)


def _load(file: Path, version: str, *, install: bool) -> None:
    """Load the images of a bundle into this machine's engine. Raises CourseError."""
    from course_lib.setup import bundle

    if machine.find_program("dockerd"):
        docker_install.ensure_engine(client.outer, say, install=install)  # it may be stopped
    else:
        client.outer()  # a bundle has no engine: raises if there is none
    bundle.load(file, version)


def start(lab: Lab, version: str, *, install: bool) -> None:
    """Start a lab with an engine version, after installing what it needs on this machine. Raises CourseError."""
    docker_install.ensure_engine(client.outer, say, install=install)
    lab.up(version, functools.partial(images.need_package, install=install))


@main.command()
def reset() -> None:
    """Replace the lab's host and client by new ones.

    The course's images are kept; everything else in the lab is removed.

    \b
    Examples:
      ./course reset
      COURSE_LAB=second ./course reset     the lab called "second"
    """
    from_environment().reset()
    say("The lab has been reset.")


@main.command()
@click.option("--images", "remove_images", is_flag=True, help="Remove the course's images too.")
def down(remove_images: bool) -> None:
    """Remove the lab, and verify that the machine is unchanged.

    What was removed is listed. The exit code is 1 if containers, networks, volumes or firewall rules of the machine
    have changed.

    \b
    Examples:
      ./course down
      ./course down --images               also free the disk space of the images
    """
    lab = from_environment()
    sandbox.remove_left(f"{PARENT_LABEL}={lab.name}")
    as_before = lab.down(remove_images)
    if not as_before:
        sys.exit(1)


@main.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def shell(command: tuple[str, ...]) -> None:
    """Open a shell on the lab's host, or run one COMMAND there.

    The exit code is that of COMMAND. As with ssh, the words of COMMAND are joined with spaces, and the shell on the
    lab's host splits them again: an argument with a space needs quotes of its own.

    \b
    Examples:
      ./course shell docker ps -a
      ./course shell "docker ps --format '{{.Names}} {{.Ports}}'"
    """
    sys.exit(terminal.shell(from_environment().require(), " ".join(command)))


@main.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the picture to this .png or .svg file.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the Snapshot as JSON.")
@click.option("--all", "each", is_flag=True, help="Show each container, even of a group of identical ones.")
@click.option(
    "--engine-of-this-machine",
    "own",
    is_flag=True,
    help="Show your own engine instead of the lab: read-only, as far as your permissions allow.",
)
def graph(output: Path | None, as_json: bool, each: bool, own: bool) -> None:
    """Describe or draw the lab's network as it is now.

    \b
    Examples:
      ./course graph
      ./course graph -o now.svg
      ./course graph --engine-of-this-machine --json
    """
    if output and output.suffix.lower() not in {".png", ".svg"}:
        raise click.BadParameter("the name must end in .png or .svg", param_hint="'-o'")
    from course_lib.lab import learner_engine_facts
    from course_lib.network.describe import describe

    now = parse_facts.snapshot(learner_engine_facts.read() if own else facts.read(from_environment()))
    apart = [container.name for container in now.containers] if each else []
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(now), indent=2, ensure_ascii=False))
    elif output:
        from course_lib.picture.layout.page import layout
        from course_lib.picture.render_png import save

        try:
            save(layout(now, apart), output, description=describe(now, apart))
        except OSError as error:
            raise CourseError(f"Could not write {output}: {error.strerror}.") from error
        say(f"Wrote {output}.")
    else:
        say(describe(now, apart))


@main.command()
@click.argument("names", nargs=-1)
@click.option("--why", nargs=3, metavar="FROM TO WHAT", help="Explain one answer: WHAT is ping, name or a port.")
def reach(names: tuple[str, ...], why: tuple[str, str, str] | None) -> None:
    """Ask who can talk to whom in the lab, and say what decided.

    The client, the host and each container ask each container, the host and the client: by ping, by name, and at each
    port that is listened on or published. NAMES limit it to some of them. Containers need no tools for it.

    \b
    Examples:
      ./course reach
      ./course reach client web db
      ./course reach --why client web 8080
    """
    from course_lib.packet_path import reach_ask, reach_view

    found = reach_ask.reach(from_environment(), why[:2] if why else names)
    click.echo(reach_view.why(found.field(*why)) if why else reach_view.text(found), nl=False)


@main.command()
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object, for a teacher who collects the reports of a class."
)
def doctor(as_json: bool) -> None:
    """Check this machine, and print what to do about problems.

    Nothing is installed or changed; if the images exist, a lab is made for some seconds, to try what the chapters do.
    The exit code is 1 if a problem keeps the course from working.

    \b
    Examples:
      ./course doctor
      ./course doctor --json > "$(hostname).json"
    """
    from course_lib.setup import doctor as checkup

    try:
        client.connect()
    except EngineForbiddenError:
        _go_on_in_group()
    except CourseError:
        pass  # the report contains it
    sys.exit(checkup.report(from_environment(), as_json=as_json))


@main.command()
@click.argument("notebook")
@WORK_OPTION
def restore(notebook: str, work: Path | None) -> None:
    """Get a fresh copy of NOTEBOOK, and keep the old one.

    The old one gets another name, which is printed. NOTEBOOK is the name of a chapter or an exercise, or its beginning.

    \b
    Examples:
      ./course restore 02                  chapter 02
      ./course restore exercises/02        the exercise 02_publish_three_ways
    """
    working_copy.restore(work or paths.work(), notebook)


@main.command()
@click.argument("exercise")
@click.option(
    "--with-predictions", is_flag=True, help="Pack your predictions in the chapters, too. Otherwise they stay here."
)
@WORK_OPTION
def submit(exercise: str, with_predictions: bool, work: Path | None) -> None:
    """Run the answer to EXERCISE in a new lab, and pack it.

    The packed file is what you hand in. It contains your predictions only with --with-predictions: then the report of
    your class counts the misconceptions behind wrong ones, without names.

    \b
    Examples:
      ./course submit 02_publish_three_ways
      ./course submit 03_own_bridge --with-predictions
    """
    from course_lib.grading import hand_in as handing_in

    folder = work or paths.work()
    made = predictions.read(folder) if with_predictions else None
    done = handing_in.submit(from_environment(), exercise, images.need_package, folder / "exercises", made)
    sys.exit(0 if done else 1)


@main.command()
@click.argument("chapter")
def quiz(chapter: str) -> None:
    """Ask the questions of CHAPTER again, here in the terminal.

    The chapter's commands run in a lab of their own, with other names and ports where that is possible, and decide
    each question after you have answered it. Your own lab is not touched, and nothing is kept.

    \b
    Examples:
      ./course quiz 01
      ./course quiz 03
    """
    from course_lib.commands import quiz as asking

    asking.quiz(from_environment(), chapter, images.need_package, asking.ask)


@main.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False)
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder for the report.")
@click.option("--from-evidence", is_flag=True, help="Mark again from the evidence in --out, without Docker.")
@click.option(
    "--jobs", type=click.IntRange(1, 64), help="Number of labs at the same time  [default: by CPUs and memory]"
)
@click.option(
    "--seconds", type=click.FloatRange(1, 3600), default=120.0, show_default=True, help="Time limit for one answer."
)
@click.option(
    "--hint-price", type=click.FloatRange(min=0), default=0.0, help="Points to subtract for each step of hint()."
)
@click.option("--trusted", is_flag=True, help="Grade even where labs have no user namespace.")
def grade(  # noqa: PLR0917 # click passes all by name
    folder: Path | None,
    out: Path,
    from_evidence: bool,
    jobs: int | None,
    seconds: float,
    hint_price: float,
    trusted: bool,
) -> None:
    """Grade the submissions of a class.

    FOLDER has a folder or an archive for each learner. The report is a web page, grades.csv and junit.xml.

    \b
    Examples:
      ./course grade submissions --out report
      ./course grade submissions --out report --jobs 4 --hint-price 0.5
      ./course grade --from-evidence --out report     after a change of checks.py
    """
    from course_lib.grading import report

    if folder is None and not from_evidence:
        raise click.BadParameter("name the folder to grade", param_hint="'FOLDER'")
    with report.held(out, new=not from_evidence):
        if folder and not from_evidence:
            from course_lib.grading import grader

            grader.grade(
                from_environment(), folder, out, images.need_package, jobs=jobs, limit=seconds, trusted=trusted
            )
        learners = report.read(out, hint_price)
        report.write(out, learners)
    say(f"Wrote the report {out / 'index.html'}.")
    failed = [f"{learner.name}: {why}" for learner in learners for why in learner.failed]
    for line in failed:
        say(f"Not graded: {line}")
    if failed:
        raise CourseError(
            "Some submissions could not be graded: the report says why, and the same command tries them again."
        )


@main.command(name="bundle")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--arch",
    type=click.Choice(["amd64", "arm64"]),
    help="Architecture of the machines  [default: that of the engine here]",
)
@click.option(
    "--engine",
    "versions",
    type=click.Choice(sorted(images.RELEASES)),
    multiple=True,
    default=[DEFAULT_ENGINE],
    show_default=True,
    help="The version of the lab's Docker engine; repeat it for several.",
)
@click.option("--replace", is_flag=True, help="Overwrite FILE if it exists.")
def write_bundle(file: Path, arch: str | None, versions: tuple[str, ...], replace: bool) -> None:
    """Write all that a machine without a network needs to FILE.

    That is all images of the lab, and the Python packages for each supported Python on Linux and Windows (amd64), or on
    Linux and macOS (arm64): about half a gigabyte. The machine itself needs Python, Docker and a copy of the course's
    folder. `./course up --from-bundle FILE` then uses no network.

    For another architecture than that of the engine here, the engine's machine must run programs for it: Linux can do
    so by emulation if qemu-user-static is installed. Building the images then takes up to ten times as long, once.

    \b
    Examples:
      ./course bundle /media/stick/course.tar
      ./course bundle --engine 26.1 --engine 20.10 course.tar
      ./course bundle --arch arm64 course-arm64.tar     for example for Macs with Apple silicon
    """
    from course_lib.setup import bundle, bundle_packages

    docker_install.ensure_engine(client.outer, say)
    manifest = bundle.make(file, arch or "", list(dict.fromkeys(versions)), images.need_package, replace=replace)
    pythons = ", ".join(bundle_packages.PYTHONS)
    say(f"Wrote {file}, for {manifest.arch} and Python {pythons}: {file.stat().st_size / 1e6:.0f} MB.")
    say(f"On the other machine, in a copy of this folder, run `./course up --from-bundle {file.name}`.")


def entry(command: click.Command = main, name: str = "./course") -> None:
    """Run a click command, with `name` in its usage text; print a CourseError as one sentence.

    Exit codes: 1 for a CourseError, 2 for wrong usage, 130 for an interrupt, else that of the command.
    """
    try:
        with client.plain_words():
            command(prog_name=name, standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("Interrupted: repeat the command to continue.", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except CourseError as error:
        if isinstance(error, EngineForbiddenError):
            _go_on_in_group()
        click.echo(str(error), err=True)
        sys.exit(1)


def _go_on_in_group() -> None:
    """Start this command again in the group docker if the user joined it after logging in."""
    docker_install.go_on_in_group(machine.Machine(), lambda line: click.echo(line, err=True), os.execvp)
