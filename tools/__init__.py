"""Run the tests of the course: `gate.run` and `soak.run`, for `./course test`. Learners' code does not import it."""
