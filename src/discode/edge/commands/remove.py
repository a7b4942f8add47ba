"""`remove`: stop serving a service."""

from __future__ import annotations

from ..services.options import Command
from .edge import Edge


def remove(edge: Edge, command: Command) -> None:
    """Once it returns, new requests for its hosts are answered with 404; requests under way may finish."""
    with edge.table.turn(command.service):
        service = edge.table.known(command.service)
        edge.sync.remove(service)
        edge.drains.leave_all(service)
