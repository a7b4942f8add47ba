"""The promise of notices: each event is told once, and so is its end, to every address that wants it.

Everything new and the memory that it was taken are kept at once, before anything is sent. What was sent is noted after
that. So a kill loses nothing; one between a delivery and its note has that message sent again, with the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..core.errors import DiscodeError
from ..core.notice import message_of
from ..core.notice_address import Address
from ..core.notice_book import Book, begun, idle
from ..core.trouble import observed
from ..ports.notices import Notices, Surroundings
from .notice_look import look_around, read_histories
from .world import World


@dataclass(frozen=True)
class Checked:
    """`new`: how many notices this look has made; `sent`: how many an address has taken, over all of them. `failed`:
    why an address took none, by its name."""

    new: int
    sent: int
    failed: dict[str, str]


def check(world: World, notices: Notices, around: Surroundings) -> Checked:
    """Look at everything, keep what is new, send what is due, call the dead man's address. Raises Busy when another one
    is at it, and what is wrong with Discode's own files: nothing is sent then that could not be kept."""
    with notices.alone():
        addresses = notices.addresses()
        if not addresses:
            _beat(world, notices, _idle(world, notices))
            return Checked(0, 0, {})
        before = _on(world, notices)
        book = _look(world, notices, around, before, addresses)
        sent, failed = 0, dict[str, str]()
        for address in addresses:
            book, count, trouble = _deliver(world, notices, around, book, address)
            sent += count
            failed |= {address.name: trouble} if trouble else {}
        _beat(world, notices, book)
        return Checked(book.number - before.number, sent, failed)


def begin(world: World, notices: Notices) -> None:
    """With the first address: what was before is no news, and all that comes from now on is."""
    with notices.alone(wait=True):
        notices.keep(_on(world, notices))


def _on(world: World, notices: Notices) -> Book:
    known = notices.book()
    if known is not None and known.is_on:
        return known
    return begun(known, world.clock.now(), read_histories(world))


def _idle(world: World, notices: Notices) -> Book:
    """Without an address nothing is told, nor remembered: the next one begins anew."""
    known = notices.book()
    if known is not None and not known.is_on:
        return known
    book = idle(known, world.clock.now())
    notices.keep(book)
    return book


def _look(world: World, notices: Notices, around: Surroundings, book: Book, addresses: Sequence[Address]) -> Book:
    looked, now = look_around(world, around, book.troubles), world.clock.now()
    troubles, events = observed(book.troubles, looked.views, looked.unseen, now)
    told = []
    for app, history in looked.histories.items():
        book, new = book.having_read(app, history)
        told += new
    due = [one.app for one in looked.running if book.may_ask(one.app, now)]
    book = book.changed(troubles=troubles, looked=now).having_asked(due, now)
    book = book.with_events([*told, *events], addresses, now)
    notices.keep(book)
    for app in due:
        around.look_for_updates(app)
    return book


def _deliver(
    world: World, notices: Notices, around: Surroundings, book: Book, address: Address
) -> tuple[Book, int, str]:
    """The book after it, how many notices were sent, and why none was."""
    now, outbox = world.clock.now(), book.outbox(address.name)
    due = outbox.due(now, quiet=address.quiet is not None and address.quiet.holds(now))
    if not due:
        return book, 0, outbox.trouble
    try:
        notices.send(address, message_of(around.host(), due, outbox.dropped))
    except DiscodeError as error:
        book = book.with_outbox(address.name, outbox.failed(world.clock.now(), error.sentence))
        notices.keep(book)
        return book, 0, error.sentence
    book = book.with_outbox(address.name, outbox.delivered(due))
    notices.keep(book)
    return book, len(due), ""


def _beat(world: World, notices: Notices, book: Book) -> None:
    url, now = notices.heartbeat(), world.clock.now()
    if not url or not book.must_beat(now):
        return
    try:
        notices.beat(url)
        book = book.changed(beat=now, beat_trouble="")
    except DiscodeError as error:
        book = book.changed(beat_trouble=error.sentence)  # and tried again by the next one
    notices.keep(book)
