"""`discode logs`: what an app has written, and what it writes."""

from __future__ import annotations

import json
import os
import re
import select
import sys
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.errors import Interrupted, UsageError
from ..core.quantity import parse_duration
from .options import App, Json

if TYPE_CHECKING:
    from ..core.installation import Installation
    from ..flows.follow import Change, Query
    from ..flows.world import World

LINES = 100  # that are shown when neither a number nor a time is given
_DAYS = re.compile(r"(\d+)d(.*)")


Follow = Annotated[
    bool, typer.Option("--follow", "-f", help="Keep printing new lines, over updates and restarts, until Ctrl-C.")
]
Lines = Annotated[
    int | None,
    typer.Option(
        "--lines", "-n", min=0, show_default=False,
        help="How many lines to show, from the end. Default: 100, or with --since all.",
    ),
]  # fmt: skip
Since = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Only lines from then on: 10m or 2h ago, or a time such as 2026-11-28T14:30."),
]
Grep = Annotated[str | None, typer.Option(metavar="PATTERN", help="Only lines that match this regular expression.")]
Process = Annotated[
    str, typer.Option(metavar="NAME", help="Only this process of the app, or what is beside it; web is the app itself.")
]


def logs(
    app: App,
    follow: Follow = False,
    lines: Lines = None,
    since: Since = None,
    grep: Grep = None,
    process: Process = "",
    as_json: Json = False,
) -> None:
    """Print the log of an app.

    \b
        discode logs myapp -f
        discode logs myapp --since 10m --grep error
    """
    from ..flows.follow import Query, check_process, recorded
    from . import wiring

    world = wiring.world(as_json, "discode logs")
    matches, begin = _matcher(grep), _moment(since, world.clock.now()) if since else None
    installation = world.installed(app)
    check_process(installation, process)
    shown = lines if lines is not None or since else LINES
    # Which lines are the last ones of those that match is known at the end.
    query = Query(None if grep else shown, begin, process)
    if follow:
        _follow(world, installation, query, shown, matches, as_json)
        return
    for line in _last(filter(matches, recorded(world, installation, query)), shown):
        _print(line, as_json)


def _moment(text: str, now: float) -> float:
    """Unix time. Raises UsageError."""
    days = _DAYS.fullmatch(text)
    try:
        if days:
            return now - int(days[1]) * 86400 - (parse_duration(days[2]) if days[2] else 0)
        if re.match(r"[\d.]+[smh]", text):
            return now - parse_duration(text)
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        raise UsageError(
            f"{text!r} is not a time.",
            "Say how long ago (--since 10m, 2h, 1d) or when (--since 2026-11-28T14:30).",
            key="invalid-time",
        ) from None


def _matcher(pattern: str | None) -> Callable[[str], bool]:
    """Raises UsageError."""
    if pattern is None:
        return lambda line: True
    try:
        compiled = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise UsageError(
            f"{pattern!r} is not a regular expression: {error}.",
            "Put a backslash before signs that are meant as they are, such as \\( or \\[.",
            key="invalid-pattern",
        ) from None
    return lambda line: compiled.search(line) is not None


def _follow(
    world: World, installation: Installation, query: Query, shown: int | None, matches: Callable[[str], bool],
    as_json: bool,
) -> None:  # fmt: skip
    """Ctrl-C is how it is meant to end, and so is a reader that goes away."""
    from ..flows.follow import Change, follow

    try:
        begun: deque[str] | None = deque(maxlen=shown)  # until it is clear which of the old lines are the last ones
        for one in follow(world, installation, query):
            if isinstance(one, str) and begun is not None:
                begun.extend([one] if matches(one) else [])
                continue
            for line in begun or ():
                _print(line, as_json)
            begun = None
            if isinstance(one, Change):
                _print_change(one, as_json)
            elif one is not None and matches(one):
                _print(one, as_json)
            elif one is None and _nobody_reads():
                return
    except Interrupted:
        return
    except BrokenPipeError:
        # What is still in Python's buffer goes nowhere, instead of into another error at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _last(lines: Iterable[str], count: int | None) -> Iterable[str]:
    return lines if count is None else deque(lines, maxlen=count)


def _print(line: str, as_json: bool) -> None:
    print(json.dumps({"line": line}) if as_json else line, flush=True)


def _print_change(change: Change, as_json: bool) -> None:
    told = {"event": change.what, "app": change.app, "version": change.version, "instance": change.instance}
    print(json.dumps(told) if as_json else f"--- {change} ---", flush=True)


def _nobody_reads() -> bool:
    """Whether the other end of a pipe is closed: an app that writes nothing would keep us for ever."""
    poll = select.poll()
    try:
        poll.register(sys.stdout.fileno(), 0)
        return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))
    except (OSError, ValueError):
        return True
