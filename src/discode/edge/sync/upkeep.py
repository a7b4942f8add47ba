"""Upkeep: keeps HAProxy running with what the table says, and starts it again when it dies."""

from __future__ import annotations

import contextlib
import time

from ..haproxy.process import Haproxy, HaproxyError
from ..services.table import Table
from ..text import relay
from ..traffic.drains import Drains
from .configuration import Configuration
from .maps import Maps

AGAIN = 0.2  # seconds before an HAProxy that did not answer is checked
END = 0.1  # seconds that a master without a current worker gets to exit


class Upkeep:
    def __init__(self, haproxy: Haproxy, table: Table, configuration: Configuration, maps: Maps, drains: Drains):
        self._haproxy, self._table, self._configuration = haproxy, table, configuration
        self._maps, self._drains = maps, drains

    def start(self, *, take_over: bool = False) -> None:
        """Attach to the HAProxy that is running, or start one; either way it then does what the table says."""
        with self._table.lock:
            self._configuration.write(self._table.services())
            if take_over:
                self._haproxy.check(self._haproxy.layout.config)
                self._haproxy.start(take_over=True)
            elif self._haproxy.runtime.current() is not None:
                self._haproxy.adopt()
                self._haproxy.reload()
                self._finish_begun()
            else:
                self._haproxy.start()
            self._configuration.has_started()

    def write_files(self) -> None:
        """Write them again: another process may have replaced them."""
        with self._table.lock:
            self._configuration.write(self._table.services())

    def follow_trust(self) -> bool:
        """Reload when other proxies in front are trusted now. Returns whether that was so."""
        with self._table.lock:
            return self._configuration.follow_trust()

    def heal(self) -> bool:
        """Start HAProxy again if it has died. Returns whether it had."""
        self._haproxy.reap()
        if self._haproxy.runtime.current() is not None:
            return False
        with self._table.lock:
            # There may be no current worker during a reload; whoever reloads holds the lock.
            if self._haproxy.runtime.current() is not None:
                return False
            self._haproxy.end(END)
            self.start()
        return True

    def send(self, *commands: str) -> str:
        """Raises HaproxyError when HAProxy does not answer even after a restart."""
        if not commands:
            return ""
        try:
            return self._haproxy.runtime.send(*commands)
        except OSError:
            time.sleep(AGAIN)
            self.heal()
        try:
            return self._haproxy.runtime.send(*commands)
        except OSError as error:
            raise HaproxyError(f"HAProxy does not answer: {error}") from error

    def end(self, grace: float) -> None:
        """Stop HAProxy. Old workers are told first: there will be no newer worker to pass requests on to."""
        with contextlib.suppress(OSError):
            self._haproxy.runtime.send(f"disable server {relay.SERVER}")
        self._haproxy.end(grace)

    def _finish_begun(self) -> None:
        """Finish what the previous controller may have been doing when it was killed: an old worker still decides about
        the requests that it holds by its own maps, and targets that no longer serve have to be drained.
        """
        self.send(*self._maps.repeat("rates", "modes"))
        self._drains.resume(self._table.services())
