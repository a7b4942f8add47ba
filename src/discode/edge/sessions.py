"""What is under way in HAProxy: requests by backend and server, and its long ones by themselves."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .haproxy import Haproxy

_START = re.compile(r"^(0x[0-9a-f]+): ", re.MULTILINE)
_BACKEND = re.compile(r"\bbackend=(\S+) ")
_STATUS = re.compile(r"\btxn=\S+ flags=\S+ meth=\d+ status=(-?\d+)")
_SCUR, _STATE, _CHECK, _CODE, _SAID = "scur", "status", "check_status", "check_code", "last_chk"


@dataclass(frozen=True)
class Session:
    """`worker` is the process that has it; `identity` means something there alone."""

    worker: int
    identity: str
    backend: str
    is_websocket: bool


def counts(haproxy: Haproxy, backends: Sequence[str]) -> dict[tuple[str, str], int]:
    """Requests under way by backend and server, over all workers. Raises OSError without a master."""
    found: dict[tuple[str, str], int] = {}
    for row in _rows(haproxy, backends):
        key = row["pxname"], row["svname"]
        found[key] = found.get(key, 0) + int(row[_SCUR] or 0)
    return found


def health(haproxy: Haproxy, backends: Sequence[str]) -> dict[str, str]:
    """What the current worker's checks say of each server: empty when it is well, else what was seen."""
    current = haproxy.current()
    found = {}
    for row in _rows(haproxy, backends, only=current.pid if current else 0):
        seen = f"{row[_CHECK]} {row[_CODE]} {row[_SAID]}".strip()
        is_well = not row[_CHECK] or row[_CHECK].startswith(("L7OK", "L4OK", "INI", "*"))
        found[row["svname"]] = "" if is_well and row[_STATE].startswith(("UP", "no check")) else seen or row[_STATE]
    return found


def long_ones(haproxy: Haproxy, backends: Iterable[str]) -> list[Session]:
    wanted, found = set(backends), []
    for worker, text in haproxy.ask_each("show sess all"):
        pieces = _START.split(text)[1:]
        for identity, about in zip(pieces[::2], pieces[1::2], strict=True):
            backend, status = _BACKEND.search(about), _STATUS.search(about)
            if backend and backend[1] in wanted:
                found.append(Session(worker, identity, backend[1], bool(status and status[1] == "101")))
    return found


def _rows(haproxy: Haproxy, backends: Sequence[str], only: int | None = None) -> Iterable[dict[str, str]]:
    for worker, text in haproxy.ask_each(*(f"show stat {backend} 4 -1" for backend in backends)):
        if only is not None and worker != only:
            continue
        for block in text.split("# ")[1:]:
            yield from csv.DictReader(line for line in block.splitlines() if line)
