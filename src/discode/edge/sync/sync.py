"""Sync: what a command changes in the table of services, HAProxy does.

    configuration, when it lacks something  ->  servers in the idle slot  ->  table saved  ->  maps

The table is saved before HAProxy gets the maps, so that whoever starts afterwards finishes what was begun.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ..layout import Layout
from ..services.arrivals import Place
from ..services.service import Pool, Service
from ..services.table import Table
from ..targets.follow import Follower, all_places, places
from ..text import files
from ..tls.certificates import Certificates
from ..traffic.drain import Drain
from ..traffic.drains import Drains
from .configuration import Configuration
from .maps import Maps
from .servers import Servers
from .upkeep import Upkeep


@dataclass(frozen=True)
class Swap:
    """Another pool serves; `drain` of the one before it, if there was one."""

    drain: Drain | None


class Sync:
    def __init__(
        self,
        layout: Layout,
        table: Table,
        configuration: Configuration,
        maps: Maps,
        servers: Servers,
        upkeep: Upkeep,
        follower: Follower,
        drains: Drains,
        certificates: Certificates,
    ):
        self._layout, self._table, self._configuration = layout, table, configuration
        self._maps, self._servers, self._upkeep = maps, servers, upkeep
        self._follower, self._drains, self._certificates = follower, drains, certificates

    def swap(
        self,
        number: int,
        place: Place,
        make: Callable[[Service | None], Service],
        templates: Mapping[int, str] | None,
        timeout: float,
    ) -> Swap | None:
        """Bring in the pool at this place of what `make` makes of the service as it is, and start to drain the one
        before it; None when a command that came after `number` has decided about the place.
        """
        name, letter = place
        with self._table.turn(name):
            if self._table.arrivals.is_overtaken(number, place):
                return None
            before = self._table.get(name)
            after = self.bring_in(before, make(before), letter, templates)
            self._table.arrivals.settle(number, [place])
            return Swap(self._drains.leave(before, after, letter, timeout))

    def bring_in(
        self, before: Service | None, after: Service, letter: str, templates: Mapping[int, str] | None
    ) -> Service:
        """Add the pool with that letter to HAProxy, in the idle slot, then send every new request there. Returns the
        service as it is served from now on.
        """
        pool, old = after.pool(letter), before.pool(letter) if before else None
        assert pool
        self._follower.look(pool.all())
        with self._table.lock:  # a worker started by a reload in between would lack the new servers
            if templates is not None:
                files.write_templates(self._layout, after, templates)
            is_reloaded = self._configuration.prepare(before, after)
            if old and not is_reloaded and pool.has_targets_of(old):
                after = after.with_pool(letter, old)
                # A container that was restarted may have a new address: it has just answered there.
                self._upkeep.send(*self._follower.moves(places(after, letter, old, old.by_role())))
                self._serve(after)
            else:
                self._fill_and_serve(after, letter, pool)
        return after

    def _fill_and_serve(self, after: Service, letter: str, pool: Pool) -> None:
        backend = after.backend(pool.slot, letter)
        kept = self._drains.take_back(backend, pool)
        self._upkeep.send(*self._follower.moves(places(after, letter, pool, kept)))
        fresh = [server for server in pool.by_role() if server not in kept]
        try:
            for role, target in fresh:
                self._servers.add(after, f"{backend}{role}", target, len(pool.all()))
            self._serve(after)
        except BaseException:  # a target that HAProxy refuses, a full disk, a host that another service has just taken
            self._drains.drop(backend, fresh)
            raise

    def change(self, service: Service, **changes: object) -> Service:
        """Change anything but the targets. Returns the changed service."""
        changed = replace(service, **changes)  # type: ignore[arg-type]
        with self._table.lock:
            if changed.shape.error_pages and changed.message != service.message:
                self._configuration.prepare(service, changed)
            self._serve(changed)
        return changed

    def remove(self, service: Service) -> None:
        """Its backends stay in HAProxy until the next reload, but no request is routed to them."""
        with self._table.lock:
            self._table.remove(service.name)
            self._set_maps()

    def locate(self, service: Service) -> None:
        """Look its targets up again and tell HAProxy where they are."""
        self._follower.look(target for _, pool in service.pools() for target in pool.all())
        with self._table.lock:
            self._upkeep.send(*self._follower.moves(all_places([service])))

    def _serve(self, service: Service) -> None:
        """Raises CommandError when another service has one of its hosts."""
        self._table.save(service)
        self._set_maps()

    def _set_maps(self) -> None:
        services = self._table.services()
        self._upkeep.send(*self._maps.change(services))
        self._certificates.settle(services)
