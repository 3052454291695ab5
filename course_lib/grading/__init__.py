"""A class: what learners handed in, replayed in labs that are thrown away, marked, and reported.

`submissions` reads without trust, `grader` replays many answers side by side, each by a `replay_worker` in a `sandbox`
lab with limits; `report` turns the evidence into marks and pages without Docker. `hand_in` packs a learner's answer.
"""
