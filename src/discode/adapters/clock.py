"""What the answers of servers have told of this machine's clock since the command began."""

from __future__ import annotations

import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from ..core.clocks import ahead, is_off

_seen: dict[str, float] = {}  # seconds that ours is ahead, by server


def note(server: str, headers: Mapping[str, str]) -> None:
    """`server`: host and port, as in its address. `headers`: of its answer."""
    seconds = ahead(headers.get("Date", ""), headers.get("Age", ""), time.time())
    if seconds is not None:
        _seen[server] = seconds


def off_by(address: str) -> float | None:
    """Seconds that this machine's clock is ahead of that server's, negative when behind. None when they agree, or when
    nothing is known."""
    seconds = _seen.get(urlsplit(address).netloc)
    return seconds if is_off(seconds) else None
