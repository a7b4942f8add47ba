"""`pause`, `resume`, `stop`: whether a service's requests are held, served, or answered by the edge itself."""

from __future__ import annotations

from ..services.options import Command, CommandError
from ..services.service import Service
from .edge import Edge


def pause(edge: Edge, command: Command) -> None:
    """Once it returns, new requests are held and none is under way, unless the service was resumed meanwhile."""
    with edge.table.turn(command.service):
        service = edge.table.known(command.service)
        service = edge.sync.change(service, mode="paused", max_pause=command.seconds("max-pause"))
    _drain(edge, service, command)


def resume(edge: Edge, command: Command) -> None:
    if command.number("rate") < 1:
        raise CommandError("the rate is a number of requests a second, 1 or more")
    with edge.table.turn(command.service):
        service = edge.table.known(command.service)
        # A container that was restarted during the pause may have a new address; the requests that were held are about
        # to go there.
        edge.sync.locate(service)
        edge.sync.change(service, mode="running", rate=command.number("rate"))


def stop(edge: Edge, command: Command) -> None:
    """Once it returns, new requests are answered with 503 and none is under way, unless the service was resumed
    meanwhile."""
    with edge.table.turn(command.service):
        service = edge.table.known(command.service)
        service = edge.sync.change(service, mode="stopped", message=command.text("message"))
    _drain(edge, service, command)


def _drain(edge: Edge, service: Service, command: Command) -> None:
    """Requests that come after a `resume` are nobody's to cut."""

    def is_resumed() -> bool:
        now = edge.table.get(service.name)
        return now is not None and now.mode == "running"

    edge.drains.until_idle(service, command.seconds("drain-timeout"), is_resumed)
