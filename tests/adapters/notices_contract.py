"""What the port of notices has to do, by its words. A subclass gives the fixture `site`: notices with one address, and
the service behind that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pytest

from discode.core.errors import Busy, Unreachable
from discode.core.history import HistoryEntry
from discode.core.notice import Message, Words
from discode.core.notice_address import Address
from discode.core.notice_book import Book, begun
from discode.core.trouble import Event, Trouble
from discode.ports.notices import Notices

MESSAGE = Message("[web1] myapp does not answer", "It is away.\nNext step: discode logs myapp — now", "failure")


class Site(Protocol):
    notices: Notices
    address: Address

    def taken(self) -> Sequence[tuple[str, str]]:
        """Subject and body of what the service has taken."""

    def go_away(self) -> None:
        """The service does not answer."""

    def come_back(self) -> None:
        """It answers again."""

    def heartbeat(self) -> int:
        """Give the dead man's address; how often it was called before."""

    def beats(self) -> int: ...


def a_book() -> Book:
    line = HistoryEntry(started=1.0, at=2.5, flow="update", outcome="done", serves="1.0")
    troubles = {"disk:": Trouble(app="", since=3.0, level=1, well_since=4.0), "offer:a": Trouble(app="a", since=1.0)}
    book = begun(None, 10.0, {"myapp": [line], "other": []}).changed(troubles=troubles, looked=11.0)
    words = Words("the disk is nearly full", "Only 1 MB.", "Free some.", "myapp 1.0")
    address = Address(name="ops", url="json://hooks.test")
    return book.with_events([Event("disk", "", "critical", words)], [address], 12.0).having_asked(["myapp"], 12.0)


class NoticesContract:
    def test_a_message_is_taken_as_it_was_sent(self, site: Site) -> None:
        site.notices.send(site.address, MESSAGE)
        assert site.taken() == [(MESSAGE.subject, MESSAGE.body)]

    def test_a_service_that_is_away_is_unreachable_and_takes_the_next_one_when_it_is_back(self, site: Site) -> None:
        site.go_away()
        with pytest.raises(Unreachable) as caught:
            site.notices.send(site.address, MESSAGE)
        assert caught.value.sentence.startswith(f"{site.address.place} did not take the message: ")
        assert site.taken() == []
        site.come_back()
        site.notices.send(site.address, MESSAGE)
        assert len(site.taken()) == 1

    def test_a_book_is_read_as_it_was_kept(self, site: Site) -> None:
        assert site.notices.book() is None
        site.notices.keep(a_book())
        assert site.notices.book() == a_book()
        site.notices.keep(None)
        assert site.notices.book() is None

    def test_addresses_are_those_that_were_given(self, site: Site) -> None:
        assert site.notices.addresses() == [site.address]

    def test_one_at_a_time(self, site: Site) -> None:
        with site.notices.alone(), pytest.raises(Busy), site.notices.alone():
            pass
        with site.notices.alone(), pytest.raises(ValueError, match="within"):
            raise ValueError("within")
        with site.notices.alone(wait=True):
            assert site.notices.addresses() == [site.address]

    def test_the_dead_mans_address_is_called_and_not_when_it_is_away(self, site: Site) -> None:
        assert site.notices.heartbeat() == ""
        before = site.heartbeat()
        site.notices.beat(site.notices.heartbeat())
        assert site.beats() == before + 1
        site.go_away()
        with pytest.raises(Unreachable):
            site.notices.beat(site.notices.heartbeat())
