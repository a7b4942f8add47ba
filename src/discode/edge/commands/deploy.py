"""`deploy`: a new service, or new targets and options for an existing one."""

from __future__ import annotations

from functools import partial

from ..services.deployed import deployed, in_place_of
from ..services.options import Command
from ..targets.health import wait_until_healthy
from ..text import pages
from .edge import OVERTAKEN, Edge


def deploy(edge: Edge, command: Command) -> str:
    """Once it returns, every new request goes to the new targets and the old ones have no requests left; or to what a
    later command has asked for, of which it then tells.

    Raises CommandError, HaproxyError or OSError; requests then go where they went before.
    """
    number = edge.table.arrivals.number()
    after = edge.table.with_hosts_free(deployed(command, edge.table.get(command.service)))
    after = edge.certificates.adopt(command, after)
    with edge.certificates.kept_for(after):
        templates = pages.load(after.shape.error_pages)
        if not command.on("force"):
            wait_until_healthy(after.active, after.health, command.seconds("deploy-timeout"))
        make, drain_timeout = partial(in_place_of, after), command.seconds("drain-timeout")
        swap = edge.sync.swap(number, (command.service, ""), make, templates, drain_timeout)
    if swap is None:
        return OVERTAKEN
    if not command.on("drain-in-background"):
        edge.drains.finish(command.service, swap.drain)
    return ""
