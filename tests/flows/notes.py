"""A report that keeps what it is told."""

from discode.ports.report import Silence


class Notes(Silence):
    """`steps` by their titles; `seen` while a step waits."""

    def __init__(self):
        self.steps, self.seen, self.notes = [], [], []

    def step_started(self, step, title):
        self.steps.append(title)

    def waiting(self, seen):
        self.seen.append(seen)

    def note(self, text):
        self.notes.append(text)
