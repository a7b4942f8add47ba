"""The machine itself, for the ports System and Clock."""

from __future__ import annotations

import os
import secrets
import time
from contextlib import AbstractContextManager
from pathlib import Path

from . import guard

_MEMINFO = Path("/proc/meminfo")


class RealClock:
    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class RealSystem:
    def free_memory(self) -> int:
        """`MemAvailable` of proc(5): what the kernel would free for a new program without swapping, in KiB there."""
        for line in _MEMINFO.read_text().splitlines():
            name, _, amount = line.partition(":")
            if name == "MemAvailable":
                return int(amount.split()[0]) * 1024
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")

    def guarded(self, app: str) -> AbstractContextManager[None]:
        return guard.guarded(app)

    def secret(self, digits: int) -> str:
        return secrets.token_hex((digits + 1) // 2)[:digits]
