"""Test bundles with an engine: making one, loading it without a network, and refusing one that does not fit."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from course_lib.engine import client
from course_lib.engine.labels import RECIPE_LABEL
from course_lib.errors import CourseError, EngineMissingError
from course_lib.lab import binfmt, images
from course_lib.lab.machine import need_packages
from course_lib.setup import bundle, bundle_archive, bundle_packages
from tests.conftest import ROOT, refuse
from tests.lab.test_binfmt import NOBODYS, machine_of
from tests.lab.test_images import make, own_names
from tests.setup.test_bootstrap import BASE, TINY_LOCK, old_python
from tests.setup.test_docker_install import end, ping

__all__ = ["own_names"]  # a fixture of others
pytestmark = pytest.mark.live
HERE = bundle_packages.Target("amd64", "Linux", "{}.{}".format(*sys.version_info))


@dataclass(frozen=True)
class CutOff:
    """A network namespace with nothing but its loopback, and an engine in it."""

    folder: Path
    pid: int

    def inside(self, *command: str | Path) -> list[str]:
        """Return a command that runs there."""
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net", *map(str, command)]

    @property
    def host(self) -> str:
        return f"unix://{self.folder}/docker.sock"


@pytest.fixture
def cut_off() -> Iterator[CutOff]:
    """Give an engine of this test's own that has no way out either, so that it can pull nothing."""
    folder = Path(tempfile.mkdtemp(prefix="course-", dir="/tmp"))  # short: a unix socket's name has 108 bytes at most
    options = [f"--data-root={folder}/data", f"--exec-root={folder}/exec", f"--pidfile={folder}/docker.pid"]
    options += [f"--host=unix://{folder}/docker.sock", "--bridge=none", "--iptables=false"]
    script = 'ip link set lo up && exec dockerd "$@"'
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", script, "sh", *options], stdout=log, stderr=log, start_new_session=True
        )
    deadline = time.monotonic() + 60
    while True:
        try:
            ping(folder)
            break
        except CourseError:
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.1)
    yield CutOff(folder, process.pid)
    process.terminate()
    process.wait(60)
    end(folder / "exec/containerd/containerd.pid", "containerd", signal.SIGTERM)
    for line in reversed(Path("/proc/mounts").read_text().splitlines()):
        if line.split()[1].startswith(f"{folder}/"):
            subprocess.run(["umount", "--lazy", line.split()[1]], check=True)
    shutil.rmtree(folder)


@contextlib.contextmanager
def engine_of(cut_off: CutOff) -> Iterator[Any]:
    """Let the learner's engine be the one that is cut off."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", cut_off.host)
        client.outer.cache_clear()
        try:
            yield client.outer()
        finally:
            client.outer.cache_clear()


@pytest.fixture
def small(own_names: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Let the course be two tiny images and one package; return a folder."""
    inner = "container-course/lab-busybox:trixie"
    monkeypatch.setattr(images, "INNER", ("busybox",))
    for name, tag in (("lab", images.lab_image("trixie")), ("busybox", images.inner_image("busybox"))):
        recipe = images.fingerprint(name)
        # from an image with a layer, for an empty one is not saved; and with none of ours between, for order of removal
        make(f"FROM {inner}\nLABEL {own_names}=image\nLABEL {RECIPE_LABEL}={recipe}\n", tag)
    (tmp_path / "lock").write_text(TINY_LOCK)
    monkeypatch.setattr(bundle, "LOCK", tmp_path / "lock")
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def write(path: Path, **more: Any) -> bundle_archive.Manifest:
    return bundle.make(path, "", ["26.1"], refuse, machines=[HERE], **more)


@pytest.mark.slow
def test_a_bundle_is_written_and_loaded_where_nothing_leads_out(
    small: Path, cut_off: CutOff, capsys: pytest.CaptureFixture[str]
) -> None:
    file = small / "course.tar"
    manifest = write(file)
    assert list(small.iterdir()) == [file], "nothing is left beside it"
    assert (manifest.arch, manifest.engines) == ("amd64", ("26.1",))
    with pytest.raises(CourseError, match="exists already: choose another name, or add --replace"):
        write(file)
    again = write(file, replace=True)
    assert again.parts[:-1] == manifest.parts[:-1], "all but the engine's own archive comes out the same"

    with engine_of(cut_off) as api:
        with pytest.raises(client.APIError):  # the proof that this engine reaches nothing
            list(client.progress(api.pull("debian", "trixie-slim", stream=True, decode=True)))
        with pytest.raises(
            CourseError, match=r"contains the engine 26\.1: choose it with --engine, or make another one"
        ):
            bundle.load(file, "newest")
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1  # in the images: they are most of it, and the last
        (small / "changed.tar").write_bytes(data)
        with pytest.raises(CourseError, match=r"changed\.tar is damaged or incomplete \(images\.tar\.gz\)"):
            bundle.load(small / "changed.tar", "26.1")
        assert api.images() == [], "nothing of what does not fit was loaded"
        bundle.load(file, "26.1")
        assert {tag for image in api.images() for tag in image["RepoTags"]} == set(manifest.images)
        capsys.readouterr()
        bundle.load(file, "26.1")
        assert capsys.readouterr().out == f"The images of {file} are loaded already.\n"


