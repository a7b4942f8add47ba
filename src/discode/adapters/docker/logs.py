"""Logs of an instance: of its containers together, in the order of time."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import Any

from .engine import Engine
from .names import process_of


def last_lines(engine: Engine, containers: Iterable[str], tail: int) -> list[str]:
    """Oldest first, at most `tail`; those of an extra process carry its name."""
    stamped = [
        (stamp, _marked(container, line)) for container in containers for stamp, line in _read(engine, container, tail)
    ]
    # Equal stamps keep their order: Python's sort is stable.
    return [line for _, line in sorted(stamped, key=lambda one: one[0])][-tail:] if tail else []


def follow(engine: Engine, containers: list[str], tail: int) -> Iterator[str]:
    """The last lines, then what comes, until all containers have ended."""
    lines: queue.Queue[str | None] = queue.Queue()
    for container in containers:
        threading.Thread(target=_pump, args=(engine, container, tail, lines), daemon=True).start()
    running = len(containers)
    while running:
        line = lines.get()
        if line is None:
            running -= 1
        else:
            yield line


def _pump(engine: Engine, container: str, tail: int, lines: queue.Queue[str | None]) -> None:
    import docker.errors

    try:
        with engine.errors("follow the log"):
            stream = engine.api.logs(container, stream=True, follow=True, tail=tail)
            for line in _split(stream):
                lines.put(_marked(container, line))
    except (docker.errors.APIError, OSError):
        pass  # it is gone, and so is its log
    finally:
        lines.put(None)


def _split(pieces: Iterable[bytes]) -> Iterator[str]:
    """A piece of the stream is what was written at once: part of a line, or several."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from (line.decode(errors="replace").rstrip("\r") for line in whole)
    if rest:
        yield rest.decode(errors="replace")


def _read(engine: Engine, container: str, tail: int) -> list[tuple[str, str]]:
    """Each line with the time that Docker gave it."""
    import docker.errors

    try:
        text: Any = engine.api.logs(container, tail=tail, timestamps=True)
    except docker.errors.NotFound:
        return []
    pairs = [line.partition(" ") for line in text.decode(errors="replace").splitlines()]
    return [(stamp, line) for stamp, _, line in pairs]


def _marked(container: str, line: str) -> str:
    process = process_of(container)
    return f"[{process.lstrip('.')}] {line}" if process else line
