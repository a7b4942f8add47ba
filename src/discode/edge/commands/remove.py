"""`remove`: stop serving a service."""

from __future__ import annotations

from ..services.options import Command
from .edge import Edge
from .rollout import LETTER


def remove(edge: Edge, command: Command) -> None:
    """Once it returns, new requests for its hosts are answered with 404; requests under way may finish."""
    number = edge.table.arrivals.number()
    with edge.table.turn(command.service):
        # A deploy that still waits for its targets came before, and brings nothing back.
        edge.table.arrivals.settle(number, [(command.service, letter) for letter in ("", LETTER)])
        service = edge.table.known(command.service)
        edge.sync.remove(service)
        edge.drains.leave_all(service)
