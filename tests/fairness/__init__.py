"""Compare the checks of each exercise with an oracle of other code, on right answers, wrong ones and mutants."""
