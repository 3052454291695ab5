"""Commands on the lab's host and on its client: the one module that runs any.

A command is a piece of bash. It ends at the first of its lines that fails (`bash -e`), it runs in a session of
its own, and everything that it started ends with it when it is interrupted or takes too long.
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
PIECE = 30_000  # characters: one argument of a program holds 128 KiB (execve(2), MAX_ARG_STRLEN)

MOST_ANSWER = 32_000_000  # bytes of an answer to a question of ours: somebody else may write into its stream

# Both streams become one, in the order in which they were written, as on a terminal. Before each command its text
# is noted, so that a hang can be told by its name. The outer shell is the leader of a session of its own (runc
# makes one for every exec), and that session is what is ended. When the inner shell, which is the cell, has ended,
# the mark and its exit code follow. What it left in the background may go on and write: `tee` reads that, also
# when nobody listens any more. (Without it the engine closes the pipe, and the next word kills the writer.)
CELL = """trap 'printf %s "$BASH_COMMAND" >/run/course-{token}.now' DEBUG; printf -v CELL %s "$@"; set --; eval "$CELL"
"""
RUNNER = """echo $$ >/run/course-{token}.pid
{{ bash -eTc '{cell}' bash "$@"; printf '\\000{token} %s\n' $?; rm -f /run/course-{token}.*; }} \
  </dev/null 2>&1 | tee -p /dev/null
"""
# The note of the process may be a moment behind whoever wants to end it.
STOP = """for i in 1 2 3 4 5; do [ -s /run/course-{token}.pid ] && break; sleep 0.1; done
pid=$(cat /run/course-{token}.pid) && line=$(cat /run/course-{token}.now)
pkill -TERM -s "$pid"; sleep 0.3; pkill -KILL -s "$pid"; rm -f /run/course-{token}.*; printf %s "$line" """
HOST: tuple[str, ...] = ()
# The client has the host's files, but a network and a host name of its own.
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
    """Run a piece of bash in a lab, on its host or its client, hand its output to `show` while it comes, and return it.

    With `fails` the command must end with an error, without it must not: otherwise CommandFailedError is raised.
    After `timeout` seconds, and on KeyboardInterrupt, the command is ended in the lab too; the first raises
    CommandHungError with the line that hung, the other CommandInterruptedError. LabGoneError is raised if the
    lab, or its dockerd, ended meanwhile. What is too much is left out of the output, and said so.

    The command has ended when its shell has: what that left in the background goes on, unheard.
    """
    if "\0" in command:
        raise CourseError("There is a zero byte in this command: remove it, no shell takes one.")
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
            f"`{line}` did not end within {timeout:g} s and was ended (`--timeout SECONDS` gives it more)."
        ) from None
    except KeyboardInterrupt:
        line = _stop(lab, box, token, program)
        raise CommandInterruptedError(f"Interrupted: `{line}` was ended in the lab too.") from None
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
    """Return the exit code of a program that ended without a word: it was killed, perhaps with its lab."""
    for _ in range(100):
        with contextlib.suppress(client.NotFound):
            code = program.exit_code()
            if code is not None:
                if code == 0:  # then the mark was written, and should have come
                    raise CourseError("The end of the output was lost on its way: run it again.")
                return code
        lab.require()  # raises if the lab went away: then there is no code to wait for
        time.sleep(0.05)
    raise LabGoneError("The lab does not say how the command ended: `./course reset` makes a fresh one.")


def _stop(lab: Lab, box: str, token: str, program: Exec | None) -> str:
    """End a command and all that it started; return what it was at, in at most 80 characters."""
    lab.require()
    if program:
        program.close()  # what is not read holds up the engine
    at = " ".join(quick(client.outer(), box, STOP.format(token=token)).split()) or "the command"
    return at if len(at) <= 80 else at[:79] + "…"


def quick(api: Any, box: str, script: str) -> str:
    """Run a few commands of ours in the lab and return their output, whatever their exit code."""
    program = Exec(api, box, ["sh", "-c", script], stdin=False)
    try:
        return b"".join(data for _, data in program.output(time.monotonic() + 20)).decode(errors="replace")
    finally:
        program.close()


def listen(lab: Lab, script: str) -> Exec:
    """Start a script of ours on a lab's host that goes on, and return the stream of what it says.

    It ends, with all that it started, when the stream is closed. Raises LabGoneError.
    """
    return Exec(client.outer(), lab.require(), ["sh", "-c", f"trap 'kill 0' EXIT\n{{ {script}\n}} 2>/dev/null &\ncat"])


def unpack(lab: Lab, archive: bytes, folder: str) -> None:
    """Unpack a tar archive, compressed by gzip, into a new folder of a lab's host."""
    program = Exec(client.outer(), lab.require(), ["sh", "-c", 'mkdir -p "$1" && tar -xzf - -C "$1"', "sh", folder])
    try:
        program.send(archive)
        program.end_input()
        said = b"".join(data for _, data in program.output(time.monotonic() + 30)).decode(errors="replace")
        if program.exit_code():
            raise CourseError(f"The files could not be unpacked in the lab: {said.strip()}")
    finally:
        program.close()


