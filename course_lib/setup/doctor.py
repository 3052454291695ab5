"""`./course doctor`: what works here, what does not, and what to do about it."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import shutil
import time
import webbrowser
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from course_lib.console import say
from course_lib.engine import client
from course_lib.errors import CourseError
from course_lib.lab import execute, facts, images
from course_lib.lab.base_image import supply
from course_lib.lab.lifecycle import DEFAULT_ENGINE, Lab
from course_lib.paths import ROOT
from course_lib.setup.doctor_rules import Facts, Finding, diagnose

T = TypeVar("T")
MARKS = {"ok": "ok  ", "note": "note", "ill": "NO  "}
PROXIES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")


def report(lab: Lab, *, as_json: bool) -> int:
    """Print what was found; return 1 if something keeps the course from working here.

    As JSON it is one object with the machine's name, the moment and the findings: for a teacher who collects thirty.
    """
    found = diagnose(gather(lab))
    ill = sum(finding.state == "ill" for finding in found)
    if as_json:
        collected = {
            "machine": platform.node(),
            "at": datetime.now().astimezone().isoformat(timespec="seconds"),
            "well": not ill,
            "findings": [dataclasses.asdict(finding) for finding in found],
        }
        print(json.dumps(collected, indent=2, ensure_ascii=False))
    else:
        for finding in found:
            say(line(finding))
        say("All is well." if not ill else f"{ill} of these must be mended before the course works here.")
    return 1 if ill else 0


def line(finding: Finding) -> str:
    """Return a finding as one line: its mark, what it is about, what was found, what that means, what to do."""
    words = ". ".join(part for part in (finding.found.rstrip("."), finding.means, _capital(finding.do)) if part)
    return f"{MARKS[finding.state]} {finding.about}: {words}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def gather(lab: Lab) -> Facts:
    """Read what `diagnose` needs of this machine; nothing is changed or started."""
    known: dict[str, Any] = {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
        "free": shutil.disk_usage(ROOT).free,
        "browser": _browser(),
        "remote": "SSH_CONNECTION" in os.environ,
        "proxies": tuple(f"{name} is set" for name in PROXIES if os.environ.get(name)),
        "engine_place": client.configured_engine(),
    }
    try:
        api = client.connect()
        info = api.info()
    except CourseError as error:
        return Facts(**known, engine=None, engine_words=str(error))
    known |= {"engine": info, "clock_off": _clock_off(info), "engine_place": _place(known["engine_place"], api)}
    known["packages"], known["packages_words"] = _told(_packages, "")
    known["images"], known["images_words"] = _told(lambda: _images(lab), dict[str, bool]())
    if info.get("HttpProxy") or info.get("HttpsProxy"):
        known["proxies"] += ("the engine is configured for one",)
    try:
        lab.require()
        known["lab"] = f"the lab {lab.name!r} runs, with Docker engine {facts.read(lab)['version']}"
        known["lacks"] = _lacks(lab)
    except CourseError as error:
        known["lab_words"] = str(error)
    return Facts(**known)


def _told(read: Callable[[], T], nothing: T) -> tuple[T, str]:
    """Return what was read, and the sentence that says why it could not be: one of the two is empty."""
    try:
        return read(), ""
    except CourseError as error:
        return nothing, str(error)


def _place(configured: str, api: Any) -> str:
    """Return what names the engine; of a context, which says nothing, with the address behind it if it has one."""
    address = str(api.base_url)
    local = address.startswith("http+docker:")  # docker-py's name of a socket or a pipe of this machine
    return configured if local or not configured or "://" in configured else f"{configured} ({address})"


def _browser() -> bool:
    """Return whether a browser can be opened from here."""
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def _clock_off(info: dict[str, Any]) -> float:
    """Return how many seconds the engine's clock is ahead of ours (SystemTime of GET /info)."""
    try:
        return datetime.fromisoformat(info["SystemTime"]).timestamp() - time.time()
    except (KeyError, ValueError):
        return 0


def _packages() -> str:
    source = supply()
    options = "".join(f", {option}" for option in source.options)
    return f"Debian's packages come from {source.mirror or 'the place that the image knows'}{options}"


def _images(lab: Lab) -> dict[str, bool]:
    release = images.RELEASES.get(lab.version(), images.RELEASES[DEFAULT_ENGINE])
    tags = [images.lab_image(release), *map(images.inner_image, images.INNER)]
    return {tag: images.recipe_of(client.outer(), tag) is not None for tag in tags}


def _lacks(lab: Lab) -> tuple[str, ...]:
    """Return what this kernel does not offer, though the lab starts without it."""
    bridged = execute.ask(lab, "[ -e /proc/sys/net/bridge/bridge-nf-call-iptables ] && echo yes").strip()
    without = (
        "no module br_netfilter is loaded: what passes from one container to another on the same bridge does not pass "
        "iptables (sudo modprobe br_netfilter on the machine loads it, for all its bridges, until it is restarted)"
    )
    return () if bridged else (without,)
