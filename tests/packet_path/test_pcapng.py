"""The capture of a path in Wireshark: tshark finds every step as a comment."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from course_lib.packet_path.pcapng import captured, pcapng
from tests.packet_path.test_reconstruct import ENGINES, recorded_path
from tests.record_evidence import WITH_BYTES

needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="needs tshark: apt-get install tshark")


def read(file: Path, *fields: str) -> list[list[str]]:
    """Return these fields of each frame; comments are separated by a character that none contains."""
    options = [word for field in fields for word in ("-e", field)]
    command = ["tshark", "-r", str(file), "-T", "fields", "-E", "aggregator=|", *options]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    return [line.split("\t") for line in found.stdout.splitlines()]


@needs_tshark
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("flow", WITH_BYTES)
def test_tshark_reads_every_frame_and_every_step(engine: str, flow: str, tmp_path: Path) -> None:
    path = recorded_path(engine, flow)
    file = tmp_path / "x.pcapng"
    file.write_bytes(pcapng(path))
    frames = list(captured(path.capture))
    assert len(frames) >= 3
    rows = read(file, "frame.interface_name", "frame.len", "frame.protocols", "frame.comment")
    assert sorted(row[0] for row in rows) == sorted(frame.device for frame in frames)
    assert sorted(int(row[1]) for row in rows) == sorted(frame.length for frame in frames)
    assert all("sll" in row[2] and row[2].split(":")[-1] != "sll" for row in rows), "the bytes are understood"
    comments = [comment for row in rows for comment in row[3].split("|") if comment]
    numbers = [int(comment.split(":")[0].split(",")[0].removeprefix("Step ")) for comment in comments]
    assert sorted(numbers) == list(range(1, len(path.steps) + 1))
    for step, number in zip(path.steps, range(1, len(path.steps) + 1), strict=True):
        (comment,) = (c for c in comments if c.startswith((f"Step {number}:", f"Step {number},")))
        assert step.place in comment
        assert step.rule.partition(" -m ")[0][:20] in comment


@needs_tshark
def test_a_step_stands_at_its_own_frame(tmp_path: Path) -> None:
    file = tmp_path / "x.pcapng"
    file.write_bytes(pcapng(recorded_path("26.1", "published")))
    rows = read(file, "frame.interface_name", "ip.dst", "tcp.flags.syn", "frame.comment")
    (sent,) = (row for row in rows if "Step 1:" in row[3])
    assert sent[:3] == ["eth0", "203.0.113.10", "1"]
    (leaves,) = (row for row in rows if "docker0: leaves by docker0" in row[3])
    assert leaves[:3] == ["docker0", "172.17.0.2", "1"]


@needs_tshark
@pytest.mark.parametrize("flow", ["internal_outside", "published"])
def test_without_frames_the_steps_are_comments_of_the_file(flow: str, tmp_path: Path) -> None:
    path = replace(recorded_path("26.1", flow), capture="")
    file = tmp_path / "x.pcapng"
    file.write_bytes(pcapng(path))
    told = subprocess.run(["capinfos", str(file)], capture_output=True, text=True, check=True).stdout
    assert told.count("Capture comment:     Step ") == len(path.steps)
    assert path.end.words in told
