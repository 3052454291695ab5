"""Split the answer of a script of ours into its sections: `sections`. Pure.

A section begins with a line of its title and the number of its lines: `== rules ip 14`. So no line of it is taken for
the beginning of another one, whatever a learner has written into the comment of a rule.
"""

from __future__ import annotations

import re

# For sh and bash. Its exit code is that of `set -e` where the command fails, else 0.
SHELL = """section() ( # section TITLE COMMAND...: what the command prints, as a section
    title=$1
    shift
    body=$("$@")
    [ -z "$body" ] && printf '== %s 0\\n' "$title" && exit
    printf '== %s %s\\n%s\\n' "$title" "$(printf '%s\\n' "$body" | wc -l)" "$body"
)
"""
HEAD = re.compile(r"== (.+) (\d+)")


def sections(text: str) -> list[tuple[str, str]]:
    """Return the title and the body of each section, in order; lines outside of sections are left out."""
    lines = text.split("\n")  # and not at what else Unicode calls a line break: wc(1) counts these
    found, at = [], 0
    while at < len(lines):
        head = HEAD.fullmatch(lines[at])
        at += 1
        if head:
            end = at + int(head[2])
            found.append((head[1], "".join(f"{line}\n" for line in lines[at:end])))
            at = end
    return found
