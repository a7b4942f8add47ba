"""Results, for people on stdout and for programs as the last JSON line."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from .foreign import one_line, tame

if TYPE_CHECKING:
    from ..flows.world import Result

NAMES = 13  # columns of the names beside values

_SENTENCES = {
    "installed": "{app} {to} is installed and serving.",
    "updated": "{app} {to} is serving (previously {from_}).",
    "rolled-back": "{app} is back on {to} (previously {from_}).",
    "configured": "{app} has its new settings.",
    "restarted": "{app} {to} was restarted without an outage.",
    "stopped": "{app} is stopped; requests are answered with 503. Start it with: discode start {app}",
    "started": "{app} {to} is serving again.",
    "uninstalled": "{app} is uninstalled.",
    "purged": "{app} is not installed, and what was left of it is deleted: data, settings and history.",
    "running": "{app} {to} is serving.",
    "not-answering": "{app} {to} has the traffic, but it does not answer now; see why: discode logs {app}.",
    "pruned": "Removed what {app} no longer needs.",
    "not-installed": "{app} is not installed.",
}


def emit(result: dict[str, Any], text: str, *, as_json: bool) -> None:
    if as_json:
        import json

        print(json.dumps(result), flush=True)
        return
    print(tame(text), flush=True)


def emit_result(result: Result, wall: float, *, as_json: bool) -> None:
    sentence = _SENTENCES.get(result.outcome, "").format(
        app=result.app, to=result.to_version, from_=result.from_version
    )  # fmt: skip
    told = {
        "result": result.outcome,
        "flow": result.flow,
        "app": result.app,
        "from": result.from_version,
        "to": result.to_version,
        "instance": result.instance,
        "seconds": {step: round(seconds, 4) for step, seconds in result.seconds.items()},
        "wall": round(wall, 4),
        "message": result.message,
        "yanked": result.yanked,
        "https": result.https.as_dict() if result.https else None,
    }
    emit(told, f"{sentence} {one_line(result.message)}".strip() or "Nothing to do.", as_json=as_json)


def escaped(text: str) -> str:
    """On one line, and without what would move a terminal's cursor or change its colors."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def described(rows: list[tuple[str, str]]) -> str:
    """A name and its value a line. On a terminal a long value goes on below itself; for a program it is one line."""
    width = os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout.isatty() else 0
    return "\n".join(_described(name, one_line(value), width) for name, value in rows)


def _described(name: str, value: str, width: int) -> str:
    head = f"{name + ':' if name else '':<{NAMES}}"
    if not 0 < width < NAMES + len(value):
        return f"{head}{value}".rstrip()
    import textwrap

    return "\n".join(
        textwrap.wrap(
            value, max(width, NAMES + 12), initial_indent=head, subsequent_indent=" " * NAMES, break_long_words=False,
            break_on_hyphens=False,
        )
    )  # fmt: skip


def table(rows: list[list[str]], header: list[str]) -> str:
    """Columns as wide as they have to be, two blanks apart; a narrow terminal wraps the last one."""
    rows = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in [header, *rows]]
    return "\n".join(line.rstrip() for line in lines)
