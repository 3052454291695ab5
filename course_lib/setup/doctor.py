"""Examine this machine, and report what works, what does not and what to do about it: `report`."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import platform
import shlex
import shutil
import time
import webbrowser
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from course_lib.console import say
from course_lib.engine import client
from course_lib.errors import CourseError, EngineUnfitError
from course_lib.lab import execute, facts, images
from course_lib.lab.base_image import supply
from course_lib.lab.lifecycle import DEFAULT_ENGINE, Lab
from course_lib.paths import ROOT
from course_lib.plain_text import clean, reason
from course_lib.setup.doctor_rules import Facts, Finding, diagnose

T = TypeVar("T")
TRIAL = "doctor"  # the role of the lab that is made to try what a lab does
TRIALS = (Path(__file__).parent / "trials.sh").read_text()
MARKS = {"ok": "ok  ", "note": "note", "problem": "NO  "}
PROXIES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")


def report(lab: Lab, *, as_json: bool) -> int:
    """Print the findings; return 1 if a problem keeps the course from working here, else 0.

    As JSON they are one object: "machine" (the host name), "at" (ISO 8601, local time), "ok" (whether there is no
    problem) and "findings" (the fields of `Finding`).
    """
    findings = diagnose(gather(lab))
    problems = sum(finding.state == "problem" for finding in findings)
    if as_json:
        collected = {
            "machine": platform.node(),
            "at": datetime.now().astimezone().isoformat(timespec="seconds"),
            "ok": not problems,
            "findings": [dataclasses.asdict(finding) for finding in findings],
        }
        print(json.dumps(collected, indent=2, ensure_ascii=False))
    else:
        for finding in findings:
            say(line(finding))
        count = f"{problems} problem{'s' if problems > 1 else ''}"
        say(f"{count} found: fix what is marked NO before using the course." if problems else "No problems found.")
    return 1 if problems else 0


def line(finding: Finding) -> str:
    """Return a finding as one line: its mark, the subject, what was found, what that means, what to do."""
    parts = (finding.found.rstrip("."), *(part[:1].upper() + part[1:] for part in (finding.means, finding.do)))
    text = ". ".join(filter(None, parts))
    return f"{MARKS[finding.state]} {finding.about}: {text}"


def gather(lab: Lab) -> Facts:
    """Read the facts that `diagnose` needs; to try what a lab does, make a lab of its own, and remove it.

    An error of the engine, an image or the lab becomes a fact: it is one of the fields `*_words`.
    """
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
    known["packages"], known["packages_words"] = _attempt(_packages, "")
    known["images"], known["images_words"] = _attempt(lambda: _images(lab), dict[str, bool]())
    if info.get("HttpProxy") or info.get("HttpsProxy"):
        known["proxies"] += ("the engine is configured to use one",)
    if known["images"] and all(known["images"].values()):
        known |= _tried(lab)
    try:
        lab.require()
        known["lab"] = f"the lab {lab.name!r} is running, with Docker engine {facts.read(lab)['version']}"
        known["lacks"] = _lacks(lab)
    except CourseError as error:
        known["lab_words"] = str(error)
    return Facts(**known)


def _attempt(read: Callable[[], T], nothing: T) -> tuple[T, str]:
    """Return the result of `read` and "", or `nothing` and the message of its CourseError."""
    try:
        return read(), ""
    except CourseError as error:
        return nothing, str(error)


def _tried(lab: Lab) -> dict[str, Any]:
    """Make a lab like `lab`, try what the chapters do, remove it, and return the fields of `Facts` about that."""
    trial, version = lab.relative(TRIAL), lab.version()
    began = time.monotonic()
    try:
        trial.remove()  # of a doctor that was killed
        refused = trial.start_new(version if version in images.RELEASES else DEFAULT_ENGINE)
        seconds = time.monotonic() - began
        image = images.inner_image("busybox")
        with contextlib.closing(client.inner(trial.container)) as api:
            for _ in client.progress(api.load_image(images.save([image]))):
                pass
        script = shlex.quote(f"image={image}\n{TRIALS}")
        lines = execute.ask(trial, f"bash -c {script}", timeout=180).splitlines()
    except EngineUnfitError as error:
        return {"trial_words": error.missing or str(error)}
    except (CourseError, client.BuildError) as error:
        return {"trial_words": reason(error)}
    finally:
        trial.remove()
    trials = {name: clean(why) for name, _, why in (line.partition("\t") for line in lines)}
    return {"trials": trials, "refused": refused, "seconds": seconds}


def _place(configured: str, api: Any) -> str:
    """Return how the engine was chosen, in words; for a context also the address of its engine if that is remote."""
    address = str(api.base_url)
    local = address.startswith("http+docker:")  # docker-py's address of a local socket or pipe
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
    """Return where Debian's packages come from, in words."""
    source = supply()
    options = "".join(f", {option}" for option in source.options)
    return f"Debian's packages come from {source.mirror or 'the mirror that the image names'}{options}"


def _images(lab: Lab) -> dict[str, bool]:
    """Return for each image of the lab whether it exists. Raises CourseError if a foreign one has the name."""
    version = lab.version() if lab.version() in images.RELEASES else DEFAULT_ENGINE
    return {tag: images.recipe_of(client.outer(), tag) is not None for tag in images.of_engine(version)}


def _lacks(lab: Lab) -> tuple[str, ...]:
    """Return what this kernel lacks, in words, although the lab starts without it."""
    bridged = execute.ask(lab, "[ -e /proc/sys/net/bridge/bridge-nf-call-iptables ] && echo yes").strip()
    without = (
        "the module br_netfilter is not loaded: packets between containers on the same bridge bypass iptables "
        "(`sudo modprobe br_netfilter` on the machine loads it, for all its bridges, until the next restart)"
    )
    return () if bridged else (without,)
