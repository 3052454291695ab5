"""Define exercises, run their probes and judge the evidence.

`checks` has the vocabulary of an exercise's `checks.py` (Check, Finding, Probe, Seed) and turns evidence into verdicts,
`catalog` finds the exercises and the learner's name, `answers` reads and packs answers, `probes` gathers evidence in
the lab. Several exercises use `reachability` and `rendered_text`. Judging is pure: the same evidence always gives the
same verdicts.
"""