@pytest.mark.slow
def test_what_does_not_fit_this_course_or_this_engine(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(small / "course.tar")
    with monkeypatch.context() as patch:
        patch.setattr(images, "fingerprint", lambda _: "another")
        with pytest.raises(CourseError, match=r"made by another version of the course \(0\.\d+\.\d+, with another "):
            bundle.load(small / "course.tar", "26.1")
    version = client.outer().version()
    monkeypatch.setattr(client.outer(), "version", lambda: {**version, "Arch": "arm64"})
    with pytest.raises(CourseError, match=r"is for amd64, and this machine's Docker engine is arm64: .*--arch arm64"):
        bundle.load(small / "course.tar", "26.1")


def test_an_architecture_that_does_not_run_here_is_refused_before_anything_is_made(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(binfmt.PROGRAMS, "arm64", NOBODYS)  # whatever this machine is set up for
    monkeypatch.setattr(images, "build_all", refuse)
    with pytest.raises(CourseError, match=r"cannot run programs for arm64.*install qemu-user-static there"):
        bundle.make(small / "course.tar", "arm64", ["26.1"], refuse)
    assert list(small.iterdir()) == []


def of_this_engine(prefix: str) -> dict[str, str]:
    """Return the ids of the images with a first name that are of this engine's own architecture, by name."""
    tags = [(tag, image["Id"]) for image in client.outer().images() for tag in image["RepoTags"] or []]
    return {tag: identity for tag, identity in tags if tag.startswith(f"{prefix}/") and tag.count("/") == 1}


@pytest.mark.slow
def test_images_of_another_architecture_have_names_of_their_own_and_get_the_plain_ones_where_they_belong(
    small: Path, own_names: str, cut_off: CutOff, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, tag in (("lab", images.lab_image("trixie")), ("busybox", images.inner_image("busybox"))):
        labels = f"LABEL {own_names}=image\nLABEL {RECIPE_LABEL}={images.fingerprint(name)}\n"
        make(f"FROM scratch\nCOPY Dockerfile /{name}\n{labels}", images.foreign(tag, "arm64"), platform="linux/arm64")
    before = of_this_engine(own_names)
    monkeypatch.setattr(binfmt, "require", lambda *_: None)  # they are there, so nothing has to run
    file, target = small / "course.tar", bundle_packages.Target("arm64", "Linux", HERE.python)
    manifest = bundle.make(file, "arm64", ["26.1"], refuse, machines=[target])
    assert set(manifest.images) == {images.lab_image("trixie"), images.inner_image("busybox")}
    assert manifest.arch == "arm64"
    assert of_this_engine(own_names) == before
    with engine_of(cut_off) as api:
        with pytest.raises(CourseError, match="is for arm64, and this machine's Docker engine is amd64"):
            bundle.load(file, "26.1")
        version = api.version()
        monkeypatch.setattr(api, "version", lambda: {**version, "Arch": "arm64"})
        bundle.load(file, "26.1")
        assert {tag for image in api.images() for tag in image["RepoTags"]} == set(manifest.images)
        assert {api.inspect_image(name)["Architecture"] for name in manifest.images} == {"arm64"}


def test_an_image_that_came_out_for_another_architecture_goes_into_no_bundle(
    small: Path, own_names: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binfmt, "require", lambda *_: None)
    monkeypatch.setattr(images, "build_all", lambda *_: None)
    for tag in (images.lab_image("trixie"), images.inner_image("busybox")):
        client.outer().tag(tag, *images.foreign(tag, "arm64").split(":"))
    with pytest.raises(CourseError, match="arm64/lab:trixie is not for arm64: remove it with `docker rmi`"):
        bundle.make(small / "course.tar", "arm64", ["26.1"], refuse)
    assert list(small.iterdir()) == []


def test_places_where_no_bundle_can_be_written(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CourseError, match=r"Could not write .*: choose a folder that exists"):
        write(small / "no/such/course.tar")
    usage = shutil.disk_usage(small)._replace(free=10**9)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(CourseError, match=r"Making a bundle needs 1\.3 GB, and .* has 1\.0 GB"):
        write(small / "course.tar")
    assert list(small.iterdir()) == []


@pytest.mark.parametrize("size", ["32k", "512k"])  # too small for the package; for the images
@pytest.mark.slow
def test_a_disk_that_becomes_full(small: Path, size: str, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(small)._replace(free=10**10)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", small], check=True)
    try:
        with pytest.raises(CourseError, match=r"Could not write .*course\.tar: No space left on device\.$"):
            write(small / "course.tar")
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", small], check=True)


@pytest.mark.parametrize("moment", ["_fetch", "_save"])
@pytest.mark.slow
def test_ctrl_c_leaves_nothing_and_keeps_the_bundle_that_was_there(
    small: Path, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (small / "course.tar").write_text("an older one")

    def interrupted(_: object, place: Path) -> None:
        (place.parent / "half").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(bundle, moment, interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(small / "course.tar", replace=True)
    assert [path.name for path in small.iterdir()] == ["course.tar"]
    assert (small / "course.tar").read_text() == "an older one"


def test_where_there_is_no_engine_a_bundle_brings_none(monkeypatch: pytest.MonkeyPatch) -> None:
    from course_lib.commands.cli import main

    def none() -> None:
        raise EngineMissingError("No Docker engine answers at the default place")

    def installs(*_: object, **__: object) -> None:
        raise AssertionError("that needs a network")

    monkeypatch.setattr(client, "outer", none)
    monkeypatch.setattr("course_lib.lab.machine.find_program", lambda _: None)
    monkeypatch.setattr("course_lib.setup.docker_install.ensure_engine", installs)
    with pytest.raises(EngineMissingError, match="No Docker engine answers"):
        main(["up", "--from-bundle", "nosuch.tar"], standalone_mode=False)


def others() -> list[bundle_packages.Target]:
    """Return the other Pythons that the course supports and pyenv has here."""
    return [
        bundle_packages.Target("amd64", "Linux", python) for python in bundle_packages.PYTHONS if python != HERE.python
    ]


def clone(folder: Path) -> Path:
    """Copy what git knows of the course, so without any environment."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in listed.split("\0")[:-1]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


def run(command: Sequence[str | Path], **settings: Any) -> str:
    """Run a command until it ends, and return its output; it must succeed."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **settings)
    assert done.returncode == 0, done.stdout
    return str(done.stdout)


@pytest.fixture
def room() -> Iterator[Path]:
    """Give a folder that goes at once: two gigabytes are too much to keep for whom a test failed."""
    folder = Path(tempfile.mkdtemp(prefix="course-room-"))
    yield folder
    shutil.rmtree(folder)


@pytest.mark.soak
@pytest.mark.timeout(1500)
def test_a_class_without_any_network(running_lab: None, cut_off: CutOff, room: Path) -> None:
    """The whole: a fresh copy, ./course up, JupyterLab, chapter 01 with its outputs compared; each other Python."""
    file = room / "course.tar"
    bundle.make(file, "", ["26.1"], refuse, machines=[HERE, *others()])
    there = clone(room / "a copy")
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON", "VIRTUAL_ENV"))}
    env |= {"DOCKER_HOST": cut_off.host, "COURSE_LAB": "cut-off", "PYTHONUNBUFFERED": "1"}
    settings: dict[str, Any] = {"cwd": there, "env": env}
    links = json.loads(run(cut_off.inside("ip", "-json", "link"), **settings))
    assert [link["ifname"] for link in links] == ["lo"]
    up = cut_off.inside(BASE, "course", "up", "--no-browser", "--from-bundle", file)
    with subprocess.Popen(
        up, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, **settings
    ) as process:
        assert process.stdout
        said = []
        for line in process.stdout:
            said.append(line)
            if "http://127.0.0.1:" in line:
                break
        address = said[-1].split()[-1]
        try:
            page = run(cut_off.inside("curl", "-fsSL", "--retry", "5", "--retry-connrefused", address), **settings)
        finally:
            process.terminate()
    assert "JupyterLab" in page, said
    assert not [line for line in said if "Building" in line or "Pulling" in line], said
    # The course's packages are those of the bundle; only what the test itself needs comes from here, after them.
    python = there / ".venv/bin/python"
    site = next((there / ".venv/lib").glob("python*/site-packages"))
    (site / "tests.pth").write_text(f"{next((ROOT / '.venv/lib').glob('python*/site-packages'))}\n")
    book = ["--nbval", "--nbval-current-env", "--nbval-cell-timeout=120"]
    book += ["--nbval-sanitize-with=tests/nbval_sanitize.cfg", "-p", "no:cacheprovider", "-q"]
    run(cut_off.inside(python, "-m", "pytest", *book, "notebooks/01_docker0.ipynb"), **settings)
    modules = "import course_lib, jupyterlab; print(course_lib, jupyterlab)"
    shown = run(cut_off.inside(python, "-c", modules), **settings)
    assert shown.count(str(there)) == 2, shown
    again = run(cut_off.inside(python, "-m", "course_lib", "down"), **settings)
    assert "Removed the container" in again
    for target in others():
        copy = clone(room / target.python)
        run(cut_off.inside(old_python(target.python), copy / "course", "up", "--from-bundle", file, "--help"), env=env)
        run([copy / ".venv/bin/python", "-m", "pip", "check"])
        shown = run([copy / ".venv/bin/python", "-c", f"import sys; {modules}; print(sys.version)"], cwd=room)
        assert f"\n{target.python}." in shown


BINFMT = Path("/proc/sys/fs/binfmt_misc")
# By the header of a 64-bit executable or library for aarch64 (kernel documentation, binfmt_misc; qemu has the same).
MAGIC = r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
MASK = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"


def need(package: str) -> None:
    need_packages([package], "test images of another architecture", print)


@pytest.fixture
def emulator(room: Path) -> Iterator[None]:
    """Let this machine run programs of arm64, by an emulator that is not installed, and only for this test."""
    with contextlib.suppress(CourseError):
        binfmt.require(client.outer(), "arm64")
        yield  # it does already
        return
    run(["apt-get", "update"])
    binary = room / "usr/bin/qemu-aarch64-static"
    for package in ("qemu-user-static", "qemu-user"):  # since Debian 13 the first one has only links to the second
        if not binary.exists():
            run(["apt-get", "-o", "APT::Sandbox::User=root", "download", package], cwd=room)
            run(["dpkg-deb", "--extract", *room.glob(f"{package}_*.deb"), room])
    mounts = not (BINFMT / "register").exists()
    if mounts:
        run(["mount", "-t", "binfmt_misc", "binfmt_misc", BINFMT])
    handler = BINFMT / "course-test-arm64"
    # F: the kernel opens the emulator here and now, so that it is found from within a container, too.
    (BINFMT / "register").write_text(f":{handler.name}:M::{MAGIC}:{MASK}:{binary}:F")
    try:
        binfmt.require(client.outer(), "arm64")
        yield
    finally:
        handler.write_text("-1")
        if mounts:
            run(["umount", BINFMT])


def shell_of(api: Any, image: str) -> bytes:
    """Return the program that an image has as /bin/sh."""
    made = api.create_container(image, ["true"])["Id"]
    try:
        _, stat = api.get_archive(made, "/bin/sh")
        data, _ = api.get_archive(made, stat["linkTarget"] or "/bin/sh")
        with tarfile.open(fileobj=io.BytesIO(b"".join(data))) as archive:
            file = archive.extractfile(archive.getmembers()[0])
            return file.read() if file else b""
    finally:
        api.remove_container(made)


@pytest.mark.soak
@pytest.mark.timeout(7200)  # 55 minutes and more where much else runs
def test_a_bundle_for_arm64_by_emulation(
    own_names: str, cut_off: CutOff, emulator: None, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All images of the course, from Debian's packages for arm64; loaded into an engine without images, and run."""
    (room / "lock").write_text(TINY_LOCK)  # wheels have tests of their own
    monkeypatch.setattr(bundle, "LOCK", room / "lock")
    before = of_this_engine("container-course"), of_this_engine(own_names)
    file, target = room / "course.tar", bundle_packages.Target("arm64", "Linux", HERE.python)
    manifest = bundle.make(file, "arm64", ["26.1"], need, machines=[target])
    assert (of_this_engine("container-course"), of_this_engine(own_names)) == before
    assert len(manifest.images) == 1 + len(images.INNER)
    began = time.monotonic()
    bundle.make(file, "arm64", ["26.1"], refuse, machines=[target], replace=True)
    assert time.monotonic() - began < 300, "the images that are there are not made again"
    with engine_of(cut_off) as api:
        version = api.version()
        monkeypatch.setattr(api, "version", lambda: {**version, "Arch": "arm64"})
        bundle.load(file, "26.1")
        assert {tag for image in api.images() for tag in image["RepoTags"]} == set(manifest.images)
        for name in manifest.images:
            assert api.inspect_image(name)["Architecture"] == "arm64", name
            assert machine_of(shell_of(api, name)) == "arm64", name
        made = api.create_container(images.inner_image("busybox"), ["uname", "-m"], network_disabled=True)["Id"]
        api.start(made)
        assert api.wait(made)["StatusCode"] == 0
        assert api.logs(made) == b"aarch64\n"
