"""The commands of `./course`."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import sys
from pathlib import Path

import click

from course_lib.commands import jupyter, terminal
from course_lib.console import say
from course_lib.engine import client
from course_lib.engine.labels import PARENT_LABEL
from course_lib.errors import CourseError, EngineForbiddenError
from course_lib.grading import sandbox
from course_lib.lab import facts, host_platform, images
from course_lib.lab.lifecycle import DEFAULT_ENGINE, Lab, from_environment
from course_lib.network import parse_facts
from course_lib.setup import docker_install


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Run a course on how Docker containers talk, in notebooks that run on a real Docker host.

    \b
    Examples:
      ./course up                     set up what is missing, start the lab, open JupyterLab
      ./course shell docker ps        one command on the lab's host
      ./course graph -o now.png       the lab's network, drawn
      ./course bundle course.tar      all that a machine without any network needs, in one file
      ./course down                   everything away, and the proof
    """  # noqa: D301 # click wants the character itself: what follows it is not wrapped


@main.command()
@click.option("--no-browser", is_flag=True, help="Serve JupyterLab without opening a browser.")
@click.option("--no-install", is_flag=True, help="Refuse to install anything on this machine.")
@click.option(
    "--engine",
    "version",
    type=click.Choice(sorted(images.RELEASES)),
    default=DEFAULT_ENGINE,
    show_default=True,
    help="The version of the lab's Docker engine.",
)
@click.option("--projector", is_flag=True, help="For a room: one step at a time, in large type, with the live picture.")
@click.option(
    "--from-bundle",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Take packages and images from a file that `./course bundle` wrote, and nothing from a network.",
)
def up(no_browser: bool, no_install: bool, version: str, projector: bool, file: Path | None) -> None:
    """Set up what is missing, start the lab, and open JupyterLab."""
    if file:
        _load(file, version, install=not no_install)
    lab = from_environment()
    start(lab, version, install=not no_install)
    say(f"The lab runs, with Docker engine {lab.real_version()}.")
    say("It goes on when JupyterLab ends (Ctrl-C here); `./course down` takes it away.")
    jupyter.jupyter_lab(browser=not no_browser, projector=projector)


def _load(file: Path, version: str, *, install: bool) -> None:
    """Bring the images of a bundle into this machine's engine."""
    from course_lib.setup import bundle

    if host_platform.find_program("dockerd"):
        docker_install.ensure_engine(client.outer, say, install=install)  # it may have to be started
    else:
        client.outer()  # a bundle holds no engine: if there is none, this says so
    bundle.load(file, version)


def start(lab: Lab, version: str, *, install: bool) -> None:
    """Make a lab run, with all that it needs on this machine."""
    docker_install.ensure_engine(client.outer, say, install=install)
    lab.up(version, functools.partial(_need, install=install))


def _need(package: str, *, install: bool = True) -> None:
    """Install a Debian package that making the lab's images takes."""
    host_platform.need_packages([package], "make the lab's images", say, install=install)


@main.command()
def reset() -> None:
    """Take the lab back to its first day: fresh host and client, images kept."""
    from_environment().reset()
    say("The lab is as on its first day.")


@main.command()
@click.option("--images", "remove_images", is_flag=True, help="Remove the course's images too.")
def down(remove_images: bool) -> None:
    """Take everything of the lab away, say what, and prove it."""
    lab = from_environment()
    sandbox.remove_left(f"{PARENT_LABEL}={lab.name}")
    as_before = lab.down(remove_images)
    for other in lab.namesakes():
        say(f"The lab {other.name} is one by itself, and stays: `COURSE_LAB={other.name} ./course down` removes it.")
    if not as_before:
        sys.exit(1)


@main.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def shell(command: tuple[str, ...]) -> None:
    """Open a shell on the lab's host, or run one COMMAND there and exit with its code.

    As with ssh, the words of COMMAND are joined by blanks, and the shell of the lab's host splits them again: what is
    one word there needs quotes of its own.

    \b
    Examples:
      ./course shell docker ps -a
      ./course shell "docker ps --format '{{.Names}} {{.Ports}}'"
    """  # noqa: D301 # click wants the character itself: what follows it is not wrapped
    sys.exit(terminal.shell(from_environment().require(), " ".join(command)))


@main.command()
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="A .png or .svg file to write.")
@click.option("--json", "as_json", is_flag=True, help="Print the Snapshot as JSON.")
@click.option("--all", "each", is_flag=True, help="Show each container, also of many that are alike.")
@click.option(
    "--engine-of-this-machine",
    "own",
    is_flag=True,
    help="Show your own engine instead of the lab: read-only, as far as rights allow.",
)
def graph(output: Path | None, as_json: bool, each: bool, own: bool) -> None:
    """Say in words what the lab's network is now, or draw it."""
    if output and output.suffix.lower() not in {".png", ".svg"}:
        raise click.BadParameter("the name must end in .png or .svg", param_hint="'-o'")
    from course_lib.lab import own_engine_facts
    from course_lib.network.describe import describe

    now = parse_facts.snapshot(own_engine_facts.read() if own else facts.read(from_environment()))
    apart = [container.name for container in now.containers] if each else []
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(now), indent=2, ensure_ascii=False))
    elif output:
        from course_lib.picture.layout.page import layout
        from course_lib.picture.render_png import save

        try:
            save(layout(now, apart), output, description=describe(now, apart))
        except OSError as error:
            raise CourseError(f"{output} cannot be written: {error.strerror}.") from error
        say(f"Drawn: {output}")
    else:
        say(describe(now, apart))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for a teacher who collects thirty.")
