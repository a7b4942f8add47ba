"""What `discode doctor` says of notices: whether anything looks, and whether each address takes what it is sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import DiscodeError
from .finding import Finding

if TYPE_CHECKING:
    from ..core.notice_book import Book
    from ..core.outbox import Outbox

OFTEN = 15 * 60.0  # seconds: three times what `settle --all` by cron takes


def examine_notices(home: Path, now: float) -> Iterator[Finding]:
    """Nothing where there is no address."""
    from .wiring_notices import notices

    try:
        kept = notices(home)
        addresses, book = kept.addresses(), kept.book()
    except DiscodeError as error:
        step = f"Delete {home / 'notices'}/addresses.json, and give the addresses again: discode notify add"
        yield Finding("notices", False, error.sentence, step)
        return
    if not addresses:
        return
    yield _looking(book, now)
    for one in addresses:
        yield _address(one.name, one.place, book.outbox(one.name) if book else None)


def _looking(book: Book | None, now: float) -> Finding:
    if book is not None and now - max(book.looked, book.begun) < OFTEN:
        is_new = "the first address was just added, and nobody has looked yet"
        return Finding("notices", True, "something calls discode notify check" if book.looked else is_new)
    last = f"{(now - book.looked) / 60:.0f} minutes ago" if book and book.looked else ""
    detail = f"nothing looks; the last time was {last}" if last else "nothing has looked yet"
    return Finding("notices", False, detail, "Set up the agent, which calls it every minute: discode doctor --fix")


def _address(name: str, place: str, outbox: Outbox | None) -> Finding:
    what = f"notices to {name}"
    if outbox is None or not outbox.tries:
        return Finding(what, True, place)
    detail = f"{outbox.trouble} Waiting: {len(outbox.waiting)}, tries: {outbox.tries}"
    return Finding(what, False, detail, f"See whether it works now: discode notify test {name}")
