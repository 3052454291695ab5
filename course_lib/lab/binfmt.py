"""Check whether the engine's machine can run programs for another processor: `require`.

Linux does so by emulation (binfmt_misc).
"""

from __future__ import annotations

import io
import json
import struct
import tarfile
from typing import Any

from course_lib.engine import client
from course_lib.engine.labels import LABEL
from course_lib.errors import CourseError

# By architecture: e_machine of an ELF header (elf(5)), and the instructions of exit(0).
PROGRAMS = {
    "amd64": (62, "b83c000000 31ff 0f05"),  # mov eax, 60; xor edi, edi; syscall
    "arm64": (183, "a80b80d2 000080d2 010000d4"),  # mov x8, 93; mov x0, 0; svc 0
}
ADDRESS = 0x400000  # of the program in memory: any multiple of the page size
ANSWER_WITHIN = 60  # seconds


def require(api: Any, arch: str) -> None:
    """Raise CourseError if the engine's machine cannot run programs for an architecture ("arm64").

    A container runs a program that does nothing, because the kernel that counts may be that of another or a virtual
    machine. The container and its image are removed afterwards.
    """
    if _succeeds(api, program(arch)):
        return
    here = api.version()["Arch"]
    raise CourseError(
        f"The machine of this {here} engine cannot run programs for {arch}, which building images for {arch} needs: "
        "install qemu-user-static there (on Debian and Ubuntu: `apt-get install qemu-user-static binfmt-support`), or "
        f"repeat the command on a machine with {arch}, or with DOCKER_HOST set to an engine on one."
    )


def program(arch: str) -> bytes:
    """Return a Linux executable (elf(5)) for an architecture that ends at once, with exit code 0."""
    machine, code = PROGRAMS[arch]
    instructions = bytes.fromhex(code)
    size = 64 + 56 + len(instructions)  # of the ELF header, the one program header, the instructions
    identity = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)  # 64 bits, little-endian, version 1
    header = struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, ADDRESS + 64 + 56, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, ADDRESS, ADDRESS, size, size, 0x10000)  # loaded, readable, executable
    return identity + header + segment + instructions


def _succeeds(api: Any, binary: bytes) -> bool:
    """Return whether a program ends with exit code 0 in a container that holds no other file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo("program")
        entry.size, entry.mode = len(binary), 0o755
        archive.addfile(entry, io.BytesIO(binary))
    answer = api.import_image_from_data(buffer.getvalue(), changes=[f"LABEL {LABEL}=image"])
    image = [message["status"] for message in client.progress(map(json.loads, answer.splitlines()))][-1]
    try:
        made = api.create_container(image, ["/program"], labels={LABEL: "helper"}, network_disabled=True)["Id"]
        try:
            api.start(made)
            return bool(api.wait(made, timeout=ANSWER_WITHIN)["StatusCode"] == 0)
        except client.APIError:  # some engines refuse to start a program that the kernel cannot run
            return False
        finally:
            api.remove_container(made, force=True)
    finally:
        api.remove_image(image)
