"""Write the frames of a path for Wireshark, with a comment for each step: `pcapng`. Pure.

The format is draft-ietf-opsawg-pcapng: three kinds of blocks. (python-pcapng on PyPI also writes it, in 2,000 lines,
and has had no release since 2022.) The frames have the header that tcpdump sees on `-i any`, LINKTYPE_LINUX_SLL2.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from course_lib.packet_path.model import PacketPath, Step
from course_lib.packet_path.observations import CAPTURED, Frame, frames
from course_lib.packet_path.path_builder import DIRECTIONS
from course_lib.packet_path.wording import Names, said

SECTION, INTERFACE, PACKET = 0x0A0D0D0A, 1, 6  # types of blocks
COMMENT, NAME, PROGRAM = 1, 2, 4  # options: of every block, of an interface, of a section
SLL2 = 276  # tcpdump.org/linktypes
SNAP = 256  # bytes that capture.sh keeps of a frame


class Captured(NamedTuple):
    """A frame as `tcpdump -tt -e -xx` printed it."""

    time: int  # microseconds since 1970
    length: int  # bytes on the wire, with the header; `data` may have less
    device: str
    data: bytes
    frame: Frame | None  # None of ARP


def pcapng(path: PacketPath) -> bytes:
    """Return a pcapng file with what tcpdump captured of the path, in the order of time.

    The comments of a frame are the steps that it shows and those after them that no frame shows (rules, routing). Where
    nothing was captured, the steps are comments of the whole file.
    """
    found = sorted(captured(path.capture), key=lambda c: c.time)
    comments = _comments(path, found)
    devices = list(dict.fromkeys(c.device for c in found))
    title = f"{path.request.origin} → {path.request.target}: {path.end.words}"
    whole = [(COMMENT, text) for text in [title, *path.notes, *path.doubts, *(comments if not found else [])]]
    header = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
    blocks = [_block(SECTION, header, [*whole, (PROGRAM, "container networking course")])]
    blocks += [_block(INTERFACE, struct.pack("<HHI", SLL2, 0, SNAP), [(NAME, device)]) for device in devices]
    for index, c in enumerate(found):
        size = (len(c.data), c.length)
        body = struct.pack("<IIIII", devices.index(c.device), c.time >> 32, c.time & 0xFFFFFFFF, *size)
        own = [(COMMENT, text) for text, at in comments.items() if at == index]
        blocks.append(_block(PACKET, body + _padded(c.data), own))
    return b"".join(blocks)


def _comments(path: PacketPath, found: Sequence[Captured]) -> dict[str, int]:
    """Return the comment of each step, with the index of the frame to which it belongs."""
    names = Names(path)
    names.ports.clear()  # in a capture the ports and the bridges have their real names
    names.bridges.clear()
    at = next((i for s in path.steps for i in _frames_of(s, found)), 0)
    comments: dict[str, int] = {}
    for number, step in enumerate(path.steps, 1):
        at = next(_frames_of(step, found), at)
        where = f"{step.place}: " if step.kind not in ("sends", "delivered") else ""
        comments[f"Step {number}{', the answer' if step.back else ''}: {where}{said(step, names)}"] = at
    return comments


def _frames_of(step: Step, found: Sequence[Captured]) -> Iterator[int]:
    """Yield the indexes of the frames that may be that of a step: the first packet's come first."""
    if "capture" in step.seen:
        expected = [Frame(step.device, direction, step.packet.addresses) for direction in DIRECTIONS[step.kind]]
        yield from (index for index, c in enumerate(found) if c.frame in expected)


def captured(text: str) -> Iterator[Captured]:
    """Yield the frames that tcpdump printed; those without their bytes are left out."""
    for entry in re.split(r"^(?=\d+\.\d+ )", text, flags=re.M):
        head, _, dump = entry.partition("\n")
        words = re.match(r"(\d+)\.(\d{6}) (\S+) .*?, length (\d+): ", head)
        data = bytes.fromhex("".join(re.findall(r"^\s+0x[0-9a-f]+:((?:\s+[0-9a-f]{2,4})+)", dump, re.M)))
        if words and data:
            time = int(words[1]) * 1_000_000 + int(words[2])
            one = frames(head + "\n") if CAPTURED.match(head) else set()
            yield Captured(time, int(words[4]), words[3], data, next(iter(one), None))


def _block(kind: int, body: bytes, options: Iterable[tuple[int, str]]) -> bytes:
    """Return a block: its type, its length before and after, and its options."""
    for code, text in options:
        value = text.encode()
        body += struct.pack("<HH", code, len(value)) + _padded(value)
    body += struct.pack("<HH", 0, 0)
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
