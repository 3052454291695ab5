"""Test the lab's image debian: what chapter 06 builds on it, without a network."""

from __future__ import annotations

import pytest

from course_lib.engine import client
from course_lib.lab import images
from course_lib.notebook import chapter, current
from tests.worker import lab

pytestmark = [pytest.mark.live, pytest.mark.slow]  # they see what a recipe changes; chapters see the images
BUILD = "printf 'FROM debian\\nRUN apt-get update && apt-get install -y {packages}\\n' | docker build -t mine - 2>&1"


def names() -> list[str]:
    return current.host("docker images --format '{{.Repository}}:{{.Tag}}' | sort").split()


def test_rig_boxes_and_curl_are_installed_without_a_network_and_all_goes_away_again(fresh_lab: None) -> None:
    assert "100% packet loss" in current.host("ping -c 1 -W 1 198.51.100.1", fails=True)  # nobody there (RFC 5737)
    built = current.host(BUILD.format(packages="rig boxes curl"))
    assert "Successfully tagged mine:latest" in built or "naming to" in built
    assert not [line for line in built.splitlines() if line.startswith(("Err:", "W:", "E:"))]
    page = current.host("docker run --rm mine bash -c 'rig | boxes -d boy; curl -s file:///etc/hostname | wc -l'")
    assert len(page.splitlines()) == 18
    assert "|_ | _|" in page
    chapter.clean_up()
    assert names() == [f"{name}:latest" for name in images.INNER]


def test_an_unknown_package_gives_apts_own_error_and_the_remains_go_with_a_reset(running_lab: None) -> None:
    said = current.host(BUILD.format(packages="sl"), fails=True)
    assert "Unable to locate package sl" in said
    assert "returned a non-zero code: 100" in said or "exit code: 100" in said
    lab.reset()
    assert names() == [f"{name}:latest" for name in images.INNER]
    assert current.host("docker ps -aq; docker images -q -f dangling=true") == ""


def test_it_says_what_it_is(running_lab: None) -> None:
    found = client.inner(lab.container).inspect_image("debian:latest")["Config"]["Labels"]
    words = found["org.opencontainers.image.description"]
    assert all(part in words for part in ("Debian", "rig, boxes, curl", "/srv/lab-repo"))
