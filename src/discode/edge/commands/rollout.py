"""`rollout deploy`, `rollout set`, `rollout stop`: other targets for some of a service's users."""

from __future__ import annotations

from dataclasses import replace

from ..services.deployed import pool_of
from ..services.options import Command, CommandError
from ..services.service import Split
from ..targets.health import wait_until_healthy
from .edge import Edge

LETTER = "r"  # in the names of a rollout's backends


def rollout_deploy(edge: Edge, command: Command) -> None:
    """Like `deploy`, for the targets of the rollout."""
    with edge.table.turn(command.service):
        before = edge.table.known(command.service)
        pool = pool_of(command, before.rollout)
        shape = replace(
            before.shape,
            has_rollout=True,
            has_several=before.active.has_several or pool.has_several,
            has_readers=before.shape.has_readers or bool(pool.readers),
        )
        wait_until_healthy(pool, before.health, command.seconds("deploy-timeout"))
        after = edge.sync.bring_in(before, replace(before, rollout=pool, shape=shape), LETTER, None)
        drain = edge.drains.leave(before, after, LETTER, command.seconds("drain-timeout"))
    if not command.on("drain-in-background"):
        edge.drains.finish(command.service, drain)


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
