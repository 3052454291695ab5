"""The learner's machine: Docker on it, what it lacks, and a bundle for a room without a network.

`docker_install` finds, installs and starts an engine; `doctor` reads the machine and `doctor_rules` say what that
means; `bundle` writes and loads the one file that `./course up --from-bundle` takes, `wheels` chooses its Python
packages.
"""
