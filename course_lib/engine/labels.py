"""Name the labels of everything that the course creates on an engine. Only objects with LABEL are ever removed."""

from __future__ import annotations

LABEL = "container-course"  # its value is the kind of the object: "lab", "image" or "helper"
RECIPE_LABEL = f"{LABEL}.recipe"  # of an image: the digest of what it was made from
NAME_LABEL = f"{LABEL}.lab"  # of a lab's container and volumes: the lab's name
PARENT_LABEL = f"{LABEL}.parent"  # of a lab made for another lab: the name of that one
ENGINE_LABEL = f"{LABEL}.engine"  # the version of the lab's engine, as `--engine` names it
IDS_LABEL = f"{LABEL}.ids"  # of a lab's container and volumes: the id of its root outside, or PLAIN
PLAIN = "plain"  # the lab has no user namespace: its root is the machine's root
RESET_LABEL = f"{LABEL}.reset-by"  # of a lab's container: the notebook that reset the lab ("01_docker0"), or ""
BEFORE_LABEL = f"{LABEL}.before"  # of a volume: the machine's fingerprint before the first `up`
GRADER_LABEL = f"{LABEL}.grader"  # of a sandbox: the run of the grader that created it
