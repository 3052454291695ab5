"""Test the connection to the learner's engine: an engine that is missing, silent or unfit gives one sentence."""

from __future__ import annotations

import hashlib
import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from course_lib.engine import client
from course_lib.errors import (
    CourseError,
    EngineMissingError,
    EngineRefusedError,
    EngineSettingsError,
    EngineSilentError,
    EngineUnfitError,
    LabGoneError,
)
from tests.fake_engine import INFO, VERSION, fake_engine


@pytest.fixture(autouse=True)
def _no_choice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker-config"))


@pytest.mark.parametrize(
    ("settings", "kind", "sentence"),
    [
        ({"DOCKER_HOST": "banana"}, EngineSettingsError, r"DOCKER_HOST \(banana\).*correct or unset"),
        ({"DOCKER_HOST": "foo://bar"}, EngineSettingsError, r"DOCKER_HOST \(foo://bar\)"),
        ({"DOCKER_HOST": "tcp://"}, EngineSettingsError, "invalid|Invalid"),
        ({"DOCKER_HOST": "tcp://127.0.0.1:port"}, EngineSettingsError, "'port'"),
        ({"DOCKER_HOST": "ssh://somewhere"}, EngineSettingsError, "ssh -nNT -L"),
        ({"DOCKER_HOST": "unix:///nowhere"}, EngineMissingError, r"No Docker engine answers at .*///nowhere"),
        ({"DOCKER_HOST": "tcp://127.0.0.1:9"}, EngineMissingError, "No Docker engine answers at .*:9"),
        (
            {"DOCKER_CONTEXT": "nosuch"},
            EngineSettingsError,
            "no Docker context nosuch: choose one that `docker context ls` lists",
        ),
        ({"DOCKER_TLS_VERIFY": "1", "HOME": "/nowhere"}, EngineSettingsError, "unset DOCKER_TLS_VERIFY"),
        ({"DOCKER_HOST": "tcp://127.0.0.1:9", "DOCKER_CERT_PATH": "/nowhere"}, EngineSettingsError, "ca.pem"),
    ],
)
def test_settings_that_lead_to_no_engine(
    settings: dict[str, str], kind: type[CourseError], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(kind, match=sentence) as caught:
        client.connect()
    assert "\n" not in str(caught.value)


def test_a_context_of_the_config_file_that_does_not_exist(tmp_path: Path) -> None:
    (tmp_path / "docker-config").mkdir()
    (tmp_path / "docker-config/config.json").write_text('{"currentContext": "gone"}')
    with pytest.raises(EngineSettingsError, match="no Docker context gone"):
        client.connect()


def test_a_socket_that_accepts_and_stays_silent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(client, "ANSWER_WITHIN", 1)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "silent.sock"))
        listener.listen()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/silent.sock")
        began = time.monotonic()
        with pytest.raises(EngineSilentError, match="did not answer within 1 s: restart it"):
            client.connect()
        assert time.monotonic() - began < 2


def test_the_course_waits_ten_seconds_for_an_engine() -> None:
    assert client.ANSWER_WITHIN == 10


@pytest.mark.parametrize(
    ("answers", "kind", "sentence"),
    [
        ({"version": {**VERSION, "Components": [{"Name": "Podman Engine"}]}}, EngineUnfitError, "This is Podman"),
        ({"version": {**VERSION, "ApiVersion": "1.39", "Version": "18.09.1"}}, EngineUnfitError, "18.09.1 is too old"),
        ({"info": {**INFO, "SecurityOptions": ["name=rootless"]}}, EngineUnfitError, "rootless"),
        ({"info": {**INFO, "OSType": "windows"}}, EngineUnfitError, "switch Docker Desktop to Linux containers"),
        ({"version": 403}, EngineSettingsError, "403 Client Error"),
        ({"version": {"hello": "world"}}, EngineSettingsError, "ApiVersion"),
        ({"version": []}, EngineSettingsError, "No Docker engine can be reached"),
        ({"info": None}, EngineSilentError, "did not answer within 1 s"),
    ],
)
def test_what_answers_is_not_fit(
    answers: dict[str, Any], kind: type[CourseError], sentence: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(client, "ANSWER_WITHIN", 1)
    with fake_engine(tmp_path, answers) as address:
        monkeypatch.setenv("DOCKER_HOST", address)
        with pytest.raises(kind, match=sentence) as caught:
            client.connect()
    assert "\n" not in str(caught.value)


def test_a_fit_engine_is_taken_also_by_a_context(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with fake_engine(tmp_path, {}) as address:
        monkeypatch.setenv("DOCKER_HOST", address)
        assert client.connect().info()["OSType"] == "linux"
        monkeypatch.delenv("DOCKER_HOST")
        # How `docker context create` keeps one: in a folder named by the digest of its name.
        place = tmp_path / "docker-config/contexts/meta" / hashlib.sha256(b"mine").hexdigest()
        place.mkdir(parents=True)
        (tmp_path / "docker-config/config.json").write_text("{}")
        endpoints = {"docker": {"Host": address, "SkipTLSVerify": False}}
        (place / "meta.json").write_text(json.dumps({"Name": "mine", "Metadata": {}, "Endpoints": endpoints}))
        monkeypatch.setenv("DOCKER_CONTEXT", "mine")
        assert client.connect().info()["OSType"] == "linux"


def test_what_an_engine_refuses_later_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with fake_engine(tmp_path, {"json": 500}) as address:
        monkeypatch.setenv("DOCKER_HOST", address)
        api = client.connect()
        with (
            pytest.raises(EngineRefusedError, match=r"^The Docker engine refused: refused json$"),
            client.plain_words(),
        ):
            api.containers()


def test_a_way_that_breaks_off_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with fake_engine(tmp_path, {}) as address:
        monkeypatch.setenv("DOCKER_HOST", address)
        api = client.connect()
        with pytest.raises(LabGoneError, match="connection to Docker broke"), client.plain_words():
            raise ConnectionResetError("in the middle")
    (tmp_path / "engine.sock").unlink()
    with pytest.raises(EngineMissingError, match="No Docker engine answers"), client.plain_words():
        api.containers()
