"""Durations and sizes as people write them: `10s`, `1m30s`, `200ms`; `512MB`, `1GiB`."""

from __future__ import annotations

import re

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?", re.IGNORECASE)
_POWER = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def parse_duration(text: str) -> float:
    """Seconds of a duration in Go's notation, which kamal-proxy's options use. Raises ValueError."""
    position, total = 0, 0.0
    for match in _DURATION.finditer(text):
        if match.start() != position:
            break
        total += float(match[1]) * _SECONDS[match[2]]
        position = match.end()
    if not text or position != len(text):
        raise ValueError(f"{text!r} is not a duration; write it like 10s, 500ms or 1m30s")
    return total


def format_duration(seconds: float) -> str:
    """The shortest text that `parse_duration` reads back as the same number of milliseconds."""
    if seconds < 60:
        whole = round(seconds * 1000)
        return f"{whole // 1000}s" if whole % 1000 == 0 else f"{whole}ms"
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}m{format_duration(rest)}" if rest else f"{int(minutes)}m"


def parse_size(text: str) -> int:
    """Bytes of a size. `MB` and `MiB` both mean 2^20, as Docker reads them. Raises ValueError."""
    match = _SIZE.fullmatch(text.strip())
    if not match:
        raise ValueError(f"{text!r} is not a size; write it like 512MB or 1GB")
    return int(float(match[1]) * 1024 ** _POWER[match[2].lower()])


def format_size(size: int) -> str:
    """A size for people, with one decimal where it is small."""
    value = float(size)
    for unit in ("B", "KB", "MB", "GB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 10 else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TB"
