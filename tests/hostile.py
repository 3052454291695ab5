"""Define malicious answers and archives for the tests of the grader: `SCRIPTS` and `ARCHIVES`."""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

EXERCISE = "02_publish_three_ways"
EVIDENCE = '{"facts": {}, "points": 8, "probes": {"shop": {"code": 0, "output": "all is well"}}}'

# Each is followed by a right answer, so that only the attack can cost points. It prints `won` if it reached something
# that must be out of reach. `bash -e` runs them, so commands that are expected to fail stand in a condition.
SCRIPTS = {
    "endless-loop": "while :; do :; done",
    "fork-bomb": "bomb() { bomb | bomb & }; bomb; wait",
    "fork-bomb-inside": "docker run -d --name bomb busybox sh -c 'b() { b | b & }; b; sleep 600'; sleep 5",
    "fill-the-root": "dd if=/dev/zero of=/root/full bs=1M count=100000 || rm /root/full",
    "fill-docker": "docker run --rm busybox dd if=/dev/zero of=/full bs=1M count=100000 || true",
    "print-a-gigabyte": "yes 0123456789012345678901234567890123456789 | head -c 1000000000",
    "print-to-the-log": "yes 0123456789 | head -c 300000000 >/proc/1/fd/1 || true",
    "stop-dockerd": "pkill -KILL dockerd; sleep 1",
    "remove-the-rules": "iptables -t nat -F; iptables -F; iptables -P FORWARD DROP",
    "remove-the-wire": "ip link delete eth0",
    "forge-evidence": f"""
for file in evidence.json {EXERCISE}.json /evidence.json /tmp/{EXERCISE}.json /root/{EXERCISE}.json; do
  echo '{EVIDENCE}' >$file
done
echo '{EVIDENCE}'
exit
""",
    "fake-curl": "rm /usr/bin/curl; printf '#!/bin/sh\necho all is well\n' >/usr/bin/curl; chmod +x /usr/bin/curl",
    # It prints the right address from a forged program: only the check of programs can cost its points.
    "fake-conntrack": "rm /usr/sbin/conntrack; printf '#!/bin/sh\necho src=172.17.0.2\n' >/usr/sbin/conntrack;"
    " chmod +x /usr/sbin/conntrack",
    "fake-docker": "printf '#!/bin/sh\n' >/tmp/fake; chmod +x /tmp/fake; mount --bind /tmp/fake /usr/bin/docker; exit",
    "core-pattern": "if echo '|/tmp/x' >/proc/sys/kernel/core_pattern; then echo won; fi",
    "sysrq": "if echo h >/proc/sysrq-trigger; then echo won; fi",
    "mount-a-disk": """
mkdir /tmp/disk
for device in /sys/class/block/*; do
  mknod /tmp/device b $(tr : ' ' <$device/dev) || continue
  if mount -o ro /tmp/device /tmp/disk; then echo won $device; fi
  if head -c 1 /tmp/device >/dev/null; then echo won $device; fi
  rm /tmp/device
done
""",
    "load-a-module": """
if modprobe dummy; then echo won; fi
if python3 -c 'import ctypes' 2>/dev/null; then echo won; fi
""",
    "reach-out": """
for address in 1.1.1.1 8.8.8.8 10.0.0.1 172.18.0.1 192.168.0.1 169.254.169.254; do
  if curl -m 2 -s http://$address/ || ping -c 1 -W 1 $address; then echo won $address; fi
done
""",
    "read-solutions": """
if find / -xdev ! -path '/proc/*' \\( -name checks.py -o -path '*/solution/*' -o -name '*.tar.gz' \\) | grep .; then
  echo won
fi
if ls /seed /scratch /old 2>/dev/null | grep -v : | grep .; then echo won; fi
""",
    # After the right answer: a paused container blocks the removal of the lab (cgroup v1).
    "pause-one": "docker run -d --name beside busybox sleep 1000; trap 'docker pause beside' EXIT",
    "pause-all": "trap 'docker pause $(docker ps -q)' EXIT",
    # What outlives the answer, in the engine or in the kernel.
    "leave-a-swarm": "docker swarm init --advertise-addr 203.0.113.10; docker network create -d overlay over;"
    " docker service create --detach --name svc -p 8090:80 nginx",
    "stop-dockerd-at-the-end": "trap 'pkill -STOP -x dockerd; pkill -STOP -x containerd' EXIT",
    "freeze-at-the-end": """
freeze() {
  for state in /sys/fs/cgroup/freezer/docker/*/freezer.state; do echo FROZEN >$state; done
  for state in /sys/fs/cgroup/docker/*/cgroup.freeze; do echo 1 >$state; done
}
trap 'freeze 2>/dev/null || true' EXIT""",
    "poison-the-images": """
for place in $(awk '$5 ~ "/diff$" { print $5 }' /proc/self/mountinfo); do
  mount -o remount,rw,bind $place || true
  mount -o remount,rw $place || true
  if echo x >$place/poison; then echo won $place; fi
done
""",
}


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


def _pax(records: bytes) -> bytes:
    """Return a compressed tar archive with one extended header (pax(1)) before an answer."""
    header = tarfile.TarInfo("pax")
    header.type = tarfile.XHDTYPE
    return _tar((header, records), (_member(ANSWER), b"x"))


def _sparse(name: bytes) -> bytes:
    """Return a tar archive with a GNU sparse file whose name is not UTF-8."""
    info = _member(name.decode("utf-8", "surrogateescape"), tarfile.GNUTYPE_SPARSE)
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape") + bytes(1024)


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Return a harmless zip archive."""
    return _zip(lambda z: [z.writestr(name, content) for name, content in files.items()])


def _zip_bomb(method: int, size: int) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr(ANSWER, bytes(size))
    return buffer.getvalue()


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
    "file-and-folder.tar.gz": _tar((_member(ANSWER), b"a"), (_member(f"{ANSWER}/x"), b"b")),
    "twice.tar.gz": _tar((_member(ANSWER), b"a"), (_member(ANSWER), b"b")),
    "newline.tar.gz": _tar((_member(f"{EXERCISE}/a\nb"), b"a")),
    "bomb.tar.gz": gzip.compress(b"\0" * 10_000_000) * 20,
    "cut.tar.gz": _tar((_member(ANSWER), b"x" * 5000))[:60],
    "junk.zip": b"PK\x03\x04 and then nothing",
    "pax-size.tar.gz": _pax(b"30 size=99999999999999999999\n"),
    "raw-name.tar": _sparse(b"\xff\x1b[31m\n"),
    "raw-file-name.tar.gz": _tar((_member(f"{EXERCISE}/\udcff\x1b[31m"), b"x")),
    "zip-bzip2.zip": _zip_bomb(zipfile.ZIP_BZIP2, 8_000_000),
    "zip-lzma.zip": _zip_bomb(zipfile.ZIP_LZMA, 8_000_000),
    "nothing.tar.gz": _tar((_member("elsewhere/answer.sh"), b"x")),
}

# Reading its header takes a time quadratic in its length (CVE-2024-6232), in Python up to 3.11.9 and 3.12.5.
ENDLESS = {"pax-endless.tar.gz": _pax(b"1" * 15_000_000)}


def write_archives(folder: Path) -> None:
    """Write every archive to the folder of a class."""
    for name, content in ARCHIVES.items():
        (folder / name).write_bytes(content)
