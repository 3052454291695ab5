"""Define exercises and questions, run probes and judge the evidence.

`checks` has the vocabulary of an exercise's `checks.py` (Check, Finding, Probe, Seed) and turns evidence into verdicts,
`catalog` finds the exercises and the learner's name, `answers` reads and packs answers, `probes` gathers evidence in
the lab. `questions` reads the questions of the chapters and decides them, `predictions` keeps what a learner predicted.
`reachability` has what checks of reachable ports share, `broken_shop` the shop of two exercises with its faults, and
`rendered_text` renders a page's text. Judging is pure: the same evidence always gives the same verdicts.
"""
