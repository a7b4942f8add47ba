"""Several questions to the network at once, for a time that they share."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")
AT_ONCE = 32


def side_by_side(calls: Mapping[Key, Callable[[], Answer]], timeout: float) -> dict[Key, Answer]:
    """The answers of those that have ended within `timeout` seconds. A call must not raise; one that goes on for longer
    is left alone, and does not keep the process."""
    answers: dict[Key, Answer] = {}
    turns, deadline = threading.Semaphore(AT_ONCE), time.monotonic() + timeout

    def run(key: Key, call: Callable[[], Answer]) -> None:
        with turns:
            if time.monotonic() < deadline:
                answers[key] = call()

    threads = [threading.Thread(target=run, args=entry, daemon=True) for entry in calls.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(deadline - time.monotonic(), 0.0))
    return dict(answers)
