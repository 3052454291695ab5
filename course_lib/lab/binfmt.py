"""Whether the machine of the learner's engine runs programs of another processor: by emulation (Linux, binfmt_misc)."""

from __future__ import annotations

import io
import json
import struct
import tarfile
from typing import Any

from course_lib.engine import client
from course_lib.errors import CourseError

# By architecture: the machine in an ELF header (elf(5), e_machine), and the instructions of exit(0).
PROGRAMS = {
    "amd64": (62, "b83c000000 31ff 0f05"),  # mov eax, 60; xor edi, edi; syscall
    "arm64": (183, "a80b80d2 000080d2 010000d4"),  # mov x8, 93; mov x0, 0; svc 0
}
ADDRESS = 0x400000  # where the program lies in memory: any, if it is a multiple of the page's size
ANSWER_WITHIN = 60  # seconds


def require(api: Any, arch: str, label: str) -> None:
    """Raise CourseError if the engine's machine cannot run programs of an architecture ("arm64").

    It is tried, by a program that does nothing: the kernel that counts may be that of another machine, or a virtual
    one's. The container that tries it, and its image, have the label and are gone afterwards.
    """
    if _ends_well(api, program(arch), label):
        return
    here = api.version()["Arch"]
    raise CourseError(
        f"The Docker engine here is an {here} one, and its machine cannot run the programs of {arch}, which making "
        f"images for {arch} takes: install qemu-user-static there (on Debian and Ubuntu: `apt-get install "
        f"qemu-user-static binfmt-support`), or repeat the command on a machine with {arch}, or with DOCKER_HOST set "
        "to an engine on one."
    )


def program(arch: str) -> bytes:
    """Return an executable for Linux that ends at once, with exit code 0."""
    machine, code = PROGRAMS[arch]
    instructions = bytes.fromhex(code)
    size = 64 + 56 + len(instructions)  # of the ELF header, the one program header, the instructions
    identity = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)  # 64 bits, little-endian, version 1
    header = struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, ADDRESS + 64 + 56, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, ADDRESS, ADDRESS, size, size, 0x10000)  # loaded, readable, executable
    return identity + header + segment + instructions


def _ends_well(api: Any, binary: bytes, label: str) -> bool:
    """Whether a program ends with exit code 0 in a container that holds nothing else."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo("program")
        entry.size, entry.mode = len(binary), 0o755
        archive.addfile(entry, io.BytesIO(binary))
    answer = api.import_image_from_data(buffer.getvalue(), changes=[f"LABEL {label}=image"])
    image = [message["status"] for message in client.progress(map(json.loads, answer.splitlines()))][-1]
    try:
        made = api.create_container(image, ["/program"], labels={label: "helper"}, network_disabled=True)["Id"]
        try:
            api.start(made)
            return bool(api.wait(made, timeout=ANSWER_WITHIN)["StatusCode"] == 0)
        except client.APIError:  # some engines refuse to start what the kernel does not know
            return False
        finally:
            api.remove_container(made, force=True)
    finally:
        api.remove_image(image)
