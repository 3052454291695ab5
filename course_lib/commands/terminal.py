"""`./course shell`: a terminal, or one command, on the lab's host."""

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
from course_lib.engine.exec_stream import CHUNK, Exec, hang_up, opened
from course_lib.errors import CourseError

END_OF_INPUT = b"\x04"  # Ctrl-D, by which a terminal ends its input (termios(3), VEOF)


def shell(box: str, command: str) -> int:
    """Run a command, or an interactive shell if there is none, in the lab; return its exit code."""
    if command:
        return _command(box, command)
    if not sys.stdin.isatty():
        return _command(box, "bash -s")
    return _interactive(box)


def _command(box: str, command: str) -> int:
    """Run one command with this process's standard input and output."""
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
    except BrokenPipeError:  # nobody reads any more (`| head`): what a command that writes on would get
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + 13  # SIGPIPE
    finally:
        program.close()
    code = program.exit_code()
    if code is None:
        raise CourseError("The lab ended while the command ran: `./course reset` makes a fresh one.")
    return code


def _feed(program: Exec) -> None:
    """Pass standard input on until it ends."""
    while data := os.read(sys.stdin.fileno(), CHUNK):
        program.send(data)
    program.end_input()


def _interactive(box: str) -> int:
    """Join this terminal to a login shell in the lab."""
    if os.name != "posix":
        raise CourseError(f"On Windows: docker exec -it {box[:12]} bash --login")
    api = client.outer()
    started = api.exec_create(
        box,
        ["bash", "--login"],
        stdin=True,
        tty=True,
        workdir="/root",
        environment={"TERM": os.environ.get("TERM", "xterm"), "HOME": "/root"},
    )["Id"]
    holder = api.exec_start(started, socket=True, tty=True)
    remote, early = opened(holder)

    def resize(*_: Any) -> None:
        size = os.get_terminal_size(sys.stdin.fileno())  # not of COLUMNS and LINES, which somebody may have exported
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
    """Pass what is typed to a socket, and what comes from there to the screen, until it is closed over there."""
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
            else:  # the terminal has gone: say so once, and wait for the shell to end
                remote.sendall(END_OF_INPUT)
                watched.remove(keys)


@contextmanager
def _raw_terminal() -> Iterator[None]:
    """Hand every key to the lab, and put the terminal back afterwards (termios(3))."""
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    tty.setraw(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
