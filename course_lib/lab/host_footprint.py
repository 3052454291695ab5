"""The proof that the machine is as it was: what a lab must not change, read before and after."""

from __future__ import annotations

import hashlib
from typing import Any

from course_lib.console import say
from course_lib.engine import client, helper_container
from course_lib.engine.labels import LABEL
from course_lib.errors import CourseError
from course_lib.plain_text import clean

# nft shows the rules of nftables and of iptables-nft, without counters (nft(8), --stateless). iptables-legacy
# is asked only where it has tables: merely running it would create them.
READ_RULES = """nft --stateless list ruleset || exit
for family in ip ip6; do
    if [ -s /proc/net/${family}_tables_names ]; then ${family}tables-legacy-save | grep -v '^#'; fi
done
"""


def fingerprint(lab_image: str) -> dict[str, Any]:
    """Return the machine's containers, networks and volumes that are not ours, and a digest of its rules.

    The rules are read in the machine's own network namespace by a helper container of a lab's image that
    removes itself; "rules" is None where that is refused, or the image is not there.
    """
    api = client.outer()
    containers = {
        c["Id"][:12]: next(iter(c["Names"] or []), c["Id"][:12]).lstrip("/")  # one that is being removed has no name
        for c in api.containers(all=True)
        if (c["Labels"] or {}).get(LABEL) not in ("lab", "helper")
    }
    networks = {n["Id"][:12]: n["Name"] for n in api.networks()}
    volumes = api.volumes()["Volumes"] or []
    return {
        "containers": containers,
        "networks": networks,
        "volumes": sorted(v["Name"] for v in volumes if LABEL not in (v["Labels"] or {})),
        "rules": _rules(lab_image),
        "image": lab_image,
    }


def _rules(lab_image: str) -> str | None:
    """Return a digest of the machine's firewall rules."""
    try:
        text = helper_container.look(client.outer(), lab_image, READ_RULES, capabilities=("NET_ADMIN",))
    except (client.APIError, CourseError):
        return None
    return hashlib.sha256(text.encode()).hexdigest()


def compare(before: dict[str, Any]) -> bool:
    """Say, kind by kind, whether the machine is as it was; return whether it is."""
    # By the same image: another version of nft says the same rules in other words.
    after = fingerprint(before.get("image", ""))
    same = True
    for kind in ("containers", "networks", "volumes"):
        old, new = _names(before[kind]), _names(after[kind])
        if old == new:
            say(f"As before the first `up`: {len(new)} {kind}")
            continue
        same = False
        for word, names in (("came", new - old), ("went", old - new)):
            for item in sorted(names):
                say(f"Since the first `up` {word}, not through the course: {kind[:-1]} {clean(item)}")
    if before["rules"] is None or after["rules"] is None:
        say("The machine's firewall rules could not be read, so they are not compared.")
    elif before["rules"] == after["rules"]:
        say("As before the first `up`: the machine's firewall rules")
    else:
        same = False
        say("The machine's firewall rules are others than before the first `up` (the lab touches none).")
    return same


# These an engine makes anew, with other ids, whenever it starts (moby, initBridgeDriver).
ITS_OWN = ("bridge", "host", "none")


def _names(found: dict[str, str] | list[str]) -> set[str]:
    """Return what is compared of one kind."""
    if isinstance(found, list):
        return set(found)
    return {name if name in ITS_OWN else f"{name} ({key})" for key, name in found.items()}
