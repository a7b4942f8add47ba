"""How a repository that is on no disk of this machine is made, so that one whose making was killed can be made again.

restic writes a key first, and then the configuration that it opens. Killed between the two, it leaves a key that opens
nothing. The next one adds another key, and takes the first that its password opens: with the same password it finds the
new repository damaged for ever. What is in a storage elsewhere cannot be deleted but by restic. So:

1. a password that no other key has is kept on this machine, and the repository made with it;
2. keys of others go, where there is no snapshot that they could open;
3. the repository's own password is added, and the first one goes.

Until 3 is done nobody has a use for the repository: it counts as not there, and its making goes on from where it was.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from ...disk.whole import write_whole
from ..files.disk import writing
from .program import Access, Ended

Done = Callable[[Access, Sequence[str], Sequence[bytes]], Ended]  # runs restic, and raises where it did not end well
Try = Callable[[Access, Sequence[str]], Ended]


class Making:
    def __init__(self, access: Access, done: Done, attempt: Try):
        self._access, self._done, self._try = access, done, attempt
        place = hashlib.sha256(access.repository.encode()).hexdigest()[:16]
        self._file = access.cache / f"making-{place}"

    def is_cut_off(self) -> bool:
        """The repository is there, and opened by the password that it is made with."""
        return self._opens(self._kept())

    def carry_out(self) -> None:
        first = self._kept()
        if not self._opens(first):
            first = secrets.token_hex(32)
            with writing(self._file):
                write_whole(self._file, first.encode(), 0o600)
            self._done(self._by(first), ["init"], [])
        [own] = self._keys(first, is_own=True)
        if self._is_empty(first):
            for other in self._keys(first, is_own=False):
                self._done(self._by(first), ["key", "remove", other], [])
        self._done(self._by(first), ["key", "add", "--new-password-file", "{}"], [self._access.password.encode()])
        self._done(self._access, ["key", "remove", own], [])
        self._file.unlink()

    def _by(self, password: str) -> Access:
        return replace(self._access.opening, password=password)

    def _kept(self) -> str:
        with suppress(OSError):
            return self._file.read_text()
        return ""

    def _opens(self, password: str) -> bool:
        return bool(password) and self._try(self._by(password), ["cat", "config", "--no-lock"]).code == 0

    def _keys(self, password: str, *, is_own: bool) -> list[str]:
        out = self._done(self._by(password), ["key", "list", "--json"], []).out
        return [str(one["id"]) for one in json.loads(out) if bool(one["current"]) is is_own]

    def _is_empty(self, password: str) -> bool:
        """What cannot be read is of another key, and that is kept."""
        ended = self._try(self._by(password), ["snapshots", "--json", "--no-lock"])
        return ended.code == 0 and not json.loads(ended.out or b"null")
