"""Define exercises, run their probes and judge the evidence.

`checks` has the vocabulary of an exercise's `checks.py` (Check, Finding, Probe, Seed) and turns evidence into verdicts,
`catalog` finds the exercises and the learner's name, `answers` reads and packs answers, `probes` gathers evidence in
the lab. `reachability` has what checks of reachable ports share, and `rendered_text` renders a page's text. Judging is
pure: the same evidence always gives the same verdicts.
"""
