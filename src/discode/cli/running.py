"""Run a flow and show its result: what every command that changes something ends in."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .foreign import one_line
from .output import emit_result

if TYPE_CHECKING:
    from ..flows.world import Result, World


def run_flow(name: str, as_json: bool, flow: Callable[[World], Result]) -> None:
    from . import wiring

    host = wiring.host(as_json)
    host.ask_ahead()
    world = wiring.world(as_json, f"discode {name}", on=host)
    run_and_show(world, lambda: flow(world), as_json)


def run_and_show(
    world: World, flow: Callable[[], Result], as_json: bool, more: Callable[[], dict[str, Any]] = dict
) -> Result:
    """However it ends, and whatever an earlier one has left to tell, the vendors hear of it that are to. `more`: what
    programs are told beside its result."""
    from ..flows.reporting import tell_vendors

    begun = time.monotonic()
    try:
        result = flow()
    finally:
        tell_vendors(world)
    emit_result(result, time.monotonic() - begun, as_json=as_json, more=more())
    return result


def asking(flow: Callable[[dict[str, str]], Result], as_json: bool) -> Result:
    """On a terminal the settings that only the customer knows are asked for, and the flow is run again with them."""
    from ..flows.prepare import MissingSettings

    given: dict[str, str] = {}
    while True:
        try:
            return flow(given)
        except MissingSettings as missing:
            from .asking import ask, can_ask

            if not can_ask(as_json):
                raise
            print(one_line(missing.sentence), file=sys.stderr)
            given |= ask(missing.manifest, missing.questions)
