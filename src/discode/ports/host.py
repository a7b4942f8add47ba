"""The machine: its clock, its room, its randomness."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    def now(self) -> float:
        """Unix time."""

    def monotonic(self) -> float:
        """Seconds that never go back."""

    def sleep(self, seconds: float) -> None: ...


class Host(Protocol):
    def free_memory(self) -> int:
        """Bytes that a new program can have without swapping."""

    def secret(self, digits: int) -> str:
        """That many random hex digits, fit for a key."""
