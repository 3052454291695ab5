"""Answers and archives of somebody who means harm, each with what it tries. Used by tests of the grader."""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

EXERCISE = "02_publish_three_ways"
EVIDENCE = '{"facts": {}, "points": 8, "probes": {"shop": {"code": 0, "output": "all is well"}}}'

# What each tries; every one of them is run before a right answer, so that it could have got all points.
SCRIPTS = {
    "endless-loop": "while :; do :; done",
    "fork-bomb": "bomb() { bomb | bomb & }; bomb; wait",
    "fork-bomb-in-a-container": "docker run -d --name bomb busybox sh -c 'b() { b | b & }; b; sleep 600'; sleep 5",
    "fill-the-root": "dd if=/dev/zero of=/root/full bs=1M count=100000; true",
    "fill-docker": "docker run --rm busybox sh -c 'dd if=/dev/zero of=/full bs=1M count=100000'; sleep 1; true",
    "print-a-gigabyte": "yes 0123456789012345678901234567890123456789 | head -c 1000000000",
    "print-to-the-log": "yes 0123456789 | head -c 300000000 >/proc/1/fd/1",
    "stop-dockerd": "pkill -KILL dockerd; sleep 1; exit",
    "remove-the-rules": "iptables -t nat -F; iptables -F; iptables -P FORWARD DROP",
    "remove-the-wire": "ip link delete eth0; exit",
    "forge-evidence": f"for f in /root/answer/evidence.json /evidence.json /tmp/{EXERCISE}.json; do echo '{EVIDENCE}' >$f; done; exit",
    "fake-curl": "printf '#!/bin/sh\\necho all is well\\n' >/usr/bin/curl; exit",
    "fake-docker-by-a-mount": "cp /bin/true /tmp/t; mount --bind /tmp/t /usr/bin/docker; exit",
    "core-pattern": "echo '|/tmp/x' >/proc/sys/kernel/core_pattern && touch /root/WON; exit",
    "sysrq": "echo h >/proc/sysrq-trigger && touch /root/WON; exit",
    "mount-a-disk": "for d in /sys/class/block/*; do n=/tmp/$(basename $d); mknod $n b $(tr : ' ' <$d/dev); mkdir -p /tmp/m;"
    " mount -o ro $n /tmp/m && touch /root/WON; done; exit",
    "load-a-module": "modprobe dummy && touch /root/WON; insmod /tmp/x.ko && touch /root/WON; exit",
    "reach-out": "for a in 1.1.1.1 8.8.8.8 172.17.0.1 10.0.0.1 169.254.169.254; do"
    " curl -m 2 -s http://$a/ && touch /root/WON; ping -c 1 -W 1 $a && [ $a != 172.17.0.1 ] && touch /root/WON; done; exit",
    "read-solutions": "find / -xdev \\( -name checks.py -o -path '*solution*answer*' -o -name '*.tar.gz' \\) 2>/dev/null"
    " | grep . && touch /root/WON; ls /seed /scratch /old 2>/dev/null | grep . && touch /root/WON; exit",
    "poison-the-images": "for m in $(awk '$5 ~ \"/diff$\" { print $5 }' /proc/self/mountinfo); do mount -o remount,rw,bind $m;"
    " mount -o remount,rw $m; echo x >$m/WON && touch /root/WON; done; exit",
}
# These do their harm and then go on to the right answer: what they get depends on what they broke, nobody else's does.
ENDS_EARLY = {name for name, script in SCRIPTS.items() if script.endswith("exit")}


def _tar(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for info, content in members:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def _member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def _zip(fill: Callable[[zipfile.ZipFile], object]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        fill(archive)
    return buffer.getvalue()


def _zip_link(archive: zipfile.ZipFile) -> None:
    info = zipfile.ZipInfo(f"{EXERCISE}/answer.sh")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive.writestr(info, "/etc/passwd")


ANSWER = f"{EXERCISE}/answer.sh"
ARCHIVES = {
    "up.tar.gz": _tar((_member(f"{EXERCISE}/../../../tmp/WON"), b"x")),
    "root.tar.gz": _tar((_member("/tmp/WON"), b"x")),
    "backslash.zip": _zip(lambda z: z.writestr(f"{EXERCISE}/..\\..\\WON", "x")),
    "zip-up.zip": _zip(lambda z: z.writestr(f"{EXERCISE}/../../WON", "x")),
    "zip-root.zip": _zip(lambda z: z.writestr("/tmp/WON", "x")),
    "zip-link.zip": _zip(_zip_link),
    "zip-bomb.zip": _zip(lambda z: z.writestr(ANSWER, b"\0" * 30_000_000)),
    "zip-many.zip": _zip(lambda z: [z.writestr(f"{EXERCISE}/{n}", "") for n in range(1000)]),
    "link.tar.gz": _tar((_member(ANSWER, tarfile.SYMTYPE, "/etc/passwd"), b"")),
    "link-inside.tar.gz": _tar((_member(ANSWER, tarfile.SYMTYPE, "other"), b"")),
    "hard-link.tar.gz": _tar((_member(ANSWER, tarfile.LNKTYPE, "../../etc/passwd"), b"")),
    "device.tar.gz": _tar((_member(ANSWER, tarfile.BLKTYPE), b"")),
    "pipe.tar.gz": _tar((_member(ANSWER, tarfile.FIFOTYPE), b"")),
    "big.tar.gz": _tar((_member(ANSWER), b"x" * 6_000_000)),
    "many.tar.gz": _tar(*[(_member(f"{EXERCISE}/{n}"), b"") for n in range(300)]),
    "twice.tar.gz": _tar((_member(ANSWER), b"a"), (_member(ANSWER), b"b")),
    "newline.tar.gz": _tar((_member(f"{EXERCISE}/a\nb"), b"a")),
    "bomb.tar.gz": gzip.compress(b"\0" * 200_000_000, 9),
    "cut.tar.gz": _tar((_member(ANSWER), b"x" * 5000))[:60],
    "junk.zip": b"PK\x03\x04 and then nothing",
    "nothing.tar.gz": _tar((_member("elsewhere/answer.sh"), b"x")),
}


def write_archives(folder: Path) -> None:
    """Write every archive into the folder of a class."""
    for name, content in ARCHIVES.items():
        (folder / name).write_bytes(content)
