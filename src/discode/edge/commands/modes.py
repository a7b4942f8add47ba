"""`pause`, `resume`, `stop`: whether a service's requests are held, served or answered by the edge."""

from __future__ import annotations

from ..services.options import Command, CommandError
from .edge import Edge


def pause(edge: Edge, command: Command) -> None:
    """When it returns, requests are held, and what was under way has ended."""
    with edge.table.turn(command.service):
        service = edge.table.known(command.service)
        service = edge.sync.change(service, mode="paused", max_pause=command.seconds("max-pause"))
    edge.drains.until_idle(service, command.seconds("drain-timeout"))


def resume(edge: Edge, command: Command) -> None:
    if command.number("rate") < 1:
        raise CommandError("the rate is a number of requests a second, 1 or more")
    with edge.table.turn(command.service):
        service = edge.table.known(command.service)
        # Who was stopped and started again in the pause may be at another address; the requests that were held go there
        # at once.
        edge.sync.locate(service)
        edge.sync.change(service, mode="running", rate=command.number("rate"))


def stop(edge: Edge, command: Command) -> None:
    """When it returns, requests are answered with 503, and what was under way has ended."""
    with edge.table.turn(command.service):
        service = edge.table.known(command.service)
        service = edge.sync.change(service, mode="stopped", message=command.text("message"))
    edge.drains.until_idle(service, command.seconds("drain-timeout"))
