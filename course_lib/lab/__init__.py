"""Create and use labs: a lab is one disposable container that acts as a Docker host and a client.

What is in the container lives in a user namespace, which `lab-start` and `lab-namespace` of `recipes/lab` prepare and
`course_lib.engine.exec_stream.Exec` enters. `lifecycle.Lab` creates, resets and removes it. `execute.run` runs commands
on its host or client, `command_output` decides what is shown of their output. `facts.read` reads the state of its
engine and kernel (by `reader.pl`), `watcher` reads it again after each change, and `learner_engine_facts` reads the
learner's own engine. `images`, `base_image` and `recipes/` build the images, `binfmt` tells whether the machine runs
another processor's programs, `machine` installs Debian packages on the learner's machine. `port_forward` opens a port
of the lab in the learner's browser. `machine_footprint` verifies that a lab changed nothing else on the machine.
"""
