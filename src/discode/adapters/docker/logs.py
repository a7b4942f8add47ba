"""Logs of an instance: of its containers together, in the order of time."""

from __future__ import annotations

import heapq
import queue
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from ...core.errors import RuntimeUnreachable
from .engine import Engine
from .names import process_of

Stamped = tuple[str, str]  # the time that Docker gave a line, as text of one length: RFC 3339 in nanoseconds; the line
HELD = 10_000  # lines that wait for whoever reads them
WAIT = 0.5  # seconds between two looks at a container that has ended


def last_lines(engine: Engine, containers: list[str], tail: int | None, since: float | None = None) -> list[str]:
    """Oldest first, at most `tail`; those of an extra process among several carry its name."""
    if tail == 0:
        return []
    names = _prefixes(containers)
    return list(_merged([(names[one], _read(engine, one, tail, since)) for one in containers], tail))


def follow(engine: Engine, containers: list[str], tail: int | None, since: float | None) -> Iterator[str | None]:
    """The last lines, then what comes, until all containers have been removed; None while there is nothing."""
    names, lines = _prefixes(containers), queue.Queue[str | None](HELD)
    begun: list[list[Stamped]] = []
    for one in containers:
        # One line at least: what comes later is told from the last one on.
        begun.append(list(_read(engine, one, None if tail is None else max(tail, 1), since)))
        last = begun[-1][-1][0] if begun[-1] else ""
        threading.Thread(target=_pump, args=(engine, one, names[one], last, since, lines), daemon=True).start()
    yield from _merged([(names[one], iter(found)) for one, found in zip(containers, begun, strict=True)], tail)
    running = len(containers)
    while running:
        try:
            line = lines.get(timeout=WAIT)
        except queue.Empty:
            yield None
            continue
        if line is None:
            running -= 1
        else:
            yield line


def _merged(logs: list[tuple[str, Iterator[Stamped]]], tail: int | None) -> Iterable[str]:
    """In the order of time, each line with its log's prefix. Equal stamps keep their order: a merge is stable."""
    marked = [_prefixed(prefix, lines) for prefix, lines in logs]
    return deque((line for _, line in heapq.merge(*marked, key=lambda line: line[0])), maxlen=tail)


def _prefixed(prefix: str, lines: Iterator[Stamped]) -> Iterator[Stamped]:
    return ((stamp, prefix + line) for stamp, line in lines)


def output(engine: Engine, container: str) -> Iterator[str]:
    """From its begin on until it ends, or the engine says nothing for long."""
    return (line for _, line in _following(engine, container, "", None, again=False))


def _pump(
    engine: Engine, container: str, prefix: str, last: str, since: float | None, lines: queue.Queue[str | None]
) -> None:
    for _, line in _following(engine, container, last, since, again=True):
        lines.put(prefix + line)
    lines.put(None)


def _following(engine: Engine, container: str, last: str, since: float | None, *, again: bool) -> Iterator[Stamped]:
    """Lines after the one with the stamp `last`. Docker ends a log with its container, which may be started `again`."""
    import docker.errors

    while True:
        try:
            with engine.errors("follow the log"):
                for stamp, line in _stamped(_stream(engine, container, None, _seconds(last) or since, follow=True)):
                    if stamp > last:
                        last = stamp
                        yield stamp, line
                engine.api.inspect_container(container)
        except docker.errors.APIError:
            return  # it is gone, and so is its log
        except RuntimeUnreachable:
            pass  # nothing was written for long, or the engine is started anew
        if not again:
            return
        time.sleep(WAIT)


def _read(engine: Engine, container: str, tail: int | None, since: float | None) -> Iterator[Stamped]:
    import docker.errors

    try:
        with engine.errors("read the log"):
            yield from _stamped(_stream(engine, container, tail, since, follow=False))
    except docker.errors.NotFound:
        return


def _stream(engine: Engine, container: str, tail: int | None, since: float | None, *, follow: bool) -> Iterable[bytes]:
    pieces: Any = engine.api.logs(
        container, stream=True, follow=follow, timestamps=True, tail="all" if tail is None else tail, since=since
    )  # fmt: skip
    return pieces  # type: ignore[no-any-return]


def _stamped(pieces: Iterable[bytes]) -> Iterator[Stamped]:
    for line in _split(pieces):
        stamp, _, text = line.partition(" ")
        yield stamp, text


def _split(pieces: Iterable[bytes]) -> Iterator[str]:
    """A piece of the stream is what was written at once: part of a line, or several."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from (line.decode(errors="replace").rstrip("\r") for line in whole)
    if rest:
        yield rest.decode(errors="replace")


def _seconds(stamp: str) -> float | None:
    """A little before it: a number of seconds is not as fine as Docker's nanoseconds."""
    try:
        return datetime.fromisoformat(stamp).timestamp() - 0.001 if stamp else None
    except ValueError:
        return None


def _prefixes(containers: list[str]) -> dict[str, str]:
    """Of one container alone the lines are as they are."""
    if len(containers) == 1:
        return dict.fromkeys(containers, "")
    named = {one: process_of(one).lstrip(".") for one in containers}
    return {one: f"[{process}] " if process else "" for one, process in named.items()}
