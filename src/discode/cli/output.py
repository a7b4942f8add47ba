"""Results, for people on stdout and for programs as the last JSON line."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .foreign import one_line, tame

if TYPE_CHECKING:
    from ..flows.world import Result

NAMES = 13  # columns of the names beside values
BETWEEN, SET_IN = "  ", "    "
LITTLE = 20  # columns: less than that is no room for the last cell of a row

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
    "backed-up": "{app} {to} is backed up.",
    "restored": "{app} {to} is serving with restored data.",
    "proved": "{app} can be restored.",
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


def emit_result(result: Result, wall: float, *, as_json: bool, more: Mapping[str, Any] = {}) -> None:
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
        "snapshot": result.snapshot,
        **more,
    }
    emit(told, f"{sentence} {one_line(result.message)}".strip() or "Nothing to do.", as_json=as_json)


def escaped(text: str) -> str:
    """On one line, and without what would move a terminal's cursor or change its colors."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def columns() -> int:
    """Of the terminal that people read on; 0: a program reads, and lines are as long as they are."""
    return os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout.isatty() else 0


def described(rows: list[tuple[str, str]]) -> str:
    """A name and its value a line. On a terminal a long value goes on below itself; for a program it is one line."""
    return "\n".join(_described(name, one_line(value)) for name, value in rows)


def _described(name: str, value: str) -> str:
    head = f"{name + ':' if name else '':<{NAMES}}"
    return folded(value, head, " " * NAMES).rstrip()


def folded(text: str, head: str = "", indent: str = "") -> str:
    """On a terminal that is too narrow for it, at the borders of words: `head` before the first line, `indent` before
    the others."""
    if not 0 < (width := columns()) < len(head) + len(text):
        return f"{head}{text}"
    import textwrap

    return "\n".join(
        textwrap.wrap(
            text, max(width, len(indent) + 12), initial_indent=head, subsequent_indent=indent, break_long_words=False,
            break_on_hyphens=False,
        )
    )  # fmt: skip


def table(rows: list[list[str]], header: list[str]) -> str:
    """Columns as wide as they have to be, two blanks apart. On a terminal that is too narrow, the last one goes on
    below itself; where that leaves it little room, what does not fit stands below its row, set in."""
    lines = [[one_line(cell) for cell in row] for row in [header, *rows]]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    ends = [sum(widths[: number + 1]) + len(BETWEEN) * number for number in range(len(widths))]
    width = columns()
    if not 0 < width < ends[-1]:
        fitting = len(widths)
    elif width - ends[-2] - len(BETWEEN) >= LITTLE:
        fitting = len(widths) - 1
        return "\n".join(_row(line, widths, fitting, " " * (ends[-2] + len(BETWEEN)), below=False) for line in lines)
    else:
        fitting = max(sum(end <= width for end in ends), 1)
    return "\n".join(_row(line, widths, fitting, SET_IN, below=True) for line in lines)


def natural_width(rows: list[list[str]], header: list[str]) -> int:
    """Of a table that nothing makes narrow."""
    columns_ = zip(*[header, *rows], strict=True)
    return sum(max(map(len, column)) for column in columns_) + len(BETWEEN) * (len(header) - 1)


def _row(cells: list[str], widths: list[int], fitting: int, indent: str, *, below: bool) -> str:
    """The first cells in their columns; the others after them, or below."""
    head = BETWEEN.join(cell.ljust(width) for cell, width in zip(cells[:fitting], widths, strict=False))
    rest = BETWEEN.join(filter(None, cells[fitting:]))
    if not rest:
        return head.rstrip()
    return f"{head.rstrip()}\n{folded(rest, indent, indent)}" if below else folded(rest, f"{head}{BETWEEN}", indent)
