"""Test commands on a real lab's host and client: everything that `%%host` and `%%client` promise."""

from __future__ import annotations

import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from queue import Empty

import pytest
import requests
from IPython.core.interactiveshell import InteractiveShell
from jupyter_client.manager import start_new_kernel

from course_lib.engine.exec_stream import opened
from course_lib.errors import CommandFailedError, CommandHungError, CommandInterruptedError, CourseError
from course_lib.lab import execute
from course_lib.notebook import current, magics
from tests.conftest import ROOT
from tests.worker import lab

pytestmark = [pytest.mark.live, pytest.mark.usefixtures("running_lab")]

PLACES = pytest.mark.parametrize("place", [execute.HOST, execute.CLIENT], ids=["host", "client"])


def running(pattern: str) -> list[str]:
    """Return the processes in the lab that match, without the question itself."""
    return current.host(f"pgrep -f '[{pattern[0]}]{pattern[1:]}' || true").split()


@PLACES
def test_output_comes_while_the_command_runs(place: tuple[str, ...]) -> None:
    seen: list[tuple[float, str]] = []
    execute.run(
        lab,
        "echo one; sleep 2; echo two >&2",
        place,
        fails=False,
        timeout=20,
        show=lambda text: seen.append((time.monotonic(), text)),
    )
    assert "".join(text for _, text in seen) == "one\ntwo\n"
    assert seen[-1][0] - seen[0][0] > 1.5


def test_where_the_two_are() -> None:
    assert current.host("hostname") == "host\n"
    assert current.client("hostname") == "client\n"
    assert "203.0.113.10/24" in current.host("ip -br addr show dev eth0")
    assert "203.0.113.20/24" in current.client("ip -br addr show dev eth0")


@pytest.mark.parametrize("code", [1, 3, 127, 255])
def test_a_failure_raises_and_a_declared_one_does_not(code: int) -> None:
    with pytest.raises(CommandFailedError, match=rf"exit code {code}\."):
        current.host(f"exit {code}")
    assert current.host(f"echo said; exit {code}", fails=True) == "said\n"


def test_a_declared_failure_that_does_not_come_raises() -> None:
    with pytest.raises(CommandFailedError, match="expected to fail"):
        current.client("true", fails=True)


def test_a_cell_ends_at_its_first_failing_line() -> None:
    assert current.host("echo one\nfalse\necho two", fails=True) == "one\n"


def test_an_error_says_its_line() -> None:
    assert current.host("true\n\nnosuch", fails=True) == "bash: line 3: nosuch: command not found\n"


@pytest.mark.parametrize(
    ("end", "code"), [("kill -KILL $$", 137), ("kill -TERM 0", 143), ("exec sh -c 'exit 9'", 9), ("if", 2)]
)
@pytest.mark.slow
def test_a_shell_that_ends_otherwise(end: str, code: int) -> None:
    with pytest.raises(CommandFailedError, match=f"exit code {code}"):
        current.host(end)


# What is in the foreground is noted last, so that it is what the sentence names.
BUSY = "sleep 4321 & (sleep 4322; true) & sleep 0.3; echo ready; bash -c 'trap \"\" TERM; sleep 4323; true'"


@PLACES
def test_a_command_that_hangs_is_named_and_ended_with_its_children(place: tuple[str, ...]) -> None:
    began = time.monotonic()
    with pytest.raises(
        CommandHungError, match=r"`bash -c .*sleep 4323.*` did not end within 1\.5 s and was killed: .*--timeout"
    ):
        execute.run(lab, BUSY, place, fails=False, timeout=1.5)
    assert time.monotonic() - began < 10
    assert running("sleep 432") == []


@pytest.mark.slow
def test_a_hang_in_a_subshell_is_named_too() -> None:
    with pytest.raises(CommandHungError, match="`sleep 50`"):
        current.host("echo before; ( sleep 50 )", timeout=1)


@pytest.mark.slow
def test_a_time_limit_counts_while_output_flows() -> None:
    began = time.monotonic()
    with pytest.raises(CommandHungError, match="`yes`"):
        current.host("yes", timeout=1)
    assert time.monotonic() - began < 10
    assert running("yes") == []


INTERRUPTED = """
import sys
from course_lib.lab import execute
from course_lib.notebook import current
try:
    execute.run(current.lab(), sys.argv[1], timeout=60, show=lambda text: print(text, end="", flush=True))
except KeyboardInterrupt as error:
    print(error)
"""


def test_an_interrupt_ends_the_command_in_the_lab_with_its_children() -> None:

    command = [sys.executable, "-c", INTERRUPTED, BUSY]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        assert len(running("sleep 432")) >= 3
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=15)
    assert said.startswith("Interrupted: `bash -c")
    assert said.endswith("was killed in the lab too.\n")
    assert running("sleep 432") == []


def test_an_interrupt_right_at_the_start_ends_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    real = execute.Exec.output

    def interrupted(self: execute.Exec, deadline: float | None = None) -> object:
        if not stopped:
            stopped.append(True)
            raise KeyboardInterrupt
        return real(self, deadline)

    stopped: list[bool] = []
    monkeypatch.setattr(execute.Exec, "output", interrupted)
    with pytest.raises(CommandInterruptedError):
        current.host("sleep 4444")
    assert running("sleep 4444") == []


