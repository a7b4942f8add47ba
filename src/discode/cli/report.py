"""Reports to the vendor: off until the customer agrees, and shown to the letter."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core.errors import UsageError
from .options import App, Json
from .output import emit

if TYPE_CHECKING:
    from ..core.history import HistoryEntry

NO_ID = "0" * 32  # of who has not agreed


def report(
    app: App,
    show: Annotated[bool, typer.Option("--show", help="Print exactly what is sent of the last one.")] = False,
    enable: Annotated[bool, typer.Option("--enable", help="Agree to report to the vendor how updates end.")] = False,
    disable: Annotated[bool, typer.Option("--disable", help="Stop reporting and delete the random id.")] = False,
    as_json: Json = False,
) -> None:
    """Choose whether updates are reported to the vendor. Nothing is reported unless you agree.

    So are installs, rollbacks and restores, and what was interrupted. A report has the outcome, the versions, how long
    each step took, and a random id, but no name or address.
    """
    from . import wiring

    if show + enable + disable > 1:
        raise UsageError("Give one of --show, --enable, --disable.", "For example: discode report myapp --show")
    world, reports = wiring.world(as_json, "discode report"), wiring.reports()
    product = world.installed(app).release.vendors_name
    if enable:
        reports.enable(app, world.clock.now())
    if disable:
        reports.disable(app)
    agreement = reports.agreement(app)
    agreed, id_ = agreement is not None, agreement.installation if agreement else NO_ID
    told = preview(product, id_, world.store.history(app)) if show or as_json else None
    text = f"Updates of {app} are {'' if agreed else 'not '}reported to the vendor."
    shown = f"\n{json.dumps(told, indent=1)}" if show else ""
    emit({"app": app, "enabled": agreed, "report": told}, text + shown, as_json=as_json)


def preview(product: str, installation: str, history: list[HistoryEntry]) -> dict[str, Any] | None:
    """Exactly what is sent of the last flow; None when there was none that is reported."""
    from ..core.report import due, report_of

    last = due(history, None)
    return report_of(product, installation, last[-1]) if last else None
