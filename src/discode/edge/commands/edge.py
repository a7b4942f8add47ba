"""The parts of the edge that a command works with."""

from __future__ import annotations

from dataclasses import dataclass

from ..services.table import Table
from ..sync.sync import Sync
from ..tls.certificates import Certificates
from ..traffic.drains import Drains

OVERTAKEN = "Note: a later command for this service came while its target was waited for, and decides what is served.\n"


@dataclass(frozen=True)
class Edge:
    table: Table
    certificates: Certificates
    sync: Sync
    drains: Drains
