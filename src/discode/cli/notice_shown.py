"""What `discode notify list` and `show` say: where notices go, what is open, and what waits. No secret among it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from .options import Json
from .output import emit, table

if TYPE_CHECKING:
    from ..core.notice_address import Address
    from ..core.notice_book import Book

_NONE = "There is no address. Add one: discode notify add"


def list_(as_json: Json = False) -> None:
    """List the addresses: the service and its host, never what is secret of them."""
    from . import wiring, wiring_notices

    notices = wiring_notices.notices(wiring.home())
    book, dead = notices.book(), notices.heartbeat()
    told = [described(one, book) for one in notices.addresses()]
    rows = [[one["name"], one["address"], one["severity"], one["quiet_hours"] or "-", _state_of(one)] for one in told]
    text = table(rows, ["NAME", "ADDRESS", "FROM", "QUIET HOURS", "STATE"]) if rows else _NONE
    if dead:
        text += f"\nHeartbeat: {_beat_text(book)}"
    emit({"addresses": told, "heartbeat": bool(dead)}, text, as_json=as_json)


def show(as_json: Json = False) -> None:
    """Show what is open: troubles that were told and are not over, and what waits to be sent."""
    from . import wiring, wiring_notices

    book = wiring_notices.notices(wiring.home()).book()
    if book is None or not book.is_on:
        emit({"open": [], "waiting": [], "looked": None}, _NONE, as_json=as_json)
        return
    troubles, waiting = _open(book), _waiting(book)
    rows = [[_when(one["since"]), one["severity"], one["subject"]] for one in troubles]
    text = table(rows, ["SINCE", "SEVERITY", "WHAT"]) if rows else "Nothing is wrong that was told."
    if waiting:
        late = [[_when(one["at"]), one["name"], one["severity"], one["subject"]] for one in waiting]
        text += f"\n\n{table(late, ['WAITS SINCE', 'FOR', 'SEVERITY', 'WHAT'])}"
    text += f"\n\nLooked at {_when(book.looked)}." if book.looked else "\n\nNot looked at yet: discode notify check"
    emit({"open": troubles, "waiting": waiting, "looked": book.looked or None}, text, as_json=as_json)


def described(one: Address, book: Book | None = None) -> dict[str, Any]:
    """`book`: to know what waits for it."""
    told: dict[str, Any] = {
        "name": one.name, "address": one.place, "severity": one.severity,
        "quiet_hours": str(one.quiet) if one.quiet else None,
    }  # fmt: skip
    if book is None:
        return told
    outbox = book.outbox(one.name)
    return {**told, "waiting": len(outbox.waiting), "dropped": outbox.dropped, "trouble": outbox.trouble or None}


def _open(book: Book) -> list[dict[str, Any]]:
    return [
        {
            "what": key.rstrip(":"), "app": one.app or None, "severity": one.severity, "since": one.since,
            "subject": one.subject,
        }
        for key, one in book.troubles.items() if one.level
    ]  # fmt: skip


def _waiting(book: Book) -> list[dict[str, Any]]:
    return [
        {"name": name, "number": one.number, "at": one.at, "severity": one.severity, "subject": one.subject}
        for name, outbox in book.outboxes.items()
        for one in outbox.waiting
    ]


def _state_of(told: dict[str, Any]) -> str:
    waiting = f"{told['waiting']} waiting" if told.get("waiting") else "ok"
    return f"{waiting}; {told['trouble']}" if told.get("trouble") else waiting


def _beat_text(book: Book | None) -> str:
    if book is not None and book.beat_trouble:
        return book.beat_trouble
    return f"called every hour, last {_when(book.beat)}" if book is not None and book.beat else "not called yet"


def _when(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))