def test_a_kernel_interrupt() -> None:
    manager, client = start_new_kernel(cwd=str(ROOT))
    try:
        assert client.execute_interactive("%load_ext course_lib", timeout=30)["content"]["status"] == "ok"
        client.execute("%%host\necho ready; sleep 5432")
        heard, deadline = "", time.monotonic() + 20
        while "ready" not in heard and time.monotonic() < deadline:
            heard += client.get_iopub_msg(timeout=20)["content"].get("text", "")
        manager.interrupt_kernel()
        ended = {}
        while not ended:
            with_error = client.get_iopub_msg(timeout=20)
            ended = with_error["content"] if with_error["msg_type"] == "error" else {}
        assert ended["traceback"] == ["Interrupted: `sleep 5432` was killed in the lab too."]
        assert running("sleep 5432") == []
    except Empty:
        pytest.fail("the cell did not end")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_output_beyond_the_most_is_cut_with_a_word() -> None:
    said = current.host("seq 10003")
    assert said.splitlines()[9_999:] == [
        "10000",
        "[3 more lines are left out, 18 characters: at most 10,000 lines and 1,000,000 characters are shown]",
    ]


@pytest.mark.slow
def test_an_endless_line_is_cut_and_memory_is_bounded() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # kB
    said = current.host("head -c 200M /dev/zero | tr '\\0' x")
    assert len(said) < 1_000_200
    assert "[1 more line is left out, 208,715,200 characters" in said
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_text_that_no_chunk_respects() -> None:
    assert current.host(r"printf '\355\225'; sleep 0.2; printf '\234글\n'") == "한글\n"
    assert current.host(r"printf 'a\000b\377\n'") == "a\0b\ufffd\n"


@pytest.mark.slow
def test_a_command_that_closes_its_output_but_runs_on() -> None:
    began = time.monotonic()
    with pytest.raises(CommandFailedError, match="exit code 4"):
        current.host("exec >&- 2>&-; sleep 1.5; exit 4")
    assert time.monotonic() - began > 1.4


@pytest.mark.slow
def test_a_cell_ends_with_its_shell_and_its_background_lives_on_unheard() -> None:
    began = time.monotonic()
    said = current.host("rm -f /tmp/alive; (sleep 3; echo unheard; sleep 0.2; echo more; touch /tmp/alive) & echo here")
    assert said == "here\n"
    assert time.monotonic() - began < 2
    current.host("for i in $(seq 60); do [ -e /tmp/alive ] && exit; sleep 0.1; done; exit 1")


def test_a_cell_that_reads_gets_an_end_of_file() -> None:
    assert current.host("cat; read x || echo nothing", timeout=5) == "nothing\n"


@pytest.mark.parametrize("text", ["it's", '"$HOME" \\n `x` 100% %s {0} {{', "한국어 🐳", "a\\\nb", "!x; # no"])
def test_a_text_arrives_as_it_is(text: str) -> None:
    assert current.host(f"cat <<'END'\n{text}\nEND") == f"{text}\n"


def test_a_cell_longer_than_one_argument_of_a_program() -> None:
    long = "글" * 150_000
    assert current.client(f"LC_ALL=C.UTF-8; x={long}; echo ${{#x}}") == "150000\n"


def test_a_zero_byte_is_refused_in_a_sentence() -> None:
    with pytest.raises(CourseError, match="zero byte"):
        current.host("echo \0")


def test_nothing_of_ours_stays_in_the_lab() -> None:
    current.host("rm -f /run/course-*.*")
    current.host("true")
    with pytest.raises(CommandHungError):
        current.client("sleep 9", timeout=0.5)
    assert len(current.host("ls -d /run/course-*.*").split()) == 2, "the two notes of this very command"


@pytest.fixture
def cell(capsys: pytest.CaptureFixture[str]) -> object:
    """Give a function that runs a cell as a notebook does, and returns what is printed and what is raised."""
    shell = InteractiveShell.instance()
    magics.load_ipython_extension(shell)

    def go(source: str) -> tuple[str, BaseException | None]:
        result = shell.run_cell(source)
        return capsys.readouterr().out, result.error_in_exec

    yield go
    InteractiveShell.clear_instance()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("%%host --quick", "No such option"),
        ("%%client --timeout soon", "'soon' is not a valid float"),
        ("%%host --timeout 0", "0"),
        ("%%host --timeout inf", "inf"),
        ("%%client it's", "No closing quotation"),
        ("%%host web", "unexpected extra argument"),
    ],
)
def test_a_magic_says_in_one_sentence_what_is_wrong_with_its_line(cell: object, line: str, words: str) -> None:
    said, error = cell(f"{line}\ntrue")
    assert isinstance(error, CourseError)
    assert words in str(error)
    assert (
        f"a cell begins with `{line.split(maxsplit=1)[0]} [--changes] [--decides ID] [--fails] [--timeout SECONDS]`."
        in str(error)
    )
    assert "\n" not in str(error)
    assert said.strip() == str(error), "no traceback"


def test_the_options_of_a_magic(cell: object) -> None:
    assert cell("%%host\necho {x} $((1 + 1))") == ("{x} 2\n", None)
    assert cell("%%client --fails\nhostname; exit 1") == ("client\n", None)
    said, error = cell("%%host --timeout 0.5\nsleep 20")
    assert isinstance(error, CommandHungError)
    assert said.strip() == str(error)


def test_two_at_once_do_not_mix() -> None:
    results: dict[int, str] = {}

    def go(number: int) -> None:
        results[number] = current.host(f"for i in 1 2 3; do echo {number}; sleep 0.1; done")

    threads = [threading.Thread(target=go, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: f"{number}\n" * 3 for number in range(4)}


def test_what_comes_with_the_head_of_the_answer_is_not_lost() -> None:
    """A quick program's first words and the head of the HTTP answer can be in one packet: then http.client has both."""

    def listen() -> None:
        connection, _ = listener.accept()
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nfirst")
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=listen, daemon=True).start()
        answer = requests.get(f"http://127.0.0.1:{listener.getsockname()[1]}", stream=True, timeout=10)
        holder = answer.raw._fp.fp.raw
        holder._response = answer  # as docker-py hands it out
        assert opened(holder)[1] == b"first"
