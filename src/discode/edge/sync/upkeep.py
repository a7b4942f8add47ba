"""Upkeep: HAProxy runs, with what the table says; one that has died is started again."""

from __future__ import annotations

import contextlib
import time

from ..haproxy.process import Haproxy, HaproxyError
from ..services.table import Table
from ..text import relay
from ..traffic.drains import Drains
from .configuration import Configuration
from .maps import Maps

AGAIN = 0.2  # seconds until an HAProxy that does not answer is looked at
END = 0.1  # seconds that requests get in an HAProxy whose worker has died


class Upkeep:
    def __init__(self, haproxy: Haproxy, table: Table, configuration: Configuration, maps: Maps, drains: Drains):
        self._haproxy, self._table, self._configuration = haproxy, table, configuration
        self._maps, self._drains = maps, drains

    def start(self, *, take_over: bool = False) -> None:
        """Attach to the HAProxy that runs, or start one; either way it does what the table says."""
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
        """Again, after somebody else may have written others."""
        with self._table.lock:
            self._configuration.write(self._table.services())

    def heal(self) -> bool:
        """Bring HAProxy back when it has died; whether that was needed."""
        self._haproxy.reap()
        if self._haproxy.runtime.current() is not None:
            return False
        with self._table.lock:
            # During a reload there is none for a moment, and whoever reloads holds the table.
            if self._haproxy.runtime.current() is not None:
                return False
            self._haproxy.end(END)
            self.start()
        return True

    def send(self, *commands: str) -> str:
        """Raises HaproxyError when HAProxy does not answer, even after it was started again."""
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
        """End HAProxy. There is no next worker then that requests could be passed on to."""
        with contextlib.suppress(OSError):
            self._haproxy.runtime.send(f"disable server {relay.SERVER}")
        self._haproxy.end(grace)

    def _finish_begun(self) -> None:
        """What the controller before this one may have been killed over: requests that an old worker holds go on by its
        own maps, and those on targets that no longer serve are to be drained.
        """
        self.send(*self._maps.repeat("rates", "modes"))
        self._drains.resume(self._table.services())
