"""Run a flow and show its result: what every command that changes something ends in."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from .output import emit_result

if TYPE_CHECKING:
    from ..flows.world import Result, World


def run_flow(name: str, as_json: bool, flow: Callable[[World], Result]) -> None:
    from . import wiring

    host = wiring.host(as_json)
    host.ask_ahead()
    world = wiring.world(as_json, f"discode {name}", on=host)
    run_and_show(lambda: flow(world), as_json)


def run_and_show(flow: Callable[[], Result], as_json: bool) -> None:
    begun = time.monotonic()
    result = flow()
    emit_result(result, time.monotonic() - begun, as_json=as_json)