class _Kept:
    """A program in the lab that stays open: one question costs a millisecond instead of a new program's 100."""

    def __init__(self, api: Any, box: str, argv: tuple[str, ...]) -> None:
        self.box = box
        self._program = Exec(api, box, argv)

    def ask(self, question: str, end: str, deadline: float) -> str:
        self._program.send(question.encode())
        answer, left = [], MOST_ANSWER
        for _, data in self._program.output(deadline):
            answer.append(data)
            left -= len(data)
            if left < 0:
                raise LabGoneError(f"The lab says more than {MOST_ANSWER:,} bytes when it is asked something.")
            if data.endswith(b"\n") and b"".join(answer[-2:]).endswith(f"{end}\n".encode()):
                return b"".join(answer)[: -len(end) - 1].decode(errors="replace")
        raise LabGoneError("The lab ended while it was asked: `./course reset` makes a fresh one.")

    def close(self) -> None:
        self._program.close()


_kept: dict[tuple[str, ...], _Kept] = {}  # by what was started, for the lab that was asked last
_asking = threading.Lock()  # one question at a time


def ask(lab: Lab, script: str, timeout: float = 30) -> str:
    """Run a script of ours on a lab's host, over a stream that is kept open, and return what it prints.

    Errors and exit codes of the script are not looked at. Raises LabGoneError, also after `timeout` seconds.
    """
    end = f"end-{secrets.token_hex(8)}"
    question = f"( {script}\n) </dev/null 2>/dev/null\necho {end}\n"
    return _ask(lab.require(), ("sh",), question, end, timeout)


def consult(box: str, program: str, fields: Sequence[str], timeout: float = 30) -> str:
    """Ask a Perl program of ours that is kept running on the host of the lab `box`, and return its answer.

    It gets a line with fields between tabs, of which the first is the last line of its answer. Raises LabGoneError.
    """
    end = f"end-{secrets.token_hex(8)}"
    return _ask(box, ("perl", "-e", program), "\t".join([end, *fields]) + "\n", end, timeout)


def _ask(box: str, argv: tuple[str, ...], question: str, end: str, timeout: float) -> str:
    with _asking:
        if argv not in _kept or _kept[argv].box != box:
            _forget(argv)
            _kept[argv] = _Kept(client.outer(), box, argv)
        try:
            return _kept[argv].ask(question, end, time.monotonic() + timeout)
        except TimeoutError:
            _forget(argv)
            raise LabGoneError(
                f"The lab does not answer within {timeout:g} s: `./course reset` makes a fresh one."
            ) from None
        except BaseException:  # also an interrupt: what was not read would be taken for the next answer
            _forget(argv)
            raise


def _forget(argv: tuple[str, ...]) -> None:
    if old := _kept.pop(argv, None):
        old.close()


@atexit.register
def _forget_all() -> None:
    """Close what is kept while there is order: at the end Python collects a connection's parts as they come."""
    for argv in list(_kept):
        _forget(argv)


def _check_alive(lab: Lab, box: str, code: int) -> None:
    """Raise LabGoneError if the lab or the dockerd in it has ended."""
    # Killed (128 + SIGKILL): perhaps together with the lab, and its engine needs a moment to know.
    deadline = time.monotonic() + (2 if code == 137 else 0)
    lab.require()
    while time.monotonic() < deadline:
        time.sleep(0.1)
        lab.require()
    if "dead" in quick(client.outer(), box, "pgrep -x dockerd >/dev/null || echo dead"):
        raise LabGoneError("The lab's dockerd is not running any more: `./course reset` makes a fresh lab.")
