"""The machine: its clock, its room, its randomness."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol


class Clock(Protocol):
    def now(self) -> float:
        """Unix time."""

    def monotonic(self) -> float:
        """Seconds that never go back."""

    def sleep(self, seconds: float) -> None: ...


class System(Protocol):
    def free_memory(self) -> int:
        """Bytes that a new program can have without swapping."""

    def guarded(self, app: str) -> AbstractContextManager[None]:
        """While it lasts: if this process is killed, another one settles the app at once."""

    def secret(self, digits: int) -> str:
        """That many random hex digits, fit for a key."""
