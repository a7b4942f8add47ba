"""The configuration that HAProxy runs with: written from the table, reloaded when a service needs a different one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

from ...core.networks import networks
from ..haproxy.process import Haproxy, HaproxyError
from ..services.service import Pool, Service
from ..services.table import Table
from ..settings import Settings
from ..targets.addresses import Addresses
from ..text import files
from ..text.backend import server_name, skeleton
from ..text.config import config_text
from ..tls.offer import Offer
from .maps import Maps


class Configuration:
    """Callers hold the table's lock, which also guards the files and reloads."""

    def __init__(
        self, settings: Settings, haproxy: Haproxy, table: Table, addresses: Addresses, offer: Offer, maps: Maps
    ):
        self._layout, self._settings, self._haproxy, self._table = haproxy.layout, settings, haproxy, table
        self._addresses, self._offer, self._maps = addresses, offer, maps
        self._running: dict[str, str] = {}  # each service's part of the running configuration
        self.trusted: tuple[str, ...] = ()  # networks of proxies in front, by which HAProxy goes
        self._written: tuple[str, ...] = ()  # the same, as in the file that was written last

    def write(self, services: Iterable[Service]) -> None:
        """Write the configuration for these services, and the maps for those in the table."""
        layout, services = self._layout, list(services)
        files.write(layout.lua, files.SCRIPTS.read_text())
        files.write_own_pages(layout)
        files.write_pages(layout, services)
        self._offer.write_files(services)
        self._maps.write(self._table.services())
        self._written = self._wanted()
        files.write(layout.config, config_text(layout, services, self._settings, self._addresses.of, self._written))

    def follow_trust(self) -> bool:
        """Reload when other proxies in front are trusted now, again after a try that failed. Returns whether that was
        so. Raises HaproxyError."""
        if self._wanted() == self.trusted:
            return False
        services = self._table.services()
        self.write(services)
        self._haproxy.reload()
        self._has_loaded(services)
        return True

    def _wanted(self) -> tuple[str, ...]:
        """A file that cannot be read leaves what was read before."""
        try:
            return _networks(self._layout.trusted.read_text())
        except FileNotFoundError:
            return ()
        except (OSError, ValueError):
            return self._written

    def has_started(self) -> None:
        """Note that HAProxy has started or reloaded with the table as `write` wrote it."""
        services = self._table.services()
        self._running = {service.name: skeleton(self._layout, service) for service in services}
        self._has_loaded(services)

    def prepare(self, before: Service | None, after: Service) -> bool:
        """Make sure that it has the service in its new shape.

        Returns whether that took a reload. Raises HaproxyError.
        """
        files.write_pages(self._layout, [after])
        is_same = before is not None and self._running.get(after.name) == skeleton(self._layout, after)
        if is_same and self._offer.is_ready_for(after):
            return False
        if before is None:
            self._reload(replace(after, active=Pool((), slot=after.active.slot), rollout=None))
        else:
            self._reload(replace(before, shape=after.shape, health=after.health, message=after.message, tls=after.tls))
        return True

    def _reload(self, changed: Service) -> None:
        services = [service for service in self._table.services() if service.name != changed.name] + [changed]
        self.write(services)
        try:
            self._haproxy.reload()
        except HaproxyError:
            self.write(self._table.services())
            raise
        self._running[changed.name] = skeleton(self._layout, changed)
        self._has_loaded(services)

    def _has_loaded(self, services: list[Service]) -> None:
        self.trusted = self._written
        self._offer.loaded(services)
        # A worker that has just started takes a target out after one failed check. A target that is alone stays.
        single = [
            f"set server {service.backend(pool.slot, letter)}{role}/{server_name(target)} health up"
            for service in services
            for letter, pool in service.pools()
            for role, target in pool.by_role()
            if len(pool.all()) == 1
        ]
        with contextlib.suppress(OSError):  # if HAProxy has died, it is about to be started again
            self._haproxy.runtime.send(*single)


@lru_cache(1)  # the same text comes four times a second
def _networks(text: str) -> tuple[str, ...]:
    """Raises ValueError."""
    return networks(",".join(text.split()))
