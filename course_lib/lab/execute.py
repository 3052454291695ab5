"""Run bash on the lab's host or client (`run`), and scripts of the course there (`ask`, `consult`, `listen`, `quick`).

All commands in a lab go through this module. A command of a learner ends at the first line that fails (`bash -e`). It
runs in a session of its own, and everything that it started ends with it when it is interrupted or takes too long.
"""

from __future__ import annotations

import atexit
import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from course_lib.engine import client
from course_lib.engine.exec_stream import Exec
from course_lib.errors import CommandFailedError, CommandHungError, CommandInterruptedError, CourseError, LabGoneError
from course_lib.lab.command_output import Output
from course_lib.lab.lifecycle import Lab

TIMEOUT = 120.0  # seconds
PIECE = 30_000  # characters: an argument of a program has at most 128 KiB (execve(2), MAX_ARG_STRLEN)
MOST_ANSWER = 32_000_000  # bytes of the answer to `ask` or `consult`: a learner's process could write without end

# Both streams become one, in the order in which they were written, as on a terminal. A trap writes the text of each
# command to a file before it runs, so that an error can name the command that hung. The outer shell leads a session of
# its own (runc creates one for every exec), and STOP kills that session. When the inner shell, which runs the cell, has
# ended, it is followed by the mark with its exit code. Background processes may go on writing: `tee` reads their output
# even after the stream was closed. (Without it the engine closes the pipe, and SIGPIPE kills the writer.)
CELL = """trap 'printf %s "$BASH_COMMAND" >/run/course-{token}.now' DEBUG; printf -v CELL %s "$@"; set --; eval "$CELL"
"""
RUNNER = """echo $$ >/run/course-{token}.pid
{{ bash -eTc '{cell}' bash "$@"; printf '\\000{token} %s\n' $?; rm -f /run/course-{token}.*; }} \
  </dev/null 2>&1 | tee -p /dev/null
"""
# The file with the process id may appear a moment after the command was started.
STOP = """for i in 1 2 3 4 5; do [ -s /run/course-{token}.pid ] && break; sleep 0.1; done
pid=$(cat /run/course-{token}.pid) && line=$(cat /run/course-{token}.now)
pkill -TERM -s "$pid"; sleep 0.3; pkill -KILL -s "$pid"; rm -f /run/course-{token}.*; printf %s "$line" """
HOST: tuple[str, ...] = ()
# The client has the host's files, but its own network namespace and host name.
CLIENT = ("ip", "netns", "exec", "client", "unshare", "--uts", "sh", "-c", 'hostname client; exec "$@"', "sh")


@client.plain_words()
def run(
    lab: Lab,
    command: str,
    place: tuple[str, ...] = HOST,
    *,
    fails: bool = False,
    timeout: float = TIMEOUT,
    show: Callable[[str], object] = lambda text: None,
) -> str:
    """Run bash in a lab, on its HOST or CLIENT, pass the output to `show` while it arrives, and return it.

    Standard output and standard error are one stream. Output beyond MOST_LINES or MOST_CHARACTERS is cut, with a note.
    The command ends when its shell ends; background processes go on, and their later output is discarded.

    Raises CommandFailedError if the exit code is not 0, or with `fails` if it is 0; CommandHungError, with the line
    that hung, after `timeout` seconds; CommandInterruptedError on KeyboardInterrupt (in both cases the command is
    killed in the lab); LabGoneError if the lab or its dockerd has ended; CourseError for a zero byte in the command.
    """
    if "\0" in command:
        raise CourseError("This command contains a zero byte, which bash does not accept: remove it.")
    api = client.outer()
    token = secrets.token_hex(8)
    box = lab.require()
    runner = RUNNER.format(token=token, cell=CELL.format(token=token).replace("'", "'\\''"))
    pieces = [command[i : i + PIECE] for i in range(0, len(command), PIECE)]
    output = Output(show, token)
    program = None
    try:
        program = Exec(api, box, [*place, "bash", "-c", runner, "bash", *pieces], stdin=False)
        for _, data in program.output(time.monotonic() + timeout):
            if output.add(data):
                break
    except TimeoutError:
        output.end()
        line = _stop(lab, box, token, program)
        raise CommandHungError(
            f"`{line}` did not end within {timeout:g} s and was killed: `--timeout SECONDS` allows more time."
        ) from None
    except KeyboardInterrupt:
        line = _stop(lab, box, token, program)
        raise CommandInterruptedError(f"Interrupted: `{line}` was killed in the lab too.") from None
    finally:
        if program:
            program.close()
    output.end()
    code = _exit_code(lab, program) if output.code is None else output.code
    if bool(code) != fails:
        _check_alive(lab, box, code)
        raise CommandFailedError(
            f"The command ended with exit code {code}." if code else "The command was expected to fail, but did not."
        )
    return output.text


def _exit_code(lab: Lab, program: Exec) -> int:
    """Return the exit code of a program whose mark did not arrive: it was killed, perhaps with its lab.

    Raises LabGoneError if the lab has ended or the engine reports no exit code within 5 s, and CourseError if the code
    is 0, since the mark should have arrived then.
    """
    for _ in range(100):
        with contextlib.suppress(client.NotFound):
            code = program.exit_code()
            if code is not None:
                if code == 0:
                    raise CourseError("The end of the output was lost: run the command again.")
                return code
        lab.require()  # raises if the lab has ended: then no exit code will come
        time.sleep(0.05)
    raise LabGoneError("The engine does not report how the command ended: run `./course reset` for a new lab.")


