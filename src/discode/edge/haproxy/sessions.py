"""What is under way in HAProxy: the number of requests by backend and server, and single long sessions."""

from __future__ import annotations

import contextlib
import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .runtime import Runtime

_START = re.compile(r"^(0x[0-9a-f]+): ", re.MULTILINE)
_AT = re.compile(r"^(0x[0-9a-f]+): .*? be=(\S+) srv=(\S+) ", re.MULTILINE)
_BACKEND = re.compile(r"\bbackend=(\S+) ")
# Requests, but not the live ones; `an`: what HAProxy still has to do for the request.
_REQUEST = re.compile(
    r"^(0x[0-9a-f]+): \S+ \S+ fe=http be=\S+:r?[ab](?::read)? .*? age=(\S+) .*? rq\[f=\w+,i=\d+,an=(\w+)h", re.MULTILINE
)
_BODY = 0x8000  # `an`: the body is on its way, `AN_REQ_HTTP_XFER_BODY`
_WHOLE_BODY = 0x8  # `an`: all of it is awaited before a target gets any, `AN_REQ_HTTP_BODY`
_RECEIVING = re.compile(
    r"\bid=(\d+) proto=.*?req\.st=MSG_DATA.*?\bscb=[^\n]*\bsub=(\d)"
    r".*?\breq=\S+ \([^)]*total=(\d+)\).*?\bdata=(\S+)",
    re.DOTALL,
)
_WRITING = 2  # `sub` of the target's side: what it takes next is waited for, `SUB_RETRY_SEND`
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_STATUS = re.compile(r"\btxn=\S+ flags=\S+ meth=\d+ status=(-?\d+)")
ALL = "-1"  # as a backend's name: every one, HAProxy's management guide, `show stat`
WAITING = ""  # as a server's name: none
_BACKENDS, _SERVERS = 2, 4  # kinds of rows, HAProxy's management guide, `show stat`
FAILED = "2"  # `srv_check_result`, in HAProxy's management guide
# HAProxy's abbreviations in `check_status`.
SEEN = {
    "L7RSP": "no answer that is HTTP",
    "L7TOUT": "no answer in time",
    "L4CON": "no connection",
    "L4TOUT": "no connection in time",
    "SOCKERR": "no connection",
}


@dataclass(frozen=True)
class Session:
    """`worker` is the process that has it; `identity` is only valid there."""

    worker: int
    identity: str
    backend: str
    is_websocket: bool


def counts(runtime: Runtime, backends: Sequence[str]) -> dict[tuple[str, str], int]:
    """Requests under way by backend and server, in all workers. Those under WAITING have no server at the moment: a
    connection was refused and will be retried within a second. Raises OSError if there is no master.
    """
    found: dict[tuple[str, str], int] = {}
    for row in _rows(runtime, backends, kinds=_BACKENDS | _SERVERS):
        backend, server, count = row["pxname"], row["svname"], int(row["scur"] or 0)
        is_server, waiting = server != "BACKEND", (backend, WAITING)
        found[waiting] = found.get(waiting, 0) + (-count if is_server else count)
        if is_server:
            found[backend, server] = found.get((backend, server), 0) + count
    return found


def failing(runtime: Runtime) -> dict[tuple[str, str], str]:
    """By backend and server, the last result of the current worker's checks that fail: `500`, or a description."""
    current = runtime.current()
    if current is None:
        return {}
    lines = [line.split() for line in runtime.send_to(current.pid, "show servers state").splitlines()[2:]]
    bad = {(words[1], words[3]) for words in lines if len(words) > 11 and words[11] == FAILED}
    rows = _rows(runtime, sorted({backend for backend, _ in bad}), only=current.pid)
    found = {(row["pxname"], row["svname"]): row for row in rows}
    return {key: _seen(found[key]) for key in bad if key in found}


def _seen(row: dict[str, str]) -> str:
    check = row["check_status"].removeprefix("* ")
    return row["check_code"] if check == "L7STS" else SEEN.get(check, check)


def long_sessions(runtime: Runtime, backends: Iterable[str]) -> list[Session]:
    wanted, found = set(backends), []
    for worker, text in runtime.send_to_each("show sess all"):
        pieces = _START.split(text)[1:]
        for identity, about in zip(pieces[::2], pieces[1::2], strict=True):
            backend, status = _BACKEND.search(about), _STATUS.search(about)
            if backend and backend[1] in wanted:
                found.append(Session(worker, identity, backend[1], bool(status and status[1] == "101")))
    return found


def on_old_workers(runtime: Runtime, places: Iterable[tuple[str, str]]) -> list[Session]:
    """What old workers still have on these backends and servers. Raises OSError if there is no master."""
    wanted, found = set(places), []
    for worker in runtime.workers():
        with contextlib.suppress(OSError):
            text = "" if worker.is_current else runtime.send_to(worker.pid, "show sess")
            found += [
                Session(worker.pid, identity, backend, False)
                for identity, backend, server in _AT.findall(text)
                if (backend, server) in wanted
            ]
    return found


def _rows(
    runtime: Runtime, backends: Sequence[str], only: int | None = None, kinds: int = _SERVERS
) -> Iterable[dict[str, str]]:
    for worker, text in runtime.send_to_each(*(f"show stat {backend} {kinds} -1" for backend in backends)):
        if only is not None and worker != only:
            continue
        for block in text.split("# ")[1:]:
            yield from csv.DictReader(line for line in block.splitlines() if line)


@dataclass(frozen=True)
class Upload:
    """A request whose body is still coming. `serial` distinguishes it from a later one with the same identity."""

    session: Session
    serial: str
    received: int  # bytes, header included


def uploads(runtime: Runtime, older: float) -> list[Upload]:
    """Requests older than `older` seconds whose bodies HAProxy is waiting for."""
    found = []
    for worker, text in runtime.send_to_each("show sess"):
        for identity, age, analysers in _REQUEST.findall(text):
            left = int(analysers, 16)
            if left & _BODY and _seconds(age) >= older:
                about = runtime.send_to(worker, f"show sess {identity}")
                found += _upload(worker, identity, about, is_held=bool(left & _WHOLE_BODY))
    return found


def _upload(worker: int, identity: str, about: str, *, is_held: bool) -> list[Upload]:
    """Empty if the buffer holds data, or the target accepts none: then it is not the client that is slow."""
    backend, detail = _BACKEND.search(about), _RECEIVING.search(about)
    if not backend or not detail:
        return []
    serial, waits_for, received, buffer = detail.groups()
    if not is_held and (buffer != "(nil)" or int(waits_for) & _WRITING):
        return []
    return [Upload(Session(worker, identity, backend[1], False), serial, int(received))]


def _seconds(age: str) -> float:
    """Of a time such as `1h2m`; HAProxy uses two units at most."""
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([smhd])", age))
