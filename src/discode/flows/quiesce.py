"""The vendor's commands around the copy of an app's volumes: `before`, and `after` whatever became of the copy.

They run in the instance that serves. `after` may come twice, and without `before`: whoever settles runs it.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..core.backup_errors import BackupFailed
from ..core.errors import DiscodeError, Unreachable
from ..core.installation import Installation
from .world import Site

LONGEST = 300.0  # seconds for each
SHOWN_LINES = 15


def has_commands(installation: Installation) -> bool:
    backup = installation.release.manifest.backup
    return backup.before is not None or backup.after is not None


def before(site: Site, installation: Installation) -> None:
    """Raises BackupFailed."""
    if command := installation.release.manifest.backup.before:
        _run(site, installation, "before", command, "There is no snapshot, and the app goes on.")


def after(site: Site, installation: Installation) -> None:
    """Raises BackupFailed."""
    if command := installation.release.manifest.backup.after:
        left = "The app may still be as the command before the copy left it. There is no snapshot."
        _run(site, installation, "after", command, left)


def _run(site: Site, installation: Installation, which: str, command: Sequence[str], left: str) -> None:
    again = f"Run it: discode exec {installation.app} -- {' '.join(command)}. When it ends with 0, back up again."
    what = f"The vendor's command {which} the copy, {command[0]},"
    try:
        done = site.runtime.execute(installation.instance, command, LONGEST)
    except Unreachable:
        raise
    except DiscodeError as error:
        raise BackupFailed(f"{what} could not be run: {error.sentence} {left}", again, key="backup-command") from error
    if done.exit_code != 0:
        ended = f"did not end within {LONGEST:g} s" if done.exit_code is None else f"exited with {done.exit_code}"
        log = done.output[-SHOWN_LINES:]
        raise BackupFailed(f"{what} {ended}. {left}", again, key="backup-command", log=log)
