"""The framework for exercises: what the `checks.py` of an exercise is written with, and how its probes are run.

`checks` has the vocabulary (Check, Finding, Probe, Seed), `catalog` finds the exercises and the learner, `probes` asks
the lab, `judging` turns the evidence into verdicts. `reachability` and `rendered_text` are what several exercises
share. Judging is pure: the same evidence gives the same verdicts.
"""
