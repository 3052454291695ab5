"""Verify that a lab changed nothing else on the machine: `fingerprint` it before the first `up`, `compare` later."""

from __future__ import annotations

import hashlib
from typing import Any

from course_lib.console import say
from course_lib.engine import client, helper_container
from course_lib.engine.labels import LABEL
from course_lib.errors import CourseError
from course_lib.network.model import PREDEFINED_NETWORKS
from course_lib.plain_text import clean

# nft lists the rules of nftables and of iptables-nft, without counters (nft(8), --stateless). iptables-legacy-save runs
# only if there are legacy tables, because it would create them.
READ_RULES = """nft --stateless list ruleset || exit
for family in ip ip6; do
    if [ -s /proc/net/${family}_tables_names ]; then ${family}tables-legacy-save | grep -v '^#'; fi
done
"""


def fingerprint(lab_image: str) -> dict[str, Any]:
    """Return the machine's containers, networks and volumes that are not the course's, and a digest of its rules.

    The keys are "containers" and "networks" (dicts of names by the first 12 digits of the id), "volumes" (a list of
    names), "rules" (a SHA-256 of what a helper container of the lab's image reads in the machine's network namespace,
    None if that fails) and "image" (`lab_image`).
    """
    api = client.outer()
    others = [c for c in api.containers(all=True) if (c["Labels"] or {}).get(LABEL) not in ("lab", "helper")]
    volumes = api.volumes()["Volumes"] or []
    return {
        # A container that is being removed has no name.
        "containers": {c["Id"][:12]: (c["Names"] or [c["Id"][:12]])[0].lstrip("/") for c in others},
        "networks": {n["Id"][:12]: n["Name"] for n in api.networks()},
        "volumes": sorted(v["Name"] for v in volumes if LABEL not in (v["Labels"] or {})),
        "rules": _rules(lab_image),
        "image": lab_image,
    }


def _rules(lab_image: str) -> str | None:
    """Return a digest of the machine's firewall rules; None if they cannot be read."""
    try:
        text = helper_container.look(client.outer(), lab_image, READ_RULES, capabilities=("NET_ADMIN",))
    except (client.APIError, CourseError):
        return None
    return hashlib.sha256(text.encode()).hexdigest()


def compare(before: dict[str, Any]) -> bool:
    """Print for each kind what has changed since `before`, a `fingerprint`; return whether nothing has."""
    # With the same image: another version of nft would print the same rules in another form.
    after = fingerprint(before.get("image", ""))
    same = True
    for kind in ("containers", "networks", "volumes"):
        old, new = _names(before[kind]), _names(after[kind])
        if old == new:
            say(f"Unchanged since the first `up`: {kind} ({len(new)})")
            continue
        same = False
        for change, names in (("New", new - old), ("Removed", old - new)):
            for item in sorted(names):
                say(f"{change} since the first `up`, not by the course: {kind[:-1]} {clean(item)}")
    if before["rules"] is None or after["rules"] is None:
        say("The machine's firewall rules could not be read, so they are not compared.")
    elif before["rules"] == after["rules"]:
        say("Unchanged since the first `up`: the machine's firewall rules")
    else:
        same = False
        say("The machine's firewall rules have changed since the first `up`; the lab did not change them.")
    return same


def _names(found: dict[str, str] | list[str]) -> set[str]:
    """Return what to compare of one kind: names, with the id where an object has one."""
    if isinstance(found, list):
        return set(found)
    # An engine creates these networks again, with other ids, whenever it starts (moby, initBridgeDriver).
    return {name if name in PREDEFINED_NETWORKS else f"{name} ({key})" for key, name in found.items()}
