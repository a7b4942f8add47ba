"""What a flow tells whoever watches it. A report never fails and never decides."""

from __future__ import annotations

from typing import Protocol


class Report(Protocol):
    def step_started(self, step: str, title: str) -> None:
        """A step begins; `title` is for people."""

    def step_done(self, step: str, seconds: float) -> None:
        """It ended well."""

    def step_failed(self, step: str, seconds: float) -> None:
        """It did not; the error follows by itself."""

    def progress(self, done: int, total: int, what: str = "") -> None:
        """How far the step is, in bytes; `total` 0 when unknown."""

    def waiting(self, seen: str) -> None:
        """What the step that runs sees of what it waits for; told when that changes."""

    def note(self, text: str) -> None:
        """A sentence that the user should read."""

    def output(self, line: str) -> None:
        """A line that the vendor's own command has written, as it comes."""


class Silence:
    """A report to nobody."""

    def step_started(self, step: str, title: str) -> None: ...

    def step_done(self, step: str, seconds: float) -> None: ...

    def step_failed(self, step: str, seconds: float) -> None: ...

    def progress(self, done: int, total: int, what: str = "") -> None: ...

    def waiting(self, seen: str) -> None: ...

    def note(self, text: str) -> None: ...

    def output(self, line: str) -> None: ...
