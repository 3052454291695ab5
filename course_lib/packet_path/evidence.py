"""Define the evidence of one request, `Evidence`: the one list of the sections that capture.sh prints. Pure.

The title of a section is the name of a field of Evidence ("said"), or that of a field of Namespace and the name of the
namespace ("trace web"). Each text is kept as the program printed it; "" where there was nothing to print.
"""

from __future__ import annotations

from dataclasses import dataclass

from course_lib.errors import CourseError
from course_lib.network.sections import sections


@dataclass(frozen=True)
class Namespace:
    """What was recorded in one network namespace."""

    trace: str  # `nft -a -s monitor trace`, from before the request until the monitor had read everything
    events: str = ""  # `conntrack -E -o xml` of the same time; of the host and of the sender
    # After the request, on the host and where a trace names a table of iptables:
    rules_ip: str = ""  # `iptables-save -c`
    rules_ip6: str = ""  # `ip6tables-save -c`
    ruleset: str = ""  # `nft -j -s list ruleset`
    # /proc/net/snmp, netstat and snmp6, before and after the request
    counters_before: str = ""
    counters: str = ""


@dataclass(frozen=True)
class Evidence:
    """What the sender and the kernel printed about one request."""

    said: str  # what the sender received: the first 2,000 bytes, without NUL; of ping and dig their output
    log: str  # the sender's standard error: `socat -d -d`, ping or dig
    sockets: str  # `ss -Htuanp` and `pgrep -xa docker-proxy` on the host, while the connection was open
    route: str  # `ip -j route get ADDRESS` in the sender's namespace, or its error message
    settings: str  # lines "NAME VALUE": bridge-nf-call-iptables, bridge-nf-call-ip6tables and ip_forward of the host
    before_ip: str  # `iptables-save -c` on the host, before the request
    before_ip6: str  # `ip6tables-save -c` on the host, before the request
    capture: str  # `tcpdump -i any -nn -e -l -tt -xx` on the host, of the same time as the traces
    drops: str  # tcpdump's standard error: how many packets it missed
    lost: int  # messages of the traces that the kernel dropped: the column Drops of /proc/net/netlink
    namespaces: dict[str, Namespace]  # by name: "host", "client" if it may be reached, or a container


def evidence_of(text: str) -> Evidence:
    """Return the evidence that capture.sh printed.

    Raises CourseError if the kernel could not be watched: then there is a section "failed", and none named "end".
    """
    own: dict[str, str] = {}
    inside: dict[str, dict[str, str]] = {}
    for title, body in sections(text):
        field, _, namespace = title.partition(" ")
        (inside.setdefault(namespace, {}) if namespace else own)[field] = body
    if own.pop("end", None) is None:
        why = [line.strip() for line in own.get("failed", "").splitlines() if line.strip()] or ["no answer"]
        raise CourseError(f"The kernel could not be watched: {why[-1].rstrip('.')}.")
    lost = int(own.pop("lost"))
    return Evidence(lost=lost, namespaces={name: Namespace(**texts) for name, texts in inside.items()}, **own)
