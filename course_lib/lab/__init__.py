"""The lab: one container that is a Docker host and a client, made from Debian packages and disposable.

`lifecycle` makes, resets and removes it; `execute` runs commands on its host and its client; `facts` reads what the
engine and the kernel say, and `watcher` reads again after each change. `images`, `base_image` and `recipes/` are what
labs are made of; `port_forward` leads the learner's browser in; `host_footprint` proves that nothing is left outside.
"""
