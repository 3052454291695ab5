"""The Docker API: how the course reaches an engine and runs programs in its containers.

`client.connect` finds and checks the learner's engine; `exec_stream.Exec` is a program in a container with its input
and output. `helper_container` looks at the engine's machine from a short-lived container, and `own_engine_facts` reads
the learner's own engine that way, read-only. Only `client` imports docker.
"""
