"""Grade a class: replay the learners' answers in disposable labs, judge the evidence and write a report.

`submissions` takes untrusted files, which `submission_reader` reads in a process of its own. `grader` replays several
answers at once, each by a `replay_worker` in a `sandbox` lab with limits, and keeps the evidence. `report` turns it
into marks and pages without Docker. `hand_in` packs a learner's answer.
"""