def doctor(as_json: bool) -> None:
    """Say what works here, what does not, and what to do about it."""
    from course_lib.setup import doctor as checkup

    try:
        client.connect()
    except EngineForbiddenError:
        _go_on_in_group()
    except CourseError:
        pass  # the doctor says it
    sys.exit(checkup.report(from_environment(), as_json=as_json))


@main.command()
@click.argument("exercise")
def submit(exercise: str) -> None:
    """Run the answer to EXERCISE again in a fresh lab, and pack it for handing in."""
    from course_lib.grading import hand_in as handing_in

    sys.exit(0 if handing_in.submit(from_environment(), exercise, _need) else 1)


@main.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False)
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path), help="Where the report goes.")
@click.option("--from-evidence", is_flag=True, help="Mark again what was seen before, without Docker.")
@click.option("--jobs", type=click.IntRange(1, 64), help="Labs at once  [default: by CPUs and memory]")
@click.option("--seconds", type=click.FloatRange(1, 3600), default=120.0, show_default=True, help="For one answer.")
@click.option("--hint-price", type=click.FloatRange(min=0), default=0.0, help="Points that a step of hint() costs.")
def grade(  # noqa: PLR0917 # click passes all by name
    folder: Path | None, out: Path, from_evidence: bool, jobs: int | None, seconds: float, hint_price: float
) -> None:
    """Grade what a class handed in: in FOLDER a folder or an archive for each learner."""
    from course_lib.grading import report

    if folder is None and not from_evidence:
        raise click.BadParameter("which folder is to be graded?", param_hint="'FOLDER'")
    with report.held(out, new=not from_evidence):
        if folder and not from_evidence:
            from course_lib.grading import grader

            grader.grade(from_environment(), folder, out, _need, jobs=jobs or 0, limit=seconds)
        learners = report.read(out, hint_price)
        report.write(out, learners)
    say(f"The report: {out / 'index.html'}")
    failed = [f"{learner.name}: {why}" for learner in learners for why in learner.failed]
    for words in failed:
        say(f"Without marks: {words}")
    if failed:
        raise CourseError("Not all that was handed in could be graded: the same command tries that again.")


@main.command(name="bundle")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--arch", type=click.Choice(["amd64", "arm64"]), help="For which machines  [default: as the engine here]")
@click.option(
    "--engine",
    "versions",
    type=click.Choice(sorted(images.RELEASES)),
    multiple=True,
    default=[DEFAULT_ENGINE],
    show_default=True,
    help="The version of the lab's Docker engine; more than once for more of them.",
)
@click.option("--replace", is_flag=True, help="Write over a FILE that is there.")
def write_bundle(file: Path, arch: str | None, versions: tuple[str, ...], replace: bool) -> None:
    """Write all that a machine without any network needs into FILE.

    These are the images of the lab and of everything inside it, and the Python packages for each supported Python on
    Linux and Windows (amd64), or on Linux and macOS (arm64): about half a gigabyte. The machine itself must have
    Python and Docker, and a copy of the course's folder. There, `./course up --from-bundle FILE` uses nothing else.

    For another architecture than that of the engine here, its machine must run programs of that one: Linux does by
    emulation once qemu-user-static is installed. Making the images then takes up to ten times as long, once.

    \b
    Examples:
      ./course bundle /media/stick/course.tar
      ./course bundle --engine 26.1 --engine 20.10 course.tar
      ./course bundle --arch arm64 course-arm64.tar     for Macs with Apple silicon, say
    """  # noqa: D301
    from course_lib.setup import bundle, wheels

    docker_install.ensure_engine(client.outer, say)
    manifest = bundle.make(file, arch or "", list(dict.fromkeys(versions)), _need, replace=replace)
    pythons = ", ".join(wheels.PYTHONS)
    say(f"{file} holds the course for {manifest.arch} and Python {pythons}: {file.stat().st_size / 1e6:.0f} MB.")
    say(f"There, in a copy of this folder: ./course up --from-bundle {file.name}")


def entry(command: click.Command = main, name: str = "./course") -> None:
    """Run a command of a name; a failure that a person can fix is one sentence and exit code 1."""
    try:
        with client.plain_words():
            command(prog_name=name, standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("Interrupted. The same command goes on from here.", err=True)
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
    """Start this command again if only this login does not know yet that its user may use the engine."""
    docker_install.go_on_in_group(host_platform.Machine(), lambda line: click.echo(line, err=True), os.execvp)
