"""`rollout deploy`, `rollout set`, `rollout stop`: other targets for some of a service's users."""

from __future__ import annotations

from ..services.deployed import pool_of, with_rollout
from ..services.options import Command, CommandError
from ..services.service import Service, Split
from ..targets.health import wait_until_healthy
from .edge import OVERTAKEN, Edge

LETTER = "r"  # in the names of a rollout's backends


def rollout_deploy(edge: Edge, command: Command) -> str:
    """Like `deploy`, for the targets of the rollout."""
    number, known = edge.table.arrivals.number(), edge.table.known(command.service)
    wait_until_healthy(pool_of(command, known.rollout), known.health, command.seconds("deploy-timeout"))

    def make(_: object) -> Service:
        return with_rollout(command, edge.table.known(command.service))

    swap = edge.sync.swap(number, (command.service, LETTER), make, None, command.seconds("drain-timeout"))
    if swap is None:
        return OVERTAKEN
    if not command.on("drain-in-background"):
        edge.drains.finish(command.service, swap.drain)
    return ""


def rollout_set(edge: Edge, command: Command) -> None:
    if not command.given & {"percent", "list"}:
        raise CommandError("at least one of the flags in the group [percent list] is required")
    percent, values = command.number("percent"), tuple(command.texts("list"))
    if not 0 <= percent <= 100 or any(not value.isprintable() or " " in value for value in values):
        raise CommandError("a rollout needs 0 to 100 percent, and values that fit in a cookie")
    with edge.table.turn(command.service):
        service = edge.table.known(command.service)
        if service.rollout is None:
            raise CommandError("rollout target not set")
        edge.sync.change(service, split=Split(percent, values))


def rollout_stop(edge: Edge, command: Command) -> None:
    with edge.table.turn(command.service):
        edge.sync.change(edge.table.known(command.service), split=None)
