"""The controller: carries out commands on HAProxy. It only decides; no byte of traffic passes through it.

table of services  ->  configuration, maps and servers  ->  HAProxy
"""

from __future__ import annotations

from ..commands.edge import Edge
from ..haproxy.process import Haproxy
from ..layout import Layout
from ..services.table import Table
from ..settings import Settings
from ..sync.configuration import Configuration
from ..sync.maps import Maps
from ..sync.servers import Servers
from ..sync.sync import Sync
from ..sync.upkeep import Upkeep
from ..targets.addresses import Addresses
from ..targets.follow import Follower, all_places
from ..tls.certificates import Certificates
from ..traffic.drains import Drains
from ..traffic.trickle import Trickle


class Controller:
    """All parts, put together. Raises DamagedState, or HaproxyError if there is no usable HAProxy."""

    def __init__(self, layout: Layout, settings: Settings):
        self.layout, self.settings = layout, settings
        self.table, self.addresses = Table(layout.state), Addresses()
        self.haproxy = Haproxy(layout)
        runtime, table, maps = self.haproxy.runtime, self.table, Maps(layout)
        self.drains = Drains(runtime)
        self.certificates = Certificates(table.services, self.haproxy, settings.https, settings.addresses, table.lock)
        self.configuration = Configuration(settings, self.haproxy, table, self.addresses, self.certificates.offer, maps)
        configuration = self.configuration
        self.upkeep = Upkeep(self.haproxy, table, configuration, maps, self.drains)
        follower = Follower(runtime, self.addresses, lambda: all_places(table.services()), table.lock)
        servers = Servers(self.upkeep.send, self.addresses, self.drains)
        sync = Sync(layout, table, configuration, maps, servers, self.upkeep, follower, self.drains, self.certificates)
        self.edge = Edge(table, self.certificates, sync, self.drains)
        self._helpers = (follower, Trickle(runtime, settings.body_grace), self.certificates)
        self.failed_upgrade = ""  # why the last upgrade failed

    def start_helpers(self) -> None:
        """Start the threads that watch addresses, slow uploads and certificates."""
        for helper in self._helpers:
            helper.start()

    def stop_helpers(self) -> None:
        for helper in self._helpers:
            helper.stop()
