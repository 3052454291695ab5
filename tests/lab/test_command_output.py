"""Test what is shown of a command's output, byte by byte where that matters; without Docker."""

from __future__ import annotations

import pytest

from course_lib.lab import command_output
from course_lib.lab.command_output import MOST_CHARACTERS, MOST_LINES, Output


def shown(*chunks: bytes) -> str:
    """Return what is shown of chunks of output, and hold that it is also what is returned."""
    pieces: list[str] = []
    made = Output(pieces.append, "mark")
    for chunk in chunks:
        assert not made.add(chunk)
    made.end()
    assert made.text == "".join(pieces)
    return made.text


def test_it_is_shown_while_it_comes() -> None:
    pieces: list[str] = []
    made = Output(pieces.append, "mark")
    made.add(b"one\n")
    assert pieces == ["one\n"]


@pytest.mark.parametrize("at", range(1, len("한국\0✓".encode())))
def test_characters_that_are_cut_between_chunks(at: int) -> None:
    data = "한국\0✓".encode()
    assert shown(data[:at], data[at:]) == "한국\0✓"


def test_what_is_no_text_is_replaced_and_nothing_waits_for_its_end() -> None:
    assert shown(b"\xff\xfe", b"ok\xed") == "\ufffd\ufffdok\ufffd"


LAST = f"at most {MOST_LINES:,} lines and {MOST_CHARACTERS:,} characters are shown]\n"


@pytest.mark.parametrize("size", [7, 100_000])
@pytest.mark.parametrize(
    ("more", "word"),
    [
        (b"", ""),
        (b"x", f"[1 more line is left out, 1 character: {LAST}"),
        (b"x\n", f"[1 more line is left out, 2 characters: {LAST}"),
        (b"x\r\ny\n\nz", f"[4 more lines are left out, 7 characters: {LAST}"),
    ],
)
def test_lines_beyond_the_most_are_counted(size: int, more: bytes, word: str) -> None:
    kept = b"l\x0b\r\x85\n" * MOST_LINES  # a carriage return and its like end no line
    data = kept + more
    said = shown(*(data[i : i + size] for i in range(0, len(data), size)))
    assert said == kept.decode(errors="replace") + word


def test_one_endless_line_is_cut_and_not_kept() -> None:
    made = Output(lambda text: None, "mark")
    for _ in range(300):
        made.add(b"x" * MOST_CHARACTERS)
    made.end()
    assert made.text.startswith("x" * MOST_CHARACTERS + "\n[1 more line is left out, 299,000,000 characters")
    assert len(made.text) < MOST_CHARACTERS + 200


def test_nothing_comes_back_after_the_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_output, "MOST_CHARACTERS", 10)
    assert shown(b"12345678", b"90123", b"4").startswith("1234567890\n[1 more line is left out, 4 characters")


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
def test_the_mark_ends_it_wherever_it_is_cut(size: int) -> None:
    pieces: list[str] = []
    made = Output(pieces.append, "mark")
    data = b"a\0b\0mar\0mark 37\n"
    ends = [made.add(data[i : i + size]) for i in range(0, len(data), size)]
    made.end()
    assert ends == [False] * (len(ends) - 1) + [True]
    assert (made.text, made.code) == ("a\0b\0mar", 37)


def test_what_follows_the_mark_is_not_shown() -> None:
    made = Output(lambda text: None, "mark")
    assert made.add(b"a\0mark 0\nfrom the background")
    made.end()
    assert (made.text, made.code) == ("a", 0)


def test_without_a_mark_there_is_no_code() -> None:
    made = Output(lambda text: None, "mark")
    made.add(b"a\0mark")
    made.end()
    assert (made.text, made.code) == ("a\0mark", None)
