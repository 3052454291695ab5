"""Run the commands of `./course`.

`cli.entry` runs one command. `terminal.shell` connects this terminal to the lab's host, `working_copy` lays down the
notebooks that a learner works on, and `jupyter.jupyter_lab` starts JupyterLab on them.
"""
