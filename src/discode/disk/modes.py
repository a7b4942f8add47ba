"""The umask of a program of ours: file modes do not depend on who starts it."""

from __future__ import annotations

import os

USUAL, SHARED = 0o022, 0o002


def set_umask() -> None:
    """022: what is secret is made with 0600, and a web server has to read published releases. Of the caller's umask one
    thing counts: one that gives files to the group, as 002 does, says that its members share a folder.
    """
    given = os.umask(USUAL)
    if not given & 0o020 and given & 0o002:
        os.umask(SHARED)