def _stop(lab: Lab, box: str, token: str, program: Exec | None) -> str:
    """Kill a command and all that it started; return the command that was running, in at most 80 characters."""
    lab.require()
    if program:
        program.close()  # unread output would block the engine
    at = " ".join(quick(box, STOP.format(token=token)).split()) or "the command"
    return at if len(at) <= 80 else at[:79] + "…"


def quick(box: str, script: str) -> str:
    """Run an sh script of the course in a lab's container `box` and return its output, whatever its exit code.

    Raises TimeoutError after 20 s.
    """
    with contextlib.closing(Exec(client.outer(), box, ["sh", "-c", script], stdin=False)) as program:
        return _printed(program, 20)


def _printed(program: Exec, seconds: float) -> str:
    """Return all that a program prints until it ends; raises TimeoutError after that many seconds."""
    return b"".join(data for _, data in program.output(time.monotonic() + seconds)).decode(errors="replace")


def listen(lab: Lab, script: str) -> Exec:
    """Start a script of the course on a lab's host that runs until it is closed, and return its stream.

    Closing the stream ends the script and all that it started. Raises LabGoneError.
    """
    return Exec(client.outer(), lab.require(), ["sh", "-c", f"trap 'kill 0' EXIT\n{{ {script}\n}} 2>/dev/null &\ncat"])


def unpack(lab: Lab, archive: bytes, folder: str) -> None:
    """Unpack a tar archive, compressed with gzip, into a folder on a lab's host; raises CourseError or LabGoneError."""
    command = ["sh", "-c", 'mkdir -p "$1" && tar -xzf - -C "$1"', "sh", folder]
    with contextlib.closing(Exec(client.outer(), lab.require(), command)) as program:
        program.send(archive)
        program.end_input()
        printed = _printed(program, 30)
        if program.exit_code():
            raise CourseError(f"The files could not be unpacked in the lab: {printed.strip()}")


class _Kept:
    """A program in the lab that stays open: a question takes 1 ms instead of the 100 ms of a new program."""

    def __init__(self, api: Any, box: str, argv: tuple[str, ...]) -> None:
        self.box = box
        self._program = Exec(api, box, argv)

    def ask(self, question: str, end: str, deadline: float) -> str:
        """Return the answer to a question, without its last line, which is `end`; raises LabGoneError, TimeoutError."""
        self._program.send(question.encode())
        answer, left = [], MOST_ANSWER
        for _, data in self._program.output(deadline):
            answer.append(data)
            left -= len(data)
            if left < 0:
                raise LabGoneError(
                    f"The lab printed more than {MOST_ANSWER:,} bytes: run `./course reset` for a new lab."
                )
            if data.endswith(b"\n") and b"".join(answer[-2:]).endswith(f"{end}\n".encode()):
                return b"".join(answer)[: -len(end) - 1].decode(errors="replace")
        raise LabGoneError("The lab ended while the course was reading it: run `./course reset` for a new lab.")

    def close(self) -> None:
        self._program.close()


_kept: dict[tuple[str, ...], _Kept] = {}  # by the program's argv, in the lab that was asked last
_asking: dict[tuple[str, ...], threading.Lock] = {}  # each program answers one question at a time


def ask(lab: Lab, script: str, timeout: float = 30) -> str:
    """Run an sh script of the course on a lab's host, over a stream that is kept open, and return its standard output.

    Standard error and the exit code are ignored. Raises LabGoneError, also after `timeout` seconds.
    """
    end = f"end-{secrets.token_hex(8)}"
    question = f"( {script}\n) </dev/null 2>/dev/null\necho {end}\n"
    return _ask(lab.require(), ("sh",), question, end, timeout)


def consult(box: str, program: str, fields: Sequence[str]) -> str:
    """Send a line to a Perl program of the course that is kept running in a lab's container `box`; return its answer.

    The fields are separated by tabs. The program gets one more in front, which it prints as the last line of its
    answer. Raises LabGoneError, also after 30 s.
    """
    end = f"end-{secrets.token_hex(8)}"
    return _ask(box, ("perl", "-e", program), "\t".join([end, *fields]) + "\n", end, 30)


def _ask(box: str, argv: tuple[str, ...], question: str, end: str, timeout: float) -> str:
    """Return the answer of the program `argv` in `box`, which is started if it does not run yet."""
    with _asking.setdefault(argv, threading.Lock()):
        if argv not in _kept or _kept[argv].box != box:
            _forget(argv)
            _kept[argv] = _Kept(client.outer(), box, argv)
        try:
            return _kept[argv].ask(question, end, time.monotonic() + timeout)
        except TimeoutError:
            _forget(argv)
            raise LabGoneError(
                f"The lab did not answer within {timeout:g} s: run `./course reset` for a new lab."
            ) from None
        except BaseException:  # also an interrupt: the rest of this answer would be taken for the next one
            _forget(argv)
            raise


def _forget(argv: tuple[str, ...]) -> None:
    if old := _kept.pop(argv, None):
        old.close()


@atexit.register
def _forget_all() -> None:
    """Close the programs before the interpreter ends, when Python collects the parts of a connection in any order."""
    for argv in list(_kept):
        _forget(argv)


def _check_alive(lab: Lab, box: str, code: int) -> None:
    """Raise LabGoneError if the lab or the dockerd in it has ended."""
    # Killed (128 + SIGKILL): perhaps together with the lab, which the engine notices a moment later.
    deadline = time.monotonic() + (2 if code == 137 else 0)
    lab.require()
    while time.monotonic() < deadline:
        time.sleep(0.1)
        lab.require()
    if "dead" in quick(box, "pgrep -x dockerd >/dev/null || echo dead"):
        raise LabGoneError("The lab's dockerd is not running any more: run `./course reset` for a new lab.")
