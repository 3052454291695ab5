"""Read the raw facts about the learner's own engine without changing anything: `read`.

Its API is asked as any client may; what the kernel knows is read by a helper container, which is made from the lab's
image, runs for a second in the network namespace of the engine's machine, and runs the same `reader.pl` as the lab.
What the helper is not allowed to read is listed in `unread`, never guessed. On Docker Desktop the engine's machine is a
virtual one.
"""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterable
from typing import Any

from course_lib.engine import client, helper_container
from course_lib.engine.labels import LABEL
from course_lib.errors import CourseError
from course_lib.lab import facts, images
from course_lib.network.parse_facts import RawFacts
from course_lib.network.sections import SHELL


def _reader_script(fields: Iterable[str]) -> str:
    """Return a shell command that asks `reader.pl` once."""
    question = "\t".join(["", *fields])
    return f"printf '%s\\n' {shlex.quote(question)} | perl -e {shlex.quote(facts.READER)}"


READ_HOST = f"""{SHELL}
set -e
section route ip -j route
{_reader_script([facts.HOST])}
"""
# iptables-legacy-save would create tables where there are none, so it runs only where there are.
READ_RULES = f"""{SHELL}
set -e
section 'rules ip nft' iptables-nft-save -c
section 'rules ip6 nft' ip6tables-nft-save -c
for family in ip ip6; do
  if grep -qs . /proc/net/${{family}}_tables_names; then  # `[ -s` does not help: its size is 0
    section "rules $family legacy" ${{family}}tables-legacy-save -c
  fi
done
section 'rules tables nft' nft list tables
"""


@client.plain_words()
def read() -> RawFacts:
    """Return the raw facts about the learner's own engine at this moment, with `machine` and without a client.

    Costs two list calls, an inspect for each container, and up to three helper containers. Raises what
    `course_lib.engine.client.connect` raises.
    """
    api = client.connect(for_lab=False)
    containers = [c for c in api.containers(all=True) if (c["Labels"] or {}).get(LABEL) != "helper"]
    details = []
    for container in containers:
        with contextlib.suppress(client.NotFound):  # it was removed meanwhile
            details.append(api.inspect_container(container["Id"]))
    found = RawFacts(
        version=api.version()["Version"],
        machine=_machine(api.info()),
        containers=containers,
        networks=api.networks(),
        inspect=details,
        addr=[],
        client=[],
        route=[],
        rules={},
        inside={},
        unread={},
    )
    image = lab_image(api)
    if image is None:
        why = "that takes an image of the lab, and there is none yet (`./course up` makes it)"
        found["unread"] = dict.fromkeys(("interfaces", "namespaces", "rules"), why)
        return found
    if host := _look(api, image, found, "interfaces", READ_HOST):
        found["addr"], found["route"] = host["addr"], host["route"]
    if saved := _look(api, image, found, "rules", READ_RULES):
        found["rules"], unread = _choose_rules(saved["rules"])
        found["unread"] |= unread
    namespaces = facts.namespaces(details)
    script = _reader_script(namespaces.values())
    if namespaces and (containers_own := _look(api, image, found, "namespaces", script, inside=True)):
        found["inside"] = containers_own["inside"]
        if closed := len(namespaces) - len(found["inside"]):
            found["unread"]["namespaces"] = f"{closed} of {len(namespaces)} could not be entered, or ended meanwhile"
    return found


def _look(
    api: Any, image: str, found: RawFacts, part: str, script: str, *, inside: bool = False
) -> dict[str, Any] | None:
    """Return the parsed answer of a helper container, or note in `unread` why there is none for this part.

    With `inside` the script may enter the namespaces of containers.
    """
    # setns(2), and /proc/PID/ns of other users
    more = ("SYS_ADMIN", "SYS_PTRACE") if inside else ()
    try:
        text = helper_container.look(api, image, script, capabilities=("NET_ADMIN", *more), pids=inside)
        answer = facts.parse(text)
    except (client.APIError, CourseError) as error:
        found["unread"][part] = " ".join(str(getattr(error, "explanation", None) or error).split())[:300]
        return None
    found["unread"] |= answer["unread"]
    return answer


def lab_image(api: Any) -> str | None:
    """Return the name of an image of the lab, for any engine version; None if the engine has none."""
    tags = [tag for image in api.images(filters={"label": LABEL}) for tag in image["RepoTags"] or []]
    return next((tag for tag in sorted(tags) if tag.startswith(images.lab_image(""))), None)


def _machine(info: dict[str, Any]) -> str:
    """Return, in words, whose network namespace the engine uses as the host's."""
    if any("rootless" in option for option in info.get("SecurityOptions") or []):
        return "RootlessKit (a rootless engine: not that of the machine)"
    if info.get("OperatingSystem") == "Docker Desktop":
        return "the virtual machine of Docker Desktop (not that of your computer)"
    return "your own engine's machine"


def _choose_rules(rules: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Return, by family, the rules of the kind of iptables that has Docker's chains, and what else there is.

    The second mapping is a part of `unread`: the rules of the other kind, and tables that iptables does not know.
    """
    tables = facts.other_tables(rules.get("tables nft", ""))
    kept, left = {}, []
    for family in ("ip", "ip6"):
        kinds = {kind: rules.get(f"{family} {kind}", "") for kind in ("nft", "legacy")}
        best = max(kinds, key=lambda kind: (":DOCKER" in kinds[kind], bool(kinds[kind])))
        kept[family] = kinds.pop(best)
        left += [f"{family}tables of the other kind ({kind})" for kind, text in kinds.items() if "-A " in text]
    if any(table.endswith(" docker-bridges") for table in tables):
        return kept, {"rules": "this engine keeps them in nftables (table docker-bridges), which is not read here"}
    left += tables
    return kept, {"more rules": ", ".join(left)} if left else {}
