"""Logs of instances that did not make it: `<instance>-<unix time>.log`, the newest ten of an app."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from .disk import write_whole, writing

KEPT = 10
_NAME = re.compile(r".+-(\d+)\.log")


def keep_log(folder: Path, instance: str, lines: Sequence[str], now: int) -> Path:
    """`now` is Unix time; a log of the same second counts as of the next. Readable by the owner alone."""
    newest = max((at for at, _ in _kept(folder)), default=0)
    path = folder / f"{instance}-{max(now, newest + 1)}.log"
    text = "".join(f"{line}\n" for line in lines)
    write_whole(path, text.encode("utf-8", errors="replace"), mode=0o600)
    for _, old in _kept(folder)[:-KEPT]:
        old.unlink(missing_ok=True)
    return path


def _kept(folder: Path) -> list[tuple[int, Path]]:
    """By age, oldest first."""
    with writing(folder):
        names = list(folder.iterdir()) if folder.is_dir() else []
    return sorted((int(match[1]), path) for path in names if (match := _NAME.fullmatch(path.name)))
