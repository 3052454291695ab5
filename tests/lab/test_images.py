"""Test the images of the lab: where their packages come from, and what happens when one cannot be built."""

from __future__ import annotations

import contextlib
import io
import json
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from course_lib.engine import client
from course_lib.errors import CourseError
from course_lib.lab import images
from course_lib.lab.base_image import bootstrap, supply
from course_lib.lab.base_image import make as make_base
from course_lib.lab.lifecycle import Lab
from course_lib.lab.machine import Machine, Outcome, need_packages
from tests.proxy import proxy
from tests.worker import refuse

pytestmark = pytest.mark.live
NOWHERE = "http://127.0.0.1:9"  # the port "discard": nobody listens there
RELEASE = images.INNER_RELEASE


def make(text: str, tag: str, **more: Any) -> None:
    """Build an image from the text of a Dockerfile."""
    file = io.BytesIO(text.encode())
    list(client.progress(client.outer().build(fileobj=file, tag=tag, rm=True, decode=True, **more)))


@pytest.fixture
def own_names(running_lab: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Give the images of this test another first name and label, no cache, and the base that is there."""
    api = client.outer()
    base = f"{images.PREFIX}/debian:{RELEASE}"
    prefix = f"course-{secrets.token_hex(3)}"
    monkeypatch.setattr(images, "PREFIX", prefix)
    for module in [module for name, module in sys.modules.items() if name.startswith(("course_lib.", "tests."))]:
        if hasattr(module, "LABEL"):  # each that imports it has its own
            monkeypatch.setattr(module, "LABEL", prefix)
    # An option that apt does not know, and another one each time: no step of an earlier build fits.
    monkeypatch.setenv("COURSE_APT_OPTIONS", f"Course::Test={prefix}")
    make(f"FROM {base}\nLABEL {prefix}=image\n", f"{prefix}/debian:{RELEASE}")
    yield prefix
    while found := api.images(filters={"label": prefix}):
        for image in found:
            with contextlib.suppress(client.ImageNotFound):
                api.remove_image(image["Id"], force=True)


def busybox() -> str:
    return images.build("busybox", RELEASE, supply(), refuse)


@pytest.mark.slow
def test_a_mirror_that_leads_nowhere_is_named_and_the_next_build_goes_on_through_mirror_and_proxy(
    own_names: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = supply().mirror
    monkeypatch.setenv("COURSE_DEBIAN_MIRROR", f"{NOWHERE}/debian")
    with pytest.raises(CourseError, match=r"Could not download .*127\.0\.0\.1:9.*COURSE_DEBIAN_MIRROR") as caught:
        busybox()
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
    with proxy(stands_for=there) as mirror, proxy() as forward:
        monkeypatch.setenv("COURSE_DEBIAN_MIRROR", f"{mirror.address}/debian")
        monkeypatch.setenv("http_proxy", forward.address)
        assert images.recipe_of(client.outer(), busybox())
    assert any("/pool/main/b/busybox/" in path for path in mirror.asked)
    assert set(forward.asked) == {mirror.address + path for path in mirror.asked}
    assert client.outer().containers(all=True, filters={"label": own_names}) == []


@pytest.mark.parametrize("configured", ["apt", "docker"])
@pytest.mark.slow
def test_a_proxy_that_apt_or_docker_is_configured_for_is_asked(
    own_names: str, configured: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("http_proxy", raising=False)
    monkeypatch.setenv("COURSE_DEBIAN_MIRROR", "http://mirror.invalid/debian")
    with proxy(has_nothing=True) as forward:
        if configured == "apt":
            (tmp_path / "apt.conf").write_text(f'Acquire::http::Proxy "{forward.address}";')
            monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
        else:
            (tmp_path / "config.json").write_text(json.dumps({"proxies": {"default": {"httpProxy": forward.address}}}))
            monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
        client.outer.cache_clear()
        try:
            with pytest.raises(CourseError, match=r"Could not download .*mirror\.invalid"):
                busybox()
        finally:
            client.outer.cache_clear()
    assert any(path.startswith("http://mirror.invalid/debian/dists/") for path in forward.asked)


def minimal(release: str, need: Callable[[str], None]) -> str:
    tag = f"{images.PREFIX}/debian:{release}"
    make_base(tag, release, supply(), need)
    return tag


def no_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    def pull(*_: Any, **__: Any) -> Any:
        raise client.APIError("no route to the registry")

    monkeypatch.setattr(client.outer(), "pull", pull)


@pytest.mark.parametrize(
    ("os_release", "advice"), [("ID=debian\n", "leave out --no-install"), ("ID=fedora\n", "package manager")]
)
def test_no_registry_and_no_mmdebstrap(
    os_release: str, advice: str, own_names: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    no_registry(monkeypatch)
    monkeypatch.setattr("shutil.which", lambda _: None)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text(os_release)
    machine = Machine(run=lambda *_: Outcome(1), find=lambda name: f"/usr/bin/{name}", root=tmp_path)

    def need(package: str) -> None:
        need_packages([package], "make the lab's images", print, install=False, machine=machine)

    with pytest.raises(CourseError, match=rf"no route.*`docker load`.*needs mmdebstrap.*{advice}") as caught:
        minimal("forky", need)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_a_base_that_was_loaded_by_hand_is_used(own_names: str, monkeypatch: pytest.MonkeyPatch) -> None:
    no_registry(monkeypatch)
    name = f"{own_names}loaded"
    make("FROM scratch\nLABEL some=thing\n", f"debian:{name}-slim")
    try:
        tag = minimal(name, refuse)
        assert images.recipe_of(client.outer(), tag) == ""
    finally:
        client.outer().remove_image(f"debian:{name}-slim")


@pytest.mark.slow
def test_an_mmdebstrap_that_fails_is_quoted(own_names: str, monkeypatch: pytest.MonkeyPatch) -> None:
    no_registry(monkeypatch)
    monkeypatch.setenv("COURSE_DEBIAN_MIRROR", f"{NOWHERE}/debian")
    need_packages(["mmdebstrap"], "test the making of images", print)
    with pytest.raises(CourseError, match=r"127\.0\.0\.1:9.*Connection refused.*COURSE_DEBIAN_MIRROR"):
        minimal("forky", refuse)


@pytest.mark.slow
def test_a_full_temporary_folder_is_named(own_names: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tempfile.mkdtemp(prefix="course-", dir="/tmp")  # where the user _apt can reach it
    need_packages(["mmdebstrap"], "test the making of images", print)
    monkeypatch.setattr(tempfile, "tempdir", folder)
    monkeypatch.setenv("TMPDIR", folder)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", folder], check=True)
    try:
        with pytest.raises(CourseError, match=rf"The disk became full .*{folder}"):
            bootstrap(f"{own_names}/full:{RELEASE}", RELEASE, supply(), refuse)
        assert list(Path(folder).iterdir()) == []
    finally:
        subprocess.run(["umount", folder], check=True)
        Path(folder).rmdir()


def test_down_with_images_removes_all_of_the_courses_images_and_nothing_else(
    own_names: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lab = Lab("nobodys")
    api = client.outer()
    base = f"{own_names}/debian:{RELEASE}"
    make(f"FROM {base}\nENV stage=1\n", f"{own_names}/old:1")
    make(f"FROM {base}\nENV stage=2\n", f"{own_names}/old:1")  # the first one has lost its name
    make(f"FROM {own_names}/old:1\nENV mine=1\n", f"learners-{own_names}:latest")  # it has our label
    make("FROM scratch\nLABEL a=b\n", f"{own_names}/not-ours:1")  # it has our first name
    assert any(image["RepoTags"] in (None, ["<none>:<none>"]) for image in api.images(filters={"label": own_names}))
    # Names like ours, without a label of ours; the container has that of its image.
    theirs = api.create_container(f"learners-{own_names}:latest", ["true"], name=f"{lab.container}-x")
    network = api.create_network(lab.container, internal=True)["Id"]
    api.create_volume(lab.volume("26.1"))
    try:
        assert lab.down(remove_images=True)
        left = {tag for image in api.images() for tag in image["RepoTags"] or [] if own_names in tag}
        assert left == {f"learners-{own_names}:latest", f"{own_names}/not-ours:1"}
        assert [image["RepoTags"] for image in api.images(filters={"label": own_names})] == [
            [f"learners-{own_names}:latest"]
        ]
        assert f"Removed the image {base}" in capsys.readouterr().out
        assert api.inspect_container(theirs)
        assert api.inspect_network(network)
        assert api.inspect_volume(lab.volume("26.1"))
    finally:
        api.remove_container(theirs)
        api.remove_network(network)
        api.remove_volume(lab.volume("26.1"))
        for tag in (f"learners-{own_names}:latest", f"{own_names}/not-ours:1"):
            api.remove_image(tag)


def test_down_keeps_an_image_that_a_container_uses(own_names: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab("nobodys")
    api = client.outer()
    base = f"{own_names}/debian:{RELEASE}"
    made = api.create_container(base, ["true"])
    try:
        assert lab.down(remove_images=True)
        assert api.inspect_image(base)
    finally:
        api.remove_container(made)
