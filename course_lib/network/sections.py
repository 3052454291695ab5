"""Split the output of a script into its sections: `sections`. Pure.

A section begins with a line that holds its title and the number of lines that follow: `== rules ip 14`. So no line of
a section can be taken for the beginning of another one, whatever text a learner puts into the comment of a rule.
"""

from __future__ import annotations

import re

# A function for sh and bash. Under `set -e`, a command that fails ends the script; without it, its section is printed.
SHELL = """section() ( # section TITLE COMMAND...: print the command's output as a section
    title=$1
    shift
    body=$("$@")
    [ -z "$body" ] && printf '== %s 0\\n' "$title" && exit
    printf '== %s %s\\n%s\\n' "$title" "$(printf '%s\\n' "$body" | wc -l)" "$body"
)
"""
HEAD = re.compile(r"== (.+) (\d+)")


def sections(text: str) -> list[tuple[str, str]]:
    """Return the title and the body of each section, in order. Lines outside sections are ignored.

    A body is empty or ends with a newline. A section that was cut off has fewer lines than its first line says.
    """
    lines = text.split("\n")  # not splitlines(), which also splits at other characters: wc(1) counts newlines
    found, at = [], 0
    while at < len(lines):
        head = HEAD.fullmatch(lines[at])
        at += 1
        if head:
            end = at + int(head[2])
            found.append((head[1], "".join(f"{line}\n" for line in lines[at:end])))
            at = end
    return found
