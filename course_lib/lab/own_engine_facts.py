"""Facts of the learner's own engine, read-only: what its API tells, and what a helper container may see of the kernel.

The helper is a container of the lab's image in the network namespace of the engine's machine, for a second. What it
is not allowed to see is said, never guessed. On Docker Desktop the machine is a virtual one.
"""

from __future__ import annotations

from typing import Any

from course_lib.engine import client, helper_container
from course_lib.engine.labels import LABEL
from course_lib.errors import CourseError
from course_lib.lab import facts, images
from course_lib.network.sections import SHELL

# A reader of iptables-legacy would create tables where there are none, so it is asked only where there are.
READ_HOST = f"""{SHELL}
set -e
section addr ip -j -d addr
section route ip -j route
"""
READ_RULES = f"""{SHELL}
set -e
section 'rules ip nft' iptables-nft-save -c
section 'rules ip6 nft' ip6tables-nft-save -c
for family in ip ip6; do
  if [ -s /proc/net/${{family}}_tables_names ]; then
    section "rules $family legacy" ${{family}}tables-legacy-save -c
  fi
done
section 'rules tables nft' nft list tables
"""
READ_INSIDE = (
    SHELL
    + """
while read -r id pid; do
  section "inside $id" nsenter -t "$pid" -n ip -j addr
done <<END
"""
)
IPTABLES = ("filter", "nat", "mangle", "raw", "security")  # the tables that iptables keeps in nftables


@client.plain_words()
def read() -> dict[str, Any]:
    """Return the raw facts as `facts.read` does, of the learner's own engine and without a client.

    Two keys more: machine (in words) and unread (a mapping of what could not be read to why; see
    `snapshot.Unread`). Costs two list calls, an inspect for each container, and up to three helper containers.
    """
    api = client.connect(for_lab=False)
    containers = [c for c in api.containers(all=True) if (c["Labels"] or {}).get(LABEL) != "helper"]
    details = [detail for c in containers if (detail := _inspect(api, c["Id"]))]
    found: dict[str, Any] = {
        "containers": containers,
        "networks": api.networks(),
        "inspect": details,
        "machine": _machine(api.info()),
        **facts.parse(""),
        **{"addr": [], "route": [], "client": []},
        "version": api.version()["Version"],
    }
    image = lab_image(api)
    unread = found["unread"] = {}
    if image is None:
        why = "that takes an image of the lab, and there is none yet (`./course up` makes it)"
        return {**found, "unread": dict.fromkeys(("interfaces", "namespaces", "rules"), why)}
    for what, script in (("interfaces", READ_HOST), ("rules", READ_RULES)):
        try:
            text = helper_container.look(api, image, script, capabilities=("NET_ADMIN",))
            found.update({key: value for key, value in facts.parse(text).items() if value})
        except (client.APIError, CourseError) as error:
            unread[what] = _why(error)
    unread.update(_choose_rules(found))
    pids = [f"{d['Id']} {d['State']['Pid']}" for d in details if d["State"]["Pid"]]
    unread.update(_read_inside(api, image, pids, found))
    return found


def lab_image(api: Any) -> str | None:
    """Return an image of the lab that an engine has, whichever; None if there is none."""
    tags = [tag for image in api.images(filters={"label": LABEL}) for tag in image["RepoTags"] or []]
    return next((tag for tag in sorted(tags) if tag.startswith(images.lab_image(""))), None)


def _inspect(api: Any, container: str) -> dict[str, Any] | None:
    """Return what the engine knows of a container; None if it is gone meanwhile."""
    try:
        found: dict[str, Any] = api.inspect_container(container)
    except client.NotFound:
        return None
    return found


def _machine(info: dict[str, Any]) -> str:
    """Say whose network namespace it is that the engine calls the host's."""
    if any("rootless" in option for option in info.get("SecurityOptions") or []):
        return "RootlessKit (a rootless engine: not that of the machine)"
    if info.get("OperatingSystem") == "Docker Desktop":
        return "the virtual machine of Docker Desktop (not that of your computer)"
    return "your own engine's machine"


def _why(error: Exception) -> str:
    """Return the reason of a refusal in one line."""
    return " ".join(str(getattr(error, "explanation", None) or error).split())[:300]


def _choose_rules(found: dict[str, Any]) -> dict[str, str]:
    """Keep of both kinds of iptables the one that has Docker's chains; return what is not shown then, and why."""
    rules: dict[str, str] = found["rules"]
    tables = [line.removeprefix("table ").split() for line in rules.pop("tables nft", "").splitlines() if line]
    kept, left = {}, []
    for family in ("ip", "ip6"):
        kinds = {kind: rules.get(f"{family} {kind}", "") for kind in ("nft", "legacy")}
        best = max(kinds, key=lambda kind: (":DOCKER" in kinds[kind], bool(kinds[kind])))
        kept[family] = kinds.pop(best)
        left += [f"{family}tables of the other kind ({kind})" for kind, text in kinds.items() if "-A " in text]
    found["rules"] = kept
    if any(name == "docker-bridges" for _, name in tables):
        return {"rules": "this engine keeps them in nftables (table docker-bridges), which is not read here"}
    left += [f"table {family} {name}" for family, name in tables if not _is_of_iptables(family, name)]
    return {"more rules": ", ".join(left)} if left else {}


def _is_of_iptables(family: str, name: str) -> bool:
    return family in ("ip", "ip6") and name in IPTABLES


def _read_inside(api: Any, image: str, pids: list[str], found: dict[str, Any]) -> dict[str, str]:
    """Read the containers' own interfaces; return why that was not possible, if so."""
    if not pids:
        return {}
    try:
        text = helper_container.look(
            api,
            image,
            "\n".join([READ_INSIDE.rstrip(), *pids, "END", ""]),
            capabilities=("NET_ADMIN", "SYS_ADMIN", "SYS_PTRACE"),  # setns(2), and /proc/PID/ns of others
            pids=True,
        )
    except (client.APIError, CourseError) as error:
        return {"namespaces": _why(error)}
    found["inside"] = {key: value for key, value in facts.parse(text)["inside"].items() if value}
    closed = len(pids) - len(found["inside"])
    return {"namespaces": f"{closed} of {len(pids)} could not be entered, or ended meanwhile"} if closed else {}
