"""HAProxy's version, and all that depends on it: no other file asks which one it is. Pure.

Directives that HAProxy knows only since some version, or under another name, are properties of `Version`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Version:
    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"

    @property
    def is_supported(self) -> bool:
        return self >= OLDEST


OLDEST = Version(2, 6)  # dynamic servers with checks, `reload` on the master's socket


def parse(answer: str) -> Version | None:
    """From what `haproxy -v` prints; None: that was not HAProxy."""
    match = re.search(r"^HA-?Proxy version (\d+)\.(\d+)", answer, re.MULTILINE)
    return Version(int(match[1]), int(match[2])) if match else None
