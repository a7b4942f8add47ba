"""The record of a flow that has come to its end: which side stayed, the line in the history, no journal."""

from __future__ import annotations

from ..core.domains import told
from ..core.errors import DiscodeError, ReleaseFailed
from ..core.history import HistoryEntry, Outcome
from ..core.installation import Installation
from ..core.journal import Journal, Side
from ..ports.store import Store
from . import accessories, accessory_data
from .world import Site


def finish(site: Site, journal: Journal, kept: Side, outcome: Outcome, cause: BaseException | None = None) -> None:
    """Save which side stayed, tell the history, clear the journal: in this order, for each can be repeated."""
    installation = journal.after if kept == "after" else _with_memory(site, journal, cause)
    if installation is not None:
        site.store.save_installation(installation)
        if journal.swap and kept == "after":
            site.runtime.keep_swap(journal.app, journal.swap)
            accessory_data.drop_emptied(site, installation, journal.swap)
        site.runtime.prune(installation.app, installation.kept_keys())
        if accessories.has_any(journal.before, journal.after):
            accessories.prune_images(site, installation)
    tell_history(site, journal, installation, outcome, cause)
    site.store.clear_journal(journal.app)


def tell_history(
    site: Site, journal: Journal, installation: Installation | None, outcome: Outcome, cause: BaseException | None
) -> None:
    """Once a flow: a crash between this line and the clearing of the journal must not tell it twice. A line that is
    damaged keeps nobody from going on."""
    serves = installation.version if installation else None
    if is_told(site.store, journal.app, journal.flow, journal.started, serves):
        return
    entry = HistoryEntry(
        started=journal.started,
        at=site.clock.now(),
        flow=journal.flow,
        outcome=outcome,
        from_version=journal.before.version if journal.before else None,
        to_version=journal.after.version if journal.after else None,
        serves=serves,
        instance=str(installation.instance) if installation else None,
        seconds={step: round(seconds, 3) for step, seconds in site.steps.seconds.items()},
        route=told(journal.before.route, journal.after.route) or None if journal.before and journal.after else None,
        error=getattr(cause, "sentence", str(cause)) if cause else None,
        snapshot=journal.snapshot,
        automatic=journal.automatic,
    )
    site.store.append_history(journal.app, entry)


def is_told(store: Store, app: str, flow: str, started: float, serves: str | None) -> bool:
    """Whether the history has the end of the flow that began then. It need not be the last line: a backup, which needs
    the app's lock for a moment only, may have told of itself since."""
    lines = store.readable_history(app)[0]
    return any((one.flow, one.started, one.serves) == (flow, started, serves) for one in lines)


def write_if_possible(site: Site, journal: Journal) -> None:
    """A full disk must not keep us from going back; without the verdict a crash from here is settled by the proxy."""
    try:
        site.store.write_journal(journal)
    except DiscodeError as error:
        site.report.note(error.sentence)


def _with_memory(site: Site, journal: Journal, cause: BaseException | None) -> Installation | None:
    """`before`, that remembers a release which failed here by its own fault."""
    before, after = journal.before, journal.after
    if before is None or after is None or before.release.key == after.release.key or journal.flow == "restore":
        return before
    if isinstance(cause, ReleaseFailed):
        return before.remembering(after.release, cause.sentence, site.clock.now())
    if journal.verdict == "back":
        return before.remembering(after.release, "It failed, and the update was interrupted.", site.clock.now())
    return before
