"""The seat behind a report: it counts once, and the table of reports does not name it.

A report has a random id that says nothing about its sender, and whoever sends reports can invent as many as they like.
So each is kept with a pseudonym of the seat whose license came with it: a hash with a key that is on the hub's disk and
not in its database. A seat has one report for a version; a seat that was freed, or whose license was revoked, has none
that counts.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import delete, update
from sqlalchemy.orm import Session

from .keys import HubKeys
from .models import Report

_AT_ONCE = 500  # pseudonyms in a statement


def pseudonym(keys: HubKeys, license: str, installation: str) -> str:
    """64 hex digits, the same at every report of the seat."""
    key = HKDF(SHA256(), 32, None, b"seats in reports").derive(keys.lease.private_bytes_raw())
    return hmac.new(key, f"{license}:{installation}".encode(), hashlib.sha256).hexdigest()


def let_speak_once(session: Session, seat: str, app: str, installation: str) -> None:
    """Forget what the seat reported under other random ids."""
    session.execute(
        delete(Report).where(Report.seat == seat, Report.app == app, Report.installation != installation)
    )  # fmt: skip


def withdraw(session: Session, keys: HubKeys, license: str, installations: Iterable[str]) -> None:
    """Their reports stay, and no longer count: the seats are free, or their license has been revoked."""
    given_up = [pseudonym(keys, license, installation) for installation in installations]
    for begin in range(0, len(given_up), _AT_ONCE):
        theirs = Report.seat.in_(given_up[begin : begin + _AT_ONCE])
        session.execute(update(Report).where(theirs).values(seat=None))
