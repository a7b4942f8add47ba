"""A one-off container, watched to its end: each line of its output as it comes, and a deadline."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

from . import logs
from .engine import Engine

LINES = 200


def until_its_end(engine: Engine, container: str, within: float, say: Callable[[str], None]) -> int | None:
    """Its exit code; None when it has not ended within so many seconds."""
    deadline = time.monotonic() + within
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_read, args=(engine, container, lines), daemon=True).start()
    while (left := deadline - time.monotonic()) > 0:
        try:
            line = lines.get(timeout=left)
        except queue.Empty:
            break
        if line is None:
            return _code(engine, container, deadline)
        say(line)
    return None


def last_lines(engine: Engine, container: str) -> tuple[str, ...]:
    return tuple(logs.last_lines(engine, [container], LINES))


def _read(engine: Engine, container: str, lines: queue.Queue[str | None]) -> None:
    for line in logs.output(engine, container):
        lines.put(line)
    lines.put(None)


def _code(engine: Engine, container: str, deadline: float) -> int | None:
    """Its log has ended, which it does with the container, or with the engine."""
    import requests

    try:
        return int(engine.api.wait(container, timeout=max(deadline - time.monotonic(), 1.0))["StatusCode"])
    except requests.RequestException:
        state = engine.api.inspect_container(container)["State"]
        return None if state["Running"] else int(state["ExitCode"])
