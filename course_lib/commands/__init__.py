"""Run the commands of `./course`.

`cli.entry` runs one command. `terminal.shell` connects this terminal to the lab's host, and `jupyter.jupyter_lab`
starts JupyterLab.
"""
