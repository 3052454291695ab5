"""Grade a class: replay the learners' answers in disposable labs, judge the evidence and write a report.

`submissions` reads untrusted files, `grader` replays several answers at once, each by a `replay_worker` in a `sandbox`
lab with limits; `report` turns the evidence into marks and pages without Docker. `hand_in` packs a learner's answer.
"""
