"""`deploy`: a new service, or new targets and options for an existing one."""

from __future__ import annotations

from ..services.deployed import deployed
from ..services.options import Command
from ..targets.health import wait_until_healthy
from ..text import pages
from .edge import Edge


def deploy(edge: Edge, command: Command) -> None:
    """Once it returns, every new request goes to the new targets and the old ones have no requests left.

    Raises CommandError, HaproxyError or OSError; requests then go where they went before.
    """
    with edge.table.turn(command.service):
        before = edge.table.get(command.service)
        after = edge.table.with_hosts_free(deployed(command, before))
        after = edge.certificates.adopt(command, after)
        templates = pages.load(after.shape.error_pages)
        if not command.on("force"):
            wait_until_healthy(after.active, after.health, command.seconds("deploy-timeout"))
        after = edge.sync.bring_in(before, after, "", templates)
        drain = edge.drains.leave(before, after, "", command.seconds("drain-timeout"))
    if not command.on("drain-in-background"):
        edge.drains.finish(command.service, drain)
