"""Commands on the lab's host and on its client: the one module that runs any.

A command is a piece of bash. It ends at the first of its lines that fails (`bash -e`), it runs in a session of
its own, and everything that it started ends with it when it is interrupted or takes too long.
"""

from __future__ import annotations

import codecs
import contextlib
import secrets
import time
from collections.abc import Callable
from typing import Any

from course_lib import engine, lab
from course_lib.errors import CommandFailedError, CommandHungError, LabGoneError
from course_lib.stream import Exec

TIMEOUT = 120.0  # seconds
MOST_LINES = 10_000  # lines of output that are shown

# Both streams become one, in the order in which they were written, as on a terminal. Before each command its text
# is noted, so that a hang can be told by its name. The shell is the leader of a session of its own (runc makes one
# for every exec), and that session is what is ended.
RUNNER = """exec 2>&1 </dev/null
echo $$ >/run/course-{token}.pid
trap 'rm -f /run/course-{token}.*' EXIT
trap 'printf %s "$BASH_COMMAND" >/run/course-{token}.now' DEBUG
eval "$1"
"""
STOP = """pid=$(cat /run/course-{token}.pid) && line=$(cat /run/course-{token}.now)
pkill -TERM -s "$pid"; sleep 0.3; pkill -KILL -s "$pid"; rm -f /run/course-{token}.*; echo "$line" """
HOST: tuple[str, ...] = ()
# The client has the host's files, but a network and a host name of its own.
CLIENT = ("ip", "netns", "exec", "client", "unshare", "--uts", "sh", "-c", 'hostname client; exec "$@"', "sh")


def host(command: str, *, fails: bool = False, timeout: float = TIMEOUT) -> str:
    """Run bash on the lab's host and return its output; see `run`."""
    return run(command, HOST, fails=fails, timeout=timeout)


def client(command: str, *, fails: bool = False, timeout: float = TIMEOUT) -> str:
    """Run bash on the client, the world outside of the host, and return its output; see `run`."""
    return run(command, CLIENT, fails=fails, timeout=timeout)


def run(
    command: str,
    place: tuple[str, ...],
    *,
    fails: bool,
    timeout: float,
    show: Callable[[str], object] = lambda text: None,
) -> str:
    """Run a piece of bash in the lab, hand its output to `show` while it comes, and return it whole.

    With `fails` the command must end with an error, without it must not: otherwise CommandFailedError is raised.
    After `timeout` seconds, and on KeyboardInterrupt, the command is ended in the lab too; the first raises
    CommandHungError with the line that hung. LabGoneError is raised if the lab, or its dockerd, ended meanwhile.
    Beyond 10,000 lines the rest of the output is left out, and said so.
    """
    api = engine.outer()
    token = secrets.token_hex(4)
    box = lab.require()
    program = Exec(api, box, [*place, "bash", "-ec", RUNNER.format(token=token), "bash", command], stdin=False)
    output = _Output(show)
    try:
        for _, data in program.output(time.monotonic() + timeout):
            output.add(data)
    except TimeoutError:
        line = _stop(api, box, token)
        raise CommandHungError(
            f"`{line}` did not end within {timeout:g} s and was ended (`--timeout SECONDS` gives it more)."
        ) from None
    except KeyboardInterrupt:
        _stop(api, box, token)
        raise
    finally:
        program.close()
    output.end()
    code = _exit_code(program)
    if bool(code) != fails:
        _check_alive(api, box, code)
        raise CommandFailedError(
            f"The command ended with exit code {code}." if code else "The command was expected to fail, but did not."
        )
    return output.text


class _Output:
    """Output on its way: decoded, cut beyond the most lines, shown while it comes."""

    def __init__(self, show: Callable[[str], object]) -> None:
        self._show = show
        self._decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
        self._lines = 0
        self._left_out = 0
        self.text = ""

    def add(self, data: bytes) -> None:
        text = self._decode(data)
        if self._lines < MOST_LINES:
            kept = "".join(text.splitlines(keepends=True)[: MOST_LINES - self._lines])
            self._lines += kept.count("\n")
            self._left_out += text.count("\n") - kept.count("\n")
            self._put(kept)
        else:
            self._left_out += text.count("\n")

    def end(self) -> None:
        if self._left_out:
            self._put(f"[{self._left_out} more lines are left out: {MOST_LINES} are shown]\n")

    def _put(self, text: str) -> None:
        self.text += text
        self._show(text)


def _exit_code(program: Exec) -> int:
    """Return the exit code of a program whose output has ended."""
    for _ in range(100):
        with contextlib.suppress(engine.NotFound):
            code = program.exit_code()
            if code is not None:
                return code
        lab.require()  # raises if the lab went away: then there is no code to wait for
        time.sleep(0.05)
    raise LabGoneError("The lab does not say how the command ended: `./course reset` makes a fresh one.")


def _stop(api: Any, box: str, token: str) -> str:
    """End a command and all that it started; return the line that it was at."""
    lab.require()
    return quick(api, box, STOP.format(token=token)).strip() or "The command"


def quick(api: Any, box: str, script: str) -> str:
    """Run a few commands of ours in the lab and return their output, whatever their exit code."""
    program = Exec(api, box, ["sh", "-c", script], stdin=False)
    try:
        return b"".join(data for _, data in program.output(time.monotonic() + 20)).decode(errors="replace")
    finally:
        program.close()


class _Kept:
    """A shell in the lab that stays open: one question costs a millisecond instead of a new program's 100."""

    def __init__(self, api: Any, box: str) -> None:
        self.box = box
        self._program = Exec(api, box, ["sh"])

    def ask(self, script: str, deadline: float) -> str:
        end = f"end-{secrets.token_hex(8)}"
        self._program.send(f"( {script}\n) </dev/null 2>/dev/null\necho {end}\n".encode())
        answer = b""
        for _, data in self._program.output(deadline):
            answer += data
            if answer.endswith(f"{end}\n".encode()):
                return answer[: -len(end) - 1].decode(errors="replace")
        raise LabGoneError("The lab ended while it was asked: `./course reset` makes a fresh one.")


_kept: list[_Kept] = []  # at most one, for the lab that was asked last


def ask(script: str, timeout: float = 30) -> str:
    """Run a script of ours on the lab's host, over a stream that is kept open, and return what it prints.

    Errors and exit codes of the script are not looked at. Raises LabGoneError, and TimeoutError after
    `timeout` seconds.
    """
    box = lab.require()
    if not _kept or _kept[0].box != box:
        _kept[:] = [_Kept(engine.outer(), box)]
    try:
        return _kept[0].ask(script, time.monotonic() + timeout)
    except (OSError, LabGoneError):
        _kept.clear()
        raise


def _check_alive(api: Any, box: str, code: int) -> None:
    """Raise LabGoneError if the lab or the dockerd in it has ended."""
    # Killed (128 + SIGKILL): perhaps together with the lab, and its engine needs a moment to know.
    deadline = time.monotonic() + (2 if code == 137 else 0)
    lab.require()
    while time.monotonic() < deadline:
        time.sleep(0.1)
        lab.require()
    if "dead" in quick(api, box, "pgrep -x dockerd >/dev/null || echo dead"):
        raise LabGoneError("The lab's dockerd is not running any more: `./course reset` makes a fresh lab.")
