"""Reach a Docker engine over its API and run programs in its containers.

`client.connect` finds and checks the learner's engine. `exec_stream.Exec` runs a program in a container and streams its
input and output; `tls` does the encryption where the engine uses TLS. `helper_container` runs a script on the engine's
machine from a short-lived container. `labels` names the labels of everything that the course creates. Only `client`
imports docker.
"""
