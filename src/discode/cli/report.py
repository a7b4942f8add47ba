"""Reports of updates to the vendor: off until the customer agrees, and shown to the letter."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.errors import DiscodeError, UsageError
from .options import App, Json
from .output import emit

if TYPE_CHECKING:
    from ..flows.world import Result, World


def report(
    app: App,
    show: Annotated[bool, typer.Option("--show", help="Print exactly what would be sent after an update.")] = False,
    enable: Annotated[
        bool, typer.Option("--enable", help="Agree to report the outcome of updates to the vendor.")
    ] = False,
    disable: Annotated[bool, typer.Option("--disable", help="Stop reporting and delete the random id.")] = False,
    as_json: Json = False,
) -> None:
    """Choose whether updates are reported to the vendor. Nothing is reported unless you agree.

    A report has the outcome, the versions, how long each step took, and a random id, but no name or address.
    """
    from . import wiring

    if show + enable + disable > 1:
        raise UsageError("Give one of --show, --enable, --disable.", "For example: discode report myapp --show")
    world, reports = wiring.world(as_json, "discode report"), wiring.reports()
    world.installed(app)
    if enable:
        reports.enable(app)
    if disable:
        reports.disable(app)
    agreed = reports.is_enabled(app)
    told = reports.preview(app, world.store.history(app)) if show or as_json else None
    text = f"Updates of {app} are {'' if agreed else 'not '}reported to the vendor."
    shown = f"\n{json.dumps(told, indent=1)}" if show else ""
    emit({"app": app, "enabled": agreed, "report": told}, text + shown, as_json=as_json)


def reporting(world: World, app: str, flow: Callable[[World], Result]) -> Result:
    """The flow; and when it did something, however it ended, a report of it, if the customer agreed."""
    from . import wiring

    if not wiring.reports().is_enabled(app):
        return flow(world)
    before = world.store.history(app)
    try:
        return flow(world)
    finally:
        _send(world, app, len(before))


def _send(world: World, app: str, known: int) -> None:
    """Never fails: a report is not worth it."""
    from . import wiring

    try:
        history, installation = world.store.history(app), world.store.installation(app)
        trouble = ""
        if installation is not None and len(history) > known:
            trouble = wiring.reports().send(app, installation.source, history)
    except DiscodeError as error:
        trouble = error.sentence
    if trouble:
        world.report.note(trouble)
