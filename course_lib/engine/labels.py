"""The labels on everything that the course creates on an engine. Only what carries LABEL is ever removed."""

from __future__ import annotations

LABEL = "container-course"  # its value says what a thing is: "lab", "image" or "helper"
RECIPE_LABEL = f"{LABEL}.recipe"  # of an image: the digest of what it was made from
NAME_LABEL = f"{LABEL}.lab"  # of a lab's container and volumes: the lab's name
PARENT_LABEL = f"{LABEL}.parent"  # the same of a relative: the name of the lab that it belongs to
ENGINE_LABEL = f"{LABEL}.engine"  # the version of the lab's engine, as `--engine` names it
BEFORE_LABEL = f"{LABEL}.before"  # of a volume: what the machine was before the first `up`
GRADER_LABEL = f"{LABEL}.grader"  # of a sandbox: which run of the grader made it
