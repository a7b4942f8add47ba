"""Ends that only go forward: whoever asked for a stop or an uninstall wants it, and each part can be repeated."""

from __future__ import annotations

from ..core.history import Outcome
from ..core.installation import Installation
from ..core.journal import Journal
from . import accessories, accessory_data
from .instance import retire_others
from .record import finish, tell_history
from .world import Site


def take_down(site: Site, journal: Journal, outcome: Outcome) -> None:
    """Answer 503 from now on, let requests finish, stop the instance, and then what is beside it."""
    after = journal.after
    assert after is not None
    let_finish(site, after, f"{after.app} is stopped.")
    site.runtime.stop(after.instance, after.release.manifest.update.stop)
    accessories.stop(site, after)
    finish(site, journal, "after", outcome)


def uninstall(site: Site, journal: Journal) -> None:
    """The instance, its route and its images go; with `purge`, all that the app has."""
    app, before = journal.app, journal.before
    assert before is not None
    let_finish(site, before, f"{app} is being removed.")
    site.proxy.unroute(app)
    take_away(site, app)
    site.store.save_kept(before.left())
    site.store.delete_installation(app)
    if set(site.store.apps()) <= {app}:
        site.proxy.retire(purge=journal.purge)
    if journal.purge:
        drop_data(site, app)
        site.store.purge(app)
    else:
        tell_history(site, journal, None, "done", None)
    site.store.clear_journal(app)


def undo_restore(site: Site, journal: Journal) -> None:
    """Of a snapshot that was to be a new installation, or a drill's: all of it goes, for it is in the repository. The
    history stays, and who has nothing but that has nothing installed."""
    after = journal.after
    assert after is not None
    if journal.flow != "drill":  # whose requests nobody ever sees
        let_finish(site, after, f"{after.app} is not installed.")
        site.proxy.unroute(after.app)
    take_away(site, after.app)
    drop_data(site, after.app)
    if journal.flow == "drill":
        site.store.purge(after.app)
    else:
        site.proxy.unroute(after.app)  # again, for a deploy that went on inside the proxy meanwhile
        site.store.discard(after.app)
    site.store.clear_journal(after.app)


def take_away(site: Site, app: str) -> None:
    """All that runs of it and beside it, and the images; what they have written stays."""
    retire_others(site, None, app)
    site.runtime.sweep(app, living=True)
    accessories.retire_others(site, None, app)
    site.runtime.prune(app, frozenset())
    site.runtime.forget(app)
    site.accessories.prune(app, frozenset())


def drop_data(site: Site, app: str) -> None:
    """Of the app and of what was beside it, once `take_away` has been there: the customer asked for it."""
    accessory_data.drop_data(site, app)
    site.runtime.drop_data(app)


def let_finish(site: Site, installation: Installation, message: str) -> None:
    """No request reaches the app any more, and those under way end: to forget the route alone would leave them to an
    instance that is stopped under their hands."""
    site.proxy.stop(installation.app, message)
    site.proxy.drained(installation.app, installation.release.manifest.update.drain)
