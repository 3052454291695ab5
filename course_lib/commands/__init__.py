"""`./course`: the command line, the terminal on the lab's host, and the JupyterLab that it opens."""
