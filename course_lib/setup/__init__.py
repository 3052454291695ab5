"""Prepare the learner's machine: install Docker, diagnose problems, and make bundles for rooms without a network.

`docker_install.ensure_engine` finds, installs and starts an engine. `doctor.report` examines the machine, and
`doctor_rules.diagnose` says what the facts mean. `bundle` makes and loads the file for `./course up --from-bundle`;
`bundle_archive` is its format, and `bundle_packages.fetch` downloads its Python packages.
"""
