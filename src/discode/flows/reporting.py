"""Tell vendors how flows ended here, where the customer agreed.

Nobody holds a lock of the app meanwhile: a hub may be slow. What cannot be sent is sent with the next, or by whoever
settles: a command that was killed after its last line in the history has told nobody.
"""

from __future__ import annotations

from ..core.errors import DiscodeError, NoSuchApp, UsageError
from ..core.history import HistoryEntry
from ..core.installation import Installation
from ..core.report import Agreement, due, report_of
from .world import World


def tell_vendors(world: World) -> None:
    """Never fails: a report is not worth it."""
    try:
        for app in world.reports.agreed():
            _tell_if_possible(world, app)
    except DiscodeError as error:
        world.report.note(error.sentence)


def tell_of_undone(world: World, undone: Installation, agreement: Agreement | None, entry: HistoryEntry) -> None:
    """Of a restore elsewhere that came to nothing: nothing is left to tell it later, so it is told now or not at all.
    Never fails. `agreement`: None where the customer has not agreed."""
    if agreement is None or not undone.source.startswith("http"):
        return
    told = report_of(undone.release.vendors_name, agreement.installation, entry)
    try:
        world.reports.send(undone.app, undone.source, told)
    except DiscodeError as error:
        world.report.note(f"The vendor of {undone.app} could not be told of it: {error.sentence}")


def _tell_if_possible(world: World, app: str) -> None:
    try:
        _tell(world, app)
    except DiscodeError as error:
        world.report.note(f"The vendor of {app} could not be told of it: {error.sentence}")


def _tell(world: World, app: str) -> None:
    agreement = world.reports.agreement(app)
    source, product = _vendor(world, app)
    if agreement is None or not source.startswith("http"):
        return
    entries = due(world.store.readable_history(app)[0], agreement.told)
    if not entries or not agreement.may_try(entries, world.clock.now()):
        return
    for entry in entries:
        _send(world, app, source, report_of(product, agreement.installation, entry), agreement)
        agreement = agreement.changed(told=entry.at, tried=0.0)
        world.reports.keep(app, agreement)


def _send(world: World, app: str, source: str, told: dict[str, object], agreement: Agreement) -> None:
    """Raises DiscodeError when it has to be tried again."""
    try:
        world.reports.send(app, source, told)
    except (NoSuchApp, UsageError) as error:  # it would be refused for ever, and all that come after it with it
        world.report.note(f"The hub of {app} takes no report of that: {error.sentence}")
    except DiscodeError:
        world.reports.keep(app, agreement.changed(tried=world.clock.now()))
        raise


def _vendor(world: World, app: str) -> tuple[str, str]:
    """Where its releases are, and what the vendor calls it. An install may have failed, and left its source."""
    installation = world.store.installation(app)
    if installation is not None:
        return installation.source, installation.release.vendors_name
    kept = world.store.kept(app)
    return (kept.source or "" if kept else ""), app
