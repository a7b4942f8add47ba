"""What keeps an app's volumes as they are while they are copied: requests that wait, or the vendor's own commands.

Both have a journal of the flow `backup`, whose two sides are the same: whoever settles lets the app go on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..core.backup_errors import BackupFailed
from ..core.installation import Installation
from ..core.journal import Journal
from ..ports.proxy import Mode
from . import quiesce
from .conclude import conclude_at_once
from .world import Site


@contextmanager
def quiesced(site: Site, before: Installation, begun: float) -> Iterator[None]:
    """Between the vendor's commands. Raises BackupFailed for one that fails; the one for after it has run then, too."""
    with _journaled(site, before, begun):
        quiesce.before(site, before)
        yield
        quiesce.after(site, before)


@contextmanager
def requests_held(site: Site, before: Installation, longest: float, begun: float) -> Iterator[None]:
    """No request is under way inside. An app that a proxy holds already, or has stopped, is left as it is.

    Raises BackupFailed when the block takes too long; whatever it raises, and a signal too, requests go on.
    """
    site.proxy.ensure()
    serving = site.proxy.serving(before.app)
    if serving is None or serving.mode is not Mode.RUNNING:
        yield
        return
    try:
        with _journaled(site, before, begun):
            site.proxy.pause(before.app, longest)
            yield
            site.proxy.resume(before.app)
    except TimeoutError:
        raise _too_long(before, longest) from None


@contextmanager
def _journaled(site: Site, before: Installation, begun: float) -> Iterator[None]:
    """Whatever the block raises is settled, and raised on."""
    journal = Journal(flow="backup", started=begun, before=before, after=before)
    with site.system.guarded(before.app):
        try:
            site.store.write_journal(journal)
            yield
            site.store.clear_journal(before.app)
        except BaseException as error:
            conclude_at_once(site, journal, error)
            raise


def _too_long(before: Installation, longest: float) -> BackupFailed:
    return BackupFailed(
        f"Requests to {before.app} would have to wait for more than {longest:g} s, the vendor's longest, while its "
        "data is copied. They were let go, and there is no snapshot.",
        f"Try it when the app has less to do; or with the app stopped: discode stop {before.app}",
        key="held-too-long",
    )
