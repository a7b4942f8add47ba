"""What an app has in its folder, `apps/<app>`: what of it goes into a snapshot, what a restore elsewhere brings, and so
takes away again when it comes to nothing, and what a purge deletes.

Settings have numbers in their names (`revisions`), and volumes are the runtime's.
"""

from __future__ import annotations

from typing import NamedTuple


class Belonging(NamedTuple):
    """`is_saved`: as it is, under its name."""

    name: str
    is_saved: bool = False
    is_brought: bool = False
    is_purged: bool = False


INSTALLATION, HISTORY, JOURNAL, KEPT = "installation.json", "history.jsonl", "journal.json", "kept.json"
PLAN, REPORTING, ACCESS, LICENSE, SEAT = "backup.json", "reporting.json", "access.json", "license.json", "seat.json"
AUTOMATIC, OUTLOOK = "automatic.json", "automatic-seen.json"
TRUST, CERTIFICATES, LOGS, STAGED, WORK = "trust", "tls", "failed", "backup", "work"

FILES = (
    Belonging(INSTALLATION, is_purged=True),  # in a snapshot by the flow, as it was under the lock
    Belonging(HISTORY, is_saved=True, is_purged=True),
    Belonging(KEPT, is_brought=True, is_purged=True),
    Belonging(PLAN, is_brought=True, is_purged=True),  # in a snapshot without its password
    Belonging(AUTOMATIC, is_brought=True, is_purged=True),
    Belonging(OUTLOOK, is_brought=True, is_purged=True),
    Belonging(REPORTING, is_saved=True, is_brought=True, is_purged=True),
    # After a purge: with these the hub takes the seat back, which may have to be tried again.
    Belonging(ACCESS, is_saved=True, is_brought=True),
    Belonging(LICENSE, is_saved=True, is_brought=True),
    Belonging(SEAT, is_saved=True),  # an id that says nothing by itself: the same machine takes the same seat
    Belonging(JOURNAL, is_purged=True),  # the last: a purge that was cut short is found by it
)
FOLDERS = (
    Belonging(TRUST, is_brought=True, is_purged=True),  # in a snapshot: the roots alone
    Belonging(CERTIFICATES, is_brought=True, is_purged=True),  # in a snapshot: the one that is used
    Belonging(LOGS, is_purged=True),
    Belonging(STAGED, is_purged=True),
    Belonging(WORK, is_purged=True),
)
