"""Notices on this host: where they go, and what is seen for them. Knows the adapters, like `wiring`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..adapters.notices import FileNotices, HostSurroundings
from ..core.notice import Message


def notices(home: Path, note: Callable[[str], None] = lambda text: None) -> FileNotices:
    return FileNotices(home, note)


def surroundings(home: Path) -> HostSurroundings:
    def start(*words: str) -> None:
        from .wiring_backups import start_scheduled

        start_scheduled(*words)

    return HostSurroundings(home, start)


def check_address(url: str) -> None:
    """Raises UsageError for one that cannot be right; nothing is sent."""
    from ..adapters.notices.sending import check

    check(url)


def send(url: str, message: Message) -> None:
    """Raises Unreachable or Refused."""
    from ..adapters.notices.sending import send

    send(url, message)


def beat(url: str) -> None:
    """Raises Unreachable."""
    from ..adapters.notices.heartbeat import beat

    beat(url)
