"""Certificates of names that no service has any more: they are kept for a while, for names are taken back, and a CA
signs the same ones only so often. Then their files go, with their keys."""

from __future__ import annotations

from collections.abc import Collection

from .folder import CertificateFolder

KEPT = 24 * 3600.0  # seconds; Let's Encrypt signs the same names five times a week


class Unwanted:
    """`look` whenever somebody looks at what is wanted. Since when a name is not wanted counts from the start anew."""

    def __init__(self, folder: CertificateFolder):
        self._folder = folder
        self._since: dict[str, float] = {}  # by name, on a clock that only goes forward

    def look(self, wanted: Collection[str], now: float) -> list[str]:
        """The names whose files have been removed. Raises OSError."""
        there = [name for name in self._folder.issued_hosts() if name not in wanted]
        self._since = {name: self._since.get(name, now) for name in there}
        over = [name for name, since in self._since.items() if now - since >= KEPT]
        for name in over:
            self._folder.drop_issued(name)
        return over
