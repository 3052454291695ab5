"""Run `./course shell`: a login shell on the lab's host in this terminal, or one command there (`shell`)."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from course_lib.engine import client
from course_lib.engine.exec_stream import CHUNK, ENTER, Exec, hang_up, opened
from course_lib.errors import CourseError

END_OF_INPUT = b"\x04"  # Ctrl-D, which ends a terminal's input (termios(3), VEOF)


def shell(box: str, command: str) -> int:
    """Run a command in the lab's container `box`, and return its exit code.

    If `command` is empty, run an interactive shell, or bash on standard input if that is not a terminal. Raises
    CourseError.
    """
    if command or not sys.stdin.isatty():
        return _command(box, command or "bash -s")
    return _interactive(box)


def _command(box: str, command: str) -> int:
    """Run one command with this process's standard input, output and error; return its exit code."""
    program = Exec(client.outer(), box, ["bash", "-c", command])
    if sys.stdin.isatty():
        program.end_input()
    else:
        threading.Thread(target=_feed, args=(program,), daemon=True).start()
    try:
        for number, data in program.output():
            stream = sys.stdout if number == 1 else sys.stderr
            stream.buffer.write(data)
            stream.buffer.flush()
    except BrokenPipeError:  # the reader has ended (`| head`): end as SIGPIPE would end a command
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + 13  # SIGPIPE
    finally:
        program.close()
    code = program.exit_code()
    if code is None:
        raise CourseError("The lab ended while the command ran: run `./course reset` for a new one.")
    return code


def _feed(program: Exec) -> None:
    """Copy standard input to a program until it ends."""
    while data := os.read(sys.stdin.fileno(), CHUNK):
        program.send(data)
    program.end_input()


def _interactive(box: str) -> int:
    """Connect this terminal to a login shell in the lab, and return its exit code.

    Raises CourseError on Windows, where there is no termios, with the `docker` command that does the same.
    """
    if os.name != "posix":
        raise CourseError(f"On Windows, run `docker exec -it {box[:12]} {' '.join(ENTER)} bash --login` instead.")
    api = client.outer()
    started = api.exec_create(
        box,
        [*ENTER, "sh", "-c", "cd /root; exec bash --login"],
        stdin=True,
        tty=True,
        environment={"TERM": os.environ.get("TERM", "xterm"), "HOME": "/root"},
    )["Id"]
    holder = api.exec_start(started, socket=True, tty=True)
    remote, early = opened(holder)

    def resize(*_: Any) -> None:
        size = os.get_terminal_size(sys.stdin.fileno())  # not from COLUMNS and LINES, which may be exported
        api.exec_resize(started, height=size.lines, width=size.columns)

    signal.signal(signal.SIGWINCH, resize)
    resize()
    try:
        with _raw_terminal():
            os.write(sys.stdout.fileno(), early)
            _pass_on(sys.stdin.fileno(), sys.stdout.fileno(), remote)
        return int(api.exec_inspect(started)["ExitCode"] or 0)
    finally:
        hang_up(holder)


def _pass_on(keys: int, screen: int, remote: Any) -> None:
    """Copy keys to a socket, and what arrives from it to the screen, until the other end closes it."""
    watched = [keys, remote]
    while True:
        for ready in select.select(watched, [], [])[0]:
            if ready is remote:
                data = remote.recv(CHUNK)
                if not data:
                    return
                os.write(screen, data)
            elif typed := os.read(keys, CHUNK):
                remote.sendall(typed)
            else:  # the terminal is gone: end the shell's input, once, and wait until it exits
                remote.sendall(END_OF_INPUT)
                watched.remove(keys)


@contextmanager
def _raw_terminal() -> Iterator[None]:
    """Pass every key to the lab unchanged, and restore the terminal afterwards (termios(3))."""
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    tty.setraw(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
