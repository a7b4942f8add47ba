"""Pure decisions: no I/O, no clock, no randomness. Imports nothing of ours from outside this folder."""
